"""Source tracing: what a model says of sounds whose source is known or not, and what it comes to.

A score of the open set is higher for a source that training knows. z are the logits of an utterance
and f its embedding, what the last layer reads:

    nsd      e(z) x mean over training utterances j of e(z_j) cos(f, f_j), e(z) = log sum exp z
    energy   log sum exp z, which is minus the energy at temperature 1
    msp      the largest softmax probability

Sources: NSD as the baseline of the Interspeech 2025 session on source tracing has it; energy after
Liu et al., Energy-based out-of-distribution detection, NeurIPS 2020.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp

from .. import metrics
from ..data.tables import read_table
from ..errors import UserError
from ..files import atomic_open
from ..metrics.sources import known_threshold

NAMES = ("utts", "logits", "embeddings")
NONE = "-"  # in a table: no source, as of bona fide speech


@dataclass(frozen=True)
class Traced:
    """What a model says of the utterances of a set."""

    path: Path
    utts: np.ndarray  # (N,)
    logits: np.ndarray  # (N, K)
    embeddings: np.ndarray  # (N, D)

    def save(self) -> None:
        """Write it as a file of arrays."""
        arrays: Any = {name: getattr(self, name) for name in NAMES}
        with atomic_open(self.path, "wb") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Traced":
        """Read what `save` wrote. Raises UserError."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                utts, logits, embeddings = (arrays[name] for name in NAMES)
            good = utts.ndim == 1 and utts.dtype.kind == "U" and logits.ndim == 2
            if not good or not len(utts) == len(logits) == len(embeddings) or embeddings.ndim != 2:
                raise ValueError("its arrays do not go together")
            if not np.isfinite(logits).all() or not np.isfinite(embeddings).all():
                raise ValueError("it holds numbers that are not finite")
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: {error}; run steps/trace.py again") from None
        return cls(Path(path), utts, logits.astype(np.float64), embeddings.astype(np.float64))

    def keep(self, own: np.ndarray) -> "Traced":
        """Those of a mask (N,)."""
        return Traced(self.path, self.utts[own], self.logits[own], self.embeddings[own])


@dataclass(frozen=True)
class Sources:
    """What was traced of a set, and the class of each: an index into `classes`, -1 for unknown."""

    traced: Traced
    names: np.ndarray  # (N,) sources by their names
    truth: np.ndarray  # (N,)
    speakers: np.ndarray  # (N,)

    @property
    def known(self) -> np.ndarray:
        return self.truth >= 0


def read_sources(
    data_dir: str | Path, labels: str, classes: Sequence[str], traced: Traced
) -> Sources:
    """The utterances of a set that have a source by utt2<labels>. Raises UserError."""
    if traced.logits.shape[1] != len(classes):
        raise UserError(
            f"{traced.path}: found {traced.logits.shape[1]} classes, wanted {len(classes)}: "
            f"{', '.join(classes)}; run steps/trace.py again"
        )
    found = {}
    for name in (labels, "spk"):
        path = Path(data_dir) / f"utt2{name}"
        table = read_table(path)
        if lacking := next((utt for utt in traced.utts.tolist() if utt not in table), None):
            raise UserError(f"{path}: '{lacking}' of {traced.path} is missing; trace the set again")
        found[name] = np.array([table[utt] for utt in traced.utts.tolist()])
    own = found[labels] != NONE
    names = found[labels][own]
    truth = np.array([classes.index(n) if n in classes else -1 for n in names.tolist()], int)
    if not (truth >= 0).any():
        raise UserError(f"{data_dir}/utt2{labels}: found none of {', '.join(classes)}; wanted some")
    return Sources(traced.keep(own), names, truth, found["spk"][own])


def open_scores(train: Traced, traced: Traced) -> dict[str, np.ndarray]:
    """{name: (N,) scores}, higher = known, of utterances next to those of training."""
    energy = logsumexp(traced.logits, axis=1)
    unit, known = _unit(traced.embeddings), _unit(train.embeddings)
    centre = (logsumexp(train.logits, axis=1)[:, None] * known).mean(axis=0)
    return {
        "nsd": energy * (unit @ centre),
        "energy": energy,
        "msp": np.exp(traced.logits.max(axis=1) - energy),
    }


def _unit(embeddings):
    return embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)


def dev_threshold(scores: np.ndarray, known: np.ndarray) -> tuple[float, str]:
    """(threshold, the rule in words) of scores of dev: at or above it, a source counts as known.

    That of the EER where dev has sources that training does not know; else 95 % of dev are at it or
    above.
    """
    if known.all():
        return known_threshold(scores), "95 % of dev, whose sources are all known, are accepted"
    return metrics.eer_threshold(scores[known], scores[~known]), "EER of known and unknown on dev"
