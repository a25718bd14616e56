"""How an utterance is cropped, padded, or cut into windows, whatever its time axis counts."""

import numpy as np


def fit(
    x: np.ndarray, length: int, policy: str, pad: str, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Crop or pad `x` along its first axis to `length`; returns (array, valid length).

    policy: first, centre, random (drawn from rng), windows (padded, but never cropped) or full
    (neither). pad: zero (padding counts as signal), tile, or none (a shorter x stays short and is
    masked in the batch).
    """
    start, stop = crop(x.shape[0], length, policy, rng)
    return extend(x[start:stop], 0, length, policy, pad)


def crop(found: int, length: int, policy: str, rng: np.random.Generator) -> tuple[int, int]:
    """(start, stop) of what `fit` keeps of `found`."""
    room = found - length
    if room <= 0 or policy in ("full", "windows"):
        return 0, found
    start = {"first": 0, "centre": room // 2}.get(policy)
    start = int(rng.integers(room + 1)) if start is None else start
    return start, start + length


def extend(x: np.ndarray, axis: int, length: int, policy: str, pad: str) -> tuple[np.ndarray, int]:
    """What `fit` makes of `x` that is cropped: (array, valid length)."""
    found = x.shape[axis]
    if policy == "full" or found >= length or pad == "none":
        return x, found
    if pad == "tile":
        return x.take(np.arange(length) % found, axis), length
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, length - found)
    return np.pad(x, widths), length


def window_starts(found: int, length: int) -> list[int]:
    """Where windows of `length` begin that cover `found`, half of each in the next; the last ends
    with it.
    """
    if found <= length:
        return [0]
    return [*range(0, found - length, max(length // 2, 1)), found - length]


def time_axis(x: np.ndarray) -> int:
    """Of (S,), or (L, T, D)."""
    return x.ndim - 2 if x.ndim > 1 else 0
