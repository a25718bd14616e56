"""A picture of a sound for the page: loudness by time and frequency, a byte for each cell."""

import base64

import numpy as np

from .. import SAMPLE_RATE

WINDOW, HOP = 400, 160  # samples: 25 ms, 10 ms
POINTS = 512  # of the transform
ROWS, COLUMNS = 128, 1000  # most columns; a row is two points of the transform
RANGE = 70.0  # dB below the loudest cell that have colours of their own


def spectrogram(wave: np.ndarray) -> np.ndarray:
    """(ROWS, T) uint8 of a waveform (S,) at 16 kHz, T <= COLUMNS.

    Row 0 holds the lowest frequencies; 255 is the loudest cell, 0 is RANGE dB below it or less.
    """
    wave = np.pad(wave, (0, max(WINDOW - len(wave), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    parts = np.array_split(np.arange(len(frames)), min(COLUMNS, len(frames)))
    power = np.empty((ROWS, len(parts)))
    for column, part in enumerate(parts):
        spectrum = np.abs(np.fft.rfft(frames[part] * window, POINTS)) ** 2
        power[:, column] = spectrum[:, : 2 * ROWS].mean(0).reshape(ROWS, 2).mean(1)
    if not power.max() > 0:
        return np.zeros(power.shape, np.uint8)
    level = 10 * np.log10(np.maximum(power / power.max(), 10 ** (-RANGE / 10)))
    return np.rint(255 * (1 + level / RANGE)).astype(np.uint8)


def as_record(wave: np.ndarray) -> dict[str, object]:
    """The picture as JSON has it: `cells` in Base64, row by row."""
    cells = spectrogram(wave)
    return {
        "rows": cells.shape[0],
        "columns": cells.shape[1],
        "top": SAMPLE_RATE // 2,
        "cells": base64.b64encode(cells.tobytes()).decode(),
    }
