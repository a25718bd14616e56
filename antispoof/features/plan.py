"""What extraction will do, before it starts: batches, and bytes against the free disk."""

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import SAMPLE_RATE
from ..errors import DISK_FULL, UserError

BYTES = {"float32": 4, "two_byte": 2, "one_byte": 1}
# of sound in one batch. More gains nothing on a CPU, costs padding and leaves jobs unequal shares.
BATCH_SECONDS = {"cpu": 8.0, "cuda": 32.0}
Wanted = Mapping[str, int] | tuple[int, int]  # {utterance: bytes}, or (bytes, utterances)
HEADER = 40  # of an entry in an archive, its utterance and a table's line apart


def plan_batches(seconds: Mapping[str, float], batch_seconds: float) -> list[list[str]]:
    """{utterance: seconds} -> lists of utterances, sorted by length, each padded <= batch_seconds.

    The batches depend on the set alone, not on jobs or on what is done already: which utterances
    share a batch decides the last bit of what comes out.
    """
    order = sorted(sorted(seconds), key=seconds.__getitem__)  # of equal length, by name
    batches: list[list[str]] = []
    current: list[str] = []
    for utt in order:
        if current and seconds[utt] * (len(current) + 1) > batch_seconds:
            batches.append(current)
            current = []
        current.append(utt)
    return [*batches, current] if current else batches


def kept_seconds(seconds: Mapping[str, float], window: dict[str, Any]) -> dict[str, float]:
    """Seconds of each utterance that a config's `window` keeps."""
    if window["policy"] == "full":
        return dict(seconds)
    length = window["samples"] / SAMPLE_RATE
    short = length if window["pad"] != "none" else 0.0
    return {utt: length if found > length else max(found, short) for utt, found in seconds.items()}


def plan_bytes(
    seconds: Mapping[str, float],
    layers: int,
    dim: int,
    frame_rate: float,
    dtype: str,
    copies: int = 0,
) -> dict[str, int]:
    """{utterance: bytes} that its features and its copies' will take, within a frame or two.

    What changes a copy's length, as speed does, is not foreseen.
    """
    frame = dim * BYTES[dtype]
    return {
        utt: (1 + copies) * layers * (HEADER + 2 * len(utt) + int(found * frame_rate) * frame)
        for utt, found in seconds.items()
    }


def totals(wanted: Wanted) -> tuple[int, int]:
    """(bytes, utterances) of what is wanted."""
    return (sum(wanted.values()), len(wanted)) if isinstance(wanted, Mapping) else wanted


def require_room(
    folder: str | Path,
    wanted: Wanted,
    there: int,
    config: dict[str, Any],
    layers: int,
    dim: int,
    copies: int = 0,
) -> str:
    """A line that says how much the features take; raises UserError where they cannot fit.

    wanted: of the whole set, its copies too; there: bytes written already, by any job.
    """
    total, count = totals(wanted)
    left, mean = max(0, total - there), total / max(1, count)
    place = next(p for p in [Path(folder), *Path(folder).parents] if p.exists())
    free = shutil.disk_usage(place).free
    more = f" and {copies} copies of each" if copies else ""
    line = (
        f"{folder}: {count} utterances{more}, {layers} layers of {dim}, {config['dtype']}: "
        f"{human(mean)} each, {human(total)} in all, {human(left)} to write, "
        f"{human(free)} free"
    )
    if left > free:
        raise UserError(f"{line}: cannot fit; {advice(free / left, config, layers, copies)}")
    return line


@contextlib.contextmanager
def explained_disk_full(
    folder: str | Path, wanted: Wanted, there: Callable[[], int]
) -> Iterator[None]:
    """Turn a disk that fills up within into a UserError that says how much is yet to be written.

    wanted: of the whole set; there: a function that gives the bytes written by now.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (*DISK_FULL, errno.EFBIG):
            raise
        reason = "disk full" if error.errno in DISK_FULL else error.strerror
        (total, count), free = totals(wanted), shutil.disk_usage(folder).free
        raise UserError(
            f"{folder}: {reason}: wanted {human(total)} for {count} utterances, of which "
            f"{human(max(0, total - there()))} are yet to be written, {human(free)} free; make "
            "room and run again: what is written stays"
        ) from None


def advice(share: float, config: dict[str, Any], layers: int, copies: int = 0) -> str:
    """What would fit into `share` of the bytes."""
    ways = []
    if copies and (1 + copies) * share >= 1:
        ways.append(f"copies.count: {int((1 + copies) * share) - 1}")
    if int(layers * share) >= 1 and layers > 1:
        ways.append(f"{int(layers * share)} layers")
    for dtype in ("two_byte", "one_byte"):
        if BYTES[dtype] <= share * BYTES[config["dtype"]]:
            ways.append(f"dtype: {dtype}")
            break
    if config["window"]["policy"] != "full":
        ways.append(f"a window of {int(config['window']['samples'] * share)} samples")
    else:
        ways.append("a window (first, centre or random) of fewer samples")
    return f"what would fit: {', or '.join(ways)}; or a dump folder on a larger disk"


def human(count: float) -> str:
    """Bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} TB"
