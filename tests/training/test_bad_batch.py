"""A batch whose loss is not finite stays in the experiment's folder, and tells what went in."""

import json

import numpy as np
import pytest
import torch
from made_up import worker
from sounds import make_corpus, make_data

from antispoof.data.audio import read_wave
from antispoof.data.tables import read_table
from antispoof.scoring.inputs import open_inputs
from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.training.experiment import load_experiment

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8]}
crop: {train: random, test: full, seconds: 0.5, pad: none}
augment: [{time_mask: {share: [0.1, 0.4]}}]
epochs: 2
batch_size: 4
grad_clip: 0
optimizer_conf: {lr: 1.0e+30}
"""
TRAIN = ["--config", "train_x.yaml", "--train", "data/train", "--dev", "data/dev"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"train": 12, "dev": 6}))
    (tmp_path / "train_x.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail(place):
    """The error of a training with a wild rate, and what it kept."""
    status, _, error = worker("steps/train.py", *TRAIN, "--seed", 3, "exp/x", cwd=place)
    assert (status, len(error.splitlines())) == (1, 1), error
    return error, json.loads((place / "exp/x/bad_batch.json").read_text())


def test_the_batch_is_kept_with_all_that_made_it(place):
    error, found = fail(place)
    assert error.endswith("; see exp/x/bad_batch.json\n")
    assert (found["epoch"], found["lr"]) == (1, 1e30)
    assert found["loss"] in ("nan", "inf") and found["batch_number"] > 1
    assert found["grad_norm"] == "nan" or found["grad_norm"] > 0
    utts = [record["utt"] for record in found["utterances"]]
    assert f"look at the batch: {', '.join(utts)};" in error
    config = load_experiment("train_x.yaml", 3)
    inputs = open_inputs(config, "data/train", "dump", train=True)
    inputs.epoch = 1
    (part,) = load_checkpoint("exp/x/bad_batch.pt")["parts"]
    assert part["utts"] == utts
    waves = read_table("data/train/wav.scp")
    for row, length, record in zip(part["x"], part["lengths"], found["utterances"], strict=True):
        item, valid, _ = inputs[inputs.utts.index(record["utt"])]
        assert torch.equal(row[:length], item) and valid == length
        wave = np.array(read_wave(waves[record["utt"]], record["utt"]))
        for mask in record["augment"]:
            assert mask["name"] == "time_mask"
            wave[mask["start"] : mask["start"] + mask["count"]] = 0
        np.testing.assert_array_equal(wave[record["start"] : record["stop"]], item)
    assert all(record["augment"] for record in found["utterances"])
    assert {record["start"] for record in found["utterances"]} != {0}


def test_what_is_large_is_left_to_the_record(place, monkeypatch):
    from antispoof.errors import UserError
    from antispoof.training import bad_batch, trainer

    fail(place)
    monkeypatch.setattr(bad_batch, "LARGEST", 1000)
    config = load_experiment("train_x.yaml", 3)
    with pytest.raises(UserError, match="bad_batch.json"):
        trainer.train(config, "data/train", "data/dev", "dump", "exp/x", torch.device("cpu"), print)
    assert not (place / "exp/x/bad_batch.pt").exists()
    assert (place / "exp/x/bad_batch.json").exists()


def test_a_training_that_goes_well_keeps_none(place):
    options = [*TRAIN, "--override", "optimizer_conf.lr=1e-3", "--seed", 3, "exp/y"]
    assert worker("steps/train.py", *options, cwd=place)[0] == 0
    assert not list((place / "exp/y").glob("bad_batch*"))
