"""Errors that a user can fix: one clear line, no traceback."""

import contextlib
import errno
import re
import signal
from collections.abc import Iterator


class UserError(Exception):
    """Something the user can fix: file, utterance, what was found, what was wanted, what to do."""


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")  # all but a tab and a line feed
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Turn what a user can fix into `program: message` and exit status 1.

    Faults that only we can fix keep their traceback.
    """
    try:
        yield
    except UserError as error:
        raise SystemExit(f"{program}: {printable(error)}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        raise SystemExit(f"{program}: {explain_os_error(error)}") from None


def printable(text: object) -> str:
    """`text` for a terminal: a control character in it, which could command it, is written out."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], str(text))


def explain_os_error(error: OSError) -> str:
    """One line for an `OSError`, with what to do where that is known."""
    place = error.filename or "output"
    if error.errno in DISK_FULL:
        return f"{place}: disk full; free some space and run the same command again"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{place}: {error.strerror}; wanted a place that can be read and written"
    if error.errno == errno.ENOENT:
        return f"{place}: no such file or directory; has the stage that writes it been run?"
    return f"{place}: {error.strerror or error}"


def explain_signal(status: int) -> str:
    """A line on the signal that ended a job of this exit `status`; nothing where none did."""
    if status >= 0:
        return ""
    name = signal.Signals(-status).name
    hint = "; where nobody sent it, memory ran out" if name == "SIGKILL" else ""
    return f"  ended by {name}{hint}\n"
