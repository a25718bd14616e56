"""Conversion of fairseq's files: every form of their settings, every way they can fail to fit."""

import argparse
import sys
import time
import types

import pytest
import torch
from made_up import worker
from ssl_models import fairseq_settings, fairseq_weights, hugging_face, sounds

from antispoof.errors import UserError
from antispoof.ssl import convert, load_local, save, summarise

PROGRAM = "tools/convert_checkpoint.py"
HUBERT = {"_name": "hubert", "quantize_targets": None, "final_dim": 6, "latent_temp": None}


def states(upstream):
    with torch.no_grad():
        return upstream(sounds(4000))["hidden_states"]


def direct(weights, settings):
    """The hidden states of s3prl's own model with these weights, loaded without our code."""
    from s3prl.upstream.utils import merge_with_parent
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    model = Wav2Vec2Model(merge_with_parent(Wav2Vec2Config, settings)).eval()
    model.load_state_dict(weights)
    with torch.no_grad():
        return model.extract_features(torch.stack(sounds(4000)), None)["x"]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-1.6"])
@pytest.mark.parametrize("form", ["args", "cfg"])
def test_fairseq_file_gives_the_same_states(tmp_path, form, zipped):
    settings = fairseq_settings()
    weights = fairseq_weights(settings)
    if form == "args":  # before 2021: one flat Namespace, the architecture in `arch`
        flat = {**settings, "arch": settings.pop("_name"), "normalize": True, "lr": [0.1]}
        state = {"args": argparse.Namespace(**flat), "model": weights, "best": None}
    else:
        task = {"_name": "audio_pretraining", "normalize": True}
        state = {"args": None, "cfg": {"model": settings, "task": task}, "model": weights}
    torch.save(state, tmp_path / "in.pt", _use_new_zipfile_serialization=zipped)
    checkpoint, notes = convert(tmp_path / "in.pt", normalize=False)
    assert notes == []
    assert "a_setting_of_another_year" not in checkpoint["model_cfg"]
    save(checkpoint, tmp_path / "out.pt")
    got = states(load_local(tmp_path / "out.pt"))
    assert len(got) == 3
    assert torch.equal(got[-1], direct(weights, settings))


@pytest.mark.parametrize("normalize", [True, False])
def test_the_normalisation_flag_is_the_tasks(tmp_path, normalize):
    settings = fairseq_settings()
    cfg = {"model": settings, "task": {"normalize": normalize}}
    torch.save({"cfg": cfg, "model": fairseq_weights(settings)}, tmp_path / "in.pt")
    checkpoint, _ = convert(tmp_path / "in.pt")
    assert summarise(checkpoint, "in.pt").normalize is normalize
    loud, quiet = sounds(4000, amplitude=1.0), sounds(4000, amplitude=0.1)
    save(checkpoint, tmp_path / "out.pt")
    with torch.no_grad():
        a, b = (load_local(tmp_path / "out.pt")(w)["hidden_states"][-1] for w in (loud, quiet))
    assert bool((a - b).abs().max() < 1e-2) is normalize


@pytest.fixture
def foreign(monkeypatch):
    """Make classes as other programs have them; they can be pickled, and are gone afterwards."""

    def make(module, name, *bases):
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            package = ".".join(parts[:end])
            if not hasattr(sys.modules.get(package), "made_up"):
                monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
                sys.modules[package].made_up = True
        made = type(name, bases, {"__module__": module})
        setattr(sys.modules[module], name, made)
        return made

    return make


def test_hubert_with_config_nodes_references_and_dictionaries(tmp_path, foreign, monkeypatch):
    Node = foreign("omegaconf.nodes", "AnyNode")
    Dict = foreign("omegaconf.dictconfig", "DictConfig")
    Choice = foreign("fairseq.dataclass.constants", "Choices", str)
    Words = foreign("fairseq.data.dictionary", "Dictionary")

    def nodes(value):
        made = (Dict if isinstance(value, dict) else Node)()
        if isinstance(value, dict):
            made._content = {key: nodes(item) for key, item in value.items()}
        else:
            made._val = value
        made._parent = made._metadata = made  # omegaconf's nodes know their parents
        return made

    settings = {**fairseq_settings(), **HUBERT, "label_rate": "${task.label_rate}"}
    settings["extractor_mode"] = Choice("layer_norm")
    cfg = nodes({"model": settings, "task": {"label_rate": 25.0, "normalize": True, "lost": "???"}})
    words = Words()
    words.symbols, words.count = ["<s>", "0", "1"], [1, 1, 1]
    weights = fairseq_weights({**fairseq_settings(), **HUBERT}, "hubert", [words.symbols])
    state = {"cfg": cfg, "model": weights, "task_state": {"dictionaries": [words]}}
    torch.save(state, tmp_path / "in.pt")
    for module in ("omegaconf", "omegaconf.nodes", "omegaconf.dictconfig", "fairseq"):
        monkeypatch.setitem(sys.modules, module, None)  # to import one is now an error
    checkpoint, notes = convert(tmp_path / "in.pt")
    assert notes == []
    assert checkpoint["dictionaries_symbols"] == [["<s>", "0", "1"]]
    assert checkpoint["model_cfg"]["label_rate"] == 25.0
    assert checkpoint["model_cfg"]["extractor_mode"] == "layer_norm"
    summary = save(checkpoint, tmp_path / "out.pt")
    assert (summary.family, summary.layers, summary.normalize) == ("hubert", 2, True)
    assert torch.isfinite(states(load_local(tmp_path / "out.pt"))[-1]).all()


def test_real_omegaconf_nodes(tmp_path):
    omegaconf = pytest.importorskip("omegaconf")
    settings = fairseq_settings()
    weights = fairseq_weights(settings)
    cfg = omegaconf.OmegaConf.create(
        {"common": None, "model": {**settings, "latent_temp": [2, 0.5, 0.9]}}
        | {"task": {"normalize": True, "data": "???"}}
    )
    torch.save({"cfg": cfg, "model": weights}, tmp_path / "in.pt")
    checkpoint, _ = convert(tmp_path / "in.pt")
    assert checkpoint["model_cfg"]["latent_temp"] == [2, 0.5, 0.9]
    assert checkpoint["task_cfg"] == {"normalize": True}


def test_hubert_without_its_dictionaries_loses_only_their_embeddings(tmp_path):
    settings = {**fairseq_settings(), **HUBERT}
    weights = fairseq_weights(settings, "hubert", [["a", "b"]])
    torch.save({"cfg": {"model": settings, "task": {}}, "model": weights}, tmp_path / "in.pt")
    checkpoint, notes = convert(tmp_path / "in.pt")
    assert notes == ["left out: label_embs_concat, which only pre-training needs"]
    assert set(weights) - set(checkpoint["model_weight"]) == {"label_embs_concat"}


def test_wavlms_own_file(tmp_path):
    keys = "relative_position_embedding", "gru_rel_pos"
    settings = fairseq_settings(num_buckets=20, max_distance=50, **dict.fromkeys(keys, True))
    settings = {key: settings[key] for key in settings if key != "_name"} | {"normalize": True}
    weights = fairseq_weights(settings, "wavlm")
    torch.save({"cfg": settings, "model": weights}, tmp_path / "in.pt")
    checkpoint, _ = convert(tmp_path / "in.pt")
    summary = save(checkpoint, tmp_path / "out.pt")
    assert (summary.family, summary.normalize, summary.final_norm) == ("wavlm", True, True)
    got = load_local(tmp_path / "out.pt").model.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in got.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s["model"].pop("encoder.layer_norm.weight"),
            "Missing.*encoder.layer_norm.weight",
        ),
        (lambda s: s["model"].update(more=torch.ones(1)), "Unexpected.*more"),
        (lambda s: s["cfg"]["model"].update(conv_pos=8), "size mismatch.*pos_conv"),
        (lambda s: s["cfg"]["model"].update(encoder_layers="two"), "config is not"),
        (lambda s: s["cfg"]["model"].update(_name="wav2vec_ctc"), "wav2vec_ctc"),
        (lambda s: s.pop("cfg"), "neither 'cfg' nor 'args'"),
        (lambda s: s.pop("model"), "wanted fairseq's"),
        (lambda s: s["model"].update({"w2v_encoder.x": torch.ones(1)}), "fine-tuned"),
        (lambda s: s["model"].update(step=3), "more than tensors"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_what_is_wrong(tmp_path, change, message):
    settings = fairseq_settings()
    state = {"cfg": {"model": settings, "task": {}}, "model": fairseq_weights(settings)}
    if message == "wav2vec_ctc":  # otherwise told by its weights
        del state["model"]["quantizer.vars"]
    change(state)
    torch.save(state, tmp_path / "in.pt")
    with pytest.raises(UserError, match=message) as error:
        convert(tmp_path / "in.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", ["keep", "float16"])
def test_stored_precision(tmp_path, dtype):
    hugging_face("wav2vec2_large", tmp_path / "hf")
    checkpoint, _ = convert(tmp_path / "hf", dtype=dtype)
    summary = save(checkpoint, tmp_path / "out.pt")
    assert summary.dtypes == ("float32" if dtype == "keep" else "float16",)
    half = dtype == "float16"
    assert (tmp_path / "out.pt").stat().st_size < (110_000 if half else 180_000)
    assert next(load_local(tmp_path / "out.pt").parameters()).dtype == torch.float32


def test_a_view_of_a_large_tensor_is_stored_alone(tmp_path):
    settings = fairseq_settings()
    weights = fairseq_weights(settings)
    weights["mask_emb"] = torch.zeros(1_000_000)[: len(weights["mask_emb"])]
    torch.save({"cfg": {"model": settings, "task": {}}, "model": weights}, tmp_path / "in.pt")
    save(convert(tmp_path / "in.pt")[0], tmp_path / "out.pt")
    assert (tmp_path / "out.pt").stat().st_size < 1_000_000


def test_worker_converts_and_says_how_to_use_it(tmp_path):
    hugging_face("wav2vec2_large", tmp_path / "hf", normalize=True)
    status, out, error = worker(PROGRAM, "hf", "out.pt", cwd=tmp_path)
    assert status == 0, error
    for line in (
        "family: wav2vec2",
        "layers: 3 of width 32, and a final LayerNorm of the encoder",
        "waveform normalised: yes",
        "name: wav2vec2_local",
        "checkpoint: out.pt",
    ):
        assert line in out.splitlines()
    loaded = torch.load(tmp_path / "out.pt", weights_only=True)
    assert set(loaded) == {"task_cfg", "model_cfg", "model_weight"}


def test_worker_leaves_what_was_there_when_it_fails(tmp_path):
    (tmp_path / "out.pt").write_text("before")
    status, _, error = worker(PROGRAM, "nothing.pt", "out.pt", cwd=tmp_path)
    assert (status, error) == (1, f"{PROGRAM}: nothing.pt: no such file\n")
    assert [path.name for path in tmp_path.iterdir()] == ["out.pt"]
    assert (tmp_path / "out.pt").read_text() == "before"


@pytest.mark.alone
def test_worker_help_is_quick(tmp_path):
    taken = []
    for _ in range(3):  # the quickest of three: other programs may be at work
        start = time.monotonic()
        assert "example:" in worker(PROGRAM, "--help", cwd=tmp_path)[1]
        taken.append(time.monotonic() - start)
    assert min(taken) < 1
