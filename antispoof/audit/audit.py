"""What gives the classes away, or ties two sets together, other than the speech itself."""

import hashlib
import itertools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from .. import metrics
from ..data.audio import read_wave
from ..data.data_dir import ALL, Tables, read_data_dir, trial_lists, trial_mask
from ..data.segments import NAME as SEGMENTS
from ..errors import UserError
from ..progress import Progress
from .cues import TRIVIAL, cues, file_format, splice

FOLDS = 5
Cues = dict[str, np.ndarray]  # {cue: (N, D)}
Rates = dict[str, dict[str, float]]  # {list: {eer, auc}}


def audit(
    data_dirs: list[Path],
    limit: float,
    progress: Callable | None = None,
    allow: Collection[str] = (),
) -> dict:
    """The whole audit of sets, fit for JSON: what `steps/audit.py --out` writes.

    progress(count, unit, title): makes what `advance` and `close` are called on; allow: which
    conversions of sounds may be made.
    """
    splices = any(Path(folder, SEGMENTS).exists() for folder in data_dirs)
    sets = {str(folder): _measured(folder, progress, allow, splices) for folder in data_dirs}
    encode_formats([own[1] for own in sets.values()])
    within_sets, across_sets = {}, {}
    for name, (tables, measures, _) in sets.items():
        speakers = np.array(list(tables["utt2spk"].values()))
        speakers = np.where(speakers == "-", list(tables["wav.scp"]), speakers)
        within_sets[name] = within(measures, _bonafide(tables), speakers)
        others = [own for other, own in sets.items() if other != name]
        learnt = np.concatenate([_bonafide(own[0]) for own in others]) if others else np.array([])
        if all(0 < own.sum() < len(own) for own in (learnt, _bonafide(tables))):
            taught = {cue: np.vstack([own[1][cue] for own in others]) for cue in measures}
            masks = {t: trial_mask(name, t, tables["wav.scp"]) for t in (ALL, *trial_lists(name))}
            across_sets[name] = across(taught, learnt, measures, _bonafide(tables), masks)
    common = {
        f"{one} and {two}": shared(sets[one][0], sets[two][0], sets[one][2], sets[two][2])
        for one, two in itertools.combinations(sets, 2)
    }
    return {
        "sets": list(sets),
        "within": within_sets,
        "across": across_sets,
        "shared": common,
        "limit": limit,
        "findings": verdict(within_sets, across_sets, common, limit),
    }


def _measured(folder, progress, allow, splices):
    tables = read_data_dir(folder)
    shown = progress and progress(len(tables["wav.scp"]), "utterances", f"cues of {folder.name}")
    more = {"splices": True} if splices else {}
    measures, digests = measure(tables, shown, allow, **more)
    if shown:
        shown.close()
    return tables, measures, digests


def _bonafide(tables):
    return np.array([label == "bonafide" for label in tables["utt2label"].values()])


def measure(
    tables: Tables,
    progress: Progress | None = None,
    allow: Collection[str] = (),
    splices: bool = False,
) -> tuple[Cues, dict[str, str]]:
    """Read every sound of a data directory's `tables`.

    Returns ({cue: (N, D) array}, {utterance: SHA-256 of its samples}), rows in the tables' order.
    The cue `format` is a word of each file, (N,) strings, until `encode_formats` makes numbers.
    splices: whether to measure what cuts leave behind too, in sets with segments.
    """
    rows, digests = [], {}
    for utt, path in tables["wav.scp"].items():
        wave = read_wave(path, utt, allow)
        digests[utt] = hashlib.sha256(wave.tobytes()).hexdigest()
        try:
            cut = {"splice": splice(wave)} if splices else {}
            rows.append({**cues(wave), **cut, "format": file_format(path)})
        except ValueError as error:
            raise UserError(f"{path}: {utt}: {error}; too short to measure") from None
        if progress:
            progress.advance()
    table = {name: np.array([np.ravel(row[name]) for row in rows]) for name in rows[0]}
    return {**table, "format": table["format"][:, 0]}, digests


def encode_formats(cue_tables: Sequence[Cues]) -> None:
    """Replace the words of `format` in several sets by columns of 0 and 1, and add `together`.

    `together` has the trivial cues side by side.
    """
    words = sorted({word for table in cue_tables for word in table["format"]})
    for table in cue_tables:
        table["format"] = (table["format"][:, None] == np.array(words)[None]).astype(float)
        table["together"] = np.hstack([table[name] for name in (*TRIVIAL, "format")])


def separate(train: np.ndarray, train_bonafide: np.ndarray, test: np.ndarray) -> np.ndarray:
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


def across(
    train: Cues, train_bonafide: np.ndarray, test: Cues, test_bonafide: np.ndarray, trials: Cues
) -> dict[str, Rates]:
    """How well each cue, learnt on other sets, tells the classes: {cue: {list: {eer, auc}}}.

    Args: train, test: {cue: (N, D)}; *_bonafide: (N,) bool; trials: {list: (N,) bool mask}.
    Fractions; 0.5 is chance, where an AUC below it misleads. A list without both classes is left
    out.
    """
    result: dict[str, Rates] = {}
    for name in train:
        scores = separate(train[name], train_bonafide, test[name])
        result[name] = {}
        for title, mask in trials.items():
            bonafide, spoof = scores[mask & test_bonafide], scores[mask & ~test_bonafide]
            if len(bonafide) and len(spoof):
                result[name][title] = rates(bonafide, spoof)
    return result


def within(table: Cues, bonafide: np.ndarray, speakers: np.ndarray) -> dict[str, float]:
    """Cross-validated AUC of each cue in one set: {cue: mean over folds}; {} where it has no folds.

    Args: table: {cue: (N, D)}; bonafide: (N,) bool; speakers: (N,) words. No speaker is in two
    folds, where both classes have enough of them.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    counts = [int(bonafide.sum()), int((~bonafide).sum())]
    people = [len(set(speakers[own].tolist())) for own in (bonafide, ~bonafide)]
    if min(counts) < FOLDS:
        return {}
    grouped = min(people) >= 2 * FOLDS
    kind = StratifiedGroupKFold if grouped else StratifiedKFold
    folds = kind(FOLDS, shuffle=True, random_state=0)
    parts = [
        (learn, judge)
        for learn, judge in folds.split(bonafide, bonafide, speakers if grouped else None)
        if all(0 < bonafide[own].sum() < len(own) for own in (learn, judge))
    ]
    result = {}
    for name, values in table.items():
        found = []
        for learn, judge in parts:
            scores = separate(values[learn], bonafide[learn], values[judge])
            hits = bonafide[judge]
            found.append(rates(scores[hits], scores[~hits])["auc"])
        result[name] = float(np.mean(found))
    return result


def rates(bonafide: np.ndarray, spoof: np.ndarray) -> dict[str, float]:
    """{eer, auc} of two arrays of scores.

    Ties are broken in a fixed random order: many utterances may have the very same cue (no silence
    at all), and the official EER takes all bona fide of a tie before all spoof.
    """
    scores = np.concatenate([bonafide, spoof])
    if np.ptp(scores) == 0:
        return {"eer": 0.5, "auc": 0.5}
    ranks = np.empty(len(scores))
    ranks[np.lexsort((np.random.default_rng(0).random(len(scores)), scores))] = range(len(scores))
    eer = metrics.eer(ranks[: len(bonafide)], ranks[len(bonafide) :])
    return {"eer": float(eer), "auc": float(metrics.auc(bonafide, spoof))}


def shared(
    first: Tables, second: Tables, first_digests: dict[str, str], second_digests: dict[str, str]
) -> dict[str, list[str]]:
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


def verdict(
    within_sets: dict[str, dict[str, float]],
    across_sets: dict[str, dict[str, Rates]],
    common: dict[str, dict[str, list[str]]],
    limit: float,
) -> list[str]:
    """Lines that say what is wrong; none where all is well.

    A cue is a shortcut where an AUC is above `limit`, by cross-validation in a set or on any list
    of one by what others teach; `common` {two sets: what `shared` found} tells what they share.
    """
    lines = []
    for folder, found in within_sets.items():
        for name, auc in found.items():
            if auc > limit:
                lines.append((auc, f"shortcut: {name}: AUC {auc:.3f} in {folder}, cross-validated"))
    for folder, by_cue in across_sets.items():
        for name, lists in by_cue.items():
            title = max(lists, key=lambda title: lists[title]["auc"])
            auc = lists[title]["auc"]
            if auc > limit:
                words = f"AUC {auc:.3f} in {folder} on {title}, learnt on the other sets"
                lines.append((auc, f"shortcut: {name}: {words}"))
    texts = [line for _, line in sorted(lines, key=lambda line: -line[0])]
    for both, things in common.items():
        for what, names in things.items():
            if names:
                texts.append(f"shared by {both}: {len(names)} {what}, e.g. {names[0]}")
    return texts
