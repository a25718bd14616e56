"""Cues and the audit: what must not tell spoof from bona fide, and what sets must not share."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_up import make_set, refused, worker

from antispoof import SAMPLE_RATE
from antispoof.audit import audit
from antispoof.audit.cues import TRIVIAL, cues
from antispoof.data.tables import read_table, write_table

PROGRAM = "steps/audit.py"


def tone(seconds=1.0, amplitude=0.5):
    return amplitude * np.sin(
        2 * np.pi * 500 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    )


def test_cues_of_a_tone():
    found = cues(np.r_[np.zeros(3200), tone(2.0), np.zeros(4800)])
    assert found["duration"] == 2.5
    assert found["silence"] == pytest.approx([0.2, 0.3])
    assert found["level"] == pytest.approx(10 * np.log10(0.125 * 2 / 2.5), abs=0.01)
    assert found["crest_factor"] == pytest.approx(-6.02 - found["level"], abs=0.01)
    low, high, below, above = found["bandwidth"]
    assert 450 < low <= high < 550 and below < -40 and above < -40
    assert found["noise_floor"] == pytest.approx([-110.97, -110.97], abs=0.1)
    assert found["offset"] < -80
    assert set(TRIVIAL) <= set(found)


def test_cues_of_an_offset_and_of_noise():
    assert cues(tone() + 0.5)["offset"] == pytest.approx(
        20 * np.log10(0.5 / np.sqrt(0.375)), abs=0.01
    )
    noise = cues(np.random.default_rng(0).standard_normal(SAMPLE_RATE))
    low, high, below, above = noise["bandwidth"]
    assert low < 100 and high > 7900
    assert above == pytest.approx(10 * np.log10(1 / 8), abs=0.3)
    assert below == pytest.approx(10 * np.log10(70 / 8000), abs=1.5)


def test_silence_and_too_little_sound():
    assert all(np.isfinite(value).all() for value in cues(np.zeros(SAMPLE_RATE)).values())
    with pytest.raises(ValueError, match="found 100 samples, wanted 1600"):
        cues(np.zeros(100))


def test_rates_of_ties_are_chance():
    same = np.zeros(50)
    assert audit.rates(same, same) == {"eer": 0.5, "auc": 0.5}
    rare = np.r_[np.zeros(99), 1.0]
    assert audit.rates(rare, rare)["eer"] == pytest.approx(0.5, abs=0.07)
    assert audit.rates(np.arange(10, 20), np.arange(10)) == {"eer": 0.0, "auc": 1.0}


def test_a_cue_may_lie_in_a_range():
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(0, 0.1, 100), rng.choice([-1, 1], 100)][:, None]
    bonafide = np.arange(200) < 100
    scores = audit.separate(x, bonafide, x)
    assert audit.rates(scores[:100], scores[100:])["eer"] < 0.05


@pytest.fixture
def sets(tmp_path):
    """data/train and data/eval of noise that tells nothing."""
    for name in ("train", "eval"):
        data = make_set(tmp_path, name, bonafide=80, spoof=20)
        table = read_table(data / "wav.scp")
        rng = np.random.default_rng(sum(name.encode()))
        for utt in table:
            table[utt] = str(tmp_path / name / f"{utt}.flac")
            wave = rng.normal(0, 0.05 * rng.uniform(0.5, 2), int(rng.uniform(4000, 8000)))
            write(table[utt], wave)
        write_table(data / "wav.scp", table)
    return tmp_path


def write(path, wave):
    Path(path).parent.mkdir(exist_ok=True)
    soundfile.write(path, wave, SAMPLE_RATE)


def report(place, *options):
    out = ("--out", "exp/audit.json")
    status, text, error = worker(PROGRAM, "data/train", "data/eval", *out, *options, cwd=place)
    assert status == 0, error
    return json.loads((place / "exp/audit.json").read_text()), text


def test_a_fair_corpus_passes(sets):
    result, text = report(sets)
    assert result["findings"] == []
    assert "nothing found" in text
    own = result["across"]["data/eval"]
    assert set(own) == {*cues(tone()), "format", "together"}
    assert set(own["level"]) == {"all", "known", "unknown"}
    assert own["together"]["all"]["eer"] > 0.35
    assert own["format"]["all"] == {"auc": 0.5, "eer": 0.5}  # all files are alike
    for name in ("data/train", "data/eval"):
        assert 0.2 < result["within"][name]["level"] < 0.7
    assert text.count("  fair") == len(own)


def test_a_planted_shortcut_is_found(sets):
    for name in ("train", "eval"):
        for utt, path in read_table(sets / "data" / name / "wav.scp").items():
            if "_B_" not in utt:
                wave, _ = soundfile.read(path)
                write(path, np.r_[np.zeros(1600), wave])
    result, text = report(sets)
    own = result["across"]["data/eval"]
    assert own["silence"]["all"]["eer"] < 0.02
    assert own["together"]["unknown"]["eer"] < 0.05
    assert own["level"]["all"]["eer"] > 0.3
    assert result["within"]["data/train"]["silence"] > 0.98
    assert any(finding.startswith("shortcut: silence") for finding in result["findings"])
    assert "shortcut: silence" in text


def test_what_sets_share_is_found(sets):
    train, judged = sets / "data/train", sets / "data/eval"
    sounds = read_table(judged / "wav.scp")
    sounds["eval_B_003"] = read_table(train / "wav.scp")["train_B_007"]
    write_table(judged / "wav.scp", sounds)
    speakers = read_table(judged / "utt2spk")
    speakers["eval_B_004"] = "train_human_1"
    write_table(judged / "utt2spk", speakers)
    result, text = report(sets)
    assert result["shared"] == {
        "data/train and data/eval": {
            "ids": [],
            "speakers": ["train_human_1"],
            "sounds": ["train_B_007 eval_B_003"],
        }
    }
    assert "shared by data/train and data/eval: 1 speakers, e.g. train_human_1" in text
    assert "shared by data/train and data/eval: 1 sounds, e.g. train_B_007 eval_B_003" in text


def test_one_set_alone_and_its_file_formats(sets):
    """Spoofs of another coding are told by it, without listening; no other set is wanted."""
    table = read_table(sets / "data/train/wav.scp")
    for utt, path in table.items():
        if "_B_" not in utt:
            wave, _ = soundfile.read(path)
            table[utt] = path.replace(".flac", ".wav")
            soundfile.write(table[utt], wave, SAMPLE_RATE, subtype="FLOAT")
    write_table(sets / "data/train/wav.scp", table)
    status, text, error = worker(PROGRAM, "data/train", cwd=sets)
    assert status == 0, error
    assert "shortcut: format: AUC 1.000 in data/train, cross-validated" in text
    assert "2 findings" in text  # and by all cues together


def test_refusals(sets):
    common = (PROGRAM, "data/train", "data/eval", "--out", "a.json")
    assert "--limit: found 0.3" in refused(*common, "--limit", "0.3", cwd=sets)
    assert "the same data directory twice" in refused(PROGRAM, "data/eval", "data/eval", cwd=sets)
    path = read_table(sets / "data/eval/wav.scp")["eval_B_000"]
    write(path, np.zeros(800))
    assert "eval_B_000: found 800 samples" in refused(*common, cwd=sets)
    assert not (sets / "a.json").exists()
    write(path, np.random.default_rng(0).normal(0, 0.1, 8000))
    for name, value in (("utt2label", "bonafide"), ("utt2attack", "-")):
        path_of_table = sets / "data/train" / name
        write_table(path_of_table, dict.fromkeys(read_table(path_of_table), value))
    status, _, error = worker(*common, cwd=sets)
    assert status == 0, error
    result = json.loads((sets / "a.json").read_text())
    assert result["within"]["data/train"] == {}  # of one class alone
    assert result["across"] == {}
