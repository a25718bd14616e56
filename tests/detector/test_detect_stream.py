"""A stream from a pipe: a line for each window, the mean so far, no end and no growth."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from made_up import ROOT
from tiny_detector import make_experiment, voice

from antispoof import Detector
from antispoof.detector.stream import Stream
from antispoof.errors import UserError

PROGRAM = "steps/detect.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    crop = "{test: windows, seconds: 0.5, pad: none}"
    return make_experiment(tmp_path_factory.mktemp("tiny"), "x", crop)


@pytest.fixture(scope="module")
def detector(model):
    return Detector.load(model, "cpu")


def pcm(wave):
    return (wave * 32767).astype("<i2").tobytes()


def stream(model, data, *options):
    """(status, stdout, stderr) of --stream over the bytes `data`."""
    command = [sys.executable, ROOT / PROGRAM, "--model", model, "--stream", *map(str, options)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_stream_is_a_line_for_each_window_and_the_mean_so_far(model, detector):
    wave = voice(1.4)
    status, out, error = stream(model, pcm(wave), "--json")
    assert status == 0 and "a window lasts 0.5 s, a new one begins each 0.25 s" in error
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["start"], row["end"]) for row in rows] == [
        *((0.25 * n, 0.25 * n + 0.5) for n in range(4)),
        (1.0, 1.4),
    ]
    heard = np.frombuffer(pcm(wave), "<i2") / np.float32(32768)
    for number, row in enumerate(rows):
        piece = heard[round(row["start"] * 16000) : round(row["end"] * 16000)]
        assert row["llr"] == pytest.approx(detector((piece, 16000)).llr, abs=1e-4)
        mean = np.mean([each["llr"] for each in rows[: number + 1]])
        assert row["running"] == pytest.approx(mean)
        assert row["decision"] == ("bonafide" if mean >= detector.threshold else "spoof")


def test_a_stream_of_silence_has_no_verdict(detector):
    found = through(detector, pcm(np.zeros(16000)))
    assert len(found) == 3 and {moment.decision for moment in found} == {"none"}
    assert all(np.isnan([moment.llr, moment.running]).all() for moment in found)
    assert all(moment.warnings[0].startswith("silent") for moment in found)
    after = through(detector, pcm(np.concatenate([voice(1.0), np.zeros(16000)])))
    assert after[-1].running == after[3].running and after[-1].decision != "none"


def through(detector, data, rate=16000, form="s16le", size=777):
    """What a stream says of `data`, written to a pipe in pieces of an odd size."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        for first in range(0, len(data), size):
            os.write(writer, data[first : first + size])
        os._exit(0)
    os.close(writer)
    with Stream(detector, rate, form) as made:
        found = list(made.each(reader))
    os.close(reader)
    os.waitpid(child, 0)
    return found


@pytest.mark.parametrize("more", [b"", b"\x01"])
def test_a_stream_of_any_form_is_heard_as_an_array(detector, more):
    wave = voice(0.6, 8000)
    (first, last) = through(detector, pcm(wave) + more, 8000)
    heard = np.frombuffer(pcm(wave), "<i2")
    (expected, _) = detector((heard, 8000)).windows
    assert first.llr == pytest.approx(expected.llr, abs=1e-4)
    assert (last.start, last.end) == (0.25, 0.6)
    floats = through(detector, wave.astype("<f4").tobytes(), 8000, "f32le")
    assert floats[0].llr == pytest.approx(first.llr, abs=1e-2)


def test_a_stream_without_end_is_read_as_it_comes_and_in_one_size(model):
    command = [sys.executable, ROOT / PROGRAM, "--model", model, "--stream", "--csv"]
    noise = subprocess.Popen(["cat", "/dev/urandom"], stdout=subprocess.PIPE)
    running = subprocess.Popen(
        command, stdin=noise.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    noise.stdout.close()
    sizes = []
    for number in itertools.count():
        assert running.stdout.readline().count(",") >= 5
        if number in (20, 400):
            status = Path(f"/proc/{running.pid}/status").read_text()
            sizes.append(int(status.partition("VmRSS:")[2].split()[0]))
        if number == 400:
            break
    running.send_signal(signal.SIGINT)
    out, error = running.communicate(timeout=60)
    noise.kill()
    noise.wait()
    assert running.returncode == 0 and len(error.splitlines()) == 1
    assert out == "" or out.endswith("\n")
    assert sizes[1] < sizes[0] + 20_000  # kB


def test_a_stream_that_is_stopped_ends_with_what_it_heard(detector):
    reader, writer = os.pipe()
    os.write(writer, pcm(voice(0.9)))
    with Stream(detector) as made:
        threading.Timer(1.0, made.stop).start()
        found = [(moment.start, moment.end) for moment in made.each(reader)]
    assert found == [(0.0, 0.5), (0.25, 0.75), (0.5, 0.9)]
    os.close(reader)
    os.close(writer)


def test_a_rate_that_is_none_is_refused(detector):
    with pytest.raises(UserError, match="found 5 Hz, wanted 100 to 1000000"):
        Stream(detector, 5)
