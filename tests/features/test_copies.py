"""Augmented copies of cached features: for training alone, drawn in each epoch, killed or not."""

import numpy as np
import pytest
from made_up import worker
from sounds import make_corpus, make_data

from antispoof.augment.chain import Chain
from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.audio import read_wave
from antispoof.data.data_dir import read_durations
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.features import plan
from antispoof.features.archive import ShareWriter
from antispoof.features.extraction import extract as run
from antispoof.progress import Progress
from antispoof.scoring.inputs import open_inputs
from antispoof.ssl.upstream import DTYPES, FrozenUpstream, load_upstream_config
from antispoof.training.experiment import load_experiment

EXTRACT, CHECK = "steps/extract_ssl.py", "utils/check_feats.py"
UPSTREAM = """
name: fbank
dtype: float32
copies:
  count: 2
  augment: [{rawboost: {algo: 3}}, {speed: {factors: [0.9, 1.1]}}]
"""
EXPERIMENT = """
feats: cached
upstream: bank
model: mhfa
model_conf: {layers: 1, dim: 240}
crop: {train: full, test: full, seconds: 1.0, pad: none}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the features of data/train, its two copies, and of data/dev."""
    folder = tmp_path_factory.mktemp("copies")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 6, "dev": 4}))
    (folder / "bank.yaml").write_text(UPSTREAM)
    (folder / "train_x.yaml").write_text(EXPERIMENT)
    for name, options in (("train", ["--copies"]), ("dev", [])):
        status, out, error = extract(folder, name, f"dump/bank/{name}", *options)
        assert status == 0, error
        assert ("6 utterances and 2 copies of each, 1 layers of 240" in out) == (name == "train")
        assert f"share 1/1: {18 if name == 'train' else 4} utterances" in out
    return folder


def extract(folder, name, dump, *options):
    return worker(EXTRACT, *options, "bank.yaml", f"data/{name}", dump, cwd=folder)


def files(folder):
    """{name: bytes} of archives, sums and frames."""
    paths = [*folder.rglob("*.ark"), *folder.rglob("utt2*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def matrices(folder, dump):
    places = read_table(folder / dump / "layer00/feats.scp")
    return {utt: read_entry(str(folder / at), utt, MATRIX) for utt, at in places.items()}


def test_a_copy_holds_the_features_of_the_augmented_sound(place):
    config = load_upstream_config(place / "bank.yaml")
    upstream, chain = FrozenUpstream(config), Chain(config["copies"]["augment"])
    for copy in (1, 2):
        found = matrices(place, f"dump/bank/train/copy0{copy}")
        for utt, path in read_table(place / "data/train/wav.scp").items():
            wave, _ = chain(read_wave(path, utt), utt, "copy", copy)
            np.testing.assert_allclose(found[utt], upstream([wave], [utt])[0][0], atol=1e-4)
    assert not (place / "dump/bank/dev/copy01").exists()


def test_jobs_and_kills_change_nothing(place, monkeypatch):
    monkeypatch.chdir(place)
    config = load_upstream_config("bank.yaml")
    upstream, wavs = FrozenUpstream(config), read_table("data/train/wav.scp")
    writer = ShareWriter("again/copy01", 1, 1, upstream.layer_indices, DTYPES[config["dtype"]])
    batches = plan.plan_batches(read_durations("data/train"), 0.0)
    write, count = writer.write, []

    def killed(utt, features):
        if len(count) == 3:
            raise OSError("killed")
        count.append(utt)
        write(utt, features)

    writer.write = killed
    with pytest.raises(OSError, match="killed"):
        run(upstream, batches, wavs, writer, Progress(6, "", ""), copy=1)
    writer.notes.close()  # as when its process ends
    status, _, error = extract(place, "train", "again", "--copies")
    assert status == 0, error
    assert files(place / "again") == files(place / "dump/bank/train")
    for job in (2, 1):
        assert extract(place, "train", "two", "--copies", "--share", f"{job}/2")[0] == 0
    for name in ("utt2sum", "copy01/utt2sum", "copy02/utt2sum"):
        two, one = (place / dump / name for dump in ("two", "dump/bank/train"))
        assert two.read_bytes() == one.read_bytes()


def test_copies_are_checked_too(place):
    status, out, _ = worker(CHECK, "dump/bank/train", cwd=place)
    assert status == 0
    assert "dump/bank/train/copy02: 6 utterances, 1 layers: whole and finite" in out
    ark = place / "dump/bank/train/copy02/layer00/feats.1.ark"
    before = ark.read_bytes()
    ark.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    status, _, error = worker(CHECK, "dump/bank/train", cwd=place)
    ark.write_bytes(before)
    assert status == 1
    assert "copy02" in error
    assert "differs from its checksum" in error


def drawn(place, epoch, seed=1):
    """Which copy each utterance of data/train is in an epoch."""
    inputs = open_inputs(load_experiment("train_x.yaml", seed), "data/train", "dump", train=True)
    inputs.epoch = epoch
    known = [matrices(place, f"dump/bank/train{part}") for part in ("", "/copy01", "/copy02")]
    found = []
    for utt, (x, _, _) in zip(inputs.utts, inputs, strict=True):
        (which,) = (n for n, m in enumerate(known) if np.array_equal(m[utt], x[0].numpy()))
        found.append(which)
    return found


def test_training_draws_one_of_them_in_each_epoch(place, monkeypatch):
    monkeypatch.chdir(place)
    epochs = [drawn(place, epoch) for epoch in range(1, 31)]
    assert epochs[0] == drawn(place, 1) != drawn(place, 1, seed=2)
    counts = np.bincount(np.ravel(epochs), minlength=3)
    assert all(40 <= count <= 80 for count in counts)  # of 180
    assert epochs[0] != epochs[1]


def test_without_training_it_is_the_original(place, monkeypatch):
    monkeypatch.chdir(place)
    inputs = open_inputs(load_experiment("train_x.yaml", 1), "data/train", "dump")
    known = matrices(place, "dump/bank/train")
    for epoch in (1, 2, 3):
        inputs.epoch = epoch
        for utt, (x, _, _) in zip(inputs.utts, inputs, strict=True):
            np.testing.assert_array_equal(known[utt], x[0].numpy())


def test_a_training_set_without_its_copies_is_refused(place, monkeypatch):
    monkeypatch.chdir(place)
    with pytest.raises(UserError, match="needs 2 copies for training, found 0 in .*--copies"):
        open_inputs(load_experiment("train_x.yaml", 1), "data/dev", "dump", train=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("copies: {count: 2}", "'copies' needs a 'count' from 0, and with 1 or more a list"),
        ("copies: {augment: [trim]}", "'copies' needs a 'count' from 0"),
        ("copies: {count: -1, augment: [trim]}", "'copies.count' is -1, wanted at least 0"),
        ("copies: {number: 2}", "unknown key 'copies.number'"),
    ],
)
def test_copies_that_cannot_be_are_refused(tmp_path, text, words):
    (tmp_path / "x.yaml").write_text(f"name: fbank\n{text}\n")
    with pytest.raises(UserError, match=words):
        load_upstream_config(tmp_path / "x.yaml")


def test_a_bad_chain_is_said_before_anything_is_written(place):
    (place / "bad.yaml").write_text("name: fbank\ncopies: {count: 1, augment: [rawbost]}\n")
    status, _, error = worker(EXTRACT, "--copies", "bad.yaml", "data/train", "bad", cwd=place)
    assert status == 1
    assert "bad.yaml: 'copies.augment[0]' is 'rawbost'" in error
    assert not (place / "bad").exists()


def test_the_planner_counts_them(monkeypatch, tmp_path):
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2500}))
    config = {"dtype": "one_byte", "window": {"policy": "full"}}
    with pytest.raises(UserError, match="4.0 kB in all.*what would fit: copies.count: 1, or a win"):
        plan.require_room(tmp_path, {"a": 2000, "b": 2000}, 0, config, 1, 80, copies=3)
    line = plan.require_room(tmp_path, {"a": 2000, "b": 2000}, 2000, config, 1, 80, copies=3)
    assert "2 utterances and 3 copies of each" in line
    one, four = (plan.plan_bytes({"a": 1.0}, 2, 80, 100, "two_byte", n) for n in (0, 3))
    assert four["a"] == 4 * one["a"]
