"""utils/status.py on a recipe that runs, asked again and again."""

import contextlib
import re
import subprocess
import sys
import threading

from made_up import ROOT

FIRST = re.compile(r".*: (\w+), (?:on .*; )?stage (\d) of 6")


def look(folder):
    """(exit status, stdout, stderr) of utils/status.py."""
    call = [sys.executable, ROOT / "utils/status.py", folder]
    done = subprocess.run(call, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def looking(folder, pause=0.5):
    """Ask as long as the block runs, from the first queue on; yields the list of all answers."""
    seen, over = [], threading.Event()

    def ask():
        while not over.wait(pause):
            if (folder / "exp/log/queue").exists():
                seen.append(look(folder))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def assert_it_was_seen(folder, seen):
    """Each answer is one; the stage never goes back; at the end, all jobs are done."""
    assert [answer for answer in seen if answer[0] or answer[2]] == []
    first = [answer[1].splitlines()[0] for answer in seen]
    shown = [FIRST.fullmatch(line) for line in first if not line.endswith("no stage has begun")]
    assert all(shown) and shown, first
    stages = [int(found[2]) for found in shown]
    assert stages == sorted(stages)
    assert {found[1] for found in shown} <= {"running", "finished"}
    status, out, error = look(folder)
    assert (status, error) == (0, "")
    first, _, _, *rows = out.splitlines()
    assert first == f"{folder}: finished, stage 6 of 6"
    for row in rows:
        _, jobs, done, took = re.split(r"  +", row)
        assert (jobs, took.split()[0]) == (done, "took")
