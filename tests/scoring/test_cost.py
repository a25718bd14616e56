"""What a model costs, by hand for a small one: parameters, MACs, bytes, latency."""

import io

import pytest
import torch
from plain_costs import SAMPLES, SMALL_MODELS, Small, config

from antispoof.config import EXPERIMENT
from antispoof.models import MODELS
from antispoof.models.back_end import BackEnd
from antispoof.scoring import cost
from antispoof.scoring.cost import (
    PeakMemory,
    describe,
    example,
    latency,
    measure,
    saved_bytes,
    whole,
)


@pytest.fixture(autouse=True)
def models(monkeypatch):
    for name, model in SMALL_MODELS.items():
        monkeypatch.setitem(MODELS, name, model)


def test_a_small_model_by_hand():
    found = describe(config())
    saved = io.BytesIO()
    torch.save(Small().state_dict(), saved)
    assert found.pop("peak_activation_bytes") > 0
    assert found == {
        "model": "small",
        "feats": "wave",
        "upstream": "",
        "input": [1, SAMPLES],
        "modules": [
            {"name": "filters", "parameters": 15, "trainable": 15, "macs": 3 * 5 * 22},
            {"name": "parts", "parameters": 16 + 10, "trainable": 10, "macs": 3 * 4 + 4 * 2},
            {"name": "(itself)", "parameters": 2, "trainable": 2, "macs": 2 * 2},
        ],
        "parameters": 15 + 26 + 2,
        "trainable": 15 + 10 + 2,
        "macs": 330 + 20 + 4,
        "trainable_share": 27 / 43,
        "saved_bytes": len(saved.getvalue()),
    }


def test_the_file_is_as_long_as_it_is_said_to_be(tmp_path):
    for model in (Small(1), Small(50), torch.nn.BatchNorm1d(300)):  # buffers too
        path = tmp_path / "x.pt"
        with open(path, "wb") as stream:
            torch.save(model.state_dict(), stream)
        assert saved_bytes(model) == path.stat().st_size


def test_the_peak_is_the_most_that_lives_at_once():
    """Of floats of 4 bytes: 100 and 300 together, then 300 and 50, at last 50."""
    x = torch.zeros(100)
    with PeakMemory([x]) as memory:
        view = x[10:]  # of what is fixed: counts nothing
        assert (memory.now, memory.peak) == (0, 0)
        a = x + 1
        b = torch.cat([a, a, a])
        assert (memory.now, memory.peak) == (1600, 1600)
        del a
        c = b[:50].clone()
        assert (memory.now, memory.peak) == (1400, 1600)
        b.add_(1)  # in its place
        del b
        assert (memory.now, memory.peak) == (200, 1600)
    assert view.shape == (90,)
    del c
    assert memory.now == 0


def test_one_pass_is_measured_without_gradients_and_the_input():
    model = torch.nn.Sequential(torch.nn.Linear(7, 5, bias=False), torch.nn.Linear(5, 3))
    kept = []
    model.forward = lambda x, lengths: kept.append(model[1](model[0](x))) or kept[0]
    macs, peak = measure(model, torch.randn(11, 7), torch.tensor([7]))
    assert (macs["Global"], macs["Sequential.0"]) == (11 * (35 + 15), 11 * 35)
    assert not kept[0].requires_grad
    assert peak == 4 * 11 * (5 + 3)


@pytest.mark.parametrize("seconds", [4.0, 0.003, 1.23456, 2.0])
def test_the_input_is_the_configs_length_or_the_published_one(seconds):
    crop = {**EXPERIMENT["crop"], "seconds": seconds}
    x, lengths = example(config(crop=crop))
    samples = 64600 if seconds == 4.0 else round(seconds * 16000)
    assert (x.shape, lengths.tolist()) == ((1, samples), [samples])
    again, _ = example(config(crop=crop))
    assert torch.equal(x, again)
    assert 0.05 < float(x.std()) < 0.2


UPSTREAM = {"checkpoint": "", "name": "net", "frames": "fairseq"}
UPSTREAM["window"] = {"policy": "full", "samples": 16000}


@pytest.fixture
def upstream(monkeypatch):
    """What conf/upstream/x.yaml says; `net` is a network, `fbank` signal processing."""
    settings = {**UPSTREAM}
    paths = []
    load = lambda config: paths.append(config["upstream"]) or settings  # noqa: E731
    monkeypatch.setattr(cost, "upstream_settings", load)
    monkeypatch.setattr(cost, "_is_signal_processing", lambda name: name == "fbank")
    return settings, paths


def test_cached_features_have_the_models_width_and_the_upstreams_frames(upstream):
    settings, paths = upstream
    cached = config(model="reader", feats="cached", upstream="x", layers=[1, 3, 5])
    cached["crop"] = EXPERIMENT["crop"]
    x, lengths = example(cached)
    assert (x.shape, lengths.tolist()) == ((1, 3, 201, 6), [201])
    assert set(paths) == {"x"}
    assert example({**cached, "model_conf": {"dim": 9}})[0].shape == (1, 3, 201, 9)
    settings["frames"] = "s3prl"
    assert example(cached)[0].shape == (1, 3, 202, 6)
    settings.update(frames="fairseq", window={"policy": "first", "samples": 16000})
    assert example(cached)[0].shape == (1, 3, 49, 6)  # (16,000 - 400) // 320 + 1
    cached["crop"] = {**EXPERIMENT["crop"], "seconds": 2.0}
    settings["window"] = {"policy": "full", "samples": 1}
    assert example(cached)[0].shape == (1, 3, 99, 6)


def test_signal_processing_is_asked_for_its_own_shape(upstream, monkeypatch):
    settings, _ = upstream
    settings["name"], asked = "fbank", []

    class Frozen:
        def __init__(self, settings):
            pass

        def __call__(self, waves, names):
            asked.append([wave.shape for wave in waves])
            return [{0: torch.zeros(403, 80)}]

    monkeypatch.setattr(cost, "FrozenUpstream", Frozen)
    cached = config(model="reader", feats="cached", upstream="x", crop=EXPERIMENT["crop"])
    x, lengths = example(cached)
    assert (x.shape, lengths.tolist(), asked) == ((1, 1, 403, 80), [403], [[(64600,)]])


def test_a_whole_detector_is_of_the_published_length_with_its_network(upstream):
    settings, _ = upstream
    cached = config(model="reader", feats="cached", upstream="x")
    found = whole(cached)
    assert found == {**cached, "feats": "ssl", "crop": {**cached["crop"], "seconds": 4.0}}
    settings["name"] = "fbank"
    assert whole(cached)["feats"] == "cached"
    settings["checkpoint"] = "a.pt"
    assert whole(cached)["feats"] == "ssl"
    assert whole(config())["feats"] == "wave"
    seconds = SAMPLES / 16000
    for conf, expected in (({}, seconds), ({"pooling": "adaptive"}, 4.0)):
        assert whole(config(model="fixed", model_conf=conf))["crop"]["seconds"] == expected
    assert whole(config(model="small"))["crop"]["seconds"] == 4.0


def test_latency_is_a_ratio_of_medians_without_the_first_pass(monkeypatch):
    times = iter([100.0, 50.0, 3.0, 2.0, 9.0, 4.0, 6.0, 1.0])  # a pass and a product in turn
    calls = []

    def seconds(function, *args):
        calls.append((function, args))
        return next(times)

    monkeypatch.setattr(cost, "_seconds", seconds)
    assert latency("model", "x", "lengths", 3) == pytest.approx(6.0 / 2.0)
    assert [function for function, _ in calls] == ["model", torch.matmul] * 4
    assert calls[0][1] == ("x", "lengths")
    assert calls[1][1][0].shape == calls[1][1][1].shape == (1024, 1024)


class Modes(BackEnd):
    """A part called back_end, and one product of it in scoring, two in training."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3, 4))
        self.register_buffer("table", torch.ones(5))
        self.back_end = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 3), "b": torch.nn.Tanh()})

    def forward(self, x, lengths):
        x = self.back_end["a"](x[:, :2])
        return x @ self.weight if self.training else x


def test_views_of_the_input_and_the_weights_take_no_memory():
    model, lengths = Modes(), torch.tensor([7])
    views = []

    def forward(x, lengths):
        views[:] = [x[:, 1:], model.weight.detach().T, model.table[1:], lengths.reshape(1, 1)]

    model.forward = forward
    assert measure(model, torch.ones(6, 7), lengths)[1] == 0
    assert [view.shape[0] for view in views] == [6, 4, 4, 1]


def test_the_peak_counts_what_comes_after_what_is_gone():
    x = torch.zeros(100)
    with PeakMemory([x]) as memory:
        for _ in range(5):
            a = x + 1
            assert memory.now == 400
            del a
            assert memory.now == 0
    assert memory.peak == 400


def test_a_model_is_measured_as_it_scores_and_parts_of_a_back_end_stand_for_themselves(monkeypatch):
    monkeypatch.setitem(MODELS, "modes", Modes)
    found = describe(config(model="modes"))
    assert found["macs"] == 2 * 3
    assert [(part["name"], part["parameters"]) for part in found["modules"]] == [
        ("back_end.a", 9),
        ("back_end.b", 0),
        ("(itself)", 12),
    ]
