"""A sound that is sent to the page: received up to a limit, read, and not kept."""

import asyncio
import re
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from starlette.requests import Request

from ..data.sounds import Sound
from ..detector.long_sounds import open_sound
from ..errors import UserError
from . import limits
from .limits import Refused, require_short, too_large, too_long

DRAINED = 4  # times the limit: what is read of a body after it, for the answer to be seen
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def clean_name(name: str) -> str:
    """The name of a file as messages and the page show it: no folder, one line, not long."""
    name = UNPRINTABLE.sub(" ", re.split(r"[/\\]", name)[-1]).strip()
    return name[-100:] or "sound"


async def in_time(body: Awaitable[bytes], name: str) -> bytes:
    """What `receive` gives. Raises `Refused` where it takes too long: others wait for its place."""
    try:
        return await asyncio.wait_for(body, limits.PATIENCE)
    except asyncio.TimeoutError:  # of Python 3.10, which has two of this name
        raise limits.too_slow(name) from None


async def receive(request: Request, name: str) -> bytes:
    """The body of a request. Raises `Refused` where it is empty or too large.

    What is too large is not kept, but read on for a while: a browser shows no answer to a body
    that it could not send.
    """
    parts, count = [], 0
    async for part in request.stream():
        count += len(part)
        if count <= limits.BYTES:
            parts.append(part)
        else:
            parts.clear()
        if count > DRAINED * limits.BYTES:
            break
    if count > limits.BYTES:
        raise too_large(name)
    if not count:
        raise Refused(f"{name}: the file is empty; choose another", 400)
    return b"".join(parts)


def sound_of(data: bytes, name: str) -> Sound:
    """The sound that a file named `name` would hold, as a `Detector` reads that file.

    It stands in a private temporary file as long as it is read. Raises UserError.
    """
    with tempfile.TemporaryDirectory(prefix="antispoof-") as folder:
        path = Path(folder, "sound")
        path.write_bytes(data)
        require_short(path, name)
        try:
            sound = open_sound(path)
        except UserError as error:
            text = str(error).replace(f"{path}: sound: ", f"{name}: ").replace(str(path), name)
            raise UserError(text) from None
    if not isinstance(sound, Sound):
        raise too_long(name)
    return sound._replace(name=Path(name).stem, place=name)
