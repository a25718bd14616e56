#!/usr/bin/env python3
"""How often does a 95 % interval hold the value of the population? By simulation, for each kind.

Trials are made of a class mean, the effects of speaker and attack, and noise of 1; the population's
values follow from the distributions. Each set has speakers and attacks of its own, and
the share of the sets whose interval holds the value is shown, in percent, next to nominal 95: for a
value, and for the paired difference of two systems whose effects and noise correlate.

Effects are those that --scores and --data show (one score file, and its data directory), or else
those of --effects.
"""

import argparse
import itertools
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from antispoof.evaluation.effects import Effects, effects_of
from antispoof.evaluation.scores import join
from antispoof.metrics.bootstrap import Ranked, draws, intervals, percentiles
from antispoof.metrics.crossed import crossed_difference, crossed_interval, moved
from antispoof.metrics.detection import COSTS, cost_weights

MISS, FA = cost_weights()
LEAST = min(MISS, FA)
ALIKE = 0.7  # correlation of two systems
HARDER = 1.3  # the EER of the second, to that of the first


class Population:
    """Two systems, and what they come to over all speakers and attacks."""

    def __init__(self, eer, effects):
        self.effects = effects
        self.sd = (
            np.hypot(1, effects.bonafide_speaker),
            np.sqrt(1 + effects.spoof_speaker**2 + effects.attack**2),
        )
        self.eers = eer, min(HARDER * eer, 0.45)
        self.means = [self.sd[1] * norm.isf(e) - self.sd[0] * norm.ppf(e) for e in self.eers]
        self.values = {"eer": self.eers, "min_dcf": tuple(map(self.min_dcf, self.means))}

    def min_dcf(self, mean):
        def cost(t):
            missed, accepted = norm.cdf((t - mean) / self.sd[0]), norm.sf(t / self.sd[1])
            return (MISS * missed + FA * accepted) / LEAST

        best = minimize_scalar(cost, bounds=(-9, mean + 9), method="bounded")
        return min(best.fun, MISS / LEAST, FA / LEAST)

    def draw(self, rng, speakers, attacks):
        """[(bona fide, spoof) scores of each system] of new speakers and attacks.

        speakers, attacks: (bona fide, spoof) units of the trials.
        """
        own = self.effects

        def pair(size, sd=1.0):
            first, other = rng.normal(0, sd, (2, size)) if sd else np.zeros((2, size))
            return first, ALIKE * first + np.sqrt(1 - ALIKE**2) * other

        people = int(max(map(np.max, speakers))) + 1
        spoken, imitated = pair(people, own.bonafide_speaker), pair(people, own.spoof_speaker)
        made = pair(int(attacks[1].max()) + 1, own.attack)
        noise = pair(len(speakers[0])), pair(len(speakers[1]))
        return [
            (
                mean + spoken[k][speakers[0]] + noise[0][k],
                imitated[k][speakers[1]] + made[k][attacks[1]] + noise[1][k],
            )
            for k, mean in enumerate(self.means)
        ]


def design(speakers, attacks, people, rng, bonafide=None, spoof=None):
    """Units of the trials: 20 bona fide trials a speaker, 360 spoof trials or more.

    people: how many of the speakers speak bona fide; 0: all.
    """
    sizes = bonafide or 20 * (people or speakers), spoof or max(360, 4 * attacks, 4 * speakers)
    spoken = np.arange(sizes[0]) % (people or speakers), rng.permutation(sizes[1]) % speakers
    return spoken, (np.full(sizes[0], -1), np.arange(sizes[1]) % attacks)


def cover(eer, speakers, attacks, people, effects, outer, replicates, sizes=(None, None), seed=0):
    """{(metric, kind): percent of the sets whose interval holds the population's value}."""
    rng = np.random.default_rng([seed, speakers, attacks, int(1e4 * eer)])
    population = Population(eer, effects)
    ways = design(speakers, attacks, people, rng, *sizes)
    held: dict = {}
    for number in range(outer):
        drawn = population.draw(rng, *ways)
        for (metric, kind), (low, high) in judge(drawn, ways, replicates, number):
            first, second = population.values[metric]
            value = second - first if kind.startswith("difference") else first
            held.setdefault((metric, kind), []).append(low <= value <= high)
    return {key: 100 * np.mean(flags) for key, flags in held.items()}


def judge(drawn, ways, replicates, seed):
    """((metric, kind), interval) of what was drawn."""
    first, second = drawn
    for metric in ("eer", "min_dcf"):
        parts = [moved(metric, *scores) for scores in drawn]
        yield (metric, "crossed"), crossed_interval(metric, parts[0], ways) or (np.nan, np.nan)
        yield (metric, "difference crossed"), crossed_difference(parts[1] - parts[0], ways)[0]
    if not replicates:
        return
    options = {"replicates": replicates, "seed": seed, "metrics": ("eer", "min_dcf")}
    for kind, groups in (("trials", None), ("speakers", ways[0])):
        for metric, interval in intervals(*first, groups=groups, **options).items():
            yield (metric, kind), interval
    for metric, interval in paired(first, second, ways[0], replicates, seed).items():
        yield (metric, "difference speakers"), interval


def paired(first, second, groups, replicates, seed):
    """{metric: interval} of the difference on the same draws of speakers."""
    tables = [Ranked(*scores, scores, COSTS) for scores in (first, second)]
    parts: dict = {"eer": [], "min_dcf": []}
    for b, s in draws(tables[0].sizes, groups, replicates, seed):
        one, two = (t.metrics(b.counts(t.orders[0]), s.counts(t.orders[1]), parts) for t in tables)
        for metric, values in parts.items():
            values.append(two[metric] - one[metric])
    return {metric: percentiles(np.concatenate(values)) for metric, values in parts.items()}


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outer", type=int, default=1000, help="sets drawn for each row")
    parser.add_argument("--replicates", type=int, default=200, help="of bootstraps; 0: none")
    parser.add_argument("--eers", default="0.01 0.05 0.2")
    parser.add_argument("--speakers", default="10 30 90")
    parser.add_argument("--attacks", default="5 11 110")
    parser.add_argument("--bonafide-speakers", default="0", help="so many of them; 0: all")
    parser.add_argument("--bonafide", type=int, help="trials; default: 20 of each speaker")
    parser.add_argument("--spoof", type=int, help="trials; default: 360 or more")
    parser.add_argument("--effects", default="0.5 0.5 0.6", help="speakers (two) and attacks")
    parser.add_argument("--scores", type=Path, help="of which effects are measured")
    parser.add_argument("--data", type=Path, help="the data directory of --scores")
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def measured(args):
    """The effects that the options ask for."""
    if not args.scores:
        return Effects(*map(float, args.effects.split()))
    trials = join(args.data, args.scores)
    attacks = trials.split(trials.factor("attack")[1])
    return effects_of(trials.split(), trials.speakers(), attacks)


def main():
    args = parse()
    effects = measured(args)
    print(
        f"effects at a noise of 1: speakers {effects.bonafide_speaker:.2f} (bona fide) and "
        f"{effects.spoof_speaker:.2f} (spoof), attacks {effects.attack:.2f}; {args.outer} sets a "
        f"row, bootstraps of {args.replicates}"
    )
    grid = itertools.product(
        map(float, args.eers.split()),
        map(int, args.speakers.split()),
        map(int, args.attacks.split()),
        map(int, args.bonafide_speakers.split()),
    )
    rest = effects, args.outer, args.replicates, (args.bonafide, args.spoof)
    with ProcessPoolExecutor(args.jobs) as pool:
        rows = [(row, pool.submit(cover, *row, *rest)) for row in grid]
        for number, (row, future) in enumerate(rows):
            found = future.result()
            if not number:
                names = [f"{metric} {kind}" for metric, kind in found]
                print("| EER % | speakers | attacks | bona fide |", " | ".join(names), "|")
                print("|--:" * (4 + len(names)) + "|")
            cells = [f"{100 * row[0]:g}", *map(str, row[1:]), *(f"{v:.1f}" for v in found.values())]
            print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
