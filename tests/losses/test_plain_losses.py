"""Every loss against its published formula in plain Python, off its defaults, with gradients."""

import inspect
import math

import numpy as np
import pytest
import torch

from antispoof.config import EXPERIMENT_KEYS
from antispoof.errors import UserError
from antispoof.losses.cosine import use_cosines
from antispoof.losses.losses import COSINES, LOSSES, Loss, loss_settings

LOGITS = [(3.0, 3.5), (-1.0, -2.2), (0.1, 1.9), (0.4, -2.0), (-0.7, 0.2)]  # (spoof, bona fide)
LABELS = [0, 1, 1, 0, 1]
WEIGHTS = (0.3, 0.8)


def softmax_loss(logits, label):
    return -math.log(math.exp(logits[label]) / sum(map(math.exp, logits)))


def bce(logits, label):
    p = 1 / (1 + math.exp(logits[0] - logits[1]))
    return -(label * math.log(p) + (1 - label) * math.log(1 - p))


def focal(logits, label, gamma):
    """Lin et al., ICCV 2017, equation 4: -(1 - p_t)^gamma log(p_t)."""
    p = 1 / (1 + math.exp(logits[0] - logits[1]))
    p = p if label == 1 else 1 - p
    return -((1 - p) ** gamma) * math.log(p)


def am_softmax(logits, label, scale, margin):
    """Wang et al., SPL 2018, equation 6: scaled cosines, the right one less its margin."""
    right, wrong = logits[label] / scale, logits[1 - label] / scale
    above = math.exp(scale * (right - margin))
    return -math.log(above / (above + math.exp(scale * wrong)))


def oc_softmax(logits, label, scale, margin_bonafide, margin_spoof):
    """Zhang et al., SPL 2021, equation 4: log(1 + e^(scale (m_y - cos) (-1)^y)), bona fide is 0."""
    cosine = (logits[1] - logits[0]) / scale
    if label == 1:
        return math.log(1 + math.exp(scale * (margin_bonafide - cosine)))
    return math.log(1 + math.exp(scale * (cosine - margin_spoof)))


def aam_softmax(logits, label, scale, margin):
    """Deng et al., CVPR 2019, equation 3: the angle of the right class plus its margin."""
    right, wrong = logits[label] / scale, logits[1 - label] / scale
    above = math.exp(scale * math.cos(math.acos(right) + margin))
    return -math.log(above / (above + math.exp(scale * wrong)))


def p2sgrad(logits, label):
    """Wang and Yamagishi, 2021, equation 6: squares over both classes, of which the mean."""
    return ((logits[label] - 1) ** 2 + logits[1 - label] ** 2) / 2


def samo(logits, label, scale, margin_bonafide, margin_spoof, speakers, every):
    """Ding et al., ICASSP 2023, equation 3: OC-softmax of the cosine with an attractor."""
    return oc_softmax(logits, label, scale, margin_bonafide, margin_spoof)


SAMO = {"scale": 20.0, "margin_bonafide": 0.7, "margin_spoof": 0.0, "speakers": 20.0, "every": 3.0}
CASES = [
    ("cross_entropy", softmax_loss, {}),
    ("bce", bce, {}),
    ("focal", focal, {"gamma": 2.0}),
    ("focal", focal, {"gamma": 0.7}),
    ("am_softmax", am_softmax, {"scale": 20.0, "margin": 0.2}),
    ("am_softmax", am_softmax, {"scale": 3.0, "margin": 0.45}),
    ("oc_softmax", oc_softmax, {"scale": 20.0, "margin_bonafide": 0.9, "margin_spoof": 0.2}),
    ("oc_softmax", oc_softmax, {"scale": 4.0, "margin_bonafide": 0.6, "margin_spoof": -0.3}),
    ("aam_softmax", aam_softmax, {"scale": 32.0, "margin": 0.2}),
    ("aam_softmax", aam_softmax, {"scale": 5.0, "margin": 0.45}),
    ("p2sgrad", p2sgrad, {}),
    ("samo", samo, SAMO),
]


def loss_of(name, conf=None, weights=WEIGHTS):
    return Loss({"loss": name, "loss_conf": conf or {}, "class_weights": list(weights)})


def double(loss):
    """The same, for logits in float64."""
    loss.weights = loss.weights.double()
    return loss


def by_hand(plain, logits, conf):
    """The weighted sum over utterances."""
    return sum(
        WEIGHTS[label] * plain(row, label, **conf)
        for row, label in zip(logits, LABELS, strict=True)
    )


@pytest.mark.parametrize(("name", "plain", "conf"), CASES)
def test_the_sum_is_the_formulas(name, plain, conf):
    found = double(loss_of(name, conf)).total(torch.tensor(LOGITS).double(), torch.tensor(LABELS))
    assert found.shape == ()
    assert found.item() == pytest.approx(by_hand(plain, LOGITS, conf), rel=1e-6)


@pytest.mark.parametrize(("name", "plain", "conf"), CASES)
def test_the_gradient_is_the_formulas_slope(name, plain, conf):
    logits, step = torch.tensor(LOGITS).double().requires_grad_(), 1e-5
    double(loss_of(name, conf)).total(logits, torch.tensor(LABELS)).backward()
    for row in range(len(LABELS)):
        for column in range(2):
            ends = []
            for sign in (1, -1):
                moved = [list(values) for values in LOGITS]
                moved[row][column] += sign * step
                ends.append(by_hand(plain, moved, conf))
            slope = (ends[0] - ends[1]) / (2 * step)
            assert logits.grad[row, column].item() == pytest.approx(slope, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "plain", "conf"), CASES[:3] + CASES[4:5] + CASES[6:7] + CASES[8:9] + CASES[-1:]
)
def test_the_defaults_are_the_published_ones(name, plain, conf):
    assert loss_settings(name, {}) == conf
    found = double(loss_of(name)).total(torch.tensor(LOGITS).double(), torch.tensor(LABELS))
    assert found.item() == pytest.approx(by_hand(plain, LOGITS, conf), rel=1e-6)


def test_every_loss_has_a_formula_here():
    assert set(EXPERIMENT_KEYS["loss"].allowed) == set(LOSSES)
    assert {name for name, _, _ in CASES} == set(LOSSES)
    assert COSINES == {"am_softmax": 2, "oc_softmax": 1, "aam_softmax": 2, "p2sgrad": 2}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("labels", [[0], [1], [0, 0, 1], LABELS])
def test_cross_entropy_alone_is_divided_by_the_weights(name, labels):
    shares = sum(WEIGHTS[label] for label in labels)
    expected = shares if name == "cross_entropy" else len(labels)
    assert loss_of(name).denominator(torch.tensor(labels)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("name", "plain", "conf"), CASES)
def test_the_loss_of_scores_is_the_mean_over_utterances(name, plain, conf):
    scores = np.array([right - wrong for wrong, right in LOGITS], np.float32)
    whole = sum(WEIGHTS[label] for label in LABELS) if name == "cross_entropy" else len(LABELS)
    expected = by_hand(plain, [(0.0, float(score)) for score in scores], conf)
    if name == "aam_softmax":  # without its margin
        expected = by_hand(bce, LOGITS, {})
    if name == "p2sgrad":  # what the score decides of it: the rest has the sum of both cosines
        rest = sum(
            WEIGHTS[label] * (sum(row) - 1) ** 2 / 4
            for row, label in zip(LOGITS, LABELS, strict=True)
        )
        expected = by_hand(plain, LOGITS, conf) - rest
    if name == "am_softmax":  # the margin is of a difference: the same for any common part
        assert expected == pytest.approx(by_hand(plain, LOGITS, conf), rel=1e-5)
    found = loss_of(name, conf).of_scores(scores, torch.tensor(LABELS))
    assert found == pytest.approx(expected / whole, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_arguments_that_there_are_not_are_refused(name):
    known = [p for p in inspect.signature(LOSSES[name]).parameters if p not in
             ("logits", "labels", "weights")]  # fmt: skip
    with pytest.raises(UserError) as caught:
        loss_settings(name, {"slope": 1.0})
    assert str(caught.value).endswith(f"'slope'; it has {', '.join(known) or 'none'}")
    for key in known:
        assert loss_settings(name, {key: 3})[key] == 3.0
        assert type(loss_settings(name, {key: 3})[key]) is float
        for bad in (True, "3", None):
            with pytest.raises(UserError, match=f"loss_conf.{key} is {bad!r}, wanted a number"):
                loss_settings(name, {key: bad})


def test_an_angle_that_passes_pi_goes_on_as_a_line():
    own = torch.tensor([-0.999, -math.cos(0.2) - 1e-4, -math.cos(0.2) + 1e-4], dtype=torch.float64)
    logits = 32 * torch.stack([torch.zeros(3), own], 1).requires_grad_()
    found = LOSSES["aam_softmax"](logits, torch.ones(3, dtype=torch.long), torch.ones(2).double())
    angles = [-0.999 - 0.2 * math.sin(0.2), own[1].item() - 0.2 * math.sin(0.2)]
    angles.append(math.cos(math.acos(own[2]) + 0.2))
    assert found.item() == pytest.approx(sum(math.log1p(math.exp(-32 * a)) for a in angles))


def test_both_cosines_are_the_logits_where_the_loss_reads_both():
    layer = torch.nn.Sequential(torch.nn.Linear(3, 2))
    layer.last_layer = "0"
    model, x = use_cosines(layer, 2, 7.0, both=True), torch.randn(5, 3)
    for row, own in zip(model(x), x, strict=True):
        for found, direction in zip(row, model[0].directions, strict=True):
            expected = 7 * own @ direction / own.norm() / direction.norm()
            assert found.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-5)
    one = torch.nn.Sequential(torch.nn.Linear(3, 1))
    one.last_layer = "0"
    with pytest.raises(UserError, match="gives one logit, and 'loss: aam_softmax'"):
        use_cosines(one, 2, 7.0, both=True)


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("name", COSINES)
def test_a_cosine_layer_gives_the_scaled_cosines_of_the_published_loss(name, columns):
    """The score that the loss reads: scale (cos bona fide - cos spoof), or scale cos bona fide."""
    torch.manual_seed(1)
    layer = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, columns))
    layer.last_layer = "2"
    model = use_cosines(layer, COSINES[name], 7.0)
    x = torch.randn(5, 3)
    hidden, directions = model[1](model[0](x)).tolist(), model[2].directions.tolist()

    def cosine(a, b):
        dot = sum(p * q for p, q in zip(a, b, strict=True))
        return dot / math.sqrt(sum(p * p for p in a)) / math.sqrt(sum(q * q for q in b))

    found = model(x).tolist()
    for row, own in zip(found, hidden, strict=True):
        spoof = cosine(own, directions[0]) if COSINES[name] == 2 else 0.0
        score = 7.0 * (cosine(own, directions[-1]) - spoof)
        assert row == pytest.approx([score] if columns == 1 else [0.0, score], rel=1e-4, abs=1e-5)
