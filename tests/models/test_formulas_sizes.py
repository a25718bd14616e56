"""Parameters of back ends that are no graphs, counted from their formulas, every option off its
default: no layer is wider, narrower, or has a bias more or less than its config says.
"""

import pytest
from test_formulas_nets import CASES

from antispoof.models import build_model


def linear(before, after):
    return before * after + after


def classifier(dim, kind):
    if kind == "linear":
        return linear(dim, 2)
    return linear(dim, 512) + 2 * 512 + linear(512, 256) + 2 * 256 + linear(256, 2)


def sls(layers, dim, frames, hidden, pooling="fixed"):
    return linear(dim, 1) + 2 + linear(frames // 3 * (dim // 3), hidden) + linear(hidden, 2)


def mhfa(layers, dim, heads, compression, embedding, dropout=0.0, classifier="linear"):
    keys = 2 * layers + 2 * linear(dim, compression) + linear(compression, heads)
    return keys + linear(heads * compression, embedding) + ends(embedding, classifier)


def ca_mhfa(layers, dim, heads, groups, compression, embedding, classifier="linear"):
    keys = 2 * layers + 2 * linear(dim, compression) + groups * (heads // groups + 1) * compression
    return keys + linear(groups * compression, embedding) + ends(embedding, classifier)


def mean_pool(layers, dim, classifier="linear"):
    return ends(dim, classifier)


ends = classifier


def nes2net(dim, splits, scale, dilation, pooling, squeeze=1, nested=False):
    wide = dim // splits
    width = wide // scale
    block = 2 * (linear(wide, wide) + 2 * wide)
    block += (scale - 1) * (linear(3 * width, width) + 2 * width)
    block += linear(wide, wide // squeeze) + linear(wide // squeeze, wide)
    block += sum(range(2, scale + 1)) if nested else 0
    pool = linear(dim, 128) + linear(128, dim) if pooling == "astp" else 0
    total = (splits - 1) * (block + 2 * wide) + 2 * dim + pool
    return total + linear(2 * dim if pooling == "astp" else dim, 2)


def nes2net_x(**conf):
    return nes2net(**conf, nested=True)


def mel_cnn(widths, hidden, channels=2):
    total = sum(9 * a * b + 2 * b for a, b in zip([channels, *widths], widths, strict=False))
    return total + linear(widths[-1], hidden) + linear(hidden, 1)


def wavlm_cnn(dim, widths, hidden):
    return mel_cnn(widths, hidden, channels=1)


def mel_multiscale(widths, hidden, bottleneck, rows="flat"):
    total, before = 0, 2
    for width in widths:
        after, squeezed = 3 * width, max(3 * width // 16, 1)
        total += before * width * (9 + 25 + 49) + 2 * after
        total += linear(after, squeezed) + linear(squeezed, after)
        before = after
    dim = before * (128 // 2 ** len(widths) if rows == "flat" else 1)
    total += linear(dim, bottleneck) + linear(bottleneck, dim)
    return total + linear(2 * dim, hidden) + linear(hidden, 1)


def mel_vit(dim, depth, heads):
    layer = 2 * 2 * dim + linear(dim, 3 * dim) + linear(dim, dim)
    layer += linear(dim, 4 * dim) + linear(4 * dim, dim)
    return linear(2 * 16 * 16, dim) + 8 * dim + depth * layer + 2 * dim + linear(dim, 1)


def lfcc_lcnn(count):
    plan = ((32, 5), (32, 1), (48, 3), (48, 1), (64, 3), (64, 1), (32, 3), (32, 1), (32, 3))
    total, before = 0, 1
    for after, kernel in plan:
        total += linear(before * kernel**2, 2 * after)
        before = after
    dim = 3 * count // 16 * 32
    gates = 4 * (dim // 2)
    return total + 2 * 2 * gates * (dim + dim // 2 + 2) + linear(dim, 2)


@pytest.mark.parametrize("case", CASES)
def test_a_model_has_the_parameters_of_its_formula(case):
    name, conf, _, _ = CASES[case]
    found = sum(parameter.numel() for parameter in build_model(name, **conf).parameters())
    assert found == globals()[name](**conf)


@pytest.mark.parametrize("name", ["ssl_aasist", "spaarsist", "spaarsist_lite"])
def test_a_graph_hands_its_embedding_to_the_classifier_that_was_asked_for(name):
    """Five nodes of 32 numbers, a linear layer to the embedding, the classifier."""

    def count(embedding, kind):
        model = build_model(name, dim=10, embedding=embedding, classifier=kind)
        return sum(parameter.numel() for parameter in model.parameters())

    rest = count(6, "linear") - linear(5 * 32, 6) - classifier(6, "linear")
    for embedding, kind in ((9, "linear"), (6, "ff"), (9, "ff")):
        wanted = rest + linear(5 * 32, embedding) + classifier(embedding, kind)
        assert count(embedding, kind) == wanted
