"""Loading: the same batches by any number of workers, windows that cover a long file."""

import itertools

import numpy as np
import pytest
import soundfile
import torch
from sounds import make_corpus, make_data

from antispoof.data.crop import window_starts
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.scoring.batches import batches
from antispoof.scoring.build import build_system
from antispoof.scoring.inputs import Inputs, open_inputs
from antispoof.scoring.score import read_labels, score
from antispoof.training.experiment import load_experiment
from antispoof.training.learner import Learner
from antispoof.training.trainer import PLAIN, Run, train

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8]}
crop: {train: random, test: windows, seconds: 0.5, pad: tile}
epochs: 1
batch_size: 8
"""
CPU = torch.device("cpu")


@pytest.fixture
def place(tmp_path, monkeypatch):
    make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"train": 12, "dev": 8}))
    (tmp_path / "train_x.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("found", [1, 99, 100, 101, 149, 150, 151, 1000, 1049])
def test_windows_cover_everything(found):
    starts = window_starts(found, 100)
    assert starts[0] == 0
    assert starts[-1] == max(found - 100, 0)
    assert all(0 < b - a <= 50 for a, b in itertools.pairwise(starts))


def test_a_score_is_the_mean_of_the_windows(place):
    config = load_experiment("train_x.yaml", 1)
    utts = list(read_table("data/dev/wav.scp"))
    long = place / "long.wav"
    soundfile.write(long, 0.1 * np.random.default_rng(1).standard_normal(40000), 16000)
    short = place / "short.wav"
    soundfile.write(short, 0.1 * np.random.default_rng(2).standard_normal(3000), 16000)
    table = read_table("data/dev/wav.scp")
    write_table("data/dev/wav.scp", {**table, utts[0]: long, utts[1]: short})
    seconds = read_table("data/dev/utt2dur")
    write_table("data/dev/utt2dur", {**seconds, utts[0]: "2.5", utts[1]: "0.1875"})
    torch.manual_seed(1)
    model = build_system(config)
    found = score(model, open_inputs(config, "data/dev", "dump"), 3, CPU)
    wave = torch.from_numpy(soundfile.read(long, dtype="float32")[0])
    assert window_starts(40000, 8000) == list(range(0, 32001, 4000))
    windows = torch.stack([wave[start : start + 8000] for start in range(0, 32001, 4000)])
    with torch.inference_mode():
        logits = model(windows, torch.full((9,), 8000))
    expected = (logits[:, 1] - logits[:, 0]).mean().item()
    assert found[0] == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(found).all()


def test_training_takes_no_windows(place):
    with pytest.raises(UserError, match="'crop.train' is 'windows'"):
        load_experiment("train_x.yaml", 1, ["crop.train=windows"])


def test_workers_change_nothing(place):
    config = load_experiment("train_x.yaml", 1)
    files = []
    for workers in (0, 2):
        exp = place / f"by_{workers}"
        exp.mkdir()
        sets = ("data/train", "data/dev", "dump")
        train(config, *sets, exp, CPU, lambda _: None, Run(workers=workers))
        files.append([(exp / name).read_bytes() for name in ("best.pt", "curve.csv")])
    assert files[0] == files[1]
    assert PLAIN.workers == 0


def test_what_a_worker_finds_is_one_line(place):
    config = load_experiment("train_x.yaml", 1)
    utts = list(read_table("data/train/wav.scp"))
    (place / "bad.wav").write_text("no sound")
    table = {**read_table("data/train/wav.scp"), utts[3]: place / "bad.wav"}
    write_table("data/train/wav.scp", table)
    inputs = open_inputs(config, "data/train", "dump", train=True)
    lines = []
    for workers in (0, 2):
        with pytest.raises(UserError) as caught:
            list(batches(inputs, range(12), 4, workers))
        lines.append(str(caught.value))
    assert lines[0] == lines[1]
    assert utts[3] in lines[0]
    assert "\n" not in lines[0]


def test_the_share_of_waiting_is_measured(place, monkeypatch):
    import time

    config = load_experiment("train_x.yaml", 1)
    inputs = open_inputs(config, "data/train", "dump", train=True)
    learner = Learner(config, inputs, read_labels("data/train"), CPU, "x")
    learner.run_epoch(1)
    before, original = learner.waited, Inputs.__getitem__

    def slow(self, index):
        time.sleep(0.1)
        return original(self, index)

    monkeypatch.setattr(Inputs, "__getitem__", slow)
    learner.run_epoch(2)
    assert 0 < before < learner.waited < 1
    assert learner.waited > 0.5
