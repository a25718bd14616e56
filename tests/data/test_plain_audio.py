"""Sounds by value: levels of every sample format, mixdown, resampling by its formula, cut files."""

import io
import math

import kaldiio
import numpy as np
import pytest
import soundfile
from scipy.signal import firwin

from antispoof import CONVERSIONS
from antispoof.data.audio import read_wave
from antispoof.data.conversion import resample
from antispoof.errors import UserError

STEPS = {"PCM_U8": 2**7, "PCM_16": 2**15, "PCM_24": 2**23, "PCM_32": 2**31}  # to full scale


def coded(samples, rate=16000, kind="WAV", subtype=None):
    """The bytes of a sound file."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=kind, subtype=subtype)
    return stream.getvalue()


def in_archive(path, data):
    """An archive in which `data` is the second entry; returns its place."""
    before = coded(np.full(50, 0.25))
    path.write_bytes(b"u0 " + before + b"u1 " + data)
    return f"{path}:{6 + len(before)}"


@pytest.mark.parametrize(("kind", "subtype"), [
    ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"),
    ("FLAC", "PCM_16"), ("FLAC", "PCM_24"),
])  # fmt: skip
def test_full_scale_is_one_in_every_format(tmp_path, kind, subtype):
    wanted = np.array([-1, -0.5, 0, 0.25, 0.5, 1 - 1 / STEPS[subtype]])
    path = tmp_path / f"x.{kind.lower()}"
    path.write_bytes(
        coded((wanted * 2**31).clip(max=2**31 - 1).astype(np.int32), 16000, kind, subtype)
    )
    found = read_wave(str(path), "u1")
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() <= 1 / STEPS[subtype]


@pytest.mark.parametrize(("kind", "subtype"), [
    ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"),
])  # fmt: skip
def test_an_entry_of_an_archive_is_its_file(tmp_path, kind, subtype):
    data = coded(np.linspace(-0.9, 0.7, 1600), 16000, kind, subtype)
    (tmp_path / "x").write_bytes(data)
    found = read_wave(in_archive(tmp_path / "x.ark", data), "u1")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, read_wave(str(tmp_path / "x"), "u1"))
    assert abs(found[0] + 0.9) <= 1 / STEPS[subtype]


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("lost", [2, 200, 2800])
def test_a_wav_whose_end_is_lost_is_refused(tmp_path, archived, lost):
    data, path = coded(np.linspace(-0.9, 0.7, 1600)), tmp_path / "x.wav"
    path.write_bytes(data[:-lost])
    place = in_archive(tmp_path / "x.ark", data[:-lost]) if archived else str(path)
    with pytest.raises(UserError, match=f"u1: .*{lost} bytes.*truncated") as caught:
        read_wave(place, "u1")
    assert str(caught.value).startswith(f"{place}: u1: ")


def test_less_than_a_header_says_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "x.mp3"
    path.write_bytes(coded(np.linspace(-0.9, 0.7, 1600), kind="MP3"))
    assert len(read_wave(str(path), "u1")) == 1600
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="u1: lacks 10 bytes of 1476 that its header says; trunc"):
        read_wave(str(path), "u1")


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_streamed_wav_of_unknown_length_is_read(tmp_path, size):
    """What writes into a pipe cannot go back to note the length."""
    data, path = bytearray(coded(np.linspace(-0.9, 0.7, 1600))), tmp_path / "x.wav"
    data[40:44] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert len(read_wave(str(path), "u1")) == 1600


def test_chunks_around_the_samples_are_no_samples(tmp_path):
    data, path = coded(np.linspace(-0.9, 0.7, 1600)), tmp_path / "x.wav"
    note = b"junk" + (5).to_bytes(4, "little") + b"abcde\0"  # of odd size, padded
    path.write_bytes(data[:36] + note + data[36:] + note)
    assert len(read_wave(str(path), "u1")) == 1600
    path.write_bytes((data[:36] + note + data[36:])[:-4])
    with pytest.raises(UserError, match="4 bytes.*truncated"):
        read_wave(str(path), "u1")


def test_mixing_down_is_the_mean_over_channels(tmp_path):
    wave = np.array([[0.5, -0.25, 0.75], [0.25, 0.0, -0.5], [0.0, 0.0, 0.375], [1.0, -1.0, 0.5]])
    path = tmp_path / "x.wav"
    soundfile.write(path, wave / 2, 16000, subtype="FLOAT")
    wanted = [sum(row) / 3 / 2 for row in wave]
    np.testing.assert_allclose(read_wave(str(path), "u1", ["mixdown"]), wanted, atol=1e-6)
    for allow in ((), ["resample"]):
        with pytest.raises(UserError, match="u1: found 3 channels, wanted 1"):
            read_wave(str(path), "u1", allow)


def plain_resample(samples, rate):
    """Zeros between the samples, a windowed sinc below both Nyquist rates, every `down`-th kept."""
    divisor = max(d for d in range(1, 16001) if rate % d == 0 == 16000 % d)
    up, down = 16000 // divisor, rate // divisor
    half = 10 * max(up, down)
    h = up * firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", 5.0))
    stuffed = np.zeros(len(samples) * up)
    stuffed[::up] = samples
    whole = np.convolve(stuffed, h)[half:]
    return whole[: len(samples) * up : down]


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 32000, 44100, 48000])
def test_resampling_is_its_formula(tmp_path, rate):
    samples = np.random.default_rng(rate).uniform(-0.5, 0.5, 101).astype(np.float32)
    found = resample(samples, rate)
    assert found.dtype == np.float32
    assert len(found) == math.ceil(101 * 16000 / rate)
    np.testing.assert_allclose(found, plain_resample(samples, rate), atol=1e-4)
    path = tmp_path / "x.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    np.testing.assert_array_equal(read_wave(str(path), "u1", CONVERSIONS), found)
    for allow in ((), ["mixdown"]):
        with pytest.raises(UserError, match=f"u1: found {rate} Hz, wanted 16000 Hz"):
            read_wave(str(path), "u1", allow)


def test_what_needs_no_conversion_keeps_its_bits(tmp_path):
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 101).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", samples, 16000, subtype="FLOAT")
    assert read_wave(f"{tmp_path}/x.wav", "u1", CONVERSIONS).tobytes() == samples.tobytes()


@pytest.mark.parametrize("rate", [16000, 24000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_sample_that_is_not_finite_is_named(tmp_path, rate, bad):
    samples = np.full(100, 0.1, np.float32)
    samples[[41, 67]] = bad, np.nan
    soundfile.write(tmp_path / "x.wav", samples, rate, subtype="FLOAT")
    words = f"u1: sample 41 is {bad}" if rate == 16000 else f"u1: found {rate} Hz"
    with pytest.raises(UserError, match=words):
        read_wave(f"{tmp_path}/x.wav", "u1", CONVERSIONS if rate == 16000 else ["resample"])


def test_an_archive_is_known_by_its_offset_alone(tmp_path):
    samples = (1000 * np.arange(-8, 8)).astype(np.int16)
    kaldiio.save_ark(f"{tmp_path}/two.ark", {"ab": (16000, samples), "c": (8000, samples[::-1])})
    offset = 3 + 44 + 32 + 2  # `ab `, a header of 44 bytes, 16 samples, `c `
    np.testing.assert_array_equal(read_wave(f"{tmp_path}/two.ark:3", "ab"), samples / 32768)
    with pytest.raises(UserError, match="c: found 8000 Hz"):
        read_wave(f"{tmp_path}/two.ark:{offset}", "c")
    soundfile.write(f"{tmp_path}/take:7.wav", samples, 16000)
    np.testing.assert_array_equal(read_wave(f"{tmp_path}/take:7.wav", "u"), samples / 32768)
