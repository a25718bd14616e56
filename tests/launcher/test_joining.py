"""Shares of one command whose tasks do not see each other's files: a last task joins them."""

import pytest
from launching import queue, script, task
from made_up import ROOT
from sounds import make_corpus, make_data
from test_status import row, shown

from antispoof.data.tables import read_table

# A worker that sees no note of another share, as where a file server shows it late.
BLIND = f"""import runpy, sys
from antispoof.features import archive
real = archive.all_ended
archive.all_ended = lambda folder, jobs, wait=False: wait and real(folder, jobs, wait)
runpy.run_path("{ROOT}/steps/extract_ssl.py", run_name="__main__")
"""
LOSING = BLIND + 'if "2/2" in sys.argv:\n    (archive.Path("dump/fbank/x/shares/2of2")).unlink()\n'
WORDS = ("--share", "{job}/{jobs}", "conf/upstream/fbank.yaml", "data/x", "dump/fbank/x/")
OPTIONS = ("--cluster", "slurm", "--slots", 2, "--stage", "2 of 6: features")


@pytest.fixture
def extraction(tmp_path):
    """A task of two shares, on three sounds."""
    (tmp_path / "steps").mkdir()
    make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"x": 3}))
    return task("steps/extract_ssl.py", "--device", "cpu", *WORDS, shares=2)


def test_shares_that_see_each_other_late_are_joined_before_their_stamp_is_written(
    slurm, tmp_path, extraction
):
    script(tmp_path, BLIND, "steps/extract_ssl.py")
    status, out, error = queue(tmp_path, extraction, options=OPTIONS, seconds=600)
    assert status == 0, error
    assert len(read_table(tmp_path / "dump/fbank/x/utt2sum")) == 3
    assert out.count("--join dump/fbank/x\n") == 1
    assert "--join" not in (tmp_path / "dump/fbank/x/.done").read_text()
    assert row(shown(tmp_path), "2 features")["done"] == "3"  # two shares, and what joins them
    assert (
        queue(tmp_path, extraction, options=OPTIONS, seconds=600)[1]
        == "skip: steps/extract_ssl.py\n"
    )


def test_shares_one_of_which_is_lost_have_no_stamp(slurm, tmp_path, extraction, monkeypatch):
    monkeypatch.setenv("ANTISPOOF_WAIT", "1")
    script(tmp_path, LOSING, "steps/extract_ssl.py")
    status, _, error = queue(tmp_path, extraction, options=OPTIONS, seconds=600)
    assert status == 1
    assert "1 / 1 failed: dump/fbank/x/log/extract_ssl.join.log: " in error
    assert "dump/fbank/x/shares/2of2: is not there after 1 s of waiting" in error
    assert not (tmp_path / "dump/fbank/x/.done").exists()
    assert row(shown(tmp_path), "2 features")["failed"] == "1"
