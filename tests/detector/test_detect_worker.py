"""steps/detect.py: files and folders, forms of output, files that cannot be read, shares."""

import csv
import io
import json
import os
import shutil

import numpy as np
import pytest
import soundfile
from made_up import ROOT, refused, worker

from antispoof.data.tables import read_table

PROGRAM = "steps/detect.py"


@pytest.fixture(scope="module")
def place(undisturbed, tmp_path_factory):
    """(model, folder): a folder of sounds, some of them odd, in folders with odd names."""
    recipe = undisturbed[0].folder
    folder = tmp_path_factory.mktemp("sounds")
    wavs = list(read_table(recipe / "data/eval/wav.scp").values())
    (folder / "é Ж/b\nc").mkdir(parents=True)
    for number, path in enumerate(wavs[:4]):
        shutil.copy(path, folder / f"é Ж/{number}.flac")
    shutil.copy(wavs[4], folder / "é Ж/b\nc/with a blank.flac")
    wave = soundfile.read(wavs[5])[0]
    soundfile.write(folder / "é Ж/stereo.wav", np.stack([wave, wave], 1), 48000)
    (folder / "é Ж/notes.txt").write_text("no sound")
    return recipe / "exp/fusion_seed1", folder


@pytest.fixture(scope="module")
def rows(place):
    """Each file's record of --json."""
    model, folder = place
    status, out, error = worker(PROGRAM, "--model", model, "--json", "é Ж", cwd=folder)
    assert (status, error) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def test_a_folder_is_all_its_sounds_with_their_llrs(place, rows):
    names = ["0.flac", "1.flac", "2.flac", "3.flac", "stereo.wav", "b\nc/with a blank.flac"]
    assert [row["file"] for row in rows] == [f"é Ж/{name}" for name in names]
    expected = list(read_table(place[0] / "eval/llr/scores").values())
    found = [row["llr"] for row in rows]
    assert found[:4] == pytest.approx([float(v) for v in expected[:4]], rel=1e-5, abs=1e-5)
    assert found[5] == pytest.approx(float(expected[4]), rel=1e-5, abs=1e-5)
    assert rows[4]["converted"] == "resampled from 48000 Hz, mixed down from 2 channels"
    assert [row["converted"] for row in rows].count("") == 5
    assert all(row["windows"] == [] for row in rows)


def test_spoofs_leave_the_exit_status_0(place, rows):
    assert {row["decision"] for row in rows} == {"bonafide", "spoof"}
    model, folder = place
    spoof = next(row for row in rows if row["decision"] == "spoof")
    status, out, _ = worker(PROGRAM, "--model", model, spoof["file"], cwd=folder)
    assert status == 0
    assert " spoof " in out.splitlines()[-1]


def test_the_table_is_a_line_for_each_file(place, rows):
    model, folder = place
    status, out, error = worker(PROGRAM, "--model", model, "é Ж", cwd=folder)
    assert (status, error) == (0, "")
    first, head, *lines = out.splitlines()
    assert "higher = more bona fide" in first and "prior of 0.05" in first
    assert head.split() == ["LLR", "P(spoof)", "decision", "seconds", "file"]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        llr, p_spoof, decision, seconds, _ = line.split(maxsplit=4)
        assert (llr, p_spoof) == (f"{row['llr']:.3f}", f"{row['p_spoof']:.4f}")
        assert (decision, seconds) == (row["decision"], f"{row['seconds']:.2f}")
    assert lines[4].endswith("(resampled from 48000 Hz, mixed down from 2 channels)")
    assert lines[5].endswith("  é Ж/b\\nc/with a blank.flac")


def test_csv_holds_the_same(place, rows):
    model, folder = place
    options = ("--model", model, "--csv", "--p-spoof", 0.5, "--threshold", -9)
    out = worker(PROGRAM, *options, "é Ж", cwd=folder)[1]
    found = list(csv.DictReader(io.StringIO(out)))
    assert [row["file"] for row in found] == [row["file"] for row in rows]
    same = pytest.approx([row["llr"] for row in rows], rel=1e-6)
    assert [float(row["llr"]) for row in found] == same
    assert {row["decision"] for row in found} == {"bonafide"}
    expected = [1 / (1 + np.exp(row["llr"])) for row in rows]
    assert [float(row["p_spoof"]) for row in found] == pytest.approx(expected)


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(place, rows, tmp_path):
    model, folder = place
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.wav").write_text("no sound\n" * 100)
    (tmp_path / "zero.wav").touch()
    os.mkfifo(tmp_path / "pipe.wav")
    bad = ["text.wav", "zero.wav", "none.flac", "empty", "pipe.wav"]
    good = folder / rows[0]["file"]
    places = [*(tmp_path / name for name in bad[:2]), good, *(tmp_path / name for name in bad[2:])]
    status, out, error = worker(PROGRAM, "--model", model, "--json", *places, good, cwd=tmp_path)
    assert status == 2
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(good)] * 2
    lines = error.splitlines()
    assert len(lines) == len(bad) and all(line.startswith("steps/detect.py: ") for line in lines)
    for name in bad:
        assert sum(f"{tmp_path}/{name}: " in line for line in lines) == 1


def test_shares_are_parts_of_the_whole(place, rows):
    model, folder = place
    found = []
    for job in (1, 2):
        options = ("--model", model, "--json", "--share", f"{job}/2")
        out = worker(PROGRAM, *options, "é Ж", cwd=folder)[1]
        found.append([json.loads(line) for line in out.splitlines()])
    assert [[row["file"] for row in part] for part in found] == [
        [row["file"] for row in rows[first::2]] for first in (0, 1)
    ]


def test_windows_stand_below_a_file_that_is_long(place, rows):
    model, folder = place
    options = ("--model", model, "--windows")
    out = worker(PROGRAM, *options, rows[0]["file"], cwd=folder)[1]
    assert [line.split(maxsplit=1)[1] for line in out.splitlines()[3:]] == [
        "0.00 to 0.80 s",
        "0.20 to 1.00 s",
    ]
    out = worker(PROGRAM, *options, "--json", rows[0]["file"], cwd=folder)[1]
    windows = json.loads(out)["windows"]
    assert [(window["start"], window["end"]) for window in windows] == [(0.0, 0.8), (0.2, 1.0)]


def test_a_model_that_is_not_there_is_one_line(place, tmp_path):
    sound = place[1] / "é Ж/0.flac"
    line = refused(PROGRAM, "--model", tmp_path, sound, cwd=tmp_path)
    assert "config.yaml: no such experiment" in line
    line = refused(PROGRAM, "--model", place[0], "--p-spoof", 1, sound, cwd=tmp_path)
    assert "found 1.0, wanted a number between 0 and 1" in line
    if not (ROOT / "egs/mini/exp/fusion_seed1").exists():
        line = refused(PROGRAM, sound, cwd=tmp_path)
        assert "egs/mini/exp/fusion_seed1: no such model; run ./run.sh" in line
