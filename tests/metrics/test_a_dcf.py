"""a-DCF and its interval: a case by hand, how much each trial moves it, speakers drawn."""

import numpy as np
import pytest

from antispoof import metrics
from antispoof.metrics.crossed import OF_VALUE, crossed_interval, variance
from antispoof.metrics.sasv import moved_a_dcf, speaker_draws, speaker_interval


def test_a_dcf_by_hand():
    # below 1 nothing of the targets is lost, and half of each other kind is accepted:
    # (10 x .0095 x 1/2 + 10 x .05 x 1/2) / (10 x .0095 + 10 x .05)
    assert metrics.a_dcf([3, 1], [0, 2], [0.5, 2.5]) == pytest.approx(0.5)
    # to reject all costs 1 x .9405, more than the .595 of accepting all
    assert metrics.a_dcf([1, 1], [2, 2], [2, 3]) == pytest.approx(1)
    assert metrics.a_dcf([2, 3], [0, 1], [-1, 1]) == 0


def test_a_cost_that_is_unknown_is_refused():
    with pytest.raises(TypeError, match="found the cost 'c_false', wanted p_spoof"):
        metrics.a_dcf([3, 1], [0, 2], [0.5, 2.5], c_false=2)


def parts(seed, sizes=(60, 80, 70), digits=3):
    rng = np.random.default_rng(seed)
    means = (2, -1, 1)
    return [np.round(rng.normal(m, 1.2, n), digits) for m, n in zip(means, sizes, strict=True)]


@pytest.mark.parametrize("seed", range(8))
def test_each_trial_moves_a_dcf_by_its_share_of_the_cost_at_the_best_threshold(seed):
    target, nontarget, spoof = parts(seed, digits=1)  # with ties
    moved = moved_a_dcf(target, nontarget, spoof)
    assert moved.value == metrics.a_dcf(target, nontarget, spoof)
    # a sweep over every threshold, written out
    places = [*np.unique(np.concatenate([target, nontarget, spoof])), np.inf]

    def cost(threshold):
        shares = (target < threshold).mean(), (nontarget >= threshold).mean()
        return (0.9405 * shares[0] + 0.095 * shares[1] + 0.5 * (spoof >= threshold).mean()) / 0.595

    best = min(map(cost, places))
    assert moved.value == pytest.approx(best, abs=0.9405 / 0.595 / target.size)
    assert moved.bonafide.sum() == pytest.approx(0, abs=1e-12)
    assert moved.spoof.sum() == pytest.approx(0, abs=1e-12)
    # what is wrong moves it up, by its weight over the trials of its kind
    for part, weight in zip(np.split(moved.spoof, [nontarget.size]), (0.095, 0.5), strict=True):
        if np.ptp(part):  # else all are right, or all wrong
            assert np.ptp(part) == pytest.approx(weight / 0.595 / part.size)
    assert np.ptp(moved.spoof) > 0
    wrong = moved.bonafide > 0
    assert target[wrong].max(initial=-np.inf) <= target[~wrong].min()


def test_the_variance_of_independent_trials_is_that_of_a_bootstrap():
    own = parts(3, (200, 200, 200))
    moved = moved_a_dcf(*own)
    units = np.arange(200), 200 + np.arange(400)
    spread, _ = variance(moved, [units], OF_VALUE)
    rng = np.random.default_rng(0)
    values = [metrics.a_dcf(*(rng.choice(part, part.size) for part in own)) for _ in range(400)]
    # the least cost of a draw is a little below: the two agree to a quarter
    assert np.sqrt(spread) == pytest.approx(np.std(values), rel=0.25)


def test_speakers_are_drawn_whole_and_no_kind_is_lost():
    speakers = [np.array(list(words)) for words in ("aabbc", "aabb", "de")]
    seen = set()
    for drawn in speaker_draws(speakers, 200, 1):
        assert all(part.size for part in drawn)
        counts = [np.bincount(part, minlength=5)[:4] for part in drawn[:2]]
        for one, other in ((0, 1), (2, 3)):
            assert {int(c[i]) for c in counts for i in (one, other)} == {int(counts[0][one])}
        seen.add(int(counts[0][0]))
    assert seen >= {0, 1, 2}


def test_a_speaker_whose_kinds_nobody_else_has_is_drawn_like_all_others():
    """Each has another pattern of kinds; drawn within patterns, all would come once, always."""
    speakers = [np.array(list(words)) for words in ("aabb", "bbcc", "ccddee")]
    seen = {
        tuple(int((part == n).sum()) for part, n in zip(drawn, (0, 2, 4), strict=True))
        for drawn in speaker_draws(speakers, 100, 0)
    }
    assert len({one[0] for one in seen}) > 2 and len({one[2] for one in seen}) > 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("aabb", "bbcc", "ccddaa"), "found 4 speakers, wanted 5 or more"),
        (("abcde", "aaaa", "abc"), "found trials of one kind by a single speaker"),
        # 30 kinds of two speakers each: almost every draw loses one
        (tuple(chr(97 + 2 * n) + chr(98 + 2 * n) for n in range(30)), "leave a kind of trials"),
    ],
)
def test_speakers_that_say_nothing_of_others_are_not_drawn(words, said):
    with pytest.raises(ValueError, match=said):
        list(speaker_draws([np.array(list(own)) for own in words], 20, 0))


def test_more_than_63_kinds_are_drawn():
    speakers = [np.arange(12) for _ in range(90)]
    (drawn,) = speaker_draws(speakers, 1, 0)
    assert len(drawn) == 90


def test_an_interval_of_speakers_holds_the_value_and_is_the_same_for_the_same_seed():
    own = parts(5)
    speakers = [np.arange(part.size) % 12 for part in own]

    def metric(index):
        return metrics.a_dcf(*(part[i] for part, i in zip(own, index, strict=True)))

    (low, high), left_out = speaker_interval(metric, speakers, 300, 7)
    assert left_out == 0
    assert (low, high) == speaker_interval(metric, speakers, 300, 7)[0]
    assert (low, high) != speaker_interval(metric, speakers, 300, 8)[0]
    assert low < metrics.a_dcf(*own) < high


@pytest.mark.parametrize("lost", [4, 80])
def test_draws_without_a_value_are_counted_and_few(lost):
    calls = iter(range(1000))

    def rarely(index):
        if next(calls) < lost:
            raise ValueError
        return 1.0

    speakers = [np.arange(6)] * 3
    if lost == 4:
        assert speaker_interval(rarely, speakers, 100, 0) == ((1.0, 1.0), 4)
        return
    with pytest.raises(ValueError, match="found no value in 80 of 100 draws"):
        speaker_interval(rarely, speakers, 100, 0)


def test_the_interval_over_speakers_and_attacks_holds_the_value_of_others():
    rng = np.random.default_rng(0)

    def drawn(speakers, attacks, each=20):
        s, a = rng.normal(0, 0.6, speakers), rng.normal(0, 0.6, attacks)
        one = np.repeat(np.arange(speakers), each)
        other = np.repeat(np.arange(speakers), 2 * attacks)
        attack = np.tile(np.arange(attacks), 2 * speakers)
        parts = (
            2.5 + s[one] + rng.normal(0, 1, one.size),
            -1.5 + s[one] / 2 + rng.normal(0, 1, one.size),
            -0.2 + s[other] / 2 + a[attack] + rng.normal(0, 1, other.size),
        )
        none = np.full(one.size, -1)
        ways = [(one, np.append(one, other)), (none, np.append(none, attack))]
        return parts, ways

    wanted, held = metrics.a_dcf(*drawn(400, 200)[0]), 0
    for _ in range(120):
        parts, ways = drawn(20, 10)
        low, high = crossed_interval("min_dcf", moved_a_dcf(*parts), ways)
        held += low <= wanted <= high
    assert held / 120 >= 0.9  # speakers alone, drawn as a bootstrap: about two thirds
