"""The small parts of the graph back ends against plain Python: lengths, checks, cosines, pools."""

import math

import pytest
import torch
from torch import nn

from antispoof.errors import UserError
from antispoof.layers.graph import GraphPool
from antispoof.layers.lengths import by_length, one_by_one
from antispoof.losses.cosine import CosineOutput, use_cosines
from antispoof.models.checks import check_features, check_waves


def test_by_length_cuts_each_group_and_returns_it_in_order():
    x, lengths = torch.randn(5, 3, 9, 2), torch.tensor([9, 3, 7, 3, 9])
    shapes = []

    def summed(part):
        shapes.append(tuple(part.shape))
        return part.sum(2)

    found = by_length(summed, x, lengths, 2)
    assert shapes == [(2, 3, 3, 2), (1, 3, 7, 2), (2, 3, 9, 2)]
    for own, length, row in zip(x, lengths.tolist(), found, strict=True):
        torch.testing.assert_close(row, own[:, :length].sum(1))


def test_by_length_cuts_equal_lengths_at_once_in_training_too():
    x = torch.randn(3, 9)
    for training in (False, True):
        found = by_length(lambda part: part, x, torch.full((3,), 6), 1, training)
        assert torch.equal(found, x[:, :6])
    message = "lengths 2 to 9 in one training batch.*'crop.pad' zero or tile"
    with pytest.raises(UserError, match=message):
        by_length(lambda part: part, x, torch.tensor([9, 2, 4]), 1, True)


def test_by_length_lets_gradients_through_to_what_was_cut_out():
    x = torch.randn(3, 4, requires_grad=True)
    by_length(lambda part: part.sum(1), x, torch.tensor([4, 1, 4]), 1).sum().backward()
    assert x.grad.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 1]]


def test_one_by_one_calls_for_each_utterance_on_a_cpu_alone():
    sizes = []

    def both(a, b):
        sizes.append(len(a))
        return a + 1, (a * b).sum(1)

    a, b = torch.randn(3, 4), torch.randn(3, 4)
    first, second = one_by_one(both, a, b)
    assert sizes == [1, 1, 1]
    assert torch.equal(first, a + 1)
    torch.testing.assert_close(second, (a * b).sum(1))
    sizes.clear()
    one_by_one(both, a[:1], b[:1])
    first, _ = one_by_one(both, a.to("meta"), b.to("meta"))
    assert sizes == [1, 3]
    assert first.shape == (3, 4)


POOLS = [
    (7, (0.6, 0.3), 4, 2),
    (10, (0.3, 0.99), 3, 9),
    (3, (0.1, 1.0), 1, 3),
    (1, (0.5, 0.2), 1, 1),
]


@pytest.mark.parametrize("scorer", ["learned", "magnitude"])
@pytest.mark.parametrize(("nodes", "k", "trains", "evaluates"), POOLS)
def test_a_pool_keeps_the_nodes_of_the_highest_score(scorer, nodes, k, trains, evaluates):
    torch.manual_seed(nodes)
    pool, x = GraphPool(3, k, scorer, dropout=0.0), torch.randn(2, nodes, 3)
    for training, count in ((True, trains), (False, evaluates)):
        pool.kept = None
        found = pool.train(training)(x)
        assert found.shape == (2, count, 3)
        chosen = []
        for own, kept in zip(x, found, strict=True):
            if scorer == "magnitude":
                scores = [sum(float(v) ** 2 for v in node) for node in own]
            else:
                scores = [1 / (1 + math.exp(-float(pool.scorer(node).detach()))) for node in own]
            order = sorted(range(nodes), key=lambda i, s=scores: -s[i])[:count]
            factors = [scores[i] if scorer == "learned" else 1.0 for i in order]
            wanted = torch.stack([own[i] * f for i, f in zip(order, factors, strict=True)])
            torch.testing.assert_close(kept, wanted)
            chosen.append(order)
        assert (pool.kept is None) if training else (pool.kept.tolist() == chosen)


@pytest.mark.parametrize("k", [(0, 0.5), (0.5, 0), (1.01, 0.5), (0.5, 1.01), (-0.1, 0.5)])
def test_a_pool_wants_a_share_of_the_nodes(k):
    with pytest.raises(UserError, match="k_train, k_infer .* more than 0 and at most 1"):
        GraphPool(3, k)
    assert GraphPool(3, (1, 1)).k_train == 1


def test_a_dropped_node_is_scored_and_the_whole_one_is_kept():
    pool, x = GraphPool(2, (0.5, 0.5), "magnitude", dropout=0.0), torch.tensor([[[3.0, 0], [2, 2]]])
    pool.dropout = nn.Module()
    pool.dropout.forward = lambda nodes: nodes * torch.tensor([0.0, 1.0])
    assert pool(x).tolist() == [[[2, 2]]]
    assert pool.kept is None


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_one_number_that_is_not_finite_is_seen(value):
    for x, check, words in (
        (torch.randn(2, 1, 5, 3), check_features, "features hold numbers"),
        (torch.randn(2, 50), check_waves, "waveforms hold numbers"),
    ):
        lengths = torch.tensor([x.shape[-2] if x.dim() == 4 else 50] * 2)
        check(x, lengths)
        x.view(-1)[7] = value
        with pytest.raises(UserError, match=words):
            check(x, lengths)


def test_lengths_and_shapes_are_checked_where_they_are_stated():
    x, lengths = torch.randn(2, 3, 5, 4), torch.tensor([5, 2])
    check_features(x, lengths)
    check_features(x, lengths, 3, 4, 2)
    for arguments, words in (
        ((2, 4, 1), "features of 3 layers, wanted 2; model_conf.layers .*'layers' says"),
        ((3, 5, 1), "features of 4 numbers per frame, wanted 5; model_conf.dim decides it$"),
        ((None, 5, 1), "features of 4 numbers per frame, wanted 5"),
        ((3, 4, 3), "found 2 frames in an utterance, the model needs 3 or more; crop.seconds"),
    ):
        with pytest.raises(UserError, match=words):
            check_features(x, lengths, *arguments)
    check_features(x, torch.tensor([5, 1]))
    with pytest.raises(UserError, match="found 0 frames in an utterance, the model needs 1"):
        check_features(x, torch.tensor([5, 0]))
    with pytest.raises(UserError, match=r"features \(B, L, T, D\), found \(2, 3, 5\)"):
        check_features(x[..., 0], lengths)
    with pytest.raises(UserError, match="found no frames, wanted 7 or more"):
        check_features(x[:, :, :0], lengths, None, None, 7)


def test_waveforms_are_checked_where_their_least_is_stated():
    x = torch.randn(2, 50)
    check_waves(x, torch.tensor([50, 20]), 20)
    with pytest.raises(UserError, match="found 19 samples in an utterance, the model needs 20"):
        check_waves(x, torch.tensor([50, 19]), 20)
    with pytest.raises(UserError, match="found 0 samples .* needs 1 or more"):
        check_waves(x, torch.tensor([50, 0]))
    with pytest.raises(UserError, match="found no samples, wanted 20"):
        check_waves(x[:, :0], torch.tensor([50, 50]), 20)
    with pytest.raises(UserError, match=r"waveforms \(B, S\), found \(2, 1, 50\)"):
        check_waves(x[:, None], torch.tensor([50, 50]))


def cosine(a, b):
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(float(x) ** 2 for x in a) * sum(float(y) ** 2 for y in b))


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("directions", [1, 2])
def test_the_difference_of_the_logits_is_of_cosines(columns, directions):
    torch.manual_seed(0)
    layer, x = (
        CosineOutput(4, columns, directions, 7.0).requires_grad_(False),
        3 * torch.randn(5, 4),
    )
    found = layer(x)
    assert found.shape == (5, columns)
    for row, logits in zip(x, found, strict=True):
        score = 7 * cosine(row, layer.directions[-1])
        if directions == 2:
            score -= 7 * cosine(row, layer.directions[0])
        assert logits.tolist() == pytest.approx([0, score][-columns:], abs=1e-5)


def test_cosines_take_the_place_of_the_last_linear_layer():
    model = nn.Sequential(nn.Linear(3, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 2)), nn.Identity())
    first, model.last_layer = model[0], "1"
    assert use_cosines(model, 1, 20.0) is model
    assert model[0] is first
    layer = model[1][1]
    assert (layer.directions.shape, layer.columns, layer.scale) == ((1, 8), 2, 20.0)
    single = nn.Sequential(nn.Linear(3, 1))
    single.last_layer = "0"
    single = use_cosines(single, 2, 5.0)[0]
    assert (single.directions.shape, single.columns, single.scale) == ((2, 3), 1, 5.0)


def test_cosines_are_refused_where_no_linear_layer_gives_the_logits():
    bends = nn.Sequential(nn.Linear(3, 2))
    models = [nn.Sequential(nn.ReLU()), nn.Sequential(nn.Linear(3, 3)), bends]
    for model, place in zip(models, ("0", "0", None), strict=True):
        model.last_layer = place
        with pytest.raises(UserError, match="does not end in a linear layer.*use another loss"):
            use_cosines(model, 2, 20.0)
