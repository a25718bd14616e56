"""A detector says of any sound what the recipe says of it: files, arrays, lists, windows."""

import itertools
import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from made_up import ROOT

from antispoof import Detector
from antispoof.data.audio import read_wave
from antispoof.data.sounds import read_sound
from antispoof.data.tables import read_table
from antispoof.detector import detect
from antispoof.errors import UserError
from antispoof.metrics import bayes_threshold

EXPERIMENTS = ("fbank_mhfa_seed1", "wave_cnn_seed1", "fusion_seed1")
NEAR = {"rel": 1e-5, "abs": 1e-5}


@pytest.fixture(scope="module")
def place(undisturbed):
    """The folder of a recipe that was run."""
    return undisturbed[0].folder


@pytest.fixture(scope="module")
def wavs(place):
    """{utterance: path} of its eval set."""
    return read_table(place / "data/eval/wav.scp")


@pytest.fixture(scope="module")
def detectors(place):
    """{experiment: its detector}."""
    return {name: Detector.load(place / "exp" / name, "cpu") for name in EXPERIMENTS}


@pytest.fixture(scope="module")
def detector(detectors):
    return detectors["fusion_seed1"]


def samples_of(path):
    return soundfile.read(path, dtype="float32")[0]


def llrs(found):
    return [each.llr for each in found]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_llrs_are_those_of_the_recipe(place, wavs, detectors, name):
    expected = read_table(place / "exp" / name / "eval/llr/scores")
    found = detectors[name](list(wavs.values()), windows=False)
    assert llrs(found) == pytest.approx([float(expected[utt]) for utt in wavs], **NEAR)
    assert [each.name for each in found] == list(wavs.values())
    assert np.ptp(llrs(found)) > 0.1


@pytest.mark.parametrize("name", EXPERIMENTS[:2])
def test_scores_are_those_of_the_recipe(place, wavs, detectors, name):
    expected = read_table(place / "exp" / name / "eval/scores")
    (system,) = detectors[name].system.systems
    found = system.scores([read_sound(path) for path in wavs.values()])
    assert found == pytest.approx([float(expected[utt]) for utt in wavs], **NEAR)


def test_a_path_an_array_and_a_list_give_the_same(wavs, detector):
    paths = list(wavs.values())[:6]
    arrays = [(samples_of(path), 16000) for path in paths]
    one_by_one = [detector(path).llr for path in paths]
    assert llrs(detector(paths)) == pytest.approx(one_by_one, **NEAR)
    assert llrs(detector(arrays)) == pytest.approx(one_by_one, **NEAR)
    assert llrs(detector([arrays[0], paths[1]])) == pytest.approx(one_by_one[:2], **NEAR)
    assert detector(arrays[2]).llr == pytest.approx(one_by_one[2], **NEAR)
    assert llrs(detector([paths[0], paths[1], paths[0]]))[2] == pytest.approx(one_by_one[0], **NEAR)
    assert detector([]) == []


def test_whole_numbers_and_a_column_are_read_as_floats_are(wavs, detector):
    path = next(iter(wavs.values()))
    whole, _ = soundfile.read(path, dtype="int16")
    expected = detector(path).llr
    assert detector((whole, 16000)).llr == pytest.approx(expected, **NEAR)
    assert detector((whole[:, None], np.int64(16000))).llr == pytest.approx(expected, **NEAR)
    unsigned = (whole.astype(np.int32) + 32768).astype(np.uint16)
    assert detector((unsigned, 16000)).llr == pytest.approx(expected, **NEAR)


def test_p_spoof_and_the_decision_rest_on_the_stated_prior_and_threshold(place, wavs, detector):
    path = next(iter(wavs.values()))
    found = detector(path)
    odds = math.exp(found.llr) * 0.95 / 0.05
    assert found.p_spoof == pytest.approx(1 / (1 + odds))
    assert (found.prior, found.threshold) == (0.05, bayes_threshold())
    assert found.decision == ("bonafide" if found.llr >= bayes_threshold() else "spoof")
    even = Detector.load(place / "exp/fusion_seed1", "cpu", prior=0.5)(path)
    assert even.p_spoof == pytest.approx(1 / (1 + math.exp(found.llr)))
    assert even.threshold == pytest.approx(math.log(10))
    for shift, decision in ((0.0, "bonafide"), (1e-9, "spoof")):
        strict = Detector(detector.system, threshold=found.llr + shift)
        assert strict(path).decision == decision


def test_windows_cover_a_long_sound_and_are_scored_as_sounds(wavs, detector):
    wave = np.concatenate([samples_of(path) for path in list(wavs.values())[:3]])
    found = detector((wave, 16000))
    assert found.seconds == len(wave) / 16000
    assert [window.start for window in found.windows[:3]] == [0.0, 0.4, 0.8]
    assert found.windows[-1].end == found.seconds
    assert {round(window.end - window.start, 9) for window in found.windows} == {0.8}
    for window in found.windows:
        piece = wave[round(window.start * 16000) : round(window.end * 16000)]
        assert window.llr == pytest.approx(detector((piece, 16000)).llr, **NEAR)
    assert detector((wave, 16000), windows=False).windows == ()
    assert detector((wave[:12800], 16000)).windows == ()


@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (8000, 1), (44100, 6)])
def test_other_forms_are_converted_and_say_so(wavs, detector, tmp_path, rate, channels):
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.standard_normal((rate, channels))).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, rate, subtype="FLOAT")
    found = detector(str(tmp_path / "a.wav"))
    allowed = read_wave(str(tmp_path / "a.wav"), "a", ("resample", "mixdown"))
    assert found.llr == pytest.approx(detector((allowed, 16000)).llr, **NEAR)
    assert detector((wave, rate)).llr == pytest.approx(found.llr, **NEAR)
    assert (found.rate, found.channels, found.seconds) == (rate, channels, 1.0)
    more = f", mixed down from {channels} channels" if channels > 1 else ""
    assert found.conversions == f"resampled from {rate} Hz{more}"
    assert detector(next(iter(wavs.values()))).conversions == ""


@pytest.mark.parametrize("name", ["x.mp3", "x.m4a", "x.mp4", "x.ogg", "an mp3.wav"])
def test_containers_are_heard_as_the_recipe_hears_them_and_not_kept(
    wavs, detector, tmp_path, monkeypatch, name
):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    form = ["-f", "mp3"] if name == "an mp3.wav" else []
    path = tmp_path / name
    command = ["ffmpeg", "-v", "error", "-i", next(iter(wavs.values())), "-ar", "44100", "-ac", "2"]
    subprocess.run([*command, *form, path], check=True, stdin=subprocess.DEVNULL)
    found = detector(path)
    assert not (tmp_path / "cache").exists()
    assert (found.rate, found.channels) == (44100, 2)
    heard = read_wave(str(path), "x", ("resample", "mixdown"))
    assert np.array_equal(read_sound(path).wave, heard)


ARRAYS = {
    "found 3 axes of float64, wanted numbers": (np.zeros((2, 2, 2)), 16000),
    "found 1 axes of <U1, wanted numbers": (np.array(["a"]), 16000),
    "found 16000 channels, .* transpose it": (np.zeros((2, 16000)), 16000),
    "found the rate 16000.0, wanted a whole number": (np.zeros(16000), 16000.0),
    "found 0 Hz, wanted 100 to 1000000": (np.zeros(16000), 0),
    "holds no sample": (np.zeros(0), 16000),
    "sample 3 is nan": (np.array([0, 0, 0, np.nan] * 4000), 16000),
    "found int, wanted a path": 7,
}


@pytest.mark.parametrize("words", ARRAYS)
def test_what_is_no_sound_is_refused_in_one_line(detector, words):
    with pytest.raises(UserError, match=words) as caught:
        detector(ARRAYS[words])
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("count", [1, 10, 300, 399])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_sound_that_is_short_has_a_score_or_one_line(detectors, name, count):
    wave = 0.1 * np.random.default_rng(count).standard_normal(count)
    try:
        assert math.isfinite(detectors[name]((wave, 16000)).llr)
    except UserError as error:
        assert str(error).startswith("array: ") and len(str(error).splitlines()) == 1


def test_what_cannot_be_scored_leaves_the_rest_of_its_batch(wavs, detector):
    paths = list(wavs.values())[:3]
    items = [paths[0], "nowhere.wav", (np.full(10, 0.1), 16000), *paths[1:]]
    found = list(detector.each(items))
    assert [item for item, _ in found][:2] == items[:2]
    refused = [isinstance(each, UserError) for _, each in found]
    assert refused == [False, True, True, False, False]
    assert [found[n][1].llr for n in (0, 3, 4)] == pytest.approx(llrs(detector(paths)), **NEAR)


def test_sounds_without_end_are_scored_a_chunk_at_a_time(detector):
    taken = itertools.count()
    rng = np.random.default_rng(0)
    endless = ((rng.standard_normal(160000) / 10, 16000) for _ in taken)
    found = list(itertools.islice(detector.each(endless, windows=False), 12))
    assert len(found) == 12
    assert next(taken) <= 12 + detect.CHUNK_SECONDS / 10 + 6  # and those that are read ahead


def test_a_fusion_without_a_member_is_one_line(place, tmp_path):
    shutil.copytree(place / "exp/fusion_seed1", tmp_path / "exp/fusion_seed1")
    shutil.copytree(place / "exp/wave_cnn_seed1", tmp_path / "exp/wave_cnn_seed1")
    with pytest.raises(UserError, match="fbank_mhfa_seed1: no such experiment, of which .*json"):
        Detector.load(tmp_path / "exp/fusion_seed1", "cpu")


@pytest.mark.parametrize("name", ["../exp/wave_cnn_seed1", "..", "fusion_seed1"])
def test_a_fusion_names_other_folders_next_to_it_alone(place, tmp_path, name):
    record = json.loads((place / "exp/fusion_seed1/fusion.json").read_text())
    record["systems"][0] = name
    (tmp_path / "fusion_seed1").mkdir()
    (tmp_path / "fusion_seed1/fusion.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"fusion.json: found (the system '\.\.|itself)"):
        Detector.load(tmp_path / "fusion_seed1", "cpu")


def test_an_experiment_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match="config.yaml: no such experiment"):
        Detector.load(tmp_path / "y", "cpu")


def test_the_package_is_imported_without_torch():
    code = "import sys, antispoof; print('torch' in sys.modules, antispoof.Detector.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False Detector\n", "")
