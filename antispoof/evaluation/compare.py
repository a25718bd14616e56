"""Two systems on the same trials: is the difference more than luck, and of which kind of luck?

The paired bootstrap redraws trials (or whole speakers, or whole attacks) and judges both systems on
every draw, so that what is hard for both cancels. Where a system was trained with several seeds,
its value is the mean over them, and a mixed comparison draws the seeds again together with the
trials: without it, three lucky seeds pass for a better method.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..metrics.bootstrap import METRICS, Ranked, draws, percentiles
from ..metrics.checks import Pair
from ..metrics.crossed import Moved, Way, crossed_difference, moved
from ..metrics.detection import COSTS
from ..metrics.titles import TITLES, value_text

WORDS = {
    "iid": "trials",
    "speaker": "speakers",
    "attack": "attacks",
}


def compare(
    first: Sequence[tuple[Pair, Pair]],
    second: Sequence[tuple[Pair, Pair]],
    kinds: Mapping[str, Pair | None],
    *,
    ways: Mapping[str, Way] | None = None,
    few: Collection[str] = (),
    metrics: Sequence[str] = METRICS,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    costs: Mapping[str, float] = COSTS,
) -> dict[str, dict[str, Any]]:
    """{metric: what is known of value(first) - value(second)}; below 0, the first is better.

    first, second: one ((bona fide, spoof) scores, (bona fide, spoof) LLRs) for each seed, all of
    the same trials in the same order. kinds: {name: groups as for `bootstrap.intervals`, or None}.
    ways: {in words: units} that are drawn at once, for one kind more, `crossed`, whose words are
    in its `over`. few: words of what is too few to speak of others, which sentences leave out.

    A metric has `first` and `second` [value per seed], `difference` (of their means), `trials`
    {kind: {interval: [low, high], p}} and, with several seeds, `mixed` likewise. Seeds of the two
    systems are drawn apart. p is two-sided, 2 min(P(difference <= 0), P(difference >= 0)) over the
    replicates and the observed data, at most 1.
    """
    systems = [[Ranked(*scores, llr, costs) for scores, llr in runs] for runs in (first, second)]
    found = _seen(systems, metrics)
    several = max(map(len, systems)) > 1
    for kind, groups in kinds.items():
        drawn = _replicates(systems, groups, metrics, replicates, seed)
        for metric, (a, b) in drawn.items():
            own = found[metric]
            own["trials"][kind] = _judge(a.mean(axis=0) - b.mean(axis=0), level)
            if several:
                rng = np.random.default_rng([seed, 1])
                mixed = _redrawn_seeds(a, rng) - _redrawn_seeds(b, rng)
                own.setdefault("mixed", {})[kind] = _judge(mixed, level)
    for own in found.values():
        own["few"] = [kind for kind, words in WORDS.items() if words in few]
    for metric in metrics if ways else ():
        parts = [mean_moved(metric, runs, costs) for runs in (first, second)]
        _add_crossed(found[metric], parts[0] - parts[1], ways, level)
    return found


def _seen(systems, metrics):
    """{metric: first, second, difference and empty trials} of the trials as they are."""
    ones = [np.ones((1, size), np.int64) for size in systems[0][0].sizes]
    seen = [[table.metrics(ones[0], ones[1], metrics) for table in runs] for runs in systems]
    found: dict[str, dict[str, Any]] = {}
    for metric in metrics:
        values = [[float(run[metric][0]) for run in runs] for runs in seen]
        difference = float(np.mean(values[0]) - np.mean(values[1]))
        found[metric] = dict(zip(("first", "second"), values, strict=True))
        found[metric].update(difference=difference, trials={})
    return found


def _add_crossed(own, difference, ways, level):
    """Its kind `crossed`; with several seeds, also with the variance of their values."""
    own["trials"]["crossed"] = _crossed(difference, ways, level, ())
    if "mixed" in own:
        values = [own[key] for key in ("first", "second") if len(own[key]) > 1]
        seeds = [(np.var(v, ddof=1) / len(v), len(v) - 1) for v in values]
        own["mixed"]["crossed"] = _crossed(difference, ways, level, seeds)


def mean_moved(
    metric: str, runs: Sequence[tuple[Pair, Pair]], costs: Mapping[str, float] = COSTS
) -> Moved:
    """The mean over seeds of a metric, as what each trial moves it by; runs: as for `compare`."""
    parts = [moved(metric, *scores, llr, costs) for scores, llr in runs]
    return Moved(
        *(
            np.mean([getattr(part, name) for part in parts], axis=0)
            for name in ("value", "bonafide", "spoof")
        )
    )


def _crossed(difference, ways, level, seeds):
    interval, p = crossed_difference(difference, list(ways.values()), level, seeds)
    return {"interval": list(map(float, interval)), "p": p, "over": " and ".join(ways)}


def _replicates(systems, groups, metrics, replicates, seed):
    """{metric: (first (seeds, R), second (seeds, R))} on the same draws."""
    parts: list[list[list]] = [[[] for _ in runs] for runs in systems]
    for pair in draws(systems[0][0].sizes, groups, replicates, seed):
        for runs, kept in zip(systems, parts, strict=True):
            for table, values in zip(runs, kept, strict=True):
                counts = (d.counts(o) for d, o in zip(pair, table.orders, strict=True))
                values.append(table.metrics(*counts, metrics))
    return {
        metric: [
            np.array([np.concatenate([v[metric] for v in values]) for values in kept])
            for kept in parts
        ]
        for metric in metrics
    }


def _redrawn_seeds(values, rng):
    """(seeds, R) to the mean (R,) over as many seeds, drawn with replacement in each replicate."""
    drawn = rng.integers(len(values), size=values.shape)
    return np.take_along_axis(values, drawn, axis=0).mean(axis=0)


def _judge(differences, level):
    tail = min(np.sum(differences <= 0), np.sum(differences >= 0))
    return {
        "interval": list(percentiles(differences, level)),
        "p": float(min(1, 2 * (1 + tail) / (1 + differences.size))),
    }


def sentence(names: Sequence[str], metric: str, own: dict[str, Any], level: float = 0.95) -> str:
    """What the comparison of two systems by one metric allows to say, in plain words.

    names: of the first and second system; own: what `compare` found of the metric.
    """
    title = TITLES[metric].name
    means = [float(np.mean(own[key])) for key in ("first", "second")]
    better = 0 if own["difference"] < 0 else 1
    best, other = names[better], names[1 - better]
    gap = f"{value_text(metric, abs(own['difference']))}{TITLES[metric].unit}"
    sure, unsure = _kinds_of_luck(own)
    values = f"{value_text(metric, means[better])} against {value_text(metric, means[1 - better])}"
    if own["difference"] == 0:
        return f"{title}: {names[0]} and {names[1]} are equal here."
    if unsure and not sure:
        return (
            f"{title}: these trials do not tell {best} ({values}) from {other}: the difference of "
            f"{gap} is within what {_listed(unsure)} would bring."
        )
    text = (
        f"{title}: {best} is better than {other} ({values}, by {gap}), beyond what {_listed(sure)} "
        f"would bring at {100 * level:g} %"
    )
    return text + (f"; {_listed(unsure)} might still turn it round." if unsure else ".")


def _kinds_of_luck(own):
    """What the difference stands above, and what it does not, in words; the strictest alone."""
    sure, unsure = [], []
    trials = own["trials"]
    strictest = {"crossed": trials["crossed"]} if "crossed" in trials else trials
    for kind, found in strictest.items():
        if kind in own.get("few", ()):
            continue  # four speakers do not speak of speakers
        word, mixed = words_of(kind, found), own.get("mixed", {}).get(kind)
        if not _excludes_zero(found):
            unsure.append(word)
        elif mixed is None or _excludes_zero(mixed):
            sure.append(word if mixed is None else f"{word} with other seeds")
        else:
            sure.append(word)
            unsure.append(f"{word} with other seeds")
    return sure, unsure


def words_of(kind: str, found: Mapping[str, Any]) -> str:
    """What is drawn in a kind of interval, in words."""
    return found.get("over") or WORDS.get(kind, kind)


def _excludes_zero(found):
    low, high = found["interval"]
    return low > 0 or high < 0


def _listed(words):
    seeds = " with other seeds"
    if len(words) > 1 and all(word.endswith(seeds) for word in words):
        return _listed([word.removesuffix(seeds) for word in words]) + seeds
    words = [*words[:-2], " or ".join(words[-2:])]
    return "other " + ", ".join(words)


def lines(
    names: Sequence[str],
    seeds: Collection[Any],
    found: dict[str, dict[str, Any]],
    units: Mapping[str, str],
    level: float = 0.95,
) -> Iterator[str]:
    """The comparison as lines of text. units: {kind: how many of them there are, in words}."""
    for metric, own in found.items():
        title, unit = TITLES[metric], TITLES[metric].unit
        text = partial(value_text, metric)
        yield title.name + title.sign
        for name, values in zip(names, (own["first"], own["second"]), strict=True):
            yield f"  {name:<28} {_spread(values, text)}"
        label = "difference"
        if len(seeds) > 1:
            pairs = [a - b for a, b in zip(own["first"], own["second"], strict=True)]
            yield f"  {label:<28} {_spread(pairs, partial(text, sign='+'))}{unit}"
        else:
            yield f"  {label:<28} {text(own['difference'], '+')}{unit}"
        for key, also in (("trials", ""), ("mixed", " and seeds")):
            for kind, judged in own.get(key, {}).items():
                low, high = (text(value, "+") for value in judged["interval"])
                label = f"over {words_of(kind, judged)}{also}"
                yield f"    {label:<26} [{low}, {high}]  p {judged['p']:.3g}  {units[kind]}"
        yield f"  {sentence(names, metric, own, level)}"


def _spread(values, text):
    mean = text(np.mean(values))
    if len(values) < 2:
        return mean
    return f"{mean} ± {text(np.std(values, ddof=1)).lstrip('+')}  ({', '.join(map(text, values))})"
