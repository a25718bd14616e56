"""The page's numbers are the detector's, for files, recordings and containers; what it knows."""

import itertools
import json
import math
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_up import make_experiments
from page_server import ask, convert, score, served

from antispoof import Detector
from antispoof.demo.about import About, read_about
from antispoof.demo.app import WAITING, create_app
from antispoof.detector.result import plain
from antispoof.evaluation.evaluate import evaluate
from antispoof.evaluation.scores import join
from antispoof.systems.pack import make_pack

NEAR = {"rel": 1e-5, "abs": 1e-5}


@pytest.fixture(scope="module")
def page(detector):
    """The address of the page."""
    with served(create_app(detector, About("tiny"))) as address:
        yield address


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


@pytest.mark.parametrize("name", ["a b.webm", "é.mp3", "x.m4a", "x.mkv", "x.ogg", "x.mp4", "x.wma"])
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


def test_a_score_that_is_not_a_number_is_null(detector, wavs):
    found = plain(detector(wavs[0]).__class__(**{**vars(detector(wavs[0])), "llr": math.nan}))
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


def test_a_pack_gives_the_same_llr_and_says_the_same(detector, model, wavs, tmp_path):
    (model / "eval").mkdir()
    place = make_experiments(tmp_path, systems=("one",))
    trials = join(place / "data/eval", place / "exp/one_seed1/eval/scores")
    result = {**evaluate(trials, replicates=20), "set": "eval", "trials": None}
    (model / "eval/result.json").write_text(json.dumps(result))
    make_pack(model, tmp_path / "tiny.zip", licence="apache-2.0")
    about = read_about(tmp_path / "tiny.zip")
    assert (about.name, about.rows) == ("tiny.zip", read_about(model).rows)
    assert len(about.rows) == 1
    with served(create_app(Detector.load(tmp_path / "tiny.zip", "cpu"), about)) as address:
        status, found = score(address, Path(wavs[0]).read_bytes(), Path(wavs[0]).name)
    assert status == 200
    assert found["llr"] == pytest.approx(detector(wavs[0]).llr, **NEAR)


def test_silence_gets_no_verdict(page, tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(32000), 16000)
    status, found = score(page, (tmp_path / "x.wav").read_bytes())
    assert (status, found["decision"]) == (200, "none")
    assert found["warnings"][0].startswith("silent")
