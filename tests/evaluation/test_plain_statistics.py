"""Intervals and comparisons against bootstraps that are replayed draw by draw."""

import numpy as np
import pytest
from plain_statistics import (
    assert_same_comparison,
    groups_drawn,
    metrics_of_draws,
    plain_comparison,
    plain_p,
    plain_percentiles,
    trials_drawn,
)

from antispoof.evaluation import compare
from antispoof.metrics import bootstrap

COSTS = {"p_spoof": 0.3, "c_miss": 2.0, "c_fa": 7.0}
STANDARD = {"p_spoof": 0.05, "c_miss": 1.0, "c_fa": 10.0}
NB, NS = 11, 17
# unsorted names, unequal sizes; h3 and h1 spoke both, the others one class each
SPEAKERS = (
    np.array(["h3", "h1", "h2", "h1", "h4", "h2", "h3", "h4", "h4", "h5", "h5"]),
    np.array([*"tvtvutuu", "h1", "h3", "h3", "h1", "h1", "u", "t", "w", "w"]),
)


def system(seed, gap=1.0):
    """((bona fide, spoof) scores, the same of ratios) of trials in no order, with ties."""
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(gap, 1, NB), 1), np.round(rng.normal(-gap, 1.5, NS), 1)
    return scores, tuple(0.7 * part + 0.4 + rng.normal(0, 0.5, part.size) for part in scores)


def drawn(kind, replicates, seed):
    if kind == "iid":
        return trials_drawn((NB, NS), replicates, seed)
    return groups_drawn(SPEAKERS, replicates, seed)


def by_score(scores, llr):
    """Both with each class ascending in score: of trials one by one, those are drawn by number."""
    pairs = [
        sorted(zip(s.tolist(), r.tolist(), strict=True), key=lambda pair: pair[0])
        for s, r in zip(scores, llr, strict=True)
    ]
    return tuple([s for s, _ in part] for part in pairs), tuple([r for _, r in p] for p in pairs)


@pytest.mark.parametrize("kind", ["iid", "speaker"])
@pytest.mark.parametrize(("level", "seed", "costs"), [(0.95, 0, None), (0.8, 3, COSTS)])
def test_intervals_are_percentiles_of_the_plain_replay(kind, level, seed, costs):
    groups = None if kind == "iid" else SPEAKERS
    scores, llr = system(1)
    options = {"groups": groups, "replicates": 41, "seed": seed, "level": level}
    options.update({"costs": costs} if costs else {})
    found = bootstrap.intervals(*scores, llr=llr, **options)
    ordered = by_score(scores, llr) if kind == "iid" else (scores, llr)
    wanted = metrics_of_draws(drawn(kind, 41, seed), *ordered, costs or STANDARD)
    for name, values in wanted.items():
        assert found[name] == pytest.approx(plain_percentiles(values, level), abs=1e-12), name
    raw = bootstrap.intervals(*scores, **options)
    ordered = ordered[0]
    wanted = metrics_of_draws(drawn(kind, 41, seed), ordered, ordered, costs or STANDARD)
    for name, values in wanted.items():
        assert raw[name] == pytest.approx(plain_percentiles(values, level), abs=1e-12), name


@pytest.mark.parametrize("sizes", [(150, 230), (260, 70), (65, 64)])
@pytest.mark.parametrize("costs", [STANDARD, COSTS, {"p_spoof": 0.7, "c_miss": 4, "c_fa": 0.3}])
def test_large_sets_are_searched_to_the_same_least_cost(sizes, costs):
    rng = np.random.default_rng(8)
    scores = tuple(np.round(rng.normal(m, 1, n), 1) for m, n in zip((1, 0), sizes, strict=True))
    found = bootstrap.intervals(*scores, replicates=5, level=1.0, costs=costs)
    ordered = by_score(scores, scores)
    wanted = metrics_of_draws(trials_drawn(sizes, 5, 0), *ordered, costs)
    for name, values in wanted.items():
        assert found[name] == pytest.approx((min(values), max(values)), abs=1e-12), name


def test_the_standard_interval_holds_95_percent_of_1000_replicates():
    scores, llr = system(2)
    found = bootstrap.intervals(*scores, llr=llr, metrics=("eer", "cllr"))
    assert list(found) == ["eer", "cllr"]
    wanted = metrics_of_draws(trials_drawn((NB, NS), 1000, 0), *by_score(scores, llr), STANDARD)
    for name in found:
        assert found[name] == pytest.approx(plain_percentiles(wanted[name], 0.95), abs=1e-12)
    rng = np.random.default_rng(7)
    values = rng.exponential(1, 23)
    for level in (0.5, 0.9, 0.99):
        assert bootstrap.percentiles(values, level) == pytest.approx(
            plain_percentiles(values, level)
        )
    assert bootstrap.percentiles(values) == bootstrap.percentiles(values, 0.95)


def test_replicates_in_chunks_are_all_made_and_none_twice(monkeypatch):
    monkeypatch.setattr(bootstrap, "CELLS", 5 * (NB + NS))
    scores, llr = system(3)
    found = bootstrap.intervals(*scores, llr=llr, replicates=23, level=0.7)
    draws = trials_drawn((NB, NS), 23, 0, chunk=5)
    wanted = metrics_of_draws(draws, *by_score(scores, llr), STANDARD)
    for name, values in wanted.items():
        assert found[name] == pytest.approx(plain_percentiles(values, 0.7), abs=1e-12)
    counts = [len(pair[0].times) for pair in bootstrap.draws((NB, NS), None, 23, 0)]
    assert counts == [5, 5, 5, 5, 3]
    monkeypatch.setattr(bootstrap, "CELLS", 1)
    assert [len(pair[1].times) for pair in bootstrap.draws((NB, NS), None, 3, 0)] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["iid", "speaker"])
def test_counts_of_a_draw_are_those_of_its_trials_in_any_order(kind):
    groups = None if kind == "iid" else SPEAKERS
    (pair,) = bootstrap.draws((NB, NS), groups, 9, 4)
    rng = np.random.default_rng(0)
    for side, size in enumerate((NB, NS)):
        wanted = np.array([np.bincount(d[side], minlength=size) for d in drawn(kind, 9, 4)])
        np.testing.assert_array_equal(pair[side].counts(), wanted)
        order = rng.permutation(size)
        np.testing.assert_array_equal(pair[side].counts(order), wanted[:, order])


@pytest.mark.parametrize("kind", ["iid", "speaker"])
@pytest.mark.parametrize("seeds", [(1, 1), (3, 2), (1, 3)])
@pytest.mark.parametrize(("level", "seed", "costs"), [(0.95, 0, None), (0.75, 5, COSTS)])
def test_comparisons_are_those_of_the_plain_replay(kind, seeds, level, seed, costs):
    # two systems of about the same worth: p is no border case
    first = [system(10 + n, 0.6 + 0.5 * n) for n in range(seeds[0])]
    second = [system(20 + n, 0.5 + 0.6 * n) for n in range(seeds[1])]
    kinds = {kind: None if kind == "iid" else SPEAKERS}
    options = {"replicates": 60, "seed": seed, "level": level}
    options.update({"costs": costs} if costs else {})
    found = compare.compare(first, second, kinds, **options)
    assert list(found) == ["eer", "min_dcf", "act_dcf", "cllr"]
    wanted = plain_comparison(first, second, drawn(kind, 60, seed), costs or STANDARD, level, seed)
    assert_same_comparison(found, wanted, kind)


def test_several_kinds_of_draws_do_not_disturb_each_other():
    first, second = [system(1), system(2)], [system(3), system(4)]
    both = {"speaker": SPEAKERS, "iid": None}
    found = compare.compare(first, second, both, replicates=30, metrics=["cllr"])
    for kind in both:
        alone = compare.compare(first, second, {kind: both[kind]}, replicates=30)["cllr"]
        for key in ("trials", "mixed"):
            assert found["cllr"][key][kind] == alone[key][kind]
    assert list(found) == ["cllr"]
    for key in ("trials", "mixed"):
        assert list(found["cllr"][key]) == ["speaker", "iid"]


def test_the_standard_comparison_is_of_1000_replicates_at_95_percent():
    first, second = [system(5, 1.1)], [system(6)]
    found = compare.compare(first, second, {"iid": None})
    draws = trials_drawn((NB, NS), 1000, 0)
    wanted = plain_comparison(first, second, draws, STANDARD, 0.95, 0)
    assert_same_comparison(found, wanted, "iid")


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([-1.0] * 9, 0.2),  # the observed data is one more: never 0
        ([1.0] * 9, 0.2),
        ([-1.0] * 8 + [1.0], 0.4),
        ([-1.0] * 8 + [0.0], 0.4),  # 0 is on both sides
        ([1.0] * 17 + [-2.0, 0.0], 0.3),
        ([0.0] * 9, 1.0),
        ([-1.0, 1, -1, 1], 1.0),
    ],
)
def test_p_is_two_sided_and_counts_the_observed_data(differences, p):
    judged = compare._judge(np.array(differences), 0.6)
    assert judged["p"] == pytest.approx(p) == pytest.approx(plain_p(differences))
    assert judged["interval"] == pytest.approx(list(plain_percentiles(differences, 0.6)))
