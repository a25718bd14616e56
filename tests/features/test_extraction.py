"""Extraction through a transformer: batches, windows, room on the disk, checks of the store."""

import itertools
import os
import re
import resource
import subprocess
import sys

import numpy as np
import pytest
from launching import paused
from made_up import ROOT, worker
from sounds import make_corpus, make_data
from ssl_models import hugging_face

from antispoof.config import UPSTREAM
from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.features import plan
from antispoof.ssl import convert, fetch, save
from antispoof.ssl.upstream import FrozenUpstream, load_upstream_config

EXTRACT, CHECK = "steps/extract_ssl.py", "utils/check_feats.py"
CONFIG = "name: wav2vec2_local\ncheckpoint: model.pt\nlayers: [1, 3]\ndtype: float32\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with model.pt, small.yaml, data/train of 13 utterances, and their features."""
    folder = tmp_path_factory.mktemp("extraction")
    (folder / "hf").mkdir()
    hugging_face("wav2vec2_large", folder / "hf")
    save(convert(folder / "hf")[0], folder / "model.pt")
    (folder / "small.yaml").write_text(CONFIG)
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 13}))
    status, out, error = extract(folder, "whole", "--batch-seconds", "5")
    assert status == 0, error
    assert "13 utterances, 2 layers of 32, float32: " in out
    return folder


def extract(folder, dump, *options, config="small.yaml"):
    return worker(EXTRACT, *options, config, "data/train", dump, cwd=folder)


def matrices(folder, dump):
    """{(layer, utterance): (T, D)} of a dump."""
    return {
        (layer, utt): read_entry(f"{folder}/{at}", utt, MATRIX)
        for layer in ("layer01", "layer03")
        for utt, at in read_table(folder / dump / layer / "feats.scp").items()
    }


def test_batches_equal_one_by_one(place):
    assert extract(place, "single", "--batch-seconds", "0")[0] == 0
    single, whole = matrices(place, "single"), matrices(place, "whole")
    assert single.keys() == whole.keys()
    for key, matrix in single.items():
        assert matrix.shape == whole[key].shape
        np.testing.assert_allclose(matrix, whole[key], atol=1e-4)


def test_three_jobs_with_decoders_ahead_give_the_same_bytes(place):
    for job in "312":
        options = ["--share", f"{job}/3", "--workers", "1", "--batch-seconds", "5"]
        status, _, error = extract(place, "three", *options)
        assert status == 0, error
    assert (place / "three/utt2sum").read_bytes() == (place / "whole/utt2sum").read_bytes()


def test_a_share_that_another_process_works_on_is_left_to_it(place):
    call = [EXTRACT, "--batch-seconds", "5", "small.yaml", "data/train", "twice"]
    with paused(call, place, place / "twice/shares/.1of1.part") as first:
        status, _, error = extract(place, "twice", "--batch-seconds", "5")
        assert (status, len(error.splitlines())) == (1, 1)
        assert "another process works on the same share; wait for it, or end it" in error
    assert first.returncode == 0
    assert extract(place, "twice", "--batch-seconds", "5")[0] == 0
    assert (place / "twice/utt2sum").read_bytes() == (place / "whole/utt2sum").read_bytes()
    assert worker(CHECK, "twice", cwd=place)[0] == 0


def test_a_batch_fits_and_does_not_hang_on_jobs():
    seconds = {f"u{n}": 1.0 + 0.5 * (n * 7 % 5) for n in range(20)}
    batches = plan.plan_batches(seconds, 8.0)
    assert sorted(itertools.chain(*batches)) == sorted(seconds)
    assert all(len(b) * max(seconds[u] for u in b) <= 8.0 for b in batches)
    assert plan.plan_batches(dict(reversed(seconds.items())), 8.0) == batches
    assert all(len(batch) == 1 for batch in plan.plan_batches(seconds, 0.0))
    assert plan.plan_batches({}, 8.0) == []


@pytest.mark.parametrize(
    ("policy", "pad", "frames"), [("first", "tile", 99), ("centre", "none", 49)]
)
def test_a_window_sets_the_frames(place, policy, pad, frames):
    samples = 32000 if pad == "tile" else 16000
    window = f"window: {{policy: {policy}, samples: {samples}, pad: {pad}}}\n"
    (place / f"{policy}.yaml").write_text(CONFIG + window)
    assert extract(place, policy, config=f"{policy}.yaml")[0] == 0
    assert set(read_table(place / policy / "utt2num_frames").values()) == {str(frames)}


def test_what_cannot_fit_is_said_before(monkeypatch, tmp_path):
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10**11}))
    config = {**UPSTREAM, "window": {**UPSTREAM["window"], "policy": "first"}}
    seconds = plan.kept_seconds(dict.fromkeys(map(str, range(25380)), 3.4), config["window"])
    wanted = plan.plan_bytes(seconds, 24, 1024, 50, "two_byte")
    with pytest.raises(UserError) as caught:  # the XLS-R cache of 2019 LA train
        plan.require_room(tmp_path / "dump", wanted, 0, config, 24, 1024)
    said = str(caught.value)
    assert "250.8 GB in all" in said
    assert "cannot fit; what would fit: 9 layers, or a window of 257" in said
    assert "25380 utterances" in plan.require_room(tmp_path, wanted, 2 * 10**11, config, 24, 1024)


def test_a_sound_whole_dump_is_said_to_be_so(place):
    status, out, _ = worker(CHECK, "whole", cwd=place)
    assert (status, out) == (0, "whole: 13 utterances, 2 layers: whole and finite\n")


def test_a_disk_that_fills_up_says_what_it_wanted_and_loses_nothing(place):
    full, limit = "full", 60_000  # bytes of a file: an archive of the whole share is larger
    options = ["--batch-seconds", "5", "small.yaml", "data/train", full]
    command = [sys.executable, ROOT / EXTRACT, *options]
    done = subprocess.run(
        command,
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"{EXTRACT}: {full}: File too large: wanted ")
    assert re.search(r"of which [\d.]+ k?B are yet to be written", line)
    status, out, error = extract(place, full, "--batch-seconds", "5")
    assert status == 0, error
    assert int(re.search(r"13 utterances, (\d+) were there already", out)[1]) > 0
    for layer in ("layer01", "layer03"):
        arks = [place / dump / layer / "feats.1.ark" for dump in (full, "whole")]
        assert arks[0].read_bytes() == arks[1].read_bytes()


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", ["a byte less", "a bit flipped", "a byte of the last matrix"])
def test_damage_is_found_and_named(place, damage):
    ark = place / "whole/layer03/feats.1.ark"
    before = ark.read_bytes()
    if damage == "a byte less":
        ark.write_bytes(before[:-1])
    else:
        flip(ark, len(before) // 2 if damage == "a bit flipped" else -1)
    status, _, error = worker(CHECK, "whole", cwd=place)
    ark.write_bytes(before)
    assert status == 1
    assert "whole/layer03/feats.1.ark:" in error
    assert ": train_0" in error
    assert "differs from its checksum" in error


def test_bad_sounds_are_named_before_a_frame_is_written(place, tmp_path):
    upstream = FrozenUpstream({**load_upstream_config(place / "small.yaml"),
                               "checkpoint": str(place / "model.pt")})  # fmt: skip
    with pytest.raises(UserError, match="u2: 399 samples are too short for a frame of 400"):
        upstream([np.zeros(800, np.float32), np.zeros(399, np.float32)], ["u1", "u2"])


def test_a_checkpoint_that_cannot_be_had_names_the_command(monkeypatch):
    def no_network(address, download=True):
        if download:
            raise OSError("Name or service not known")
        return "CACHE/x.pt"

    module = sys.modules[fetch.find_upstream("xls_r_300m").__module__]
    monkeypatch.setattr(module, "_urls_to_filepaths", no_network)
    with pytest.raises(UserError) as caught:
        fetch.make_upstream("xls_r_300m")
    assert "curl -L --create-dirs -o CACHE/x.pt https://" in str(caught.value)
    with pytest.raises(UserError, match=r"nowhere.pt: no such file"):
        fetch.make_upstream("hubert_local", "nowhere.pt")
