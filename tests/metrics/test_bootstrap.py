"""Bootstrap replicates against metrics of trials that are really repeated."""

import numpy as np
import pytest

from antispoof import metrics
from antispoof.metrics.bootstrap import METRICS, Drawn, Ranked, intervals


@pytest.mark.parametrize("seed", range(3))
def test_counts_stand_for_repeated_trials(seed):
    rng = np.random.default_rng(seed)
    for _ in range(150):
        nb, ns = rng.integers(2, 15, 2)
        bonafide, spoof = rng.integers(0, 9, nb) / 3, rng.integers(0, 9, ns) / 3 - 1
        bonafide[0], spoof[0] = 5, -5  # never all equal
        tables = Ranked(bonafide, spoof, (bonafide, spoof), metrics.COSTS)
        counts = rng.integers(0, 3, (4, nb)), rng.integers(0, 3, (4, ns))
        counts[0][:, -1] += 1  # the sorted ends hold 5 and -5
        counts[1][:, 0] += 1
        got = tables.metrics(*counts)
        for row in range(4):
            drawn = (
                np.repeat(tables.bonafide, counts[0][row]),
                np.repeat(tables.spoof, counts[1][row]),
            )
            assert got["eer"][row] == metrics.eer(*drawn)
            for name in METRICS[1:]:
                wanted = getattr(metrics, name)(*drawn)
                assert got[name][row] == pytest.approx(wanted, abs=1e-12)


def made_up(seed=0, speakers=8):
    rng = np.random.default_rng(seed)
    voices = rng.normal(0, 1, speakers)  # speakers differ: trials are not independent
    group = np.repeat(np.arange(speakers), 40)
    scores = voices[group] + rng.normal(0, 0.5, group.size)
    return (scores + 2, scores[::-1] - 1), (group, group[::-1] + 100)


def test_same_seed_same_interval():
    parts, groups = made_up()
    for options in ({}, {"groups": groups}):
        first = intervals(*parts, replicates=50, **options)
        assert first == intervals(*parts, replicates=50, **options)
        assert first != intervals(*parts, replicates=50, seed=1, **options)


def test_intervals_hold_the_value_and_widen_with_speakers():
    parts, groups = made_up()
    iid, speaker = intervals(*parts), intervals(*parts, groups=groups)
    for name in METRICS:
        value = getattr(metrics, name)(*parts)
        assert iid[name][0] <= value <= iid[name][1]
        widths = [high - low for low, high in (iid[name], speaker[name])]
        assert widths[1] > 1.2 * widths[0]


def test_every_trial_its_own_speaker_is_iid():
    parts, _ = made_up()
    numbers = np.arange(parts[0].size), np.arange(parts[1].size) + 1000
    iid, speaker = intervals(*parts), intervals(*parts, groups=numbers)
    for name in METRICS:
        np.testing.assert_allclose(iid[name], speaker[name], rtol=0.15, atol=0.01)


def test_no_class_is_ever_lost():
    # one speaker of each kind: any draw holds all of them
    parts = np.array([3.0, 1.5, 2]), np.array([0.0, 1, 1.7])
    groups = ["a", "a", "c"], ["b", "b", "c"]
    for low, high in intervals(*parts, groups=groups, replicates=40).values():
        assert low == high
    tiny = intervals([1.0], [0.0], replicates=40)
    assert tiny["eer"] == (0, 0)


def test_the_ratios_follow_their_trials():
    parts, _ = made_up()
    halves = tuple(part / 2 for part in parts)
    got = intervals(*parts, llr=halves, replicates=30)
    wanted = intervals(*halves, replicates=30)
    assert got["cllr"] == pytest.approx(wanted["cllr"])
    assert got["eer"] == pytest.approx(wanted["eer"])


@pytest.mark.parametrize("sizes", [(700, 1900), (1900, 700), (640, 640)])
def test_least_cost_looks_into_every_gap_that_counts(sizes):
    rng = np.random.default_rng(6)
    for digits in (1, 2, 9):
        parts = [np.round(rng.normal(m, 1, n), digits) for m, n in zip((1, 0), sizes, strict=True)]
        tables = Ranked(*parts, parts, metrics.COSTS)
        counts = [rng.integers(0, 3, (3, n)) for n in sizes]
        got = tables.metrics(*counts, ("min_dcf",))["min_dcf"]
        for row in range(3):
            drawn = (
                np.repeat(tables.bonafide, counts[0][row]),
                np.repeat(tables.spoof, counts[1][row]),
            )
            assert got[row] == pytest.approx(metrics.min_dcf(*drawn), abs=1e-12)


def test_counts_hold_their_sum():
    """Also of a speaker with many trials who is drawn very often."""
    for times, dtype in ((2, np.int32), (1 << 20, np.int64)):
        counts = Drawn(np.array([[times, 0]]), np.zeros(1 << 12, int)).counts()
        assert counts.dtype == dtype
        assert np.cumsum(counts, axis=1, dtype=counts.dtype)[0, -1] == times << 12
