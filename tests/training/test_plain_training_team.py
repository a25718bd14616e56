"""Processes that train together against one that is alone, and against sums written out."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from plain_processes import run_together
from plain_training import states_close, tiny_place

from antispoof.scoring import score as scoring
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels, score
from antispoof.torch_utils import distributed as teams
from antispoof.torch_utils.distributed import SINGLE, Team, join_team, leave_team
from antispoof.training.experiment import load_experiment
from antispoof.training.learner import Learner

CONFIG = """
feats: wave
model: tiny
model_conf: {dropout: 0.0}
crop: {train: random, test: centre, seconds: 0.005, pad: none}
batch_size: 9
accum_grad: 1
grad_clip: 0.2
optimizer: sgd
optimizer_conf: {lr: 0.5}
class_weights: [0.4, 1.5]
select: {ema: 0.8}
"""  # batches of 9 and of 1: of two processes, one has no row of the second
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with tiny_place(tmp_path_factory.mktemp("team"), CONFIG) as folder:
        yield folder


def make(team, *overrides):
    config = load_experiment("train_tiny.yaml", 1, overrides)
    inputs = open_inputs(config, "data/train", "dump", train=True)
    return Learner(config, inputs, read_labels("data/train"), CPU, "x", team)


@pytest.mark.parametrize(("size", "accum_grad"), [(2, 1), (3, 1), (3, 2)])
def test_processes_give_the_loss_and_the_weights_of_one(place, monkeypatch, size, accum_grad):
    """Their batch norms see the rows of all; the last batch, of two, leaves some without any."""
    rows = "batch_size=8"
    alone = make(SINGLE, rows)
    members = [make(Team(r, size), rows, f"accum_grad={accum_grad}") for r in range(size)]
    if accum_grad > 1:  # parts of a batch have norms of their own
        for learner in (alone, *members):
            learner.model.norm.eval()
            learner.model.train = lambda: None
    expected = [alone.run_epoch(1), alone.run_epoch(2)]
    found = run_together(monkeypatch, size, lambda r: [members[r].run_epoch(e) for e in (1, 2)])
    for rank, learner in enumerate(members):
        assert found[rank] == pytest.approx(expected, rel=1e-5)
        states_close(learner.model.state_dict(), alone.model.state_dict(), rtol=1e-5, atol=1e-6)
        states_close(learner.average.average, alone.average.average, rtol=1e-5, atol=1e-6)


def test_scores_of_processes_are_those_of_one(place, monkeypatch):
    one = make(SINGLE, "crop.test=windows")
    inputs = open_inputs(one.config, "data/dev", "dump")
    expected, own, original = score(one.model, inputs, 3, CPU), [], scoring.batches

    def batches(inputs, order, *more):
        own.append(list(order))
        return original(inputs, order, *more)

    monkeypatch.setattr(scoring, "batches", batches)
    found = run_together(
        monkeypatch, 3, lambda rank: score(one.model, inputs, 3, CPU, Team(rank, 3))
    )
    for scores in found:
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    assert sorted(own) == [[0, 3, 6], [1, 4], [2, 5]]


def test_what_is_judged_has_the_buffers_of_the_first_process(place, monkeypatch):
    members = [make(Team(rank, 2), "select.ema=0.0") for rank in range(2)]
    for rank, learner in enumerate(members):
        learner.model.norm.running_mean.fill_(rank + 5)

    def judge(rank):
        with members[rank].judged() as model:
            return model.norm.running_mean.tolist()

    assert run_together(monkeypatch, 2, judge) == [[5.0] * 4, [5.0] * 4]


def test_gradients_add_up_and_what_nobody_used_keeps_none(monkeypatch):
    given = [[2.0, None, None, 7.0], [3.0, 5.0, None, 1.0]]
    members = []
    for row in given:
        parameters = [torch.nn.Parameter(torch.zeros(2, 3)) for _ in row]
        parameters[3].requires_grad_(False)
        for parameter, value in zip(parameters, row, strict=True):
            parameter.grad = None if value is None else torch.arange(6.0).reshape(2, 3) * value
        members.append(parameters)
    run_together(monkeypatch, 2, lambda rank: Team(rank, 2).all_reduce_gradients(members[rank]))
    grid = torch.arange(6.0).reshape(2, 3)
    for rank, parameters in enumerate(members):
        assert torch.equal(parameters[0].grad, 5.0 * grid)
        assert torch.equal(parameters[1].grad, 5.0 * grid)
        assert parameters[2].grad is None
        assert torch.equal(parameters[3].grad, given[rank][3] * grid), "frozen: left as it is"


def test_one_parameter_is_enough_to_add(monkeypatch):
    parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
    for number, parameter in enumerate(parameters):
        parameter.grad = torch.tensor([1.0, number])
    run_together(
        monkeypatch, 2, lambda rank: Team(rank, 2).all_reduce_gradients([parameters[rank]])
    )
    assert [p.grad.tolist() for p in parameters] == [[2.0, 1.0]] * 2


def test_a_team_reduces_broadcasts_and_waits(monkeypatch):
    here, waiting = [], []

    def work(rank):
        team, tensors = Team(rank, 3), [torch.full((2,), rank + 1.0), torch.tensor([rank + 4.0])]
        added = team.all_reduce(torch.tensor([10.0**rank]))
        team.broadcast_tensors(tensors)
        heard = team.broadcast(f"from {rank}")
        time.sleep(0.1 * rank)
        here.append(rank)
        team.barrier()
        waiting.append(len(here))
        return team.is_main, added.item(), heard, [t.tolist() for t in tensors]

    found = run_together(monkeypatch, 3, work)
    assert found == [(rank == 0, 111.0, "from 0", [[1.0, 1.0], [4.0]]) for rank in range(3)]
    assert waiting == [3, 3, 3]
    values = torch.tensor([3.0])
    single = (SINGLE.is_main, SINGLE.all_reduce(values).item(), SINGLE.broadcast("a"))
    assert single == (True, 3.0, "a")
    assert SINGLE.barrier() is None


def test_a_process_joins_the_team_that_torchrun_started_it_in(monkeypatch):
    calls = []
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_team(CPU) == (SINGLE, CPU)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert join_team(CPU) == (SINGLE, CPU)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    fakes = {
        "init_process_group": calls.append,
        "get_rank": lambda: 3,
        "get_world_size": lambda: 4,
        "destroy_process_group": lambda: calls.append("left"),
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(teams.distributed, name, fake)
    monkeypatch.setattr(torch.cuda, "set_device", calls.append)
    assert join_team(CPU) == (Team(3, 4), CPU)
    assert join_team(torch.device("cuda")) == (Team(3, 4), torch.device("cuda", 1))
    assert calls == ["gloo", torch.device("cuda", 1), "nccl"]
    leave_team(Team(3, 4))
    leave_team(SINGLE)
    assert calls[3:] == ["left"]


@pytest.mark.parametrize("size, said", [("2", "written"), ("1", "written, ended")])
def test_a_process_of_a_team_ends_without_the_end_of_its_interpreter(size, said):
    """Threads of its group may abort it there, and torchrun then the processes that still write."""
    code = "import atexit, sys\nfrom antispoof.torch_utils.distributed import end_process\n"
    code += "atexit.register(print, ', ended', end='')\nprint('written', end='')\nend_process()"
    environment = {**os.environ, "WORLD_SIZE": size, "PYTHONUNBUFFERED": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert (done.returncode, done.stdout.decode()) == (0, said)
