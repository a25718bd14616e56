"""A watched set chooses nothing, and so it ends nothing."""

import numpy as np
import pytest
import torch
from plain_training import read_rows, tiny_place

from antispoof.training import judge
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import Run, train

CONFIG = """
feats: wave
model: tiny
crop: {train: random, test: centre, seconds: 0.005, pad: none}
epochs: 2
batch_size: 4
"""


@pytest.fixture
def place(tmp_path):
    with tiny_place(tmp_path, CONFIG):
        yield tmp_path


def fit(exp, run):
    exp.mkdir()
    lines, cpu = [], torch.device("cpu")
    config = load_experiment("train_tiny.yaml", 1, ())
    train(config, "data/train", "data/dev", "dump", exp, cpu, lines.append, run)
    return read_rows(exp / "curve.csv"), lines


def test_scores_that_are_no_number_leave_its_column_empty(place, monkeypatch):
    (alone, _), own, calls = fit(place / "alone", Run()), judge.score, []

    def broken(*given):
        calls.append(1)
        scores = own(*given)
        if len(calls) == 2:  # dev, seen, dev, seen
            scores[:2] = [np.nan, np.inf]
        return scores

    monkeypatch.setattr(judge, "score", broken)
    rows, lines = fit(place / "lost", Run(watch=("data/seen",)))
    assert len(calls) == 4
    assert [dict(list(row.items())[:5]) for row in rows] == [dict(row) for row in alone]
    assert not rows[0].get("watch_seen_eer") and rows[1]["watch_seen_eer"]
    assert "watch_seen_eer: 2 scores are not finite; left empty" in lines
