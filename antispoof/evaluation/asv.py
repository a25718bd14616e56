"""Scores of automatic speaker verification (ASV), and what a countermeasure costs next to it.

Three forms of file. The table `asv_scores` of a data directory has a header: kind, attack and more
factors, subset where there are some, and last score. Of ASVspoof 2019 and 5, each line `A07 spoof
3.41`, `bonafide target 12.9` or `bonafide nontarget -4.2`: attack, kind, score. Of ASVspoof 2021,
scores `speaker trial score` and a key of as many rows in the same order, `speaker trial codec
transmission attack kind trim subset`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import metrics
from ..data.tables import number_of
from ..errors import UserError

KINDS = ("target", "nontarget", "spoof")
KEY = ("speaker", "trial", "codec", "transmission", "attack", "kind", "trim", "subset")


class FixedAsv:
    """The ASV whose error rates the organisers of ASVspoof 5 gave out instead of its scores."""

    def costs(
        self, bonafide: np.ndarray, spoof: np.ndarray, where: dict[str, str] | None = None
    ) -> dict[str, float | None]:
        """{metric: value} of a countermeasure's scores; the same ASV for every cell."""
        return {"tdcf_asvspoof5": metrics.tdcf_asvspoof5(bonafide, spoof)}

    def summary(self) -> dict[str, float]:
        """What `result.json` says of the ASV."""
        fa, miss, spoof_fa = metrics.tandem.ASV_OF_ASVSPOOF5
        return {"accepted_nontarget": fa, "missed_target": miss, "accepted_spoof": spoof_fa}


@dataclass(frozen=True)
class AsvTrials:
    """Scored trials of an ASV."""

    path: Path
    kind: np.ndarray  # (N,) of KINDS
    scores: np.ndarray  # (N,), higher = more the claimed speaker
    factors: dict[str, np.ndarray]  # {factor: (N,) levels} that cells can be restricted by

    def costs(
        self, bonafide: np.ndarray, spoof: np.ndarray, where: dict[str, str] | None = None
    ) -> dict[str, float | None]:
        """{tdcf_2019, tdcf_2021[, t_eer]} of scores, next to the ASV trials of the same cell.

        where {factor: level}: the cell; an attack restricts the spoof trials alone, a factor that
        these trials do not know restricts nothing. t_eer of the whole set alone. In a cell without
        an ASV trial of each kind, or where the ASV is worse than none, costs are None; of the whole
        set, either raises UserError.
        """
        asv = self._kinds(where or {})
        if where:
            return {
                "tdcf_2019": _or_none(metrics.tdcf_2019, bonafide, spoof, *asv),
                "tdcf_2021": _or_none(metrics.tdcf_2021, bonafide, spoof, *asv),
            }
        try:
            return {
                "tdcf_2019": metrics.tdcf_2019(bonafide, spoof, *asv),
                "tdcf_2021": metrics.tdcf_2021(bonafide, spoof, *asv),
                "t_eer": metrics.t_eer(bonafide, bonafide[:0], spoof, *asv),
            }
        except ValueError as error:
            raise UserError(f"{self.path}: {error}") from None

    def summary(self) -> dict[str, float]:
        """What `result.json` says of the ASV: trials of each kind, and its rates at its EER."""
        parts = self._kinds({})
        counts = {f"n_{kind}": part.size for kind, part in zip(KINDS, parts, strict=True)}
        fa, miss, spoof_fa = metrics.tandem.asv_rates(*parts)
        rates = {"accepted_nontarget": fa, "missed_target": miss, "accepted_spoof": spoof_fa}
        return {**counts, **rates}

    def _kinds(self, where):
        keep = {kind: self.kind == kind for kind in KINDS}
        for factor, level in where.items():
            if factor in self.factors:
                same = self.factors[factor] == level
                for kind in ("spoof",) if factor == "attack" else KINDS:
                    keep[kind] &= same
        return [self.scores[keep[kind]] for kind in KINDS]


def of_data_dir(data_dir: str | Path, subset: str | None = None) -> AsvTrials | FixedAsv | None:
    """What `data_dir`/asv_scores says; None where it is not there, or has no trial of `subset`.

    A table without subsets is that of every list. The word asvspoof5 stands for `FixedAsv`.
    """
    path = Path(data_dir) / "asv_scores"
    if not path.is_file():
        return None
    names = path.open(encoding="utf-8").readline().split()
    if names == ["asvspoof5"]:
        return FixedAsv()
    if len(names) < 2 or names[0] != "kind" or names[-1] != "score":
        raise UserError(f"{path}:1: found {' '.join(names)!r}, wanted a header `kind ... score`")
    table = _columns(path, names)
    keep = np.ones(table["kind"].size, bool)
    if subset is not None and "subset" in table:
        keep = table["subset"] == subset
        if not keep.any():
            return None
    kind, scores = table["kind"][keep], table["score"][keep]
    require_kinds(path, kind)
    factors = {name: table[name][keep] for name in names if name not in ("kind", "score", "subset")}
    return AsvTrials(path, kind, _numbers(path, scores), factors)


def of_options(
    data_dir: str | Path, scores: Path | None, key: Path | None, subset: str | None
) -> AsvTrials | FixedAsv | None:
    """What --asv-scores and --asv-key name, or else what the data directory says."""
    if not scores:
        return of_data_dir(data_dir, subset)
    return FixedAsv() if str(scores) == "asvspoof5" else read_asv(scores, key, subset)


def _columns(path, names):
    """{name: (N,) words} of a table, column by column, as its words are few."""
    columns: list[list[str]] = [[] for _ in names]
    with open(path, encoding="utf-8") as stream:
        next(stream)
        for number, line in enumerate(stream, 2):
            words = line.split()
            if len(words) != len(names):
                raise UserError(f"{path}:{number}: found {len(words)} words, wanted {len(names)}")
            for column, word in zip(columns, words, strict=True):
                column.append(sys.intern(word))
    return {name: np.array(column) for name, column in zip(names, columns, strict=True)}


def require_kinds(place: str | Path, kind: np.ndarray) -> None:
    """Raise UserError for trials of an unknown kind, or none of a known one."""
    unknown = sorted(set(kind.tolist()) - set(KINDS))
    lacking = [name for name in KINDS if not (kind == name).any()]
    if unknown or lacking:
        text = f"the kind '{unknown[0]}'" if unknown else f"no {lacking[0]} trial"
        raise UserError(f"{place}: found {text}, wanted trials of {', '.join(KINDS)}")


def _or_none(metric, *scores):
    try:
        return metric(*scores)
    except ValueError:
        return None


def read_asv(
    path: str | Path, key: str | Path | None = None, subset: str | None = None
) -> AsvTrials:
    """`AsvTrials` of a score file, with the key that the 2021 form needs; see the module.

    subset keeps the key's rows that end in it. Raises UserError for rows of other lengths, unknown
    kinds, numbers that are not finite, kinds without trials, or a key of other rows.
    """
    rows = _rows(path, 3)
    if key is None:
        attack, kind, scores = rows.T
        factors, place = {"attack": attack}, path
    else:
        table = dict(zip(KEY, _rows(key, len(KEY)).T, strict=True))
        found, wanted = rows[:, 1], table["trial"]
        # some files name trials otherwise; a name that the key has stands in the key's row
        same = found.size == wanted.size and ((found == wanted) | ~np.isin(found, wanted)).all()
        if not same:
            raise UserError(
                f"{path}: found {found.size} rows, wanted those of {key}, {wanted.size}, "
                "in the same order"
            )
        keep = np.ones(found.size, bool) if subset is None else table["subset"] == subset
        kind, scores, place = table["kind"][keep], rows[keep, 2], key
        factors = {name: table[name][keep] for name in ("codec", "transmission", "attack")}
    require_kinds(place, kind)
    return AsvTrials(Path(path), kind, _numbers(path, scores), factors)


def _rows(path, width):
    """(N, width) words of a file of words between blanks."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text") from None
    rows = [line.split() for line in lines]
    bad = next((n for n, row in enumerate(rows, 1) if len(row) != width), None)
    if bad or not rows:
        raise UserError(
            f"{path}:{bad or 1}: found {len(rows[bad - 1]) if bad else 0} words, wanted {width}"
        )
    return np.array(rows)


def _numbers(path, words):
    try:
        numbers = np.array(list(map(number_of, words.tolist())))
    except ValueError as error:
        raise UserError(f"{path}: {error}; wanted a score in the last column") from None
    if not np.isfinite(numbers).all():
        raise UserError(
            f"{path}: found the score '{words[~np.isfinite(numbers)][0]}', wanted finite"
        )
    return numbers
