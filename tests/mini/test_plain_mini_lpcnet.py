"""egs/mini: LPCNet's frames and levels, with a coder that is made up."""

import numpy as np
import pytest
from plain_mini import finished, phrase, write_phrase

from corpus.request import Request
from corpus.synthesis import SYSTEMS, lpcnet


class Lpcnet:
    """Stands for libcodec2: frames of 640 samples go through it at half their height."""

    def __init__(self):
        self.heard, self.closed, self.modes = [], [], []

    def lpcnet_freedv_create(self, mode):
        self.modes.append(mode)
        return 77

    def lpcnet_samples_per_frame(self, coder):
        return 640

    def lpcnet_bits_per_frame(self, coder):
        return 52

    def lpcnet_enc(self, coder, heard, code):
        samples = np.ctypeslib.as_array((lpcnet.ctypes.c_int16 * 640).from_address(heard))
        self.heard.append(samples.copy())
        (lpcnet.ctypes.c_int8 * 52).from_address(code)[51] = len(self.heard)

    def lpcnet_dec(self, coder, code, said):
        number = (lpcnet.ctypes.c_int8 * 52).from_address(code)[51]
        out = (lpcnet.ctypes.c_int16 * 640).from_address(said)
        out[:] = [int(x) // 2 for x in self.heard[number - 1]]

    def lpcnet_freedv_destroy(self, coder):
        self.closed.append(coder)


@pytest.mark.parametrize("max_seconds", [1.3, 1.2])  # 32.5 and 30 frames
def test_lpcnet_codes_whole_frames_and_one_of_silence(monkeypatch, tmp_path, max_seconds):
    library = Lpcnet()
    monkeypatch.setattr(lpcnet, "fresh_library", lambda: lpcnet.contextlib.nullcontext(library))
    path = write_phrase(tmp_path / "a.wav")
    asked = Request("u", "lpcnet", "", "fr", "f", "", path, 5, max_seconds)
    ((_, found),) = SYSTEMS["lpcnet"]([asked])
    wave = np.round(finished(phrase(), max_seconds) * 26214.4)
    heard = np.concatenate(library.heard)
    assert len(heard) == 640 * (-(-len(wave) // 640) + 1)
    assert np.array_equal(heard, np.pad(wave, (0, len(heard) - len(wave))))
    assert (library.modes, library.closed) == ([1], [77])
    assert np.array_equal(found, finished(heard // 2 / 32768, max_seconds))
