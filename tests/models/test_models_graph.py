"""The graph back ends: published sizes, sparsification, lengths, bad input."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from antispoof.errors import UserError
from antispoof.layers.lengths import by_length
from antispoof.models import build_model

FRAMES = 201  # of 64,600 samples


def parameters(module):
    return 0 if module is None else sum(p.numel() for p in module.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ("name", "conf", "wanted"),
    [
        ("aasist", {}, 297866),
        ("aasist_l", {}, 85306),
        ("ssl_aasist", {}, 447242),
        ("ssl_aasist", {"embedding": 256}, 488136),
        ("ssl_aasist", {"embedding": 1024}, 611784),
        ("ssl_aasist", {"embedding": 1024, "classifier": "ff"}, 611784),
        ("ssl_aasist", {"dim": 768}, 447242 - 256 * 128),
        ("spaarsist", {}, 611784),
        ("spaarsist", {"scorer": "magnitude"}, 611522),
        ("spaarsist", {"scorer": "magnitude", "aggregation": "released_mean"}, 586434),
        ("spaarsist", {"aggregation": "released_mean"}, 586696),
        ("spaarsist", {"scorer": "magnitude", "aggregation": "node_mean"}, 605122),
        ("spaarsist", {"aggregation": "node_mean"}, 605384),
    ],
)
def test_parameters_without_the_classifier(name, conf, wanted):
    model = build_model(name, **conf)
    assert parameters(model) - parameters(getattr(model, "classifier", None)) == wanted


def macs(model, *inputs):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(*inputs)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("scorer", "aggregation", "k", "wanted"),
    [
        ("learned", "attention", 0.5, 710080960),
        ("learned", "attention", 0.3, 700075712),
        ("learned", "attention", 0.1, 695431616),
        ("magnitude", "attention", 0.5, 710070528),
        ("magnitude", "attention", 0.3, 700066688),
        ("magnitude", "attention", 0.1, 695424000),
        ("magnitude", "released_mean", 0.5, 695527040),
        ("magnitude", "released_mean", 0.3, 695187072),
        ("magnitude", "released_mean", 0.1, 694888064),
    ],
)
def test_operations_of_the_back_end(scorer, aggregation, k, wanted):
    model = build_model("spaarsist", scorer=scorer, aggregation=aggregation, k_infer=k).eval()
    model.classifier = None
    assert macs(model, torch.randn(1, 1, FRAMES, 1024), torch.tensor([FRAMES])) == wanted


@pytest.mark.parametrize(("name", "wanted"), [("aasist", 9562041168), ("aasist_l", 6603129104)])
def test_operations_of_aasist(name, wanted):
    model, samples = build_model(name).eval(), 64600
    assert macs(model, torch.zeros(1, samples), torch.tensor([samples])) == wanted


def test_shares_kept_in_training_and_in_evaluation():
    model = build_model("spaarsist", dim=16, embedding=8, k_train=0.5, k_infer=0.1)
    x, lengths = torch.randn(2, 1, FRAMES, 16), torch.full((2,), FRAMES)
    pools = {n: m for n, m in model.named_modules() if n.rpartition(".")[2].startswith("pool_")}
    sizes = []
    hooks = [
        pool.register_forward_hook(lambda _m, _x, out: sizes.append(out.shape[1]))
        for pool in pools.values()
    ]
    model.train()(x, lengths)
    assert sorted(sizes) == sorted([21, 33, 10, 16, 10, 16])  # of 42 and 67
    assert all(pool.kept is None for pool in pools.values())
    sizes.clear()
    model.eval()(x, lengths)
    assert sorted(sizes) == sorted([4, 6, 1, 1, 1, 1])
    assert model.graph.pool_temporal.kept.shape == (2, 6)
    assert model.graph.pool_temporal.kept.max() < 67
    for hook in hooks:
        hook.remove()


def test_magnitude_keeps_the_largest_nodes_as_they_are():
    nodes = torch.tensor([[[1.0, 0], [3, 4], [-6, 0], [2, 2]]])
    model = build_model("spaarsist", dim=16, embedding=8, scorer="magnitude").eval()
    pool = model.graph.pool_temporal
    assert torch.equal(pool(nodes), nodes[:, [2, 1]])
    assert pool.kept.tolist() == [[2, 1]]


@pytest.mark.parametrize("aggregation", ["attention", "released_mean", "node_mean"])
def test_which_aggregation_lets_the_nodes_reach_the_master(aggregation):
    torch.manual_seed(0)
    model = build_model("spaarsist", dim=16, aggregation=aggregation).eval()
    first = model.graph.branches[0].first
    temporal, spectral, master = torch.randn(2, 5, 64), torch.randn(2, 4, 64), torch.randn(1, 1, 64)
    with torch.no_grad():
        found = first(temporal, spectral, master)[2]
        assert found.shape == (2, 1, 32)
        assert torch.equal(found[0], found[1]) == (aggregation == "released_mean")
        if aggregation == "node_mean":
            nodes = torch.cat([first.type1(temporal), first.type2(spectral)], 1)
            wanted = first.attended_master(nodes.mean(1, keepdim=True)) + first.own_master(master)
            torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("scorer", ["learned", "magnitude"])
@pytest.mark.parametrize("aggregation", ["attention", "released_mean", "node_mean"])
def test_a_trained_state_loads_where_less_of_it_is_used(scorer, aggregation):
    torch.manual_seed(0)
    trained = build_model("spaarsist", dim=16, embedding=8, classifier="linear")
    conf = {"scorer": scorer, "aggregation": aggregation, "k_infer": 0.1}
    other = build_model("spaarsist", dim=16, embedding=8, classifier="linear", **conf)
    other.load_state_dict(trained.state_dict())
    theirs = trained.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in other.state_dict().items())
    with pytest.raises(RuntimeError, match="Unexpected key"):
        other.load_state_dict({**theirs, "graph.pool_temporal.other": torch.zeros(1)})
    if scorer == "magnitude" or aggregation != "attention":
        with pytest.raises(RuntimeError, match="Missing key"):
            trained.load_state_dict(other.state_dict())


CASES = {"ssl_aasist": {"dim": 16}, "spaarsist": {"dim": 16, "embedding": 8, "k_infer": 0.1}}


@pytest.mark.parametrize("name", CASES)
def test_any_length_from_three_frames_on_and_no_padding(name):
    torch.manual_seed(0)
    model = build_model(name, **CASES[name]).eval()
    lengths = torch.tensor([7, 3, 30, 7, 4])
    x = torch.randn(5, 1, 30, 16)
    with torch.inference_mode():
        together = model(x, lengths)
        for index, length in enumerate(lengths):
            alone = model(x[index : index + 1, :, :length], length[None])
            torch.testing.assert_close(together[index], alone[0])
        with pytest.raises(UserError, match="2 frames .* needs 3 or more; crop.seconds"):
            model(x, torch.tensor([7, 2, 30, 7, 4]))
    with pytest.raises(UserError, match="lengths 3 to 30 .*'crop.pad'"):
        model.train()(x, lengths)


def test_waveforms_that_are_too_short_or_no_waveforms():
    model = build_model("aasist_l").eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 2315), torch.tensor([2315])).isfinite().all()
        with pytest.raises(UserError, match="2314 samples .* 2315 or more; crop.seconds"):
            model(torch.zeros(1, 2315), torch.tensor([2314]))
        with pytest.raises(UserError, match="feats: wave"):
            model(torch.zeros(1, 1, 20, 30), torch.tensor([20]))
        with pytest.raises(UserError, match="not finite"):
            model(torch.full((1, 2315), float("nan")), torch.tensor([2315]))


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 2, 9, 16), "2 layers, wanted 1"), ((1, 1, 9, 15), "15 .*, wanted 16; model_conf.dim")],
)
def test_features_of_another_config(shape, message):
    model = build_model("ssl_aasist", dim=16).eval()
    with pytest.raises(UserError, match=message):
        model(torch.zeros(shape), torch.tensor([9]))


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"scorer": "magnitud"}, "did you mean 'magnitude'"),
        ({"aggregation": "mean"}, "did you mean"),
        ({"temperatures": [1, 2]}, "wanted four > 0"),
        ({"k_infer": 0}, "k_infer"),
        ({"k_train": 1.5}, "k_train"),
    ],
)
def test_configs_that_mean_nothing(conf, message):
    with pytest.raises(UserError, match=message):
        build_model("spaarsist", **conf)


def test_groups_of_equal_length_come_back_in_order():
    x, lengths = torch.randn(4, 2, 9), torch.tensor([9, 3, 9, 5])
    calls = []
    found = by_length(lambda part: calls.append(len(part)) or part.sum((1, 2)), x, lengths, 2)
    wanted = torch.stack([one[:, :n].sum() for one, n in zip(x, lengths.tolist(), strict=True)])
    torch.testing.assert_close(found, wanted)
    assert sorted(calls) == [1, 1, 2]
