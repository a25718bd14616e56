"""Losses, optimisers and schedules: values worked out by hand, and parts that make a whole."""

import math

import numpy as np
import pytest
import torch
from sounds import make_corpus, make_data

from antispoof.config import EXPERIMENT
from antispoof.errors import UserError
from antispoof.losses.cosine import use_cosines
from antispoof.losses.losses import BOTH, LOSSES, Loss
from antispoof.losses.samo import use_attractors
from antispoof.models import MODELS, build_model
from antispoof.scoring.batches import batches
from antispoof.scoring.build import build_system
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels
from antispoof.torch_utils.distributed import Team, deal
from antispoof.training.experiment import load_experiment
from antispoof.training.learner import Learner
from antispoof.training.optimisers import OPTIMIZERS, schedule_of

OF_SCORES = [name for name in LOSSES if name not in BOTH]  # the rest: test_both_cosines.py
LABELS = torch.tensor([0, 1, 1])
Z = torch.tensor([0.5, -1.0, 2.0])  # t: -0.5, -1, 2
LOGITS = torch.stack([torch.tensor([3.0, -1.0, 0.0]), torch.tensor([3.5, -2.0, 2.0])], 1)


def soft(value):
    return math.log1p(math.exp(value))


def value(name, weights=(1.0, 1.0), **conf):
    config = {"loss": name, "loss_conf": conf, "class_weights": list(weights)}
    loss = Loss(config)
    return loss.total(LOGITS, LABELS).item() / loss.denominator(LABELS)


def test_values_by_hand():
    plain = [soft(0.5), soft(1.0), soft(-2.0)]
    assert value("cross_entropy") == pytest.approx(sum(plain) / 3, rel=1e-6)
    assert value("bce") == pytest.approx(sum(plain) / 3, rel=1e-6)
    weighted = 0.1 * plain[0] + 0.9 * (plain[1] + plain[2])
    assert value("cross_entropy", (0.1, 0.9)) == pytest.approx(weighted / 1.9, rel=1e-6)
    assert value("bce", (0.1, 0.9)) == pytest.approx(weighted / 3, rel=1e-6)
    wrong = [1 / (1 + math.exp(t)) for t in (-0.5, -1.0, 2.0)]
    focal = sum(w**2 * p for w, p in zip(wrong, plain, strict=True)) / 3
    assert value("focal") == pytest.approx(focal, rel=1e-6)
    assert value("focal", gamma=0) == pytest.approx(value("bce"), rel=1e-6)
    am = [soft(2 + 0.5), soft(2 + 1.0), soft(2 - 2.0)]
    assert value("am_softmax", scale=10, margin=0.2) == pytest.approx(sum(am) / 3, rel=1e-6)
    oc = [soft(0.5 - 10 * 0.2), soft(9 + 1.0), soft(9 - 2.0)]
    assert value("oc_softmax", scale=10) == pytest.approx(sum(oc) / 3, rel=1e-6)


def test_bce_is_that_of_pytorch():
    weights = torch.tensor([0.3, 0.7])
    own = value("bce", weights.tolist())
    torchs = torch.nn.BCEWithLogitsLoss(weight=weights[LABELS])(Z, LABELS.float()).item()
    assert own == pytest.approx(torchs, rel=1e-6)


@pytest.mark.parametrize("name", OF_SCORES)
def test_a_loss_rests_on_the_score_alone(name):
    config = {"loss": name, "loss_conf": {}, "class_weights": [0.2, 0.8]}
    found = Loss(config).of_scores(Z.numpy(), LABELS)
    assert found == pytest.approx(value(name, (0.2, 0.8)), rel=1e-5)
    better = np.array([-9.0, 9.0, 9.0], np.float32)
    assert Loss(config).of_scores(better, LABELS) < found


@pytest.mark.parametrize(("directions", "columns"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_cosines_give_scores_within_their_scale(directions, columns):
    model = torch.nn.Sequential(torch.nn.Linear(5, columns))
    model.last_layer = "0"
    model = use_cosines(model, directions, 8.0)
    x = torch.randn(6, 5)
    logits = model(x)
    assert logits.shape == (6, columns)
    score = logits[:, -1] - (logits[:, 0] if columns == 2 else 0)
    unit = torch.nn.functional.normalize(model[0].directions.detach(), dim=1)
    assert score.abs().max() <= 8.0 * directions
    top = model(3 * unit[-1:]).detach()
    expected = 8.0 if directions == 1 else 8.0 * (1 - float(unit[0] @ unit[1]))
    assert float(top[0, -1] - (top[0, 0] if columns == 2 else 0)) == pytest.approx(expected, 1e-5)


def test_a_model_without_a_linear_end_has_no_cosines():
    every = "am_softmax, oc_softmax, aam_softmax, p2sgrad and samo put cosines"
    with pytest.raises(UserError, match=f"SLS does not end in a linear layer; {every}"):
        use_cosines(build_model("sls", layers=1, dim=8, frames=6, hidden=4), 1, 20.0)
    assert MODELS["sls"].last_layer is None
    with pytest.raises(UserError, match=f"MelFrames gives logits of frames too; {every}"):
        use_attractors(build_model("mel_frames"), 3, 20.0)


def test_schedules():
    constant, cosine = schedule_of("constant", 4, 5), schedule_of("cosine", 4, 5)
    assert {constant(step) for step in range(20)} == {1.0}
    assert cosine(0) == 1
    assert cosine(10) == pytest.approx(0.5)
    assert cosine(20) == pytest.approx(0)
    warm = schedule_of("cosine", 4, 5, warmup=0.8, least=0.1)
    assert [warm(step) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert warm(20) == pytest.approx(0.1)
    steps = schedule_of("step", 4, 5, every=2, gamma=0.3)
    assert [steps(0), steps(9), steps(10), steps(19)] == pytest.approx([1, 1, 0.3, 0.3])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_row_is_dealt_once(size):
    order = list(range(100, 123))
    dealt = [list(deal(order, 10, 2, Team(rank, size))) for rank in range(size)]
    for shares in zip(*dealt, strict=True):
        whole = shares[0][0]
        assert all(batch == whole for batch, _ in shares)
        rows = [i for _, parts in shares for part in parts for i in part]
        assert sorted(rows) == whole
        assert all(len(parts) <= 2 for _, parts in shares)
    assert [i for batch, _ in dealt[0] for i in batch] == order


CONFIG = """
feats: wave
model: mel_vit
model_conf: {dim: 16, depth: 1, heads: 2, dropout: 0.0}
crop: {train: random, test: full, seconds: 0.5, pad: tile}
epochs: 1
batch_size: 8
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("losses")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 12}))
    (folder / "train_x.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def learner(*overrides):
    config = load_experiment("train_x.yaml", 1, overrides)
    inputs = open_inputs(config, "data/train", "dump", train=True)
    return Learner(config, inputs, read_labels("data/train"), torch.device("cpu"), "x")


@pytest.mark.parametrize("loss", OF_SCORES)
def test_parts_of_a_batch_make_the_whole(place, loss):
    found = []
    for accum_grad in (1, 4):
        one = learner(f"loss={loss}", f"accum_grad={accum_grad}", "class_weights=[0.1, 0.9]")
        losses = [one.run_epoch(1)]
        found.append((losses, [p.detach().clone() for p in one.model.parameters()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert all(
        torch.allclose(a, b, atol=2e-3) for a, b in zip(found[0][1], found[1][1], strict=True)
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", ["cross_entropy", "am_softmax", "oc_softmax"])
def test_every_loss_and_optimiser_learn(place, optimizer, loss):
    rate = "0.1" if optimizer == "sgd" else "3e-3"
    one = learner(f"optimizer={optimizer}", f"loss={loss}", f"optimizer_conf.lr={rate}")
    (batch,) = batches(one.inputs, range(12), 12)
    one.model.train()
    before = one.step([(True, *batch)], batch[2])
    for _ in range(12):
        after = one.step([(True, *batch)], batch[2])
    assert after < before


def test_accumulation_and_autocast_are_refused_where_they_mean_nothing(place):
    wrong = {
        "accum_grad=9": "'accum_grad' must not exceed",
        "optimizer_conf.momentum=0.9": "needs 'optimizer: sgd'",
        "loss=focus": "did you mean 'focal'",
        "loss_conf={gama: 1}": "loss 'cross_entropy' has no argument 'gama'; it has none",
        "schedule_conf.warmup=2.0": "'warmup' from 0 to the 1 epochs",
        "schedule_conf.gamma=0.0": "'schedule_conf.gamma' is 0.0, wanted more than 0",
        "autocast=fp8": "did you mean",
    }
    for override, words in wrong.items():
        with pytest.raises(UserError) as caught:
            load_experiment("train_x.yaml", 1, [override])
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_with_a_scaler_learns_alike(place, dtype):
    """On a CPU here, where the config's `autocast` is not heeded."""
    found = []
    for scaled in (False, True):
        one = learner("autocast=fp16", "accum_grad=2")
        assert one.dtype is None
        assert not one.scaler.is_enabled()
        if scaled:
            one.dtype, one.scaler = dtype, torch.amp.GradScaler("cpu", init_scale=256.0)
        before = [p.detach().clone() for p in one.model.parameters()]
        found.append(one.run_epoch(1))
        moved = [
            float((a - b).detach().abs().max())
            for a, b in zip(before, one.model.parameters(), strict=True)
        ]
        assert 0 < max(moved) < 0.01
        state = one.state_dict()
        one.load_state_dict(state, "last.pt")
        assert bool(state["scaler"]) == scaled
    assert found[1] == pytest.approx(found[0], rel=0.05)


def test_a_lack_of_memory_names_the_batch_size(place, monkeypatch):
    one = learner()

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(one, "step", full)
    with pytest.raises(UserError, match="out of memory at batch_size 8, accum_grad 1; last.pt is"):
        one.run_epoch(1)


def test_the_defaults_build_what_they_did():
    model = build_system({**EXPERIMENT, "feats": "wave", "model": "mel_cnn"})
    assert not [name for name, _ in model.named_parameters() if "directions" in name]
