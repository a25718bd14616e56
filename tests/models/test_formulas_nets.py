"""Back ends that are no graphs compute their published formulas, in float64.

The plain forms are in formulas_nets.py and formulas_lcnn.py; weights and statistics are random, and
every option is off its default somewhere.
"""

import sys

import formulas_nets as plainly
import pytest
import torch
from formulas_graph import Plain, feed_forward
from formulas_graph_tools import cut, random_model, same_in_training
from formulas_lcnn import lfcc_lcnn
from torch import nn

from antispoof.models import build_model

NES = {"splits": 2, "scale": 3, "dilation": 3, "pooling": "mean"}
MHFA = {"layers": 3, "dim": 10, "heads": 3, "compression": 4, "embedding": 6}
CONTEXT = {"layers": 3, "dim": 10, "heads": 12, "groups": 3, "compression": 4, "embedding": 6}
POOLS = {"rows": "mean", "bottleneck": 5}
# model, what it is made with, layers and numbers of its input (waveforms: None), lengths
CASES = {
    "sls": ("sls", {"layers": 3, "dim": 10, "frames": 13, "hidden": 5}, (3, 10), (14, 12, 14)),
    "sls adaptive": (
        "sls",
        {"layers": 3, "dim": 10, "frames": 13, "hidden": 5, "pooling": "adaptive"},
        (3, 10),
        (23, 3, 11),
    ),
    "mhfa": ("mhfa", {**MHFA, "dropout": 0.2}, (3, 10), (9, 4, 1)),
    "mhfa, ff": ("mhfa", {**MHFA, "classifier": "ff"}, (3, 10), (9, 4, 1)),
    "ca_mhfa": ("ca_mhfa", CONTEXT, (3, 10), (9, 4, 1)),
    "ca_mhfa, ff": ("ca_mhfa", {**CONTEXT, "classifier": "ff"}, (3, 10), (9, 4, 2)),
    "mean_pool": ("mean_pool", {"layers": 3, "dim": 10}, (3, 10), (9, 4, 1)),
    "mean_pool, ff": ("mean_pool", {"layers": 3, "dim": 10, "classifier": "ff"}, (3, 10), (9, 4)),
    "nes2net": ("nes2net", {"dim": 12, **NES, "squeeze": 2}, (1, 12), (11, 5, 2)),
    "nes2net of three, astp": (
        "nes2net",
        {"dim": 18, **NES, "splits": 3, "pooling": "astp"},
        (1, 18),
        (11, 5, 2),
    ),
    "nes2net_x": ("nes2net_x", {"dim": 18, **NES, "squeeze": 3}, (1, 18), (11, 5, 2)),
    "nes2net_x, astp": ("nes2net_x", {"dim": 12, **NES, "pooling": "astp"}, (1, 12), (11, 5, 2)),
    "wavlm_cnn": (
        "wavlm_cnn",
        {"dim": 13, "widths": (3, 4, 6), "hidden": 5},
        (1, 13),
        (19, 8, 17),
    ),
    "mel_cnn": ("mel_cnn", {"widths": (3, 4, 6), "hidden": 5}, None, (3100, 1120, 2400)),
    "mel_multiscale": (
        "mel_multiscale",
        {"widths": (3, 2), "hidden": 5, "bottleneck": 7},
        None,
        (3100, 1120, 2400),
    ),
    "mel_multiscale, mean of rows": (
        "mel_multiscale",
        {"widths": (2, 6, 3), "hidden": 5, **POOLS},
        None,
        (3100, 1200, 2400),
    ),
    "mel_vit": ("mel_vit", {"dim": 12, "depth": 2, "heads": 3}, None, (5200, 1, 2400)),
    "lfcc_lcnn": ("lfcc_lcnn", {"count": 7}, None, (7900, 2400, 5000)),
}


def classify(plain, at, x, conf):
    if conf.get("classifier", "linear") == "linear":
        return plain.linear(at, x)
    own = {k.removeprefix(f"{at}."): v for k, v in plain.state.items() if k.startswith(f"{at}.")}
    names = {f"classifier.{key}": value for key, value in own.items()}
    inner = Plain(names, plain.training)
    logits = feed_forward(inner, x)
    plain.moved.update({f"{at}.{k.removeprefix('classifier.')}": v for k, v in inner.moved.items()})
    return logits


def formula(name, conf, plain, x):
    """Logits of a batch x without padding; for waveforms, x is what the front end makes."""
    if name == "sls":
        return plainly.sls(plain, x, conf["frames"] // 3, conf.get("pooling") == "adaptive")
    if name == "mhfa":
        embedded = plainly.mhfa(plain, x)
        if conf.get("classifier") == "ff":
            return classify(plain, "classifier.1", plain.drop("classifier.0", embedded), conf)
        embedded = plain.drop("classifier.1", plainly.relu(embedded))
        return classify(plain, "classifier.2", embedded, conf)
    if name == "ca_mhfa":
        return classify(plain, "classifier", plainly.ca_mhfa(plain, x), conf)
    if name == "mean_pool":
        return classify(plain, "classifier", x.mean(1).mean(1), conf)
    if name.startswith("nes2net"):
        return plainly.nes2net(plain, x, {**conf, "nested": name == "nes2net_x"})
    if name == "wavlm_cnn":
        return plainly.mel_cnn(plain, x.transpose(2, 3), len(conf["widths"]))
    if name == "mel_cnn":
        return plainly.mel_cnn(plain, x, len(conf["widths"]))
    if name == "mel_multiscale":
        flat = conf.get("rows", "flat") == "flat"
        return plainly.mel_multiscale(plain, x, len(conf["widths"]), flat)
    if name == "mel_vit":
        return plainly.mel_vit(plain, x, conf["depth"], conf["heads"])
    return lfcc_lcnn(plain, x)


def batch(shape, lengths, seed=3):
    torch.manual_seed(seed)
    if shape is None:
        return torch.randn(len(lengths), max(lengths), dtype=torch.float64)
    layers, dim = shape
    scale = torch.linspace(0.5, 2, len(lengths), dtype=torch.float64)[:, None, None, None]
    return scale * torch.randn(len(lengths), layers, max(lengths), dim, dtype=torch.float64) + 0.3


def front(model, x, lengths):
    """What a model's front end makes of waveforms; features as they are."""
    return model.front_end(x, lengths)[0] if x.dim() == 2 else x


def by_utterance(model, x, lengths):
    """Each utterance of a batch alone, without padding, through the front end."""
    ones = cut(x if x.dim() == 2 else x.transpose(1, 2), lengths)
    for one, length in zip(ones, lengths, strict=True):
        own = one if x.dim() == 2 else one.transpose(1, 2)
        yield front(model, own, length[None])


@pytest.mark.parametrize("drop", [False, True], ids=["", "with dropout"])
@pytest.mark.parametrize("case", CASES)
def test_each_utterance_of_a_padded_batch_has_the_logits_of_the_formula(case, drop):
    """Dropouts that multiply by fixed numbers show where they stand."""
    name, conf, shape, lengths = CASES[case]
    model, state = random_model(name, drop=drop, **conf)
    lengths = [max(lengths)] * 2 if drop else lengths  # the numbers go by place, padding included
    lengths, x = torch.tensor(lengths), batch(shape, lengths)
    with torch.no_grad():
        found = model.eval()(x, lengths)
        plain = Plain(state, drop=drop)
        ones = by_utterance(model, x, lengths)
        wanted = torch.cat([formula(name, conf, plain, one) for one in ones])
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_in_training_logits_gradients_and_running_statistics_are_those_of_the_formula(case):
    name, conf, shape, lengths = CASES[case]
    model, state = random_model(name, **conf)
    most = max(lengths)
    x, counts = batch(shape, [most] * 3), torch.tensor([most] * 3)
    made = front(model, x, counts).detach()
    if x.dim() == 2:  # waveforms: the gradient goes back to what the front end makes
        model.front_end.forward = lambda x, lengths: (x, lengths // 160 + 1)

    def own_logits(inputs):
        if x.dim() == 4:
            return model.train()(inputs, counts)
        return through(model.train(), inputs, counts)

    same_in_training(
        model, state, lambda plain, inputs: formula(name, conf, plain, inputs), own_logits, [made]
    )


def through(model, image, counts):
    """The model's logits of what its front end has made, waveforms being checked elsewhere."""
    module = sys.modules[type(model).__module__]
    checks, module.check_waves = module.check_waves, lambda *_: None
    try:
        return model(image, counts)
    finally:
        module.check_waves = checks


DROPOUTS = {
    "mhfa": ({}, 0.0, 0.4),
    "mel_cnn": ({}, 0.3, 0.4),
    "wavlm_cnn": ({}, 0.3, 0.4),
    "mel_multiscale": ({}, 0.3, 0.4),
    "mel_vit": ({"dim": 12, "heads": 3, "depth": 1}, 0.3, 0.4),
    "lfcc_lcnn": ({}, 0.7, 0.4),
}


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_is_as_strong_as_the_config_says(name):
    conf, usual, other = DROPOUTS[name]
    for wanted, more in ((usual, {}), (other, {"dropout": other})):
        model = build_model(name, **conf, **more)
        found = [m.p for m in model.modules() if isinstance(m, nn.Dropout)]
        assert found == [wanted]


def test_weights_begin_as_the_formulas_say():
    """Layers begin with equal weights, and so do the outputs that nested blocks keep."""
    for name in ("mhfa", "ca_mhfa"):
        model = build_model(name, layers=3)
        for weights in (model.key_weights, model.value_weights):
            assert weights.tolist() == [0, 0, 0]
    block = build_model("nes2net_x", dim=24, splits=2, scale=4).blocks[0]
    found = [weights.tolist() for weights in block.weights]
    assert found == [[1 / 2] * 2, pytest.approx([1 / 3] * 3), [1 / 4] * 4]
    rows = build_model("mel_vit", dim=192, depth=1).row
    assert 0.015 < rows.std() < 0.025


def test_a_deviation_of_nothing_has_a_gradient():
    """An utterance of one frame deviates by nothing; the root there is kept from 0."""
    model, _ = random_model("nes2net", dim=12, splits=2, scale=3, pooling="astp")
    x = torch.randn(2, 1, 1, 12, dtype=torch.float64, requires_grad=True)
    model.eval()(x, torch.tensor([1, 1])).sum().backward()
    assert torch.isfinite(x.grad).all()
