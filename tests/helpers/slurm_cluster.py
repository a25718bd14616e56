"""A throwaway Slurm of three nodes in a temporary folder, from real daemons of this machine.

Every node is this machine: 2 cores and 4000 MiB of its own. The key, sockets, states and logs are
in the folder; nothing of the system's is read or written.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

NODES = ("n1", "n2", "n3")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
MISSING = [program for program in PROGRAMS if not shutil.which(program)]
if os.geteuid():
    MISSING.append("root")
CONF = """ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/sock
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
KillWait=3
OverTimeLimit=0
InactiveLimit=0
SlurmctldTimeout=10
SlurmdTimeout=10
MessageTimeout=5
MaxArraySize=2001
"""


class SlurmCluster:
    """The cluster; `environment` leads programs to it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        for name in ("state", "spool", "log", "munge", "run"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        (self.folder / "munge").chmod(0o711)
        self.conf = self.folder / "slurm.conf"
        host, port = socket.gethostname().partition(".")[0], free_ports(1 + len(NODES))
        lines = CONF.format(host=host, port=port, folder=self.folder).splitlines()
        for number, node in enumerate(NODES, 1):
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port + number} "
                "CPUs=2 RealMemory=4000 State=UNKNOWN"
            )
        lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
        self.conf.write_text("\n".join(lines) + "\n")
        self.environment = {"SLURM_CONF": str(self.conf)}

    def start(self):
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        names = {"socket": "sock", "key-file": "key", "pid-file": "pid", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge/{name}" for option, name in names.items()]
        self.call("munged", "--force", *options, f"--log-file={self.folder}/log/munged.log")
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait_for(lambda: self.call("sinfo", "-h", "-N", "-o", "%t").split() == ["idle"] * 3)
        return self

    def call(self, *words):
        """What a program says; fails where it does."""
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, capture_output=True, text=True
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def wait_for(self, happened, seconds=40):
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(AssertionError):
                if happened():
                    return
            assert time.monotonic() < end, (self.folder / "log/slurmctld.log").read_text()[-2000:]
            time.sleep(0.1)

    def start_controller(self):
        self.call("slurmctld", "-f", str(self.conf))

    def start_node(self, node):
        self.call("slurmd", "-f", str(self.conf), "-N", node)

    def kill(self, daemon):
        """SIGKILL a daemon, `slurmctld` or `slurmd-NODE`; returns when it is gone."""
        path = self.folder / f"run/{daemon}.pid"
        pid = int(path.read_text())
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: state_of(pid) in "ZX")
        path.unlink()

    def queue(self):
        """Lines `name|state` of every task that waits, runs or ends."""
        return self.call("squeue", "-h", "-r", "-o", "%j|%T").splitlines()

    def reset(self):
        """An empty queue and three idle nodes, for the next test."""
        for daemon in ("slurmctld", *(f"slurmd-{node}" for node in NODES)):
            if not (self.folder / f"run/{daemon}.pid").exists():
                node = daemon.partition("-")[2]
                self.start_node(node) if node else self.start_controller()
        self.wait_for(lambda: self.call("scancel", "-Q", "-u", "root") == "")
        self.wait_for(lambda: self.queue() == [])
        self.wait_for(lambda: self.call("sinfo", "-h", "-N", "-o", "%t").split() == ["idle"] * 3)

    def stop(self):
        pids = []
        for path in [*self.folder.glob("run/*.pid"), self.folder / "munge/pid"]:
            with contextlib.suppress(OSError, ValueError):
                pids.append(int(path.read_text()))
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            end = time.monotonic() + 3
            while time.monotonic() < end and any(state_of(pid) not in "ZX" for pid in pids):
                time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count):
    """The first of `count` ports in a row that nobody has."""
    for start in range(17000 + os.getpid() % 1000 * 10, 32000, 10):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(start, start + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return start
    raise AssertionError("no free ports")


def fields(pid):
    """[state, parent, ...] of a process; [X] where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ["X", "0"]


def state_of(pid):
    return fields(pid)[0]


def line_of(pid):
    """A process and those above it, up to its slurmstepd, which comes last."""
    found = [pid]
    while "slurmstepd" not in Path(f"/proc/{found[-1]}/comm").read_text():
        found.append(int(fields(found[-1])[1]))
        assert found[-1] > 1
    return found
