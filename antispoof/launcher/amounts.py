"""Memory and time as a user writes them, and how many jobs of a size fit on this machine."""

import os
import re
from pathlib import Path

from ..errors import UserError

UNITS = {"M": 1, "G": 1024, "T": 1024 * 1024}
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def megabytes(text: str) -> int:
    """The MiB of `500M`, `4G` or `1T`; 0 where nothing is said. Raises UserError."""
    found = re.fullmatch(r"([1-9]\d{0,6})([MGT])", text)
    if text and not found:
        raise UserError(f"--mem {text}: wanted a number with M, G or T, e.g. 4G")
    return int(found[1]) * UNITS[found[2]] if found else 0


def minutes(text: str) -> int:
    """The minutes of `30m`, `12h`, `2d` or `H:MM:SS`, rounded up; 0 where nothing is said."""
    if not text:
        return 0
    if found := re.fullmatch(r"([1-9]\d{0,4})([mhd])", text):
        return int(found[1]) * MINUTES[found[2]]
    found = re.fullmatch(r"(?:(\d{1,3})-)?(\d{1,4}):(\d\d):(\d\d)", text)
    seconds = 0
    if found:
        days, hours, rest, last = (int(part or 0) for part in found.groups())
        seconds = ((days * 24 + hours) * 60 + rest) * 60 + last
    if not seconds:
        raise UserError(f"--time {text}: wanted 30m, 12h, 2d or HOURS:MINUTES:SECONDS")
    return -(-seconds // 60)


def fitting(slots: int, mem: str, threads: int) -> int:
    """How many of `slots` jobs with so much memory and so many cores fit here, at least one."""
    if threads:
        slots = min(slots, len(os.sched_getaffinity(0)) // threads)
    if asked := megabytes(mem):
        slots = min(slots, memory() // asked)
    return max(1, slots)


def memory() -> int:
    """The MiB of this machine, or of the part of it that this process may use."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20]
    for place in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = Path("/sys/fs/cgroup", place).read_text().strip()
        except OSError:
            continue
        found += [int(text) >> 20] if text.isdigit() else []
    return min(found)
