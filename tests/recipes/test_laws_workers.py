"""Each option of steps/train.py reaches the trainer, and nothing is claimed where one is wrong."""

import re
import sys
from pathlib import Path

import pytest
import torch
import yaml
from laws import load_worker
from made_up import ROOT

from antispoof.data.tables import write_table
from antispoof.errors import UserError
from antispoof.options import dump_of
from antispoof.training import trainer

STEP = load_worker("steps/train.py")


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Call steps/train.py with options; returns what it hands to the trainer."""
    for name in ("train", "dev", "one", "two"):
        write_table(tmp_path / "sets" / name / "wav.scp", {f"{name}_1": "x.flac"})
    config = {"feats": "wave", "model": "mel_cnn", "epochs": 7, "crop": {"seconds": 2.0}}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    given = []
    monkeypatch.setattr(trainer, "train", lambda *arguments: given.append(arguments))

    def call(*options, seed="3"):
        words = ["--config", "x.yaml", "--seed", seed, "--train", "sets/train", "--dev", "sets/dev"]
        monkeypatch.setattr(sys, "argv", ["steps/train.py", *words, *options, "exp/x"])
        STEP.main()
        return given.pop()

    return call


def test_what_is_not_said_has_its_default(train):
    config, learnt, dev, dump, exp, device, log, run = train("--device", "cpu")
    assert (config["seed"], config["epochs"], config["batch_size"]) == (3, 7, 32)
    assert (learnt, dev, dump, exp) == ("sets/train", "sets/dev", "dump", "exp/x")
    assert (device, log) == (torch.device("cpu"), print)
    assert (run.watch, run.watch_every, run.workers) == ((), 1, 0)
    assert (run.keep_epochs, run.log_draws) == (False, False)
    assert yaml.safe_load(Path("exp/x/config.yaml").read_text()) == config


def test_every_option_reaches_the_trainer(train):
    overrides = ["--override", "epochs=2", "--override", "crop.seconds=1.5"]
    watch = ["--watch", "sets/one", "--watch", "sets/two", "--watch-every", "3"]
    more = ["--workers", "2", "--keep-epochs", "--log-draws", "--dump", "other", "--device", "cpu"]
    config, _, _, dump, _, _, _, run = train(*overrides, *watch, *more)
    assert (config["epochs"], config["crop"]["seconds"], dump) == (2, 1.5, "other")
    assert (run.watch, run.watch_every, run.workers) == (("sets/one", "sets/two"), 3, 2)
    assert (run.keep_epochs, run.log_draws) == (True, True)
    *_, again = train(*overrides, "--watch", "sets/one sets/two", "--device", "cpu")
    assert again.watch == run.watch
    for words, wanted in ((["--keep-epochs"], (True, False)), (["--log-draws"], (False, True))):
        *_, one = train(*overrides, *words, "--device", "cpu")
        assert (one.keep_epochs, one.log_draws) == wanted


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--watch-every", "0"], "--watch-every: wanted 1 or more"),
        (["--processes", "0"], "--processes 0: wanted e.g. 4, or 2x4"),
        (["--processes", "2x4"], "found a job on 1 node, wanted one on 2"),
        (["--workers", "-1"], "--workers: 0 or more"),
        (["--dev", "sets/train"], "dev must be apart"),
        (["--watch", "sets/dev"], "must be apart"),
        (["--override", "epoch=1"], "unknown key 'epoch'"),
        (["--feats", "dump/mel"], "--feats dump/mel: the experiment has feats: wave and upstream"),
        (["--start", "exp/a/best.pt"], "--start exp/a/best.pt: wanted none, as init_from"),
        (["--attacks", "sets/dev/utt2attack"], "--attacks: wanted sets/train/utt2attack and sets"),
    ],
)
def test_what_is_wrong_claims_no_folder(train, options, words):
    with pytest.raises(UserError, match=words):
        train("--device", "cpu", *options)
    assert not Path("exp").exists()


def test_a_folder_of_another_experiment_is_not_trained_in(train):
    train("--device", "cpu")
    train("--device", "cpu", "--workers", "1")
    with pytest.raises(UserError, match=r"holds another experiment \(seed: 3, now 4\)"):
        train("--device", "cpu", seed="4")


def test_the_place_of_features_is_that_of_the_upstream_of_the_config():
    cached, ssl = ({"feats": feats, "upstream": "mel"} for feats in ("cached", "ssl"))
    for words, config, wanted in (
        (["--feats", "other/mel"], cached, "other"),
        (["--dump", "x"], cached, "x"),
        (["--feats", "conf/upstream/mel.yaml"], ssl, "conf/upstream"),
        ([], ssl, "dump"),
    ):
        options = STEP.parse(["--config=x", "--seed=1", "--train=a", "--dev=b", *words, "exp/x"])
        assert dump_of(options, config) == wanted
    for place, config in (
        ("dump/own", cached),
        ("dump/mel", ssl),
        ("conf/upstream/mel.yaml", cached),
    ):
        options.feats = place
        with pytest.raises(UserError, match=f"^--feats {place}: the experiment has feats: "):
            dump_of(options, config)


def test_set_names_a_data_set_and_nothing_changes_a_config_but_override():
    found = {}
    for path in sorted([*ROOT.glob("steps/*.py"), *ROOT.glob("utils/*.py")]):
        if option := re.search(r'"--set"[^)]*', path.read_text("utf-8")):
            found[path.name] = option[0]
    assert {name: "the set whose results to show" in text for name, text in found.items()} == {
        "report.py": True,
        "show_results.py": True,
    }
