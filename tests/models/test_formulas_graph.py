"""AASIST and its relatives on cached states compute their published formulas, in float64.

The plain forms are in formulas_graph.py; weights and statistics are random, dropouts stand where
the publications have them, and every option is off its default somewhere.
"""

import pytest
import torch
from formulas_graph import Plain, aasist, attention_map, feed_forward, residual, ssl_aasist
from formulas_graph_tools import cut, random_model, random_weights, same_in_training
from formulas_graph_wave import sinc_bank

from antispoof.errors import UserError
from antispoof.layers.attention_map import AttentionMap
from antispoof.layers.residual import ResidualBlock
from antispoof.models import build_model

TEMPERATURES = (1.5, 0.7, 3.0, 5.0)
K = (0.6, 0.37)  # in training, in evaluation: of 42 rows 25 and 15.54, of 7 columns 4 and 2
OWN = {"scorer": "learned", "aggregation": "attention"}
CASES = {
    "ssl_aasist": ("ssl_aasist", {"k": K}, {}),
    "ssl_aasist of an embedding": ("ssl_aasist", {"k": list(K), "embedding": 6}, {}),
    "magnitude": ("spaarsist", {"scorer": "magnitude", "classifier": "linear"}, {}),
    "released mean": ("spaarsist", {"aggregation": "released_mean"}, {}),
    "node mean": (
        "spaarsist",
        {"aggregation": "node_mean", "scorer": "magnitude", "classifier": "linear"},
        {},
    ),
    "lite": ("spaarsist_lite", {"classifier": "linear"}, {"time_pool": 2}),
    "lite of all columns": (
        "spaarsist_lite",
        {"time_pool": 1, "attention_width": 10, "aggregation": "node_mean"},
        {"time_pool": 1},
    ),
    "lite with full convolutions": (
        "spaarsist_lite",
        {"separable": False, "time_pool": 2, "scorer": "learned", "classifier": "linear"},
        {"time_pool": 2},
    ),
}


def made(case, drop=False, **more):
    """A model, its weights, and its plain form: a function of a `Plain` and states (B, T, D)."""
    name, own, extra = CASES[case]
    conf = {"dim": 10, "temperatures": TEMPERATURES, **own, **more}
    if name != "ssl_aasist":
        conf = {"embedding": 6, "k_train": K[0], "k_infer": K[1], **conf}
    model, state = random_model(name, drop=drop, **conf)
    lite = {"scorer": "magnitude"} if name == "spaarsist_lite" else {}
    graph = {"ks": [K] * 3, "temperatures": TEMPERATURES, **OWN, **lite, **own, **extra}

    def plain_logits(plain, x):
        found = ssl_aasist(plain, x, graph)
        if "classifier.6.weight" in plain.state:
            return feed_forward(plain, found)
        return plain.linear("classifier", found) if "classifier.weight" in plain.state else found

    return model, state, plain_logits


def states(batch, frames, dim=10):
    torch.manual_seed(frames)
    scale = torch.linspace(0.5, 2, batch)[:, None, None]  # utterances that are not alike
    return (scale * torch.randn(batch, frames, dim) + 0.3).double()


@pytest.mark.parametrize("case", CASES)
def test_in_evaluation_each_utterance_of_a_batch_has_the_logits_of_the_formula(case):
    model, state, plain_logits = made(case, drop=True)
    lengths = torch.tensor([23, 14, 23, 9])
    x = states(4, 23)
    with torch.no_grad():
        found = model.eval()(x[:, None], lengths)
        plain = Plain(state, drop=True)
        wanted = torch.cat([plain_logits(plain, own) for own in cut(x, lengths)])
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_in_training_logits_gradients_and_statistics_are_those_of_the_formula(case):
    model, state, plain_logits = made(case)
    model.train()
    lengths = torch.full((3,), 22)
    own = lambda x: model(x[:, None], lengths)  # noqa: E731
    same_in_training(model, state, plain_logits, own, [states(3, 22)])


def waves(batch, samples):
    torch.manual_seed(samples)
    return torch.randn(batch, samples).double() * torch.linspace(0.2, 2, batch)[:, None]


AASIST = {"widths": (3, 3, 5, 5, 4, 4), "nodes": (4, 3), "temperatures": TEMPERATURES}
GRAPH = {"ks": [(k, k) for k in (0.3, 0.8, 0.45)], "temperatures": TEMPERATURES, **OWN}


def made_aasist(drop=False):
    model, state = random_model("aasist", drop=drop, ks=(0.3, 0.8, 0.45), **AASIST)
    filters = model.filters[:, 0]
    return model, state, lambda plain, x: aasist(plain, x, filters, GRAPH)


def test_aasist_reads_the_published_filter_bank():
    model, _, _ = made_aasist()
    assert model.filters.shape == (70, 1, 129)
    torch.testing.assert_close(model.filters[:, 0], sinc_bank(70, 129), rtol=0, atol=1e-6)


def test_aasist_has_the_logits_of_its_formula_at_any_length():
    model, state, plain_logits = made_aasist(drop=True)
    x, lengths = waves(3, 15000), torch.tensor([9000, 15000, 6700])
    with torch.no_grad():
        found = model.eval()(x, lengths)
        plain = Plain(state, drop=True)
        wanted = torch.cat([plain_logits(plain, own) for own in cut(x, lengths)])
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_aasist_l_hands_every_argument_on():
    conf = {"ks": (0.3, 0.8, 0.45), "dropouts": (0.1, 0.4), **AASIST}
    small, _ = random_model("aasist_l", **conf)
    whole, _ = random_model("aasist", seed=1, **conf)
    whole.load_state_dict(small.state_dict())
    x, lengths = waves(2, 9000), torch.tensor([9000, 7000])
    with torch.no_grad():
        torch.testing.assert_close(small.eval()(x, lengths), whole.eval()(x, lengths))
    published = [build_model("aasist_l").graph, build_model("aasist").graph]
    found = [(g.pool_spectral.k_infer, g.pool_temporal.k_infer) for g in published]
    assert found == [(0.4, 0.5), (0.5, 0.7)]
    assert [g.branches[1].pool_temporal.k_train for g in published] == [0.7, 0.5]


def test_lite_wants_three_frames_for_each_column_that_it_pools():
    model = build_model("spaarsist_lite", dim=4, embedding=3, time_pool=2).eval()
    with torch.no_grad():
        assert model(states(1, 6, 4)[:, None].float(), torch.tensor([6])).isfinite().all()
        with pytest.raises(UserError, match="found 5 frames .* needs 6 or more"):
            model(states(1, 6, 4)[:, None].float(), torch.tensor([5]))


def test_aasist_learns_as_its_formula():
    model, state, plain_logits = made_aasist()
    model.train()
    own = lambda x: model(x, torch.full((2,), 9000))  # noqa: E731
    same_in_training(model, state, plain_logits, own, [waves(2, 9000)])


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("width", [None, 5])
def test_the_attention_map_and_its_backward_are_the_formula(batch, width):
    torch.manual_seed(1)
    layer = AttentionMap(4, width).double()
    assert layer.wide.out_channels == (width or 8)
    model = torch.nn.ModuleDict({"a": layer})
    state = random_weights(model)
    x = torch.randn(batch, 4, 3, 5).double() * torch.linspace(0.5, 2, batch)[:, None, None, None]
    flat = lambda nodes: torch.cat([part.flatten() for part in nodes])  # noqa: E731
    plain = lambda plain, x: flat(attention_map(plain, "a", x))  # noqa: E731
    same_in_training(model, state, plain, lambda x: flat(layer(x)), [x])
    layer.eval()
    moved = Plain(model.state_dict())
    torch.testing.assert_close(flat(layer(x)), flat(attention_map(moved, "a", x)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("before", "after", "pool"), [(1, 4, 1), (1, 1, 2), (3, 3, 2), (3, 5, 3)])
def test_a_residual_block_is_its_formula(training, before, after, pool):
    torch.manual_seed(before + after)
    model = torch.nn.ModuleDict({"b": ResidualBlock(before, after, pool=pool)}).double()
    block, state = model["b"].train(training), random_weights(model)
    x = torch.randn(2, before, 4, 7).double()
    keep = x.clone()
    wanted = residual(Plain(state, training), "b", x, pool)
    torch.testing.assert_close(block(x), wanted)
    assert torch.equal(x, keep)
