"""A second decoder of FLAC, FFmpeg's by PyAV, for files that libsndfile refuses.

libFLAC 1.4 refuses a file for one wrong checksum of a frame, and libsndfile one whose header gives
no length, or a wrong one; much of ASVspoof 2021 is such. FFmpeg decodes them to the same samples.
It also decodes what is damaged or cut, so its samples are held against the header.
"""

import hashlib
import logging
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import UserError, printable

LOG = logging.getLogger(__name__)
HEADER = struct.Struct(">4s4x10xQ16s")  # fLaC, block header, sizes; rate to total; MD5
named: set[str | Path] = set()  # files that this process read by this decoder; the first is said


class Header(NamedTuple):
    """What a file's first block says; total 0 and an MD5 of zeros are not known."""

    rate: int
    channels: int
    bits: int
    total: int
    md5: bytes

    @property
    def has_md5(self) -> bool:
        return any(self.md5)


def read_header(path: str | Path) -> Header | None:
    """The Header of the FLAC at `path`, or None where it is none."""
    with open(path, "rb") as stream:
        data = stream.read(HEADER.size)
    if len(data) < HEADER.size or not data.startswith(b"fLaC"):
        return None
    _, packed, md5 = HEADER.unpack(data)
    rate, channels, bits = packed >> 44, 1 + (packed >> 41 & 7), 1 + (packed >> 36 & 31)
    return Header(rate, channels, bits, packed & ((1 << 36) - 1), md5)


def read_flac(path: str | Path, utt: str, header: Header, refused: str) -> tuple[np.ndarray, int]:
    """Read a FLAC that libsndfile refuses, for the reason `refused`: (samples, rate).

    samples: float32, (S,) or (S, channels), with the bits that libsndfile gives of a file that both
    read. Raises UserError where FFmpeg cannot decode it either, where its header's MD5 is another,
    or, without an MD5, the count of samples. A header with neither leaves the frames' checksums: of
    such a file, frames that are cut off at the end are not missed.
    """
    if not header.total:
        refused = "its header gives no length"
    problems = []
    ways = (_decode_body, _decode_parsed) if header.total or header.has_md5 else (_decode_strictly,)
    for decode in ways:
        try:
            numbers = decode(path, header)
            problem = _not_whole(header, numbers)
        except ImportError as error:
            problem = (
                f"{refused}; PyAV, which may read it, is missing ({error}); run tools/setup.sh"
            )
        except (OSError, ValueError, EOFError, MemoryError) as error:  # PyAV's are among them
            reason = getattr(error, "strerror", None) or error
            problem = f"cannot be decoded ({refused}; FFmpeg: {reason}); truncated?"
        if not problem:
            break
        problems.append(problem)
    else:
        raise UserError(f"{path}: {utt}: {problems[0]}")
    if not named:
        said = f"{path}: {utt}: libsndfile refuses it ({refused})"
        said = printable(said).encode(errors="backslashreplace").decode()  # a name may be bytes
        LOG.warning(f"{said}; read by FFmpeg, as all such files")
    named.add(path)
    samples = numbers.astype(np.float32) / np.float32(1 << (8 * numbers.dtype.itemsize - 1))
    return (samples[:, 0] if header.channels == 1 else samples), header.rate


def _decode_body(path, header):
    """Decode all behind the header, each frame from where the one before ends.

    (S, channels) int16 or int32; fewer bits than that stand at the upper end.
    """
    import av  # late: most sounds need none

    data, start, last = Path(path).read_bytes(), 4, 0
    extra = data[8:42]
    while not last:
        last = data[start] & 0x80
        start += 4 + int.from_bytes(data[start + 1 : start + 4], "big")
        if start >= len(data):
            raise ValueError("it holds no frame")
    context = av.CodecContext.create("flac", "r")
    context.extradata = extra
    return _join([*context.decode(av.Packet(data[start:])), *context.decode(None)], header)


def _decode_parsed(path, header):
    """The same, of frames that FFmpeg looks for, also between what is none."""
    import av

    with open(path, "rb") as stream, av.open(stream, "r", format="flac") as container:
        return _join(container.decode(audio=0), header)


def _decode_strictly(path, header):
    """The same; raises ValueError where a frame's checksum is wrong, as FFmpeg leaves it out."""
    import av

    with open(path, "rb") as stream, av.open(stream, "r", format="flac") as container:
        container.streams.audio[0].codec_context.options = {"err_detect": "crccheck+explode"}
        frames, count = list(container.decode(audio=0)), 0
        for frame in frames:
            if frame.pts is not None and round(frame.time * header.rate) != count:
                raise ValueError(f"samples after {count} are damaged or missing")
            count += frame.samples
        return _join(frames, header)


def _join(frames, header):
    parts = []
    for frame in frames:
        part = frame.to_ndarray()
        parts.append(part.T if frame.format.is_planar else part.reshape(-1, header.channels))
    return np.concatenate(parts)


def _not_whole(header, numbers):
    """What is wrong with samples by the header, or nothing."""
    if header.has_md5 and _md5(numbers, header.bits) == header.md5:
        return None
    if header.total and header.total != len(numbers):
        return f"found {len(numbers)} samples, its header says {header.total}; truncated?"
    if header.has_md5:
        return "its samples are not those of the MD5 in its header; truncated or damaged?"
    return None


def _md5(numbers, bits):
    """The MD5 that a FLAC's header has: of the samples in as few bytes as their bits need."""
    size = (bits + 7) // 8
    numbers = numbers >> (8 * numbers.dtype.itemsize - bits)
    data = np.ascontiguousarray(numbers.astype("<i4")).view(np.uint8).reshape(-1, 4)[:, :size]
    return hashlib.md5(data.tobytes(), usedforsecurity=False).digest()
