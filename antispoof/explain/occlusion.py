"""Why a sound got its LLR: patches that speak for spoof or for bona fide, and a check of them.

The `effect` of a patch is the LLR of the sound less that of the sound without the patch: below 0 it
speaks for spoof, above 0 for bona fide. Two curves check that what is marked matters. Deletion
takes out patches, first those that speak most for the side that the sound is on; insertion brings
them back, in the same order, into a sound that has lost all. Random orders stand next to both.
"""

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import SAMPLE_RATE
from ..data.sounds import Sound
from ..errors import UserError
from ..ssl.distillmos import ALIKE
from ..systems.system import Mapped
from ..systems.where import Timeline
from .insides import KeptNodes, LayerWeights, look_inside, systems_of
from .patches import Patches

COLUMN_SECONDS, MOST_COLUMNS, BANDS, DRAWS = 0.25, 8, 6, 3
SHARES = (0.0, 0.25, 0.75, 1.0)  # the same from behind
LONGEST = 12.0  # seconds that are explained
AT_ONCE = 60.0  # seconds of sound that are scored in one call, one sound at least
Llrs = Callable[[np.ndarray], np.ndarray]  # masks (N, F, T) -> (N,)


@dataclass(frozen=True)
class Curve:
    """LLRs as more and more patches are taken out, or brought back."""

    shares: np.ndarray  # (K,) of the patches, from 0 to 1
    marked: np.ndarray  # (K,) LLRs: the patches that speak most for the sound's side come first
    random: np.ndarray  # (draws, K) LLRs: as many patches, in random orders
    direction: int  # where the LLR goes if what is marked matters: 1 up, -1 down

    @property
    def area(self) -> float:
        """How far the LLR moves in its direction, as a mean over the shares; more is better."""
        return float(self._areas(self.marked))

    @property
    def random_areas(self) -> np.ndarray:
        """(draws,) the same of the random orders."""
        return self._areas(self.random)

    def _areas(self, llrs):
        moved = self.direction * (llrs - llrs[..., :1])
        return ((moved[..., 1:] + moved[..., :-1]) / 2 * np.diff(self.shares)).sum(-1)


@dataclass(frozen=True)
class Explanation:
    """Why a sound got its LLR. Of F bands and T columns, bands from below, columns from the start.

    LLRs are in natural log; higher = more bona fide. Every effect is one of an LLR, too: below 0
    speaks for spoof, above 0 for bona fide.
    """

    name: str  # the path, or "array"
    llr: float  # of the sound, or of the piece of it that is explained
    decision: str  # bonafide where llr >= threshold, or spoof; none where that is NaN
    threshold: float
    start: float  # seconds of the whole sound at which the piece begins
    wave: np.ndarray  # (S,) of the piece, at 16 kHz
    times: np.ndarray  # (T + 1,) edges of the columns, seconds of the whole sound
    bands: np.ndarray  # (F + 1,) edges of the bands, Hz
    fill: str  # what a patch was replaced by
    effect: np.ndarray  # (F, T) of each patch
    by_time: np.ndarray  # (T,) of each column, all its bands together
    by_band: np.ndarray  # (F,) of each band, all its columns together
    deletion: Curve
    insertion: Curve
    layers: tuple[LayerWeights, ...]
    nodes: tuple[KeptNodes, ...]
    frames: Timeline | None = None  # of the piece, by a model of frames

    @property
    def matters(self) -> bool:
        """Whether both areas are above 0 and above those of every random order."""
        both = (self.deletion, self.insertion)
        return all(curve.area > max(0, curve.random_areas.max()) for curve in both)

    @property
    def check(self) -> str:
        """The same in words."""
        if self.matters:
            return "What is marked moves the LLR more than patches in any random order."
        return "What is marked moves the LLR no more than random patches do: do not rely on it."


def explain(
    system: Mapped,
    sound: Sound,
    threshold: float,
    *,
    start: float = 0.0,
    columns: int | None = None,
    bands: int = BANDS,
    fill: str = "background",
    draws: int = DRAWS,
    seed: int = 0,
) -> Explanation:
    """Explain the LLR that `system` gives `sound`, which begins at `start` of the whole one.

    columns: of time, by default one for each 0.25 s, at most 8; bands: of 0 to 8 kHz; fill: see
    `Patches`; draws: random orders of the curves; seed: of these and of noise. Raises UserError.
    """
    _require_fixed_crops(system, sound)
    seconds = len(sound.wave) / SAMPLE_RATE
    if columns is None:
        columns = min(max(round(seconds / COLUMN_SECONDS), 1), MOST_COLUMNS)
    if draws < 1:
        raise UserError(f"explain: found {draws} draws, wanted 1 or more")
    patches = Patches(sound.wave, columns, bands, fill, seed)

    llrs = functools.partial(_llrs, system, sound, patches)
    with ALIKE.open():
        llr, effects = _effects(llrs, bands, columns)
        effect, by_time, by_band = effects
        side = 1 if llr >= (0.0 if math.isnan(threshold) else threshold) else -1
        deletion, insertion = _curves(llrs, effect, side, llr, draws, seed)
        seen = [look_inside(name, own, sound) for name, own in systems_of(system)]
    decision = "none" if math.isnan(threshold) else "bonafide" if side > 0 else "spoof"
    return Explanation(
        *(sound.place, llr, decision, threshold, start, sound.wave),
        *(start + patches.times, patches.bands, fill, effect, by_time, by_band),
        deletion=deletion,
        insertion=insertion,
        layers=tuple(own for layers, _ in seen for own in layers),
        nodes=tuple(own.later(start) for _, nodes in seen for own in nodes),
    )


def lowest(sound: Any, windows: Iterable[Any]) -> tuple[Sound, float]:
    """The piece of a sound that is its window of the lowest LLR, and where it begins, in seconds.

    Raises UserError where no window has an LLR.
    """
    known = [window for window in windows if window.llr is not None]
    if not known:
        raise UserError(f"{sound.place}: no window of it can be scored; silent?")
    window = min(known, key=lambda window: window.llr)
    span = round(window.start * SAMPLE_RATE), round(window.end * SAMPLE_RATE)
    return next(sound.pieces([span])), window.start


def _require_fixed_crops(system, sound):
    """Raise UserError where a draw rests on the name of a sound: its parts would not compare."""
    for name, own in systems_of(system):
        policies = [own.config["crop"]["test"]]
        policies += [own.upstream.config["window"]["policy"]] if own.upstream else []
        if "random" in policies:
            raise UserError(
                f"{sound.place}: cannot be explained by {name}, which scores a random crop; "
                "wanted a model whose crop is first, centre, windows or full"
            )


def _llrs(system, sound, patches, masks):
    """(N,) LLRs of the sound without the patches of each mask (N, F, T)."""
    step = max(1, int(AT_ONCE * SAMPLE_RATE / len(sound.wave)))
    found = []
    for first in range(0, len(masks), step):
        waves = patches.without(masks[first : first + step])
        parts = [
            sound._replace(name=f"{sound.name}#{first + number}", wave=wave)
            for number, wave in enumerate(waves)
        ]
        try:
            found.append(system.scores(parts))
        except UserError as error:
            raise UserError(f"{sound.place}: cannot be explained: {error}") from None
    return np.concatenate(found).astype(np.float64)


def _effects(llrs: Llrs, bands, columns):
    """(LLR of the sound, (effects of patches (F, T), of columns (T,), of bands (F,)))."""
    count = bands * columns
    masks = np.zeros((1 + count + columns + bands, bands, columns), bool)
    cells, spans, rows = np.split(masks[1:], [count, count + columns])
    cells.reshape(count, count)[np.arange(count), np.arange(count)] = True
    spans[np.arange(columns), :, np.arange(columns)] = True
    rows[np.arange(bands), np.arange(bands)] = True
    whole, *others = llrs(masks)
    effects = whole - np.array(others)
    cells, spans, rows = np.split(effects, [count, count + columns])
    return float(whole), (cells.reshape(bands, columns), spans, rows)


def _curves(llrs: Llrs, effect, side, llr, draws, seed) -> tuple[Curve, Curve]:
    """(deletion, insertion) of patches by their effect, and of random orders.

    What is left of a random order, read from behind, is brought back by another random order: both
    curves share these LLRs.
    """
    rng, size = np.random.default_rng(seed), effect.size
    counts = np.unique(np.round(np.array(SHARES) * size).astype(int))
    counts = np.unique(np.concatenate([counts, size - counts]))  # the same from behind
    order = np.argsort(-side * effect.ravel(), kind="stable")
    orders = [order, order[::-1], *(rng.permutation(size) for _ in range(draws))]
    inner = counts[1:-1]
    masks = np.zeros((len(orders), len(inner), size), bool)
    for mask, own in zip(masks, orders, strict=True):
        for row, count in zip(mask, inner, strict=True):
            row[own[:count]] = True
    every = np.concatenate([masks.reshape(-1, size), np.ones((1, size), bool)])
    found = llrs(every.reshape(-1, *effect.shape))
    ends = np.full((len(orders), 1), llr), np.full((len(orders), 1), found[-1])
    lines = np.concatenate([ends[0], found[:-1].reshape(masks.shape[:2]), ends[1]], 1)
    shares = counts / size
    deletion = Curve(shares, lines[0], lines[2:], -side)
    # taken out from behind, and read from behind: what is marked comes back first
    return deletion, Curve(shares, lines[1, ::-1], lines[2:, ::-1], side)
