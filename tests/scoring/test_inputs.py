"""Crops, padding and windows of waveforms, against lists of indices and the stated seeds."""

import itertools
import json

import numpy as np
import pytest
import torch
from plain_data import config, drawer, plain_crop, plain_pad, write_set

from antispoof.augment.draws import gather
from antispoof.data.crop import crop, extend, fit, time_axis, window_starts
from antispoof.errors import UserError
from antispoof.scoring.inputs import Inputs, open_inputs

POLICIES = ("first", "centre", "random", "windows", "full")
PADS = ("zero", "tile", "none")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("found", [1, 3, 6, 7, 8, 9, 10, 15, 20])
def test_what_is_kept_and_padded_is_a_list_of_indices(policy, pad, found):
    length = 7
    for seed in range(4):
        kept = plain_crop(found, length, policy, np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        start, stop = crop(found, length, policy, rng)
        assert list(range(start, stop)) == kept
        rng = np.random.default_rng(seed)
        x, valid = fit(np.arange(1, found + 1), length, policy, pad, rng)
        wanted = [0 if n is None else n + 1 for n in plain_pad(kept, length, policy, pad)]
        assert x.tolist() == wanted
        assert valid == len(wanted)


def test_a_random_crop_reaches_both_ends():
    rng = np.random.default_rng(0)
    starts = [crop(10, 7, "random", rng)[0] for _ in range(200)]
    assert [starts.count(n) > 30 for n in range(4)] == [True] * 4


def test_only_a_random_crop_draws():
    for policy in POLICIES:
        for found in (5, 7, 12):
            rng, still = np.random.default_rng(1), np.random.default_rng(1)
            crop(found, 7, policy, rng)
            assert (rng.random() == still.random()) == (policy != "random" or found <= 7)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("pad", PADS)
def test_padding_is_along_the_axis(axis, pad):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    found = x.shape[axis]
    padded, valid = extend(x, axis, 11, "first", pad)
    for n in range(padded.shape[axis]):
        part = padded.take(n, axis)
        wanted = x.take(n % found, axis)
        np.testing.assert_array_equal(part, 0 * wanted if pad == "zero" and n >= found else wanted)
    assert valid == padded.shape[axis] == (found if pad == "none" else 11)


@pytest.mark.parametrize("length", [1, 2, 5, 6, 100])
def test_windows_begin_every_half_and_the_last_ends_with_it(length):
    for found in range(1, 3 * length + 2):
        wanted, start = [], 0
        while start + length < found:
            wanted.append(start)
            start += max(1, length // 2)
        assert window_starts(found, length) == [*wanted, max(0, found - length)]


def test_time_is_the_axis_before_the_last():
    assert time_axis(torch.zeros(9)) == 0
    assert time_axis(torch.zeros(5, 9)) == 0
    assert time_axis(torch.zeros(2, 5, 9)) == 1


LENGTHS = {"ab": 159, "b": 160, "c": 161, "d": 500, "e": 777, "f": 1000}


def indices(item):
    """Which samples of a ramp an item of Inputs holds."""
    return [round(n * 32768) - 1 for n in item.tolist()]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return str(write_set(tmp_path_factory.mktemp("ramps") / "train", LENGTHS))


def test_inputs_that_cannot_read_are_never_made(data):
    class Half(Inputs):
        def _open(self, data_dir, dump, train):
            return 160

    with pytest.raises(TypeError, match="abstract .*_read.*drawn|abstract .*drawn.*_read"):
        Half(config(), data, "dump")


@pytest.mark.parametrize(("seed", "epoch"), [(3, 0), (3, 1), (4, 1), (1, 3), (31, 0)])
def test_training_crops_come_from_seed_epoch_and_utterance(data, seed, epoch):
    inputs = open_inputs(config(seed=seed), data, "dump", train=True)
    inputs.epoch = epoch
    assert len(inputs) == 6
    for index in (5, 0, 3, 1, 4, 2):  # the order is of no account
        utt = sorted(LENGTHS)[index]
        x, length, own = inputs[index]
        wanted = plain_crop(LENGTHS[utt], 160, "random", drawer(seed, epoch, utt))
        assert (indices(x), length, own) == (wanted, len(wanted), index)


def test_each_part_of_the_seed_moves_the_crops(data):
    """The rule itself gives other crops: the test above compares what differs."""
    keys = [(3, 0), (3, 1), (4, 1), (1, 3), (31, 0)]
    starts = {key: [drawer(*key, u).integers(LENGTHS[u] - 159) for u in "def"] for key in keys}
    assert all(starts[a] != starts[b] for a, b in itertools.combinations(keys, 2))


@pytest.mark.parametrize(("seconds", "wanted"), [(0.01, 160), (0.00997, 160), (0.01003, 160)])
def test_seconds_are_rounded_to_samples(data, seconds, wanted):
    conf = config(crop={"test": "first", "seconds": seconds, "pad": "zero"})
    for x, length, _ in open_inputs(conf, data, "dump"):
        assert (len(x), length) == (wanted, wanted)


@pytest.mark.parametrize("train", [False, True])
def test_training_and_testing_have_their_own_policy(data, train):
    conf = config(crop={"train": "first", "test": "centre", "pad": "tile"})
    for x, length, index in open_inputs(conf, data, "dump", train=train):
        found = LENGTHS[sorted(LENGTHS)[index]]
        kept = plain_crop(found, 160, "first" if train else "centre", None)
        assert indices(x) == plain_pad(kept, 160, "first", "tile")
        assert length == 160


@pytest.mark.parametrize("pad", PADS)
def test_windows_of_an_utterance_are_its_stretches(data, pad):
    conf = config(crop={"test": "windows", "pad": pad})
    for windows in open_inputs(conf, data, "dump"):
        found = LENGTHS[sorted(LENGTHS)[windows[0][2]]]
        whole = [-1 if n is None else n for n in plain_pad([*range(found)], 160, "windows", pad)]
        starts = [*range(0, max(len(whole) - 160, 0), 80), max(len(whole) - 160, 0)]
        assert [indices(x) for x, _, _ in windows] == [whole[s : s + 160] for s in starts]
        assert [length for _, length, _ in windows] == [min(160, len(whole))] * len(starts)


MASK = [{"time_mask": {"share": [0.1, 0.6], "p": 0.7}}]


def plain_mask(found, seed, epoch, utt):
    """What is left of a ramp, and the draw; the chain's own generator, then a mask of a share."""
    rng = drawer("augment", seed, epoch, utt)
    samples = list(range(found))
    if rng.random() >= 0.7:
        return samples, []
    count = int(found * (0.1 + 0.5 * rng.random()))
    start = int(rng.integers(found - count + 1))
    samples[start : start + count] = [-1] * count
    return samples, [{"name": "time_mask", "start": start, "count": count}]


def test_training_is_augmented_before_the_crop_and_noted(data, tmp_path):
    for seed, epoch in ((3, 1), (3, 2), (5, 1)):
        inputs = open_inputs(config(seed=seed, augment=MASK), data, "dump", train=True)
        inputs.epoch, inputs.notes = epoch, tmp_path / str(seed)
        lines = []
        for x, _, index in inputs:
            utt = sorted(LENGTHS)[index]
            whole, drawn = plain_mask(LENGTHS[utt], seed, epoch, utt)
            kept = plain_crop(LENGTHS[utt], 160, "random", drawer(seed, epoch, utt))
            assert indices(x) == [whole[n] for n in kept]
            lines.append({"utt": utt, "drawn": drawn})
        gather(inputs.notes, epoch)
        text = (inputs.notes / f"epoch{epoch}.jsonl").read_text()
        assert [json.loads(line) for line in text.splitlines()] == lines


def test_dev_and_eval_are_never_augmented(data, tmp_path):
    always = [{"time_mask": {"share": [0.9, 1.0]}}]
    inputs = open_inputs(config(augment=always, crop={"test": "full"}), data, "dump")
    inputs.notes = tmp_path / "draws"
    for x, _, index in inputs:
        assert indices(x) == list(range(LENGTHS[sorted(LENGTHS)[index]]))
    assert not inputs.notes.exists()


def test_without_a_chain_nothing_is_noted(data, tmp_path):
    inputs = open_inputs(config(), data, "dump", train=True)
    inputs.notes = tmp_path / "draws"
    assert len(list(inputs)) == 6
    assert not inputs.notes.exists()


def test_an_upstream_in_the_loop_needs_a_frame(tmp_path):
    data = str(write_set(tmp_path / "x", {"a": 400, "b": 399}))
    conf = config(feats="ssl", crop={"test": "full", "seconds": 1.0})
    inputs = open_inputs(conf, data, "dump")
    assert inputs[0][1] == 400
    with pytest.raises(UserError, match="x_b.wav: b: 399 samples are too short"):
        inputs[1]
    assert open_inputs({**conf, "feats": "wave"}, data, "dump")[1][1] == 399


def test_what_may_be_converted_is_that_of_the_config(tmp_path):
    import soundfile

    data = write_set(tmp_path / "x", {"a": 400})
    soundfile.write(tmp_path / "x_a.wav", np.zeros((800, 2)), 32000)
    with pytest.raises(UserError, match="a: found 2 channels"):
        open_inputs(config(), str(data), "dump")[0]
    allowed = config(allow=["resample", "mixdown"], crop={"test": "full"})
    assert open_inputs(allowed, str(data), "dump")[0][1] == 400
