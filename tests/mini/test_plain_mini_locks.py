"""egs/mini: workers that end with who started them, and words for the user."""

import errno
import subprocess
import sys
import time
from pathlib import Path

from plain_mini import ROOT

from corpus import locks


def test_a_worker_ends_with_who_started_it(tmp_path):
    child = f"import sys, time; sys.path.insert(0, {str(ROOT / 'egs/mini/local')!r})"
    child += "; from corpus.locks import die_with_parent; die_with_parent()"
    child += "; open('ready', 'w').close(); time.sleep(30)"
    parent = "import subprocess, sys, time; c = [sys.executable, '-c', sys.argv[1]]"
    parent += "; print(subprocess.Popen(c).pid, flush=True); time.sleep(30)"
    run = subprocess.Popen(
        [sys.executable, "-c", parent, child], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    pid, deadline = run.stdout.readline().strip(), time.monotonic() + 20
    while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (tmp_path / "ready").exists()
    run.kill()
    run.wait()
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(pid)


def running(pid):
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_words_go_to_the_errors(capsys):
    locks.say("two", "words")
    assert capsys.readouterr() == ("", "two words\n")


def test_a_file_system_without_locks_is_said_and_worked_on(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)  # as NFS does whose server has none
    with locks.locked(tmp_path / "lock", "the corpus"):
        pass
    said = capsys.readouterr().err
    assert said == f"{tmp_path}/lock: no locks here; let no other run make the corpus meanwhile\n"
