"""Archives on a disk of the machine: the same scores, one copy for all, none left behind."""

import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import ROOT, refused, worker

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.features import staging
from antispoof.features.archive import ShareWriter, join_shares
from antispoof.scoring.build import build_system
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

CONFIG = """
feats: cached
upstream: small
model: mean_pool
model_conf: {dim: 16, layers: 1}
layers: [0]
crop: {test: full, pad: none}
batch_size: 2
epochs: 2
"""
SETS = ("train", "dev", "eval")
LAYERS = (0, 3)  # of which the model reads the first


@pytest.fixture
def place(tmp_path):
    """exp/x of random weights, and three sets of twelve utterances with cached features."""
    (tmp_path / "train_x.yaml").write_text(CONFIG)
    rng = np.random.default_rng(0)
    for name in SETS:
        utts = [f"{name}{n:02d}" for n in range(12)]
        tables = {
            "wav.scp": {utt: f"{utt}.wav" for utt in utts},
            "utt2dur": dict.fromkeys(utts, 1.0),
            "utt2label": {utt: ("spoof", "bonafide")[n % 2] for n, utt in enumerate(utts)},
        }
        for table, values in tables.items():
            write_table(tmp_path / "data" / name / table, values)
        folder = tmp_path / "dump/small" / name
        for job in (1, 2):
            writer = ShareWriter(folder, job, 2, LAYERS, None)
            for utt in utts[job - 1 :: 2]:
                matrix = rng.standard_normal((50, 16)).astype(np.float32)
                writer.write(utt, dict.fromkeys(LAYERS, matrix))
            writer.finish()
        join_shares(folder, 2, utts)
    config = load_experiment(tmp_path / "train_x.yaml", 1)
    claim(tmp_path / "exp/x", config)
    torch.manual_seed(0)
    state = build_system(config).state_dict()
    save_checkpoint(tmp_path / "exp/x/best.pt", {"model": state, "epoch": 1})
    return tmp_path


def copies(place):
    """What stands on the local disk."""
    return sorted(path.name for path in (place / "local").glob("*"))


def test_scores_are_the_same_bytes_and_the_copy_is_gone(place):
    for out, options in (("plain", []), ("staged", ["--stage-to", "local"])):
        status, _, error = worker("steps/score.py", *options, "exp/x", "data/eval", out, cwd=place)
        assert status == 0, error
    assert (place / "plain").read_bytes() == (place / "staged").read_bytes()
    assert (place / "local").is_dir() and copies(place) == []


def test_training_is_the_same_bytes(place):
    sets = ["--train", "data/train", "--dev", "data/dev", "--watch", "data/eval"]
    for out, options in (("plain", []), ("staged", ["--stage-to", "local"])):
        call = ["--config", "train_x.yaml", "--seed", "1", *sets, *options, f"exp/{out}"]
        status, _, error = worker("steps/train.py", *call, cwd=place)
        assert status == 0, error
    for name in ("best.pt", "last.pt", "curve.csv"):
        pair = [place / "exp" / out / name for out in ("plain", "staged")]
        assert pair[0].read_bytes() == pair[1].read_bytes(), name
    assert copies(place) == []


def stage(place, sets=("eval",)):
    names = [Path("small", name) for name in sets]
    return staging.staged(place / "local", place / "dump", names, [0])


def test_what_is_read_is_the_copy_and_only_the_layers_that_are_read(place):
    with stage(place) as dump:
        assert not (Path(dump) / "small/eval/layer03").exists()
        for utt, found in read_table(Path(dump) / "small/eval/layer00/feats.scp").items():
            path, _, offset = found.rpartition(":")
            source = read_table(place / "dump/small/eval/layer00/feats.scp")[utt]
            assert Path(path).is_relative_to(place / "local")
            assert Path(path).read_bytes() == Path(source.rpartition(":")[0]).read_bytes()
            assert offset == source.rpartition(":")[2]


def hold(place, dumps, leave):
    with stage(place) as dump:
        dumps.put((dump, os.stat(f"{dump}/small/eval/layer00/0.feats.1.ark").st_ino))
        leave.wait(30)


def test_processes_share_a_copy_which_the_last_one_removes(place):
    context = multiprocessing.get_context("fork")
    dumps, leave = context.Queue(), [context.Event() for _ in range(3)]
    team = [context.Process(target=hold, args=(place, dumps, event)) for event in leave]
    for process in team:
        process.start()
    found = {dumps.get(timeout=30) for _ in team}
    assert len(found) == 1  # one folder, one inode
    for process, event in zip(team, leave, strict=True):
        assert copies(place) != []
        event.set()
        process.join(30)
        assert process.exitcode == 0
    assert copies(place) == []


def test_what_a_killed_process_left_is_removed_by_the_next(place):
    code = "import time; from pathlib import Path; from antispoof.features import staging\n"
    code += "with staging.staged('local', 'dump', [Path('small/eval')], [0]): time.sleep(60)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=place, env=environment)
    end = time.monotonic() + 30
    while not list((place / "local").glob("antispoof-*/.done")):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(copies(place)) == 2
    with stage(place, ["dev"]):
        assert len(copies(place)) == 2  # its own alone
    assert copies(place) == []


def test_a_copy_that_was_begun_is_made_again(place, monkeypatch):
    copyfile, count = shutil.copyfile, []

    def cut(source, target):
        count.append(source)
        copyfile(source, target)
        if len(count) == 3:
            raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(shutil, "copyfile", cut)
    with pytest.raises(OSError, match="No space left"), stage(place):
        pass
    assert copies(place) == []
    monkeypatch.undo()
    with stage(place) as dump:
        assert (Path(dump) / "small/eval/layer00/1.feats.2.ark").is_file()


def test_a_damaged_archive_is_refused_and_nothing_is_left(place):
    ark = place / "dump/small/eval/layer00/feats.2.ark"
    data = bytearray(ark.read_bytes())
    data[-1] ^= 1
    ark.write_bytes(data)
    line = refused("steps/score.py", "--stage-to", "local", "exp/x", "data/eval", "out", cwd=place)
    assert "dump/small/eval: its copy is not what stage 2 wrote (" in line
    assert "differs from its checksum" in line
    assert copies(place) == []


def test_a_disk_that_is_too_small_is_refused_in_a_line(place, monkeypatch):
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(UserError) as caught, contextlib.ExitStack() as stack:
        stack.enter_context(stage(place))
    assert str(caught.value) == (
        f"{place}/local: the archives to be staged are 38.7 kB, found 1.0 kB free; name a larger "
        "disk, or leave --stage-to out"
    )
    assert copies(place) == []
