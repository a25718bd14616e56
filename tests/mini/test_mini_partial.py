"""egs/mini's partial spoofs: a phrase in a recording, where segments say, through one channel."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_up import ROOT, worker

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from scipy.signal import lfilter

from antispoof import SAMPLE_RATE
from antispoof.audit.cues import splice
from antispoof.data.data_dir import read_data_dir, write_tables
from antispoof.data.segments import read_segments
from antispoof.files import sha256_file
from splicing.join import CODECS, PHRASE, join, quietest, transmit

WHITE = np.array([[1.0] + [0.0] * 16])


def speech(seconds, pitch, seed):
    """Something with pitch and syllables, (S,)."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pulses = (np.diff(np.floor(time * pitch), prepend=0) > 0).astype(float)
    voice = lfilter([1.0], [1.0, -1.2, 0.9], pulses)
    voice += 0.02 * np.random.default_rng(seed).standard_normal(len(time))
    return 0.1 * voice * (0.02 + np.clip(np.sin(2 * np.pi * 3 * time + seed), 0, 1))


@pytest.mark.parametrize("fade", [True, False])
def test_a_phrase_stands_where_it_is_said_and_nothing_else_changes(fade):
    for seed in range(8):
        host, donor = speech(2.0, 120, seed), speech(1.5, 210, seed + 1)
        wave, start, end = join(host, donor, fade, np.random.default_rng(seed))
        assert 0 < start < end < len(host) == len(wave)
        assert PHRASE[0] - 0.17 < (end - start) / SAMPLE_RATE < PHRASE[1] + 0.17
        assert (wave[:start] == host[:start]).all()
        assert (wave[end:] == host[end:]).all()
        assert np.mean(wave[start:end] != host[start:end]) > 0.9


def test_a_cross_fade_begins_as_the_recording_and_a_cut_does_not():
    host, donor = np.ones(32000), -np.ones(32000)
    for fade, first in ((True, 0.99), (False, -1)):
        wave, start, _ = join(host, donor, fade, np.random.default_rng(0))
        assert wave[start] == pytest.approx(first, abs=0.01)
        assert wave[start + 160] == pytest.approx(-1)


def test_the_quietest_moment_is_found():
    wave = np.ones(16000)
    wave[8200:8600] = 0.01
    assert quietest(wave, 8000) in range(8200, 8600)


@pytest.mark.parametrize("codec", CODECS)
def test_the_channel_moves_nothing(codec, monkeypatch):
    """A burst stays within 5 ms of where it was, whatever the codec."""
    monkeypatch.setattr("splicing.join.CODECS", (codec,))
    wave = 0.001 * np.random.default_rng(0).standard_normal(32000)
    wave[16000:16160] += speech(0.01, 300, 1)[:160] + 0.2
    out, used = transmit(wave, WHITE, np.random.default_rng(1))
    assert (used, len(out)) == (codec, 32000)
    power = np.convolve(np.square(out), np.ones(160), "same")
    assert abs(int(power.argmax()) - 16080) < 80


def test_a_hard_cut_shows_and_a_fade_shows_less():
    time = np.arange(32000) / SAMPLE_RATE
    smooth = 0.3 * np.sin(2 * np.pi * 200 * time)
    cut, faded = smooth.copy(), smooth.copy()
    cut[16020:] = -smooth[16020:]
    ramp = np.clip((np.arange(32000) - 15940) / 160, 0, 1)
    faded = smooth * (1 - ramp) - smooth * ramp
    found = [splice(wave)[0] for wave in (smooth, faded, cut)]
    assert found[0] < 8
    assert found[2] > found[1] + 12


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """data/eval of two people and one attack, and its partial set."""
    place = tmp_path_factory.mktemp("partial")
    tables = {}
    for number in range(24):
        spoof, speaker = number % 3 == 2, f"s{number % 2}"
        utt = f"{speaker}-u{number:02d}"
        path = place / "wav" / f"{utt}.flac"
        path.parent.mkdir(exist_ok=True)
        wave = speech(1.6 + 0.1 * (number % 3), 220 if spoof else 110, number)
        soundfile.write(path, wave, SAMPLE_RATE)
        values = {
            "wav.scp": str(path),
            "utt2label": "spoof" if spoof else "bonafide",
            "utt2spk": speaker,
            "utt2attack": "A03" if spoof else "-",
            "utt2lang": "cs",
            "utt2dur": f"{len(wave) / SAMPLE_RATE:.3f}",
        }
        for table, value in values.items():
            tables.setdefault(table, {})[utt] = value
    write_tables(place / "data/eval", tables)
    make(place)
    return place


def make(place):
    program = "egs/mini/local/prepare_partial.py"
    status, out, error = worker(program, "--out", "data", "--sets", "eval", cwd=place)
    assert status == 0, error
    assert "data/eval_partial: 16 utterances, with segments" in out


def test_the_partial_set_is_valid_and_says_what_was_put_in(built):
    tables = read_data_dir(built / "data/eval_partial")
    durations = {utt: float(text) for utt, text in tables["utt2dur"].items()}
    segments = read_segments(built / "data/eval_partial", durations)
    kinds = set(tables["utt2splice"].values())
    assert {kind.partition("_")[0] for kind in kinds} == {"none", "bonafide", "spoof"}
    original = read_data_dir(built / "data/eval")
    for utt, kind in tables["utt2splice"].items():
        donor = tables["utt2donor"][utt]
        assert (donor == "none") == (kind == "none")
        assert (len(segments[utt]) > 1) == kind.startswith("spoof")
        if donor != "none":
            assert original["utt2label"][donor] == kind.partition("_")[0]
            assert original["utt2spk"][donor] == original["utt2spk"][utt]
            assert donor != utt
    checked = worker("utils/validate_data_dir.py", "data/eval_partial", cwd=built)
    assert checked[0] == 0


def test_the_same_seed_gives_the_same_bytes(built):
    folder = built / "data"
    files = [*folder.glob("eval_partial/*"), *folder.glob("partial_sounds/eval/*")]
    before = {path: sha256_file(path) for path in files}
    assert len(files) > 20
    make(built)
    assert {path: sha256_file(path) for path in files} == before


def test_the_audit_measures_splices_where_there_are_segments(built):
    audited = worker("steps/audit.py", "data/eval_partial", "--limit", 1, cwd=built)
    assert any(line.startswith("splice ") for line in audited[1].splitlines()), audited
    whole = worker("steps/audit.py", "data/eval", "--limit", 1, cwd=built)
    assert "splice" not in whole[1]


def test_a_set_that_is_not_there_is_one_line(tmp_path):
    status, _, error = worker("egs/mini/local/prepare_partial.py", "--out", "data", cwd=tmp_path)
    assert status == 1
    assert "data/train: no such set; run stage 1 of egs/mini first" in error
    assert (ROOT / "egs/mini/partial.sh").is_file()
