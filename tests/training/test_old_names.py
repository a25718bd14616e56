"""Names of earlier versions: a folder that holds them works on, a config with one is refused."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml
from laws import load_worker
from made_up import refused
from sounds import make_corpus, make_data

from antispoof.config.renamed import RENAMED
from antispoof.errors import UserError
from antispoof.report.figures import read_curve
from antispoof.torch_utils.checkpoint import load_checkpoint, save_checkpoint
from antispoof.training import learner, trainer
from antispoof.training.experiment import load_experiment, read_experiment
from antispoof.training.trainer import train

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8], dropout: 0.3}
crop: {train: random, test: full, seconds: 0.5, pad: none}
batch_size: 8
accum_grad: 2
optimizer_conf: {lr: 3e-3}
select: {metric: dev_loss, keep: average_last, average: 2}
phases:
  - {epochs: 2}
  - {epochs: 2, batch_size: 4, accum_grad: 1, select: {keep: best}}
"""
OLD = {new: old for old, new in RENAMED.items()}
CPU = ["--device", "cpu"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with data, and exp/whole_seed1 that was trained on it without a stop."""
    folder = tmp_path_factory.mktemp("old")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 12, "dev": 8, "eval": 8}))
    (folder / "train_x.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fit("exp/whole_seed1")
    return folder


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(step, *words):
    """A worker of steps/ in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"steps/{step}.py", *map(str, words)])
        load_worker(f"steps/{step}.py").main()


def fit(exp):
    sets = ["--train", "data/train", "--dev", "data/dev"]
    run("train", "--config", "train_x.yaml", "--seed", 1, *CPU, *sets, exp)


def score(exp):
    run("score", *CPU, exp, "data/eval", f"{exp}/eval/scores")
    return Path(exp, "eval/scores").read_bytes()


def renamed_back(found):
    return {OLD.get(key, key): value for key, value in found.items()}


def make_old(exp):
    """Write again what the folder holds, under the names that the version before gave it."""
    config = renamed_back(yaml.safe_load((exp / "config.yaml").read_text()))
    config["stages"] = [renamed_back(phase) for phase in config["stages"]]
    (exp / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    state = renamed_back(load_checkpoint(exp / "last.pt"))
    state["rows"] = json.dumps([renamed_back(row) for row in json.loads(state["rows"])])
    save_checkpoint(exp / "last.pt", state)
    curve = (exp / "curve.csv").read_text().replace(",phase", ",stage")
    (exp / "curve.csv").write_text(curve)
    if (exp / "selection.json").exists():
        choices = json.loads((exp / "selection.json").read_text())
        (exp / "selection.json").write_text(json.dumps([renamed_back(row) for row in choices]))
    if (exp / "phase1.pt").exists():
        (exp / "phase1.pt").rename(exp / "stage1.pt")


def test_an_old_folder_scores_is_described_and_is_reported(place, capsys):
    exp = "exp/whole_seed1"
    before, config = score(exp), read_experiment(exp)
    make_old(place / exp)
    text = (place / exp / "config.yaml").read_text()
    assert text.count("accumulate: ") == 2
    assert not any(name in text for name in OLD)
    assert score(exp) == before
    assert read_experiment(exp) == config
    assert read_curve(place / exp / "curve.csv")["phase"] == [1, 1, 2, 2]
    run("describe_model", "--exp", exp, "--rounds", 1)
    result = f"{exp}/eval/result.json"
    run("evaluate", "--bootstrap", 9, "--exp", exp, "data/eval", f"{exp}/eval/scores", result)
    choices = json.loads((place / result).read_text())["selection"]
    assert [choice["phase"] for choice in choices] == [1, 2]
    run("report", "--out", "exp/report.html", exp)
    assert "Training and development loss" in (place / "exp/report.html").read_text()
    fit(exp)  # nor is it another experiment
    assert "continuing after epoch 4" in capsys.readouterr().out


class KilledError(Exception):
    """Stands for a kill."""


MOMENTS = {
    "in the second epoch": (learner.Learner, "step", 4),
    "before the first choice is written": (trainer, "write_choices", 1),
    "in the second phase": (learner.Learner, "step", 8),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_old_folder_resumes_to_the_same_model(place, moment, capsys):
    module, name, call = MOMENTS[moment]
    original, calls = getattr(module, name), []

    def killed(*args):
        calls.append(1)
        if len(calls) == call:
            raise KilledError
        return original(*args)

    exp = place / "exp/x_seed1"
    exp.mkdir()
    (exp / "config.yaml").write_bytes((place / "exp/whole_seed1/config.yaml").read_bytes())
    config = load_experiment("train_x.yaml", 1)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(module, name, killed)
        train(config, "data/train", "data/dev", "dump", exp, torch.device("cpu"), print)
    make_old(exp)
    fit("exp/x_seed1")
    assert "continuing after epoch" in capsys.readouterr().out
    for name in ("best.pt", "last.pt", "selection.json", "curve.csv"):
        whole = (place / "exp/whole_seed1" / name).read_bytes()
        assert (exp / name).read_bytes() == whole, name


GIVEN = {
    "stages: [{epochs: 1}]": "train_x.yaml: 'stages' is called 'phases' now",
    "accumulate: 2": "train_x.yaml: 'accumulate' is called 'accum_grad' now",
    "phases: [{}, {accumulate: 2}]": "phase 2: 'accumulate' is called 'accum_grad' now",
}


@pytest.mark.parametrize("old", GIVEN)
def test_a_config_with_an_old_name_is_refused_with_the_new_one(place, old):
    (place / "train_x.yaml").write_text(f"feats: wave\nmodel: mel_cnn\n{old}\n")
    sets = ["--train", "data/train", "--dev", "data/dev"]
    call = ["--config", "train_x.yaml", "--seed", 1, *sets, "exp/x"]
    assert refused("steps/train.py", *call, cwd=place).endswith(GIVEN[old])
    (place / "train_x.yaml").write_text("feats: wave\nmodel: mel_cnn\n")
    override = old.replace(": ", "=", 1)
    with pytest.raises(UserError, match=GIVEN[old]):
        load_experiment("train_x.yaml", 1, [override])
