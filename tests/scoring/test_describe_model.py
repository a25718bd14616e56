"""What a model costs: counted as published, and for every committed config."""

import io
import json
import subprocess
import sys
from functools import partial

import pytest
import torch
from made_up import ROOT, worker
from ssl_models import small_upstream
from tree import name, named

from antispoof.config import EXPERIMENT, write_config
from antispoof.models import build_model
from antispoof.scoring.cost import PeakMemory, describe, measure, whole
from antispoof.training.experiment import load_experiment

EXPERIMENTS = [name(path) for path in named("conf/train_*.yaml", "egs/*/conf/train_*.yaml")]


def config(**departures):
    return {**EXPERIMENT, "feats": "wave", "seed": 0, **departures}


def parts(found):
    return {part["name"]: part for part in found["modules"]}


def test_three_seconds_of_mel_cnn():
    crop = {**EXPERIMENT["crop"], "seconds": 3.0}
    found = describe(config(model="mel_cnn", crop=crop))
    assert found["input"] == [1, 48000]
    assert found["parameters"] == found["trainable"] == 405121
    of = parts(found)
    assert of["blocks"]["parameters"] + of["head"]["parameters"] == 405121
    # 2 x 128 x 301 halved by each of four pools, 3 x 3 kernels: by hand
    sizes = [(2, 32, 128, 301), (32, 64, 64, 150), (64, 128, 32, 75), (128, 256, 16, 37)]
    by_hand = sum(9 * a * b * rows * columns for a, b, rows, columns in sizes)
    assert of["blocks"]["macs"] == by_hand == 550674432
    assert of["head"]["macs"] == 256 * 64 + 64
    assert sum(part["macs"] for part in found["modules"]) == found["macs"]
    file = io.BytesIO()
    torch.save(build_model("mel_cnn").state_dict(), file)
    assert found["saved_bytes"] == len(file.getvalue())


CACHED = {"feats": "cached", "upstream": "xls_r_300m"}


@pytest.mark.parametrize(
    ("model", "layers", "macs"),
    [("sls", 24, 23421952 + 2 * 24 * 1024 * 201), ("mhfa", 24, None), ("nes2net_x", 1, None)],
)
def test_the_published_length_is_the_default(model, layers, macs):
    conf = {"layers": layers} if model != "nes2net_x" else {}
    found = describe(
        config(model=model, model_conf=conf, layers=list(range(1, layers + 1)), **CACHED)
    )
    assert found["input"] == [1, layers, 201, 1024]
    # SLS: the published count is the linear layers', 23,421,952; means and weighted sums are
    # products here, and are counted too
    assert macs in (None, found["macs"])


def test_a_model_that_takes_any_width_is_given_the_upstreams(monkeypatch):
    monkeypatch.chdir(ROOT)
    conf = {"front_end": "cached"}
    found = describe(
        config(model="mel_cnn", model_conf=conf, feats="cached", upstream="hubert_mini")
    )
    assert found["input"] == [1, 1, 201, 192]


def test_the_linear_layers_of_mhfa_are_the_published_count():
    conf = {"layers": 24, "embedding": 1024}
    found = describe(config(model="mhfa", model_conf=conf, layers=list(range(1, 25)), **CACHED))
    linear = ("key", "value", "attention", "project")
    assert sum(parts(found)[part]["macs"] for part in linear) == 57708544


def test_recurrent_layers_and_attention_are_counted():
    lstm = torch.nn.LSTM(6, 4, 2, batch_first=True, bidirectional=True).eval()
    lstm.forward = partial(_first, lstm.forward)
    macs, _ = measure(lstm, torch.randn(1, 5, 6), torch.tensor([5]))
    layers = 2 * (6 * 16 + 4 * 16) + 2 * (8 * 16 + 4 * 16)
    assert macs["Global"] == 5 * layers
    layer = build_model("mel_vit", dim=8, depth=1, heads=2).eval().layers[0]
    layer.forward = partial(_masked, layer.forward)
    macs, _ = measure(layer, torch.randn(1, 7, 8), torch.tensor([7]))
    assert macs["Global"] == 7 * 12 * 8 * 8 + 2 * 7 * 7 * 8


def _first(forward, x, _lengths):
    return forward(x)[0]


def _masked(forward, x, _lengths):
    return forward(x, torch.ones(1, 1, 1, x.shape[1], dtype=torch.bool))


def test_peak_memory_is_what_lives_at_once():
    x = torch.randn(1000)
    with PeakMemory([x]) as memory:
        a = x + 1
        b = a.view(10, 100) * 2
        del a
        c = b.sum(1)
    assert (memory.peak, memory.now) == (8000, 4040)
    del b, c
    assert memory.now == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("upstreams")


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_every_committed_config(place, path, monkeypatch):
    monkeypatch.chdir(ROOT / path.partition("/conf/")[0] if path.startswith("egs") else ROOT)
    monkeypatch.setattr(
        "antispoof.scoring.build.load_upstream_config", partial(small_upstream, place)
    )
    found = describe(load_experiment(ROOT / path, 0))
    assert 0 < found["trainable"] <= found["parameters"]
    assert found["macs"] > 0
    assert 4 * found["parameters"] * found["trainable_share"] <= found["saved_bytes"]
    assert found["peak_activation_bytes"] > 0
    assert json.loads(json.dumps(found)) == found
    for key in ("parameters", "trainable", "macs"):
        assert sum(part[key] for part in found["modules"]) == found[key]


def run(*args):
    command = [sys.executable, ROOT / "steps/describe_model.py", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_table_and_the_json_say_the_same():
    options = (
        "--config",
        "conf/train_mel_cnn.yaml",
        "--override",
        "model_conf.widths=[4, 4, 8, 8]",
    )
    done, as_json = run(*options), run(*options, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(as_json.stdout)
    assert done.stdout.startswith("mel_cnn, input 1 x 48000")
    for key in ("parameters", "macs", "saved_bytes", "peak_activation_bytes"):
        assert f"{found[key]:,}" in done.stdout


def test_a_checkpoint_that_is_not_here_is_one_line(tmp_path):
    upstream = tmp_path / "conf/upstream/gone.yaml"
    upstream.parent.mkdir(parents=True)
    upstream.write_text("name: hubert_local\ncheckpoint: conf/upstream/gone.pt\n")
    (tmp_path / "train.yaml").write_text("feats: ssl\nupstream: gone\nmodel: mhfa\n")
    command = [sys.executable, ROOT / "steps/describe_model.py", "--config", "train.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("steps/describe_model.py: conf/upstream/gone.pt: no such file")
    assert done.stderr.count("\n") == 1


def test_the_cost_of_an_experiment(tmp_path):
    exp = tmp_path / "mel_cnn_seed1"
    crop = {**EXPERIMENT["crop"], "seconds": 1.0}
    write_config(exp / "config.yaml", config(model="mel_cnn", crop=crop))
    status, out, error = worker(
        "steps/describe_model.py", "--exp", exp, "--rounds", 2, cwd=tmp_path
    )
    assert status == 0, error
    cost = json.loads((exp / "cost.json").read_text())
    assert cost["parameters"] == 405121
    assert cost["input"] == [1, 64600]  # whatever the crop in training
    assert cost["latency"] > 0
    assert "a forward pass on one thread" in out


def test_a_head_of_one_length_is_measured_at_it(monkeypatch):
    monkeypatch.chdir(ROOT / "egs/mini")
    fixed = whole(load_experiment("conf/train_sls_v2_mini.yaml", 1))
    assert describe(fixed)["input"] == [1, 24000]  # 1.5 s
    adaptive = whole(load_experiment("conf/train_sls_frozen_mini.yaml", 1))
    assert describe(adaptive)["input"] == [1, 64600]
