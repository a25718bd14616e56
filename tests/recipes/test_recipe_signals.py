"""A signal to run.sh alone ends its run: no process stays, no stage follows, a rerun goes on."""

import os
import random
import signal
import subprocess

import pytest
from launching import session, wait_for
from made_up import ROOT
from recipes import Recipe, succeed

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


class Corpus(Recipe):
    """A recipe with a run.sh of its own: that of egs/mini, somewhere else."""

    def write(self):
        text = (ROOT / "egs/mini/run.sh").read_text().replace('"$here/../../', f'"{ROOT}/')
        self.file("run.sh").write_text(text)
        self.file("run.sh").chmod(0o755)
        return super().write()

    def command(self, *options):
        _, _, _, *rest = super().command(*options)
        return [str(self.folder / "run.sh"), "--seeds", "1", *rest]

    def begin(self, out):
        """The process of a run in a session of its own, which writes to the file `out`."""
        with open(out, "w") as stream:
            return subprocess.Popen(
                self.command(), stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )


@pytest.fixture
def recipe(tmp_path, made_up_corpus):
    return Corpus(tmp_path / "recipe", made_up_corpus).write()


def test_a_signal_to_the_shell_ends_the_whole_run_and_it_goes_on(undisturbed, recipe, tmp_path):
    whole, seconds = undisturbed
    seed = random.randrange(10**6)
    moments, out = random.Random(seed), tmp_path / "out"
    for number, stage in SIGNALS:
        process = recipe.begin(out)
        wait_for(lambda stage=stage: f"== Stage {stage}" in out.read_text(), 120)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0.0, 0.6) * seconds[stage])
        os.kill(process.pid, number)
        assert process.wait(8) == -number, f"random.Random({seed})"
        if number == signal.SIGKILL:  # no shell is left that could wait
            wait_for(lambda process=process: not session(process.pid), 8)
        assert session(process.pid) == [], f"{number.name} in stage {stage}"
    succeed(recipe.run())
    assert recipe.outputs() == whole.outputs(), f"random.Random({seed})"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_signal_to_the_group_ends_the_whole_run(recipe, tmp_path, number):
    process = recipe.begin(tmp_path / "out")
    wait_for(lambda: "\n$ " in (tmp_path / "out").read_text(), 60)
    os.killpg(process.pid, number)
    assert process.wait(8) == -number
    assert session(process.pid) == []
    assert "Traceback" not in (tmp_path / "out").read_text()
