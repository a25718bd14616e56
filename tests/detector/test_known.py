"""A detector says what it does not know: silence, too little, clipping, no voice, and the new."""

import dataclasses
import json
import math
import zipfile

import numpy as np
import pytest
import soundfile
from small_packs import arrays_that_state
from tiny_detector import make_experiment, voice

from antispoof import Detector
from antispoof.detector.heard import Heard, heard
from antispoof.detector.lines import lines_of
from antispoof.errors import UserError
from antispoof.scoring.novelty import Novelty, words_of

TIME = np.arange(32000) / 16000


def noise(seconds, loudness=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return (loudness * rng.standard_normal(int(16000 * seconds))).astype(np.float32)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return Detector.load(make_experiment(folder, "x", "{test: full, seconds: 2.0, pad: tile}"))


NONE = {
    "silent": [np.zeros(32000), np.full(32000, 0.3), noise(2, 3e-5)],
    "too short": [voice(0.2), noise(0.25), np.concatenate([np.zeros(16000), noise(0.2)])],
}


@pytest.mark.parametrize("why", NONE)
@pytest.mark.parametrize("number", range(3))
def test_silence_and_too_little_have_no_verdict(detector, why, number):
    found = detector((NONE[why][number], 16000))
    assert found.decision == "none"
    assert found.warnings[0].startswith(why)
    assert math.isfinite(found.llr)  # of what the model can score, it stays


WARNED = {
    "no speech found: 0.00 s of it have the pitch": noise(2),
    "no speech found: it is as steady as a tone": 0.3 * np.sin(2 * np.pi * 440 * TIME),
    "clipped: ": np.clip(20 * voice(2.0), -1, 1),
}


@pytest.mark.parametrize("words", WARNED)
def test_what_is_odd_has_a_verdict_and_a_warning(detector, words):
    found = detector((WARNED[words], 16000))
    assert found.decision in ("bonafide", "spoof")
    assert len(found.warnings) == 1 and found.warnings[0].startswith(words)


def test_a_voice_has_no_warning_loud_or_soft_and_on_the_telephone(detector, tmp_path):
    for gain in (0.01, 1.0, 2.5):
        assert detector((gain * voice(2.0), 16000)).warnings == ()
    for subtype in ("ULAW", "ALAW"):
        soundfile.write(tmp_path / "x.wav", voice(2.0, 8000), 8000, subtype=subtype)
        found = detector(tmp_path / "x.wav")
        assert (found.warnings, found.rate) == ((), 8000)
        assert found.decision in ("bonafide", "spoof")


def test_counts_do_not_depend_on_blocks():
    wave = np.concatenate([voice(1.1), np.zeros(3000, np.float32), noise(1.0), voice(0.7)])
    whole, parts = heard(wave), Heard()
    for part in np.array_split(wave, 17):
        parts.add(part)
    assert np.array_equal(parts.levels, whole.levels)
    assert abs(parts.voiced.sum() - whole.voiced.sum()) <= 34  # which frames are tried
    assert parts.judged() == whole.judged() == (True, ())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 160])
def test_a_run_of_clipped_samples_counts_whole_whatever_the_blocks(size):
    wave = np.clip(20 * voice(0.4), -1, 1)
    wave[:5], wave[-4:] = 1.0, -1.0
    parts = Heard()
    for first in range(0, len(wave), size):
        parts.add(wave[first : first + size])
    assert parts.full == heard(wave).full > 1000
    assert parts.samples == len(wave)


@pytest.fixture(scope="module")
def learnt():
    """(Novelty, descriptions of the training set)."""
    rng = np.random.default_rng(1)
    mix = rng.standard_normal((8, 300))
    train = rng.standard_normal((700, 8)) @ mix
    return Novelty.fit(train, rng.standard_normal((400, 8)) @ mix), train, mix


def test_one_in_a_hundred_of_dev_is_beyond_the_limit_and_what_is_new_far(learnt):
    novelty, _, mix = learnt
    rng = np.random.default_rng(2)
    near = novelty(rng.standard_normal((4000, 8)) @ mix)
    assert 0.002 < (near > 1).mean() < 0.03
    assert (novelty((rng.standard_normal((50, 8)) + 6) @ mix) > 1.5).all()


def test_a_distance_is_that_to_the_nearest_by_the_plain_way(learnt):
    novelty, train, mix = learnt
    found = np.random.default_rng(3).standard_normal((5, 8)) @ mix
    places, points = (found - novelty.mean) @ novelty.axes, (train - novelty.mean) @ novelty.axes
    assert points.std(0) == pytest.approx(1.0, abs=0.01)
    for place, distance in zip(places, novelty(found), strict=True):
        near = np.sort(np.linalg.norm(points - place, axis=1))[:5].mean()
        assert distance == pytest.approx(near / novelty.threshold, rel=1e-6)


SAME = {
    "all of the training": (np.ones((20, 8)), np.ones((5, 8))),
    "the dev set": (np.repeat(np.eye(8), 10, 0), np.repeat(np.eye(8)[:3], 5, 0)),
    "not finite": (np.eye(8), np.full((3, 8), np.nan)),
}


@pytest.mark.parametrize("words", SAME)
def test_descriptions_that_give_no_limit_are_refused_and_none_is_kept(words):
    with pytest.raises(UserError, match=words.replace("all of the", "all utterances of the")):
        Novelty.fit(*SAME[words])


def test_a_distance_that_is_no_number_has_words_of_its_own():
    assert words_of(1.0) == ()
    assert words_of(3e8)[0].startswith("unlike the training set: over 1000 times as far")
    (words,) = words_of(math.nan)
    assert words == "unlike the training set: what the model reads of it is no number"


def test_it_is_kept_as_arrays_alone(learnt, tmp_path):
    novelty, train, _ = learnt
    novelty.save(tmp_path / "novelty.npz")
    same = Novelty.load(tmp_path / "novelty.npz")
    assert same(train[:20] + 1) == pytest.approx(novelty(train[:20] + 1), rel=1e-4)
    np.savez(tmp_path / "code.npz", mean=np.array([print], object), axes=0, points=0, threshold=0)
    other = {"mean": np.zeros(3), "axes": np.zeros((2, 1)), "points": np.zeros((4, 1))}
    np.savez(tmp_path / "shapes.npz", threshold=1.0, **other)
    np.savez(tmp_path / "lacks.npz", mean=np.zeros(3))
    (tmp_path / "text.npz").write_text("no arrays")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "novelty.npz").read_bytes()[:2000])
    parts = ("mean", "axes", "points", "threshold")
    (tmp_path / "huge.npz").write_bytes(arrays_that_state(10**14, *parts))  # 800 TB each
    with zipfile.ZipFile(tmp_path / "deep.npz", "w") as archive:
        for part in parts:
            archive.writestr(f"{part}.npy", b"\x93NUMPY\x01\x00\x00\x10" + b"(" * 4096)
    for name in ("code", "shapes", "lacks", "text", "cut", "deep", "huge"):
        with pytest.raises(UserError, match=rf"{name}.npz: .*run steps/novelty.py again") as caught:
            Novelty.load(tmp_path / f"{name}.npz")
        assert len(str(caught.value).splitlines()) == 1


NO_VERDICT = {"warnings": ("silent: not a sound", "short"), "decision": "none"}


def test_no_verdict_and_warnings_stand_in_every_form(detector):
    path = "a.wav"
    found = detector((voice(1.0), 16000))
    odd = dataclasses.replace(found, name=path, llr=math.nan, p_spoof=math.nan, **NO_VERDICT)
    (table,), (row,) = lines_of("table", odd), lines_of("csv", odd)
    assert table.split()[:3] == ["-", "-", "none"]
    assert table.endswith(f"  [silent]  [short]  {path}")
    assert row.startswith(f"{path},,,none,") and row.endswith(",,silent: not a sound; short")
    record = json.loads(lines_of("json", odd)[0])
    assert (record["llr"], record["p_spoof"], record["decision"]) == (None, None, "none")
    assert record["warnings"] == ["silent: not a sound", "short"]
