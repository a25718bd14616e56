"""Schedules, optimisers, averages and the rule that selects, each against ten plain lines."""

import itertools
import json
import math
import random

import numpy as np
import pytest
import torch
from plain_metrics import plain_eer, plain_least

from antispoof.config import EXPERIMENT, METRICS
from antispoof.training.averaging import MovingAverage, average_states
from antispoof.training.optimisers import OPTIMIZERS, make_optimizer, make_schedule, schedule_of
from antispoof.training.selection import (
    Selection,
    dev_metrics,
    eer_or_chance,
    read_choices,
    write_choices,
)


def plain_rates(name, epochs, per_epoch, warmup, every, gamma, least):
    """The factor of every step, one after the other."""
    rates, rising, total = [], round(warmup * per_epoch), epochs * per_epoch
    for step in range(total + 3):
        epochs_done = step // per_epoch
        if step < rising:
            rates.append((step + 1) / rising)
        elif name == "constant":
            rates.append(1.0)
        elif name == "step":
            rates.append(math.prod([gamma] * (epochs_done // every)))
        else:
            angle = math.pi * min(1.0, (step - rising) / max(1, total - rising))
            rates.append(least + (1 - least) * (math.cos(angle) + 1) / 2)
    return rates


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
@pytest.mark.parametrize(
    ("epochs", "per_epoch", "warmup", "every", "gamma", "least"),
    [(4, 5, 0.0, 10, 0.5, 0.0), (5, 3, 1.4, 2, 0.3, 0.2), (2, 7, 2.0, 1, 0.9, 0.05)],
)
def test_every_step_of_every_schedule(name, epochs, per_epoch, warmup, every, gamma, least):
    conf = {"warmup": warmup, "every": every, "gamma": gamma, "least": least}
    config = {"schedule": name, "schedule_conf": conf, "epochs": epochs}
    groups = [
        {"params": [torch.nn.Parameter(torch.zeros(1))]},
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.25},
    ]
    optimizer = torch.optim.SGD(groups, 4.0)
    schedule, found = make_schedule(config, optimizer, per_epoch), []
    for _ in range(epochs * per_epoch + 3):
        found.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    rates = plain_rates(name, epochs, per_epoch, **conf)
    assert found == [pytest.approx([4.0 * rate, 0.25 * rate]) for rate in rates]


def test_the_defaults_of_a_schedule_are_those_of_a_config():
    conf = EXPERIMENT["schedule_conf"]
    for name in ("constant", "cosine", "step"):
        own, stated = schedule_of(name, 30, 2), schedule_of(name, 30, 2, **conf)
        assert [own(step) for step in range(60)] == [stated(step) for step in range(60)]


SETTINGS = {"lr": 0.125, "weight_decay": 0.375, "momentum": 0.0}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_argument_of_an_optimiser_reaches_torch(name):
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    conf = {**SETTINGS, "momentum": 0.75 if name == "sgd" else 0.0}
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    groups[1]["lr"] = 0.5
    found = make_optimizer({"optimizer": name, "optimizer_conf": conf}, groups)
    assert type(found) is kinds[name]
    assert [group["lr"] for group in found.param_groups] == [0.125, 0.5]
    assert {group["weight_decay"] for group in found.param_groups} == {0.375}
    if name == "sgd":
        assert {group["momentum"] for group in found.param_groups} == {0.75}
    else:
        assert found.defaults["betas"] == (0.9, 0.999)
    assert conf["momentum"] == (0.75 if name == "sgd" else 0.0), "the config itself stays"


def state_of(seed):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(3, 2, generator=generator)
    counts = {"n": torch.tensor(seed), "half": torch.randn(4, generator=generator).half()}
    return {"w": weights, **counts, "extra": {"seed": seed}}


@pytest.mark.parametrize("seeds", [[5], [1, 2], [3, 1, 2], [9, 4, 6, 5, 1]])
def test_a_mean_of_states_is_the_sum_over_their_number(seeds):
    states = [state_of(seed) for seed in seeds]
    found = average_states(states)
    assert list(found) == list(states[0])
    for name in ("w", "half"):
        values = [state[name].double().flatten().tolist() for state in states]
        expected = [math.fsum(column) / len(seeds) for column in zip(*values, strict=True)]
        assert found[name].dtype == states[0][name].dtype
        assert found[name].flatten().tolist() == pytest.approx(
            expected, rel=1e-3 if name == "half" else 1e-6, abs=1e-7
        )
    assert found["n"] == seeds[-1]
    assert found["extra"] == {"seed": seeds[-1]}
    assert torch.equal(states[0]["w"], state_of(seeds[0])["w"]), "what is averaged stays"


def test_a_mean_is_taken_in_float64():
    """In float32, 2^24 + 1 + 1 is 2^24: the small parts would be lost."""
    values = [float(2**24), 1.0, 1.0]
    found = average_states([{"w": torch.tensor([value])} for value in values])
    assert found["w"].item() == np.float32((2**24 + 2) / 3)


@pytest.mark.parametrize("decay", [0.25, 0.5, 0.999])
def test_a_moving_average_after_each_of_thirty_steps(decay):
    model = torch.nn.BatchNorm1d(1)
    average, plain = MovingAverage(model, decay), model.weight.item()
    numbers = random.Random(1)
    for step in range(1, 31):
        value = numbers.uniform(-1, 1)
        with torch.no_grad():
            model.weight.fill_(value)
            model.running_mean.fill_(3 * value)
            model.num_batches_tracked.fill_(step)
        average.update(model)
        own = min(decay, (1 + step) / (10 + step))
        plain = own * plain + (1 - own) * value
        with average.inside(model) as nothing:
            assert nothing is None
            assert model.weight.item() == pytest.approx(plain, abs=1e-6)
            assert model.num_batches_tracked == step
        assert model.weight.item() == pytest.approx(value)
    assert average.average["running_mean"].item() == pytest.approx(
        3 * (plain - _start(decay)), 1e-4
    )
    kept = MovingAverage(torch.nn.BatchNorm1d(1), decay)
    kept.load_state_dict(average.state_dict())
    assert kept.count == 30
    average.update(model)
    assert kept.average["weight"].item() == pytest.approx(plain, abs=1e-6), "its own numbers"
    kept.update(model)
    assert torch.equal(kept.average["weight"], average.average["weight"])


def _start(decay):
    """What is left of the first weight, 1, after thirty steps; a running mean begins at 0."""
    return math.prod(min(decay, (1 + n) / (10 + n)) for n in range(1, 31))


def plain_choice(rows, metric, keep, count):
    """The epochs that are kept: by looking through all sets of epochs for the best."""
    count = count if keep.startswith("average") else 1
    epochs = [row["epoch"] for row in rows]
    if keep.endswith("last"):
        return epochs[-count:]
    value = {row["epoch"]: row[metric] for row in rows}
    sets = itertools.combinations(epochs, min(count, len(epochs)))
    return list(min(sets, key=lambda own: (sorted(value[e] for e in own), own)))


@pytest.mark.parametrize("keep", ["best", "last", "average_best", "average_last"])
@pytest.mark.parametrize("metric", METRICS)
def test_the_rule_keeps_what_a_search_through_all_sets_finds(keep, metric):
    numbers = random.Random(3)
    for count, length in itertools.product((1, 2, 3, 5), range(1, 7)):
        rows = [
            {"epoch": 4 + i, **{name: numbers.choice([0.1, 0.2, 0.3]) for name in METRICS}}
            for i in range(length)
        ]
        conf = {"metric": metric, "keep": keep, "patience": 0, "average": count}
        assert Selection(conf).kept(rows) == plain_choice(rows, metric, keep, count)


@pytest.mark.parametrize("patience", [0, 1, 2, 3])
def test_patience_counts_epochs_since_the_first_best(patience):
    numbers = random.Random(5)
    for _ in range(20):
        values = [numbers.choice([1, 2, 3]) for _ in range(8)]
        rows = [{"epoch": 11 + i, "dev_loss": value} for i, value in enumerate(values)]
        rule = Selection({"metric": "dev_loss", "keep": "last", "patience": patience, "average": 9})
        for seen in range(9):
            since = seen - 1 - values.index(min(values[:seen])) if seen else 0
            assert rule.stops(rows[:seen]) == (0 < patience <= since)


@pytest.mark.parametrize("seed", range(4))
def test_metrics_of_dev_against_the_plain_ones(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=11).astype(np.float32), np.array([1, 0, 0] * 3 + [1, 0])
    scores += labels.astype(np.float32)
    bonafide, spoof = scores[labels == 1].tolist(), scores[labels == 0].tolist()
    found = dev_metrics(scores, labels, METRICS)
    assert list(found) == ["dev_eer", "dev_min_dcf", "dev_cllr"]
    assert found["dev_eer"] == pytest.approx(plain_eer(bonafide, spoof)[0])
    # ASVspoof 5: spoofs are 5 % of trials, a miss costs 1 and a false alarm 10
    least = plain_least(bonafide, spoof, 0.95, 0.5) / 0.5
    assert found["dev_min_dcf"] == pytest.approx(min(least, 1.0))
    bits = sum(math.log2(1 + math.exp(-s)) for s in bonafide) / len(bonafide)
    bits += sum(math.log2(1 + math.exp(s)) for s in spoof) / len(spoof)
    assert found["dev_cllr"] == pytest.approx(bits / 2, rel=1e-6)
    assert list(dev_metrics(scores, labels, ["dev_loss"])) == ["dev_eer"]
    assert list(dev_metrics(scores, labels, ["dev_cllr"])) == ["dev_eer", "dev_cllr"]


def test_equal_scores_are_chance_and_nearly_equal_ones_are_not():
    labels = np.array([1, 1, 0, 0])
    assert eer_or_chance(np.full(4, 3.0), labels) == 0.5
    assert eer_or_chance(np.array([3.1, 3.1, 3.0, 3.0]), labels) == 0.0
    assert eer_or_chance(np.array([3.0, 3.0, 3.1, 3.1]), labels) == 1.0


def test_choices_are_read_as_they_were_written(tmp_path):
    assert read_choices(tmp_path) == []
    choices = [{"phase": 1, "epochs": [2, 3], "dev_loss": 0.1}, {"phase": 2, "epochs": [5]}]
    write_choices(tmp_path, choices)
    assert read_choices(str(tmp_path)) == choices
    text = (tmp_path / "selection.json").read_text()
    assert text == json.dumps(choices, indent=1, sort_keys=True) + "\n"


def test_a_rule_in_words():
    conf = {"metric": "dev_loss", "patience": 0, "average": 4}
    words = {
        "best": "the best epoch, by dev_loss",
        "last": "the last epoch, by dev_loss",
        "average_best": "the mean of the 4 best epochs, by dev_loss",
        "average_last": "the mean of the last 4 epochs, by dev_loss",
    }
    for keep, text in words.items():
        assert str(Selection({**conf, "keep": keep})) == text
        patient = Selection({**conf, "keep": keep, "patience": 3})
        assert str(patient) == f"{text}, stopping 3 after the best"
