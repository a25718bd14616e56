"""A detector reads any sound that FFmpeg opens, of any length, or says in a line why not."""

import math
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_detector import make_experiment, voice

from antispoof import Detector
from antispoof.data.audio import read_wave
from antispoof.data.conversion import resample
from antispoof.data.sounds import Sound, read_sound
from antispoof.detector import long_sounds, pieces
from antispoof.detector.long_sounds import LongSound, open_sound
from antispoof.detector.places import sounds_below
from antispoof.errors import UserError

CROPS = {
    "windows": "{test: windows, seconds: 0.5, pad: none}",
    "centre": "{test: centre, seconds: 0.5, pad: tile}",
    "random": "{test: random, seconds: 0.5, pad: tile}",
    "first": "{test: first, seconds: 0.5, pad: tile}",
    "full": "{test: full, seconds: 0.5, pad: none}",
}


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """{crop: a detector}."""
    folder = tmp_path_factory.mktemp("tiny")
    return {name: Detector.load(make_experiment(folder, name, CROPS[name])) for name in CROPS}


@pytest.fixture(scope="module")
def detector(detectors):
    return detectors["windows"]


@pytest.fixture
def short_is_long(monkeypatch):
    """What lasts longer than two seconds is read in pieces, of a tenth of a second."""
    monkeypatch.setattr(long_sounds, "LONG", 2.0)
    monkeypatch.setattr(pieces, "BLOCK", 1600)


def ffmpeg(path, *options):
    source = path.parent / "source.wav"
    if not source.exists():
        soundfile.write(source, voice(1.5, 44100), 44100)
    command = ["ffmpeg", "-v", "error", "-y", "-i", source, *options, path]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


FORMS = {
    "a.opus": ["-c:a", "libopus"],
    "a.mkv": ["-c:a", "flac"],
    "a.webm": ["-c:a", "libopus"],
    "a.mov": ["-c:a", "pcm_s16le"],
    "a.aac": [],
    "a.wma": [],
    "a.avi": [],
    "a.ts": [],
    "a.flv": ["-c:a", "aac"],
    "a.ac3": [],
    "a.aiff": [],
    "telephone.wav": ["-ar", "8000", "-c:a", "pcm_mulaw"],
    "alaw.wav": ["-ar", "8000", "-c:a", "pcm_alaw"],
    "adpcm.wav": ["-c:a", "adpcm_ms"],
    "stereo.wav": ["-ar", "48000", "-ac", "2"],
    "an mkv.wav": ["-f", "matroska"],
}


@pytest.mark.parametrize("name", FORMS)
def test_any_form_that_ffmpeg_opens_is_heard(detector, tmp_path, name):
    found = open_sound(ffmpeg(tmp_path / name, *FORMS[name]))
    expected = resample(voice(1.5, 44100), 44100)
    wave = found.wave[:24000]
    assert abs(len(found.wave) - 24000) <= 3200  # a codec adds some at both ends
    best = max(np.correlate(np.pad(wave, 3200), expected[3200:16000], "valid"))
    assert best > 0.6 * np.sum(np.square(expected[3200:16000]))
    assert math.isfinite(detector(tmp_path / name).llr)


def test_the_sound_of_a_film_is_heard_and_a_silent_film_refused(detector, tmp_path):
    film = ["-f", "lavfi", "-i", "color=size=64x64:duration=1.5:rate=5"]
    path = ffmpeg(tmp_path / "film.mkv", *film, "-c:v", "mpeg4", "-c:a", "aac")
    assert detector(path).seconds == pytest.approx(1.5, abs=0.1)
    ffmpeg(tmp_path / "silent.mkv", *film, "-map", "1:v", "-c:v", "mpeg4")
    with pytest.raises(UserError, match="silent.mkv: silent: holds no sound"):
        detector(tmp_path / "silent.mkv")


@pytest.mark.parametrize("rate", [16000, 8000, 11025, 44100, 48000, 32000, 96000])
@pytest.mark.parametrize("size", [613, 50000])
def test_a_sound_in_blocks_is_resampled_as_the_whole(rate, size):
    wave = np.random.default_rng(0).standard_normal(rate + 3).astype(np.float32)
    blocks = [wave[first : first + size] for first in range(0, len(wave), size)]
    found = np.concatenate(list(pieces.resampled(blocks, rate)))
    expected = wave if rate == 16000 else resample(wave, rate)
    assert found.shape == expected.shape
    assert found == pytest.approx(expected, abs=1e-5)


def test_excerpts_are_the_spans_of_the_whole():
    wave = np.arange(1000.0)
    spans = [(0, 10), (5, 300), (5, 6), (290, 291), (700, 1000)]
    blocks = np.array_split(wave, 7)
    for (start, stop), found in zip(spans, pieces.excerpts(blocks, spans), strict=True):
        assert np.array_equal(found, wave[start:stop])


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "mkv"])
def test_a_long_sound_in_pieces_has_the_llr_of_the_whole(
    detectors, tmp_path, short_is_long, monkeypatch, name, suffix
):
    soundfile.write(tmp_path / "source.wav", voice(5.1, 48000), 48000)
    path = ffmpeg(tmp_path / f"a.{suffix}") if suffix != "wav" else tmp_path / "source.wav"
    assert isinstance(open_sound(path), LongSound)
    found = detectors[name](path)
    monkeypatch.setattr(long_sounds, "LONG", 600.0)
    whole = detectors[name](path)
    assert found.seconds == pytest.approx(whole.seconds, abs=0.1)
    if found.seconds == whole.seconds:
        assert found.llr == pytest.approx(whole.llr, abs=1e-5) or name == "full"
        for one, other in zip(found.windows, whole.windows, strict=True):
            assert (one.start, one.end) == (other.start, other.end)
            assert one.llr == pytest.approx(other.llr, abs=1e-4)
    means = ("too long to be read whole: its LLR is the mean over windows",)
    assert found.warnings == (means if name == "full" else ())
    assert whole.warnings == ()


def test_a_long_sound_is_never_whole_in_memory(detector, tmp_path, short_is_long, monkeypatch):
    sizes = []

    def seen(blocks, spans):
        for piece in true(blocks, spans):
            sizes.append(len(piece))
            yield piece

    true = long_sounds.excerpts
    monkeypatch.setattr(long_sounds, "excerpts", seen)
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 8000, 1) as sound:
        for number in range(40):
            sound.write(voice(1.0, 8000, number))
    assert detector(path).seconds == 40
    assert max(sizes) == 8000 and sum(sizes) > 2 * 40 * 16000


def test_short_files_are_read_as_the_recipe_reads_them(tmp_path):
    path = ffmpeg(tmp_path / "a.flac")
    found = open_sound(path)
    assert isinstance(found, Sound)
    assert np.array_equal(found.wave, read_sound(path).wave)
    assert np.array_equal(found.wave, read_wave(str(path), "a", ("resample",)))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_long_file_that_is_cut_is_refused(detector, tmp_path, short_is_long, name):
    soundfile.write(tmp_path / name, voice(5.0), 16000)
    cut(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}: a: .*(truncated|decoded)"):
        detector(tmp_path / name)


def test_a_text_with_the_name_of_a_film_or_a_sound_is_refused(detector, tmp_path):
    for name in ("text.wav", "text.mkv", "text.mp3"):
        (tmp_path / name).write_text("#EXTM3U\nhttp://localhost/x.mp3\n" * 20)
        with pytest.raises(UserError, match=f"{name}: text: .*not a sound file") as caught:
            detector(tmp_path / name)
        assert len(str(caught.value).splitlines()) == 1


def refusal(detector, path):
    with pytest.raises(UserError) as caught:
        detector(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_is_no_regular_file_is_refused_and_nothing_waits(detector, tmp_path):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "gone.wav").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "empty.mkv").touch()
    assert "no such file" in refusal(detector, tmp_path / "folder.wav")
    assert "no such file" in refusal(detector, tmp_path / "gone.wav")
    (tmp_path / "link.wav").symlink_to("gone.wav")
    for name in ("folder.wav", "gone.wav", "link.wav"):  # of which no recipe has a table
        assert "wav.scp" not in refusal(detector, tmp_path / name)
    assert "is not a regular file" in refusal(detector, tmp_path / "pipe.wav")
    assert "is not a regular file" in refusal(detector, os.devnull)
    assert "the file is empty" in refusal(detector, tmp_path / "empty.mkv")


def test_a_file_that_may_not_be_read_is_one_line(detector):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        soundfile.write(folder / "a.wav", voice(1.0), 16000)
        (folder / "a.wav").chmod(0)
        (folder / "shut").mkdir(mode=0)
        was = os.geteuid()
        try:
            if not was:
                os.seteuid(65534)  # root may read all
            assert "a.wav: Permission denied" in refusal(detector, folder / "a.wav")
            assert "shut/b.wav: Permission denied" in refusal(detector, folder / "shut/b.wav")
            complaints = []
            assert list(sounds_below(folder, complaints.append)) == [folder / "a.wav"]
            assert [str(each).partition(";")[0] for each in complaints] == [
                f"{folder}/shut: Permission denied"
            ]
        finally:
            os.seteuid(was)
            (folder / "shut").chmod(0o755)
