"""A whole training of two phases against one that is written out step by step."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from plain_metrics import plain_eer
from plain_training import (
    PlainPhase,
    Tiny,
    mean_of,
    read_rows,
    score_by_hand,
    states_close,
    tiny_place,
    weighted_loss,
)

from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import Run, train

CONFIG = """
feats: wave
model: tiny
crop: {train: random, test: centre, seconds: 0.005, pad: none}
grad_clip: 0.3
select: {metric: dev_loss, average: 3}
phases:
  - {epochs: 4, batch_size: 4, accum_grad: 2, optimizer: adamw,
     optimizer_conf: {lr: 0.03, weight_decay: 0.4}, class_weights: [0.4, 1.5],
     schedule: cosine, schedule_conf: {warmup: 0.5, least: 0.1},
     select: {keep: average_best, ema: 0.4}}
  - {epochs: 5, batch_size: 8, balanced: true, optimizer: sgd, class_weights: [1.3, 0.7],
     optimizer_conf: {lr: 0.5, weight_decay: 0.02, momentum: 0.9},
     schedule: step, schedule_conf: {every: 2, gamma: 0.5}, grad_clip: 0.2,
     select: {keep: average_last, ema: 0.3}}
"""
FIRST = {
    "batch": 4, "part": 2, "weights": (0.4, 1.5), "balanced": False, "clip": 0.3, "decay": 0.4,
    "optimizer": lambda parameters: torch.optim.AdamW(parameters, 0.03, weight_decay=0.4),
}  # fmt: skip
SECOND = {
    "batch": 8, "part": 8, "weights": (1.3, 0.7), "balanced": True, "clip": 0.2, "decay": 0.3,
    "optimizer": lambda parameters: torch.optim.SGD(
        parameters, 0.5, weight_decay=0.02, momentum=0.9
    ),
}  # fmt: skip
CLOSE = {"rtol": 2e-5, "atol": 2e-6}


def rate_of_first(step):
    """Of 12 steps, 2 rise; then half a cosine falls to a tenth over the other 10."""
    if step < 2:
        return 0.03 * (step + 1) / 2
    return 0.03 * (0.1 + 0.9 * (1 + math.cos(math.pi * (step - 2) / 10)) / 2)


def rate_of_second(step):
    """Two steps are an epoch, and every second epoch halves it."""
    return 0.5 * 0.5 ** (step // 4)


def by_hand(folder, seed):
    """Rows of the curve, the state after each epoch, and the state that each phase chose."""
    rows, states, chosen = [], {}, []
    for number, conf, rate, epochs in (
        (1, FIRST, rate_of_first, range(1, 5)),
        (2, SECOND, rate_of_second, range(5, 10)),
    ):
        start = chosen[-1]["state"] if chosen else None
        phase = PlainPhase(folder, {**conf, "rate": rate}, seed, start)
        for epoch in epochs:
            row = {"epoch": epoch, "phase": number, "train_loss": phase.epoch(epoch)}
            row |= {"lr": rate(phase.step), **on_dev(folder, phase.judged(), conf["weights"])}
            rows.append(row)
            states[epoch] = phase.judged().state_dict()
        own = [row for row in rows if row["phase"] == number]
        picked = sorted(own, key=lambda row: row["dev_loss"])[:3] if number == 1 else own[-3:]
        picked = sorted(row["epoch"] for row in picked)
        mean = mean_of([states[epoch] for epoch in picked])
        model = Tiny()
        model.load_state_dict(mean)
        numbers = on_dev(folder, model, conf["weights"])
        chosen.append({"epochs": picked, "state": mean, "phase": number, **numbers})
    return rows, states, chosen


def on_dev(folder, model, weights):
    scores, labels = score_by_hand(model, folder, "dev")
    labels = labels.numpy()
    eer = plain_eer(scores[labels == 1], scores[labels == 0])[0]
    return {"dev_loss": weighted_loss(scores, labels, weights), "dev_eer": eer}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with tiny_place(tmp_path_factory.mktemp("plain"), CONFIG) as folder:
        yield folder


@pytest.fixture(scope="module", params=[1, 3])
def both(place, request):
    """(folder of an experiment, its rows, states and choices by hand) for a seed."""
    exp = place / f"exp_seed{request.param}"
    exp.mkdir()
    config = load_experiment("train_tiny.yaml", request.param)
    run = Run(keep_epochs=True)
    train(config, "data/train", "data/dev", "dump", exp, torch.device("cpu"), [].append, run)
    return exp, *by_hand(place, request.param)


def test_every_number_of_the_curve_is_that_of_the_plain_training(both):
    exp, rows, _, _ = both
    found = read_rows(exp / "curve.csv")
    assert [list(row) for row in found] == [
        ["epoch", "lr", "train_loss", "dev_loss", "dev_eer", "phase"]
    ] * len(rows)
    for ours, plain in zip(found, rows, strict=True):
        assert ours == pytest.approx(plain, rel=1e-4, abs=1e-6)


def test_every_epochs_model_is_that_of_the_plain_training(both):
    exp, _, states, _ = both
    for epoch, state in states.items():
        kept = load_checkpoint(exp / f"epochs/{epoch}.pt")
        assert kept["epoch"] == epoch
        states_close(kept["model"], state, **CLOSE)


def test_a_phase_chooses_the_mean_of_three_epochs_and_the_next_begins_there(both):
    exp, _, _, chosen = both
    for name, plain in zip(("phase1.pt", "best.pt"), chosen, strict=True):
        kept = load_checkpoint(exp / name)
        assert (kept["epochs"], kept["epoch"]) == (plain["epochs"], plain["epochs"][-1])
        states_close(kept["model"], plain["state"], **CLOSE)


def test_selection_json_names_the_rule_the_epochs_and_their_numbers(both):
    exp, _, _, chosen = both
    rules = [
        {"metric": "dev_loss", "keep": "average_best", "average": 3, "patience": 0, "ema": 0.4},
        {"metric": "dev_loss", "keep": "average_last", "average": 3, "patience": 0, "ema": 0.3},
    ]
    found = json.loads((exp / "selection.json").read_text())
    assert len(found) == 2
    for ours, plain, rule in zip(found, chosen, rules, strict=True):
        numbers = {k: plain[k] for k in ("dev_loss", "dev_eer")}
        assert {k: ours.pop(k) for k in numbers} == pytest.approx(numbers, rel=1e-4)
        assert ours == {**rule, "phase": plain["phase"], "epochs": plain["epochs"]}


def test_the_cases_tell_plausible_faults_apart(both):
    """Else the tests above could pass by chance: by ties, or by weights that hardly move."""
    _, rows, states, _ = both
    losses = [row["dev_loss"] for row in rows]
    assert min(np.abs(np.diff(sorted(losses)))) > 1e-5
    weights = [state["first.weight"] for state in states.values()]
    moved = [float((a - b).abs().max()) for a, b in itertools.pairwise(weights)]
    assert min(moved) > 10 * CLOSE["atol"]
