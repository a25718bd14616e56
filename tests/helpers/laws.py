"""For the laws of the whole recipe: calls that are recorded, and what each worker opens."""

import contextlib
import importlib.util
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from made_up import ROOT

from antispoof.config import named_by
from antispoof.launcher.queue import read_queue
from antispoof.launcher.reads import rests_on
from antispoof.paths import exists

# The launcher's place is taken by a function of the shell that writes its words and its queue down;
# what reads the configs runs.
RECORD = """() {
  case $1 in */utils/settings.py) command python "$@"; return ;; esac
  printf '%s\\x1f' "$@" >>"$RECORDED"
  case $1 in */utils/run.py) cat >>"$RECORDED" ;; esac
  printf '\\x1e' >>"$RECORDED"
}"""


@dataclass(frozen=True)
class Call:
    """A command of a queue; what follows from it; its queue, and the jobs at a time of that."""

    command: str
    log: str
    done: str
    reads: frozenset = frozenset()
    shares: int = 1
    slots: str = "2"
    gpu: int = 0
    renew: bool = False
    nodes: int = 1
    resumes: bool = False
    stage: str = field(default="", compare=False)
    queue: int = field(default=0, compare=False)

    def out(self):
        return self.done.removesuffix("/.done").removesuffix(".done")


def text_of(words):
    return " ".join(f"'{w}'" if " " in w or not w else w for w in words)


def call_of(task, slots, stage, queue):
    """What a task of a queue comes to, in the recipe that is the current folder."""
    stamp = f"{task.out}/.done" if task.is_folder else f"{task.out}.done"
    return Call(
        command=text_of(task.words),
        log=str(task.log("{job}")),
        done=stamp,
        reads=frozenset(rests_on(task.words, lambda name: named_by(name) if exists(name) else [])),
        shares=task.shares,
        slots=slots,
        gpu=task.gpu,
        renew=task.renew,
        nodes=task.nodes,
        resumes=task.resumes,
        stage=stage,
        queue=queue,
    )


def parse(text, queue):
    """The calls behind run.py --queue, whose words end where the lines of the queue begin."""
    *words, lines = text.split("\x1f")
    assert words[1] == "--queue"
    assert words[2::2] == ["--stage", "--parent", "--slots"]
    return [call_of(task, words[7], words[3], queue) for task in read_queue(lines.splitlines())]


def record(folder, *options, status=0):
    """What run.sh asks for in the recipe `folder`, called from above it; nothing is started.

    Returns the calls of all queues, the words of each call of utils/show_results.py, and what was
    said.
    """
    notes = Path(folder) / "recorded"
    notes.write_text("")
    done = subprocess.run(
        [ROOT / "run.sh", "--recipe-dir", folder, *map(str, options)],
        env={**os.environ, "BASH_FUNC_python%%": RECORD, "RECORDED": str(notes)},
        cwd=Path(folder).parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    calls = notes.read_text().split("\x1e")[:-1]
    queues = [text for text in calls if text.split("\x1f")[0].endswith("/utils/run.py")]
    with contextlib.chdir(folder):
        launched = [call for number, text in enumerate(queues) for call in parse(text, number)]
    others = [text.split("\x1f")[:-1] for text in calls if text not in queues]
    assert all(words[0].endswith("/utils/show_results.py") for words in others)
    return launched, [words[1:] for words in others], done.stdout + done.stderr


def of(launched, worker):
    """The calls of one worker."""
    found = [call for call in launched if worker in call.command.split()]
    assert found, worker
    return found


def refusal(folder, *options):
    """Why run.sh refuses, in one line, before it starts anything."""
    launched, printed, said = record(folder, *options, status=2)
    assert not launched
    assert not printed
    assert len(said.splitlines()) == 1, said
    return said


def house(folder):
    """The files that run.sh itself reads of a recipe: one system of each kind; returns `folder`."""
    texts = {
        "conf/train_cached.yaml": "feats: cached\nupstream: own  # not upstream: mel\n",
        "conf/train_tuned.yaml": 'feats: ssl\nupstream: "mel"\n'
        'init_from: "exp/start_seed{seed}"  # each its own\n',
        "conf/train_wave.yaml": "feats: wave\nupstream: own # which is not read\nmodel: mel_cnn\n",
        "conf/upstream/own.yaml": 'name: fbank\ncheckpoint: "own.pt"\ncopies: {count: 1}\n',
        "conf/rank.yaml": "in_domain: [judge_known]\nout_of_domain: [judge]\n",
        "data/judge/trials/known": "",
        "data/judge/trials/unknown": "",
    }
    for name, text in texts.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Path(folder)


def load_worker(program):
    """A worker as a module, so that its functions can be called."""
    spec = importlib.util.spec_from_file_location(program.replace("/", "_"), ROOT / program)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
