"""A recipe whose processes are killed at random moments ends in the results of a calm run.

benchmarks/chaos.py does the same for longer, and for other recipes. utils/status.py is
asked all along, and must answer.
"""

import subprocess
import sys
import time

import pytest
from made_up import ROOT

from benchmarks.chaos import run, small
from benchmarks.killing import Chaos

ROUNDS, SEED = 4, 3
ONE = ("--systems", "wave_cnn", "--nj", "2")  # the last of an option counts


def looked(folder):
    """What utils/status.py shows."""
    call = [sys.executable, ROOT / "utils/status.py", folder]
    done = subprocess.run(call, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def calm(tmp_path_factory, made_up_corpus):
    """A run that nobody kills, its seconds by stage, and what utils/status.py showed of it."""
    folder = tmp_path_factory.mktemp("calm").resolve() / "a recipe"
    found = Chaos(folder, small(folder, made_up_corpus, *ONE), {})
    process, started, seen = found.begin(), {}, []
    for stage in range(1, 7):
        found.wait_for_stage(process, stage)
        started[stage] = time.monotonic()
        while process.poll() is None and f"== Stage {stage + 1}:" not in found.out.read_text():
            if (folder / "exp/log/queue").exists():
                seen.append(looked(folder))
            time.sleep(0.5)
        found.seconds[stage] = time.monotonic() - started[stage]
    assert process.wait() == 0, found.out.read_text()
    return found, seen


def test_a_run_that_is_killed_at_random_moments_ends_in_the_same_results(
    calm, made_up_corpus, tmp_path
):
    whole, _ = calm
    folder = tmp_path.resolve() / "a recipe"
    killed = Chaos(folder, small(folder, made_up_corpus, *ONE), whole.seconds)
    wanted = whole.outputs()
    assert [name for name in wanted if name.endswith("result.json")]
    assert run(killed, wanted, ROUNDS, SEED) == []
