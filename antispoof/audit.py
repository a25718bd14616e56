"""What gives the classes away, or ties two sets together, other than the speech itself."""

import hashlib

import numpy as np

from . import metrics
from .audio import read_wave
from .cues import TRIVIAL, cues
from .errors import UserError

ALL = "all"


def measure(tables, progress=None):
    """Read every sound of a data directory's `tables`.

    Returns ({cue: (N, D) array}, {utterance: SHA-256 of its samples}), rows in the tables' order.
    """
    rows, digests = [], {}
    for utt, path in tables["wav.scp"].items():
        wave = read_wave(path, utt)
        digests[utt] = hashlib.sha256(wave.tobytes()).hexdigest()
        try:
            rows.append(cues(wave))
        except ValueError as error:
            raise UserError(f"{path}: {utt}: {error}; too short to measure") from None
        if progress:
            progress.advance()
    table = {name: np.array([np.ravel(row[name]) for row in rows]) for name in rows[0]}
    return table, digests


def with_together(table):
    """`table` {cue: (N, D)} and, as `together`, the trivial cues side by side."""
    return {**table, "together": np.hstack([table[name] for name in TRIVIAL])}


def separate(train, train_bonafide, test):
    """Scores (M,) of `test` (M, D) by a logistic regression on `train` (N, D) and labels (N,).

    Squares and products of the values take part: a cue may lie in a range, not in a direction.
    Both classes weigh the same.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    model = make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(class_weight="balanced", max_iter=2000),
    )
    return model.fit(train, train_bonafide).decision_function(test)


def separability(train, train_bonafide, test, test_bonafide, trials):
    """How well each cue alone tells the classes of the test set: {cue: {list: {eer, auc}}}.

    Args: train, test: {cue: (N, D)}; *_bonafide: (N,) bool; trials: {list: (N,) bool mask}.
    Fractions; 0.5 is chance, above it the cue misleads. A list without both classes is left out.
    """
    result = {}
    for name in train:
        scores = separate(train[name], train_bonafide, test[name])
        result[name] = {}
        for title, mask in trials.items():
            bonafide, spoof = scores[mask & test_bonafide], scores[mask & ~test_bonafide]
            if len(bonafide) and len(spoof):
                result[name][title] = rates(bonafide, spoof)
    return result


def rates(bonafide, spoof):
    """{eer, auc} of two arrays of scores.

    Ties are broken by fixed dice: many utterances may have the very same cue (no silence at all),
    and the official EER takes all bona fide of a tie before all spoof.
    """
    scores = np.concatenate([bonafide, spoof])
    if np.ptp(scores) == 0:
        return {"eer": 0.5, "auc": 0.5}
    ranks = np.empty(len(scores))
    ranks[np.lexsort((np.random.default_rng(0).random(len(scores)), scores))] = range(len(scores))
    eer = metrics.eer(ranks[: len(bonafide)], ranks[len(bonafide) :])
    return {"eer": float(eer), "auc": float(metrics.auc(bonafide, spoof))}


def shared(first, second, first_digests, second_digests):
    """What two sets' tables have in common: {ids, speakers, sounds}: sorted lists.

    `sounds` holds pairs "utterance utterance" with the same samples.
    """
    by_digest = {digest: utt for utt, digest in first_digests.items()}
    pairs = [
        f"{by_digest[digest]} {utt}"
        for utt, digest in second_digests.items()
        if digest in by_digest
    ]
    speakers = set(first["utt2spk"].values()) & set(second["utt2spk"].values()) - {"-"}
    return {
        "ids": sorted(first["wav.scp"].keys() & second["wav.scp"].keys()),
        "speakers": sorted(speakers),
        "sounds": sorted(pairs),
    }


def verdict(separated, common, limit):
    """Lines that say what is wrong, worst first; none where all is well.

    A cue is a shortcut where its EER lies below `limit` on any list; what two sets share is told
    by `common` {set: what `shared` found}.
    """
    lines = []
    for name, lists in separated.items():
        title = min(lists, key=lambda title: lists[title]["eer"])
        worst = lists[title]["eer"]
        if worst < limit:
            lines.append((worst, f"shortcut: {name}: EER {100 * worst:.1f} % on {title}"))
    found = [line for _, line in sorted(lines)]
    for other, things in common.items():
        for what, names in things.items():
            if names:
                found.append(f"shared with {other}: {len(names)} {what}, e.g. {names[0]}")
    return found
