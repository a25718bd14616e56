"""A share finds its part in a plan that one job wrote, and plans by itself where there is none."""

import os
import sys
import time

import numpy as np
import pytest
from made_up import ROOT

from antispoof.config import UPSTREAM
from antispoof.data.tables import read_table, write_table
from antispoof.features import split
from antispoof.features.plan import plan_batches

sys.path.append(str(ROOT / "benchmarks"))
import shares

SETTINGS = split.Settings(UPSTREAM["window"], 8.0, 2, 80, 50.0, "two_byte")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(split, "LARGE", 10)
    shares.make_tables(tmp_path / "data", 40)
    return tmp_path / "data"


def parts(data, dump, jobs=3, settings=SETTINGS):
    return [split.plan_part(data, dump, settings, job, jobs) for job in range(1, jobs + 1)]


def test_a_plan_that_is_read_is_the_one_that_each_job_makes(data, tmp_path):
    alone = [split.plan_part(data, tmp_path / str(job), SETTINGS, job, 3) for job in (1, 2, 3)]
    found = parts(data, tmp_path / "dump")
    assert found == alone == parts(data, tmp_path / "dump")
    assert (tmp_path / "dump/shares/.plan3").exists()
    seconds = {utt: float(text) for utt, text in read_table(data / "utt2dur").items()}
    batches = plan_batches(seconds, 8.0)
    assert [part.batches for part in found] == [batches[job::3] for job in range(3)]
    assert {u: w for part in found for u, w in part.wavs.items()} == read_table(data / "wav.scp")
    assert {u: s for part in found for u, s in part.durations.items()} == seconds


def test_a_plan_is_read_and_not_made_again(data, tmp_path, monkeypatch):
    first = parts(data, tmp_path / "dump")
    monkeypatch.setattr(split, "_plan", None)  # a call would fail
    assert parts(data, tmp_path / "dump") == first


@pytest.mark.parametrize("change", ["a duration", "a sound", "batches", "a bit of a part", "head"])
def test_a_plan_of_other_tables_or_settings_or_damage_is_made_again(data, tmp_path, change):
    parts(data, tmp_path / "dump")
    path, settings = tmp_path / "dump/shares/.plan3", SETTINGS
    if change == "batches":
        settings = split.Settings(UPSTREAM["window"], 20.0, 2, 80, 50.0, "two_byte")
    elif change.startswith("a bit") or change == "head":
        raw = bytearray(path.read_bytes())
        raw[-20 if change.startswith("a bit") else 5] ^= 1
        path.write_bytes(raw)
    else:
        name = "utt2dur" if change == "a duration" else "wav.scp"
        table = read_table(data / name)
        table[next(iter(table))] = "7.25"
        write_table(data / name, table)
    assert parts(data, tmp_path / "dump", settings=settings) == parts(
        data, tmp_path / "other", settings=settings
    )


def test_a_small_set_leaves_no_plan(data, tmp_path, monkeypatch):
    monkeypatch.setattr(split, "LARGE", 41)
    parts(data, tmp_path / "dump")
    assert not (tmp_path / "dump").exists()


def test_20_000_utterances_are_split_over_100_shares_and_joined_in_seconds(tmp_path):
    began = time.process_time()
    each, joining = shares.measure(tmp_path, 20_000, 100, 1)
    assert len(each) == 100
    assert np.median(each) < 0.1  # 0.9 s at ten times the size before there were plans
    assert sum(each) + joining < 10
    assert time.process_time() - began < 20
    assert os.path.getsize(tmp_path / "dump/layer00/feats.scp") > 0
