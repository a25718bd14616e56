"""What a claim's interval counts as independent, and what it does not."""

import numpy as np
import pytest
from claim_scores import EVAL, SEEDS, add, judged, make_place, pairs

from antispoof.claims.plan import experiment
from antispoof.claims.scores import Scored
from antispoof.data.tables import write_table
from antispoof.metrics.ranks import rank_correlation

KNOWN, UNKNOWN = {"set": "lists", "trials": "known"}, {"set": "lists", "trials": "unknown"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("claims"))


def add_values(place, name, values, seeds=SEEDS, part="eval"):
    """Scores of an experiment, (seeds, 600) or (600,) in the order of `make_place`."""
    ids = [f"b{n:03d}" for n in range(240)] + [f"s{n:03d}" for n in range(360)]
    for seed, own in zip(seeds, np.broadcast_to(values, (len(seeds), 600)), strict=True):
        table = dict(zip(ids, map(repr, map(float, own)), strict=True))
        write_table(place / experiment(name, seed) / part / "scores", table)


def noise(seed):
    """Of each trial; bona fide ones are further up by what is added."""
    return np.random.default_rng(seed).normal(size=600)


REAL = np.arange(600) < 240


def test_seeds_that_move_all_numbers_of_attacks_alike_leave_the_slope_sure(place):
    for k in range(1, 6):
        gap = np.array([[0.2], [0.6], [1.0]]) + 0.08 * k  # a seed is good or bad with all of them
        add_values(place, f"k_{k}", noise(1) + gap * REAL)
    over = [f"k_{k}" for k in range(1, 6)]
    claim = {"kind": "trend", "over": over, "at": [1, 2, 3, 4, 5], "on": EVAL}
    row = judged(place, {**claim, "holds": {"below": 0}})
    assert row.verdict == "held" and "a slope for each seed" in row.ran
    at = [Scored(place, [seed], {}) for seed in SEEDS]
    slopes = [np.polyfit(range(1, 6), [one.mean(n, EVAL) for n in over], 1)[0] for one in at]
    assert row.effects[0].value == pytest.approx(np.mean(slopes))


def test_a_system_in_two_pairs_is_one_system(place):
    rival = noise(1) + np.array([[1.0], [2.0], [3.0]]) * REAL
    add_values(place, "rival", rival)
    add_values(place, "one", noise(1) + 2 * REAL)
    add_values(place, "same", noise(1) + 2 * REAL)
    alone = judged(place, pairs("difference", ["one", "rival"], holds={"below": 0})).effects[0]
    two = pairs("difference", ["one", "rival"], ["same", "rival"], holds={"below": 0})
    for own in judged(place, two).effects:  # which know nothing of each other that one did not
        assert own.interval == pytest.approx(alone.interval, abs=0.6)


@pytest.fixture(scope="module")
def halved(place):
    """24 systems that differ by which speakers they miss; the two lists share bona fide trials."""
    folder, source = place / "data/lists", place / "data/eval"
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_text(path.read_text())
    (folder / "trials").mkdir()
    spoofs = [f"s{n:03d}" for n in range(360)]
    for name, own in (("known", spoofs[:180]), ("unknown", spoofs[180:])):
        ids = [f"b{n:03d}" for n in range(240)] + own
        (folder / "trials" / name).write_text("".join(f"{utt}\n" for utt in ids))
    names = [f"misses_{n}" for n in range(24)]
    for number, name in enumerate(names):
        missed = np.random.default_rng([5, number]).normal(0, 2, 24)[np.arange(240) % 24]
        values = noise(number) + 2 * REAL
        values[:240] += missed
        add_values(place, name, values, part="lists")
    return names


def test_what_is_hard_in_bona_fide_speech_that_two_lists_share_is_no_agreement(place, halved):
    claim = {"kind": "correlation", "over": halved, "first": KNOWN, "second": UNKNOWN}
    row = judged(place, {**claim, "holds": {"above": 0}})
    scored = Scored(place, SEEDS, {})
    shared = [[scored.mean(name, own) for name in halved] for own in (KNOWN, UNKNOWN)]
    assert rank_correlation(*shared)[1][0] > 0.5  # of the same trials
    assert abs(row.effects[0].value) < 0.3 and row.verdict == "cannot tell"
    assert "half of the bona fide speakers on each" in row.ran


def test_a_half_has_no_speaker_of_the_other(place, halved):
    from antispoof.claims.scores import HALVINGS, _halves

    scored = Scored(place, SEEDS, {})
    trials = [scored.trials(scored.paths(halved[0], own)[0], own) for own in (KNOWN, UNKNOWN)]
    masks = _halves(trials)
    assert len(masks) == 2 * HALVINGS
    for first, second in masks:
        speakers = [set(np.flatnonzero(mask) % 24) for mask in (first, second)]
        assert len(speakers[0]) == len(speakers[1]) == 12 and not speakers[0] & speakers[1]


def test_a_row_says_what_its_interval_could_have_shown(place):
    for n in range(18):
        add(place, f"order_{n}", 2.0 + 0.05 * n, 2.0 + 0.05 * ((n * 7) % 18))
    names = [f"order_{n}" for n in range(18)]
    claim = {"kind": "correlation", "over": names, "first": EVAL, "second": {"set": "dev"}}
    row = judged(place, {**claim, "holds": {"within": [-0.3, 0.3]}})
    assert row.effects[0].reach.startswith("held at no rho, not held below -0.")
    row = judged(place, {**claim, "holds": {"below": 0}})
    words = row.effects[0].reach.replace(",", "").split()
    low, high = (float(word) for word in words if word[0] in "+-")
    assert low == -high and 0.4 < high < 0.6
    pair = judged(place, pairs("difference", names[0:18:17], holds={"below": 0})).effects[0]
    half = float(pair.reach.removesuffix(" points"))
    assert half == pytest.approx((pair.interval[1] - pair.interval[0]) / 2, abs=0.01)
