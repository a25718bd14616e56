"""An experiment folder is whole: what a default or a config says tomorrow changes nothing of it."""

import json
import subprocess
import sys

import pytest
import torch
import yaml
from made_up import ROOT
from plain_training import Tiny, tiny_place
from sounds import make_corpus, make_data
from ssl_models import hugging_face

from antispoof.augment.waveform import Trim
from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.models import MODELS
from antispoof.models.mhfa import MHFA
from antispoof.ssl.convert import convert, save
from antispoof.training.experiment import complete, load_experiment, read_experiment

TINY = """
feats: wave
model: tiny
loss: focal
augment: [trim, {group: {of: [{mu_law: {p: 0.5}}], p: 0.25}}]
phases: [{epochs: 1}, {epochs: 1, augment: [time_mask]}]
crop: {train: random, test: centre, seconds: 0.005, pad: none}
batch_size: 4
"""
SSL = """
feats: {feats}
upstream: own
layers: [1, 2]
model: mhfa
model_conf: {{heads: 2, compression: 4, embedding: 6{more}}}
crop: {{test: full, pad: none}}
epochs: 1
batch_size: 4
"""
OWN = """
name: wav2vec2_local
checkpoint: conf/upstream/own.pt
layers: all
dtype: float32
"""


def run(step, *words):
    """A worker of steps/ in this process, so that what a test changes holds for it."""
    from laws import load_worker

    before, sys.argv = sys.argv, [f"steps/{step}.py", *map(str, words)]
    try:
        load_worker(f"steps/{step}.py").main()
    finally:
        sys.argv = before


def train(config, exp):
    data = ["--train", "data/train", "--dev", "data/dev", "--device", "cpu"]
    run("train", "--config", config, "--seed", 1, *data, exp)


def scores(exp, out="scores"):
    run("score", "--device", "cpu", exp, "data/dev", out)
    with open(out, "rb") as stream:
        return stream.read()


@pytest.fixture
def tiny(tmp_path):
    with tiny_place(tmp_path, TINY) as folder:
        yield folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A recipe of its own: six sounds, an upstream of random weights, its features in dump/."""
    make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"train": 6, "dev": 6}))
    (tmp_path / "conf/upstream").mkdir(parents=True)
    (tmp_path / "hf").mkdir()
    hugging_face("wav2vec2_large", tmp_path / "hf")
    save(convert(tmp_path / "hf")[0], tmp_path / "conf/upstream/own.pt")
    (tmp_path / "conf/upstream/own.yaml").write_text(OWN)
    for feats, more in (("ssl", ""), ("cached", ", layers: 2, dim: 32")):
        (tmp_path / f"conf/train_{feats}.yaml").write_text(SSL.format(feats=feats, more=more))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def extract():
    for name in ("train", "dev"):
        run("extract_ssl", "conf/upstream/own.yaml", f"data/{name}", f"dump/own/{name}")


def test_the_config_of_an_experiment_holds_every_argument(tiny):
    train("train_tiny.yaml", "exp/x")
    written = yaml.safe_load((tiny / "exp/x/config.yaml").read_text())
    assert written["model_conf"] == {"hidden": 3, "dropout": 0.4}
    assert written["loss_conf"] == {"gamma": 2.0}
    trim, group = written["augment"]
    assert trim == {"trim": {"p": 1.0, "level": Trim().level}}
    assert group == {"group": {"p": 0.25, "of": [{"mu_law": {"p": 0.5, "bits": 8}}]}}
    assert written["phases"][0] == {"epochs": 1}
    assert written["phases"][1]["augment"] == [{"time_mask": {"p": 1.0, "share": [0.2, 0.5]}}]
    assert written == load_experiment("train_tiny.yaml", 1) == complete(written)


def test_another_default_of_the_model_changes_no_experiment(tiny, monkeypatch):
    train("train_tiny.yaml", "exp/x")
    before = scores("exp/x")

    class Wider(Tiny):
        def __init__(self, hidden=5, dropout=0.1):
            super().__init__(hidden, dropout)

    monkeypatch.setitem(MODELS, "tiny", Wider)
    assert scores("exp/x", "again") == before


def test_another_config_of_the_upstream_changes_no_experiment(place, monkeypatch):
    train("conf/train_ssl.yaml", "exp/x")
    before = scores("exp/x")
    written = read_experiment("exp/x")
    assert written["upstream_conf"] == {**UPSTREAM, **yaml.safe_load(OWN)}
    assert written["upstream_checkpoint"] == str(place / "conf/upstream/own.pt")
    (place / "conf/upstream/own.yaml").write_text(OWN + "frames: s3prl\nwaveform_norm: true\n")

    assert written["model_conf"]["classifier"] == "linear"
    assert not {"dim", "layers"} & written["model_conf"].keys()  # the front end gives them

    class Other(MHFA):
        def __init__(
            self,
            layers=1,
            dim=7,
            heads=5,
            compression=9,
            embedding=11,
            dropout=0.5,
            classifier="ff",
        ):
            super().__init__(layers, dim, heads, compression, embedding, dropout, classifier)

    monkeypatch.setitem(MODELS, "mhfa", Other)
    assert scores("exp/x", "again") == before


def test_scoring_opens_nothing_beside_the_current_folder(place, tmp_path, monkeypatch):
    train("conf/train_ssl.yaml", "exp/x")
    before = scores("exp/x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    run("score", "--device", "cpu", place / "exp/x", place / "data/dev", "scores")
    assert (elsewhere / "scores").read_bytes() == before


def test_other_cached_features_under_the_same_name_are_noticed(place):
    extract()
    train("conf/train_cached.yaml", "exp/x")
    before = scores("exp/x")
    (place / "conf/upstream/own.yaml").write_text(OWN + "waveform_norm: true\n")
    assert scores("exp/x", "again") == before  # those are still there
    for name in ("train", "dev"):
        subprocess.run(["rm", "-r", f"dump/own/{name}"], check=True)
    extract()
    with pytest.raises(UserError) as caught:
        scores("exp/x", "other")
    line = str(caught.value)
    assert line.startswith("dump/own/dev/config.yaml: holds features of another upstream (wave")
    assert "waveform_norm: True, the experiment read 'as_trained'" in line
    assert not (place / "other").exists()
    train("conf/train_cached.yaml", "exp/y")
    with pytest.raises(UserError, match="holds another experiment .upstream_conf"):
        train("conf/train_cached.yaml", "exp/x")


def test_more_copies_for_training_are_no_other_features_to_score(place):
    extract()
    train("conf/train_cached.yaml", "exp/x")
    before = scores("exp/x")
    more = OWN + "copies: {count: 1, augment: [mu_law]}\n"
    (place / "conf/upstream/own.yaml").write_text(more)
    subprocess.run(["rm", "-r", "dump/own/dev", "dump/own/train"], check=True)
    extract()
    assert scores("exp/x", "again") == before


@pytest.mark.parametrize("feats", ["ssl", "cached"])
def test_a_folder_of_the_old_form_scores_and_is_described(place, feats):
    extract()
    train(f"conf/train_{feats}.yaml", "exp/x")
    before = scores("exp/x")
    path = place / "exp/x/config.yaml"
    config = yaml.safe_load(path.read_text())
    given = yaml.safe_load((place / f"conf/train_{feats}.yaml").read_text())
    old = {key: config[key] for key in EXPERIMENT} | {"seed": 1, "loss_conf": {}}
    path.write_text(yaml.safe_dump({**old, "model_conf": given["model_conf"]}, sort_keys=False))
    assert scores("exp/x", "again") == before
    run("describe_model", "--exp", "exp/x", "--rounds", 1)
    parameters = json.loads((place / "exp/x/cost.json").read_text())["parameters"]
    train(f"conf/train_{feats}.yaml", "exp/x")  # nor is it another experiment
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    run("describe_model", "--exp", "exp/x", "--rounds", 1)
    assert json.loads((place / "exp/x/cost.json").read_text())["parameters"] == parameters


def test_a_list_that_is_written_makes_the_model_of_the_tuple_that_is_default(place):
    torch.manual_seed(0)
    plain = MODELS["mel_cnn"]().state_dict()
    (place / "conf/train_w.yaml").write_text("{feats: wave, model: mel_cnn}\n")
    config = load_experiment("conf/train_w.yaml", 1)
    assert config["model_conf"]["widths"] == [32, 64, 128, 256]
    torch.manual_seed(0)
    found = MODELS["mel_cnn"](**config["model_conf"]).state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in plain.items())


def test_an_experiment_is_read_without_torch():
    code = "import sys; from antispoof.training.experiment import read_experiment; "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
