"""Training in the plainest form: a tiny model, a tiny corpus, and every step of an epoch by hand.

Nothing here comes from antispoof, but the tables that a corpus is written in, and the list of
models, in which the tiny one is put.
"""

import contextlib
import csv
import hashlib
import math

import numpy as np
import pytest
import soundfile
import torch

from antispoof.data.tables import write_table
from antispoof.models import MODELS
from antispoof.models.back_end import BackEnd

CROP = 80  # samples, of utterances of 40 to 200
SETS = {"train": "sbssbsbsss", "dev": "bsbsssb", "seen": "ssbbsb", "other": "bbssb"}


class Tiny(BackEnd):
    """Four numbers of an utterance, a norm, a hidden layer with dropout, and two logits."""

    reads, last_layer = "waveform", "last"

    def __init__(self, hidden=3, dropout=0.4):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(4)
        self.first = torch.nn.Linear(4, hidden)
        self.drop = torch.nn.Dropout(dropout)
        self.last = torch.nn.Linear(hidden, 2)

    def forward(self, x, lengths):
        time = torch.arange(x.shape[1], device=x.device)
        mask = (time < lengths[:, None]).float()
        time = time / 100
        powers = [x, x.square(), time * x, (x - 0.3).abs()]
        means = [(mask * power).sum(1) / lengths for power in powers]
        x = self.first(self.norm(torch.stack(means, 1)))
        return self.last(self.drop(torch.tanh(x)))


def make_tiny_corpus(folder):
    """Write data/<set> for each of SETS: sounds of unequal lengths, bona fide mostly louder."""
    rng = np.random.default_rng(7)
    for name, classes in SETS.items():
        tables = {"wav.scp": {}, "utt2label": {}}
        (folder / "sounds").mkdir(exist_ok=True)
        for number, letter in enumerate(classes):
            utt = f"{name}{number}"
            loud = (letter == "b") != (name != "train" and number % 3 == 1)
            wave = rng.standard_normal(40 + 37 * number % 160) * (1.0 if loud else 0.6)
            path = folder / "sounds" / f"{utt}.wav"
            soundfile.write(path, wave.astype(np.float32), 16000, subtype="FLOAT")
            tables["wav.scp"][utt] = path
            tables["utt2label"][utt] = "bonafide" if letter == "b" else "spoof"
        for table, values in tables.items():
            write_table(folder / "data" / name / table, values)


@contextlib.contextmanager
def tiny_place(folder, config):
    """Stand in `folder` with the corpus and train_tiny.yaml; `tiny` is a model there."""
    make_tiny_corpus(folder)
    (folder / "train_tiny.yaml").write_text(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setitem(MODELS, "tiny", Tiny)
        yield folder


def waves_of(folder, name):
    """[(utterance, wave)] of a set, and its labels (N,), 1 for bona fide."""
    names = [f"{name}{number}" for number in range(len(SETS[name]))]
    paths = [folder / "sounds" / f"{utt}.wav" for utt in names]
    waves = [soundfile.read(path, dtype="float32")[0] for path in paths]
    return list(zip(names, waves, strict=True)), torch.tensor([c == "b" for c in SETS[name]]).long()


def random_crop(wave, seed, epoch, utt):
    """CROP samples from a place that (seed, epoch, utterance) decide."""
    key = hashlib.blake2b(f"{seed} {epoch} {utt}".encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(key, "big"))
    start = rng.integers(max(len(wave) - CROP, 0) + 1)
    return wave[start : start + CROP]


def centre_crop(wave):
    start = max(len(wave) - CROP, 0) // 2
    return wave[start : start + CROP]


def stack(waves):
    """Zero-padded (B, S), (B,)."""
    batch = torch.zeros(len(waves), max(map(len, waves)))
    for row, wave in zip(batch, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(wave)
    return batch, torch.tensor([len(wave) for wave in waves])


def order_of(labels, balanced, seed, epoch):
    rng, count = np.random.default_rng((seed, epoch)), len(labels)
    if not balanced:
        return list(rng.permutation(count))
    chance = [0.5 / sum(int(other == label) for other in labels) for label in labels]
    return list(rng.choice(count, count, p=chance))


def score_by_hand(model, folder, name):
    """Scores (N,) of a set, of one utterance at a time, and labels."""
    waves, labels = waves_of(folder, name)
    model.eval()
    with torch.no_grad():
        logits = [model(*stack([centre_crop(wave)]))[0] for _, wave in waves]
    return np.array([float(row[1] - row[0]) for row in logits]), labels


def weighted_loss(z, labels, weights):
    """Cross entropy of scores: a mean that each utterance's class weighs."""
    losses = [math.log1p(math.exp(-s if label else s)) for s, label in zip(z, labels, strict=True)]
    shares = [weights[int(label)] for label in labels]
    return sum(w * loss for w, loss in zip(shares, losses, strict=True)) / sum(shares)


class PlainPhase:
    """One phase of training: `epoch(number)` changes `model`; `average` is its moving average."""

    def __init__(self, folder, conf, seed, state=None):
        self.folder, self.conf, self.seed, self.step = folder, conf, seed, 0
        torch.manual_seed(seed)
        self.model = Tiny()
        if state:
            self.model.load_state_dict(state)
        self.average = {n: t.clone() for n, t in self.model.state_dict().items()}
        self.optimizer = conf["optimizer"](self.model.parameters())
        self.waves, self.labels = waves_of(folder, "train")

    def epoch(self, number):
        """Returns the mean loss of its utterances."""
        conf, total = self.conf, 0.0
        torch.manual_seed(self.seed * 100003 + number)
        torch.empty((), dtype=torch.int64).random_()  # torch's DataLoader draws a seed from here
        order = order_of(self.labels.tolist(), conf["balanced"], self.seed, number)
        self.model.train()
        for first in range(0, len(order), conf["batch"]):
            batch = order[first : first + conf["batch"]]
            total += len(batch) * self.change(batch, number)
        return total / len(order)

    def change(self, batch, number):
        """One step on a batch, in parts; returns its loss."""
        conf, total = self.conf, 0.0
        whole = sum(conf["weights"][int(self.labels[i])] for i in batch)
        self.optimizer.zero_grad()
        for first in range(0, len(batch), conf["part"]):
            part = batch[first : first + conf["part"]]
            crops = [random_crop(self.waves[i][1], self.seed, number, self.waves[i][0])
                     for i in part]  # fmt: skip
            logits = self.model(*stack(crops)).log_softmax(1)
            labels = self.labels[part]
            losses = -logits[range(len(part)), labels] * torch.tensor(conf["weights"])[labels]
            (losses.sum() / whole).backward()
            total += float(losses.detach().sum()) / whole
        gradients = [p.grad for p in self.model.parameters()]
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
        for gradient in gradients:
            gradient.mul_(min(1.0, conf["clip"] / (norm + 1e-6)))
        for group in self.optimizer.param_groups:
            group["lr"] = conf["rate"](self.step)
        self.optimizer.step()
        self.step += 1
        decay = min(conf["decay"], (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            old = self.average[name]
            whole_number = not value.is_floating_point()
            self.average[name] = value if whole_number else decay * old + (1 - decay) * value
            self.average[name] = self.average[name].clone()
        return total

    def judged(self):
        """A model with the moving average."""
        model = Tiny()
        model.load_state_dict(self.average)
        return model


def mean_of(states):
    """Of each number, the mean in float64; of a count, the last."""
    found = dict(states[-1])
    for name, value in found.items():
        if value.is_floating_point():
            numbers = np.mean([state[name].double().numpy() for state in states], 0)
            found[name] = torch.from_numpy(np.asarray(numbers)).float()
    return found


def read_rows(path):
    """curve.csv as [{column: number}]; what is empty is left out."""
    with open(path, encoding="utf-8") as stream:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(stream)]


def states_close(found, expected, **how):
    """Assert that two state dicts hold the same numbers."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=lambda m, n=name: f"{n}: {m}", **how)
