"""For the laws of the whole recipe: calls that are recorded, and what each worker opens."""

import importlib.util
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from made_up import ROOT

# The launcher's place is taken by a function of the shell that writes its words down; what reads
# the configs runs.
RECORD = """() {
  case $1 in */utils/settings.py) command python "$@"; return ;; esac
  printf '%s\\x1f' "$@" >>"$RECORDED"
  printf '\\x1e' >>"$RECORDED"
}"""


@dataclass(frozen=True)
class Call:
    """What run.sh asks the launcher for; `jobs` is NAME=VALUES or empty."""

    log: str
    command: str
    done: str = ""
    reads: frozenset = frozenset()
    jobs: str = ""
    slots: str = "2"
    gpu: str = ""
    renew: bool = False


def parse(words):
    """The words behind run.py, read by the rule of its help."""
    words, found = list(words), {"renew": False, "reads": frozenset()}
    while words[0].startswith("--"):
        option = words.pop(0)
        if option == "--renew":
            found["renew"] = True
        elif option == "--parent":  # the shell that calls
            words.pop(0)
        elif option == "--from":
            found["reads"] = frozenset(shlex.split(words.pop(0)))
        else:
            found[{"--done": "done", "--slots": "slots", "--gpu": "gpu"}[option]] = words.pop(0)
    if words[0].partition("=")[0].isupper():
        found["jobs"] = words.pop(0)
    log, *command = words
    text = " ".join(f"'{w}'" if " " in w or not w else w for w in command)
    return Call(log=log, command=text, **found)


def record(folder, *options, status=0):
    """What run.sh asks for in the recipe `folder`, called from above it; nothing is started.

    Returns the calls of the launcher, the words of each call of utils/show_results.py, and what was
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
    calls = [text.split("\x1f")[:-1] for text in notes.read_text().split("\x1e")[:-1]]
    launched = [parse(words[1:]) for words in calls if words[0].endswith("/utils/run.py")]
    printed = [words[1:] for words in calls if words[0].endswith("/utils/show_results.py")]
    assert len(launched) + len(printed) == len(calls)
    return launched, printed, done.stdout + done.stderr


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
