"""The page's server: the detector's numbers, a line for what is no sound, no stranger, no trace."""

import itertools
import json
import math
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_up import make_experiments
from page_server import ask, embedded_speech, make_model, score, served
from sounds import bad_sounds

from antispoof import Detector
from antispoof.demo import limits, uploads
from antispoof.demo.about import About, read_about
from antispoof.demo.app import WAITING, create_app, record_of
from antispoof.demo.serve import listen
from antispoof.errors import UserError
from antispoof.evaluation.evaluate import evaluate
from antispoof.evaluation.scores import join

NEAR = {"rel": 1e-5, "abs": 1e-5}


@pytest.fixture(scope="module")
def wavs(tmp_path_factory):
    return list(embedded_speech(tmp_path_factory.mktemp("mini") / "data").values())[::20]


@pytest.fixture(scope="module")
def detector(tmp_path_factory, wavs):
    return Detector.load(make_model(tmp_path_factory.mktemp("model") / "m", wavs), "cpu")


@pytest.fixture(scope="module")
def page(detector):
    """The address of the page."""
    with served(create_app(detector, About("tiny"))) as address:
        yield address


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder of temporary files, empty."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def convert(path, out, *options):
    command = ["ffmpeg", "-v", "error", "-y", "-i", path, *options, out]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return out


def test_the_page_says_what_the_detector_says_of_the_same_file(page, wavs, detector, temporary):
    decisions = set()
    for path in wavs:
        expected = detector(path)
        status, found = score(page, Path(path).read_bytes(), Path(path).name)
        assert status == 200
        assert found["llr"] == pytest.approx(expected.llr, **NEAR)
        assert found["p_spoof"] == pytest.approx(expected.p_spoof, **NEAR)
        assert (found["decision"], found["seconds"]) == (expected.decision, expected.seconds)
        assert (found["prior"], found["threshold"]) == (0.05, detector.threshold)
        assert found["name"] == Path(path).name
        assert len(found["windows"]) == len(expected.windows)
        for own, window in zip(found["windows"], expected.windows, strict=True):
            assert (own["start"], own["end"]) == (window.start, window.end)
            assert own["llr"] == pytest.approx(window.llr, **NEAR)
        decisions.add(found["decision"])
    assert decisions == {"bonafide", "spoof"}
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["a b.webm", "é.mp3", "x.m4a", "x.mkv", "x.ogg", "x.mp4"])
def test_recordings_and_containers_are_read_as_files_are(page, wavs, detector, tmp_path, name):
    picture = ["-f", "lavfi", "-i", "color=black:s=32x32:r=5", "-shortest"]
    video = [*picture, "-c:v", "mpeg4"] if name in ("x.mkv", "x.mp4") else []
    path = convert(wavs[0], tmp_path / name, *video, "-ar", "48000", "-ac", "2")
    expected = detector(path)
    status, found = score(page, path.read_bytes(), name)
    assert (status, found["name"]) == (200, name)
    assert found["llr"] == pytest.approx(expected.llr, **NEAR)
    assert found["conversions"] == "resampled from 48000 Hz, mixed down from 2 channels"
    assert found["seconds"] == pytest.approx(len(soundfile.read(wavs[0])[0]) / 16000, abs=0.1)


def test_what_is_no_sound_is_one_line_and_leaves_nothing(page, temporary, tmp_path):
    for what, (place, words) in bad_sounds(tmp_path / "bad").items():
        if what in ("missing", "a folder", "pipe", "pipe with offset", "stereo", "8 kHz"):
            continue
        name = Path(place).name
        status, found = score(page, Path(place).read_bytes(), name)
        assert 400 <= status < 500, what
        assert words in found["error"] and found["error"].startswith(f"{name}: "), found
        assert len(found["error"].splitlines()) == 1
        assert str(temporary) not in found["error"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("encoded_chunked", [False, True])
def test_what_is_too_large_is_one_line(page, monkeypatch, encoded_chunked):
    monkeypatch.setattr(limits, "BYTES", 1_000_000)
    body = bytes(1_000_001)
    parts = (body[n : n + 65536] for n in range(0, len(body), 65536))
    status, found = score(page, parts if encoded_chunked else body, "big.wav")
    assert status == 413
    assert found["error"].startswith("big.wav: found more than 1 MB, wanted at most that; cut it")
    status, found = score(page, bytes(1_000_000), "large.wav")  # as much as is taken
    assert (status, found["error"][:28]) == (422, "large.wav: cannot be decoded")


def test_a_body_without_end_is_not_read_to_its_end(page, monkeypatch):
    monkeypatch.setattr(limits, "BYTES", 1_000_000)
    sent = []

    def endless():
        while len(sent) < 10_000:
            sent.append(1)
            yield bytes(65536)

    with pytest.raises(OSError):
        score(page, endless(), "endless.wav")
    assert len(sent) < 1000


LONG = {"x.wav": [], "x.flac": [], "x.mp3": ["-b:a", "8k"], "x.webm": ["-b:a", "6k"]}


@pytest.mark.parametrize("name", LONG)
def test_what_is_too_long_is_one_line_whatever_its_header_says(page, monkeypatch, tmp_path, name):
    monkeypatch.setattr(limits, "SECONDS", 60)
    soundfile.write(tmp_path / "source.wav", np.zeros(8000 * 62), 8000)
    path = tmp_path / name
    convert(tmp_path / "source.wav", path, *LONG[name])
    if name == "x.flac":  # without its length and MD5, as of a stream
        data = bytearray(path.read_bytes())
        data[21] &= 0xF0
        data[22:42] = bytes(20)
        path.write_bytes(data)
    status, found = score(page, path.read_bytes(), name)
    assert status == 413
    assert found["error"].startswith(f"{name}: found more than 1 minutes of sound")


def test_what_has_too_many_samples_is_one_line(page, monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "SAMPLES", 100_000)
    soundfile.write(tmp_path / "x.wav", np.zeros((16000, 7)), 48000)
    status, found = score(page, (tmp_path / "x.wav").read_bytes())
    assert status == 413
    assert found["error"].startswith("x.wav: found more samples than ")


STRANGERS = {
    "a name that leads here": {"Host": "attacker.example"},
    "a name that begins like ours": {"Host": "localhost.attacker.example:8000"},
    "no name": {"Host": ""},
    "a post of another site": {"Origin": "https://attacker.example"},
    "a post of a file or a sandbox": {"Origin": "null"},
    "a post of another program here": {"Origin": "http://127.0.0.1:1"},
    "a post without its origin": {"Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("what", STRANGERS)
def test_others_are_refused(page, wavs, what):
    body, headers = Path(wavs[0]).read_bytes(), STRANGERS[what]
    status, found, text = ask(page, "POST", "/detect?name=x", body, **headers)
    assert (status, len(text.splitlines())) == (403, 1)
    assert found["Content-Security-Policy"].startswith("default-src 'none'; ")
    if "Host" in headers:
        assert ask(page, **headers)[0] == 403


def test_the_page_itself_and_programs_of_this_machine_are_served(page, wavs):
    body, own = Path(wavs[0]).read_bytes(), page.rstrip("/")
    for headers in ({}, {"Origin": own, "Sec-Fetch-Site": "same-origin"}):
        assert ask(page, "POST", "/detect?name=x", body, **headers)[0] == 200
    assert ask(page, Host="localhost:9999")[0] == 200
    assert [ask(page, path=path)[0] for path in ("/x", "/detect", "/../page.py")] == [404, 405, 404]


def test_only_this_machine_reaches_it_and_a_port_is_taken_once():
    with listen(0) as listening:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(UserError, match=f"--port {port}: Address already in use"):
            listen(port)
    with pytest.raises(UserError, match="--port 70000: "):
        listen(70000)


def test_files_of_the_page_name_no_other_place_and_hold_no_script(page):
    status, headers, text = ask(page)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Server"] is None
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in str(policy) and "http" not in str(policy)
    assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == [""]
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    for path in ("/page.css", "/page.js", "/timeline.js"):
        status, headers, more = ask(page, path=path)
        assert status == 200 and headers["X-Content-Type-Options"] == "nosniff"
        text += more
    assert "//" not in re.sub(r"^//.*|; //.*", "", text, flags=re.M)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\sounds\\a.wav", "a.wav"),
        ("a\nb\x1b[31m.wav", "a b [31m.wav"),
        ("", "sound"),
        ("x" * 300 + ".wav", "x" * 96 + ".wav"),
    ],
)
def test_a_name_is_one_short_line_without_folders(page, given, shown):
    status, found = score(page, b"no sound", given)
    assert (status, found["error"].partition(": ")[0]) == (422, shown)


class Slow(Detector):
    """A detector that notes when it works."""

    def __call__(self, *arguments, **options):
        self.spans.append([time.monotonic()])
        time.sleep(0.1)
        found = super().__call__(*arguments, **options)
        self.spans[-1].append(time.monotonic())
        return found


def test_one_sound_is_scored_at_a_time_and_too_many_are_refused(detector, wavs):
    slow, body, answers = Slow(detector.system), Path(wavs[0]).read_bytes(), []
    slow.spans = []
    with served(create_app(slow, About("tiny"))) as address:
        calls = [
            threading.Thread(target=lambda: answers.append(score(address, body)))
            for _ in range(WAITING + 4)
        ]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
    statuses = [status for status, _ in answers]
    assert sorted(set(statuses)) == [200, 503]
    assert statuses.count(200) == len(slow.spans) >= WAITING
    spans = sorted(slow.spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_the_file_is_private_while_it_is_read(wavs, temporary, monkeypatch):
    seen, read = [], uploads.read_sound

    def look(path):
        seen.append((path.parent.parent, oct(path.parent.stat().st_mode & 0o777)))
        return read(path)

    monkeypatch.setattr(uploads, "read_sound", look)
    sound = uploads.sound_of(Path(wavs[0]).read_bytes(), "name of it.wav")
    assert (sound.name, sound.place) == ("name of it", "name of it.wav")
    assert seen == [(temporary, "0o700")]
    assert list(temporary.iterdir()) == []


def test_a_score_that_is_not_a_number_is_null(detector, wavs):
    found = record_of(detector(wavs[0]).__class__(**{**vars(detector(wavs[0])), "llr": math.nan}))
    assert json.loads(json.dumps(found, allow_nan=False))["llr"] is None


def test_the_page_says_what_the_model_was_tested_on(detector, tmp_path):
    place = make_experiments(tmp_path, systems=("one",))
    exp = place / "exp/one_seed1"
    (exp / "fusion.json").write_text('{"systems": ["two_seed1", "three_seed1"]}')
    trials = join(place / "data/eval", exp / "eval/scores")
    result = {**evaluate(trials, by=["attack"], replicates=20), "set": "eval", "trials": None}
    (exp / "eval/result.json").write_text(json.dumps(result))
    (exp / "eval_known").mkdir()
    (exp / "eval_known/result.json").write_text("{}")  # of another version
    about = read_about(exp)
    ((name, eer, _, bonafide, spoof),) = about.rows
    assert (name, eer) == ("eval", f"{100 * result['pooled']['eer']:.2f}")
    assert (bonafide, spoof) == ("60", "100")
    eers = {name: cell["eer"] for name, cell in result["by"]["attack"].items()}
    hardest = max(eers, key=eers.get)
    assert about.notes[0].startswith("eval by attack (4): from ")
    assert about.notes[0].endswith(f" to {100 * eers[hardest]:.2f} % ({hardest})")
    with served(create_app(detector, about)) as address:
        text = ask(address)[2]
    assert "A fusion of two_seed1, three_seed1." in text
    assert f"<td>{eer}</td>" in text and "Not tested on" in text
    with served(create_app(detector, read_about(tmp_path))) as address:
        assert "What it was tested on is not known here" in ask(address)[2]
