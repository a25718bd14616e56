"""Back ends that pool layers and frames: published sizes, laws, and what they refuse."""

import pytest
import torch

from antispoof.errors import UserError
from antispoof.layers.classifier import make_classifier
from antispoof.models import build_model


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def back_end(model):
    """Parameters without the classifier."""
    return parameters(model) - parameters(getattr(model, "classifier", torch.nn.Identity()))


@pytest.mark.parametrize(
    ("layers", "heads", "dim", "embedding", "wanted"),
    [(24, 32, 1024, 1024, 4461904), (25, 32, 1024, 256, 1315410), (13, 8, 768, 256, 460322)],
)
@pytest.mark.parametrize("classifier", ["linear", "ff"])
def test_mhfa_has_the_parameters_of_its_formula(layers, heads, dim, embedding, wanted, classifier):
    model = build_model(
        "mhfa",
        layers=layers,
        dim=dim,
        heads=heads,
        compression=128,
        embedding=embedding,
        classifier=classifier,
    )
    formula = 2 * layers + 2 * (dim * 128 + 128) + 128 * heads + heads
    formula += heads * 128 * embedding + embedding
    assert back_end(model) == formula == wanted


COUNTS = [
    ("ca_mhfa", {"heads": 64, "groups": 8, "dim": 768, "layers": 13, "embedding": 256}, 468506),
    ("ca_mhfa", {"heads": 64, "groups": 32, "dim": 1024, "layers": 25}, 1323570),
    ("ca_mhfa", {"groups": 32, "dim": 1024, "layers": 24, "embedding": 1024}, 4470064),
    ("mean_pool", {"layers": 24, "dim": 1024, "classifier": "ff"}, 0),
    ("mean_pool", {"layers": 24, "dim": 1024}, 0),
    ("sls", {"layers": 24, "dim": 1024, "frames": 201}, 23399429),
    ("sls", {"layers": 24, "dim": 1024, "frames": 201, "pooling": "adaptive"}, 23399429),
    ("nes2net_x", {"dim": 1024, "splits": 8, "scale": 8, "squeeze": 1}, 512039),
    ("nes2net", {"dim": 1024, "splits": 8, "scale": 8, "squeeze": 1}, 511794),
    ("nes2net_x", {"pooling": "astp"}, 777383),
]


@pytest.mark.parametrize(("name", "conf", "wanted"), COUNTS)
def test_published_sizes(name, conf, wanted):
    assert back_end(build_model(name, **conf)) == wanted


def test_the_classifier_of_spaarsist():
    assert parameters(make_classifier("ff", 1024)) == 658178
    assert parameters(make_classifier("linear", 1024)) == 2050
    with pytest.raises(UserError, match="'model_conf.classifier' is 'fff'.*did you mean 'ff'"):
        make_classifier("fff", 1024)


def test_a_batch_norm_over_utterances_wants_two():
    model = build_model("mean_pool", layers=1, dim=8, classifier="ff")
    with pytest.raises(UserError, match="batch of one utterance in training.*batch_size"):
        model(torch.randn(1, 1, 5, 8), torch.tensor([5]))
    assert model.eval()(torch.randn(1, 1, 5, 8), torch.tensor([5])).shape == (1, 2)


def sls(**conf):
    torch.manual_seed(0)
    return build_model("sls", layers=3, dim=30, frames=30, hidden=8, **conf).eval()


def test_adaptive_pooling_is_the_fixed_one_at_its_length():
    x, lengths = torch.randn(2, 3, 30, 30), torch.tensor([30, 30])
    torch.testing.assert_close(sls()(x, lengths), sls(pooling="adaptive")(x, lengths))


@pytest.mark.parametrize("frames", [1, 2, 7, 400])
def test_adaptive_pooling_takes_any_length(frames):
    found = sls(pooling="adaptive")(torch.randn(1, 3, frames, 30), torch.tensor([frames]))
    assert torch.isfinite(found).all()


def test_fixed_pooling_leaves_out_what_does_not_fill_a_window():
    x = torch.randn(1, 3, 32, 30)
    model = sls()
    model.gate.weight.data.zero_()  # the gates see every frame; without them
    alone = model(x[:, :, :30], torch.tensor([30]))
    torch.testing.assert_close(model(x, torch.tensor([32])), alone)


def test_sls_is_its_formulas():
    """A second writing, of one utterance and layer by layer."""
    model, layers = sls(), torch.randn(3, 30, 30)
    summed = sum(torch.sigmoid(model.gate(layer.mean(0))) * layer for layer in layers)
    normed = model.norm(summed[None, None])
    pooled = torch.nn.functional.max_pool2d(torch.selu(normed), (3, 3)).flatten(1)
    wanted = torch.selu(model.output(torch.selu(model.hidden(pooled))))
    found = model(layers[None], torch.tensor([30]))
    torch.testing.assert_close(found, wanted)
    # the published end of it changes neither the loss nor the difference that scores
    ended = found.log_softmax(1)
    torch.testing.assert_close(ended.log_softmax(1), ended)
    torch.testing.assert_close(ended[:, 1] - ended[:, 0], found[:, 1] - found[:, 0])


def test_context_of_ca_mhfa_is_seen():
    torch.manual_seed(0)
    model = build_model("ca_mhfa", layers=1, dim=8, heads=16, groups=4, compression=4).eval()
    assert model.attention.kernel_size == (5,)
    x = torch.randn(1, 1, 9, 8)
    order = [*range(4), 5, 4, *range(6, 9)]  # two frames change places
    lengths = torch.tensor([9])
    assert not torch.allclose(model(x, lengths), model(x[:, :, order], lengths), atol=1e-5)
    without = build_model("mhfa", layers=1, dim=8, heads=4, compression=4).eval()
    torch.testing.assert_close(without(x, lengths), without(x[:, :, order], lengths))


@pytest.mark.parametrize(("heads", "groups"), [(8, 64), (12, 4), (10, 4)])
def test_a_context_must_be_even(heads, groups):
    with pytest.raises(UserError, match="even multiple of groups"):
        build_model("ca_mhfa", heads=heads, groups=groups)


def test_widths_must_divide():
    with pytest.raises(UserError, match="model_conf.dim is 1000, wanted a multiple"):
        build_model("nes2net_x", dim=1000)


GOOD = torch.zeros(2, 3, 30, 30)
BAD = {
    "layers": (GOOD[:, :2], "found features of 2 layers, wanted 3; model_conf.layers .* 'layers'"),
    "dim": (GOOD[..., :20], "found features of 20 numbers per frame, wanted 30; model_conf.dim"),
    "waves": (GOOD[:, 0, 0], r"takes features \(B, L, T, D\), found \(2, 30\).*feats"),
    "no frame": (GOOD[:, :, :0], "found no frames.*crop.seconds"),
    "NaN": (GOOD + float("nan"), "not finite"),
    "infinite": (GOOD - float("inf"), "not finite"),
    "short": (GOOD[:, :, :29], "found 29 frames, 'pooling: fixed' needs 30 to 32; .*frames"),
    "long": (torch.zeros(2, 3, 33, 30), "found 33 frames, 'pooling: fixed' needs 30 to 32"),
}


@pytest.mark.parametrize("what", BAD)
def test_an_input_of_another_shape_is_one_line(what):
    x, words = BAD[what]
    lengths = torch.full((len(x),), x.shape[-2])
    with pytest.raises(UserError, match=words) as caught:
        sls()(x, lengths)
    assert "\n" not in str(caught.value)


def test_an_empty_utterance_beside_another():
    with pytest.raises(UserError, match="found 0 frames in an utterance.*crop.seconds"):
        sls(pooling="adaptive")(GOOD, torch.tensor([30, 0]))
