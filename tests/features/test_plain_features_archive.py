"""Archives of cached features, byte by byte: places, notes, sums, resuming, and joining."""

import hashlib
import struct

import kaldiio
import numpy as np
import pytest
from plain_archives import FRAMES, LAYERS, WIDTH, features, matrix, write

from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.features import archive


@pytest.fixture
def dump(tmp_path):
    return write(tmp_path / "dump", [["u2", "ü", "long_name"], ["u10"]])


def entry(utt, layer):
    """What Kaldi's binary float matrix is: key, blank, \\0B, FM, and two counts of four bytes."""
    found = matrix(utt, layer)
    head = b"\0BFM \4" + struct.pack("<i", len(found)) + b"\4" + struct.pack("<i", WIDTH)
    return utt.encode() + b" ", head + found.tobytes()


def test_the_bytes_places_and_sums_are_those_of_kaldis_format(dump):
    for layer in LAYERS:
        places = read_table(dump / f"layer{layer:02d}/feats.scp")
        assert list(places) == sorted(FRAMES, key=str.encode)
        for job, utts in enumerate((["u2", "ü", "long_name"], ["u10"]), 1):
            path, wanted = dump / f"layer{layer:02d}/feats.{job}.ark", b""
            for utt in utts:
                key, stored = entry(utt, layer)
                assert places[utt] == f"{path}:{len(wanted + key)}"
                wanted += key + stored
            assert path.read_bytes() == wanted
    for utt, line in read_table(dump / "utt2sum").items():
        sums = [hashlib.blake2b(entry(utt, n)[1], digest_size=8) for n in sorted(LAYERS)]
        assert line.split() == [digest.hexdigest() for digest in sums]
    lines = [f"{utt} {FRAMES[utt]}\n" for utt in sorted(FRAMES, key=str.encode)]
    assert (dump / "utt2num_frames").read_text("utf-8") == "".join(lines)
    assert {path.name for path in (dump / "shares").iterdir()} == {"1of2", "2of2"}


def test_folders_that_are_not_there_are_made(tmp_path):
    writer = archive.ShareWriter(tmp_path / "dump" / "name" / "set", 1, 1, LAYERS, None)
    writer.write("u2", features("u2"))
    folder = tmp_path / "dump/name/set"
    assert {p.name for p in folder.iterdir()} >= {f"layer{layer:02d}" for layer in LAYERS}


def test_the_archives_of_a_share_are_read_by_kaldiio_in_the_order_of_writing(dump):
    read = dict(kaldiio.load_ark(str(dump / "layer07/feats.1.ark")))
    assert list(read) == ["u2", "ü", "long_name"]
    for utt, found in read.items():
        np.testing.assert_array_equal(found, matrix(utt, 7))


def test_a_note_is_what_was_written_and_any_other_line_is_torn(tmp_path):
    writer = archive.ShareWriter(tmp_path, 1, 1, LAYERS, None)
    writer.write("u2", features("u2"))
    writer.write("ü", features("ü"))
    notes = (tmp_path / "shares/.1of1.part").read_text("utf-8").splitlines(keepends=True)
    sums = {n: hashlib.blake2b(entry("ü", n)[1], digest_size=8).hexdigest() for n in LAYERS}
    start = len(b"".join(entry("u2", 7))) + len("ü ".encode())
    size = len(entry("ü", 7)[1])
    places = {layer: (start, size, sums[layer]) for layer in LAYERS}
    assert archive.parse_note(notes[1]) == ("ü", 6, places)
    for torn in (notes[1][:-1], "\n", "ü\n", "ü x 7:1:2:a\n", "ü 6 7:1:2\n", "ü 6 7:1:x:a\n"):
        assert archive.parse_note(torn) is None
    writer.finish()
    assert writer.complete


def test_shares_join_when_all_are_there_and_only_for_what_is_wanted(tmp_path):
    for job, utts in enumerate((["u2", "ü"], ["u10"]), 1):
        assert not archive.join_shares(tmp_path, 2, ["u2", "u10"])
        writer = archive.ShareWriter(tmp_path, job, 2, LAYERS, None)
        for utt in utts:
            writer.write(utt, features(utt))
        writer.finish()
    assert not archive.join_shares(tmp_path, 3, ["u2"])
    with pytest.raises(UserError, match="no features of 'long_name'; remove .*/shares"):
        archive.join_shares(tmp_path, 2, ["u2", "long_name"])
    assert archive.join_shares(tmp_path, 2, ["u2", "u10"])
    for table in ("utt2sum", "utt2num_frames", "layer11/feats.scp"):
        assert list(read_table(tmp_path / table)) == ["u10", "u2"]


def test_a_finished_share_with_a_torn_line_is_refused(tmp_path):
    note = write(tmp_path, [list(FRAMES)]) / "shares" / "1of1"
    note.write_text(note.read_text("utf-8") + "long_name 4 7:1", "utf-8")
    with pytest.raises(UserError, match=r"1of1: holds the torn line 'long_name 4 7:1'; remove it"):
        archive.join_shares(tmp_path, 1, list(FRAMES))


def test_a_writer_goes_on_behind_the_last_utterance_whose_bytes_all_layers_hold(tmp_path):
    first = archive.ShareWriter(tmp_path, 1, 1, LAYERS, None)
    for utt in FRAMES:
        first.write(utt, features(utt))
    cut = tmp_path / "layer11/.feats.1.ark.part"  # the last layer of the list
    cut.write_bytes(cut.read_bytes()[:-1])
    again = archive.ShareWriter(tmp_path, 1, 1, LAYERS, None)
    assert list(again.finished) == list(FRAMES)[:-1]
    length = sum(len(part) for utt in list(FRAMES)[:-1] for part in entry(utt, 7))
    for layer in LAYERS:
        assert again.ark(layer, part=True).stat().st_size == length
    again.write("ü", features("ü"))
    again.finish()
    assert (tmp_path / "layer07/feats.1.ark").read_bytes() == b"".join(
        part for utt in FRAMES for part in entry(utt, 7)
    )
    noted = again.note.read_text("utf-8").splitlines(keepends=True)
    assert [archive.parse_note(line)[0] for line in noted] == list(FRAMES)


@pytest.mark.parametrize("torn", [None, 0, 2])
def test_a_writer_trusts_every_note_before_the_first_torn_one_and_none_behind_it(tmp_path, torn):
    first = archive.ShareWriter(tmp_path, 1, 1, LAYERS, None)
    for utt in FRAMES:
        first.write(utt, features(utt))
    lines = first.part.read_text("utf-8").splitlines(keepends=True)
    if torn is not None:
        lines[torn] = "\0\0\0\n"
    first.part.write_text("".join(lines), "utf-8")
    again = archive.ShareWriter(tmp_path, 1, 1, LAYERS, None)
    kept = list(FRAMES)[:torn]
    assert again.finished == dict(zip(kept, lines, strict=False))
    assert again.part.read_text("utf-8") == "".join(lines[: len(kept)])
    length = sum(len(part) for utt in kept for part in entry(utt, 2))
    assert (tmp_path / "layer02/.feats.1.ark.part").stat().st_size == length


def test_notes_of_another_split_go_and_those_of_this_one_stay(tmp_path):
    (tmp_path / "shares").mkdir()
    for name in ("1of3", ".2of3.part", "1of12", "1of2", ".2of2.part"):
        (tmp_path / "shares" / name).write_text("")
    writer = archive.ShareWriter(tmp_path, 1, 2, LAYERS, None)
    assert writer.complete and writer.finished == {}
    assert {p.name for p in (tmp_path / "shares").iterdir()} == {"1of2", ".2of2.part"}
    assert not list(tmp_path.glob("layer*"))  # what is complete is not opened


def test_bytes_written_are_those_of_all_archives_done_or_not_and_of_copies(tmp_path):
    assert archive.bytes_written(tmp_path) == 0
    sizes = {"layer00/feats.1.ark": 5, "layer07/.feats.2.ark.part": 70}
    sizes |= {"copy01/layer00/feats.1.ark": 900, "copy02/layer07/.feats.1.ark.part": 11000}
    for name, size in {**sizes, "layer00/feats.scp": 1, "utt2sum": 2}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert archive.bytes_written(tmp_path) == sum(sizes.values())
    assert archive.copy_folders(tmp_path) == [tmp_path / "copy01", tmp_path / "copy02"]
    assert archive.copy_folder(tmp_path, 0) == tmp_path
    assert archive.copy_folder(tmp_path, 2) == tmp_path / "copy02"
    assert archive.layer_folders(tmp_path) == [tmp_path / "layer00", tmp_path / "layer07"]
    for name in ("layer100", "layer12"):
        (tmp_path / name).mkdir()
    numbers = [place.name for place in archive.layer_folders(tmp_path)]
    assert numbers == ["layer00", "layer07", "layer12", "layer100"]
    with pytest.raises(UserError, match="holds no layer; run stage 2"):
        archive.layer_folders(tmp_path / "shares")
