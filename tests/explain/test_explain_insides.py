"""What a model says of itself: its weights of layers, and the nodes that its graphs keep."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_up import ROOT
from sounds import make_corpus, make_data
from ssl_models import hugging_face, jolt

from antispoof.data.sounds import Sound, read_sound
from antispoof.data.tables import read_table
from antispoof.explain.insides import look_inside
from antispoof.features.sinc import sinc_filters
from antispoof.scoring.build import build_system, upstream_settings
from antispoof.scoring.published import import_published
from antispoof.ssl import convert, save
from antispoof.ssl.upstream import FrozenUpstream
from antispoof.systems.given import give_inputs
from antispoof.training.experiment import load_experiment

GRAPH = "model_conf: {dim: 32, k: 0.4}\n"
CONFIGS = {
    "mhfa": "layers: [1, 3]\nmodel: mhfa\nmodel_conf: {layers: 2, dim: 32, heads: 4}\n",
    "ca_mhfa": "layers: [0, 2, 3]\nmodel: ca_mhfa\nmodel_conf: {layers: 3, dim: 32, heads: 16}\n",
    "mean_pool": "layers: [0, 1, 2, 3]\nmodel: mean_pool\nmodel_conf: {layers: 4, dim: 32}\n",
    "sls": "layers: [1, 2, 3]\nmodel: sls\n"
    "model_conf: {layers: 3, dim: 32, frames: 30, hidden: 16, pooling: adaptive}\n",
    "ssl_aasist": f"layers: [3]\nmodel: ssl_aasist\n{GRAPH}",
    "spaarsist": "layers: [3]\nmodel: spaarsist\n"
    "model_conf: {dim: 32, embedding: 16, scorer: magnitude, k_infer: 0.3}\n",
}
CROPS = {"centre": "{test: centre, seconds: 0.6, pad: none}", "full": "{test: full, seconds: 0.6}"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(folder with a small upstream, a sound of 1.5 s)."""
    folder = tmp_path_factory.mktemp("insides")
    make_data(folder / "data", make_corpus(folder / "corpus", {"eval": 2}))
    (folder / "model").mkdir()
    hugging_face("wavlm_large", folder / "model")
    save(convert(folder / "model")[0], folder / "model.pt")
    (folder / "conf/upstream").mkdir(parents=True)
    text = f"name: wavlm_local\ncheckpoint: {folder}/model.pt\nlayers: all\n"
    (folder / "conf/upstream/small.yaml").write_text(text)
    path = next(iter(read_table(folder / "data/eval/wav.scp").values()))
    heard = read_sound(path)
    return folder, heard._replace(wave=np.resize(heard.wave, 24000))


def system_of(place, name, feats="cached", crop="centre"):
    folder = place[0]
    text = f"feats: {feats}\nupstream: small\ncrop: {CROPS[crop]}\n{CONFIGS[name]}"
    (folder / f"{name}.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = load_experiment(f"{name}.yaml", 1)
        torch.manual_seed(0)
        model = jolt(build_system(config))
        upstream = FrozenUpstream(upstream_settings(config)) if feats == "cached" else None
    return SimpleNamespace(
        config=config, model=model, upstream=upstream, device=torch.device("cpu")
    )


@pytest.mark.parametrize("feats", ["cached", "ssl"])
@pytest.mark.parametrize("name", ["mhfa", "ca_mhfa"])
def test_weights_of_layers_are_those_of_the_model(place, name, feats):
    system = system_of(place, name, feats)
    back_end = system.model if feats == "cached" else system.model.back_end
    with torch.no_grad():
        back_end.key_weights.copy_(torch.arange(len(back_end.key_weights)))
    keys, values = look_inside("one", system, place[1])[0]
    assert (keys.system, keys.kind, values.kind) == ("one", "keys", "values")
    assert list(keys.layers) == system.config["layers"]
    expected = np.exp(np.arange(len(keys.weights)))
    assert keys.weights == pytest.approx(expected / expected.sum())
    assert values.weights.sum() == pytest.approx(1)
    assert not np.allclose(values.weights, keys.weights)


def test_a_mean_over_layers_has_equal_weights(place):
    (mean,), nodes = look_inside("one", system_of(place, "mean_pool"), place[1])
    assert (mean.kind, list(mean.weights), nodes) == ("mean", [0.25] * 4, [])


def test_gates_are_those_of_the_sound(place):
    system = system_of(place, "sls")
    (gates,), _ = look_inside("one", system, place[1])
    x, length, _ = give_inputs(system.config, [place[1]], system.upstream)[0]
    means = x[:, :length].mean(1)  # (L, D)
    expected = torch.sigmoid(means @ system.model.gate.weight[0] + system.model.gate.bias)
    assert gates.kind == "gates"
    assert gates.weights == pytest.approx(expected.detach().numpy(), rel=1e-5)
    other = look_inside("one", system, place[1]._replace(wave=place[1].wave[::-1].copy()))[0][0]
    assert np.abs(other.weights - gates.weights).max() > 1e-5


@torch.inference_mode()
def chosen(pool, x):
    """Indices that a pool of a graph keeps of nodes x (1, N, D), by its formula."""
    if pool.scorer is None:
        scores = (x**2).sum(2)
    else:
        scores = torch.sigmoid(x @ pool.scorer.weight[0] + pool.scorer.bias)
    count = max(int(x.shape[1] * pool.k_infer), 1)
    return scores[0].argsort(descending=True, stable=True)[:count]


def watched(pools):
    """{pool: nodes (1, N, D) that it was given} of the next forward pass."""
    heard = {}
    for name, pool in pools.items():

        def take(_, args, name=name):
            heard[name] = args[0].detach()

        pool.register_forward_pre_hook(take)
    return heard


@pytest.fixture(scope="module")
def aasist():
    config, model = import_published(ROOT / "tests/weights/aasist/AASIST-L.pth")
    return SimpleNamespace(
        config=config, model=model.eval(), upstream=None, device=torch.device("cpu")
    )


@pytest.fixture(scope="module")
def speech():
    rng = np.random.default_rng(0)
    wave = rng.standard_normal(80000) * (1 + np.sin(np.arange(80000) / 3000)) / 20
    return Sound("one", wave.astype(np.float32), "one.wav")


@pytest.mark.parametrize("name", ["aasist", "ssl_aasist", "spaarsist"])
def test_kept_nodes_are_those_of_the_model_s_own_pools(place, aasist, speech, name):
    published = name == "aasist"
    system, sound = (aasist, speech) if published else (system_of(place, name), place[1])
    graph = system.model.graph
    pools = {
        kind: (getattr(graph, pool), *(getattr(branch, pool) for branch in graph.branches))
        for kind, pool in (("time", "pool_temporal"), ("frequency", "pool_spectral"))
    }
    flat = {(kind, n): pool for kind, own in pools.items() for n, pool in enumerate(own)}
    for pool in flat.values():
        if not published and pool.scorer is not None:
            pool.scorer.weight.data.mul_(1e-3)  # of random weights: no two sigmoids are 1
    heard = watched(flat)
    _, nodes = look_inside("one", system, sound)
    assert [own.kind for own in nodes] == ["time", "frequency"]
    for own in nodes:
        first, *rest = pools[own.kind]
        top = chosen(first, heard[own.kind, 0])
        assert len(own.kept) == heard[own.kind, 0].shape[1]
        assert set(np.flatnonzero(own.kept)) == set(top.tolist())
        assert 0 < own.kept.sum() < len(own.kept)
        for number, pool in enumerate(rest):
            second = top[chosen(pool, heard[own.kind, number + 1])]
            assert set(np.flatnonzero(own.branches[number])) == set(second.tolist())


def test_nodes_of_aasist_lie_where_they_listen_in_time_and_frequency(aasist, speech):
    _, (time, frequency) = look_inside("one", aasist, speech)
    assert len(time.kept) == (64600 - 128) // 3**7 and len(frequency.kept) == 23
    heard = {}
    graph = aasist.model.graph
    hook = graph.register_forward_pre_hook(lambda _, args: heard.update(nodes=args))
    x = torch.from_numpy(speech.wave[None, :64600].copy()).requires_grad_()
    aasist.model(x, torch.tensor([64600]))
    hook.remove()
    for node in (0, 17):
        (slope,) = torch.autograd.grad(heard["nodes"][1][0, node].sum(), x, retain_graph=True)
        power = slope[0].square()
        at = float((power * torch.arange(64600)).sum() / power.sum()) / 16000
        assert time.starts[node] - 0.1 < at < time.ends[node] + 0.1
    response = torch.fft.rfft(sinc_filters(70, 129), 16000).abs()  # a bin is 1 Hz
    for row in range(23):
        own = response[3 * row : 3 * row + 3].square().sum(0)
        at = float((own * torch.arange(len(own))).sum() / own.sum())
        assert frequency.starts[row] < at < frequency.ends[row]


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("feats", ["cached", "ssl"])
def test_nodes_of_an_upstream_are_of_three_frames_each_from_where_the_crop_begins(
    place, feats, crop
):
    _, (time, frequency) = look_inside("one", system_of(place, "ssl_aasist", feats, crop), place[1])
    start = {"centre": 0.45, "full": 0.0}[crop]
    assert time.starts[0] == pytest.approx(start, abs=0.021)
    assert np.diff(time.starts) == pytest.approx(0.06)
    assert time.ends == pytest.approx(time.starts + 0.06)
    assert len(time.kept) == {"centre": 10 if feats == "cached" else 9, "full": 24}[crop]
    assert np.isnan(frequency.starts).all() and len(frequency.kept) == 42
