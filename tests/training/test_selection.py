"""The rule that selects, the numbers it looks at, and averages of models."""

import numpy as np
import pytest
import torch

from antispoof.config import KEEPS, METRICS
from antispoof.metrics import cllr, min_dcf
from antispoof.training.averaging import MovingAverage, average_states
from antispoof.training.selection import Selection, dev_metrics


def rows_of(*values):
    return [{"epoch": 4 + i, "dev_eer": value} for i, value in enumerate(values)]


def test_the_rule():
    conf = {"metric": "dev_eer", "patience": 2, "average": 2, "ema": 0.0}
    rows = rows_of(0.3, 0.1, 0.2, 0.1)
    kept = {keep: Selection({**conf, "keep": keep}).kept(rows) for keep in KEEPS}
    assert kept == {"best": [5], "last": [7], "average_best": [5, 7], "average_last": [6, 7]}
    rule = Selection({**conf, "keep": "best"})
    assert [rule.stops(rows[:count]) for count in range(5)] == [False] * 4 + [True]


def test_metrics_of_dev():
    scores = np.array([1.0, 2.0, -1.0, 0.5], np.float32)
    labels = np.array([1, 1, 0, 0])
    found = dev_metrics(scores, labels, METRICS)
    bonafide, spoof = np.array([1.0, 2.0]), np.array([-1.0, 0.5])
    assert found["dev_eer"] == 0
    assert found["dev_min_dcf"] == min_dcf(bonafide, spoof)
    assert found["dev_cllr"] == cllr(bonafide, spoof)
    flat = dev_metrics(np.zeros(4, np.float32), labels, METRICS)
    assert (flat["dev_eer"], flat["dev_min_dcf"], flat["dev_cllr"]) == (0.5, 1.0, 1.0)


def test_a_moving_average():
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))
    average = MovingAverage(model, 0.25)
    first = model[0].weight.item()
    with torch.no_grad():
        model[0].weight.add_(1.0)
    average.update(model)  # (1 + 1) / (10 + 1) is less than 0.25
    with average.inside(model):
        assert model[0].weight.item() == pytest.approx(first + 1 - 2 / 11, rel=1e-5)
    assert model[0].weight.item() == pytest.approx(first + 1, rel=1e-6)
    states = [{"a": torch.tensor([1.0]), "n": torch.tensor(n), "x": {}} for n in (1, 2)]
    assert average_states(states)["n"] == 2
