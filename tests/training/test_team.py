"""Several processes learn what one does: two on a CPU, started as torchrun starts them."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from made_up import ROOT
from sounds import make_corpus, make_data

from antispoof.report.figures import read_curve
from antispoof.torch_utils.checkpoint import load_checkpoint

# no dropout, whose draws are each process's own; SGD, which turns noise of rounding into as little
# noise of weights, where Adam divides by a gradient's size, however small
CONFIG = """
feats: wave
model: mel_vit
model_conf: {dim: 16, depth: 1, heads: 2, dropout: 0.0}
crop: {train: random, test: full, seconds: 0.5, pad: tile}
epochs: 3
batch_size: 8
accum_grad: 2
class_weights: [0.2, 0.8]
optimizer: sgd
optimizer_conf: {lr: 0.05, momentum: 0.5}
select: {metric: dev_loss, ema: 0.9, keep: average_best, average: 2, patience: 2}
"""
NORMS = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 8, 8, 8], dropout: 0.0}
crop: {train: random, test: centre, seconds: 0.5, pad: tile}
epochs: 2
batch_size: 9
optimizer: sgd
optimizer_conf: {lr: 0.05}
"""
SETS = {"train": 19, "dev": 7, "eval": 8}  # last batches of 3 and of 1: shares of 2 + 1 and 1 + 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    make_data(folder / "data", make_corpus(folder / "corpus", SETS))
    (folder / "train_x.yaml").write_text(CONFIG)
    return folder


def fit(place, name, processes, *options, config="train_x.yaml"):
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--standalone"]
    launcher = launcher if processes > 1 else []
    command = [sys.executable, *launcher, ROOT / "steps/train.py", "--config", config]
    sets = ["--train", "data/train", "--dev", "data/dev", "--watch", "data/eval"]
    done = subprocess.run(
        [*map(str, command), *sets, "--seed", "1", "--device", "cpu", *options, name],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def both(place):
    """The output of one process, and of two, with one config."""
    return [fit(place, name, processes) for name, processes in (("one", 1), ("two", 2))]


def test_two_give_the_losses_of_one(place, both):
    assert [status for status, _, _ in both] == [0, 0], both
    one, two = (read_curve(place / name / "curve.csv") for name in ("one", "two"))
    assert list(one) == list(two)
    for column, values in one.items():
        np.testing.assert_allclose(two[column], values, rtol=1e-5, atol=2e-6, err_msg=column)
    choices = [json.loads((place / name / "selection.json").read_text()) for name in ("one", "two")]
    assert choices[0][0]["epochs"] == choices[1][0]["epochs"]
    losses = sorted(one["dev_loss"])
    assert min(np.diff(losses)) > 1e-4, "so close that noise of rounding could choose"
    states = [load_checkpoint(place / name / "best.pt")["model"] for name in ("one", "two")]
    assert list(states[0]) == list(states[1])
    for name, value in states[0].items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(states[1][name], value, rtol=1e-4, atol=2e-6, msg=name)


def test_batch_norms_see_the_rows_of_all(place):
    (place / "train_norms.yaml").write_text(NORMS)
    found = []
    for name, processes in (("norms_one", 1), ("norms_two", 2)):
        status, _, error = fit(place, name, processes, config="train_norms.yaml")
        assert status == 0, error
        found.append(read_curve(place / name / "curve.csv"))
        found[-1] |= load_checkpoint(place / name / "best.pt")["model"]
    for column in ("train_loss", "dev_loss"):
        np.testing.assert_allclose(found[1][column], found[0][column], atol=1e-5)
    norms = [name for name in found[0] if name.endswith(("running_mean", "running_var"))]
    assert len(norms) >= 8
    for name in norms:
        torch.testing.assert_close(found[1][name], found[0][name], atol=1e-5, rtol=1e-4)


GRADIENTS = """
import torch
from antispoof.torch_utils.device import choose_device
from antispoof.models import build_model
from antispoof.layers.norms import share_norms
from antispoof.torch_utils.distributed import join_team, leave_team

team, _ = join_team(choose_device("cpu"))
torch.set_default_dtype(torch.float64)
for rows in (5, 2, 1):  # of one, the second process has none
    found = []
    for together in (False, True):
        torch.manual_seed(0)
        model = build_model("ssl_aasist", dim=24, embedding=8, classifier="linear")
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        x = torch.randn(rows, 1, 30, 24)
        own = list(range(rows))[team.rank :: team.size] if together else list(range(rows))
        if together:
            share_norms(model).counts = bool(own)
        own = own or [0]
        logits = model(x[own], torch.full((len(own),), 30))
        alone = together and rows <= team.rank
        (logits[:, 1].exp().sum() * (0 if alone else 1)).backward()
        if together:
            team.all_reduce_gradients(model.parameters())
        state = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        found.append({**state, **dict(model.named_buffers())})
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-7, atol=1e-9, msg=name)
    print("equal", rows, len(found[0]))
leave_team(team)
"""


def test_gradients_through_shared_norms(tmp_path):
    """The attention map has a norm of its own making; the graph layers have plain ones."""
    (tmp_path / "gradients.py").write_text(GRADIENTS)
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    done = subprocess.run(
        [sys.executable, *launcher, str(tmp_path / "gradients.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("equal") == 6


def test_one_process_speaks_and_writes(place, both):
    for _, out, _ in both:
        assert out.count("chosen: ") == 1
        assert out.count("epoch 1  ") == 1
    names = [
        sorted(str(p.relative_to(place / name)) for p in (place / name).rglob("*") if p.is_file())
        for name in ("one", "two")
    ]
    assert names[0] == names[1]


def test_processes_of_the_command_itself_are_a_team(place):
    status, out, error = fit(place, "own", 1, "--processes", "2", "--override", "epochs=1")
    assert status == 0, error
    assert out.count("epoch 1  ") == 1
    assert " --standalone --nproc_per_node 2 " in (place / "own/run.sh").read_text()


def test_two_stop_early_together_and_go_on(place):
    """With nothing to learn, patience ends both; a longer run continues in both."""
    still = [
        "--override",
        "optimizer_conf.lr=0.0",
        "--override",
        "select.ema=0.0",
        "--override",
        "epochs=9",
    ]
    status, out, error = fit(place, "still", 2, *still)
    assert status == 0, error
    assert "continuing" not in out
    assert out.count("train_loss") == 3  # the first, and two without a better one
    status, out, error = fit(place, "still", 2, *still)
    assert status == 0, error
    assert "continuing after epoch 3" in out
    assert out.count("train_loss") == 0


def test_a_loss_that_is_no_number_stops_both(place):
    worse = [
        "--override",
        "optimizer_conf.lr=1e30",
        "--override",
        "grad_clip=0.0",
        "--override",
        "batch_size=6",
    ]
    status, _, error = fit(place, "worse", 2, *worse)
    assert status != 0
    assert "steps/train.py: " in error
    assert "lower optimizer_conf.lr" in error
    assert not (place / "worse/last.pt").exists()
