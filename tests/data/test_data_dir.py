"""A data directory holds the same utterances in every table, and values that mean something."""

import shutil

import pytest
from made_up import make_set, refused, worker

from antispoof.data.data_dir import factors, read_data_dir, read_trials, trial_lists
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError

VALIDATE = "utils/validate_data_dir.py"


@pytest.fixture
def data(tmp_path):
    return make_set(tmp_path, "eval", bonafide=6, spoof=3)


def first(data):
    return next(iter(read_table(data / "wav.scp")))


def change(data, name, value):
    table = read_table(data / name)
    write_table(data / name, {**table, first(data): value})


def drop(data, name):
    table = read_table(data / name)
    write_table(data / name, {utt: table[utt] for utt in list(table)[1:]})


def append(data, name, text):
    (data / name).write_text((data / name).read_text() + text)


def reverse(data, name):
    lines = (data / name).read_text().splitlines(keepends=True)
    (data / name).write_text("".join(reversed(lines)))


BAD = {
    "missing in another table": (lambda d: drop(d, "utt2spk"), "{d}/utt2spk: '{u}' is missing, th"),
    "missing in wav.scp": (lambda d: drop(d, "wav.scp"), "{d}/wav.scp: '{u}' is missing, though"),
    "missing in a factor": (lambda d: drop(d, "utt2codec"), "{d}/utt2codec: '{u}' is missing"),
    "a table missing": (lambda d: (d / "utt2dur").unlink(), "{d}/utt2dur: is missing"),
    "blanks": (lambda d: append(d, "utt2spk", "zz  a\n"), "{d}/utt2spk:19: found 'zz  a'"),
    "no value": (lambda d: append(d, "utt2spk", "zz\n"), "{d}/utt2spk:19: found 'zz'"),
    "duplicate": (lambda d: append(d, "utt2spk", "{u} a\n"), "{d}/utt2spk:19: '{u}' stands here a"),
    "unsorted": (lambda d: reverse(d, "utt2label"), "{d}/utt2label:2: "),
    "pipe": (lambda d: change(d, "wav.scp", "touch ran |"), "{d}/wav.scp: '{u}' is a shell pipe"),
    "label": (
        lambda d: change(d, "utt2label", "fake"),
        "{d}/utt2label: '{u}' is 'fake', wanted sp",
    ),
    "attack": (
        lambda d: change(d, "utt2attack", "-"),
        "{d}/utt2attack: '{u}' is spoof with attack",
    ),
    "no trials": (lambda d: (d / "trials/known").write_text(""), "{d}/trials/known: is empty"),
    "unknown trial": (
        lambda d: append(d, "trials/known", "zz\n"),
        "known:13: 'zz' is not in {d}/w",
    ),
    "trials unsorted": (lambda d: reverse(d, "trials/known"), "known:2: "),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_table_is_one_line_with_file_and_utterance(data, kind):
    break_it, words = BAD[kind]
    utt = first(data)
    break_it(data)
    spk = data / "utt2spk"
    spk.write_text(spk.read_text().replace("{u}", utt))
    line = refused(VALIDATE, "--no-sound", data, cwd=data.parent)
    assert words.format(d=data, u=utt) in line
    assert not (data.parent / "ran").exists()


def test_a_good_one_is_counted(data):
    status, out, _ = worker(VALIDATE, "--no-sound", data, cwd=data)
    assert status == 0
    assert "18 utterances, 6 bona fide, 12 spoof, 0.01 h: valid" in out
    tables = read_data_dir(data)
    assert set(tables) == {"wav.scp", *(f"utt2{name}" for name in factors(data))}
    assert read_trials(data, "known") == sorted(read_trials(data, "known"))


def test_what_a_killed_run_left_is_no_table_and_no_list(data):
    shutil.copy(data / "utt2spk", data / ".utt2spk.1.ab.tmp")
    (data / "trials/.known.1.ab.tmp").write_text("half of an utter")
    assert trial_lists(data) == ["known", "unknown"]
    assert ".utt2spk.1.ab.tmp" not in read_data_dir(data)
    assert worker(VALIDATE, "--no-sound", data, cwd=data)[0] == 0


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="none: no such data directory; run stage 1"):
        read_data_dir(tmp_path / "none")
    with pytest.raises(UserError, match="no such list of trials"):
        read_trials(tmp_path, "none")
