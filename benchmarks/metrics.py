#!/usr/bin/env python3
"""How fast is judging? Ours against the official algorithms written down plainly, in one run.

Each row does the same work twice on made-up scores of the sizes of real sets: our time, the plain
one's, their ratio, and the largest difference between the results. The plain bootstrap is timed on
a few replicates and told for all.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from antispoof import metrics
from antispoof.evaluation.evaluate import evaluate
from antispoof.evaluation.scores import Trials, join
from antispoof.metrics.bootstrap import intervals

ASVSPOOF5 = (138688, 542086)  # bona fide, spoof
DF = 611829  # lines of a score file
DF_EVAL = (14869, 519059)
VOCODERS, CODECS = 5, 9


def plain_rates(bonafide, spoof):
    """frr and far at each threshold, as the challenges compute them."""
    scores = np.concatenate((bonafide, spoof))
    labels = np.concatenate((np.ones(bonafide.size), np.zeros(spoof.size)))
    labels = labels[np.argsort(scores, kind="mergesort")]
    missed = np.cumsum(labels)
    accepted = spoof.size - (np.arange(1, scores.size + 1) - missed)
    frr = np.concatenate((np.atleast_1d(0), missed / bonafide.size))
    return frr, np.concatenate((np.atleast_1d(1), accepted / spoof.size))


def plain_eer(bonafide, spoof):
    frr, far = plain_rates(bonafide, spoof)
    index = np.argmin(np.abs(frr - far))
    return np.mean((frr[index], far[index]))


def plain_min_dcf(bonafide, spoof, p_spoof=0.05, c_miss=1, c_fa=10):
    least = np.inf
    for frr, far in zip(*plain_rates(bonafide, spoof), strict=True):
        least = min(least, c_miss * frr * (1 - p_spoof) + c_fa * far * p_spoof)
    return least / min(c_miss * (1 - p_spoof), c_fa * p_spoof)


def plain_cllr(bonafide, spoof):
    cost = np.mean(np.log2(1 + np.exp(-bonafide))), np.mean(np.log2(1 + np.exp(spoof)))
    return 0.5 * sum(cost)


def timed(action, rounds=3):
    """(least seconds, result) of some runs."""
    spent = []
    for _ in range(rounds):
        started = time.perf_counter()
        result = action()
        spent.append(time.perf_counter() - started)
    return min(spent), result


def made_up(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(2, 1.5, sizes[0]), rng.normal(-1, 1.5, sizes[1])


def ours_three(bonafide, spoof):
    parts = metrics.sorted_trials(bonafide, spoof)
    return metrics.eer(*parts), metrics.min_dcf(*parts), metrics.cllr(*parts)


def three(total):
    parts = made_up((total // 10, total - total // 10))
    mine, values = timed(lambda: ours_three(*parts))
    theirs, wanted = timed(lambda: [f(*parts) for f in (plain_eer, plain_min_dcf, plain_cllr)], 1)
    gap = np.max(np.abs(np.subtract(values, wanted)))
    return f"EER + minDCF + Cllr, {total:,} trials", mine, theirs, gap


def bootstrap(replicates, few=3):
    parts, rng = made_up(ASVSPOOF5), np.random.default_rng(0)
    names = ("eer", "min_dcf")
    mine, found = timed(lambda: intervals(*parts, replicates=replicates, metrics=names), 1)

    def plain():
        drawn = [part[rng.integers(part.size, size=part.size)] for part in parts]
        return plain_eer(*drawn), plain_min_dcf(*drawn)

    theirs, values = timed(lambda: [plain() for _ in range(few)], 1)
    middle = [np.mean(found[name]) for name in names]
    gap = np.max(np.abs(np.mean(values, axis=0) - middle))  # of other draws: about their spread
    title = f"{replicates} replicates of EER + minDCF, {sum(ASVSPOOF5):,} trials"
    return title, mine, theirs * replicates / few, gap


def reading(folder):
    rng = np.random.default_rng(0)
    utts = [f"DF_E_{2000000 + number}" for number in range(DF)]
    values = rng.normal(size=DF)
    (folder / "set").mkdir()
    lines = (f"{utt} {value!r}\n" for utt, value in zip(utts, values.tolist(), strict=True))
    (folder / "scores").write_text("".join(lines))
    words = ("spoof", "bonafide")
    lines = (f"{utt} {words[number % 25 == 0]}\n" for number, utt in enumerate(utts))
    (folder / "set/utt2label").write_text("".join(lines))
    mine, trials = timed(lambda: join(folder / "set", folder / "scores"), 2)

    def plain():
        rows = np.genfromtxt(folder / "scores", dtype=str)
        labels = dict(np.genfromtxt(folder / "set/utt2label", dtype=str))
        return rows[:, 1].astype(float), np.array([labels[utt] for utt in rows[:, 0]])

    theirs, (scores, _) = timed(plain, 1)
    gap = np.max(np.abs(scores - trials.scores))
    return f"reading {DF:,} scores and labels, joined", mine, theirs, gap


class Known(Trials):
    """Trials whose factors are at hand."""

    def factor(self, name):
        return FACTORS[name]


FACTORS = {}


def table():
    bonafide, spoof = made_up(DF_EVAL)
    rng = np.random.default_rng(1)
    is_bonafide = np.arange(sum(DF_EVAL)) < bonafide.size
    codec = rng.integers(CODECS, size=is_bonafide.size)
    vocoder = np.where(is_bonafide, 0, rng.integers(1, VOCODERS + 1, size=is_bonafide.size))
    FACTORS["codec"] = [f"C{i}" for i in range(CODECS)], codec
    FACTORS["vocoder"] = ["-", *(f"V{i}" for i in range(VOCODERS))], vocoder
    scores = np.concatenate([bonafide, spoof])
    trials = Known(Path(), list(range(scores.size)), scores, is_bonafide)
    by = ("vocoder", "codec", "vocoder*codec")
    mine, found = timed(lambda: evaluate(trials, by=by, replicates=0), 2)

    def plain():
        cells = {}
        for v in (None, *range(1, VOCODERS + 1)):
            for c in (None, *range(CODECS)):
                keep = np.ones(scores.size, bool) if c is None else codec == c
                of_spoof = keep & ~is_bonafide if v is None else keep & (vocoder == v)
                cells[v, c] = plain_eer(scores[keep & is_bonafide], scores[of_spoof])
        return cells

    theirs, wanted = timed(plain, 1)
    cells = found["by"]["vocoder*codec"]
    gap = max(abs(cells[f"V{v - 1}*C{c}"]["eer"] - e) for (v, c), e in wanted.items() if v and c)
    return f"6 x 10 cells, {sum(DF_EVAL):,} trials", mine, theirs, gap


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000, help="of the bootstrap")
    options = parser.parse_args()
    print("| work | ours, s | plain, s | ratio | largest difference |")
    print("| :-- | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            lambda: three(10**5),
            lambda: three(10**6),
            lambda: bootstrap(options.replicates),
            lambda: reading(Path(folder)),
            table,
        ]
        for job in jobs:
            title, mine, theirs, gap = job()
            print(f"| {title} | {mine:.3f} | {theirs:.2f} | {theirs / mine:.0f} | {gap:.1e} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\nmost memory of the whole run: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
