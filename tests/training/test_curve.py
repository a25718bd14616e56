"""The files that tell of each epoch."""

import struct

from antispoof.report.figures import read_curve
from antispoof.report.plots import training
from antispoof.training import curve


def test_a_number_that_an_epoch_lacks_is_empty(tmp_path):
    row = {"lr": 0.5, "train_loss": 0.25, "dev_loss": 0.5, "dev_eer": 0.125, "stage": 1}
    rows = [{"epoch": 1, **row}, {"epoch": 2, **row, "watch_eval_eer": 0.5}]
    curve.write_curve(tmp_path / "curve.csv", rows)
    assert (tmp_path / "curve.csv").read_text() == (
        "epoch,lr,train_loss,dev_loss,dev_eer,watch_eval_eer\n"
        "1,0.5,0.25,0.5,0.125,\n2,0.5,0.25,0.5,0.125,0.5\n"
    )
    curve.write_curve(tmp_path / "curve.csv", rows, several_stages=True)
    assert (
        (tmp_path / "curve.csv").read_text().startswith("epoch,lr,train_loss,dev_loss,dev_eer,st")
    )
    svg = training([read_curve(tmp_path / "curve.csv")], "x")
    assert ">eval<" in svg
    assert ">dev<" in svg
    curve.draw_curve(tmp_path / "one.png", rows, "x")
    curve.draw_curve(tmp_path / "two.png", rows, "x")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_events_are_records_with_their_checks(tmp_path):
    row = {"epoch": 300, "stage": 1, "lr": 0.5, "train_loss": 0.25}
    path = curve.write_events(tmp_path, [])
    curve.append_event(path, row)
    data = path.read_bytes()
    assert data == curve.write_events(tmp_path, [row]).read_bytes()
    records = []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert data[8:12] == curve._check(data[:8])
        records.append(data[12 : 12 + length])
        assert data[12 + length : 16 + length] == curve._check(records[-1])
        data = data[16 + length :]
    assert records[0].endswith(b"brain.Event:2")
    assert b"\x10\xac\x02" in records[1]  # step 300 as a varint
    assert b"\x0a\x02lr\x15" + struct.pack("<f", 0.5) in records[1]
    # the check of RFC 3720 (iSCSI): CRC-32C of 32 zeros is 0x8a9136aa
    crc = 0x8A9136AA
    rotated = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert curve._check(bytes(32)) == struct.pack("<I", rotated)
