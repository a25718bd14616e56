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
from ..config.sources import NONE
from ..data.tables import read_table, require_same_keys
from ..errors import UserError
from ..files import atomic_open, sha256_file
from ..metrics.sources import known_threshold

NAMES = ("utts", "logits", "embeddings", "model")


@dataclass(frozen=True)
class Traced:
    """What a model says of the utterances of a set."""

    path: Path
    utts: np.ndarray  # (N,)
    logits: np.ndarray  # (N, K)
    embeddings: np.ndarray  # (N, D)
    model: str = ""  # the SHA-256 of the weights

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
                utts, logits, embeddings = (arrays[name] for name in NAMES[:3])
                model = str(arrays["model"]) if "model" in arrays else ""
            good = utts.ndim == 1 and utts.dtype.kind == "U" and logits.ndim == 2
            if not good or not len(utts) == len(logits) == len(embeddings) or embeddings.ndim != 2:
                raise ValueError("its arrays do not go together")
            if not np.isfinite(logits).all() or not np.isfinite(embeddings).all():
                raise ValueError("it holds numbers that are not finite")
            if len(set(utts.tolist())) < len(utts):
                raise ValueError("it names an utterance twice")
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: {error}; run steps/trace.py again") from None
        logits, embeddings = logits.astype(np.float64), embeddings.astype(np.float64)
        return cls(Path(path), utts, logits, embeddings, model)

    def require_model(self, weights: str | Path) -> None:
        """Raise UserError where this is of other weights than those in a file."""
        if not Path(weights).is_file():
            raise UserError(f"{weights}: no such file; wanted the model that {self.path} is of")
        if sha256_file(weights) != self.model:
            raise UserError(
                f"{self.path}: found what another model says, wanted that of {weights}; run "
                "steps/trace.py again"
            )

    def keep(self, own: np.ndarray) -> "Traced":
        """Those of a mask (N,)."""
        logits, embeddings = self.logits[own], self.embeddings[own]
        return Traced(self.path, self.utts[own], logits, embeddings, self.model)


@dataclass(frozen=True)
class Sources:
    """What was traced of a set, and the class of each: an index into `classes`, -1 for unknown."""

    traced: Traced
    names: np.ndarray  # (N,) sources by their names
    truth: np.ndarray  # (N,)
    speakers: np.ndarray | None  # (N,); one without a name is one of its own; None: none has one

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
    place = Path(data_dir) / "wav.scp"
    wavs, utts = read_table(place), dict.fromkeys(traced.utts.tolist())
    try:
        require_same_keys(wavs, utts, place, traced.path)
    except UserError as error:
        raise UserError(f"{error}; run steps/trace.py again") from None
    values = _column(data_dir, labels, traced)
    own = values != NONE
    names = values[own]
    truth = np.array([classes.index(n) if n in classes else -1 for n in names.tolist()], int)
    if not (truth >= 0).any():
        raise UserError(f"{data_dir}/utt2{labels}: found none of {', '.join(classes)}; wanted some")
    return Sources(traced.keep(own), names, truth, _speakers(data_dir, traced.keep(own)))


def _column(data_dir, name, traced):
    """The value of each utterance (N,) by utt2<name>. Raises UserError where one has none."""
    path = Path(data_dir) / f"utt2{name}"
    table = read_table(path)
    if lacking := next((utt for utt in traced.utts.tolist() if utt not in table), None):
        raise UserError(f"{path}: '{lacking}' of {traced.path} is missing; trace the set again")
    return np.array([table[utt] for utt in traced.utts.tolist()])


def _speakers(data_dir, traced):
    """An index for each speaker (N,); as `Trials.speakers`, `-` stands for itself alone."""
    if not (Path(data_dir) / "utt2spk").is_file():
        return None
    names, index = np.unique(_column(data_dir, "spk", traced), return_inverse=True)
    unknown = (names == NONE)[index]
    index[unknown] = len(names) + np.arange(unknown.sum())
    return None if unknown.all() else index


def open_scores(train: Traced, traced: Traced) -> dict[str, np.ndarray]:
    """{name: (N,) scores}, higher = known, of utterances next to those of training."""
    energy = logsumexp(traced.logits, axis=1)
    if traced.embeddings.shape[1] != train.embeddings.shape[1]:
        raise UserError(
            f"{traced.path}: found embeddings of {traced.embeddings.shape[1]} numbers, "
            f"{train.path} has {train.embeddings.shape[1]}; trace both sets again"
        )
    if len(np.unique(traced.logits)) == 1:
        raise UserError(f"{traced.path}: found one logit for all, was the model trained?")
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
    above. The threshold of an EER is the highest score that is rejected, so that the next number is
    the lowest that is accepted.
    """
    if known.all():
        return known_threshold(scores), "95 % of dev, whose sources are all known, are accepted"
    rejected = metrics.eer_threshold(scores[known], scores[~known])
    return float(np.nextafter(rejected, np.inf)), "EER of known and unknown on dev"
