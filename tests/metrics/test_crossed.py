"""Intervals for speakers and attacks drawn at once hold what they say."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from antispoof import metrics
from antispoof.metrics.bootstrap import intervals
from antispoof.metrics.crossed import (
    FEWEST,
    Moved,
    crossed_difference,
    crossed_interval,
    moved,
    variance,
)

SPEAKERS, ATTACKS = 30, 11


def draw(rng, mean=3.5, speaker=0.5, attack=0.6, sizes=(600, 360)):
    """((bona fide, spoof) scores, ways) of a set with effects of speakers and attacks."""
    spoken = np.arange(sizes[0]) % SPEAKERS, rng.permutation(sizes[1]) % SPEAKERS
    made = np.full(sizes[0], -1), np.arange(sizes[1]) % ATTACKS
    own, of_attacks = rng.normal(0, speaker, SPEAKERS), rng.normal(0, attack, ATTACKS)
    bonafide = mean + own[spoken[0]] + rng.normal(size=sizes[0])
    spoof = own[spoken[1]] + of_attacks[made[1]] + rng.normal(size=sizes[1])
    return (bonafide, spoof), [spoken, made]


@pytest.mark.parametrize("metric", ["eer", "min_dcf", "act_dcf", "cllr"])
def test_what_trials_move_sums_to_the_metric_and_to_nothing(metric):
    scores, _ = draw(np.random.default_rng(1))
    llr = tuple(2 * part - 3 for part in scores)
    found = moved(metric, *scores, llr)
    judged = llr if metric in ("act_dcf", "cllr") else scores
    assert found.value == pytest.approx(getattr(metrics, metric)(*judged), abs=1e-12)
    assert found.bonafide.sum() == pytest.approx(0, abs=1e-12)
    assert found.spoof.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("metric", ["eer", "min_dcf", "act_dcf", "cllr"])
def test_a_metric_moves_as_its_parts_say_where_a_speaker_is_left_out(metric):
    scores, (spoken, _) = draw(np.random.default_rng(2), mean=2.5, sizes=(30_000, 30_000))
    found = moved(metric, *scores)
    pairs = []
    for speaker in range(SPEAKERS):
        kept = [units != speaker for units in spoken]
        without = moved(metric, *(part[keep] for part, keep in zip(scores, kept, strict=True)))
        share = SPEAKERS / (SPEAKERS - 1)
        parts = zip((found.bonafide, found.spoof), kept, strict=True)
        pairs.append((without.value - found.value, -share * sum(p[~k].sum() for p, k in parts)))
    seen, said = np.array(pairs).T
    assert np.corrcoef(seen, said)[0, 1] > 0.99
    assert np.polyfit(said, seen, 1)[0] == pytest.approx(1, abs=0.06)


def test_one_way_is_the_variance_of_a_mean_of_units():
    rng = np.random.default_rng(3)
    means = rng.normal(size=8)
    bonafide = np.repeat(means, 5) / 40
    own = Moved(0.3, bonafide - bonafide.mean(), np.zeros(4))
    way = np.repeat(np.arange(8), 5), np.full(4, -1)
    assert variance(own, [way], 1.0) == (pytest.approx(means.var(ddof=1) / 8), 7)


def test_two_ways_add_and_cells_are_subtracted():
    rng = np.random.default_rng(4)
    spoof = rng.normal(size=(7, 5, 3)) / 100
    spoof -= spoof.mean()
    own = Moved(0.2, np.zeros(2), spoof.ravel())
    none = np.full(2, -1)
    index = np.indices(spoof.shape)
    ways = [(none, index[0].ravel()), (none, index[1].ravel())]
    parts = [
        7 / 6 * np.square(spoof.sum((1, 2))).sum(),
        5 / 4 * np.square(spoof.sum((0, 2))).sum(),
    ]
    cells = np.square(spoof.sum(2)).sum()
    for subtracted in (0.0, 0.5, 1.0):
        wanted = max(sum(parts) - subtracted * cells, *parts)
        assert variance(own, ways, subtracted) == (pytest.approx(wanted), 4)


def covered(sets, mean, judge):
    """The share of sets whose interval holds the EER of the population, by judge(scores, ways)."""
    sd = np.sqrt([1.25, 1.25 + 0.36])
    true = norm.sf(mean / sd.sum())
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(sets):
        low, high = judge(*draw(rng, mean))
        held += low <= true <= high
    return held / sets


@pytest.mark.parametrize("mean", [2.0, 3.5])  # EER 20 and 7 %
def test_intervals_hold_the_value_of_the_population(mean):
    def crossed(scores, ways):
        return crossed_interval("eer", moved("eer", *scores), ways)

    assert 0.92 <= covered(400, mean, crossed) <= 0.985


def test_a_bootstrap_of_speakers_alone_does_not():
    def bootstrap(scores, ways):
        options = {"groups": ways[0], "replicates": 100, "metrics": ("eer",)}
        return intervals(*scores, **options)["eer"]

    assert covered(150, 2.0, bootstrap) < 0.85


def test_intervals_of_a_difference_hold_it():
    rng, held = np.random.default_rng(6), 0
    sd = np.sqrt([1.25, 1.25 + 0.36])
    with_noise = np.sqrt(0.5 * (sd**2 + 1))
    true = norm.sf(0.5**0.5 * 2.8 / with_noise.sum()) - norm.sf(3.5 / sd.sum())
    for _ in range(400):
        scores, ways = draw(rng)
        second = scores[0] - 0.7, scores[1]
        second = [0.5**0.5 * part + 0.5**0.5 * rng.normal(size=len(part)) for part in second]
        both = [moved("eer", *one) for one in (scores, second)]
        (low, high), p = crossed_difference(both[1] - both[0], ways)
        assert (p < 0.05) == (low > 0 or high < 0)
        held += low <= true <= high
    assert 0.92 <= held / 400 <= 0.985


def test_equal_systems_differ_by_nothing():
    scores, ways = draw(np.random.default_rng(7))
    own = moved("eer", *scores)
    assert crossed_difference(own - own, ways) == ((0.0, 0.0), 1.0)


def test_other_seeds_make_an_interval_wider():
    scores, ways = draw(np.random.default_rng(8))
    own = moved("eer", *scores)
    (low, high), p = crossed_difference(own, ways)
    (lower, higher), more = crossed_difference(own, ways, seeds=[(0.02**2, 2)])
    assert lower < low < high < higher
    assert more > p
    total, parts = 0.02**2, variance(own, ways, 1.0)
    freedom = (total + parts[0]) ** 2 / (total**2 / 2 + parts[0] ** 2 / parts[1])
    half = student.ppf(0.975, freedom) * np.sqrt(total + parts[0])
    assert higher == pytest.approx(own.value + half)


def test_without_an_error_the_upper_end_is_that_of_independent_trials():
    scores = np.linspace(2, 3, 200), np.linspace(0, 1, 100)
    ways = [(np.arange(200) % 10, np.arange(100) % 10)]
    low, high = crossed_interval("eer", moved("eer", *scores), ways)
    assert low == 0
    assert (1 - high) ** 100 == pytest.approx(0.025)
    assert crossed_interval("min_dcf", moved("min_dcf", *scores), ways) is None


def test_a_cost_at_its_end_has_no_interval():
    rng = np.random.default_rng(9)
    scores = rng.normal(size=100), rng.normal(3, 1, 200)  # the wrong way round
    own = moved("min_dcf", *scores)
    assert own.value == 1
    ways = [(np.arange(100) % 10, np.arange(200) % 10)]
    assert crossed_interval("min_dcf", own, ways) is None


def test_ties_and_few_values_have_intervals():
    rng = np.random.default_rng(10)
    scores = rng.integers(2, 7, 200).astype(float), rng.integers(0, 4, 200).astype(float)
    ways = [(np.arange(200) % 10, np.arange(200) % FEWEST)]
    for metric in ("eer", "min_dcf", "act_dcf", "cllr"):
        own = moved(metric, *scores, tuple(part - 3 for part in scores))
        low, high = crossed_interval(metric, own, ways)
        assert 0 <= low <= own.value <= high
