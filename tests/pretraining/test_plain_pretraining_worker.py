"""The worker that pre-trains: what its options reach, on one thread, in a folder of its own."""

import importlib.util
import sys

import pytest
import torch
import yaml
from made_up import ROOT

from antispoof.errors import UserError
from antispoof.pretraining import pretrain as pretraining


def run(monkeypatch, *arguments):
    path = ROOT / "steps/pretrain_hubert.py"
    spec = importlib.util.spec_from_file_location("steps_pretrain_hubert", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["pretrain_hubert.py", *map(str, arguments)])
    module.main()


def test_every_option_reaches_the_pre_training(tmp_path, monkeypatch, capsys):
    (tmp_path / "p.yaml").write_text("layers: 2\n")
    calls = []

    def pretrain(*args):
        calls.append(args[:3])
        args[3]("a line")

    monkeypatch.setattr(pretraining, "pretrain", pretrain)
    monkeypatch.setattr(torch, "set_num_threads", calls.append)
    exp = tmp_path / "exp"
    options = ["--config", tmp_path / "p.yaml", "--seed", 4, "--train", "data/t"]
    run(monkeypatch, *options, "--override", "epochs=3", "--override", "lr=0.5", exp)
    expected = {**pretraining.PRETRAINING, "layers": 2, "epochs": 3, "lr": 0.5, "seed": 4}
    assert calls == [1, (expected, "data/t", str(exp))]
    assert yaml.safe_load((exp / "config.yaml").read_text()) == expected
    assert (exp / "env.txt").exists()
    assert capsys.readouterr().out == "a line\n"
    with pytest.raises(UserError, match="holds another experiment"):
        run(monkeypatch, *options, exp)


def test_a_set_to_report_on_teaches_no_front_end(tmp_path, monkeypatch):
    (tmp_path / "p.yaml").write_text("layers: 2\n")
    monkeypatch.setattr(pretraining, "pretrain", lambda *args: None)
    options = ["--config", tmp_path / "p.yaml", "--seed", 4, "--train", "data/eval"]
    with pytest.raises(UserError, match="--train data/eval: a set to report on"):
        run(monkeypatch, *options, tmp_path / "exp")
    assert not (tmp_path / "exp").exists()


@pytest.mark.parametrize("override", [
    *("dim=0", "heads=0", "kmeans_frames=0", "mask_length=0", "grad_clip=-1.0", "lr=-1.0"),
    *("dropout=2.0", "mask_prob=1.5", "warm_up=1.1", "clusters=1", "held_out=1", "epochs=0"),
])  # fmt: skip
def test_a_number_that_cannot_pre_train_is_one_line(tmp_path, override):
    (tmp_path / "p.yaml").write_text("{}\n")
    key = override.partition("=")[0]
    with pytest.raises(UserError, match=f"p.yaml: '{key}' is .*, wanted "):
        pretraining.load_pretraining(tmp_path / "p.yaml", 1, [override])


def test_a_seed_of_a_pre_training_is_not_negative(tmp_path):
    (tmp_path / "p.yaml").write_text("{}\n")
    with pytest.raises(UserError, match="'seed' is -1, wanted at least 0"):
        pretraining.load_pretraining(tmp_path / "p.yaml", -1)
