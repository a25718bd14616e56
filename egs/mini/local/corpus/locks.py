"""Several runs at once: one works, the others wait and use what it made."""

import contextlib
import ctypes
import errno
import fcntl
import signal
import sys
from pathlib import Path


def say(*words):
    """One line to the user; standard output is for results."""
    print(*words, file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(path, what):
    """Hold the lock file `path`; says that it waits for `what` where another run holds it.

    The system drops the lock with the process, however that ends. Where the file system has no
    locks, this says so and goes on: two runs that build at once are then the user's to avoid.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waits for another run that makes {what}")
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
                raise
            say(f"{path}: no locks here; let no other run make {what} meanwhile")
        yield


def die_with_parent():
    """End this process when the one that started it ends: no worker is left behind by SIGKILL."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
