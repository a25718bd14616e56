"""Made-up scores that claims are judged by: systems on the same trials, with seeds of their own."""

import numpy as np

from antispoof.claims.plan import experiment
from antispoof.claims.rows import measure
from antispoof.claims.scores import Scored
from antispoof.data.tables import write_table

SEEDS, SPEAKERS, ATTACKS = (1, 2, 3), 24, 12
EVAL = {"set": "eval"}


def make_place(place):
    """data/eval and data/dev with their speakers and attacks, without experiments."""
    for name in ("eval", "dev"):
        rows = [(f"b{n:03d}", "bonafide", n % SPEAKERS, "-") for n in range(240)]
        rows += [
            (f"s{n:03d}", "spoof", n * 7 % SPEAKERS, f"A{n % ATTACKS:02d}") for n in range(360)
        ]
        write_table(place / f"data/{name}/wav.scp", {row[0]: f"{row[0]}.wav" for row in rows})
        for table, column in (("label", 1), ("spk", 2), ("attack", 3)):
            path = place / f"data/{name}/utt2{table}"
            write_table(path, {row[0]: str(row[column]) for row in rows})
    return place


def add(place, name, gap, other=None, seeds=SEEDS, sets=("eval", "dev"), spread=0.02, close=0.0):
    """Scores of an experiment of each seed: classes `gap` apart, less what a seed brings.

    close: how much nearer spoofs of three of the twelve attacks are.
    """
    near = (np.arange(600) >= 240) & ((np.arange(600) - 240) % ATTACKS < 3)
    for number, seed in enumerate(seeds):
        for part, own in zip(sets, (gap, gap if other is None else other), strict=False):
            rng = np.random.default_rng(7)  # of the trials, which are the same for all systems
            noise = rng.normal(size=600) + np.random.default_rng(seed).normal(0, spread, 600)
            means = np.where(np.arange(600) < 240, own + spread * (number - 1), close * near)
            ids = [f"b{n:03d}" for n in range(240)] + [f"s{n:03d}" for n in range(360)]
            values = map(repr, map(float, means + noise))
            path = place / experiment(name, seed) / part / "scores"
            write_table(path, dict(zip(ids, values, strict=True)))


def judged(place, claim, switched=None, seeds=SEEDS, scored=None):
    own = {"name": "x", "claim": "c", "source": "s", "open": "o", "commands": ["d"], **claim}
    return measure(own, scored or Scored(place, seeds, switched or {}))


def pairs(kind, *names, holds):
    return {"kind": kind, "pairs": list(names), "on": EVAL, "holds": holds}
