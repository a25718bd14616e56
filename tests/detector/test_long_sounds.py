"""Sounds that are long whatever their headers say, and what is said of parts that give no score."""

import math
import os
import subprocess

import pytest
import soundfile
from page_server import convert
from tiny_detector import make_experiment, voice

from antispoof import Detector
from antispoof.data import flac
from antispoof.data.sounds import Sound
from antispoof.detector import long_sounds, pieces
from antispoof.detector.long_sounds import LongSound, open_sound
from antispoof.errors import UserError

FBANK = (
    "feats: cached\nupstream: fbank\nmodel: mhfa\n"
    "model_conf: {layers: 1, dim: 240, heads: 4, compression: 16, embedding: 16}\n"
)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return Detector.load(make_experiment(folder, "x", "{test: windows, seconds: 0.5, pad: none}"))


@pytest.fixture
def short_is_long(monkeypatch):
    """What lasts longer than two seconds is read in pieces, of a tenth of a second."""
    monkeypatch.setattr(long_sounds, "LONG", 2.0)
    monkeypatch.setattr(pieces, "BLOCK", 1600)


@pytest.mark.parametrize("rate", [50, 1_999_993])
@pytest.mark.parametrize("long", [False, True])
def test_a_rate_that_no_sound_has_is_refused(detector, tmp_path, monkeypatch, rate, long):
    """No filter is made for it: that of 2 MHz would take 40 million taps."""
    if long:
        monkeypatch.setattr(long_sounds, "LONG", 1e-6)
    soundfile.write(tmp_path / "x.wav", voice(0.5), 16000)
    data = (tmp_path / "x.wav").read_bytes()
    (tmp_path / "x.wav").write_bytes(data[:24] + rate.to_bytes(4, "little") + data[28:])
    with pytest.raises(UserError, match=f"x.wav.*found {rate} Hz, wanted 100 to 1000000 Hz"):
        detector(tmp_path / "x.wav")


def unstated(path):
    """A WebM whose header says no length, as a browser records it; returns its path."""
    command = ["ffmpeg", "-v", "error", "-i", path.parent / "source.wav", "-f", "webm", "pipe:1"]
    path.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return path


def test_a_container_that_says_no_length_is_read_in_pieces_where_it_is_long(
    detector, tmp_path, short_is_long, monkeypatch
):
    soundfile.write(tmp_path / "source.wav", voice(5.1, 48000), 48000)
    found = open_sound(unstated(tmp_path / "x.webm"))
    assert isinstance(found, LongSound)
    assert found.samples / 16000 == pytest.approx(5.1, abs=0.1)
    llr = detector(tmp_path / "x.webm").llr
    monkeypatch.setattr(long_sounds, "LONG", 600.0)
    whole = open_sound(tmp_path / "x.webm")
    assert isinstance(whole, Sound) and len(whole.wave) == found.samples
    assert llr == pytest.approx(detector(tmp_path / "x.webm").llr, abs=1e-4)


def test_a_large_container_is_read_in_pieces_and_stays_a_short_sound(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "source.wav", voice(1.5, 44100), 44100)
    path = convert(tmp_path / "source.wav", tmp_path / "a.m4a")
    expected = open_sound(path)
    monkeypatch.setattr(long_sounds, "LARGE", 1000)
    monkeypatch.setattr(long_sounds, "read_sound", None)  # which reads all of its bytes
    found = open_sound(path)
    assert found.wave == pytest.approx(expected.wave, abs=1e-6)
    assert found[2:] == expected[2:]


def test_windows_that_cannot_be_scored_are_counted(tmp_path, short_is_long):
    """A burst of a float WAV makes features of some windows that are not finite."""
    wave = voice(6.0)
    wave[:4000] = 1e25
    wave[48000] = -1e25
    soundfile.write(tmp_path / "x.wav", wave, 16000, subtype="FLOAT")
    detector = Detector.load(
        make_experiment(tmp_path, "x", "{test: full, seconds: 0.5, pad: none}", FBANK), "cpu"
    )
    found = detector(tmp_path / "x.wav", windows=False)
    assert math.isfinite(found.llr)
    known = [window.llr is not None for window in detector(tmp_path / "x.wav").windows]
    bad = known.count(False)
    assert 2 <= bad < 8 < len(known)
    means, left = found.warnings[-2:]
    assert means.startswith("too long to be read whole")
    words = f"{bad} of {len(known)} windows cannot be scored; its LLR is of the others"
    assert left == f"left out: {words}"


def test_a_file_whose_name_is_no_text_is_scored_and_named(tmp_path, monkeypatch, caplog):
    """A system of cached features draws its window by the name."""
    monkeypatch.setattr(flac, "named", set())
    place = make_experiment(tmp_path, "x", "{test: full, seconds: 0.5, pad: none}", FBANK)
    soundfile.write(tmp_path / "x.flac", voice(1.0), 16000)
    detector, odd = Detector.load(place, "cpu"), tmp_path / os.fsdecode(b"\xff.flac")
    (tmp_path / "x.flac").rename(odd)
    assert math.isfinite(detector(odd).llr)
    assert "\\udcff.flac: " in caplog.text  # as text of which a log or a terminal can be written
