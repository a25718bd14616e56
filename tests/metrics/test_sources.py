"""Closed and open set: cases by hand, a walk over trials, and the sign of open-set scores."""

import numpy as np
import pytest

from antispoof import metrics
from antispoof.metrics.sources import confusion, f1_of_classes, fpr_at, known_threshold, macro_f1


def test_macro_f1_by_hand():
    #   class 0: 3 of 4 found, 1 of class 1 taken for it: 2 x 3 / (4 + 4)
    #   class 1: 1 of 2 found, 1 of class 0 taken for it: 2 x 1 / (2 + 2)
    table = confusion([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0], 2)
    assert table.tolist() == [[3, 1], [1, 1]]
    assert f1_of_classes(table).tolist() == [0.75, 0.5]
    assert macro_f1(table) == 0.625


def test_each_class_has_the_same_say_and_one_that_does_not_occur_has_none():
    assert macro_f1(np.array([[98, 0], [2, 0]])) == pytest.approx((196 / 198 + 0) / 2)
    assert macro_f1(np.array([[3, 0, 0], [0, 1, 0], [0, 0, 0]])) == 1
    assert macro_f1(np.array([[3, 0, 1], [0, 1, 0], [0, 0, 0]])) < 1  # taken for it is an error
    with pytest.raises(ValueError, match="found no trial"):
        macro_f1(np.zeros((2, 2), int))


@pytest.mark.parametrize("seed", range(5))
def test_f1_is_that_of_precision_and_recall(seed):
    rng = np.random.default_rng(seed)
    truth, found = rng.integers(0, 4, (2, 60))
    wanted = []
    for name in range(4):
        hits = sum(t == f == name for t, f in zip(truth, found, strict=True))
        precision, recall = hits / sum(found == name), hits / sum(truth == name)
        wanted.append(2 * precision * recall / (precision + recall) if hits else 0)
    assert macro_f1(confusion(truth, found, 4)) == pytest.approx(np.mean(wanted))


def test_fpr95_by_hand_and_its_sign():
    known, unknown = np.arange(20.0), np.array([-1.0, 0.5, 1.0, 30.0])
    assert known_threshold(known) == 1.0  # 19 of 20 are at 1 or above
    assert fpr_at(known, unknown) == 0.5  # a tie counts as accepted
    # higher is known: a score that is the other way up takes most unknown ones for known
    assert fpr_at(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0
    assert fpr_at(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 1


@pytest.mark.parametrize("seed", range(5))
def test_fpr95_is_the_least_over_thresholds_that_accept_enough(seed):
    rng = np.random.default_rng(seed)
    known, unknown = np.round(rng.normal(1, 1, 37), 1), np.round(rng.normal(0, 1, 23), 1)
    shares = [
        np.mean(unknown >= t)
        for t in np.concatenate([known, unknown])
        if np.sum(known >= t) >= 0.95 * known.size
    ]
    assert fpr_at(known, unknown) == min(shares)


def test_the_eer_of_the_open_set_takes_known_for_the_higher_class():
    known, unknown = np.array([3.0, 4, 5, 6]), np.array([0.0, 1, 2, 3.5])
    assert metrics.eer(known, unknown) == 0.25
    assert metrics.eer(unknown, known) == 0.75  # the sign of the published baseline
