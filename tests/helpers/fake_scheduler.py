"""A scheduler that runs nothing: what it says and what becomes of its tasks is set by a test.

Real daemons are in the fixtures `slurm` and `sge`. This is for what they do not do at a moment that
a test can choose.
"""

import json
from contextlib import suppress

from made_up import ROOT

from antispoof.launcher import arrays
from antispoof.launcher.cluster import load_cluster
from antispoof.launcher.job import Request
from antispoof.launcher.scheduler import Scheduler, State

WAITS, RUNS = State("PENDING"), State("RUNNING")


class FakeScheduler(Scheduler):
    """`begin(name, tasks)` says what becomes of tasks that are submitted; `heard` what it heard."""

    name, said = "slurm", {}

    def __init__(self, begin=lambda fake, folder, count: None):
        self.begin, self.heard, self.known = begin, [], {}

    def submit(self, folder, name, words, count, slots):
        self.heard.append(f"submit {count}")
        self.known[name] = dict.fromkeys(range(1, count + 1), RUNS)
        self.begin(self, folder, count)
        return "7"

    def end(self, folder, task, status=0):
        """A task ends by itself."""
        said = {"status": status, "host": "n1"}
        (folder / f"{task}.json").write_text(json.dumps(said))
        over = State("COMPLETED" if status == 0 else "FAILED", over=True)
        self.known.setdefault(folder.name, {})[task] = over

    def states(self, name, job):
        return dict(self.known.get(name, {}))

    def cancel(self, name, job, tasks=None, waiting=False):
        chosen = self.known.get(name, {}) if tasks is None else tasks
        self.heard.append(f"cancel {'all' if tasks is None else sorted(tasks)}")
        for task in [t for t in chosen if not waiting or self.known[name][t] == WAITS]:
            with suppress(KeyError):
                del self.known[name][task]

    def by_hand(self, name, tasks=None):
        return f"fake-cancel {name}"

    def after(self, name, job):
        return []

    def kept(self):
        return []


def settings():
    """A cluster's settings that ask often."""
    cluster = load_cluster(str(ROOT / "conf/cluster/slurm.yaml"))
    cluster.conf["late"], cluster.conf["poll"] = 0.2, {"files": 0.1, "least": 0.1, "most": 0.1}
    return cluster


def work(jobs, scheduler, **request):
    """Run jobs on a scheduler; returns those that failed."""
    return arrays.run(jobs, Request(**request), settings(), scheduler)
