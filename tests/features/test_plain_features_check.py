"""utils/check_feats.py names what is wrong, whatever byte, place, number or table was changed."""

import math
import sys

import numpy as np
import pytest
from plain_archives import FRAMES, features, write

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.features import whole
from utils import check_feats


@pytest.fixture
def dump(tmp_path):
    return write(tmp_path / "dump", [["u2", "ü", "long_name"], ["u10"]])


def check(monkeypatch, *dumps):
    """Run utils/check_feats.py."""
    monkeypatch.setattr(sys, "argv", ["check_feats.py", *map(str, dumps)])
    check_feats.main()


def test_a_whole_dump_passes_and_every_changed_byte_is_found(dump, monkeypatch, capsys):
    check(monkeypatch, dump)
    assert capsys.readouterr().out == f"{dump}: 4 utterances, 3 layers: whole and finite\n"
    path = dump / "layer11/feats.1.ark"
    whole, owner = path.read_bytes(), {}
    for utt in ("u2", "ü", "long_name"):
        size = 15 + 4 * FRAMES[utt] * 3  # the header; four bytes for each number
        at = int(read_table(dump / "layer11/feats.scp")[utt].rpartition(":")[2])
        owner |= dict.fromkeys(range(at, at + size), utt)
    for at, utt in list(owner.items())[::7]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(UserError, match=f"feats.1.ark:\\d+: {utt}: differs from its checksum"):
            check(monkeypatch, dump)


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.5, 0.9])
def test_an_archive_that_was_cut_anywhere_is_found_and_named(dump, monkeypatch, kept):
    path = dump / "layer02/feats.1.ark"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=r"layer02/feats.1.ark:\d+: \w+: differs from its checksum"):
        check(monkeypatch, dump)


def test_every_matrix_of_a_layer_counts_as_one_step(dump):
    steps, sums = [], read_table(dump / "utt2sum")
    first = {utt: line.split()[0] for utt, line in sums.items()}  # layer 2 is the lowest
    frames = read_table(dump / "utt2num_frames")
    whole.check_layer(dump / "layer02", first, frames, lambda: steps.append(1))
    assert len(steps) == len(FRAMES)


def test_two_places_that_were_swapped_are_found(dump, monkeypatch):
    path = dump / "layer07/feats.scp"
    places = read_table(path)
    places["u2"], places["ü"] = places["ü"], places["u2"]
    write_table(path, places)
    with pytest.raises(UserError, match="layer07/.*: u2: differs from its checksum"):
        check(monkeypatch, dump)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_one_number_that_is_not_finite_is_found_and_named(tmp_path, monkeypatch, value):
    def change(utt):
        found = features(utt)
        found[11][-1, -1] = value
        return found

    dump = write(tmp_path / "dump", [list(FRAMES)], change)
    with pytest.raises(UserError, match="layer11/.*: u2: holds numbers that are not finite"):
        check(monkeypatch, dump)


@pytest.mark.parametrize(
    ("cut", "found"),
    [(np.s_[:-1], r"\(2, 3\), wanted \(3, 3\)"), (np.s_[:, 1:], r"\(3, 2\), wanted")],
)
def test_a_matrix_of_another_shape_is_found_and_named(tmp_path, monkeypatch, cut, found):
    dump = write(
        tmp_path / "dump", [list(FRAMES)], lambda utt: {n: m[cut] for n, m in features(utt).items()}
    )
    frames = {utt: str(count) for utt, count in FRAMES.items()}
    write_table(dump / "utt2num_frames", frames)
    with pytest.raises(UserError, match=f"u2: is {found}"):
        check(monkeypatch, dump)


def drop(path):
    write_table(path, {utt: value for utt, value in read_table(path).items() if utt != "u2"})


def shorten(path):
    write_table(path, {u: " ".join(s.split()[:-1]) for u, s in read_table(path).items()})


def shorten_one(path):
    table = read_table(path)
    write_table(path, {**table, "u2": table["u2"].split()[0]})


def spoil(path):
    write_table(path, {**read_table(path), "u2": f"{path.parent}/feats.1.ark:7x"})


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("layer07/feats.scp", drop, "layer07/feats.scp: 'u2' is missing"),
        ("utt2sum", drop, "utt2sum: 'u2' is missing"),
        ("utt2num_frames", drop, "utt2num_frames: 'u2' is missing"),
        ("utt2sum", shorten, "has 3 layers, utt2sum"),
        ("utt2sum", shorten_one, "has 3 layers, utt2sum"),
        ("layer02/feats.scp", spoil, "u2: wanted `path:offset`"),
    ],
)
def test_tables_that_do_not_agree_are_refused(dump, monkeypatch, table, change, message):
    change(dump / table)
    with pytest.raises(UserError, match=message):
        check(monkeypatch, dump)


@pytest.mark.parametrize("layer", ["layer02", "layer07", "layer11"])
def test_a_place_beyond_its_file_is_refused(dump, monkeypatch, layer):
    path = dump / layer / "feats.scp"
    write_table(path, {u: f"{p}0000" if u == "ü" else p for u, p in read_table(path).items()})
    with pytest.raises(UserError, match=f"{layer}/.*: ü: differs .*the archive has"):
        check(monkeypatch, dump)


def test_copies_and_every_dump_of_the_command_are_checked(tmp_path, monkeypatch, capsys):
    dumps = [write(tmp_path / name, [list(FRAMES)]) for name in ("a", "b", "b/copy01")][:2]
    check(monkeypatch, *dumps)
    said = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == [str(tmp_path / name) for name in ("a", "b", "b/copy01")]
