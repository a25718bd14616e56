"""A signal to run.sh alone ends its run: no process stays, no stage follows, a rerun goes on.

From the signal on, no worker ends by itself: a run that ends was ended, however slow the machine.
"""

import os
import random
import signal
import subprocess

import pytest
from launching import hearing, session, wait_for
from made_up import ROOT
from recipes import PREPARE, Recipe, succeed

SIGNALS = [  # to the shell alone, in this stage
    (signal.SIGTERM, 1),
    (signal.SIGHUP, 2),
    (signal.SIGKILL, 2),
    (signal.SIGINT, 3),
    (signal.SIGKILL, 3),
    (signal.SIGTERM, 3),
    (signal.SIGHUP, 4),
    (signal.SIGKILL, 5),
    (signal.SIGTERM, 6),
]
SECONDS = 180  # in which a run ends that was ended
# A worker that has done its work stands still while its name holds the text of the file `held`.
STAND = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
while os.path.exists("held") and open("held").read() in sys.argv[0]:
    time.sleep(0.02)
"""
ROOTS = """import runpy
runpy.run_path("{path}", run_name="__main__")
"""


class Corpus(Recipe):
    """A recipe with a run.sh of its own: that of egs/mini, somewhere else."""

    def write(self):
        text = (ROOT / "egs/mini/run.sh").read_text().replace('"$here/../../', f'"{ROOT}/')
        self.file("run.sh").write_text(text)
        self.file("run.sh").chmod(0o755)
        super().write()
        self.file("local/prepare_data.py").write_text(PREPARE + STAND)
        for path in [*ROOT.glob("steps/*.py"), ROOT / "utils/validate_data_dir.py"]:
            self.file(path.relative_to(ROOT)).write_text(ROOTS.format(path=path) + STAND)
        return self

    def command(self, *options):
        _, _, _, *rest = super().command(*options)
        return [str(self.folder / "run.sh"), "--seeds", "1", *rest]

    def begin(self, out):
        """The process of a run in a session of its own, which writes to the file `out`.

        It does not end by itself: the last worker stands still.
        """
        self.file("held").write_text("steps/report.py")
        with open(out, "w") as stream:
            return subprocess.Popen(
                hearing(self.command()),
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self, process, send, number):
        """Send the signal to the process, or its group; returns its exit status."""
        self.file("held").write_text("")  # which every name holds
        send(process.pid, number)
        return process.wait(SECONDS)

    def let_go(self):
        self.file("held").unlink(missing_ok=True)


@pytest.fixture
def recipe(tmp_path, made_up_corpus):
    made = Corpus(tmp_path / "recipe", made_up_corpus).write()
    yield made
    made.let_go()


def test_a_signal_to_the_shell_ends_the_whole_run_and_it_goes_on(undisturbed, recipe, tmp_path):
    whole, seconds = undisturbed
    seed = random.randrange(10**6)
    moments, out = random.Random(seed), tmp_path / "out"
    for number, stage in SIGNALS:
        process = recipe.begin(out)
        wait_for(lambda stage=stage: f"== Stage {stage}" in out.read_text(), 2 * SECONDS)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0.0, 0.6) * seconds[stage])
        assert recipe.end(process, os.kill, number) == -number, f"random.Random({seed})"
        if number == signal.SIGKILL:  # no shell is left that could wait
            wait_for(lambda process=process: not session(process.pid), SECONDS)
        assert session(process.pid) == [], f"{number.name} in stage {stage}"
    recipe.let_go()
    succeed(recipe.run())
    assert recipe.outputs() == whole.outputs(), f"random.Random({seed})"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_signal_to_the_group_ends_the_whole_run(recipe, tmp_path, number):
    process = recipe.begin(tmp_path / "out")
    wait_for(lambda: "\n$ " in (tmp_path / "out").read_text(), 2 * SECONDS)
    assert recipe.end(process, os.killpg, number) == -number
    assert session(process.pid) == []
    assert "Traceback" not in (tmp_path / "out").read_text()
