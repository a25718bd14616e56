"""Training with an SSL model inside: groups, what is kept, kills, scoring through the recipe."""

import events
import numpy as np
import pytest
import torch
import yaml
from recipes import Recipe, succeed
from sounds import make_corpus, make_data
from ssl_models import hugging_face

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.models import build_model
from antispoof.scoring.build import build_system, parameter_groups
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels, score
from antispoof.ssl import convert, save
from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.training import learner as training
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import train

CONFIG = """
feats: ssl
upstream: small
layers: [0, 1, 2, 3]
finetune: {layers: 1..2, lr: 1e-3, layer_drop: 0.2, checkpointing: true}
model: mhfa
model_conf: {heads: 4, compression: 16, embedding: 16}
crop: {train: random, test: full, seconds: 0.4, pad: none}
epochs: 2
batch_size: 8
optimizer_conf: {lr: 5e-3}
schedule: cosine
"""
SETS = {"train": 16, "dev": 12, "eval": 4}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A recipe's folder: sounds, data, a random upstream of three layers, and its config."""
    folder = tmp_path_factory.mktemp("finetune")
    make_data(folder / "data", make_corpus(folder / "corpus", SETS))
    for number, name in enumerate(("model", "another")):
        (folder / name).mkdir()
        hugging_face(
            "wavlm_large", folder / name, hidden_dropout=0.1, intermediate_size=48 + number
        )
        save(convert(folder / name)[0], folder / f"{name}.pt")
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
    lines = []
    train(load(*overrides), "data/train", "data/dev", "dump", exp, CPU, lines.append)
    return events.outputs(exp), lines


class KilledError(Exception):
    """Stands for a kill."""


def fit_killed(monkeypatch, epoch, exp, *overrides):
    """`fit`, killed at the start of an epoch, and begun again."""
    original = training.draw_order

    def draw_order(*args):
        if args[3] == epoch:
            raise KilledError
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(training, "draw_order", draw_order)
        with pytest.raises(KilledError):
            fit(exp, *overrides)
    return fit(exp, *overrides)


@pytest.mark.parametrize("layers", ["1..2", "all", "none"])
def test_a_killed_training_ends_in_the_same_bytes(place, tmp_path, monkeypatch, layers):
    override = f"finetune.layers={layers}"
    found, lines = fit_killed(monkeypatch, 2, tmp_path / "two", override)
    assert "continuing after epoch 1" in lines
    assert found == fit(tmp_path / "one", override)[0]


PHASES = """phases=[
  {finetune: {layers: none}, epochs: 1},
  {finetune: {layers: all}, epochs: 1, select: {ema: 0.9}},
  {finetune: {layers: [2]}, epochs: 2, select: {ema: 0.9, keep: average_last, average: 2}}]"""


def test_phases_unfreeze_and_freeze(place, tmp_path, monkeypatch):
    undisturbed, _ = fit(tmp_path / "one", PHASES)
    assert fit_killed(monkeypatch, 4, tmp_path / "two", PHASES)[0] == undisturbed
    states = [load_checkpoint(tmp_path / f"one/{n}.pt")["model"] for n in ("phase1", "phase2")]
    assert not [name for name in states[0] if name.startswith("front_end.upstream")]
    assert [name for name in states[1] if "feature_extractor" in name]
    model = build_system(load(PHASES))  # as scoring builds it
    model.load_state_dict(load_checkpoint(tmp_path / "one/best.pt")["model"])
    name = "upstream.model.feature_extractor.conv_layers.0.0.weight"
    learnt = states[1][f"front_end.{name}"]
    assert torch.allclose(model.front_end.get_parameter(name), learnt, atol=1e-6)


def test_what_is_kept_is_what_training_changes(place, tmp_path):
    for layers, learnt in (("none", set()), ("1..2", {"1", "2"})):
        fit(tmp_path / layers, f"finetune.layers={layers}")
        state = load_checkpoint(tmp_path / layers / "best.pt")["model"]
        front = {name for name in state if name.startswith("front_end.upstream.")}
        assert {name.split(".")[5] for name in front} == learnt
        assert all(".encoder.layers." in name for name in front)
        assert any(name.startswith("back_end.") for name in state)
    model = build_system(load())
    before = {name: p.clone() for name, p in model.front_end.named_parameters()}
    model.load_state_dict(state)
    changed = {n for n, p in model.front_end.named_parameters() if not torch.equal(p, before[n])}
    assert {name.split(".")[4] for name in changed} == {"1", "2"}


def test_training_can_go_on_with_another_choice_of_layers(place):
    choices, previous = ("none", "[2]", "all", "none"), None
    for layers in choices:  # each starts from the state that the one before it left
        model = build_system(load(f"finetune.layers={layers}"))
        if previous is not None:
            model.load_state_dict(previous.state_dict())
            for ours, theirs in zip(model.parameters(), previous.parameters(), strict=True):
                assert torch.equal(ours, theirs)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * parameter.requires_grad)
        previous = model
    kept = {n for n in model.state_dict() if n.startswith("front_end.upstream.model.feature_ex")}
    assert kept, "learnt before, frozen now"


def test_another_front_end_than_in_training_is_refused(place, tmp_path):
    fit(tmp_path / "exp", "epochs=1", "finetune.layers=none")
    state = load_checkpoint(tmp_path / "exp/best.pt")["model"]
    conf = place / "conf/upstream/small.yaml"
    kept = conf.read_text()
    try:
        for text, key in (("another.pt", "checksum"), ("model.pt\nfinal_norm: before", "final_n")):
            conf.write_text(f"name: wavlm_local\ncheckpoint: {text}\n")
            with pytest.raises(UserError, match=rf"upstream wavlm_local: .* another one \({key}"):
                build_system(load("finetune.layers=none")).load_state_dict(state)
    finally:
        conf.write_text(kept)


def test_groups_have_their_own_rates(place):
    config = load()
    model = build_system(config)
    back, front = parameter_groups(model, config)
    assert "lr" not in back
    assert front["lr"] == 1e-3
    assert {id(p) for p in back["params"]} == {id(p) for p in model.back_end.parameters()}
    layers = model.front_end.upstream.model.encoder.layers
    assert {id(p) for p in front["params"]} == {
        id(p) for n in (1, 2) for p in layers[n].parameters()
    }
    frozen = load("finetune.layers=none")
    assert len(parameter_groups(build_system(frozen), frozen)) == 1
    inputs = open_inputs(config, "data/train", "dump", train=True)
    learner = training.Learner(config, inputs, read_labels("data/train"), CPU, "x")
    assert learner.schedule.get_last_lr() == [5e-3, 1e-3]
    before = [p.clone() for p in learner.model.front_end.parameters()]
    learner.run_epoch(1)
    assert learner.schedule.get_last_lr()[1] == pytest.approx(5e-4)
    moved = [
        float((a - b).detach().abs().max())
        for a, b in zip(before, learner.model.front_end.parameters(), strict=True)
    ]
    assert 0 < max(moved) < 2.5e-3  # Adam moves by its rate at most, twice


def test_the_back_end_starts_as_on_cached_features(place):
    torch.manual_seed(7)
    inside = build_system(load()).back_end
    torch.manual_seed(7)
    alone = build_model("mhfa", heads=4, compression=16, embedding=16, layers=4, dim=32)
    for (name, ours), theirs in zip(inside.named_parameters(), alone.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_recipe_scores_without_caching_anything(place):
    recipe = Recipe(place, place / "corpus")
    systems = ["--systems", "x", "--override", "epochs=1", "--tag", "short"]
    out = succeed(recipe.run(*systems, "--stage", 3, "--stop-stage", 4))
    assert not (place / "dump").exists(), out
    exp = place / "exp/x_short_seed1"
    assert yaml.safe_load((exp / "config.yaml").read_text())["finetune"]["layers"] == [1, 2]
    assert "conf/upstream/small.yaml" in (exp / ".done").read_text()
    found = read_table(exp / "eval/scores")
    model = build_system(load("epochs=1"))
    model.load_state_dict(load_checkpoint(exp / "best.pt")["model"])
    inputs = open_inputs(load("epochs=1"), "data/eval", "dump")
    expected = score(model, inputs, 8, CPU)
    assert list(found) == inputs.utts
    np.testing.assert_allclose([float(v) for v in found.values()], expected, rtol=1e-6)
    assert len(set(found.values())) == SETS["eval"]


def test_a_sound_too_short_for_a_frame_is_named(place, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "short.wav", np.full(399, 0.1), 16000)
    write_table(tmp_path / "data/wav.scp", {"brief": tmp_path / "short.wav"})
    with pytest.raises(UserError, match=r"short.wav: brief: 399 samples are too short"):
        open_inputs(load(), str(tmp_path / "data"), "dump")[0]


WRONG = {
    "finetune.layers=top": "'finetune.layers' is 'top', wanted none, all",
    "finetune.layers=[1, 1]": "wanted none, all",
    "finetune.layers=[-1]": "wanted none, all",
    "finetune.layers=3..2": "wanted none, all",
    "finetune.layers=[3]": "finetune.layers: 3 cannot learn",
    "finetune.lr=0.0": "'finetune.lr' is 0.0",
    "finetune.layer_drop=1.0": "'finetune.layer_drop' is 1.0, wanted at least 0, less than 1",
    "finetune.feature_grad_mult=-1.0": "'finetune.feature_grad_mult' is -1.0, wanted at least 0",
    "finetune.layer=all": "did you mean 'finetune.layers'",
    "feats=cached": "'finetune' needs 'feats: ssl'",
    'upstream=""': "'feats: ssl' needs 'upstream'",
    "upstream=fbank": "'feats: ssl' needs a wav2vec 2.0",
    "layers=[0, 4]": "has layers 0 to 3",
    "model_conf.dim=1024": "model_conf.dim is 1024, but small gives 32",
    "model_conf.layers=1": "model_conf.layers is 1, but small gives 4",
    "model=mhfaa": "did you mean 'mhfa'",
}


@pytest.mark.parametrize("override", WRONG)
def test_what_a_config_cannot_say(place, override):
    with pytest.raises(UserError, match=".*") as caught:
        build_system(load(override))
    assert WRONG[override] in str(caught.value)
    assert "\n" not in str(caught.value)
