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


def run(task: dict[str, Any], log: IO[str]) -> int:
    """The exit status of the command, below 0 for a signal; signals for it are passed on."""
    child: subprocess.Popen | None = None

    def pass_on(number, _):
        os.write(1, f"signal {signal.Signals(number).name}\n".encode())
        if child is not None:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, pass_on)
    environment = {**os.environ, **task["environment"]}
    environment.setdefault("OMP_NUM_THREADS", "1")
    try:
        child = subprocess.Popen(
            task["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    except OSError as error:
        log.write(f"{socket.gethostname()}: {error.filename}: {error.strerror}\n")
        return 127
    return child.wait()


def main() -> int:
    folder = os.getcwd()
    index = os.environ.get("SLURM_ARRAY_TASK_ID") or os.environ["SGE_TASK_ID"]
    call = read(os.path.join(folder, "tasks.json"))
    task, host, started = call["tasks"][index], socket.gethostname(), time.time()
    os.chdir(call["folder"])  # wherever the scheduler started this
    with open(task["log"], "a" if task["attempt"] > 1 else "w", encoding="utf-8") as log:
        log.write(f"# {shlex.join(task['words'])}\n")
        begun = f"# started {time.strftime('%F %T')} on {host}, job {call['name']} task {index}"
        log.write(f"{begun}, attempt {task['attempt']}\n")
        log.flush()
        status = run(task, log)
        seconds = time.time() - started
        log.seek(0, os.SEEK_END)
        log.write(f"# ended with status {status} after {seconds:.0f} s, {time.strftime('%F %T')}\n")
        log.flush()
        os.fsync(log.fileno())
    write_status(
        folder, index, {"status": status, "host": host, "start": started, "end": time.time()}
    )
    if "SLURM_JOB_ID" not in os.environ:  # Grid Engine takes 99 and 100 for requests of its own
        return int(status != 0)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
