"""Nothing runs that an upstream of s3prl's hub is given: no pickle, no text, no tag in YAML."""

import argparse
import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from any_upstream import make, where_installed
from random_upstreams import CONV, MAKERS, VGGISH

from antispoof.config import UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl import fetch
from antispoof.ssl.families import BY_PACKAGE, FAMILIES, MARKS
from antispoof.ssl.guard import disarm, guarded, read_inert, read_text
from antispoof.ssl.s3prl import find_upstream
from antispoof.ssl.upstream import (
    open_upstream,
)

LARGE = (
    "passt",
    "ssast",
    "ast",
    "byol_a",
    "byol_s",
    "decoar",
    "decoar_layers",
    "decoar2",
    "lighthubert",
)
SMALL = [package for package in MAKERS if package not in LARGE]

# of the other two, transformers reads the files
LOCAL = [f.package for f in FAMILIES if f.local and not f.package.startswith("hf_")]


class Runs:
    """Pickles as a call that makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


def config_of(package, checkpoint, **more):
    name = BY_PACKAGE[package].local[0]
    return {**UPSTREAM, "name": name, "checkpoint": str(checkpoint), **more}


def marked(package):
    """The smallest dict that has the form of a family's files."""
    state = 1
    for key in reversed(MARKS.get(BY_PACKAGE[package].form, ("model",))):
        state = {key: state}
    return state


@pytest.mark.parametrize("package", where_installed(LOCAL))
def test_a_pickle_that_calls_is_refused_by_every_family(tmp_path, package):
    ran = tmp_path / "ran"
    state = {**marked(package), "more": Runs(ran)}
    place = tmp_path / "x.pt"
    if package == "vggish":
        (tmp_path / "folder").mkdir()
        place = tmp_path / "folder"
        for name in VGGISH:
            torch.save(state, place / name)
    else:
        torch.save(state, place)
    with pytest.raises(
        UserError, match=r"names (posix|nt)\.system, which no checkpoint nee"
    ) as said:
        open_upstream(config_of(package, place))
    assert str(tmp_path) in one_line(said)
    assert not ran.exists()
    pickle.loads(pickle.dumps(Runs(ran)))  # the pickle is a working one
    assert ran.exists()


@pytest.mark.parametrize("package", ["hf_hubert", "hf_wav2vec2"])
def test_a_folder_with_a_pickle_that_calls_is_refused(tmp_path, package):
    place = make(package, tmp_path)
    (place / "model.safetensors").unlink()
    torch.save({"weight": Runs(tmp_path / "ran")}, place / "pytorch_model.bin")
    with pytest.raises(UserError, match="hf: its config or weights are not those of 'hf_") as said:
        open_upstream(config_of(package, place))
    one_line(said)
    assert not (tmp_path / "ran").exists()


NAMES = ("apc", "tera", "distilhubert", "modified_cpc", "byol_a_512", "vggish", "mae_ast_patch")


@pytest.mark.parametrize("name", NAMES)
def test_a_download_with_a_pickle_that_calls_is_refused(tmp_path, monkeypatch, name):
    torch.save({"model": Runs(tmp_path / "ran")}, tmp_path / "x.pt")
    find_upstream(name)
    source = sys.modules["s3prl.util.download"]
    monkeypatch.setattr(source, "urls_to_filepaths", lambda *_, **__: str(tmp_path / "x.pt"))
    with pytest.raises(UserError, match=r"x.pt: names (posix|nt)\.system") as said:
        fetch.make_upstream(name)
    one_line(said)
    assert not (tmp_path / "ran").exists()


TEXT = "__import__('pathlib').Path({!r}).touch() or [(16, 10, 5)]"
TEXTS = {
    "wav2vec": ("model_cfg", "conv_feature_layers"),
    "vq_wav2vec": ("model_cfg", "conv_aggregator_layers"),
    "multires_hubert": ("model_cfg", "override_encoder_layers"),
    "distiller": ("Config", "distiller", "extractor_conv_feature_layers"),
}


@pytest.mark.parametrize("package", TEXTS)
def test_a_text_that_s3prl_would_evaluate_is_not_run(tmp_path, package):
    state = MAKERS[package]()
    inner, ran = state, tmp_path / "ran"
    for key in TEXTS[package][:-1]:
        inner = inner[key]
    inner[TEXTS[package][-1]] = TEXT.format(str(ran))
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(UserError, match="x.pt: s3prl would run the text .*it was not run") as said:
        open_upstream(config_of(package, tmp_path / "x.pt"))
    one_line(said)
    assert not ran.exists()


def test_a_kind_of_features_that_s3prl_would_evaluate_is_not_run(tmp_path):
    ran = tmp_path / "ran"
    kind = f"fbank and open({str(ran)!r}, 'w')"
    state = MAKERS["mockingjay"]()
    state["Upstream_Config"]["audio"] = {"kaldi": {"feat_type": kind, kind: {}}}
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(UserError, match="x.pt: s3prl would run the text"):
        open_upstream(config_of("mockingjay", tmp_path / "x.pt"))
    (tmp_path / "x.yaml").write_text(f"kaldi: {{feat_type: {kind!r}}}\n")
    options = {"model_config": str(tmp_path / "x.yaml")}
    with pytest.raises(UserError, match="s3prl would run the text"):
        open_upstream({**UPSTREAM, "name": "baseline_local", "options": options})
    assert not ran.exists()


def test_a_tag_in_yaml_is_not_followed(tmp_path):
    (tmp_path / "x.yaml").write_text("!!python/name:os.system\n")
    for name in ("stft_mag", "baseline_local"):
        options = {"model_config": str(tmp_path / "x.yaml")}
        with pytest.raises(
            UserError, match="ConstructorError.*could not determine a constr"
        ) as said:
            open_upstream({**UPSTREAM, "name": name, "options": options})
        one_line(said)


def test_every_module_of_s3prl_gets_an_eval_that_runs_nothing():
    from s3prl import hub

    find_upstream("fbank")
    disarm()
    modules = {n: m for n, m in sys.modules.items() if n.startswith("s3prl.upstream.")}
    evaluate = [m for n, m in modules.items() if not n.endswith("hubconf")]
    assert len(evaluate) > 50
    assert {vars(module)["eval"] for module in evaluate} == {read_text}
    for path in Path(hub.__file__).parent.glob("upstream/*/hubconf.py"):
        assert "eval(" not in path.read_text("utf-8")
    assert read_text(CONV)[-1] == [16, 2, 2]
    with pytest.raises(UserError, match="it was not run"):
        read_text("self.__class__")  # what begins with _ is no module


def test_torch_and_yaml_are_as_they_were(tmp_path):
    import yaml

    before = torch.load, yaml.load
    with pytest.raises(ZeroDivisionError), guarded({}):
        assert torch.load is not before[0]
        raise ZeroDivisionError
    assert (torch.load, yaml.load) == before


def test_arrays_namespaces_and_old_optimisers_are_read(tmp_path):
    state = {"a": np.arange(3.0), "b": np.float32(2), "c": argparse.Namespace(d=[1, {"e": "f"}])}
    torch.save(state, tmp_path / "x.pt")
    found = read_inert(tmp_path / "x.pt")
    assert (found["a"].tolist(), found["b"]) == ([0, 1, 2], 2)
    assert vars(found["c"]) == vars(state["c"])
    old = types.ModuleType("optimizers")
    old.BertAdam = type("BertAdam", (), {"__module__": "optimizers", "__qualname__": "BertAdam"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "optimizers", old)
        torch.save({"Optimizer": old.BertAdam(), "a": [torch.ones(2)]}, tmp_path / "x.pt")
    found = read_inert(tmp_path / "x.pt")
    assert found["a"][0].tolist() == [1, 1] and found["Optimizer"] is None
