"""Rounds of a recipe in which a process is killed: for benchmarks/chaos.py."""

import contextlib
import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.crashing import crash, running

ROOT = Path(__file__).resolve().parent.parent
OUTPUTS = ("scores", "result.json", "best.pt", "curve.csv", "utt2sum", "calibration.json")
VICTIMS = ("worker", "worker", "launcher", "run.sh", "all")
SECONDS = 120  # in which a run that was killed is gone
OUTLIVED = 600  # in which a stage ends that outlives a task or a node
LATENCY = 3.0  # what a scheduler adds to a stage
BUSY = "another run is at work on this"


@dataclasses.dataclass
class Round:
    """What a round did, and its faults, which are to be none."""

    stage: int
    victim: str = "nobody: the stage was over"
    killed: str = ""
    outlived: str = ""
    status: int | None = None
    faults: list[str] = dataclasses.field(default_factory=list)

    def __str__(self):
        found = f"stage {self.stage}: {self.victim}{self.killed and ': '}{self.killed}"
        return "; ".join([f"{found}; {self.outlived}run.sh ended with {self.status}", *self.faults])


class Chaos:
    """A recipe `folder`, the command that runs it, and the seconds of each of its stages.

    cluster: a throwaway Slurm that runs its jobs; None for this machine.
    """

    def __init__(self, folder, command, seconds, cluster=None):
        self.folder, self.command, self.cluster = Path(folder), command, cluster
        self.seconds = {n: took + LATENCY * bool(cluster) for n, took in seconds.items()}
        self.out, self.environment = Path(f"{folder}.out"), dict(os.environ)
        if cluster:
            self.environment |= {**cluster.environment, "ANTISPOOF_CLUSTER": "slurm"}

    def begin(self):
        """Start the recipe in a session of its own; its words go to a file."""
        with open(self.out, "w") as stream:
            return subprocess.Popen(
                self.command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self.environment,
            )

    def wait_for_stage(self, process, stage, seconds=float("inf")):
        """Wait until a stage has begun, the process has ended, or so many seconds are over."""
        until = time.monotonic() + seconds
        while (
            time.monotonic() < until
            and process.poll() is None
            and f"== Stage {stage}:" not in self.out.read_text()
        ):
            time.sleep(0.01)

    def disturb(self, stage, draws):
        """A round; `draws` says when it kills which process, and whether the next one waits."""
        victims = (*VICTIMS, "node", "node") if self.cluster else VICTIMS
        found, moment, wanted = Round(stage), draws.random(), draws.choice(victims)
        return self.round(found, moment, wanted, draws.random(), draws.random() < 0.7)

    def round(self, found, moment, wanted, among, patient=True):
        """Kill one of `wanted` at a moment of a stage; both are from 0 to 1, and so is `among`."""
        stage, process = found.stage, self.begin()
        self.wait_for_stage(process, stage)
        self.wait_for_stage(process, stage + 1, moment * self.seconds.get(stage, 1.0))
        if process.poll() is None:
            (self.crash if wanted == "node" else self.kill)(process, found, wanted, among)
            self.see_it_end(process, found)
        if found.victim == "node":
            self.cluster.start_node(found.killed)
        found.status = self.wait(process, found)
        if patient or BUSY in self.out.read_text():
            self.wait_until_gone(process.pid, found)
        found.faults += self.look()
        return found

    def kill(self, process, found, wanted, among):
        """SIGKILL to one of this role, or of any where there is none; to all if it has ended."""
        there = self.processes(process.pid)
        victims = [pid for pid, role in there.items() if wanted == role] or list(there)
        chosen = victims[int(among * len(victims))] if wanted != "all" and victims else 0
        found.victim, found.killed = there.get(chosen, "all"), words_of(chosen)[-80:]
        if not found.killed:
            found.victim, victims = "all", list(there)
        for pid in [chosen] if found.killed else victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def crash(self, process, found, _, among):
        """A node crashes that runs something."""
        until = time.monotonic() + SECONDS
        while process.poll() is None and not running(self.cluster) and time.monotonic() < until:
            time.sleep(0.05)
        found.victim, found.killed = "node", crash(self.cluster, among)

    def see_it_end(self, process, found):
        """A run that outlives its victim, as on a cluster, ends its stage; then all is killed."""
        stage, began = self.out.read_text().count("== Stage "), time.monotonic()
        self.wait_for_stage(process, stage + 1, OUTLIVED)
        if process.poll() is None:
            took, text = time.monotonic() - began, self.out.read_text()
            if f"== Stage {stage + 1}:" not in text:
                found.faults.append(f"the stage did not end in {took:.0f} s: {text[-400:]!r}")
            self.kill(process, Round(stage), "all", 0.0)
            found.outlived = f"stage {stage} ended all the same after {took:.0f} s; "
        elif found.victim == "node" and process.returncode:
            found.faults.append(f"one node was too much: {self.out.read_text()[-400:]!r}")

    def wait(self, process, found):
        """The exit status of run.sh; none where it does not end."""
        try:
            status = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            found.faults.append(f"run.sh is still there after {SECONDS} s")
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()
        text = self.out.read_text()
        if not found.killed and found.victim != "all" and status and BUSY not in text:
            found.faults.append(f"it failed though nobody was killed: {text[-400:]!r}")
        if "Traceback" in text:
            found.faults.append("it shows a traceback")
        return status

    def wait_until_gone(self, leader, found):
        until = time.monotonic() + SECONDS
        while there := self.processes(leader):
            if time.monotonic() > until:
                found.faults.append(f"left behind: {[words_of(pid) for pid in there]}")
                for pid in there:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def processes(self, leader):
        """{pid: role} of the recipe's processes: those of its session, or at work in its folder."""
        found = {}
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state, _, _, session = (
                    place.joinpath("stat").read_text().rpartition(")")[2].split()[:4]
                )
                pid = int(place.name)
                ours = session == str(leader) or os.readlink(place / "cwd") == str(self.folder)
                looks = "utils/status.py" in words_of(pid)  # which is no part of the recipe
                if ours and state not in "ZX" and pid != os.getpid() and not looks:
                    launcher = "utils/run.py" in words_of(pid)
                    found[pid] = "launcher" if launcher else "run.sh" if pid == leader else "worker"
        return found

    def look(self):
        """What is wrong with utils/status.py, which must see each state."""
        if not (self.folder / "exp/log/queue").exists():
            return []
        call = [sys.executable, ROOT / "utils/status.py", self.folder]
        done = subprocess.run(call, capture_output=True, text=True)
        said = f"utils/status.py: status {done.returncode}: {done.stderr[-400:]!r}"
        return [said] if done.returncode else []

    def finish(self):
        """Run it to its end; returns its faults, and tells how long each stage took."""
        found, started, seconds = Round(0), time.monotonic(), {}
        process = self.begin()
        for stage in itertools.count(1):
            self.wait_for_stage(process, stage)
            if process.poll() is not None:
                break
            seconds[stage] = time.monotonic() - started
        total = time.monotonic() - started
        if process.returncode:
            text = self.out.read_text()
            found.faults.append(f"the last run ended with {process.returncode}: {text[-800:]}")
        begun = [*seconds.values(), total]
        return found.faults, dict(zip(seconds, map(float.__sub__, begun[1:], begun), strict=False))

    def outputs(self):
        """{name: bytes} of what must not depend on what happened on the way."""
        paths = {path for name in OUTPUTS for path in self.folder.rglob(name)}
        return {str(path.relative_to(self.folder)): plain(path) for path in sorted(paths)}

    def forget(self):
        for name in ("data", "dump", "exp"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


def words_of(pid):
    """The command of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def plain(path):
    """The bytes of a file; of a JSON file, without what says where and when it was made."""
    if path.suffix != ".json":
        return path.read_bytes()
    found = json.loads(path.read_text("utf-8"))
    if isinstance(found, dict):
        found.pop("provenance", None)
    return json.dumps(found).encode()
