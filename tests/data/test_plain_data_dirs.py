"""Data directories: each check with a case just inside and one just outside."""

import numpy as np
import pytest
import soundfile
from made_up import worker
from plain_data import load_worker, write_set

from antispoof.data.data_dir import (
    factors,
    is_pipe,
    read_data_dir,
    read_durations,
    read_trials,
    trial_counts,
    trial_lists,
)
from antispoof.errors import UserError

VALIDATE = "utils/validate_data_dir.py"
TABLES = {
    "utt2label": {"a": "bonafide", "b": "spoof", "c": "spoof"},
    "utt2spk": {"a": "s1", "b": "s1", "c": "s2"},
    "utt2attack": {"a": "-", "b": "A01", "c": "A02"},
}


@pytest.fixture
def data(tmp_path):
    return write_set(tmp_path / "x", {"a": 1600, "b": 24000, "c": 3200}, TABLES)


@pytest.mark.parametrize(("seconds", "fine"), [
    (1.0, True), (1.0099, True), (0.9901, True), (1.0101, False), (0.9899, False),
    (1.05, False), (0.0, False), (float("nan"), False), (float("inf"), False),
])  # fmt: skip
def test_a_duration_is_right_to_a_hundredth_of_a_second(tmp_path, seconds, fine):
    soundfile.write(tmp_path / "x.wav", np.zeros(16000), 16000)
    check = load_worker(VALIDATE).check_sound
    found = check([], ("u1", f"{tmp_path}/x.wav", seconds))
    if fine:
        assert found is None
        return
    assert found.startswith(f"{tmp_path}/x.wav: u1: lasts 1.00 s, utt2dur says {seconds:g}")


def test_a_sound_at_another_rate_lasts_as_long_where_that_is_allowed(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros((24000, 2)), 48000)
    check = load_worker(VALIDATE).check_sound
    item = ("u1", f"{tmp_path}/x.wav", 0.5)
    assert check(["resample", "mixdown"], item) is None
    assert "found 2 channels" in check(["resample"], item)
    assert "found 48000 Hz" in check(["mixdown"], item)


def test_the_summary_counts_and_adds_up(data):
    (data / "utt2dur").write_text("a 0.1\nb 4500.0\nc 0.2\n")
    status, out, _ = worker(VALIDATE, "--no-sound", data, cwd=data)
    assert status == 0
    assert out == f"{data}: 3 utterances, 1 bona fide, 2 spoof, 1.25 h: valid\n"
    status, out, error = worker(VALIDATE, data, cwd=data)
    assert (status, out) == (1, "")
    assert "x_b.wav: b: lasts 1.50 s, utt2dur says 4500" in error


@pytest.mark.parametrize(("count", "more"), [(10, False), (13, True)])
def test_ten_problems_are_shown_and_the_others_counted(tmp_path, count, more):
    utts = [f"u{n:02d}" for n in range(count + 2)]
    tables = {"utt2label": dict.fromkeys(utts, "bonafide"), "utt2spk": dict.fromkeys(utts, "s"),
              "utt2attack": dict.fromkeys(utts, "-")}  # fmt: skip
    data = write_set(tmp_path / "x", dict.fromkeys(utts, 160), tables)
    for utt in utts[2:]:
        (tmp_path / f"x_{utt}.wav").unlink()
    status, _, error = worker(VALIDATE, "--nj", 2, data, cwd=data)
    lines = [line for line in error.splitlines() if "no such file" in line]
    assert status == 1
    assert [line.split(".wav: ")[1].split(":")[0] for line in lines] == utts[2:12]
    assert ("(and 3 more)" in error) == more
    assert ("more)" in error) == more


@pytest.mark.parametrize("text", ["a\nc\nb\n", "a\nz\n", "", "a\na\n"])
def test_every_list_of_trials_is_looked_at(data, text):
    (data / "trials").mkdir()
    (data / "trials" / "fine").write_text("a\nc\n")
    (data / "trials" / "other").write_text(text)
    status, _, error = worker(VALIDATE, "--no-sound", data, cwd=data)
    assert status == 1
    assert f"{data}/trials/other" in error


@pytest.mark.parametrize(("text", "words"), [
    ("b\na\n", "list:2: 'a' is out of order or a second time"),
    ("a\nb\nb\n", "list:3: 'b' is out of order or a second time"),
    ("a\nx\n", "list:2: 'x' is not in .*wav.scp"),
    ("a\n\nb\n", "list:2: '' is not in"),
    ("a \n", "list:1: 'a ' is not in"),
    ("", "list: is empty"),
    ("a\nb", "list:2: does not end in a line feed; was it cut off"),
])  # fmt: skip
def test_a_bad_list_of_trials_is_refused_with_its_line(data, text, words):
    (data / "trials").mkdir()
    (data / "trials" / "list").write_text(text)
    with pytest.raises(UserError, match=words):
        read_trials(data, "list")


def test_a_good_list_of_trials_is_read_as_it_stands(data):
    (data / "trials").mkdir()
    for text in ("a\nb\nc\n", "b\nc\n", "c\n"):
        (data / "trials" / "z").write_text(text)
        assert read_trials(data, "z") == text.split()
    (data / "trials" / "b").touch()
    (data / "trials" / ".b.tmp").touch()
    assert trial_lists(data) == ["b", "z"]
    assert trial_lists(data / "trials") == []


def test_labels_and_attacks_go_together(data):
    for utt, label, attack, words in (
        ("a", "bonafide", "A01", "utt2attack: 'a' is bonafide with attack 'A01'"),
        ("b", "spoof", "-", "utt2attack: 'b' is spoof with attack '-'"),
        ("b", "Spoof", "A01", "utt2label: 'b' is 'Spoof', wanted"),
        ("b", "spoof", "A--", None),
    ):
        for name, value in (("utt2label", label), ("utt2attack", attack)):
            table = {**TABLES[name], utt: value}
            (data / name).write_text("".join(f"{u} {v}\n" for u, v in table.items()))
        if words is None:
            assert read_data_dir(data)["utt2attack"]["b"] == "A--"
            continue
        with pytest.raises(UserError, match=words):
            read_data_dir(data)


@pytest.mark.parametrize("name", ["wav.scp", "utt2label", "utt2spk", "utt2attack", "utt2dur"])
def test_each_required_table_is_missed(data, name):
    (data / name).unlink()
    with pytest.raises(UserError, match=f"{name}: is missing; the stage that prepares data"):
        read_data_dir(data)


def test_every_table_is_read_and_held_against_wav_scp(data):
    (data / "utt2codec").write_text("a x\nb y\nc z\n")
    tables = read_data_dir(data)
    assert tables["utt2codec"] == {"a": "x", "b": "y", "c": "z"}
    assert list(factors(data)) == ["attack", "codec", "dur", "label", "spk"]
    assert factors(data)["codec"] == data / "utt2codec"
    for name in ("utt2attack", "utt2codec", "utt2dur", "utt2label", "utt2spk"):
        text = (data / name).read_text()
        (data / name).write_text(text[: text.index("c ")])
        with pytest.raises(UserError, match=rf"{name}: 'c' is miss.*\(1 missing and 0 .*{name}\)"):
            read_data_dir(data)
        (data / name).write_text(text + "d z\n")
        with pytest.raises(UserError, match=f"wav.scp: 'd' is missing, though .*{name} has it"):
            read_data_dir(data)
        (data / name).write_text(text)


def test_a_list_of_trials_that_is_no_text_is_one_line(data):
    (data / "trials").mkdir()
    (data / "trials" / "list").write_bytes(b"a\n\xff\n")
    with pytest.raises(UserError, match="list: is not UTF-8 text"):
        read_trials(data, "list")


@pytest.mark.parametrize(("path", "pipe"), [
    ("sox x |", True), ("sox x|", True), ("sox x |  ", True), ("x |:7", True), ("| tee", True),
    ("|", True), ("x | y", False), ("x:7", False), ("a|b.wav", False), ("x |:", False),
    ("x |:7a", False), (" x", False),
])  # fmt: skip
def test_a_pipe_is_what_kaldi_would_run(path, pipe):
    assert is_pipe(path) == pipe


@pytest.mark.parametrize(("text", "fine"), [
    ("0.001", True), ("1e4", True), ("3", True), ("0", False), ("-0.001", False),
    ("inf", False), ("nan", False), ("3 s", False),
])  # fmt: skip
def test_a_duration_is_a_length_of_time(tmp_path, text, fine):
    (tmp_path / "utt2dur").write_text(f"a 2.5\nb {text}\n")
    if fine:
        assert read_durations(tmp_path) == {"a": 2.5, "b": float(text)}
        return
    with pytest.raises(UserError, match=f"utt2dur: b: found '{text}', wanted seconds"):
        read_durations(tmp_path)


def test_counts_of_trials_are_bona_fide_then_spoof(tmp_path):
    assert trial_counts(tmp_path) == ({}, None)
    path = tmp_path / "trial_counts"
    path.write_text("all 7 50\neval 5 31 published\nnew 2 19\n")
    assert trial_counts(tmp_path) == ({"all": (7, 50), "eval": (5, 31), "new": (2, 19)}, "eval")
    path.write_text("all 0 50\n")
    assert trial_counts(tmp_path) == ({"all": (0, 50)}, None)
    for text in ("5 x", "5", "5 31 publish", "5 31 published x", "-5 31", "x 5 31"):
        path.write_text(f"eval {text}\n")
        with pytest.raises(UserError, match=f"trial_counts: eval: found '{text}', wanted `<bona"):
            trial_counts(tmp_path)
    path.write_text("a 1 2 published\nb 3 4 published\nc 5 6\n")
    with pytest.raises(UserError, match="found a and b published, wanted one"):
        trial_counts(tmp_path)


def test_a_list_of_trials_is_not_called_as_all_trials_are(tmp_path):
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials/all").write_text("a\n")
    (tmp_path / "wav.scp").write_text("a x.wav\n")
    with pytest.raises(UserError, match="trials/all: 'all' is what every trial together is called"):
        read_trials(tmp_path, "all")
