"""What each epoch came to: curve.csv, curve.png, and scalars that TensorBoard shows."""

import struct
from pathlib import Path

from ..files import atomic_open

COLUMNS = ("epoch", "lr", "train_loss", "dev_loss", "dev_eer")
EVENTS = "tensorboard/events.out.tfevents.0.antispoof"


def columns_of(rows, several_stages):
    """Names of the columns: COLUMNS, `stage` where there are several, then what else rows have."""
    names = dict.fromkeys([*COLUMNS, *(["stage"] if several_stages else [])])
    names.update(dict.fromkeys(name for row in rows for name in row))
    return [name for name in names if several_stages or name != "stage"]


def write_curve(path, rows, several_stages=False):
    """Write curve.csv: one line per epoch; what an epoch has no number for is empty.

    rows: {column: number}, each with COLUMNS and `stage`.
    """
    names = columns_of(rows, several_stages)
    with atomic_open(path) as stream:
        stream.write(",".join(names) + "\n")
        for row in rows:
            values = (f"{row[name]:.8g}" if name in row else "" for name in names)
            stream.write(",".join(values) + "\n")


def draw_curve(path, rows, title):
    """Write curve.png: the losses, and the EER on dev and on each set that is watched."""
    from ..report.plots import watched  # late: a second, for those who watch

    with atomic_open(path, "wb") as stream:
        watched(rows, title, stream)


def write_events(exp_dir, rows):
    """Write all rows as a TensorBoard file below `exp_dir`; returns its path."""
    path = Path(exp_dir) / EVENTS
    with atomic_open(path, "wb") as stream:
        stream.write(_record(_double(1, 0.0) + _bytes(3, b"brain.Event:2")))
        for row in rows:
            stream.write(_event(row))
    return path


def append_event(path, row):
    """Add a row to a file by `write_events`, which TensorBoard may be reading."""
    with open(path, "ab") as stream:
        stream.write(_event(row))


# A TensorBoard file is records of protocol buffers. An Event has wall_time = 1, step = 2,
# file_version = 3, summary = 5; a Summary has values = 1 of tag = 1 and simple_value = 2. The time
# is the epoch's number, so that equal curves give equal bytes.


def _event(row):
    values = b"".join(
        _bytes(1, _bytes(1, name.encode()) + b"\x15" + struct.pack("<f", value))
        for name, value in row.items()
        if name not in ("epoch", "stage")
    )
    epoch = row["epoch"]
    return _record(_double(1, float(epoch)) + b"\x10" + _varint(epoch) + _bytes(5, values))


def _double(field, value):
    return bytes([field << 3 | 1]) + struct.pack("<d", value)


def _bytes(field, data):
    return bytes([field << 3 | 2]) + _varint(len(data)) + data


def _varint(number):
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


def _record(data):
    """Length, its check, data, its check, as TFRecord has them."""
    length = struct.pack("<Q", len(data))
    return length + _check(length) + data + _check(data)


def _check(data):
    """CRC-32C (Castagnoli), rotated and shifted as TFRecord wants it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
