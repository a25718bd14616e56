"""A difference that no trial moves: nothing says how sure it is, so that no verdict is."""

import numpy as np
import pytest

from antispoof.metrics.crossed import Moved, crossed_difference, moved
from antispoof.metrics.simultaneous import all_differences

WAYS = [(np.arange(40) % 8, np.arange(60) % 8), (np.full(40, -1), np.arange(60) % 6)]
RIGHT = np.linspace(2, 3, 40), np.linspace(0, 1, 60)  # no error at any threshold between
OTHER = np.linspace(5, 9, 40), np.linspace(-4, 1, 60)
WRONG = RIGHT[0] - 9, RIGHT[1]  # every trial is on the wrong side


def far_from_sure(low, high):
    """Against no threshold within ten points of 0 is such an interval on one side."""
    return low < -0.1 and high > 0.1


def test_two_systems_without_an_error_are_not_known_to_be_equal():
    found = moved("eer", *RIGHT) - moved("eer", *OTHER)
    (low, high), p = crossed_difference(found, WAYS)
    # of six attacks none shows an error: the share that does may be 1 - .025^(1/6)
    assert (low, high, p) == (-high, pytest.approx(0.4593, abs=1e-4), 1.0)
    assert far_from_sure(low, high)


def test_a_difference_of_all_and_nothing_is_no_sure_one_either():
    found = moved("eer", *WRONG) - moved("eer", *RIGHT)
    (low, high), p = crossed_difference(found, WAYS)
    assert (found.value, p) == (1.0, 1.0)
    assert low < 0 and high > 2


def test_so_are_pairs_whose_intervals_hold_together():
    rng = np.random.default_rng(1)
    noisy = [moved("eer", rng.normal(1, 1, 40), rng.normal(0, 1, 60)) for _ in range(2)]
    parts = [moved("eer", *RIGHT), moved("eer", *OTHER), *noisy]
    still, *others = all_differences(parts, [(0, 1), (0, 2), (1, 3)], WAYS)
    assert far_from_sure(*still.interval) and (still.p, still.adjusted) == (1.0, 1.0)
    assert still.wide[0] < still.interval[0] < 0 < still.interval[1] < still.wide[1]
    assert all(own.p < 1 for own in others)


def test_equal_scores_are_equal_whoever_is_drawn():
    rng = np.random.default_rng(2)
    scores = rng.normal(1, 1, 40), rng.normal(0, 1, 60)
    one = moved("eer", *scores)
    assert crossed_difference(one - moved("eer", *scores), WAYS) == ((0.0, 0.0), 1.0)
    assert (one - one).equal and not (moved("eer", *RIGHT) - moved("eer", *OTHER)).equal
    # as many errors, of other trials: the value is the same, and its error is not 0
    (low, high), _ = crossed_difference(Moved(0.0, one.bonafide, one.spoof), WAYS)
    assert low < 0 < high


def test_what_rounding_leaves_is_no_error():
    parts = Moved(0.5, np.full(40, 1e-17), np.full(60, -1e-17))
    assert parts.still
    (low, high), p = crossed_difference(parts, WAYS)
    assert low < 0 < high and p == 1.0
    with pytest.raises(ValueError, match="found no pair"):
        all_differences([parts], [], WAYS)
