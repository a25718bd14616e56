"""Stage 1 with sounds of any form: lengths by headers, what is made ready, segments."""

import io

import numpy as np
import pytest
import soundfile
from sounds import sound

from antispoof.data import preparation
from antispoof.data.audio import read_wave
from antispoof.data.preparation import ready, segments
from antispoof.errors import UserError

BOTH = ("resample", "mixdown")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def written(path, samples, rate=16000, **options):
    soundfile.write(path, samples, rate, **options)
    return path


@pytest.mark.parametrize(("name", "options"), [
    ("x.flac", {}), ("x.wav", {}), ("float.wav", {"subtype": "FLOAT"}),
])  # fmt: skip
def test_what_is_mono_at_16_khz_stays_where_it_is(tmp_path, cache, monkeypatch, name, options):
    path = written(tmp_path / name, sound("x", 1.5, 0.1), **options)
    monkeypatch.setattr(preparation, "read_wave", None)  # its header is enough
    assert ready(path, "u1") == (path, 1.5)
    assert not cache.exists()


def test_a_flac_without_a_length_is_decoded_for_it(tmp_path):
    stream = io.BytesIO()
    soundfile.write(stream, sound("x", 1.5, 0.1), 16000, format="FLAC")
    data = bytearray(stream.getvalue())
    data[21:26] = bytes([data[21] & 0xF0]) + bytes(4)
    (tmp_path / "x.flac").write_bytes(data)
    assert ready(tmp_path / "x.flac", "u1") == (tmp_path / "x.flac", 1.5)


@pytest.mark.parametrize("kind", ["WAV", "MP3"])
def test_what_is_not_is_converted_once_where_that_is_allowed(tmp_path, cache, monkeypatch, kind):
    wave = np.stack([sound("x", 1.5, 0.1), sound("y", 1.5, 0.1)], 1)
    path = written(tmp_path / "x.sound", wave, 44100, format=kind)
    for allow, words in (((), "2 channels"), (("mixdown",), "44100 Hz"), (("resample",), "2 chan")):
        with pytest.raises(UserError, match=f"u1: found {words}"):
            ready(path, "u1", allow)
    place, seconds = ready(path, "u1", BOTH)
    assert place.is_relative_to(cache)
    found = read_wave(str(place), "u1")  # by a model that allows nothing
    assert len(found) / 16000 == seconds
    assert np.abs(found - read_wave(str(path), "u1", BOTH)).max() <= 2**-23
    before = place.stat().st_mtime_ns
    assert ready(path, "u1", BOTH) == (place, seconds)
    assert place.stat().st_mtime_ns == before
    for allow, words in (((), "2 channels"), (("mixdown",), "44100 Hz")):
        with pytest.raises(UserError, match=f"u1: found {words}"):
            ready(path, "u1", allow)


def test_segments_are_the_sound_in_pieces_without_a_short_rest(tmp_path):
    wave = sound("x", 10.5, 0.1)
    path = written(tmp_path / "x.wav", wave, subtype="FLOAT")
    found = segments(path, "u1", 4.0, 1.0)
    assert [seconds for _, seconds in found] == [4.0, 4.0, 2.5]
    pieces = [read_wave(str(place), "u1") for place, _ in found]
    assert np.abs(np.concatenate(pieces) - wave.clip(-1, 1)).max() <= 2**-23
    assert len({place for place, _ in found}) == 3
    assert [seconds for _, seconds in segments(path, "u1", 4.0, 2.6)] == [4.0, 4.0]
    exact = written(tmp_path / "y.wav", wave[:128000])
    assert [seconds for _, seconds in segments(exact, "u1", 4.0, 1.0)] == [4.0, 4.0]
    assert segments(path, "u1", 12.0, 11.0) == []


def test_segments_are_cut_once(tmp_path):
    path = written(tmp_path / "x.wav", sound("x", 9.0, 0.1))
    first = segments(path, "u1", 4.0, 1.0)
    times = [place.stat().st_mtime_ns for place, _ in first]
    assert segments(path, "u1", 4.0, 1.0) == first
    assert [place.stat().st_mtime_ns for place, _ in first] == times
    first[1][0].write_bytes(first[0][0].read_bytes()[:-9])
    segments(path, "u1", 4.0, 1.0)
    assert (
        read_wave(str(first[1][0]), "u1").tobytes() != read_wave(str(first[0][0]), "u1").tobytes()
    )


def test_a_bad_sound_is_one_line(tmp_path):
    (tmp_path / "x.mp3").write_bytes(b"ID3" + bytes(50))
    (tmp_path / "text.wav").write_text("no sound " * 99)
    for name, words in (("x.mp3", "cannot be decoded"), ("text.wav", "cannot be decoded"),
                        ("none.wav", "no such file")):  # fmt: skip
        for call in (lambda p: ready(p, "u1"), lambda p: segments(p, "u1", 4.0, 1.0)):
            with pytest.raises(UserError, match=f"{name}: u1: {words}"):
                call(tmp_path / name)
