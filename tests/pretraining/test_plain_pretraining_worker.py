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
