"""Training with a method of `finetune`: kills, phases, what is kept, merging, what is refused."""

import events
import numpy as np
import pytest
import torch
from made_up import worker
from sounds import make_corpus, make_data
from ssl_models import hugging_face

from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.scoring.build import build_system
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.merge import merge_experiment
from antispoof.scoring.score import read_labels, score
from antispoof.ssl import convert, save
from antispoof.torch_utils.checkpoint import load_checkpoint, load_weights, read_weights
from antispoof.training import learner as training
from antispoof.training.experiment import claim, load_experiment, read_experiment
from antispoof.training.step_cost import Step, describe_steps
from antispoof.training.trainer import train

CONFIG = """
feats: ssl
upstream: small
layers: [1, 2, 3]
finetune: {layers: 1..2, lr: 1e-2, method: lora, method_conf: {rank: 2, dropout: 0.1}}
model: mhfa
model_conf: {heads: 4, compression: 16, embedding: 16}
crop: {train: random, test: full, seconds: 0.4, pad: none}
epochs: 2
batch_size: 8
optimizer_conf: {lr: 5e-3}
"""
SETS = {"train": 16, "dev": 12, "eval": 4}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A recipe's folder: sounds, data, a random WavLM of three layers, and a config."""
    folder = tmp_path_factory.mktemp("tuning")
    make_data(folder / "data", make_corpus(folder / "corpus", SETS))
    (folder / "model").mkdir()
    hugging_face("wavlm_large", folder / "model")
    save(convert(folder / "model")[0], folder / "model.pt")
    (folder / "conf/upstream").mkdir(parents=True)
    (folder / "conf/upstream/small.yaml").write_text("name: wavlm_local\ncheckpoint: model.pt\n")
    (folder / "conf/train_x.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def load(*overrides):
    return load_experiment("conf/train_x.yaml", 1, overrides)


def fit(exp, *overrides):
    exp.mkdir(exist_ok=True)
    config = claim(exp, load(*overrides))
    train(config, "data/train", "data/dev", "dump", exp, CPU, lambda line: None)
    return events.outputs(exp)


class KilledError(Exception):
    """Stands for a kill."""


METHODS = {
    "lora": [],
    "moe_lora": ["finetune.method=moe_lora", "finetune.method_conf={orthogonality: 0.1}"],
    "conv_adapter": ["finetune.method=conv_adapter", "finetune.method_conf={width: 8}"],
    "prompts": ["finetune.method=prompts", "finetune.method_conf={}"],
    "lora, SAMO": ["loss=samo", "loss_conf={every: 1}"],
    "lora, SAM, p2sgrad": ["sharpness.rho=0.05", "loss=p2sgrad"],
}


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_training_ends_in_the_same_bytes(place, tmp_path, monkeypatch, method):
    original = training.draw_order

    def draw_order(*args):
        if args[3] == 2:
            raise KilledError
        return original(*args)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(training, "draw_order", draw_order)
        fit(tmp_path / "two", *METHODS[method])
    assert fit(tmp_path / "two", *METHODS[method]) == fit(tmp_path / "one", *METHODS[method])


PHASES = """phases=[{finetune: {method: full, layers: none}, epochs: 1}, {epochs: 1}]"""


def test_checkpoints_hold_the_tuned_part_alone_and_a_phase_may_come_before_it(place, tmp_path):
    fit(tmp_path / "exp", PHASES)
    names = {}
    for file in ("phase1", "best"):
        state = read_weights(tmp_path / f"exp/{file}.pt")
        names[file] = {n for n in state if n.startswith("front_end.") and "_extra" not in n}
    assert names["phase1"] == set()
    layers = {
        f"front_end.tuned.{n}.{m}.{part}" for n in "12" for m in "qv" for part in ("up", "down")
    }
    assert names["best"] == layers
    last = load_checkpoint(tmp_path / "exp/last.pt")["learner"]
    kept = {n for n in last["model"] if n.startswith("front_end.") and "_extra" not in n}
    assert kept == layers
    assert read_experiment(tmp_path / "exp")["finetune"]["method_conf"] == {
        "matrices": ["q", "v"], "rank": 2, "alpha": 16.0, "dropout": 0.1,
    }  # fmt: skip


def scores(exp):
    config = read_experiment(exp)
    model = build_system(config)
    load_weights(model, exp / "best.pt")
    return score(model, open_inputs(config, "data/eval", "dump"), 8, CPU)


def test_what_a_phase_before_learnt_is_merged_too(place, tmp_path):
    """Its biases and norms are in no matrix that LoRA changes."""
    fit(tmp_path / "exp", PHASES.replace("layers: none", "layers: all"), "optimizer_conf.lr=0.01")
    merge_experiment(tmp_path / "exp", tmp_path / "merged")
    np.testing.assert_allclose(scores(tmp_path / "merged"), scores(tmp_path / "exp"), atol=1e-4)


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_a_method_begins_where_the_phase_before_it_ended(place, tmp_path, method):
    still = ["optimizer_conf.lr=1e-9", "finetune.lr=1e-9", f"finetune.method={method}"]
    phases = "phases=[{finetune: {method: full, layers: all, lr: 0.05}, epochs: 1}, {epochs: 1}]"
    fit(tmp_path / "exp", phases, *still)
    (tmp_path / "full").mkdir()
    (tmp_path / "exp/phase1.pt").rename(tmp_path / "full/best.pt")
    plain = ("finetune.layers=all", "finetune.method=full", "finetune.method_conf={}")
    claim(tmp_path / "full", load(*plain))
    np.testing.assert_allclose(scores(tmp_path / "exp"), scores(tmp_path / "full"), atol=1e-3)


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_a_merged_experiment_is_a_plain_one_with_the_same_scores(place, tmp_path, method):
    own = [f"finetune.method={method}", "finetune.method_conf={rank: 2, matrices: [q, o, fc1]}"]
    fit(tmp_path / "exp", *own)
    folders = (tmp_path / "exp", tmp_path / "merged")
    if method == "lora":
        status, out, _ = worker("steps/merge_tuning.py", *folders, cwd=place)
        assert (status, out) == (0, f"{folders[1]}: 6 parameters of the upstream were changed\n")
    else:
        assert merge_experiment(*folders) == 6
    plain = read_experiment(tmp_path / "merged")
    assert (plain["finetune"]["method"], plain["finetune"]["method_conf"]) == ("full", {})
    state = read_weights(tmp_path / "merged/best.pt")
    found = {n for n in state if n.startswith("front_end.") and "_extra" not in n}
    assert len(found) == 6 and not [n for n in found if "tuned" in n]
    np.testing.assert_allclose(scores(tmp_path / "merged"), scores(tmp_path / "exp"), atol=1e-5)
    still = ("finetune.layers=none", "finetune.method=full", "finetune.method_conf={}")
    frozen = build_system(load(*still))
    weights = {
        n: v for n, v in read_weights(tmp_path / "exp/best.pt").items() if ".tuned." not in n
    }
    words = rf"tuned otherwise \(finetune.method: '{method}', now 'full'"
    with pytest.raises(UserError, match=words):
        frozen.load_state_dict(weights)
    weights["front_end._extra_state"] = frozen.front_end.get_extra_state()
    frozen.load_state_dict(weights)
    untuned = score(frozen, open_inputs(load(), "data/eval", "dump"), 8, CPU)
    assert np.abs(untuned - scores(tmp_path / "exp")).max() > 1e-3
    with pytest.raises(UserError, match="merged: is there already"):
        merge_experiment(tmp_path / "exp", tmp_path / "merged")
    with pytest.raises(UserError, match="found 'finetune.method: full', wanted lora or dora"):
        merge_experiment(tmp_path / "merged", tmp_path / "again")
    claim(tmp_path / "odd", load("finetune.method=prompts", "finetune.method_conf={}"))
    with pytest.raises(UserError, match="odd/config.yaml: 'finetune.method: prompts' cannot be"):
        merge_experiment(tmp_path / "odd", tmp_path / "again")


def test_a_step_is_said_to_cost_less_where_less_learns(place):
    own, full, frozen = describe_steps(load("batch_size=4"), rounds=1)
    assert [row["name"] for row in (own, full, frozen)] == ["this config", "full", "frozen"]
    added = 2 * 2 * 2 * (32 + 32)  # layers, matrices, rank
    assert own["trainable"] - frozen["trainable"] == added
    assert own["parameters"] - frozen["parameters"] == added
    assert full["parameters"] == frozen["parameters"] == full["trainable"] + 32  # of a mask
    assert frozen["memory"] < own["memory"] < full["memory"]
    assert frozen["saved_bytes"] < own["saved_bytes"] < full["saved_bytes"]
    longer = ["batch_size=4", "crop.seconds=1.6"]
    whole = describe_steps(load(*longer), rounds=1)[1]
    less = describe_steps(load(*longer, "finetune.checkpointing=true"), rounds=1)[1]
    assert full["memory"] < less["memory"] < whole["memory"]


def test_the_penalty_is_part_of_the_loss_of_a_batch_once(place):
    own = ["finetune.method=moe_lora", "batch_size=8", "accum_grad=2"]
    losses = []
    for weight in (0.0, 0.5):
        config = load(*own, f"finetune.method_conf={{orthogonality: {weight}}}")
        inputs = open_inputs(config, "data/train", "dump", train=True)
        learner = training.Learner(config, inputs, read_labels("data/train"), CPU, "x")
        if weight:
            penalty = learner.model.front_end.penalty().item()
        parts = list(training.load(inputs, [[0, 1, 2, 3, 4], [5, 6, 7]], 0))
        losses.append(learner.step([(True, *part) for part in parts], range(8)))
    assert losses[1] - losses[0] == pytest.approx(penalty, rel=1e-4)


def test_a_step_whose_cost_is_said_has_the_penalty(place):
    step = Step(load(*METHODS["moe_lora"], "sharpness.rho=0.05"))
    step(torch.randn(2, 6400), torch.tensor([6400, 6400]))
    # while U is zero, nothing else gives V a gradient
    assert step.model.front_end.tuned["1"]["q"].down.grad.abs().sum() > 0


def test_attractors_of_samo_are_those_of_the_training_sets_speakers(place, tmp_path):
    fit(tmp_path / "exp", "loss=samo", "loss_conf={every: 1, speakers: 20}", "epochs=1")
    state = read_weights(tmp_path / "exp/best.pt")
    (name,) = [name for name in state if "attractors" in name]
    first = torch.eye(state[name].shape[1]).repeat(2, 1)[:20]
    changed = (state[name] != first).any(1)
    bonafide = [u for u, label in read_table("data/train/utt2label").items() if label == "bonafide"]
    speakers = {read_table("data/train/utt2spk")[utt] for utt in bonafide}
    assert changed.tolist() == [True] * len(speakers) + [False] * (20 - len(speakers))
    assert torch.equal(state[name.replace("attractors", "known")], changed)
    fit(tmp_path / "next", "loss=samo", "loss_conf={every: 9}", f"init_from={tmp_path}/exp")
    again = read_weights(tmp_path / "next/best.pt")
    assert torch.equal(again[name], first), "another training's speakers are not taken"
    assert torch.equal(again[name.replace("attractors", "known")], changed)


WRONG = {
    "finetune.method=loar": "'finetune.method' is 'loar'",
    "finetune.layers=none": "'finetune.method: lora' needs 'finetune.layers'",
    "finetune.method=full": "method_conf' has rank, dropout, which 'method: full' does not take",
    "finetune.method_conf={rnak: 2}": "did you mean 'rank'",
    "finetune.method_conf={matrices: [w]}": "'matrices' is 'w', wanted one of q, k, v, o, fc1, fc2",
    "phases=[{}, {finetune: {method: full, layers: all}}]": "phase 2: found finetune.method 'full'",
    "phases=[{finetune: {layers: [0]}}]": "phase 1: found finetune.layers [0], wanted [1, 2]",
    "phases=[{finetune: {method: full}}]": "'finetune.method' is 'lora', which no phase keeps",
}


@pytest.mark.parametrize("override", WRONG)
def test_what_a_config_cannot_say(place, override):
    with pytest.raises(UserError, match=".*") as caught:
        load(override)
    assert WRONG[override] in str(caught.value)
    assert "\n" not in str(caught.value)
