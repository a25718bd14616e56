"""Cached features: which copy, layer and rows an item holds, and what is refused."""

import kaldiio
import numpy as np
import pytest
from plain_data import config, drawer, plain_crop, plain_pad, write_set

from antispoof.errors import UserError
from antispoof.scoring.inputs import count_copies, frame_rate, open_inputs

FRAMES = {"ab": 49, "b": 50, "c": 51, "d": 80, "e": 123}
DIM, SHORTER = 3, 0.9  # a copy may be faster: it has fewer frames


def frames_of(utt, copy):
    return FRAMES[utt] if copy != 2 else round(SHORTER * FRAMES[utt])


def value(utt, copy, layer, row, column):
    """A number that says where it stands."""
    place = sorted(FRAMES).index(utt), copy, layer, row, column
    return float(sum(n * base for n, base in zip(place, (200000, 40000, 8000, 10, 1), strict=True)))


def write_features(folder, copies=2, layers=(0, 2, 11), compression=None):
    for copy in range(copies + 1):
        for layer in layers:
            path = folder / (f"copy{copy:02d}" if copy else ".") / f"layer{layer:02d}"
            path.mkdir(parents=True, exist_ok=True)
            matrices = {
                utt: np.array([[value(utt, copy, layer, row, column) for column in range(DIM)]
                               for row in range(frames_of(utt, copy))], np.float32)
                for utt in FRAMES
            }  # fmt: skip
            kaldiio.save_ark(f"{path}/x.ark", matrices, scp=f"{path}/feats.scp",
                             compression_method=compression)  # fmt: skip
    (folder / "utt2num_frames").write_text("".join(f"{u} {n}\n" for u, n in FRAMES.items()))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """data/train of about a second each, and its features at some 50 frames a second."""
    folder = tmp_path_factory.mktemp("cached")
    write_set(folder / "data" / "train", {utt: 320 * n + 80 for utt, n in FRAMES.items()})
    write_features(folder / "dump" / "bank" / "train")
    return folder


def train_of(place):
    return str(place / "data" / "train")


def inputs_of(place, train, **changes):
    conf = config(feats="cached", **changes)
    return open_inputs(conf, f"{train_of(place)}/", f"{place}/dump", train=train)


@pytest.mark.parametrize("pad", ["zero", "tile", "none"])
@pytest.mark.parametrize(("seed", "epoch"), [(3, 0), (3, 5), (7, 5)])
def test_training_reads_a_drawn_copy_and_crops_all_layers_alike(place, pad, seed, epoch):
    layers = [11, 0]  # in the order of the config
    inputs = inputs_of(place, True, seed=seed, layers=layers, crop={"seconds": 1.0, "pad": pad})
    inputs.epoch = epoch
    assert inputs.length == 50
    for index, utt in enumerate(sorted(FRAMES)):
        copy = int(drawer("copy", seed, epoch, utt).integers(3))
        kept = plain_crop(frames_of(utt, copy), 50, "random", drawer(seed, epoch, utt))
        rows = plain_pad(kept, 50, "random", pad)
        x, length, own = inputs[index]
        wanted = [[[0.0 if row is None else value(utt, copy, layer, row, column)
                    for column in range(DIM)] for row in rows] for layer in layers]  # fmt: skip
        assert x.tolist() == wanted
        assert (length, own) == (len(rows), index)


def test_the_rule_gives_every_copy_and_each_part_of_its_key_counts():
    draws = {
        (seed, epoch): [int(drawer("copy", seed, epoch, utt).integers(3)) for utt in FRAMES]
        for seed in (3, 7)
        for epoch in (0, 5)
    }
    assert len({tuple(copies) for copies in draws.values()}) == 4
    assert {copy for copies in draws.values() for copy in copies} == {0, 1, 2}


def test_testing_reads_the_original_in_its_windows(place):
    crop = {"test": "windows", "seconds": 1.0, "pad": "zero"}
    for windows in inputs_of(place, False, layers=[2], crop=crop):
        utt = sorted(FRAMES)[windows[0][2]]
        rows = plain_pad([*range(FRAMES[utt])], 50, "windows", "zero")
        starts = [*range(0, max(len(rows) - 50, 0), 25), max(len(rows) - 50, 0)]
        found = [x[0, :, 0].tolist() for x, _, _ in windows]
        assert found == [
            [0.0 if r is None else value(utt, 0, 2, r, 0) for r in rows[start : start + 50]]
            for start in starts
        ]
        assert all(x.shape == (1, 50, DIM) and length == 50 for x, length, _ in windows)


def test_without_copies_there_is_no_draw_among_them(tmp_path, place):
    write_features(tmp_path / "dump" / "bank" / "train", copies=0)
    conf = config(feats="cached", layers=[0], crop={"train": "full", "seconds": 1.0})
    for x, length, index in open_inputs(conf, train_of(place), f"{tmp_path}/dump", train=True):
        utt = sorted(FRAMES)[index]
        assert length == FRAMES[utt]
        assert x[0, -1, -1] == value(utt, 0, 0, FRAMES[utt] - 1, DIM - 1)


@pytest.mark.parametrize(("wanted", "fine"), [(2, True), (1, False), (3, False), (0, False)])
def test_copies_are_as_many_as_the_config_says(tmp_path, wanted, fine):
    for name in ("copy01", "copy02", "layer00"):
        (tmp_path / name).mkdir()
    assert count_copies(tmp_path) == 2  # where no config says how many
    more = f"\ncopies: {{count: {wanted}, augment: [trim]}}"
    (tmp_path / "config.yaml").write_text(f"name: fbank{more}\n")
    if fine:
        assert count_copies(tmp_path) == 2
        return
    with pytest.raises(UserError, match=f"needs {wanted} copies for training, found 2 in"):
        count_copies(tmp_path)


@pytest.mark.parametrize(("rows", "rate"), [
    ([(500, 10.0)] + 10 * [(4, 0.1)], 50),  # the mean of their ratios is 41
    ([(49, 1.0), (149, 3.0)], 50),
    ([(98, 1.0), (399, 4.0)], 100),
    ([(44, 1.0)], 40),
    ([(46, 1.0)], 50),
    ([(3, 1.0)], 3),  # of few, an edge costs none or one
])  # fmt: skip
def test_the_frame_rate_is_frames_by_seconds_to_the_next_ten(tmp_path, rows, rate):
    tables = {"utt2num_frames": 0, "utt2dur": 1}
    for name, column in tables.items():
        lines = [f"u{n:02d} {row[column]}\n" for n, row in enumerate(rows)]
        (tmp_path / name).write_text("".join(lines))
    assert frame_rate(tmp_path, tmp_path) == rate


@pytest.mark.parametrize("policy, pad, frames", [
    ("first", "tile", [201, 201]), ("first", "none", [201, 75]), ("full", "tile", [400, 75]),
])  # fmt: skip
def test_the_frame_rate_is_that_of_what_a_window_keeps(tmp_path, policy, pad, frames):
    window = f"window: {{policy: {policy}, samples: 64600, pad: {pad}}}\n"
    (tmp_path / "config.yaml").write_text(f"name: x\n{window}")
    (tmp_path / "utt2dur").write_text("u0 8.0\nu1 1.5\n")
    rows = "".join(f"u{n} {count}\n" for n, count in enumerate(frames))
    (tmp_path / "utt2num_frames").write_text(rows)
    assert frame_rate(tmp_path, tmp_path) == 50


def test_numbers_that_are_not_finite_are_named(tmp_path, place):
    write_features(tmp_path / "dump" / "bank" / "train", copies=0, layers=(0, 2))
    for bad in (np.nan, np.inf):
        layer = tmp_path / "dump/bank/train/layer02"
        matrices = {utt: np.ones((60, DIM), np.float32) for utt in FRAMES}
        matrices["c"][55, 1] = bad
        kaldiio.save_ark(f"{layer}/x.ark", matrices, scp=f"{layer}/feats.scp")
        crop = {"test": "first", "seconds": 2.0}
        conf = config(feats="cached", layers=[0, 2], crop=crop)
        inputs = open_inputs(conf, train_of(place), f"{tmp_path}/dump")
        with pytest.raises(UserError, match="c: holds numbers that are not finite"):
            inputs[2]
        conf["layers"] = [0]
        assert open_inputs(conf, train_of(place), f"{tmp_path}/dump")[2][1] == FRAMES["c"]


def test_features_of_other_utterances_are_refused(tmp_path, place):
    write_features(tmp_path / "dump" / "bank" / "train", copies=0)
    scp = tmp_path / "dump/bank/train/layer11/feats.scp"
    scp.write_text("".join(scp.read_text().splitlines(keepends=True)[:-1]))
    conf = config(feats="cached", layers=[0, 11], crop={"seconds": 1.0})
    with pytest.raises(UserError, match="layer11/feats.scp: 'e' is missing, though .*wav.scp"):
        open_inputs(conf, train_of(place), f"{tmp_path}/dump")
    assert len(open_inputs({**conf, "layers": [0]}, train_of(place), f"{tmp_path}/dump")) == 5


@pytest.mark.parametrize("epoch", [0, 5])
def test_what_was_drawn_for_an_item_can_be_said(place, epoch):
    crop = {"seconds": 1.0, "pad": "none"}
    inputs = inputs_of(place, True, layers=[2, 11], seed=3, crop=crop)
    inputs.epoch = epoch
    for index, utt in enumerate(inputs.utts):
        record, (x, length, _) = inputs.drawn(index), inputs[index]
        assert record["utt"] == utt
        assert record["stop"] - record["start"] == length
        for row, place_in in ((0, record["start"]), (length - 1, record["stop"] - 1)):
            assert float(x[0, row, 0]) == value(utt, record["copy"], 2, place_in, 0)
    assert len({inputs.drawn(index)["copy"] for index in range(len(inputs))}) > 1
