"""What reads cached features finds what is wrong with them, and looks once."""

import os
import re
import shutil

import kaldiio
import numpy as np
import pytest
from plain_archives import FRAMES, LAYERS, matrix, write
from plain_data import config

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.features import whole
from antispoof.features.archive import ShareWriter, join_shares
from antispoof.scoring.inputs import open_inputs


@pytest.fixture
def place(tmp_path):
    """dump/small/train of three layers, and its data directory."""
    write(tmp_path / "dump/small/train", [["u2", "ü", "long_name"], ["u10"]])
    write_table(tmp_path / "data/train/wav.scp", {utt: f"{utt}.wav" for utt in FRAMES})
    write_table(tmp_path / "data/train/utt2dur", {utt: n / 50 for utt, n in FRAMES.items()})
    return tmp_path


def open_set(place, train=True, layers=LAYERS):
    conf = config(feats="cached", upstream="small", layers=list(layers))
    return open_inputs(conf, str(place / "data/train"), str(place / "dump"), train=train)


def flip(path, at):
    data = path.read_bytes()
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def replace(path, utt, value):
    write_table(path, {**read_table(path), utt: value(read_table(path))})


def outside(dump):
    shutil.copy(dump / "layer07/feats.1.ark", dump / "layer02/feats.9.ark")
    table = dump / "layer07/feats.scp"
    places = read_table(table)
    for utt in ("u2", "ü", "long_name"):
        places[utt] = places[utt].replace("layer07/feats.1", "layer02/feats.9")
    write_table(table, places)


def elsewhere(name, utt, value):
    return lambda dump: replace(dump / name, utt, value)


HURT = {
    "a byte": (
        lambda dump: flip(dump / "layer07/feats.1.ark", 40),
        r"1.ark:3: u2: differs from its checksum: found \w{16}, wanted \w{16}; remove .*train, run",
    ),
    "a byte of a key": (
        lambda dump: flip(dump / "layer07/feats.1.ark", 0),
        "u2: differs .*: found the key 't2' before it, wanted 'u2'",
    ),
    "a byte of a header": (
        lambda dump: flip(dump / "layer07/feats.1.ark", 9),
        "u2: differs from its checksum",
    ),
    "an archive that was cut": (
        lambda dump: os.truncate(dump / "layer07/feats.1.ark", 200),
        "long_name: differs .*: found 46 bytes, wanted a whole matrix",
    ),
    "the place of another utterance": (
        elsewhere("layer07/feats.scp", "u2", lambda places: places["long_name"]),
        "u2: differs .*: found the key .* before it, wanted 'u2'",
    ),
    "the place of another layer": (
        elsewhere("layer07/feats.scp", "u10", lambda p: p["u10"].replace("layer07", "layer02")),
        "u10: is outside layer07, wanted an archive of that layer",
    ),
    "the archive of another layer": (outside, "long_name: is outside layer07"),
    "another layer's numbers": (
        lambda dump: shutil.copy(dump / "layer02/feats.2.ark", dump / "layer07/feats.2.ark"),
        "u10: differs from its checksum: found",
    ),
    "a place without an offset": (
        elsewhere("layer07/feats.scp", "u2", lambda places: places["u2"].rpartition(":")[0]),
        "u2: wanted `path:offset` of an archive",
    ),
    "an offset that is no number": (
        elsewhere("layer07/feats.scp", "u2", lambda places: places["u2"] + "²"),
        "u2: wanted `path:offset` of an archive",
    ),
    "a place beyond the file": (
        elsewhere("layer07/feats.scp", "u2", lambda places: places["u2"][:-1] + "99999"),
        "u2: differs .*: the archive has .* bytes, and none of its own there",
    ),
    "a place before every key": (
        elsewhere("layer07/feats.scp", "u2", lambda places: places["u2"][:-1] + "0"),
        "u2: differs .*: the archive has",
    ),
    "an archive that is gone": (
        lambda dump: (dump / "layer07/feats.2.ark").unlink(),
        "u10: no such archive; run stage 2",
    ),
    "a pipe for an archive": (
        lambda dump: (
            (dump / "layer07/feats.2.ark").unlink(),
            os.mkfifo(dump / "layer07/feats.2.ark"),
        ),
        "u10: found no regular file",
    ),
    "another sum": (
        elsewhere("utt2sum", "u2", lambda sums: " ".join(["0" * 16] * 3)),
        f"u2: differs .*, wanted {'0' * 16}",
    ),
    "fewer frames": (
        elsewhere("utt2num_frames", "u2", lambda _: 2),
        r"u2: is \(3, 3\), wanted \(2, 3\); remove",
    ),
    "frames in words": (
        elsewhere("utt2num_frames", "u2", lambda _: "few"),
        "u2: found 'few', wanted frames",
    ),
    "sums of fewer layers": (
        elsewhere("utt2sum", "u2", lambda sums: sums["u2"].split()[0]),
        "has 3 layers, utt2sum tells of 1 for u2",
    ),
    "no sums, though stage 2 wrote it": (
        lambda dump: (
            (dump / "utt2sum").unlink(),
            (dump / "config.yaml").write_text("name: fbank\n"),
        ),
        "utt2sum: no such file, wanted a checksum of each matrix",
    ),
}


@pytest.mark.parametrize("kind", HURT)
@pytest.mark.parametrize("before", [False, True], ids=["first", "again"])
def test_features_that_are_not_what_was_written_are_refused_before_they_are_read(
    place, kind, before
):
    if before:
        open_set(place)
    hurt, words = HURT[kind]
    hurt(place / "dump/small/train")
    for train in (True, False):
        with pytest.raises(UserError) as said:
            open_set(place, train)
        (line,) = str(said.value).splitlines()
        assert re.search(words, line), line


def test_the_utterance_is_the_tables_first_that_is_wrong(place):
    data = place / "dump/small/train/layer02/feats.1.ark"
    for at in (20, 100, 180):
        flip(data, at)
    with pytest.raises(UserError, match="layer02/feats.1.ark:.*: long_name: differs"):
        open_set(place)


def test_a_layer_that_is_not_read_is_not_looked_at(place):
    flip(place / "dump/small/train/layer02/feats.1.ark", 40)
    assert len(open_set(place, layers=[11, 7])) == 4
    with pytest.raises(UserError, match="layer02/.*: u2: differs"):
        open_set(place, layers=[7, 2])


def test_archives_are_hashed_once_until_a_file_changes(place, monkeypatch):
    hashed, checksum = [], whole.checksum
    monkeypatch.setattr(whole, "checksum", lambda data: hashed.append(1) or checksum(data))
    open_set(place)
    assert len(hashed) == len(FRAMES) * len(LAYERS)
    open_set(place, train=False)
    assert len(hashed) == 12
    os.utime(place / "dump/small/train/layer07/feats.2.ark", ns=(1, 1))
    open_set(place)
    assert len(hashed) == 12 + 4, "one layer"
    for table, before, after in (("utt2sum", " ", "  "), ("utt2num_frames", " ", " 0")):
        path = place / "dump/small/train" / table  # other bytes that say the same
        lines = path.read_text().splitlines()
        path.write_text("".join(f"{after.join(line.rsplit(before, 1))}\n" for line in lines))
    open_set(place)
    assert len(hashed) == 16 + 12
    (place / "dump/small/train/layer07/.whole").write_bytes(b"\xff damaged")
    open_set(place)
    assert len(hashed) == 28 + 4


def test_a_set_that_was_refused_is_refused_again(place):
    flip(place / "dump/small/train/layer02/feats.1.ark", 40)
    for _ in range(2):
        with pytest.raises(UserError, match="differs from its checksum"):
            open_set(place)
    assert not (place / "dump/small/train/layer02/.whole").exists()


def test_copies_are_looked_at_in_training_alone(place):
    write(place / "dump/small/train/copy01", [list(FRAMES)])
    flip(place / "dump/small/train/copy01/layer07/feats.1.ark", 40)
    open_set(place, train=False)
    with pytest.raises(UserError, match="copy01/layer07/feats.1.ark:.*: differs"):
        open_set(place)


@pytest.mark.parametrize("method", [None, 2, 3, 5])  # of kaldiio: float, by column, 2 and 1 bytes
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 16)])
def test_the_size_of_an_entry_is_what_kaldiio_writes(tmp_path, method, shape):
    rng = np.random.default_rng(0)
    writer = ShareWriter(tmp_path / "dump", 1, 1, [0], method)
    for utt in ("a", "b", "not_wanted", "c"):
        writer.write(utt, {0: rng.standard_normal(shape).astype(np.float32)})
    writer.finish()
    join_shares(tmp_path / "dump", 1, ["a", "b", "c"])  # what stands between them is no one's
    places = read_table(tmp_path / "dump/layer00/feats.scp")
    data = (tmp_path / "dump/layer00/feats.1.ark").read_bytes()
    at = [int(place.rpartition(":")[2]) for place in places.values()]
    length, found = whole.entry_size(data[at[0] : at[0] + 22])
    assert found == shape
    assert at[0] + length + 2 == at[1]
    whole.require_whole(tmp_path / "dump", [0])


def test_features_of_another_program_are_read_as_they_are(place):
    dump = place / "dump/small/train"
    (dump / "utt2sum").unlink()
    flip(dump / "layer07/feats.1.ark", 40)
    assert len(open_set(place)) == 4
    assert not list(dump.glob("layer*/.whole"))


@pytest.mark.parametrize(("cut", "found"), [(np.s_[:-1], "(5, 3)"), (np.s_[:, 1:], "(6, 2)")])
def test_layers_of_unequal_length_are_named(place, cut, found):
    dump = place / "dump/small/train"
    (dump / "utt2sum").unlink()
    features = {u: matrix(u, 11) if u != "ü" else matrix(u, 11)[cut] for u in FRAMES}
    path = f"{dump}/layer11/other.ark"
    kaldiio.save_ark(path, features, scp=f"{dump}/layer11/unsorted")
    lines = sorted((dump / "layer11/unsorted").read_text().splitlines(keepends=True))
    (dump / "layer11/feats.scp").write_text("".join(lines))
    inputs = open_set(place)
    inputs[0]
    with pytest.raises(UserError) as said:
        inputs[inputs.utts.index("ü")]
    wanted = f"ü: found {found} numbers, wanted (6, 3) as in {dump}/layer07/feats.1.ark:"
    assert wanted in str(said.value)
    assert str(said.value).startswith(f"{path}:")
