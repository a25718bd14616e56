"""What is no sound, or one that no header describes, is one line: never a traceback, no wait."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from made_up import ROOT, refused
from sounds import make_corpus, make_data

from antispoof.data.ark import MATRIX, read_entry, read_rows
from antispoof.data.audio import read_wave
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError

WAVE = np.linspace(-0.9, 0.7, 1600)
READ = "import sys; from antispoof.data.audio import read_wave; read_wave(sys.argv[1], 'u1')"


def one_line(place):
    """With which a sound is refused; it begins with its place and utterance."""
    with pytest.raises(UserError) as caught:
        read_wave(str(place), "u1")
    message = str(caught.value)
    assert message.startswith(f"{place}: u1: ")
    assert len(message.splitlines()) == 1
    return message


def wav(path, size=None, riff=None):
    """Bytes of a WAV whose header gives other sizes."""
    soundfile.write(path, WAVE, 16000, format="WAV")
    data = bytearray(path.read_bytes())
    for place, number in ((40, size), (4, riff)):
        if number is not None:
            data[place : place + 4] = number.to_bytes(4, "little")
    path.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize("form", ["{}", "{}:0", "{}:7"])
def test_a_fifo_is_refused_at_once(tmp_path, form):
    os.mkfifo(tmp_path / "fifo")
    place = form.format(tmp_path / "fifo")
    done = subprocess.run(
        [sys.executable, "-c", READ, place], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.splitlines()[-1].startswith(f"antispoof.errors.UserError: {place}: u1: ")
    assert "not a regular file" in done.stderr.splitlines()[-1]


def test_features_in_what_is_no_file_are_refused(tmp_path):
    for read in (read_entry, read_rows):
        with pytest.raises(UserError, match="zero:0: u1: cannot be read .not a regular file"):
            read("/dev/zero:0", "u1", MATRIX if read is read_entry else lambda n: (0, n))


def test_validation_refuses_a_fifo_in_one_line(tmp_path):
    make_corpus(tmp_path / "corpus", {"train": 4})
    data = make_data(tmp_path / "data", tmp_path / "corpus") / "train"
    os.mkfifo(tmp_path / "fifo")
    for place in (f"{tmp_path}/fifo", f"{tmp_path}/fifo:0"):
        write_table(data / "wav.scp", {**read_table(data / "wav.scp"), "train_002": place})
        line = refused("utils/validate_data_dir.py", data, cwd=tmp_path)
        assert f"{place}: train_002: " in line
        assert "not a regular file" in line


def test_a_gsm_wav_is_one_line(tmp_path):
    soundfile.write(tmp_path / "x.wav", WAVE, 16000, format="WAV", subtype="GSM610")
    assert "cannot be decoded" in one_line(tmp_path / "x.wav")


def test_a_sound_that_memory_cannot_hold_is_one_line(tmp_path):
    """A hole of three GiB in a WAV of eight bits takes twelve, and there are six."""
    path, size = tmp_path / "x.wav", 3 << 30
    soundfile.write(path, WAVE, 16000, format="WAV", subtype="PCM_U8")
    data = bytearray(path.read_bytes())
    data[4:8], data[40:44] = (number.to_bytes(4, "little") for number in (size + 36, size))
    path.write_bytes(data)
    os.truncate(path, size + 44)
    room = 6 << 30
    done = subprocess.run(
        [sys.executable, "-c", READ, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (room, room)),
    )
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"antispoof.errors.UserError: {path}: u1: cannot be decoded (Unable to")


def test_garbage_in_an_archive_is_one_line(tmp_path):
    good, rng = wav(tmp_path / "x.wav"), np.random.default_rng(0)
    starts = [b"RIFF", b"fLaC", b"AUDIO", b"AUDIO\4\x10\0\0\0", b"RIFF\x24\0\0\0WAVE", good[:40]]
    entries = [start + rng.bytes(count) for start in starts for count in (0, 3, 60)]
    entries += [good[:4] + bytes(4) + good[8:], good[:20] + b"\x11\0" + good[22:], good[:30]]
    for entry in entries:
        (tmp_path / "x.ark").write_bytes(b"u1 " + entry)
        one_line(f"{tmp_path}/x.ark:3")


@pytest.mark.parametrize("kind", ["FLAC", "WAV"])
def test_half_a_sound_in_an_archive_is_refused_at_an_even_byte(tmp_path, kind):
    soundfile.write(tmp_path / "x", WAVE, 16000, format=kind)
    data = (tmp_path / "x").read_bytes()
    for size in (len(data) // 4 * 2, 98, len(data) - 2):
        (tmp_path / "x.ark").write_bytes(b"u1 " + data[:size])
        one_line(f"{tmp_path}/x.ark:3")
        (tmp_path / "y").write_bytes(data[:size])
        one_line(tmp_path / "y")


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFF0000])
@pytest.mark.parametrize("riff", [None, 0xFFFFFFFF])
def test_a_streamed_wav_has_no_end_in_an_archive(tmp_path, size, riff):
    data, other = wav(tmp_path / "x.wav", size, riff), wav(tmp_path / "y.wav")
    assert len(read_wave(f"{tmp_path}/x.wav", "u1")) == 1600
    (tmp_path / "x.ark").write_bytes(b"u1 " + data + b"u2" + other[:36])
    assert "its header gives no size, as of a stream" in one_line(f"{tmp_path}/x.ark:3")


def test_a_wav_of_size_0_is_refused_with_what_follows(tmp_path):
    data = wav(tmp_path / "x.wav", 0)
    line = "its header says 0 bytes of samples, and 3200 follow; streamed? write it again"
    assert line in one_line(tmp_path / "x.wav")
    (tmp_path / "x.ark").write_bytes(b"u1 " + data)
    assert "holds no sample" in one_line(f"{tmp_path}/x.ark:3")


def test_a_flac_without_length_in_an_archive_is_one_line(tmp_path):
    soundfile.write(tmp_path / "x.flac", WAVE, 16000)
    data = bytearray((tmp_path / "x.flac").read_bytes())
    data[21:26] = bytes([data[21] & 0xF0]) + bytes(4)
    (tmp_path / "x.ark").write_bytes(b"u1 " + data)
    assert "cannot be read" in one_line(f"{tmp_path}/x.ark:3")
