"""Intervals of several differences hold all at once, in as many cases as they say."""

import itertools

import numpy as np
import pytest
from scipy.special import stdtrit

from antispoof.metrics.crossed import Moved, crossed_difference, moved, variance
from antispoof.metrics.simultaneous import all_differences, covariance, least_p

ALL_THREE = np.array(
    [[1, 0.5, -0.5], [0.5, 1, 0.5], [-0.5, 0.5, 1]]
)  # a-b, a-c, b-c of equal a, b, c


def limit(correlation, freedom):
    """The critical |t| at 95 %."""
    freedoms = [freedom] * len(correlation)
    least = least_p(np.array(correlation, float), freedoms, draws=200_000)
    return -stdtrit(freedom, np.quantile(least, 0.05) / 2)


@pytest.mark.parametrize(
    ("correlation", "freedom", "wanted"),
    [
        (np.eye(2), 1e9, 2.2365),  # independent: two-sided 1 - .95 ** (1 / 2) = .02532 (Sidak)
        (np.ones((2, 2)), 1e9, 1.9600),  # the same twice: nothing is to be paid for
        (ALL_THREE, 1e9, 2.3437),  # Tukey's studentised range of three: 3.3145 / sqrt(2)
        (ALL_THREE, 10, 2.7415),  # with 10 degrees of freedom: 3.877 / sqrt(2)
        (ALL_THREE, 5, 3.2541),  # with 5: 4.602 / sqrt(2)
    ],
)
def test_the_critical_value_is_that_of_published_tables(correlation, freedom, wanted):
    assert limit(correlation, freedom) == pytest.approx(wanted, rel=0.006)


def test_a_case_worked_out_by_hand():
    """Two speakers (rows) and two attacks of one spoof each; bona fide trials move nothing.

    System a is moved by (3, 1; -1, -3), b by (1, 1; -1, -1), c by nothing. Sums over speakers: a
    (4, -4), b (2, -2); over attacks: a (2, -2), b (0, 0); a cell is a trial. With 2 / (2 - 1) for
    each way: aa 2 * 32 + 2 * 8 - 20 = 60; ab 2 * 16 + 0 - (3 + 1 + 1 + 3) = 24; bb 2 * 8 - 4 = 12.
    """
    none, bonafide = np.full(2, -1), np.zeros(2)
    ways = [(none, np.array([0, 0, 1, 1])), (none, np.array([0, 1, 0, 1]))]
    spoof = [np.array(row, float) for row in ([3, 1, -1, -3], [1, 1, -1, -1], [0, 0, 0, 0])]
    parts = [Moved(value, bonafide, row) for value, row in zip((5, 2, 1), spoof, strict=True)]
    assert covariance(parts, ways) == pytest.approx(np.array([[60, 24, 0], [24, 12, 0], [0] * 3]))
    a_b, a_c, b_c = all_differences(parts, [(0, 1), (0, 2), (1, 2)], ways)
    # a - b is moved by (2, 0; 0, -2): 2 * 8 + 2 * 8 - 8 = 24 = 60 + 12 - 2 * 24, with one degree
    # of freedom; a - c and b - c have no less than one way alone: 64 and 16 in place of 60 and 12
    half = 12.7062 * np.sqrt([24, 64, 16])
    for own, value, wide in zip((a_b, a_c, b_c), (3, 4, 1), half, strict=True):
        assert own.value == value
        assert own.interval == pytest.approx((value - wide, value + wide), rel=1e-5)
        assert own.wide[1] - own.wide[0] > 1.2 * (own.interval[1] - own.interval[0])
        assert own.adjusted > own.p


def test_one_pair_alone_is_the_ordinary_interval_and_equal_systems_cost_nothing():
    (parts, ways), pairs = draw_parts(np.random.default_rng(1)), [(0, 1)]
    seeds = [(1e-4, 2), None, None, None]
    (own,) = all_differences(parts, pairs, ways, seeds=seeds)
    wanted = crossed_difference(parts[0] - parts[1], ways, seeds=[(1e-4, 2)])
    assert (own.interval, own.p) == wanted
    assert own.wide == pytest.approx(own.interval, rel=1e-12) and own.adjusted == own.p
    twice = [parts[0], parts[1], parts[1]]
    alone, equal = all_differences(twice, [(0, 1), (1, 2)], ways, seeds=[(1e-4, 2), None, None])
    assert alone == own
    assert (equal.value, equal.wide, equal.adjusted) == (0, (0, 0), 1)


def test_the_covariance_is_that_of_the_differences():
    parts, ways = draw_parts(np.random.default_rng(2))
    whole = covariance(parts, ways)
    for a, b in itertools.combinations(range(len(parts)), 2):
        said = whole[a, a] + whole[b, b] - 2 * whole[a, b]
        assert said == pytest.approx(variance(parts[a] - parts[b], ways, 1.0)[0], rel=0.02)


def test_an_interval_excludes_0_where_its_p_says_so():
    parts, ways = draw_parts(np.random.default_rng(3), gaps=(0, 0.3, 0.6, 1.2))
    pairs = list(itertools.combinations(range(4), 2))
    found = all_differences(parts, pairs, ways)
    assert len({own.wide[0] > 0 or own.wide[1] < 0 for own in found}) == 2
    for own in found:
        assert (own.wide[0] > 0 or own.wide[1] < 0) == (own.adjusted < 0.05)
        assert own.wide[0] < own.interval[0] and own.p < own.adjusted


def draw_parts(rng, gaps=(0, 0, 0, 0), speakers=24, attacks=16):
    """([Moved EER of each system], ways) of one set with speakers and attacks of its own."""
    spoken = np.arange(240) % speakers, rng.permutation(320) % speakers
    made = np.full(240, -1), np.arange(320) % attacks

    def of_systems(sd, size):
        shared = rng.normal(0, sd, size)
        return [0.6 * shared + 0.8 * rng.normal(0, sd, size) for _ in gaps]

    own, forged = of_systems(0.5, speakers), of_systems(0.6, attacks)
    noise = of_systems(1, 240), of_systems(1, 320)
    parts = []
    for k, gap in enumerate(gaps):
        bonafide = 2.5 - gap + own[k][spoken[0]] + noise[0][k]
        spoof = own[k][spoken[1]] + forged[k][made[1]] + noise[1][k]
        parts.append(moved("eer", bonafide, spoof))
    return parts, [spoken, made]


def test_all_intervals_hold_together_as_often_as_they_say():
    """Of 250 sets of four equal systems: alone, a fourth shows a difference that is none."""
    rng, pairs = np.random.default_rng(4), list(itertools.combinations(range(4), 2))
    held = {"alone": 0, "together": 0}
    for number in range(250):
        found = all_differences(*_swapped(draw_parts(rng), pairs), draws=1000, seed=number)
        held["alone"] += all(own.interval[0] <= 0 <= own.interval[1] for own in found)
        held["together"] += all(own.wide[0] <= 0 <= own.wide[1] for own in found)
    assert held["alone"] / 250 < 0.86
    assert 0.92 <= held["together"] / 250 <= 0.985


def _swapped(drawn, pairs):
    parts, ways = drawn
    return parts, pairs, ways
