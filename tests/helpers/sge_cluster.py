"""A throwaway Grid Engine of one host in a temporary folder, from real daemons of this machine.

Its root, cell, spools and ports are its own. The programs are Debian's, which the root links to;
nothing of the system's own cell is read or written.
"""

import contextlib
import re
import socket
import time
from pathlib import Path

from daemons import Daemons, free_ports, missing

HOME = Path("/var/lib/gridengine")  # of Debian's packages
SHARED = Path("/usr/share/gridengine")
TOOLS = Path("/usr/lib/gridengine")
PROGRAMS = ("sge_qmaster", "sge_execd", "qsub", "qstat", "qdel", "qconf")
MISSING = missing(PROGRAMS, (HOME / "bin", SHARED, TOOLS))
SLOTS = 4
BOOTSTRAP = """admin_user root
default_domain none
ignore_fqdn true
spooling_method berkeleydb
spooling_lib libspoolb
spooling_params {folder}/spooldb
binary_path /usr/sbin
qmaster_spool_dir {folder}/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
"""
HOST = {
    "load_scaling": "NONE",
    "complex_values": f"slots={SLOTS}",
    "user_lists": "NONE",
    "xuser_lists": "NONE",
    "projects": "NONE",
    "xprojects": "NONE",
    "usage_scaling": "NONE",
    "report_variables": "NONE",
}
PARALLEL = {
    "pe_name": "smp",
    "slots": "999",
    "user_lists": "NONE",
    "xuser_lists": "NONE",
    "start_proc_args": "NONE",
    "stop_proc_args": "NONE",
    "allocation_rule": "$pe_slots",
    "control_slaves": "FALSE",
    "job_is_first_task": "TRUE",
    "urgency_slots": "min",
    "accounting_summary": "FALSE",
    "qsort_args": "NONE",
}
QUEUE = {
    **{"seq_no": "0", "load_thresholds": "NONE", "suspend_thresholds": "NONE", "nsuspend": "1"},
    **{"suspend_interval": "00:05:00", "priority": "0", "min_cpu_interval": "00:05:00"},
    **{"processors": "UNDEFINED", "qtype": "BATCH INTERACTIVE", "ckpt_list": "NONE"},
    **{"pe_list": "smp", "rerun": "FALSE", "slots": str(SLOTS), "tmpdir": "/tmp"},
    **{"shell": "/bin/sh", "shell_start_mode": "unix_behavior", "notify": "00:00:60"},
    **{"initial_state": "default"},
    **dict.fromkeys(("prolog", "epilog", "starter_method", "suspend_method"), "NONE"),
    **dict.fromkeys(("resume_method", "terminate_method", "owner_list", "user_lists"), "NONE"),
    **dict.fromkeys(("xuser_lists", "subordinate_list", "complex_values"), "NONE"),
    **dict.fromkeys(("projects", "xprojects", "calendar"), "NONE"),
    **dict.fromkeys(("s_rt", "h_rt", "s_cpu", "h_cpu", "s_fsize", "h_fsize"), "INFINITY"),
    **dict.fromkeys(("s_data", "h_data", "s_stack", "h_stack", "s_core", "h_core"), "INFINITY"),
    **dict.fromkeys(("s_rss", "h_rss", "s_vmem"), "INFINITY"),
    "h_vmem": "16G",
}


def text_of(settings):
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def changed(text, **values):
    """`text` with other values of its settings."""
    for name, value in values.items():
        text, count = re.subn(rf"(?m)^({name}\s+).*$", rf"\g<1>{value}", text)
        assert count == 1, name
    return text


class SgeCluster(Daemons):
    """The cluster."""

    name, controller, keeper = "sge", "sge_qmaster", "sge_shepherd"
    outage = 8  # seconds without a controller; it needs as long again to know its node
    messages = "qmaster/messages"
    nodes = 1

    def __init__(self):
        super().__init__()
        for name in ("spooldb", "qmaster/job_scripts", "execd", "conf", "cell/common"):
            (self.folder / name).mkdir(parents=True)
        for name in ("bin", "lib", "util", "utilbin"):
            (self.folder / name).symlink_to((HOME / name).resolve())
        self.host, port = socket.gethostname().partition(".")[0], free_ports(2)
        common = self.folder / "cell/common"
        (common / "bootstrap").write_text(BOOTSTRAP.format(folder=self.folder))
        (common / "act_qmaster").write_text(f"{self.host}\n")
        (common / "host_aliases").write_text(f"{self.host} localhost\n")
        self.environment = {
            "SGE_ROOT": str(self.folder),
            "SGE_CELL": "cell",
            "SGE_QMASTER_PORT": str(port),
            "SGE_EXECD_PORT": str(port + 1),
            "SGE_CLUSTER_NAME": "lab",
        }
        self.pids = {"sge_qmaster": 0, "sge_execd": 0}

    def start(self):
        self.fill_spool()
        self.start_controller()
        self.call("qconf", "-as", self.host)
        self.configure("-Ae", self.host, text_of({"hostname": self.host, **HOST}))
        self.configure("-Ap", "smp", text_of(PARALLEL))
        queue = {"qname": "main.q", "hostlist": self.host, **QUEUE}
        self.configure("-Aq", "main.q", text_of(queue))
        speed = {"schedule_interval": "0:0:1", "flush_submit_sec": 1, "flush_finish_sec": 1}
        self.configure("-Msconf", "sched", changed(self.call("qconf", "-ssconf"), **speed))
        self.start_execd()
        self.wait_for(lambda: "lx-" in self.call("qhost"))
        return self

    def fill_spool(self):
        """What Debian's init_cluster does, in this folder."""
        settings = changed(
            (SHARED / "default-configuration").read_text(),
            execd_spool_dir=f"{self.folder}/execd",
            min_uid=0,
            min_gid=0,
            load_report_time="00:00:02",
            max_unheard="00:00:10",
        )
        path = self.folder / "conf/default"
        path.write_text(settings)
        self.call(
            str(TOOLS / "spoolinit"), "berkeleydb", "libspoolb", f"{self.folder}/spooldb", "init"
        )
        tool, resources = str(TOOLS / "spooldefaults"), SHARED / "util/resources"
        self.call(tool, "configuration", str(path))
        self.call(tool, "complexes", str(resources / "centry"))
        self.call(tool, "usersets", str(resources / "usersets"))
        self.call(tool, "managers", "root")

    def configure(self, option, name, text):
        """Give qconf a file of settings."""
        path = self.folder / "conf" / name
        path.write_text(text)
        self.call("qconf", option, str(path))

    def begin(self, program, pattern):
        """Start a daemon and note its process, which it writes to a file of this pattern."""
        for path in self.folder.glob(pattern):
            path.unlink()
        self.call(program)
        self.wait_for(lambda: [p for p in self.folder.glob(pattern) if p.read_text().strip()])
        self.pids[program] = int(next(self.folder.glob(pattern)).read_text())

    def start_controller(self):
        self.begin("sge_qmaster", "qmaster/qmaster.pid")
        self.wait_for(lambda: self.call("qconf", "-sh"))

    def start_execd(self):
        self.begin("sge_execd", "execd/*/execd.pid")

    def kill(self, program):
        """SIGKILL a daemon; returns when it is gone."""
        self.kill_process(self.pids.pop(program))

    def pid_of(self, program):
        return self.pids[program]

    def kill_node(self, pid):
        """Kill the node of a task, which is the only one."""
        self.kill("sge_execd")

    def replace_node(self):
        """What a task needs to run again after its node died."""
        self.start_execd()

    def delete(self, task):
        """Delete one task of the array in the queue, on a node that takes its time for it."""
        with self.standing_still("sge_execd"):
            self.call("qdel", self.queue()[0].split()[0], "-t", str(task))
            time.sleep(3)

    def queue(self):
        """The lines of qstat of every task that waits, runs or ends."""
        return self.call("qstat", "-u", "*", "-g", "d").splitlines()[2:]

    def left(self):
        """What is left in the queue after a call, once the qmaster heard of the last ends."""
        end = time.monotonic() + 10
        while self.queue() and time.monotonic() < end:
            time.sleep(0.1)
        return self.queue()

    def reset(self):
        """An empty queue, for the next test."""
        if "sge_qmaster" not in self.pids:
            self.start_controller()
        if "sge_execd" not in self.pids:
            self.start_execd()
        if self.queue():
            with contextlib.suppress(AssertionError):
                self.call("qdel", "-f", "-u", "*")
        self.wait_for(lambda: self.queue() == [])

    def stop(self):
        self.end([pid for pid in self.pids.values() if pid], 1)  # the qmaster takes its time


CLUSTER = SgeCluster
