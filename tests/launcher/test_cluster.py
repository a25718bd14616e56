"""Configs of clusters, amounts of memory and time, and jobs that fit on this machine."""

import pytest
from launching import launch, script
from made_up import ROOT

from antispoof.errors import UserError
from antispoof.launcher import amounts
from antispoof.launcher.amounts import fitting, megabytes, minutes
from antispoof.launcher.back_ends import SCHEDULERS
from antispoof.launcher.cluster import load_cluster
from antispoof.launcher.job import Request

CONFIGS = sorted(path.stem for path in ROOT.glob("conf/cluster/*.yaml"))


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_of_a_cluster_maps_what_a_job_can_ask_for(name):
    cluster = load_cluster(name)
    assert cluster.conf["scheduler"] in SCHEDULERS
    cluster.conf["queue"], cluster.conf["account"] = "long", "me"
    flags = cluster.flags(Request(gpu=2, mem="3G", threads=5, time="2h"))
    wanted = {"sge": ("614", "7200")}.get(name, ("3072", "120"))  # per core, and in seconds
    for value in ("long", "me", "2", "5", *wanted):
        assert any(value in word for word in flags), value
    assert cluster.retries(Request()) == 2
    assert cluster.retries(Request(retries=0)) == 0


def test_words_of_slurm():
    asked = Request(gpu=1, mem="500M", threads=2, time="1-02:03:04")
    assert load_cluster("slurm").flags(asked) == [
        *("--mem=500M", "--cpus-per-task=2", "--gres=gpu:1", f"--time={26 * 60 + 4}")
    ]
    assert load_cluster("slurm").flags(Request()) == ["--cpus-per-task=1"]


def test_words_of_grid_engine():
    asked = Request(gpu=1, mem="3G", threads=2, time="1h")
    assert load_cluster("sge").flags(asked) == [
        *("-l", "h_vmem=1536M", "-pe", "smp", "2", "-l", "gpu=1", "-l", "h_rt=3600,s_rt=3580")
    ]
    assert load_cluster("sge").flags(Request()) == []


def test_amounts():
    assert [megabytes(text) for text in ("", "7M", "4G", "1T")] == [0, 7, 4096, 1 << 20]
    assert [minutes(text) for text in ("", "30m", "2h", "1d", "0:00:01")] == [0, 30, 120, 1440, 1]
    for text in ("4", "4g", "-1G", "0G", "4 G"):
        with pytest.raises(UserError, match="^--mem "):
            megabytes(text)
    for text in ("90", "0:00:00", "1:00", "2w"):
        with pytest.raises(UserError, match="^--time "):
            minutes(text)


def test_a_cluster_that_is_not_there_is_refused_in_one_line(tmp_path):
    status, _, error = launch(tmp_path, "--cluster", "moon", "x.log", "true")
    assert (status, len(error.splitlines())) == (1, 1)
    assert "--cluster moon: no conf/cluster/moon.yaml, wanted local, or a file of conf/" in error


def test_on_this_machine_as_many_jobs_as_fit(monkeypatch, tmp_path):
    monkeypatch.setattr(amounts, "memory", lambda: 8192)
    monkeypatch.setattr(amounts.os, "sched_getaffinity", lambda _: set(range(6)))
    assert fitting(9, "", 0) == 9
    assert fitting(9, "3G", 0) == 2
    assert fitting(9, "", 2) == 3
    assert fitting(9, "2G", 2) == 3
    assert fitting(2, "1G", 1) == 2
    assert fitting(9, "1T", 99) == 1  # an estimate that is too high refuses nothing
    work = script(tmp_path, 'mkdir busy || exit 9\nsleep 0.2\nrmdir busy\necho "$1" >> order')
    call = ["--slots", 3, "--mem", "900T", "JOB=1:3", "{job}.log", work, "{job}"]
    assert launch(tmp_path, *call)[2].startswith("utils/run.py: --mem 900T") is False
    assert (tmp_path / "order").read_text().split() == ["1", "2", "3"]
