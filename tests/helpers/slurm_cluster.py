"""A throwaway Slurm of three nodes in a temporary folder, from real daemons of this machine.

Every node is this machine: 2 cores and 4000 MiB of its own. The key, sockets, states and logs are
in the folder; nothing of the system's is read or written.
"""

import contextlib
import os
import socket
from pathlib import Path

from daemons import Daemons, free_ports, missing

NODES = ("n1", "n2", "n3")
MISSING = missing(("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel"))
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
SelectTypeParameters=CR_CPU_Memory,CR_LLN
DefMemPerCPU=1900
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
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
"""


class SlurmCluster(Daemons):
    """The cluster."""

    name, controller, keeper = "slurm", "slurmctld", "slurmstepd"
    outage = 15  # seconds without a controller
    messages = "log/slurmctld.log"
    nodes = len(NODES)

    def __init__(self):
        super().__init__()
        for name in ("state", "spool", "log", "munge", "run"):
            (self.folder / name).mkdir()
        (self.folder / "munge").chmod(0o711)
        self.conf = self.folder / "slurm.conf"
        host, port = socket.gethostname().partition(".")[0], free_ports(1 + len(NODES))
        lines = CONF.format(host=host, port=port, folder=self.folder).splitlines()
        for number, node in enumerate(NODES, 1):
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port + number} "
                "CPUs=2 RealMemory=4000 State=UNKNOWN"
            )
        part = "Nodes=ALL MaxTime=INFINITE State=UP"
        lines.append(f"PartitionName=main {part} Default=YES PriorityTier=10 PreemptMode=OFF")
        lines.append(f"PartitionName=low {part} PriorityTier=1")
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
        self.wait_for(self.is_idle)
        return self

    def is_idle(self):
        states = self.call("sinfo", "-h", "-N", "-p", "main", "-o", "%t").split()
        return states == ["idle"] * self.nodes

    def start_controller(self):
        self.call("slurmctld", "-f", str(self.conf))

    def start_node(self, node):
        self.call("slurmd", "-f", str(self.conf), "-N", node)

    def kill(self, daemon):
        """SIGKILL a daemon, `slurmctld` or `slurmd-NODE`; returns when it is gone."""
        self.kill_process(self.pid_of(daemon))
        (self.folder / f"run/{daemon}.pid").unlink()

    def pid_of(self, daemon):
        return int((self.folder / f"run/{daemon}.pid").read_text())

    def kill_node(self, pid):
        """Kill the node of a task; there are others."""
        found = Path(f"/proc/{pid}/environ").read_text().split("\0")
        names = dict(pair.partition("=")[::2] for pair in found)
        self.kill(f"slurmd-{names['SLURMD_NODENAME']}")

    def replace_node(self):
        """What a task needs to run again after its node died: there are other nodes."""

    def delete(self, task):
        """Delete one task of the array in the queue."""
        array = self.call("squeue", "-h", "-r", "-o", "%F").split()[0]
        self.call("scancel", f"{array}_{task}")

    def queue(self):
        """Lines `name|state` of every task that waits, runs or ends."""
        return self.call("squeue", "-h", "-r", "-o", "%j|%T").splitlines()

    def left(self):
        """What is left in the queue after a call."""
        return self.queue()

    def reset(self):
        """An empty queue and three idle nodes, for the next test."""
        for daemon in ("slurmctld", *(f"slurmd-{node}" for node in NODES)):
            if not (self.folder / f"run/{daemon}.pid").exists():
                node = daemon.partition("-")[2]
                self.start_node(node) if node else self.start_controller()
        self.wait_for(lambda: self.call("scancel", "-Q", "-u", "root") == "")
        self.wait_for(lambda: self.queue() == [])
        if not self.is_idle():  # a node that had a job which a new controller did not know
            with contextlib.suppress(AssertionError):
                self.call("scontrol", "update", f"nodename={','.join(NODES)}", "state=resume")
        self.wait_for(self.is_idle)

    def stop(self):
        pids = []
        for path in [*self.folder.glob("run/*.pid"), self.folder / "munge/pid"]:
            with contextlib.suppress(OSError, ValueError):
                pids.append(int(path.read_text()))
        self.end(pids, 3)


CLUSTER = SlurmCluster
