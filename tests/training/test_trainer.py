"""Training: the same bytes wherever it was killed, dev chooses, what cannot train is said."""

import pickle

import numpy as np
import pytest
import torch
from events import outputs
from made_up import refused
from sounds import make_corpus, make_data

from antispoof import LABELS
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.metrics import eer
from antispoof.models import build_model
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels, score
from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.training import judge, learner, trainer
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import train

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8]}
crop: {train: random, test: full, seconds: 0.5, pad: none}
epochs: 3
batch_size: 8
optimizer_conf: {lr: 3e-3}
schedule: cosine
"""
SETS = {"train": 20, "dev": 12}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("trainer") / "corpus", SETS)


@pytest.fixture
def place(tmp_path, corpus, monkeypatch):
    make_data(tmp_path / "data", corpus)
    (tmp_path / "train_x.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fit(exp, *overrides, train_dir="data/train", lines=None):
    exp.mkdir(exist_ok=True)
    config = load_experiment("train_x.yaml", 1, overrides)
    log = (lambda line: None) if lines is None else lines.append
    return train(config, train_dir, "data/dev", "dump", exp, torch.device("cpu"), log)


class KilledError(Exception):
    """Stands for a kill at one moment of the training."""


def kill(monkeypatch, module, name, call, before):
    """Make the `call`-th call of <module>.<name> the last thing that happens."""
    original, calls = getattr(module, name), []

    def wrapped(*args, **kwargs):
        calls.append(1)
        if len(calls) == call and before:
            raise KilledError
        result = original(*args, **kwargs)
        if len(calls) == call:
            raise KilledError
        return result

    monkeypatch.setattr(module, name, wrapped)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, corpus):
    """What three epochs end in when nothing happens."""
    place = tmp_path_factory.mktemp("undisturbed")
    make_data(place / "data", corpus)
    (place / "train_x.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        fit(place / "exp")
    return outputs(place / "exp")


MOMENTS = {
    "before any checkpoint": (trainer, "save_checkpoint", 1, True),
    "between best.pt and last.pt": (trainer, "write_curve", 1, True),
    "between curve.csv and last.pt": (trainer, "write_curve", 2, False),
    "in the third epoch": (learner, "draw_order", 3, False),
    "between two steps": (learner.Learner, "step", 5, False),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_training_ends_in_the_same_bytes(place, undisturbed, monkeypatch, moment):
    module, name, call, before = MOMENTS[moment]
    with monkeypatch.context() as patch:
        kill(patch, module, name, call, before)
        with pytest.raises(KilledError):
            fit(place / "exp")
    lines = []
    fit(place / "exp", lines=lines)
    assert outputs(place / "exp") == undisturbed
    assert any(line.startswith("continuing after epoch") for line in lines) == (
        moment not in ("before any checkpoint", "between best.pt and last.pt")
    )
    before = outputs(place / "exp")
    fit(place / "exp")  # nothing is left to do
    assert outputs(place / "exp") == before


def test_another_seed_gives_another_model(place, undisturbed):
    config = load_experiment("train_x.yaml", 2)
    (place / "exp").mkdir()
    train(
        config, "data/train", "data/dev", "dump", place / "exp", torch.device("cpu"), lambda _: None
    )
    assert outputs(place / "exp")["best.pt"] != undisturbed["best.pt"]


def test_dev_picks_the_first_epoch_of_the_least_eer(undisturbed, tmp_path):
    best = tmp_path / "best.pt"
    best.write_bytes(undisturbed["best.pt"])
    lines = undisturbed["curve.csv"].decode().splitlines()
    assert lines[0] == "epoch,lr,train_loss,dev_loss,dev_eer"
    by_epoch = [float(line.split(",")[4]) for line in lines[1:]]
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]
    assert by_epoch.index(min(by_epoch)) + 1 == load_checkpoint(best)["epoch"]


def test_swapped_labels_give_one_minus_the_eer(place, undisturbed):
    (place / "best.pt").write_bytes(undisturbed["best.pt"])
    config = load_experiment("train_x.yaml", 1)
    model = build_model(config["model"], **config["model_conf"])
    model.load_state_dict(load_checkpoint(place / "best.pt")["model"])
    inputs = open_inputs(config, "data/dev", "dump")
    scores, labels = score(model, inputs, 8, torch.device("cpu")), read_labels("data/dev").numpy()
    right = eer(scores[labels == 1], scores[labels == 0])
    swapped = eer(scores[labels == 0], scores[labels == 1])
    assert swapped == pytest.approx(1 - right, abs=1e-12)
    one_by_one = score(model, inputs, 1, torch.device("cpu"))
    np.testing.assert_allclose(one_by_one, scores, rtol=1e-4, atol=1e-5)


def relabel(data, value, attack):
    utts = read_table(f"{data}/wav.scp")
    write_table(f"{data}/utt2label", dict.fromkeys(utts, value))
    write_table(f"{data}/utt2attack", dict.fromkeys(utts, attack))


@pytest.mark.parametrize(("label", "attack"), [("spoof", "A01"), ("bonafide", "-")])
@pytest.mark.parametrize("name", ["train", "dev"])
def test_one_class_alone_cannot_train(place, name, label, attack):
    relabel(place / "data" / name, label, attack)
    lacking = LABELS[label == "spoof"]
    with pytest.raises(UserError, match=f"data/{name}/utt2label: holds no {lacking} utterance"):
        fit(place / "exp")


def test_a_label_is_one_of_two_words_and_dev_holds_some(place):
    labels = read_table("data/dev/utt2label")
    write_table("data/dev/utt2label", {**labels, min(labels): "genuine"})
    with pytest.raises(UserError, match=r"dev/utt2label: 'dev_000' is 'genuine', wanted bonafide"):
        fit(place / "exp")
    for name in ("utt2label", "wav.scp"):
        (place / "data/dev" / name).write_text("")
    with pytest.raises(UserError, match=r"data/dev/wav.scp: is empty"):
        fit(place / "exp")


def test_a_loss_that_is_no_number_stops_and_names_the_batch(place, undisturbed):
    with pytest.raises(UserError) as caught:
        fit(place / "exp", "optimizer_conf.lr=1e30", "grad_clip=0.0")
    message = str(caught.value)
    assert "lower optimizer_conf.lr" in message
    assert "\n" not in message
    assert not (place / "exp/best.pt").exists()
    assert not (place / "exp/last.pt").exists()


def test_dev_scores_that_are_no_numbers_stop_it(place):
    with pytest.raises(UserError, match="scores of data/dev are not finite"):
        fit(place / "exp", "optimizer_conf.lr=1e30", "grad_clip=0.0", "batch_size=20")
    assert not (place / "exp/best.pt").exists()


def test_a_collapsed_model_is_at_chance(place, monkeypatch):
    monkeypatch.setattr(judge, "score", lambda *_: np.zeros(12, np.float32))
    lines = []
    fit(place / "exp", "epochs=1", lines=lines)
    assert "dev_eer 0.5" in "\n".join(lines)


def test_training_without_improvement_ends_early(place, monkeypatch):
    monkeypatch.setattr(judge, "score", lambda *_: np.arange(12, dtype=np.float32))
    assert fit(place / "exp", "epochs=9", "select.patience=2") == [1]
    assert len((place / "exp/curve.csv").read_text().splitlines()) == 1 + 3


class Runs:
    def __reduce__(self):
        return open, ("ran", "w")


def test_a_checkpoint_is_whole_and_runs_no_code(place, undisturbed):
    broken = {
        "cut": undisturbed["last.pt"][:5000],
        "text": b"This is no checkpoint.",
        "nothing": b"",
        "pickle": pickle.dumps({"learner": Runs()}, 2),
    }
    for kind, data in broken.items():
        (place / "last.pt").write_bytes(data)
        with pytest.raises(UserError, match=r"last.pt: is not a whole checkpoint .*; remove it"):
            load_checkpoint(place / "last.pt")
        assert not (place / "ran").exists(), kind


def test_an_epochs_order_comes_from_seed_and_epoch():
    labels = torch.tensor([0] * 90 + [1] * 10)
    order = learner.draw_order(labels, False, 1, 1)
    assert sorted(order) == list(range(100))
    assert order == learner.draw_order(labels, False, 1, 1)
    assert order != learner.draw_order(labels, False, 1, 2)
    assert order != learner.draw_order(labels, False, 2, 1)
    drawn = np.mean([labels[learner.draw_order(labels, True, 1, e)].numpy() for e in range(20)])
    assert 0.45 < drawn < 0.55


def test_dev_must_be_apart(place):
    utt = next(iter(read_table("data/train/wav.scp")))
    for name in ("wav.scp", "utt2label"):
        row = {utt: read_table(f"data/train/{name}")[utt]}
        write_table(f"data/dev/{name}", {**read_table(f"data/dev/{name}"), **row})
    call = ["--config", "train_x.yaml", "--seed", 1, "--train", "data/train", "--dev", "data/dev"]
    line = refused("steps/train.py", *call, "exp", cwd=place)
    assert f"data/dev: '{utt}' is in data/train too; dev must be apart" in line
    assert not (place / "exp").exists()
