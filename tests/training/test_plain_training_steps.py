"""The workers train and score: every option reaches what it is for, and refusals change nothing."""

import importlib.util
import sys

import numpy as np
import pytest
import torch
import yaml
from made_up import ROOT
from plain_training import Tiny, score_by_hand, tiny_place

from antispoof.config import write_config
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.scoring import score as scoring
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.torch_utils.distributed import SINGLE, Team
from antispoof.training import trainer
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import Run

CONFIG = """
feats: wave
model: tiny
crop: {train: random, test: centre, seconds: 0.005, pad: none}
batch_size: 4
"""
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with tiny_place(tmp_path_factory.mktemp("steps"), CONFIG) as folder:
        yield folder


def worker(name):
    """A worker of steps/ as a module."""
    spec = importlib.util.spec_from_file_location(f"steps_{name}", ROOT / f"steps/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CALL = ["--config", "train_tiny.yaml", "--seed", "3", "--train", "data/train", "--dev", "data/dev"]


def call(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, "argv", [f"steps/{name}.py", *map(str, arguments)])
    worker(name).main()


def test_every_option_of_train_reaches_the_trainer(place, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(trainer, "train", lambda *args: calls.append(args))
    more = [
        "--device",
        "cpu",
        "--dump",
        "d",
        "--override",
        "epochs=2",
        "--override",
        "grad_clip=0.5",
    ]
    call(monkeypatch, "train", *CALL, *more, tmp_path / "a")
    watch = ["--watch", "data/seen data/other", "--watch-every", 3, "--keep-epochs"]
    call(monkeypatch, "train", *CALL, *watch, "--workers", 2, "--log-draws", tmp_path / "b")
    first, second = calls
    config = load_experiment("train_tiny.yaml", 3, ["epochs=2", "grad_clip=0.5"])
    assert first[0] == config
    assert first[1:4] == ("data/train", "data/dev", "d")
    assert first[4:] == (str(tmp_path / "a"), CPU, print, Run((), 1, False, 0, False, SINGLE))
    assert second[3] == "dump"
    run = Run(("data/seen", "data/other"), 3, True, 2, True, SINGLE)
    assert second[7] == run
    assert (run.watch_every, run.keep_epochs, run.workers, run.log_draws) == (3, True, 2, True)
    assert yaml.safe_load((tmp_path / "a/config.yaml").read_text()) == config


def test_only_the_main_process_claims_the_folder(place, tmp_path, monkeypatch):
    from antispoof.torch_utils import distributed

    monkeypatch.setattr(trainer, "train", lambda *args: None)
    monkeypatch.setattr(distributed, "leave_team", lambda team: None)
    monkeypatch.setattr(Team, "barrier", lambda self: None)
    monkeypatch.setattr(distributed, "join_team", lambda device: (Team(1, 2), device))
    call(monkeypatch, "train", *CALL, tmp_path / "exp")
    assert not (tmp_path / "exp").exists()


@pytest.mark.parametrize("name", ["eval", "eval_2", "test", "test_known", "evaluation"])
def test_no_set_to_report_on_selects(place, tmp_path, monkeypatch, name):
    monkeypatch.setattr(trainer, "train", lambda *args: pytest.fail("it trained"))
    dev = tmp_path / name
    for table in ("wav.scp", "utt2label"):
        write_table(dev / table, read_table(place / "data/dev" / table))
    with pytest.raises(UserError, match="a set to report on selects nothing"):
        call(monkeypatch, "train", *CALL[:-1], dev, tmp_path / "exp")
    assert not (tmp_path / "exp").exists()


WRONG = {
    ("--watch-every", "0"): "--watch-every: wanted 1 or more",
    ("--watch-every", "-1"): "--watch-every: wanted 1 or more",
    ("--workers", "-1"): "--workers: 0 or more",
    ("--watch", "data/other data/other"): "two sets have one name; found other other",
    ("--watch", "data/seen data/train"): "data/train: 'train0' is in data/train or data/dev too",
    ("--watch", "data/dev"): "data/dev: 'dev0' is in data/train or data/dev too",
    ("--dev", "data/train"): "data/train: 'train0' is in data/train too; dev must be apart",
}


@pytest.mark.parametrize("options", WRONG)
def test_what_train_refuses_claims_no_folder(place, tmp_path, monkeypatch, options):
    monkeypatch.setattr(trainer, "train", lambda *args: pytest.fail("it trained"))
    with pytest.raises(UserError) as caught:
        call(monkeypatch, "train", *CALL, *options, tmp_path / "exp")
    assert WRONG[options] in str(caught.value)
    assert not (tmp_path / "exp").exists()


def test_watched_sets_may_be_many_and_come_in_several_options(place, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(trainer, "train", lambda *args: calls.append(args[7]))
    watch = ["--watch", "data/seen", "--watch", "data/other", "--watch-every", 1]
    call(monkeypatch, "train", *CALL, *watch, tmp_path / "exp")
    assert calls[0].watch == ("data/seen", "data/other")


@pytest.fixture
def trained(place, tmp_path):
    """An experiment whose weights are drawn, not learnt."""
    torch.manual_seed(4)
    model = Tiny(hidden=5)
    write_config(tmp_path / "exp/config.yaml", load_experiment("train_tiny.yaml", 1, HIDDEN))
    save_checkpoint(tmp_path / "exp/best.pt", {"model": model.state_dict(), "epoch": 1})
    return tmp_path / "exp", model


HIDDEN = ["model_conf.hidden=5", "batch_size=3"]


def test_score_writes_every_utterance_with_seven_digits(place, trained, monkeypatch, capsys):
    exp, model = trained
    call(monkeypatch, "score", "--device", "cpu", exp, "data/dev", exp / "dev/scores")
    found = read_table(exp / "dev/scores")
    expected, _ = score_by_hand(model, place, "dev")
    assert list(found) == [f"dev{number}" for number in range(7)]
    assert [float(text) for text in found.values()] == pytest.approx(expected, rel=1e-5)
    assert [f"{float(text):.7g}" for text in found.values()] == list(found.values())
    assert max(len(text.strip("-0.").replace(".", "")) for text in found.values()) == 7
    assert capsys.readouterr().out == f"{exp}/dev/scores: 7 scores\n"


def test_score_takes_a_switch_of_the_model_and_nothing_else(place, trained, monkeypatch, capsys):
    exp, _ = trained
    switch = ["--override", "model_conf.dropout=0.1"]
    call(monkeypatch, "score", *switch, exp, "data/dev", exp / "dev/scores")
    assert capsys.readouterr().out.endswith(": 7 scores; model_conf.dropout=0.1\n")
    for override in ("crop.test=first", "model=mel_cnn", "batch_size=1"):
        with pytest.raises(UserError, match=f"{override}: wanted model_conf.KEY=VALUE"):
            call(monkeypatch, "score", "--override", override, exp, "data/dev", exp / "none")
    with pytest.raises(UserError, match=r"best.pt: does not fit its config.yaml: model_conf.hid"):
        call(
            monkeypatch, "score", "--override", "model_conf.hidden=4", exp, "data/dev", exp / "none"
        )
    assert not (exp / "none").exists()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_names_its_utterance(place, trained, monkeypatch, bad):
    exp, _ = trained
    scores = np.zeros(7, np.float32)
    scores[[2, 5]] = bad
    monkeypatch.setattr(scoring, "score", lambda *_, **__: scores)
    with pytest.raises(UserError, match=f"data/dev: dev2: its score is {bad}"):
        call(monkeypatch, "score", exp, "data/dev", exp / "none")
    assert not (exp / "none").exists()


def test_score_reads_what_its_options_name(place, trained, monkeypatch):
    from antispoof.scoring import inputs
    from antispoof.torch_utils import device

    exp, seen = trained[0], []
    original = inputs.open_inputs
    monkeypatch.setattr(
        inputs, "open_inputs", lambda *args: seen.append(args[2]) or original(*args)
    )
    monkeypatch.setattr(device, "choose_device", lambda name: seen.append(name) or CPU)
    call(monkeypatch, "score", exp, "data/dev", exp / "a")
    call(monkeypatch, "score", "--dump", "d", "--device", "gpu7", exp, "data/dev", exp / "b")
    assert seen == ["auto", "dump", "gpu7", "d"]


def test_train_asks_for_the_device_and_joins_and_leaves_the_team(place, tmp_path, monkeypatch):
    from antispoof.torch_utils import device, distributed

    seen, joined = [], Team(0, 1)
    monkeypatch.setattr(device, "choose_device", lambda name: seen.append(name) or CPU)
    monkeypatch.setattr(distributed, "join_team", lambda device: (joined, torch.device("meta")))
    monkeypatch.setattr(distributed, "leave_team", lambda team: seen.append(team is joined))
    monkeypatch.setattr(trainer, "train", lambda *args: seen.append((args[5], args[7].team)))
    call(monkeypatch, "train", *CALL, tmp_path / "a")
    call(monkeypatch, "train", *CALL, "--device", "gpu7", tmp_path / "b")
    one = [(torch.device("meta"), joined), True]
    assert seen == ["auto", *one, "gpu7", *one]
    assert seen[1][1] is joined
