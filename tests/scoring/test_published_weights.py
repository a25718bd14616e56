"""Published layouts: SLS against its authors' forward pass, names by hand, and the whole config."""

import sys

import pytest
import torch
import torch.nn.functional as F
from made_up import ROOT
from ssl_models import fairseq_settings, fairseq_weights, sounds

from antispoof.config import EXPERIMENT
from antispoof.errors import UserError
from antispoof.models import build_model
from antispoof.scoring import published
from antispoof.ssl import convert, save
from antispoof.torch_utils.checkpoint import load_checkpoint
from tools import import_checkpoint

SAMPLES, FRAMES, WIDTH = 64600, 201, 32


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A recipe's folder with the upstream `small`, whose own weights are to be replaced."""
    settings = fairseq_settings()
    state = {"cfg": {"model": settings, "task": {}}, "model": fairseq_weights(settings)}
    torch.save(state, tmp_path / "base.pt")
    save(convert(tmp_path / "base.pt")[0], tmp_path / "small.pt")
    (tmp_path / "conf/upstream").mkdir(parents=True)
    for norm in ("before", "after"):
        (tmp_path / f"conf/upstream/{norm}.yaml").write_text(
            f"name: wav2vec2_local\ncheckpoint: small.pt\nwaveform_norm: false\nfinal_norm: {norm}"
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noise(shapes, seed):
    """{name: tensor} of random numbers; what a square root is taken of is above zero."""
    generator = torch.Generator().manual_seed(seed)
    made = {n: 0.1 * torch.randn(shape, generator=generator) for n, shape in shapes.items()}
    return {n: t.abs() + 0.5 if n.endswith("running_var") else t for n, t in made.items()}


def front_end():
    """A fine-tuned wav2vec 2.0 under fairseq's names, other than that of `place`."""
    weights = fairseq_weights(fairseq_settings())
    moved = noise({name: tensor.shape for name, tensor in weights.items()}, 5)
    return {name: tensor + 0.3 * moved[name] for name, tensor in weights.items()}


def fairseq_results(weights, wave):
    """What `model(wave, mask=False, features_only=True)` gives in fairseq's code."""
    from s3prl.upstream.utils import merge_with_parent
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    model = Wav2Vec2Model(merge_with_parent(Wav2Vec2Config, fairseq_settings())).eval()
    model.load_state_dict(weights)
    with torch.no_grad():
        return model(wave[None], mask=False, features_only=True)


SLS_SHAPES = {
    **{"fc0.weight": (1, WIDTH), "fc0.bias": (1,)},
    **{"fc1.weight": (1024, FRAMES // 3 * (WIDTH // 3)), "fc1.bias": (1024,)},
    **{"fc3.weight": (2, 1024), "fc3.bias": (2,)},
    **{f"first_bn.{n}": (1,) for n in ("weight", "bias", "running_mean", "running_var")},
}


def sls(weights, results):
    """The forward pass of SLSforASVspoof-2021-DF, model.py, up to its log-softmax."""
    pooled, full = [], []
    for result in results:
        x = result[0].transpose(0, 1)  # (1, T, D)
        pooled.append(F.adaptive_avg_pool1d(x.transpose(1, 2), 1).transpose(1, 2))
        full.append(x[:, None])
    gates = torch.sigmoid(
        F.linear(torch.cat(pooled, 1), weights["fc0.weight"], weights["fc0.bias"])
    )
    x = (torch.cat(full, 1) * gates[..., None]).sum(1)[:, None]
    norm = [weights[f"first_bn.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
    x = F.max_pool2d(F.selu(F.batch_norm(x, *norm)), (3, 3)).flatten(1)
    x = F.selu(F.linear(x, weights["fc1.weight"], weights["fc1.bias"]))
    return F.selu(F.linear(x, weights["fc3.weight"], weights["fc3.bias"]))


def imported(folder, state, upstream):
    torch.save(state, folder / "in.pth")
    return published.import_published(folder / "in.pth", upstream)


def test_an_imported_sls_gives_its_authors_logits_from_the_outputs_of_all_layers(place):
    weights, own = front_end(), noise(SLS_SHAPES, 6)
    state = {f"ssl_model.model.{name}": tensor for name, tensor in weights.items()}
    counter = {"first_bn.num_batches_tracked": torch.tensor(7)}
    config, model = imported(place, {**state, **own, **counter}, "before")
    assert config["layers"] == [1, 2]
    wave = sounds(SAMPLES)[0]
    results = fairseq_results(weights, wave)["layer_results"]
    with torch.no_grad():
        found = model.eval()(wave[None], torch.tensor([SAMPLES]))
    wanted = sls(own, results)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    inputs = [(results[0][0] * 0.9, None), results[0]]
    assert (sls(own, inputs) - wanted).abs().max() > 0.01  # other states, other logits


OUTSIDE_GRAPH = {  # our name, theirs
    **{"project.": "LL.", "norm_in.": "first_bn.", "norm_out.": "first_bn1."},
    **{"attention.wide.": "attention.0.", "attention.norm.": "attention.2."},
    **{"attention.narrow.": "attention.3.", "out.": "out_layer."},
}


def graph_names():
    """{name in AASIST's weights: ours}; its logits pin them, in test_import_checkpoint."""
    path = ROOT / "tests/weights/aasist/AASIST.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: published.our_name(name, "aasist") for name in state if "first_bn" not in name}


def test_an_imported_ssl_aasist_reads_the_last_layer_and_each_weight_has_its_place(place):
    back_end = build_model("ssl_aasist", dim=WIDTH).state_dict()
    ours = noise({n: t.shape for n, t in back_end.items() if t.is_floating_point()}, 8)
    ours |= {n: torch.tensor(3) for n, t in back_end.items() if not t.is_floating_point()}
    named = {ours: theirs for theirs, ours in graph_names().items() if ours in back_end}
    for start, theirs in OUTSIDE_GRAPH.items():
        named |= {n: theirs + n.removeprefix(start) for n in ours if n.startswith(start)}
    state = {f"module.{named[name]}": tensor for name, tensor in ours.items()}
    weights = front_end()
    state |= {f"module.ssl_model.model.{name}": tensor for name, tensor in weights.items()}
    config, model = imported(place, state, "after")
    assert config["layers"] == [2]
    found = model.back_end.state_dict()
    assert found.keys() == ours.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in ours.items())
    wave = sounds(SAMPLES)[0]
    with torch.no_grad():
        states, frames = model.eval().front_end(wave[None], torch.tensor([SAMPLES]))
    wanted = fairseq_results(weights, wave)["x"]
    torch.testing.assert_close(states[:, 0], wanted, rtol=1e-4, atol=1e-4)
    assert frames.tolist() == [FRAMES]


def names(*, front=True, layers=2, more=()):
    """A state dict of scalars by its names."""
    found = {f"ssl_model.model.encoder.layers.{n}.fc1.bias": 0 for n in range(layers) if front}
    return dict.fromkeys([*found, *more], torch.zeros(1))


def test_a_layout_is_known_by_its_names():
    for more, front, layout in (
        (("fc0.weight", "LL.weight"), True, "sls"),
        (("LL.weight", "pos_S"), True, "ssl_aasist"),
    ):
        assert published.layout_of(names(front=front, more=more), "x") == layout
    for width, layout in ((24, "aasist_l"), (64, "aasist"), (23, "aasist")):
        assert published.layout_of({"pos_S": torch.zeros(1, 42, width)}, "x") == layout
    wrong = (names(front=False, more=["fc0.weight"]), names(more=["pos_S"]), names(), {})
    for state in wrong:
        with pytest.raises(UserError, match="x: holds .*; wanted the weights of AASIST"):
            published.layout_of(state, "x")


CROP = {"train": "random", "test": "first", "seconds": 4.0375, "pad": "tile"}  # 64,600 samples


@pytest.mark.parametrize("depth", [1, 2, 12, 24])
def test_the_config_of_each_layout_is_that_of_its_authors_system(depth):
    state = names(layers=depth)
    plain = {**EXPERIMENT, "feats": "wave", "crop": CROP, "batch_size": 8, "seed": 0}
    for layout in ("aasist", "aasist_l"):
        assert published.config_of(layout, state, "ignored") == {**plain, "model": layout}
    learns = {**EXPERIMENT["finetune"], "layers": "all"}
    for layout, upstream, layers in (
        ("sls", "xls_r_300m", list(range(1, depth + 1))),
        ("ssl_aasist", "xls_r_300m_aasist", [depth]),
    ):
        wanted = {**plain, "feats": "ssl", "model": layout, "layers": layers, "finetune": learns}
        assert published.config_of(layout, state) == {**wanted, "upstream": upstream}
        assert published.config_of(layout, state, "mine") == {**wanted, "upstream": "mine"}


def test_what_does_not_fit_is_listed_up_to_eight_names(place):
    state = {**noise(SLS_SHAPES, 1), "first_bn.num_batches_tracked": torch.tensor(7)}
    state |= {f"ssl_model.model.{name}": tensor for name, tensor in front_end().items()}
    state["fc1.weight"] = torch.zeros(1024, 7)
    del state["fc3.bias"]
    for number in range(11):
        state[f"extra{number:02d}"] = torch.zeros(1)
    with pytest.raises(UserError) as caught:
        imported(place, state, "before")
    extra = ", ".join(f"back_end.extra{number:02d}" for number in range(8))
    assert str(caught.value) == (
        f"{place}/in.pth: as weights of 'sls': missing: back_end.output.bias; unknown: {extra} and "
        "3 more; misshapen: back_end.hidden.weight (1024, 7), wanted (1024, 670)"
    )


def test_the_worker_keeps_the_imported_weights_and_says_what_they_are(place, monkeypatch, capsys):
    state = {**noise(SLS_SHAPES, 1), "first_bn.num_batches_tracked": torch.tensor(7)}
    weights = front_end()
    state |= {f"ssl_model.model.{name}": tensor for name, tensor in weights.items()}
    torch.save(state, place / "in.pth")
    argv = ["import_checkpoint.py", "in.pth", "exp/x", "--upstream", "before"]
    monkeypatch.setattr(sys, "argv", argv)
    import_checkpoint.main()
    count = sum(t.numel() for n, t in state.items() if "running" not in n and "tracked" not in n)
    assert capsys.readouterr().out.splitlines() == [
        f"model: sls, {count:,} parameters",
        "front end: before, layers [1, 2]",
        "exp/x: config.yaml, env.txt, best.pt",
    ]
    kept = load_checkpoint(place / "exp/x/best.pt")
    assert kept["epoch"] == 0
    assert torch.equal(kept["model"]["back_end.hidden.weight"], state["fc1.weight"])
    start, found = "front_end.upstream.model.", kept["model"]
    held = {n: t for n, t in weights.items() if f"{start}{n}" in found}
    assert all(torch.equal(found[f"{start}{name}"], tensor) for name, tensor in held.items())
    assert sum("encoder.layers." in name for name in held) == 2 * 16  # of each layer, all
    with pytest.raises(UserError, match="exp/x/best.pt: is there already; remove exp/x"):
        import_checkpoint.main()
