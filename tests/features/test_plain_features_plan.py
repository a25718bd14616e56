"""The plan of an extraction by hand: batches, seconds that windows keep, bytes, room and advice."""

import errno
import io
import os
import types

import kaldiio
import numpy as np
import pytest

from antispoof.errors import UserError
from antispoof.features import plan
from antispoof.ssl.upstream import DTYPES

FULL = {"policy": "full", "samples": 32000, "pad": "tile"}


def test_batches_are_filled_from_the_shortest_up_to_the_limit_and_no_further():
    seconds = {"c": 2.0, "ä": 1.0, "b": 1.0, "e": 9.0, "a": 1.0, "d": 2.0, "f": 2.5}
    in_order = ["a", "b", "ä", "c", "d", "f", "e"]  # by length, then by the bytes of the name
    expected = {
        3.0: [["a", "b", "ä"], ["c"], ["d"], ["f"], ["e"]],  # three seconds fit into three
        2.9: [["a", "b"], ["ä"], ["c"], ["d"], ["f"], ["e"]],
        8.0: [["a", "b", "ä", "c"], ["d", "f"], ["e"]],  # padded: 4 x 2, 2 x 2.5, and one too long
        0.0: [[utt] for utt in in_order],
        100.0: [in_order],
    }
    for limit, batches in expected.items():
        assert plan.plan_batches(seconds, limit) == batches


@pytest.mark.parametrize("policy", ["first", "centre", "random"])
@pytest.mark.parametrize(("pad", "short"), [("tile", 2.0), ("zero", 2.0), ("none", 0.5)])
def test_a_window_keeps_its_length_and_pads_what_is_shorter(policy, pad, short):
    window = {"policy": policy, "samples": 32000, "pad": pad}
    found = plan.kept_seconds({"a": 0.5, "b": 2.0, "c": 7.25}, window)
    assert found == {"a": short, "b": 2.0, "c": 2.0}


def test_without_a_window_all_is_kept_and_nothing_padded():
    seconds = {"a": 0.5, "c": 7.25}
    found = plan.kept_seconds(seconds, FULL)
    assert found == seconds and found is not seconds


def test_bytes_by_hand():
    # 40 of heads, the name twice, and 74 whole frames of 1.49 s at 50 per second
    one = {"float32": 40 + 6 + 74 * 16 * 4, "two_byte": 46 + 74 * 32, "one_byte": 46 + 74 * 16}
    for dtype, count in one.items():
        found = plan.plan_bytes({"abc": 1.49, "d": 0.0}, 5, 16, 50, dtype)
        assert found == {"abc": 5 * count, "d": 5 * 42}
        copied = plan.plan_bytes({"abc": 1.49}, 5, 16, 50, dtype, copies=2)
        assert copied == {"abc": 3 * 5 * count}


@pytest.mark.parametrize("dtype", ["float32", "two_byte"])
def test_bytes_are_those_of_an_archive_and_its_table_to_a_frame_or_two(dtype):
    stream, values = io.BytesIO(), np.random.default_rng(0).standard_normal((99, 64), np.float32)
    kaldiio.save_ark(stream, {"an_utterance": values}, compression_method=DTYPES[dtype])
    line = len("an_utterance dump/x/train/layer07/feats.1.ark:123456\n")
    (planned,) = plan.plan_bytes({"an_utterance": 1.99}, 1, 64, 50, dtype).values()
    assert abs(planned - len(stream.getvalue()) - line) < 2 * 64 * plan.BYTES[dtype]


@pytest.fixture
def disk(monkeypatch):
    """A disk of 1,000 free bytes; `asked` lists the folders whose disk was looked at."""
    asked = []

    def usage(place):
        asked.append(place)
        return types.SimpleNamespace(total=10**6, used=1, free=1000)

    monkeypatch.setattr(plan.shutil, "disk_usage", usage)
    return asked


def test_room_is_what_is_left_to_write_against_what_is_free(disk, tmp_path):
    config, wanted = {"dtype": "float32", "window": FULL}, {"a": 1000, "b": 2000}
    folder = tmp_path / "not" / "there"
    line = plan.require_room(folder, wanted, 2000, config, 3, 16)
    assert line == (
        f"{folder}: 2 utterances, 3 layers of 16, float32: 1.5 kB each, 3.0 kB in all, "
        "1.0 kB to write, 1.0 kB free"
    )
    assert disk == [tmp_path]  # the nearest folder that there is
    for there in (1999, 0):
        with pytest.raises(UserError, match="cannot fit; what would fit: "):
            plan.require_room(folder, wanted, there, config, 3, 16)
    assert "0 B to write" in plan.require_room(tmp_path, wanted, 5000, config, 3, 16)
    assert " and 2 copies of each, " in plan.require_room(tmp_path, wanted, 2500, config, 3, 16, 2)
    assert "0 B each, 0 B in all" in plan.require_room(tmp_path, {}, 0, config, 3, 16)


def test_what_would_fit_is_reckoned_from_what_is_left(disk, tmp_path):
    config = {"dtype": "two_byte", "window": {**FULL, "policy": "first"}}
    with pytest.raises(UserError, match="6 layers, or dtype: one_byte, or a window of 16000 "):
        plan.require_room(tmp_path, {"a": 3000}, 1000, config, 12, 16)


@pytest.mark.parametrize(
    ("share", "dtype", "layers", "copies", "ways"),
    [
        (0.5, "float32", 24, 0, "12 layers, or dtype: two_byte"),
        (0.49, "float32", 24, 0, "11 layers, or dtype: one_byte"),
        (0.25, "float32", 1, 0, "dtype: one_byte"),
        (0.5, "two_byte", 2, 0, "1 layers, or dtype: one_byte"),
        (0.49, "two_byte", 2, 0, ""),
        (0.9, "one_byte", 1, 0, ""),
        (0.5, "one_byte", 1, 3, "copies.count: 1"),
        (0.25, "one_byte", 1, 3, "copies.count: 0"),
        (0.24, "one_byte", 1, 3, ""),
        (0.8, "one_byte", 10, 4, "copies.count: 3, or 8 layers"),
    ],
)
def test_advice_names_what_fits_into_a_share_and_nothing_else(share, dtype, layers, copies, ways):
    more = f"{ways}, or " if ways else ""
    start, end = f"what would fit: {more}a window ", "; or a dump folder on a larger disk"
    config = {"dtype": dtype, "window": FULL}
    found = plan.advice(share, config, layers, copies)
    assert found == f"{start}(first, centre or random) of fewer samples{end}"
    config["window"] = {**FULL, "policy": "random"}
    found = plan.advice(share, config, layers, copies)
    assert found == f"{start}of {int(32000 * share)} samples{end}"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1550, "1.6 kB"), (999_900, "999.9 kB")),
        *((10**6, "1.0 MB"), (2.5 * 10**9, "2.5 GB"), (10**12, "1.00 TB"), (3.2e15, "3200.00 TB")),
    ],
)
def test_bytes_for_people_are_in_powers_of_1000(count, text):
    assert plan.human(count) == text


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "disk full"), (errno.EDQUOT, "disk full"), (errno.EFBIG, "File too large")],
)
def test_a_full_disk_says_what_is_yet_to_be_written(disk, tmp_path, number, reason):
    with (
        pytest.raises(UserError) as caught,
        plan.explained_disk_full(tmp_path, {"a": 5000, "b": 4000}, lambda: 2000),
    ):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == (
        f"{tmp_path}: {reason}: wanted 9.0 kB for 2 utterances, of which 7.0 kB are yet to be "
        "written, 1.0 kB free; make room and run again: what is written stays"
    )


def test_other_errors_of_the_system_pass_and_no_count_is_below_zero(disk, tmp_path):
    with (
        pytest.raises(PermissionError),
        plan.explained_disk_full(tmp_path, {"a": 1}, lambda: 0),
    ):
        raise PermissionError(errno.EACCES, "Permission denied")
    with (
        pytest.raises(UserError, match="of which 0 B are yet"),
        plan.explained_disk_full(tmp_path, {"a": 1}, lambda: 7),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
