"""Augmentation on the fly: in training alone; seed, epoch and utterance decide, killed or not."""

import json

import pytest
import torch
from sounds import make_corpus, make_data

from antispoof.augment.draws import note
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.scoring.batches import batches
from antispoof.scoring.inputs import open_inputs
from antispoof.training.experiment import load_experiment, read_experiment
from antispoof.training.trainer import Run, train

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8]}
crop: {train: random, test: full, seconds: 0.5, pad: none}
epochs: 2
batch_size: 8
augment:
  - speed: {factors: [0.9, 1.1]}
  - rawboost: {algo: 5, p: 0.8}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"train": 8, "dev": 8}))
    (tmp_path / "train_x.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def waves(config, epoch, workers=0, **options):
    inputs = open_inputs(config, "data/train", "dump", **options)
    inputs.epoch = epoch
    return torch.cat([x for x, _, _ in batches(inputs, range(8), 4, workers)])


def test_seed_epoch_and_utterance_decide(place):
    config = load_experiment("train_x.yaml", 1)
    first = waves(config, 1, train=True)
    assert torch.equal(first, waves(config, 1, train=True))
    assert torch.equal(first, waves(config, 1, workers=2, train=True))
    plain = waves(load_experiment("train_x.yaml", 1, ["augment=[]"]), 1, train=True)
    for other in (plain, waves(config, 2, train=True),
                  waves(load_experiment("train_x.yaml", 2), 1, train=True)):  # fmt: skip
        assert not (other == first).flatten(1).all(1).any()


def test_dev_and_eval_are_what_they_are(place):
    config, plain = (load_experiment("train_x.yaml", 1, o) for o in ([], ["augment=[]"]))
    for (x, _, _), (y, _, _) in zip(
        open_inputs(config, "data/dev", "dump"), open_inputs(plain, "data/dev", "dump"), strict=True
    ):
        assert torch.equal(x, y)


def test_a_run_that_stopped_ends_in_the_same_bytes(place):
    config = load_experiment("train_x.yaml", 1)
    for name in ("whole", "stopped"):
        (place / name).mkdir()
    arguments = ("data/train", "data/dev", "dump")
    train(config, *arguments, "whole", torch.device("cpu"), print)
    train({**config, "epochs": 1}, *arguments, "stopped", torch.device("cpu"), print)
    train(config, *arguments, "stopped", torch.device("cpu"), print)
    for name in ("last.pt", "best.pt", "curve.csv"):
        assert (place / "stopped" / name).read_bytes() == (place / "whole" / name).read_bytes()


def test_what_was_drawn_is_told_for_each_utterance(place):
    """Whichever process loads it, and in each epoch once, though a killed one noted it before."""
    config = load_experiment("train_x.yaml", 1)
    found = []
    for workers in (0, 2):
        exp = place / f"workers{workers}"
        note(exp / "draws", 2, "killed", [])
        (exp / "draws" / ".epoch2.elsewhere.1").write_text('{"utt": "cut sho')
        run = Run(workers=workers, log_draws=True)
        train(config, "data/train", "data/dev", "dump", exp, torch.device("cpu"), print, run)
        assert sorted(p.name for p in (exp / "draws").iterdir()) == ["epoch1.jsonl", "epoch2.jsonl"]
        found.append([(exp / f"draws/epoch{n}.jsonl").read_text() for n in (1, 2)])
    assert found[0] == found[1]
    first, second = ([json.loads(line) for line in text.splitlines()] for text in found[0])
    assert [row["utt"] for row in first] == sorted(read_table("data/train/wav.scp"))
    assert [row["utt"] for row in second] == sorted([*(row["utt"] for row in first), "killed"])
    assert {row["drawn"][0]["name"] for row in first} == {"speed"}
    factors = [
        [row["drawn"][0]["factor"] for row in rows if row["drawn"]] for rows in (first, second)
    ]
    assert factors[0] != factors[1]


def test_cached_features_want_another_way(place):
    with pytest.raises(UserError, match="'augment' needs .*'copies'.*augment_data_dir"):
        load_experiment("train_x.yaml", 1, ["feats=cached", "upstream=fbank"])
    with pytest.raises(UserError, match="train_x.yaml: 'augment.0.' is 'rawbost'.*'rawboost'"):
        load_experiment("train_x.yaml", 1, ["augment=[rawbost]"])


def test_a_config_with_a_chain_is_written_and_read(place):
    from antispoof.config import write_config

    config = load_experiment("train_x.yaml", 1)
    write_config(place / "config.yaml", config)
    assert read_experiment(place) == config
