"""One task of an array, on its node: runs its entry of tasks.json, in the current folder.

The launcher writes that file, so no shell sees a word of it. The log of the task begins with the
command, host and start, and ends with how it ended. INDEX.json says the same to the launcher;
it is written last, under a temporary name, and synced before it is renamed.

Alone on a node, it rests on the standard library and imports nothing of this one.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from typing import IO, Any

LATE = 60  # seconds that a file written elsewhere may be late
PROBE = 60  # seconds in which the nodes of a task answer
SILENT = 900  # seconds in which Slurm notices that a node does not, 300 where a site says nothing
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")
# What runs a command on each node of several: the first is where torchrun's processes meet. A file
# says that it ended well; where Slurm ends a step, srun itself may end with 0.
NODE = """
export PET_NODE_RANK="$SLURM_NODEID" PET_MASTER_ADDR="$SLURM_LAUNCH_NODE_IPADDR"
trap : TERM INT HUP USR1 USR2
"$@" && : >"$0.$SLURM_NODEID"
"""


def read(path: str) -> dict[str, Any]:
    """The entry of tasks.json, which a shared file system may show late."""
    until = time.monotonic() + LATE
    while not os.path.exists(path) and time.monotonic() < until:
        os.scandir(os.path.dirname(path)).close()  # asks for the folder again
        time.sleep(0.5)
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def write_status(folder: str, index: str, status: dict[str, Any]) -> None:
    """INDEX.json in the folder, whole or absent."""
    temporary = os.path.join(folder, f".{index}.{os.getpid()}.tmp")
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(status) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, os.path.join(folder, f"{index}.json"))
    place = os.open(folder, os.O_RDONLY)
    os.fsync(place)
    os.close(place)


def on_nodes(nodes: int, command: list[str], well: str) -> list[str]:
    """The words of Slurm that run `command` once on each node of a task.

    Where it ended well on node N, there is a file `well`.N.
    """
    words = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    words += ["--mpi=none", "--export=ALL", "--kill-on-bad-exit=1"]
    if cores := os.environ.get("SLURM_CPUS_PER_TASK"):
        words.append(f"--cpus-per-task={cores}")
    return [*words, "sh", "-c", NODE, well, *command]


def torchrun(nodes: int, port: int) -> dict[str, str]:
    """The environment from which torchrun takes what its own words do not say."""
    found = {"PET_SIGNALS_TO_HANDLE": ",".join(("SIGQUIT", *SIGNALS))}
    if nodes > 1:  # with restarts, those of two nodes wait for each other for ever
        found |= {"PET_NNODES": str(nodes), "PET_MAX_RESTARTS": "0"}
        found |= {"PET_RDZV_BACKEND": "static", "PET_MASTER_PORT": str(port)}
    return found


def hold_port() -> socket.socket:
    """A socket whose port nobody else is given, and at which torchrun may listen all the same."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("", 0))
    return held


def answer(nodes: int) -> bool:
    """Whether all nodes of this task answer."""
    words = ["srun", "--overlap", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    try:
        return not subprocess.run(
            [*words, "--mpi=none", "true"], capture_output=True, timeout=PROBE
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def ended_well(nodes: int, well: str, heard: list[str]) -> bool:
    """Whether the command has ended well on each node, whose file may be late."""
    until = time.monotonic() + LATE
    while True:
        found = {one.name for one in os.scandir(os.path.dirname(well))}
        if all(f"{os.path.basename(well)}.{node}" in found for node in range(nodes)):
            return True
        if heard or time.monotonic() > until:
            return False
        time.sleep(0.2)


def await_slurm(nodes: int, heard: list[str], log: IO[str]) -> None:
    """After a failure on several nodes: where one is silent, wait for what Slurm says of it.

    The processes of the others end with an error as soon as one is gone, long before Slurm notices.
    It then ends this task as one that it lost.
    """
    if heard or answer(nodes):
        return
    log.write("# a node does not answer: waits for Slurm to notice\n")
    log.flush()
    until = time.monotonic() + SILENT
    while not heard and time.monotonic() < until:
        time.sleep(0.5)


def run(task: dict[str, Any], nodes: int, well: str, heard: list[str], log: IO[str]) -> int:
    """The exit status of the command, below 0 for a signal.

    Signals are passed on to it; `heard` takes their names. well: see `on_nodes`.
    """
    child: subprocess.Popen | None = None

    def pass_on(number, _):
        heard.append(signal.Signals(number).name)
        os.write(1, f"signal {heard[-1]}\n".encode())
        if child is not None:
            child.send_signal(number)

    for name in SIGNALS:
        signal.signal(signal.Signals[name], pass_on)
    held = hold_port()
    environment = {**os.environ, **task["environment"]}
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment |= torchrun(nodes, held.getsockname()[1])
    try:
        child = subprocess.Popen(
            on_nodes(nodes, task["command"], well) if nodes > 1 else task["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    except OSError as error:
        log.write(f"{socket.gethostname()}: {error.filename}: {error.strerror}\n")
        return 127
    status = child.wait()
    held.close()
    if nodes > 1:
        status = status or int(not ended_well(nodes, well, heard))
        if status:
            await_slurm(nodes, heard, log)
    return status


def begun_before() -> bool:
    """Whether the scheduler itself begins this task again, whose node died."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") != "0" or os.environ.get("RESTARTED") == "1"


def main() -> int:
    folder = os.getcwd()
    index = os.environ.get("SLURM_ARRAY_TASK_ID") or os.environ["SGE_TASK_ID"]
    call = read(os.path.join(folder, "tasks.json"))
    task, host, started = call["tasks"][index], socket.gethostname(), time.time()
    heard: list[str] = []
    os.chdir(call["folder"])  # wherever the scheduler started this
    fresh = task["attempt"] == 1 and not begun_before()
    with open(task["log"], "w" if fresh else "a", encoding="utf-8") as log:
        log.write(f"# {shlex.join(task['words'])}\n")
        begun = f"# started {time.strftime('%F %T')} on {host}, job {call['name']} task {index}"
        log.write(f"{begun}, attempt {task['attempt']}\n")
        log.flush()
        status = run(task, call["nodes"], os.path.join(folder, f"{index}.well"), heard, log)
        seconds = time.time() - started
        log.seek(0, os.SEEK_END)
        log.write(f"# ended with status {status} after {seconds:.0f} s, {time.strftime('%F %T')}\n")
        log.flush()
        os.fsync(log.fileno())
    said: dict[str, Any] = {"status": status, "host": host, "start": started, "end": time.time()}
    said |= {"signal": heard[0] if heard else "", "nodes": call["nodes"]}
    write_status(folder, index, said)
    if "SLURM_JOB_ID" not in os.environ:  # Grid Engine takes 99 and 100 for requests of its own
        return int(status != 0)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
