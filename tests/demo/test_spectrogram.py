"""The page's picture of a sound: where a tone stands, how loud it is, and how wide it is."""

import base64

import numpy as np
import pytest

from antispoof.demo.spectrogram import COLUMNS, RANGE, ROWS, as_record, spectrogram

TIME = np.arange(16000) / 16000


@pytest.mark.parametrize("hertz", [500, 2000, 7000])
def test_a_tone_stands_at_its_frequency(hertz):
    cells = spectrogram(np.sin(2 * np.pi * hertz * TIME).astype(np.float32))
    row = hertz / 8000 * ROWS
    assert set(cells.argmax(0)) <= {int(row) - 1, int(row)}
    assert cells.max() == 255


def test_levels_are_decibels_below_the_loudest():
    wave = np.sin(2 * np.pi * 2031.25 * TIME)
    wave[8000:] *= 0.1
    peaks = spectrogram(wave.astype(np.float32)).max(0).astype(int)
    assert peaks[10] - peaks[-10] == pytest.approx(255 * 20 / RANGE, abs=2)


def test_silence_and_what_is_shorter_than_a_window_have_a_picture():
    assert spectrogram(np.zeros(16000, np.float32)).max() == 0
    assert spectrogram(np.ones(1, np.float32)).shape == (ROWS, 1)


def test_a_long_sound_is_as_wide_and_each_column_holds_all_of_its_time():
    wave = np.zeros(16000 * 60, np.float32)
    wave[16000 * 30 + 600] = 1.0  # one click, in the midst of a column
    cells = spectrogram(wave)
    assert cells.shape == (ROWS, COLUMNS)
    assert cells.max(0).argmax() == pytest.approx(COLUMNS / 2, abs=2)
    record = as_record(wave)
    assert base64.b64decode(record["cells"]) == cells.tobytes()
    assert (record["rows"], record["columns"], record["top"]) == (ROWS, COLUMNS, 8000)
