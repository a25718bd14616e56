"""One task of an array, on its node: task.py FOLDER INDEX runs entry INDEX of FOLDER/tasks.json.

The launcher writes that file, so no shell sees a word of it. The log of the task begins with the
command, host and start, and ends with how it ended. FOLDER/INDEX.json says the same to the
launcher; it is written last, under a temporary name, and synced before it is renamed.

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

LATE = 60  # seconds that a file written elsewhere may be late


def read(path):
    """The entry of tasks.json, which a shared file system may show late."""
    until = time.monotonic() + LATE
    while not os.path.exists(path) and time.monotonic() < until:
        os.scandir(os.path.dirname(path)).close()  # asks for the folder anew
        time.sleep(0.5)
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def write_status(folder, index, status):
    """FOLDER/INDEX.json, whole or absent."""
    temporary = os.path.join(folder, f".{index}.{os.getpid()}.tmp")
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(status) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, os.path.join(folder, f"{index}.json"))
    place = os.open(folder, os.O_RDONLY)
    os.fsync(place)
    os.close(place)


def run(task, log):
    """The exit status of the command, below 0 for a signal; signals for it are passed on."""
    child = None

    def pass_on(number, _):
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


def main():
    folder, index = sys.argv[1:3]
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
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
