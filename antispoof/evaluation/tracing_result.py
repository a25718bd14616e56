"""The result of source tracing on a set: closed set, open set, both together, with intervals."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import metrics
from ..errors import UserError
from ..metrics.bootstrap import percentiles
from ..metrics.crossed import crossed_interval, moved
from ..metrics.sasv import speaker_draws
from ..metrics.sources import confusion, f1_of_classes, fpr_at, macro_f1
from ..paths import require_names, system_and_seed
from .tracing import Sources, Traced, dev_threshold, open_scores
from .ways import enough, units_text

UNKNOWN = "unknown"  # the class of all sources that training does not know


def judge_tracing(
    classes: Sequence[str],
    train: Traced,
    dev: Sources,
    own: Sources,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Any]:
    """What a result holds of the set `own`; thresholds are those of `dev`.

    sources {known, unknown}: their names. closed {macro_f1, accuracy, f1 {class}, confusion}: of
    known sources, by the largest logit. open {score {eer, fpr95, threshold, rule, accepted {source:
    share}, joint_f1, confusion}}: of each score of the open set; joint_f1 is the macro-F1 where
    what is below the threshold is of one more class. Without an unknown source, open is None.
    intervals {metric: {crossed, speaker, iid}}, `crossed` of EERs alone: speakers and unknown
    sources drawn at once, those that `crossed` {over, units} names. refused {speaker: why not}.
    """
    count, known = len(classes), own.known
    best = own.traced.logits.argmax(axis=1)
    found: dict[str, Any] = {
        "classes": list(classes),
        "counts": {"known": int(known.sum()), "unknown": int((~known).sum())},
        "sources": {"known": _names(own, known), "unknown": _names(own, ~known)},
        "speakers": None if own.speakers is None else len(set(own.speakers.tolist())),
        "closed": _closed(classes, own.truth[known], best[known]),
        "open": None,
    }
    judged = {"macro_f1": lambda i: _closed_f1(own.truth, best, count, i)}
    scores = {} if known.all() else open_scores(train, own.traced)
    if scores:
        found["open"] = {}
        learnt = open_scores(train, dev.traced)
        for name, values in scores.items():
            threshold, rule = dev_threshold(learnt[name], dev.known)
            said = {"threshold": threshold, "rule": rule}
            found["open"][name] = {**said, **_open(own, best, values, threshold, count)}
            judged |= _judges(name, own, best, values, threshold, count)
    if replicates:
        found["bootstrap"] = {"level": level, "replicates": replicates, "seed": seed}
        found["intervals"], found["refused"] = _intervals(judged, own, replicates, seed, level)
    if replicates and scores:
        found["crossed"] = _cross(found["intervals"], own, scores, level)
    return found


def _names(own, rows):
    return sorted(set(own.names[rows].tolist()))


def _cross(intervals, own, scores, level):
    """Add `crossed` to the intervals of EERs; what was drawn at once, in words."""
    ways, few = _ways(own)
    for name, values in scores.items() if ways else ():
        share = moved("eer", values[own.known], values[~own.known])
        if interval := crossed_interval("eer", share, list(ways.values()), level):
            intervals[f"eer_{name}"]["crossed"] = list(interval)
    return {"over": " and ".join(ways), "units": units_text(ways, few)}


def _closed(classes, truth, best):
    table = confusion(truth, best, len(classes))
    of_each = [None if np.isnan(value) else float(value) for value in f1_of_classes(table)]
    return {
        "macro_f1": macro_f1(table),
        "accuracy": float((best == truth).mean()),
        "f1": dict(zip(classes, of_each, strict=True)),
        "confusion": table.tolist(),
    }


def _closed_f1(truth, best, count, index):
    index = index[truth[index] >= 0]
    return macro_f1(confusion(truth[index], best[index], count))


def joint(truth: np.ndarray, best: np.ndarray, accepted: np.ndarray, count: int) -> np.ndarray:
    """(count + 1, count + 1) confusion matrix with one class of unknown sources, the last."""
    return confusion(np.where(truth < 0, count, truth), np.where(accepted, best, count), count + 1)


def _open(own, best, scores, threshold, count):
    known, accepted = own.known, scores >= threshold
    table = joint(own.truth, best, accepted, count)
    return {
        "eer": metrics.eer(scores[known], scores[~known]),
        "fpr95": fpr_at(scores[known], scores[~known]),
        "accepted": {
            n: float(accepted[own.names == n].mean()) for n in sorted(set(own.names.tolist()))
        },
        "joint_f1": macro_f1(table),
        "confusion": table.tolist(),
    }


def _judges(name, own, best, scores, threshold, count) -> Mapping[str, Callable]:
    """{metric: value of the trials (n,) that are drawn}."""

    def parts(index):
        known = own.known[index]
        return scores[index[known]], scores[index[~known]]

    return {
        f"eer_{name}": lambda i: metrics.eer(*parts(i)),
        f"fpr95_{name}": lambda i: fpr_at(*parts(i)),
        f"joint_f1_{name}": lambda i: macro_f1(
            joint(own.truth[i], best[i], scores[i] >= threshold, count)
        ),
    }


def _intervals(judged, own, replicates, seed, level):
    """({metric: {speaker, iid}}, {speaker: why it has none}).

    Trials are drawn within the sources; speakers all at once, in draws that keep every source that
    training knows, and some that it does not.
    """
    members = [np.flatnonzero(own.names == name) for name in sorted(set(own.names.tolist()))]
    rng = np.random.default_rng(seed)
    drawn = {
        "iid": [
            np.concatenate([rng.choice(rows, rows.size) for rows in members])
            for _ in range(replicates)
        ]
    }
    refused = {}
    try:
        drawn["speaker"] = list(_drawn_speakers(own, replicates, seed))
    except ValueError as error:
        refused["speaker"] = str(error)
    intervals: dict[str, dict[str, list[float]]] = {metric: {} for metric in judged}
    for kind, draws in drawn.items():
        for metric, value in judged.items():
            values = np.array([value(index) for index in draws])
            intervals[metric][kind] = list(percentiles(values, level))
    return intervals, refused


def _drawn_speakers(own, replicates, seed):
    """The trials of each draw of speakers. ValueError where they say nothing of others."""
    if own.speakers is None:
        raise ValueError("found no speaker with a name, wanted them in utt2spk")
    classes = [np.flatnonzero(own.truth == number) for number in np.unique(own.truth)]
    for index in speaker_draws([own.speakers[rows] for rows in classes], replicates, seed):
        yield np.concatenate([rows[part] for rows, part in zip(classes, index, strict=True)])


def _ways(own):
    """Speakers, and sources that training does not know, as of `ways.enough`.

    The known ones are no sample of sources: the model was made for them, and is asked of no others.
    """
    codes = {"unknown sources": np.where(own.known, -1, _codes(own.names))}
    if own.speakers is not None:
        codes = {"speakers": _codes(own.speakers), **codes}
    ways, few = enough({name: (code[own.known], code[~own.known]) for name, code in codes.items()})
    known = len(set(own.names[own.known].tolist()))
    return ways, {**few, "known sources": f"{known} known sources"}


def _codes(values):
    return np.unique(values, return_inverse=True)[1]


def require_seeds(exp_dirs: Sequence[str | Path]) -> None:
    """Raise UserError unless experiments are seeds of one system, each named once."""
    require_names(exp_dirs)
    if len(systems := sorted({system_and_seed(path)[0] for path in exp_dirs})) > 1:
        raise UserError(
            f"found experiments of {', '.join(systems)}; wanted seeds of one system, whose mean is "
            "taken: judge each by itself"
        )


def together(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What several experiments (seeds) come to: {metric: values, mean, sd; None of one}.

    Raises UserError where they are not of the same trials and classes.
    """
    first, *others = results.values()
    for other in others:
        if any(other[key] != first[key] for key in ("classes", "counts", "set", "labels")):
            raise UserError("found experiments of other classes or trials; wanted seeds of one")
    found: dict[str, dict[str, Any]] = {}
    for metric in metrics_of(first):
        values = [metrics_of(result)[metric] for result in results.values()]
        sd = float(np.std(values, ddof=1)) if others else None
        found[metric] = {"values": values, "mean": float(np.mean(values)), "sd": sd}
    shared = {key: first[key] for key in ("classes", "counts", "set", "labels", "speakers")}
    return {**shared, "experiments": list(results), "mean": found}


def metrics_of(result: Mapping[str, Any]) -> dict[str, float]:
    """{metric: value} of a result, by the names that its intervals have."""
    found = {"macro_f1": result["closed"]["macro_f1"]}
    for name, own in (result["open"] or {}).items():
        found |= {f"{key}_{name}": own[key] for key in ("eer", "fpr95", "joint_f1")}
    return found
