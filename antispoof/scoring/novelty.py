"""How far a sound is from the training set, by what the back end reads of it.

Of a back end that reads features, it is their mean and deviation over time; of one that reads the
waveform, what its last layer reads. These are projected on the main axes of the training set, where
each axis has a variance of 1. The distance is the mean one to the NEAR nearest of the training set,
in units of the one that 99 % of the dev set keep within. After Sun et al., Out-of-distribution
detection with deep nearest neighbors, ICML 2022.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..data.array_files import DAMAGE, require_arrays
from ..errors import UserError
from ..files import atomic_open
from ..losses.cosine import CosineOutput
from ..models.back_end import BackEnd
from ..ssl.finetuned import FineTuned
from ..torch_utils.checkpoint import first_line
from ..torch_utils.masks import valid_mask

NEAR, AXES, QUANTILE = 5, 64, 0.99
LEAST = 1e-4  # of a limit: an axis has a deviation of 1, and what is less is rounding
SOME = 1000  # utterances that give the axes
NAMES = ("mean", "axes", "points", "threshold")
REASON = "reason"  # of a system that has no distances
NUMBERS = 1 << 26  # of the descriptions of a set, which are in memory together


class Novelty:
    """Distances of sounds from a training set.

    Args: mean (D,) and axes (D, K): from a description to its place; points (N, K): of the training
    set; threshold: the distance that counts as 1.
    """

    def __init__(
        self, mean: np.ndarray, axes: np.ndarray, points: np.ndarray, threshold: float
    ) -> None:
        self.mean, self.axes, self.points, self.threshold = mean, axes, points, threshold

    @classmethod
    def fit(cls, train: np.ndarray, dev: np.ndarray) -> "Novelty":
        """Learn from descriptions (N, D) of a training set and of a development set.

        Raises UserError where they give no distance that sounds may keep within.
        """
        train = train.astype(np.float64, copy=False)
        if not np.isfinite(train).all() or not np.isfinite(dev).all():
            raise UserError("what it reads of the training or the dev set is not finite")
        mean, scale = train.mean(0), train.std(0)
        scale = np.where(scale > 1e-6, scale, np.inf)  # what never changes says nothing
        some = ((train - mean) / scale)[:: -(-len(train) // SOME)]
        values, rows = np.linalg.eigh(some @ some.T)
        if values[-1] <= 0:
            raise UserError("it reads the same of all utterances of the training set")
        count = min(AXES, int((values > 1e-9 * values[-1]).sum()))
        values, rows = values[-count:], rows[:, -count:]  # the largest
        axes = some.T @ rows / values * np.sqrt(len(some)) / scale[:, None]
        made = cls(mean, axes, (train - mean) @ axes, 1.0)
        made.threshold = float(np.quantile(made(dev), QUANTILE))
        if made.threshold < LEAST:
            raise UserError("it reads the same of the dev set as of the training set")
        return made

    def __call__(self, found: np.ndarray) -> np.ndarray:
        """(N, D) -> (N,): 1 is as far as 99 % of the dev set keep within."""
        places = (found - self.mean) @ self.axes
        squares = (places**2).sum(1)[:, None] + (self.points**2).sum(1)
        squares = np.maximum(squares - 2 * places @ self.points.T, 0)
        near = min(NEAR, squares.shape[1])
        distances = np.sqrt(np.partition(squares, near - 1, axis=1)[:, :near]).mean(1)
        return distances / self.threshold

    def save(self, path: str | Path) -> None:
        """Write it as a file of arrays."""
        arrays: Any = {name: np.asarray(getattr(self, name), np.float32) for name in NAMES}
        with atomic_open(path, "wb") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Novelty | None":
        """Read what `save` wrote; None of what `save_reason` wrote. Raises UserError."""
        try:
            require_arrays(path)
            with np.load(path, allow_pickle=False) as arrays:
                if arrays.files == [REASON]:
                    return None
                mean, axes, points, threshold = [arrays[name] for name in NAMES]
            shapes = mean.shape[0], points.shape[1]
            good = axes.shape == shapes and mean.ndim == 1 and points.ndim == 2 and len(points)
            finite = all(np.isfinite(x).all() for x in (mean, axes, points, threshold))
            if not good or not finite or not float(threshold) > 0:
                raise ValueError("its arrays do not go together")
        except DAMAGE as error:
            raise UserError(f"{path}: {first_line(error)}; run steps/novelty.py again") from None
        mean, axes, points = (x.astype(np.float64) for x in (mean, axes, points))
        return cls(mean, axes, points, float(threshold))


def save_reason(path: str | Path, reason: str) -> None:
    """Write in place of distances why a system has none."""
    arrays: Any = {REASON: np.frombuffer(reason.encode(), np.uint8)}  # text is no number
    with atomic_open(path, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def words_of(distance: float) -> tuple[str, ...]:
    """The warning for a sound of this distance, or none."""
    if distance <= 1:
        return ()
    if math.isnan(distance):
        return ("unlike the training set: what the model reads of it is no number",)
    times = f"{distance:.1f}" if distance < 1000 else "over 1000"
    return (f"unlike the training set: {times} times as far from it as 99 % of the dev set",)


class Descriptions:
    """Collects a description (D,) of each utterance while a model scores them."""

    def __init__(self, model: torch.nn.Module, count: int) -> None:
        back_end: Any = model.back_end if isinstance(model, FineTuned) else model
        self.place, self.hook = _tapped(back_end)
        self.owner, self.latest = threading.get_ident(), torch.zeros(0)
        self.count = count
        self.total: torch.Tensor | None = None
        self.windows = torch.zeros(count)

    @contextmanager
    def watching(self) -> Iterator["Descriptions"]:
        """While this is open, the model hands over what it reads."""

        def keep(_, given):
            if threading.get_ident() == self.owner:  # others may score by the same model
                self.latest = self.hook(given).float().cpu()

        handle = self.place.register_forward_pre_hook(keep)
        try:
            yield self
        finally:
            handle.remove()

    def take(self, indices: torch.Tensor) -> None:
        """What the model has just read is of these utterances."""
        if self.total is None:
            self.total = torch.zeros(self.count, self.latest.shape[1])
        self.total.index_add_(0, indices, self.latest)
        self.windows.index_add_(0, indices, torch.ones(len(indices)))

    def found(self) -> np.ndarray:
        """(N, D), the mean over the windows of each utterance."""
        assert self.total is not None
        return (self.total / self.windows[:, None]).double().numpy()


def can_describe(model: torch.nn.Module) -> bool:
    """Whether a model has what a description is made of."""
    back_end: Any = model.back_end if isinstance(model, FineTuned) else model
    return _tapped(back_end) is not None


def _tapped(back_end: BackEnd) -> Any:
    """(module, function of what it reads), or None."""
    if back_end.reads in ("features", "both"):
        return back_end, lambda given: _pooled(given[0], given[1])
    if not back_end.last_layer:
        return None
    inside = back_end.get_submodule(back_end.last_layer).modules()
    last = [module for module in inside if isinstance(module, nn.Linear | CosineOutput)]
    return (last[-1], lambda given: given[0].flatten(1)) if last else None


def _pooled(x, lengths):
    """(B, L, T, D), (B,) -> (B, 2 L D): mean and deviation over the valid frames."""
    valid = valid_mask(lengths, x.shape[2]).to(x.dtype)[:, None, :, None]
    count = lengths.to(x.dtype)[:, None, None, None]
    mean = (x * valid).sum(2, keepdim=True) / count
    deviation = (((x - mean) * valid).square().sum(2, keepdim=True) / count).sqrt()
    return torch.cat([mean, deviation], 2).flatten(1)
