"""A file that another machine wrote may be seen late: it is waited for, and not for ever."""

import os
import threading
import time
from pathlib import Path

import pytest
from plain_archives import FRAMES, LAYERS, features

from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.json_files import read_json, write_json
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.features import archive
from antispoof.files import await_file, patience
from antispoof.torch_utils.checkpoint import load_checkpoint, save_checkpoint


def later(seconds, action):
    """Do `action` after so many seconds; the thread that does."""
    thread = threading.Thread(target=lambda: (time.sleep(seconds), action()))
    thread.start()
    return thread


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setenv("ANTISPOOF_WAIT", "20")


READERS = {
    "scores": (lambda path: write_table(path, {"u": "1"}), read_table),
    "result.json": (lambda path: write_json(path, {"eer": 1}), read_json),
    "best.pt": (lambda path: save_checkpoint(path, {}), load_checkpoint),
}


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_comes_two_seconds_late_is_read(tmp_path, patient, name):
    write, read = READERS[name]
    path = tmp_path / "exp" / "eval" / name
    began = time.monotonic()
    thread = later(2.0, lambda: write(path))
    found = read(path)
    assert 1.9 < time.monotonic() - began < 10
    thread.join()
    assert found == read(path)


def test_an_archive_that_comes_late_is_read(tmp_path, patient):
    writer = archive.ShareWriter(tmp_path / "dump", 1, 1, LAYERS, None)
    writer.write("u2", features("u2"))
    writer.finish()
    archive.join_shares(tmp_path / "dump", 1, ["u2"])
    place = read_table(tmp_path / "dump/layer07/feats.scp")["u2"]
    ark = Path(place.rpartition(":")[0])
    ark.rename(tmp_path / "elsewhere")
    thread = later(1.0, lambda: (tmp_path / "elsewhere").rename(ark))
    assert (read_entry(place, "u2", MATRIX) == features("u2")[7]).all()
    thread.join()


def test_a_share_whose_note_comes_late_is_joined(tmp_path, patient):
    writers = [archive.ShareWriter(tmp_path, job, 2, LAYERS, None) for job in (1, 2)]
    for writer, utts in zip(writers, (list(FRAMES)[:2], list(FRAMES)[2:]), strict=True):
        for utt in utts:
            writer.write(utt, features(utt))
    writers[0].finish()
    assert not archive.join_shares(tmp_path, 2, list(FRAMES))  # the other may be at work: no wait
    thread = later(2.0, writers[1].finish)
    assert archive.join_shares(tmp_path, 2, list(FRAMES), wait=True)
    thread.join()
    assert list(read_table(tmp_path / "layer07/feats.scp")) == sorted(FRAMES, key=str.encode)


def test_a_file_that_never_comes_is_an_error_that_says_how_long_it_was_waited_for(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ANTISPOOF_WAIT", "1.5")
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        read_table(tmp_path / "scores")
    assert 1.4 < time.monotonic() - began < 5
    assert str(caught.value) == (
        f"{tmp_path}/scores: is not there after 1.5 s of waiting; has the job that writes it ended?"
        " Run its stage, or wait longer: ANTISPOOF_WAIT=SECONDS"
    )


def test_a_task_of_a_scheduler_waits_a_minute_and_a_machine_by_itself_not(monkeypatch, tmp_path):
    for name in ("ANTISPOOF_WAIT", "SLURM_JOB_ID", "SGE_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    assert patience() == 0
    began = time.monotonic()
    await_file(tmp_path / "x")
    assert time.monotonic() - began < 1
    for name in ("SLURM_JOB_ID", "SGE_TASK_ID"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "7")
            assert patience() == 60
            patch.setenv("ANTISPOOF_WAIT", "0")
            assert patience() == 0
    for wrong in ("-1", "soon", "nan", ""):
        monkeypatch.setenv("ANTISPOOF_WAIT", wrong)
        with pytest.raises(UserError, match=f"found '{wrong}', wanted seconds from 0"):
            patience()


def test_the_folder_is_read_so_that_a_server_says_what_is_new(tmp_path, patient, monkeypatch):
    read, listdir = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: read.append(path) or listdir(path))
    later(0.3, lambda: (tmp_path / "x").touch())
    await_file(tmp_path / "x")
    assert read.count(tmp_path) >= 2
