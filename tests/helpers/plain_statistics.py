"""Bootstraps replayed draw by draw, and what is made of them: slow, and the judge of the fast ones.

A draw is a pair of lists of indices, one of each class, with repetitions. The generators are asked
in the documented order; all else is plain Python.
"""

import numpy as np
from plain_metrics import plain_metrics


def trials_drawn(sizes, replicates, seed, chunk=None):
    """Trials one by one: of each class as many as it has, some replicates at a time."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < replicates:
        count = min(chunk or replicates, replicates - len(found))
        both = [
            [rng.integers(size, size=size, dtype=np.int32).tolist() for _ in range(count)]
            for size in sizes
        ]
        found += zip(*both, strict=True)
    return found


def groups_drawn(groups, replicates, seed):
    """Whole groups: those of bona fide alone, of spoof alone and of both are drawn apart."""
    rng = np.random.default_rng(seed)
    own, other = (set(part) for part in groups)
    times = [{} for _ in range(replicates)]
    for stratum in (sorted(own - other), sorted(other - own), sorted(own & other)):
        if stratum:
            even = [1 / len(stratum)] * len(stratum)
            counts = rng.multinomial(len(stratum), even, size=replicates)
            for row, drawn in zip(times, counts.tolist(), strict=True):
                row.update(zip(stratum, drawn, strict=True))
    return [
        tuple([i for i, name in enumerate(part) for _ in range(row[name])] for part in groups)
        for row in times
    ]


def metrics_of_draws(draws, scores, llr, costs):
    """{metric: [value of each draw]}; scores, llr: (bona fide, spoof)."""
    rows = []
    for draw in draws:
        own = [
            tuple([float(part[i]) for i in drawn] for part, drawn in zip(pair, draw, strict=True))
            for pair in (scores, llr)
        ]
        rows.append(plain_metrics(*own, **costs))
    return {name: [row[name] for row in rows] for name in rows[0]}


def plain_percentiles(values, level):
    """The middle `level` of values, straight lines between neighbours in the sorted list."""
    ordered, ends = sorted(values), []
    for share in ((1 - level) / 2, 1 - (1 - level) / 2):
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        ends.append(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
    return tuple(ends)


def plain_p(differences):
    """Two-sided: twice the smaller share on one side of 0, with the observed data as one more."""
    low = 1 + sum(d <= 0 for d in differences)
    high = 1 + sum(d >= 0 for d in differences)
    return min(1.0, 2 * min(low, high) / (1 + len(differences)))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def plain_differences(first, second, seed=None):
    """Difference of the means over seeds in each replicate; `seed`: seeds drawn again as well.

    first, second: [values of each replicate] for each seed of a system.
    """
    rng, sides = None if seed is None else np.random.default_rng([seed, 1]), []
    for runs in (first, second):
        count, replicates = len(runs), len(runs[0])
        which = np.arange(count)[:, None].repeat(replicates, axis=1)
        if rng is not None:
            which = rng.integers(count, size=(count, replicates))
        sides.append([mean(runs[s][r] for s in which[:, r]) for r in range(replicates)])
    return [a - b for a, b in zip(*sides, strict=True)]


def plain_comparison(first, second, draws, costs, level, seed):
    """{metric: {first, second, difference, interval, p, mixed_interval, mixed_p}} for one kind.

    first, second: [(scores, llr)] for each seed, each a (bona fide, spoof) pair.
    """
    drawn = [[metrics_of_draws(draws, *run, costs) for run in runs] for runs in (first, second)]
    seen = [[plain_metrics(*run, **costs) for run in runs] for runs in (first, second)]
    found = {}
    for name in seen[0][0]:
        a, b = ([run[name] for run in runs] for runs in drawn)
        values = [[run[name] for run in runs] for runs in seen]
        plain, mixed = plain_differences(a, b), plain_differences(a, b, seed)
        found[name] = {
            **{"first": values[0], "second": values[1]},
            "difference": mean(values[0]) - mean(values[1]),
            **{"interval": plain_percentiles(plain, level), "p": plain_p(plain)},
            **{"mixed_interval": plain_percentiles(mixed, level), "mixed_p": plain_p(mixed)},
        }
    return found


def assert_same_comparison(got, wanted, kind):
    """What `antispoof.evaluation.compare` found of one kind of draw, against the plain form."""
    assert got.keys() <= wanted.keys()
    for name, own in got.items():
        plain = wanted[name]
        for key in ("first", "second", "difference"):
            np.testing.assert_allclose(own[key], plain[key], atol=1e-12, err_msg=f"{name} {key}")
        for key, prefix in (("trials", ""), ("mixed", "mixed_")):
            if key == "mixed" and len(plain["first"]) == len(plain["second"]) == 1:
                assert key not in own
                continue
            judged, at = own[key][kind], plain[f"{prefix}interval"]
            text = f"{name} {key} {kind}"
            np.testing.assert_allclose(judged["interval"], at, atol=1e-12, err_msg=text)
            assert abs(judged["p"] - plain[f"{prefix}p"]) < 1e-12, text
