"""utils/run.py on a real Grid Engine: what other schedulers do otherwise, or do not know."""

import os
import signal

from launching import ONCE, began, begin, finish, launch, script, settings

CALL = ["--cluster", "sge"]


def test_a_task_that_exceeds_its_memory_has_failed(sge, tmp_path):
    text = "print('begins', flush=True)\nx = b'1' * 400_000_000\n"
    work = script(tmp_path, text, "work.py")
    status, _, error = launch(tmp_path, *CALL, "--mem", "300M", "x.log", work)
    assert status == 1
    assert error.startswith("1 / 1 failed: x.log: status 1 on ")
    assert error.splitlines()[-1] == "    MemoryError"
    assert launch(tmp_path, *CALL, "--mem", "2G", "x.log", work)[0] == 0


def test_memory_is_asked_for_by_the_slot(sge, tmp_path):
    call = [*CALL, "--mem", "20G", "--threads", 2, "x.log", "true"]  # a slot has 16 GiB
    assert launch(tmp_path, *call)[0] == 0
    assert sge.left() == []


def test_an_unknown_queue_is_named(sge, tmp_path):
    call = [*settings(tmp_path, sge, "queue: none.q"), "x.log", "true"]
    status, _, error = launch(tmp_path, *call)
    assert (status, "unknown queue" in error) == (1, True)


def test_a_task_that_is_gone_without_a_word_is_done_again(sge, tmp_path):
    text = f'[ "$1" != 2 ] || {{ {ONCE}; }}'.replace("${1:-60}", "60")
    work = script(tmp_path, text.replace("; }", "\n}"))
    call = [*settings(tmp_path, sge, "late: 1"), "--slots", 2, "--done", "{job}.done", "JOB=1:2"]
    process = begin(tmp_path, *call, "{job}.log", work, "{job}")
    for pid in sge.line(began(tmp_path))[:-1]:
        os.kill(pid, signal.SIGKILL)
    status, _, error = finish(process)
    assert (status, "submits 1 again that were lost" in error) == (0, True)
    assert len((tmp_path / "ran").read_text().splitlines()) == 2
    assert ", attempt 2\n" in (tmp_path / "2.log").read_text()
    assert ", attempt 1\n" in (tmp_path / "1.log").read_text()
    assert sorted(path.name for path in tmp_path.glob("*.done")) == ["1.done", "2.done"]


def test_a_task_whose_time_limit_comes_says_so(sge, tmp_path):
    short = settings(tmp_path, sge, 'options: {time: ["-l", "h_rt=25,s_rt=5"]}')
    process = begin(tmp_path, *short, "--time", "1m", "x.log", "sleep", "200")
    status, _, error = finish(process, 120)
    assert status == 1
    said = (
        "its time limit came; ask for more with defaults.time of conf/cluster/NAME.yaml, or --time "
    )
    assert error.startswith(f"1 / 1 failed: x.log: {said}of utils/run.py\n")
