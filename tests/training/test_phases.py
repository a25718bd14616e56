"""Training in phases, with averages and watched sets: what is written, and kills change nothing."""

import json
from dataclasses import replace

import events
import numpy as np
import pytest
import torch
from made_up import refused
from sounds import make_corpus, make_data

from antispoof.config import METRICS
from antispoof.errors import UserError
from antispoof.report.figures import read_curve
from antispoof.scoring.build import build_system
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels, score
from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.training import curve, learner, trainer
from antispoof.training.experiment import load_experiment
from antispoof.training.phases import phases_of
from antispoof.training.trainer import PLAIN, train

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8], dropout: 0.3}
crop: {train: random, test: full, seconds: 0.5, pad: none}
epochs: 2
batch_size: 8
optimizer_conf: {lr: 3e-3}
accum_grad: 2
select: {metric: dev_loss, keep: average_last, average: 2, ema: 0.5}
phases:
  - {epochs: 2}
  - {epochs: 3, batch_size: 4, optimizer: sgd, optimizer_conf: {lr: 1e-2, momentum: 0.9},
     schedule: cosine, schedule_conf: {warmup: 0.5}, select: {keep: best}}
"""
SETS = {"train": 12, "dev": 8, "eval": 8}
CPU = torch.device("cpu")
WATCHING = replace(PLAIN, watch=("data/eval",), watch_every=2, keep_epochs=True)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("selection") / "corpus", SETS)


@pytest.fixture(scope="module")
def place(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("place")
    make_data(folder / "data", corpus)
    (folder / "train_x.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def fit(exp, *overrides, run=PLAIN):
    exp.mkdir(exist_ok=True)
    lines = []
    config = load_experiment("train_x.yaml", 1, overrides)
    train(config, "data/train", "data/dev", "dump", exp, CPU, lines.append, run)
    return events.outputs(exp), lines


@pytest.fixture(scope="module")
def undisturbed(place):
    return fit(place / "undisturbed", run=WATCHING)


def test_phases_have_their_own_settings(place):
    first, second = phases_of(load_experiment("train_x.yaml", 1))
    assert (first["epochs"], first["batch_size"], first["optimizer"]) == (2, 8, "adamw")
    assert (second["epochs"], second["batch_size"], second["optimizer"]) == (3, 4, "sgd")
    assert second["optimizer_conf"] == {"lr": 1e-2, "weight_decay": 0.01, "momentum": 0.9}
    assert second["select"] == {**first["select"], "keep": "best"}


MOMENTS = {
    "in the first step": (learner.Learner, "step", 1),
    "in the second epoch": (learner.Learner, "step", 3),
    "between curve.csv and last.pt": (trainer, "append_event", 2),
    "after the last epoch of a phase": (trainer, "average", 1),
    "before the second phase's first epoch ends": (learner.Learner, "step", 6),
    "after its best.pt": (trainer, "write_curve", 3),
    "in its last epoch": (learner.Learner, "step", 12),
    "before the choice is written": (trainer, "write_choices", 2),
}


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_training_ends_in_the_same_bytes(place, tmp_path, undisturbed, moment):
    module, name, call = MOMENTS[moment]
    original, calls = getattr(module, name), []

    def killed(*args):
        calls.append(1)
        if len(calls) == call:
            raise KilledError
        return original(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(KilledError):
            fit(tmp_path / "undisturbed", run=WATCHING)  # pictures bear the folder's name
    found, _ = fit(tmp_path / "undisturbed", run=WATCHING)
    assert sorted(found) == sorted(undisturbed[0])
    assert [name for name, data in found.items() if data != undisturbed[0][name]] == []


def test_what_is_written(place, undisturbed):
    files, lines = undisturbed
    epochs = {f"epochs/{epoch}.pt" for epoch in range(1, 6)}
    written = {"best.pt", "phase1.pt", "last.pt", "curve.csv", "curve.png", "selection.json"}
    assert set(files) == {*epochs, *written, curve.EVENTS}
    rows = read_curve(place / "undisturbed/curve.csv")
    assert rows["epoch"] == [1, 2, 3, 4, 5]
    assert rows["phase"] == [1, 1, 2, 2, 2]
    watched = rows["watch_eval_eer"]
    assert np.isnan([watched[0], watched[2], watched[4]]).all()
    assert np.isfinite([watched[1], watched[3]]).all()
    assert files["curve.png"].startswith(b"\x89PNG")
    first, second = json.loads(files["selection.json"])
    assert (first["phase"], first["keep"], first["epochs"]) == (1, "average_last", [1, 2])
    best = 3 + int(np.argmin(rows["dev_loss"][2:]))
    assert (second["keep"], second["epochs"]) == ("best", [best])
    assert load_checkpoint(place / "undisturbed/best.pt")["epoch"] == best
    assert any(f"chosen: metric dev_loss  keep best  epochs [{best}]" in line for line in lines)
    assert any("keeps the mean of the last 2 epochs, by dev_loss" in line for line in lines)


def test_an_average_is_of_what_it_says_and_is_judged(place, undisturbed):
    folder = place / "undisturbed"
    parts = [load_checkpoint(folder / f"epochs/{epoch}.pt")["model"] for epoch in (1, 2)]
    mean = load_checkpoint(folder / "phase1.pt")["model"]
    for name, value in mean.items():
        if value.is_floating_point():
            expected = (parts[0][name].double() + parts[1][name].double()) / 2
            assert torch.allclose(value.double(), expected, atol=1e-7)
    config = load_experiment("train_x.yaml", 1)
    model = build_system(config)
    model.load_state_dict(mean)
    scores = score(model, open_inputs(config, "data/dev", "dump"), 4, CPU)
    labels = read_labels("data/dev")
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(scores), labels.float()
    )
    first, _ = json.loads((folder / "selection.json").read_text())
    assert first["dev_loss"] == pytest.approx(loss.item(), rel=1e-4)


def test_watching_changes_nothing(place, tmp_path, undisturbed):
    quiet, _ = fit(tmp_path / "quiet")
    for name in ("best.pt", "phase1.pt", "selection.json"):
        assert quiet[name] == undisturbed[0][name]
    assert "watch" not in quiet["curve.csv"].decode()
    assert {name for name in quiet if name.startswith("epochs/")} == {
        "epochs/1.pt",
        "epochs/2.pt",
    }


def test_training_goes_on_from_another_experiment(place, tmp_path, undisturbed):
    phases = "phases=[{epochs: 1, optimizer_conf: {lr: 1e-12}, select: {ema: 0.0, keep: last}}]"
    folder = tmp_path / "from_seed1"
    folder.mkdir()
    (folder / "best.pt").write_bytes(undisturbed[0]["best.pt"])
    (folder / "trained_on").write_text("X: all\n")
    fit(tmp_path / "next", phases, f"init_from={tmp_path}/from_seed{{seed}}", "grad_clip=0.001")
    before, after = (load_checkpoint(p / "best.pt")["model"] for p in (folder, tmp_path / "next"))
    weights = [name for name in before if name.endswith("weight")]
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in weights)
    assert (tmp_path / "next/trained_on").read_text() == "X: all\n"
    wider = "model_conf.widths=[4, 4, 8, 16]"
    with pytest.raises(UserError, match=r"from_seed1/best.pt: does not fit the model"):
        fit(tmp_path / "wider", phases, wider, f"init_from={folder}")


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_selects(place, tmp_path, metric):
    files, _ = fit(tmp_path / "exp", "phases=[]", f"select={{metric: {metric}}}")
    rows = read_curve(tmp_path / "exp/curve.csv")
    epoch = 1 + int(np.argmin(rows[metric]))
    assert load_checkpoint(tmp_path / "exp/best.pt")["epoch"] == epoch
    assert json.loads(files["selection.json"])[0]["metric"] == metric


WRONG = {
    "select.metric=watch_eval_eer": "a set that is watched or reported on chooses nothing",
    "select.metric=eval_eer": "a set that is watched or reported on chooses nothing",
    "select.metric=dev_eerr": "did you mean 'dev_eer'",
    "select.keep=bests": "did you mean 'best'",
    "select.average=0": "'select.average' is 0, wanted at least 1",
    "select.ema=1.0": "'select.ema' is 1.0",
    "phases=[{epoch: 3}]": "phase 1: unknown key 'epoch', did you mean 'epochs'",
    "phases=[{}, {model: mhfa}]": "phase 2: unknown key 'model'",
    "phases=[3]": "phase 1: is 3, wanted keys and values",
    "phases=[{select: {metric: eval_eer}}]": "phase 1: 'select.metric' is 'eval_eer'",
    "phases=[{finetune: {layers: all}}]": "phase 1: 'finetune' needs 'feats: ssl'",
    "phases=[{}, {epochs: 0}]": "phase 2: 'epochs' is 0",
}


@pytest.mark.parametrize("override", WRONG)
def test_what_a_config_cannot_say(place, override):
    with pytest.raises(UserError) as caught:
        load_experiment("train_x.yaml", 1, [override])
    assert WRONG[override] in str(caught.value)


def test_sets_to_report_on_select_nothing(place):
    call = ["--config", "train_x.yaml", "--seed", 1, "--train", "data/train"]
    line = refused("steps/train.py", *call, "--dev", "data/eval", "exp", cwd=place)
    assert "--dev data/eval: a set to report on selects nothing" in line
    watch = ["--dev", "data/dev", "--watch", "data/eval data/dev"]
    line = refused("steps/train.py", *call, *watch, "exp", cwd=place)
    assert "a set that is watched must be apart" in line
    assert not (place / "exp").exists()
