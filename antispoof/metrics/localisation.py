"""How well scores of frames say where a sound is spoofed: by segments, and by seconds.

A frame i of a model of resolution q lasts from i q to (i + 1) q, the last one to the end of the
sound; higher = more bona fide. Scores are pooled over all utterances.

    segment EER   each segment of r seconds is a trial, with the least label of the finest frames in
                  it, as trained. r > q: it has the least score of its frames; what is left over is
                  one too. r < q: the score of its frame. Zhang et al., IEEE/ACM TASLP 2023
    range EER     each second is a trial: bona fide seconds called spoof over all of them, against
                  spoofed seconds missed. Zhang et al., Interspeech 2023

The range EER is exact: the pieces between all ends of frames and of segments are trials that weigh
what they last. Of r > q the segment EER flatters: one good frame decides for a window.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from .bootstrap import percentiles

Span = tuple[float, float, str]
NEAR = 1e-6  # seconds, and frames
CHUNK = 1 << 21  # numbers held at once


@dataclass(frozen=True)
class Pieces:
    """Trials of parts of utterances: what each scores, weighs, is, and of which utterance."""

    scores: np.ndarray  # (N,)
    weights: np.ndarray  # (N,): 1, or seconds
    bonafide: np.ndarray  # (N,) bool
    utterance: np.ndarray  # (N,) its number
    together: bool  # whether equal scores are passed at once


def segment_pieces(
    scores: Sequence[np.ndarray],
    spans: Sequence[Sequence[Span]],
    own: float,
    at: float,
    finest: float | None = None,
) -> Pieces:
    """The segments of `at` seconds of a model of `own` seconds, one being a multiple of the other.

    scores: (T,) of each utterance; spans: its segments; finest: seconds of the frames whose least
    label a segment has, by default the finer of both. Raises UserError.
    """
    coarser = round(at / own) if at > own else 1
    finer = round(own / at) if at < own else 1
    if abs(at * finer - own * coarser) > NEAR * max(at, own):
        raise UserError(f"resolutions {own:g} s and {at:g} s: wanted a multiple of one another")
    finest = min(own, at, finest or at)
    within, found = round(at / finest), []
    if abs(at - within * finest) > NEAR * at:
        raise UserError(f"resolutions {finest:g} s and {at:g} s: wanted a multiple")
    for values, segments in zip(scores, spans, strict=True):
        values = least_of(values, coarser) if coarser > 1 else np.repeat(values, finer)
        labels = least_of(labels_at(segments, finest), within)
        count = min(len(values), len(labels))
        found.append((values[:count], labels[:count] == 1))
    return _pooled([(s, np.ones(len(s)), b) for s, b in found], together=False)


def range_pieces(
    scores: Sequence[np.ndarray], spans: Sequence[Sequence[Span]], own: float
) -> Pieces:
    """The pieces between all ends of frames of `own` seconds and of segments."""
    found = []
    for values, segments in zip(scores, spans, strict=True):
        end = segments[-1][1]
        edges = own * np.arange(1, len(values))
        ends = np.array([stop for _, stop, _ in segments])
        cuts = np.unique(np.concatenate([[0.0], edges[edges < end], ends]))
        lengths, middles = np.diff(cuts), (cuts[1:] + cuts[:-1]) / 2
        frame = np.searchsorted(edges, middles, side="right")
        bona = np.array([label == "bonafide" for _, _, label in segments])
        segment = np.minimum(np.searchsorted(ends, middles, side="right"), len(ends) - 1)
        real = lengths > 1e-9
        found.append((values[frame][real], lengths[real], bona[segment][real]))
    return _pooled(found, together=True)


def _pooled(parts, together):
    counts = [len(scores) for scores, _, _ in parts]
    scores, weights, bonafide = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not np.isfinite(scores).all():
        raise ValueError(f"found {int((~np.isfinite(scores)).sum())} frame scores not finite")
    utterance = np.repeat(np.arange(len(parts)), counts)
    return Pieces(scores.astype(float), weights, bonafide, utterance, together)


def labels_at(spans: Sequence[Span], seconds: float) -> np.ndarray:
    """(T,) 0 spoof, 1 bona fide, of frames of `seconds` each, the last one being begun.

    Starts and ends of spoofed segments are rounded to the nearest frame (a half goes up), as those
    of PartialSpoof are; T = ceil(length / seconds).
    """
    total = max(1, math.ceil(spans[-1][1] / seconds - NEAR))
    labels = np.ones(total, np.int64)
    for start, end, label in spans:
        if label == "spoof":
            first, last = (math.floor(x / seconds + 0.5 + 1e-9) for x in (start, end))
            labels[first:last] = 0
    return labels


def least_of(values: np.ndarray, count: int) -> np.ndarray:
    """The least of each `count` values (T,) in a row; what is left over at the end is a window."""
    return np.minimum.reduceat(values, np.arange(0, len(values), count))


def weighted_eer(pieces: Pieces, times: np.ndarray | None = None) -> np.ndarray:
    """Equal error rates (R,) of pieces, of which replicate k counts utterance u times[k, u] times.

    times (R, U): by default once, of one replicate. The mean of both rates where they first come
    closest. Segments walk through ties one by one, bona fide first, as the official EER; pieces
    of the range EER pass equal scores at once. ValueError where a class weighs nothing.
    """
    if times is None:
        times = np.ones((1, int(pieces.utterance.max(initial=0)) + 1))
    return _sorted_eers(_in_order(pieces), times)


def _in_order(pieces):
    """The pieces in the order in which a threshold passes them."""
    order = np.lexsort((~pieces.bonafide, pieces.scores))
    scores, weights = pieces.scores[order], pieces.weights[order]
    bonafide, utterance = pieces.bonafide[order], pieces.utterance[order]
    return Pieces(scores, weights, bonafide, utterance, pieces.together)


def _sorted_eers(pieces, times):
    """`weighted_eer` of pieces in their order."""
    points = np.arange(len(pieces.scores))
    if pieces.together:
        points = np.flatnonzero(np.append(np.diff(pieces.scores) > 0, True))
    rows, digits = max(1, CHUNK // max(1, len(pieces.scores))), 12 if pieces.together else None
    found = [
        _eers(pieces.weights * part[:, pieces.utterance], pieces.bonafide, points, digits)
        for part in np.split(times, range(rows, len(times), rows))
    ]
    return np.concatenate(found)


def _eers(weights, bona, points, digits):
    """Of weights (R, N) in the order of scores; digits: of sums of seconds, which are rounded."""
    total_bona, total_spoof = weights[:, bona].sum(1), weights[:, ~bona].sum(1)
    if not ((total_bona > 0) & (total_spoof > 0)).all():
        raise ValueError("found one class alone among segments, wanted bona fide and spoof")
    frr = np.cumsum(weights * bona, 1)[:, points] / total_bona[:, None]
    accepted = total_spoof[:, None] - np.cumsum(weights * ~bona, 1)[:, points]
    far = accepted / total_spoof[:, None]  # written as in the official EER
    far = np.maximum(far, 0.0)  # a sum of seconds may end a rounding below
    frr = np.concatenate([np.zeros((len(frr), 1)), frr], 1)
    far = np.concatenate([np.ones((len(far), 1)), far], 1)
    gap = np.abs(frr - far)
    best = np.argmin(gap if digits is None else gap.round(digits), 1)
    rows = np.arange(len(best))
    return (frr[rows, best] + far[rows, best]) / 2


def unit_intervals(
    pieces: Pieces,
    units: Mapping[str, np.ndarray],
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, tuple[float, float] | None]:
    """{way: (low, high)}: percentiles over replicates in which units are drawn with replacement.

    units: {way: (U,) the unit of each utterance}, such as its speaker, or itself. A replicate that
    draws one class alone is left out; None where fewer than two units are there, or where more
    than a tenth of the replicates were left out.
    """
    found: dict[str, tuple[float, float] | None] = {}
    pieces = _in_order(pieces)  # once for all replicates
    for way, names in units.items():
        _, code = np.unique(names, return_inverse=True)
        count = int(code.max()) + 1
        rng = np.random.default_rng(seed)
        values = []
        for _ in range(0, replicates if count > 1 else 0, 64):
            drawn = rng.multinomial(count, np.full(count, 1 / count), 64)
            good = _both(pieces, drawn[:, code])
            values.append(_sorted_eers(pieces, drawn[good][:, code].astype(float)))
        joined = np.concatenate(values)[:replicates] if values else np.array([])
        enough = joined.size >= 0.9 * replicates and count > 1
        found[way] = percentiles(joined, level) if enough else None
    return found


def _both(pieces, times):
    """(R,) bool: whether a replicate has both classes."""
    size = times.shape[1]
    has = [np.bincount(pieces.utterance[own], minlength=size) > 0 for own in _classes(pieces)]
    return ((times * has[0]).sum(1) > 0) & ((times * has[1]).sum(1) > 0)


def _classes(pieces):
    return pieces.bonafide, ~pieces.bonafide
