"""MP3, M4A and MP4, also under other names: decoded once into the cache, by what is allowed."""

import os
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from made_up import worker
from sounds import make_corpus, make_data

from antispoof.data import sound_cache
from antispoof.data.audio import read_wave
from antispoof.data.containers import container_of
from antispoof.data.conversion import resample
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError

BOTH = ("resample", "mixdown")
FORMS = {  # name: FFmpeg's words, what it is found to be
    "x.mp3": (["-b:a", "128k"], "mp3"),
    "plain.mp3": (["-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0"], "mp3"),
    "x.m4a": (["-b:a", "128k"], "mov"),
    "x.mp4": (["-b:a", "128k", "-movflags", "+faststart"], "mov"),
    "mp3inside.wav": (["-c:a", "libmp3lame", "-b:a", "128k", "-f", "wav"], "wav"),
}
OTHER_NAMES = {"x.dat": "x.mp4", "an mp3.wav": "x.mp3", "mp3.flac": "plain.mp3"}


def tones(rate, channels, seconds=2.0):
    """(S, channels): a tone of 440 Hz, half as loud in each further channel."""
    time = np.arange(round(seconds * rate)) / rate
    return np.stack([0.4 / 2**c * np.sin(2 * np.pi * 440 * time) for c in range(channels)], 1)


def write(folder, rate=44100, channels=2, seconds=2.0):
    """{name: path} of the same sound in every form."""
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / "source.wav", tones(rate, channels, seconds), rate, subtype="FLOAT")
    for name, (words, _) in FORMS.items():
        command = ["ffmpeg", "-y", "-v", "error", "-i", folder / "source.wav", *words]
        subprocess.run([*command, folder / name], check=True, stdin=subprocess.DEVNULL)
    for name, source in OTHER_NAMES.items():
        shutil.copy(folder / source, folder / name)
    return {name: str(folder / name) for name in (*FORMS, *OTHER_NAMES)}


@pytest.fixture(scope="module")
def stereo(tmp_path_factory):
    return write(tmp_path_factory.mktemp("stereo"))


@pytest.fixture(scope="module")
def mono(tmp_path_factory):
    return write(tmp_path_factory.mktemp("mono"), 16000, 1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(cache):
    return sorted(cache.rglob("*.flac"))


@pytest.mark.parametrize("name", [*FORMS, *OTHER_NAMES])
def test_each_container_is_known_by_what_it_holds_and_gives_its_sound(stereo, cache, name):
    kind = FORMS[OTHER_NAMES.get(name, name)][1]
    assert container_of(stereo[name]) == kind
    found = read_wave(stereo[name], "u1", BOTH)
    assert (found.dtype, found.ndim) == (np.float32, 1)
    assert 32000 <= len(found) < 32000 + 2000  # an encoder fills up its first and last frame
    wanted = resample(tones(44100, 2).mean(1).astype(np.float32), 44100)
    power = np.abs(np.fft.rfft(found[4000:20000] * np.hanning(16000)))
    assert power.argmax() == 440
    np.testing.assert_allclose(
        found[4000:28000].std(), wanted[4000:28000].std(), rtol=0.06
    )  # LAME lowers it by 5 %
    assert len(kept(cache)) == 1


@pytest.mark.parametrize("name", [*FORMS, "x.dat"])
def test_a_container_of_16_khz_mono_needs_no_leave(mono, name):
    found = read_wave(mono[name], "u1")
    assert 32000 <= len(found) < 32000 + 2400
    assert abs(np.abs(found[4000:28000]).max() - 0.4) < 0.02


@pytest.mark.parametrize("name", ["x.mp3", "x.m4a", "x.dat"])
def test_a_conversion_is_allowed_by_name_also_where_it_was_made_before(stereo, name):
    for _ in range(2):
        with pytest.raises(UserError, match="u1: found 2 channels, wanted 1.*allow: .mixdown."):
            read_wave(stereo[name], "u1", ["resample"])
        with pytest.raises(UserError, match="u1: found 44100 Hz.*allow: .resample."):
            read_wave(stereo[name], "u1", ["mixdown"])
        read_wave(stereo[name], "u1", BOTH)


@pytest.mark.parametrize("name", ["x.mp3", "x.m4a", "x.dat"])
def test_it_is_decoded_once_and_found_again_by_its_bytes(
    stereo, cache, tmp_path, monkeypatch, name
):
    first = read_wave(stereo[name], "u1", BOTH)
    (place,) = kept(cache)
    monkeypatch.setattr(sound_cache, "decode", None)  # what would decode again fails
    moved = tmp_path / "moved"
    shutil.copy(stereo[name], moved)
    os.utime(moved, (1, 1))
    assert read_wave(str(moved), "u2", BOTH).tobytes() == first.tobytes()
    assert kept(cache) == [place]
    info = soundfile.info(place)
    assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_24")


def test_another_sound_of_the_same_name_size_and_time_is_noticed(stereo, tmp_path):
    path = tmp_path / "x.mp3"
    data = bytearray(Path(stereo["plain.mp3"]).read_bytes())
    path.write_bytes(data)
    os.utime(path, (1, 1))
    first = read_wave(str(path), "u1", BOTH)
    place = data.index(b"\xff\xfb", len(data) // 2) + 60
    data[place : place + 8] = bytes(8)
    path.write_bytes(data)
    os.utime(path, (1, 1))
    assert read_wave(str(path), "u1", BOTH).tobytes() != first.tobytes()


def test_a_file_of_the_cache_that_was_damaged_is_made_again(stereo, cache, caplog):
    first = read_wave(stereo["x.m4a"], "u1", BOTH)
    (place,) = kept(cache)
    data = bytearray(place.read_bytes())
    for change in (data[: len(data) // 2], data[:9000] + bytes([data[9000] ^ 1]) + data[9001:]):
        place.write_bytes(change)
        assert read_wave(stereo["x.m4a"], "u1", BOTH).tobytes() == first.tobytes()
        assert place.read_bytes() == data
        assert f"{place}: is damaged; made again" in caplog.text
        caplog.clear()


def test_what_is_kept_is_what_ffmpeg_decodes(mono):
    """To a step of 24 bits."""
    with av.open(mono["x.m4a"]) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    wanted = np.concatenate(frames)
    found = read_wave(mono["x.m4a"], "u1")
    assert len(found) == len(wanted)
    assert np.abs(found - wanted).max() <= 2**-24


def half(data):
    return data[: len(data) // 2]


BAD = {
    "an MP3 whose header counts its bytes": ("x.mp3", half, "lacks .* bytes of .* truncated"),
    "an MP4 without its end": ("x.mp4", half, "found .* samples, its header says 88200; truncated"),
    "an MP4 without its last packet": ("x.mp4", lambda d: d[:-20], "truncated"),
    "an M4A without its table": ("x.m4a", half, "cannot be decoded .FFmpeg: .*truncated"),
    "an MP4 with a hole": (
        "x.mp4",
        lambda d: d[: len(d) // 2] + bytes(900) + d[len(d) // 2 + 900 :],
        "cannot be decoded; truncated or damaged",
    ),
    "a beginning alone": ("x.m4a", lambda d: d[:40], "cannot be decoded"),
    "an MP3's beginning alone": ("x.mp3", lambda d: d[:10], "cannot be decoded"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_cut_or_damaged_is_one_line_and_is_not_kept(stereo, cache, tmp_path, kind):
    name, change, words = BAD[kind]
    path = tmp_path / f"bad {name}"
    path.write_bytes(change(Path(stereo[name]).read_bytes()))
    for _ in range(2):
        with pytest.raises(UserError, match=words) as caught:
            read_wave(str(path), "u1", BOTH)
        assert str(caught.value).startswith(f"{path}: u1: ")
        assert len(str(caught.value).splitlines()) == 1
    assert kept(cache) == []


def test_a_film_without_a_sound_is_one_line(tmp_path):
    path = tmp_path / "film.mp4"
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=s=64x64:d=0.2", path]
    subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
    with pytest.raises(UserError, match="u1: holds no sound"):
        read_wave(str(path), "u1", BOTH)


def test_a_cache_that_cannot_be_written_is_one_line(stereo, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "a file"))
    with pytest.raises(UserError, match="u1: cannot be written .*another folder: --cache DIR"):
        read_wave(stereo["x.mp3"], "u1", BOTH)


def test_validation_and_stages_read_every_form(stereo, tmp_path):
    make_corpus(tmp_path / "corpus", {"train": 8})
    data = make_data(tmp_path / "data", tmp_path / "corpus") / "train"
    wavs, seconds = read_table(data / "wav.scp"), read_table(data / "utt2dur")
    for utt, path in zip(list(wavs), stereo.values(), strict=True):
        wavs[utt] = path
        seconds[utt] = f"{len(read_wave(path, utt, BOTH)) / 16000:.4f}"
    write_table(data / "wav.scp", wavs)
    write_table(data / "utt2dur", seconds)
    status, _, error = worker("utils/validate_data_dir.py", data, cwd=tmp_path)
    assert status == 1
    assert error.count("found 2 channels, wanted 1") == len(error.splitlines()) == 8
    out = worker("utils/validate_data_dir.py", "--allow", *BOTH, "--nj", 2, data, cwd=tmp_path)[1]
    assert out.endswith(": valid\n")
    (tmp_path / "fbank.yaml").write_text("name: fbank\nallow: [resample, mixdown]\n")
    status, _, error = worker("steps/extract_ssl.py", "fbank.yaml", data, "dump", cwd=tmp_path)
    assert status == 0, error
    (tmp_path / "fbank.yaml").write_text("name: fbank\n")
    status, _, error = worker("steps/extract_ssl.py", "fbank.yaml", data, "other", cwd=tmp_path)
    assert (status, len(error.splitlines())) == (1, 1)
    assert "found 2 channels" in error
