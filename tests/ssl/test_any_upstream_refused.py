"""What upstreams of s3prl's hub refuse: other files, options and names, and one line says why."""

import re
import sys
import types

import numpy as np
import pytest
import torch
from any_upstream import TRANSFORMERS, make
from random_upstreams import MAKERS, VGGISH, part
from ssl_models import sounds

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.scoring.build import build_front_end
from antispoof.ssl import fetch
from antispoof.ssl.families import BY_PACKAGE, FAMILIES, family_named
from antispoof.ssl.foreign import lacking
from antispoof.ssl.s3prl import find_upstream
from antispoof.ssl.upstream import (
    FrozenUpstream,
    claim_dump,
    load_upstream_config,
    open_upstream,
    require_read,
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


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


def config_of(package, checkpoint, **more):
    name = BY_PACKAGE[package].local[0]
    return {**UPSTREAM, "name": name, "checkpoint": str(checkpoint), **more}


FORMS = sorted(set(SMALL) - {"vq_apc", "vq_wav2vec", "tera", "audio_albert"})


@pytest.mark.parametrize("package", FORMS)
def test_a_file_of_another_family_is_refused_in_one_line(tmp_path, package):
    torch.save(MAKERS[package](), tmp_path / "x.pt")
    form = BY_PACKAGE[package].form
    wanted = f"x.pt: is not of the family that 'name: .*' says; wanted 'name: {form}_local'"
    here = [f for f in FAMILIES if f.local and not lacking(f)]
    for other in {f.package for f in here if f.form not in ("", form)}:
        with pytest.raises(UserError) as said:
            open_upstream(config_of(other, tmp_path / "x.pt"))
        if BY_PACKAGE[other].transformer:  # these have a reader of their own
            assert "x.pt: " in one_line(said)
        else:
            assert re.search(wanted, one_line(said))


def test_a_file_of_a_transformer_is_refused_by_the_others(tmp_path):
    for package, form in zip(TRANSFORMERS, ("wav2vec2", "hubert", "wavlm"), strict=False):
        folder = tmp_path / package
        folder.mkdir()
        place = make(package, folder)
        with pytest.raises(UserError, match=f"model.pt: is not of .*wanted 'name: {form}_local'"):
            open_upstream(config_of("apc", place))


@pytest.mark.parametrize("state", [[1], {}, {"model": {"x": torch.ones(2)}}, {"config": 1}])
def test_a_file_of_no_family_is_refused_in_one_line(tmp_path, state):
    torch.save(state, tmp_path / "x.pt")
    for package in SMALL:
        with pytest.raises(
            UserError, match="x.pt: holds .*, wanted a checkpoint of s3prl's"
        ) as said:
            open_upstream(config_of(package, tmp_path / "x.pt"))
        one_line(said)


@pytest.mark.parametrize("package", SMALL)
def test_weights_of_another_shape_are_refused_in_one_line(tmp_path, package):
    state = MAKERS[package]()
    key = next(
        k for k in ("model", "weights", "model_weight", "Transformer", "Distiller") if k in state
    )
    for name, tensor in state[key].items():
        if tensor.ndim:
            state[key][name] = torch.ones(7, *tensor.shape)
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(UserError, match="x.pt: its config or weights are not those of '") as said:
        open_upstream(config_of(package, tmp_path / "x.pt"))
    one_line(said)


@pytest.mark.parametrize("package", ["cpc", "mockingjay"])
def test_weights_that_would_stay_random_are_refused(tmp_path, package):
    """s3prl loads what it finds, and says nothing, or prints it."""
    state = MAKERS[package]()
    key = "weights" if package == "cpc" else "Transformer"
    kept = list(state[key].items())
    state[key] = dict(kept[: len(kept) // 2])
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"x.pt: holds \d+ of the model's \d+ numbers, wanted 90%"):
        open_upstream(config_of(package, tmp_path / "x.pt"))


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.needs or f.refused], ids=str)
def test_what_cannot_work_says_so_before_any_download(monkeypatch, family):
    name = (
        family.names.split(", ")[0]
        .replace("espnet_hubert*", "cvhubert")
        .replace("mos_*", "mos_apc")
    )
    package, _, version = family.needs.partition("==")
    if package:  # as on a machine that lacks it
        monkeypatch.setitem(sys.modules, package, None)
    forbid_downloads(monkeypatch, name)
    reason = f"the package {package} " if package else family.refused
    with pytest.raises(UserError, match=f"upstream {name}: .*{re.escape(reason)}") as said:
        fetch.make_upstream(name)
    assert "which is not installed; " in one_line(said) or not package
    assert version in str(said.value)


@pytest.mark.parametrize("name", ["ssast_frame_base", "ast"])
def test_another_version_of_a_package_is_refused_before_any_download(monkeypatch, tmp_path, name):
    (tmp_path / "timm").mkdir()
    (tmp_path / "timm/__init__.py").write_text("raise RuntimeError('it was imported')\n")
    record = tmp_path / "timm-1.0.31.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: timm\nVersion: 1.0.31\n")
    for module in [m for m in sys.modules if m.partition(".")[0] == "timm"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)
    forbid_downloads(monkeypatch, name)
    with pytest.raises(UserError, match=f"upstream {name}: s3prl works with") as said:
        fetch.make_upstream(name)
    assert "the package timm 0.4.5 alone (pip install --no-deps timm==0.4.5)" in one_line(said)
    assert "found 1.0.31; " in str(said.value)


def forbid_downloads(monkeypatch, name):
    module = sys.modules[find_upstream(name).__module__]
    for place in (sys.modules["s3prl.util.download"], module):
        for attribute in ("urls_to_filepaths", "_urls_to_filepaths"):
            if hasattr(place, attribute):
                monkeypatch.setattr(place, attribute, lambda *_, **__: pytest.fail("asked"))


def test_vggish_wants_both_files(tmp_path):
    (tmp_path / "x").touch()
    torch.save({"a": torch.ones(1)}, tmp_path / VGGISH[0])
    with pytest.raises(UserError, match=f"{VGGISH[1]}: no such file"):
        open_upstream(config_of("vggish", tmp_path))


def test_options_are_those_of_the_family(tmp_path):
    path = tmp_path / "x.yaml"
    cases = {
        ("byol_a_512", "{window_sec: 1}"): "'options' is 'window_sec', wanted one of window_secs, ",
        ("byol_a_512", "{window_secs: 0}"): "'options.window_secs' is 0.0, wanted more than 0",
        ("byol_a_512", "{window_secs: a}"): "'options.window_secs' is 'a', wanted float",
        ("fbank", "{hooks: [x]}"): "'options' is 'hooks', wanted one of model_config, refresh",
        ("mockingjay", "{ckpt: x}"): "'options' is 'ckpt', wanted one of options_config, refresh",
        ("xls_r_300m", "{feature_selection: x}"): "is 'x', wanted one of fairseq_layers, fairseq",
        ("vggish", "{postprocess: 1}"): "'options.postprocess' is 1, wanted bool",
        ("no_such", "{refresh: true}"): "'options' is 'refresh', wanted one of none",
    }
    for (name, options), wanted in cases.items():
        path.write_text(f"name: {name}\noptions: {options}\n")
        with pytest.raises(UserError) as said:
            load_upstream_config(path)
        assert wanted in one_line(said)
    path.write_text("name: byol_a_512\noptions: {window_secs: 2, refresh: true}\n")
    assert load_upstream_config(path)["options"] == {"window_secs": 2.0, "refresh": True}


def test_a_dump_of_before_there_were_options_is_the_same_dump(tmp_path):
    config = {**UPSTREAM, "name": "fbank"}
    (tmp_path / "config.yaml").write_text("name: fbank\n")
    claim_dump(tmp_path, config)
    require_read(tmp_path, config)
    other = {**config, "options": {"refresh": True}}
    with pytest.raises(UserError, match="holds features of another config"):
        claim_dump(tmp_path, other)
    with pytest.raises(UserError, match="holds features of another upstream .options:"):
        require_read(tmp_path, other)


def test_feature_selection_gives_the_outputs_of_the_layers(tmp_path):
    place = make("wav2vec2", tmp_path)
    plain = FrozenUpstream(config_of("wav2vec2", place, layers="all", final_norm="before"))
    options = {"feature_selection": "fairseq_layers"}
    config = config_of("wav2vec2", place, layers="all", options=options)
    selected = FrozenUpstream(config)
    wave = sounds(4000)[0].numpy()
    (states,), (found,) = plain([wave], ["a"]), selected([wave], ["a"])
    assert list(found) == [0, 1, 2]
    for layer, matrix in found.items():
        np.testing.assert_allclose(matrix, states[layer + 1], atol=1e-5)
    with pytest.raises(UserError, match="'final_norm: before' has no meaning with 'feature_s"):
        open_upstream({**config, "final_norm": "before"})
    experiment = {"upstream": "x", "upstream_conf": config, "upstream_checkpoint": str(place)}
    with pytest.raises(UserError, match="upstream x: 'feats: ssl' takes no 'options'"):
        build_front_end({**experiment, "layers": [1], "finetune": EXPERIMENT["finetune"]})


def test_layers_that_are_not_alike_are_refused(tmp_path):
    state = MAKERS["npc"]()
    paras = {**state["config"]["model"]["paras"], "dim_bottleneck": 4}
    model = part("npc.npc").NPC(20, **paras).state_dict()
    state["config"]["model"]["paras"], state["model"] = paras, model
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(UserError, match="upstream npc_local: its layers .* are of .*16.* that are"):
        FrozenUpstream(config_of("npc", tmp_path / "x.pt", layers="all"))
    assert FrozenUpstream(config_of("npc", tmp_path / "x.pt")).dim == 4


def test_every_name_of_the_hub_is_in_the_family_that_makes_it():
    from s3prl import hub

    find_upstream("fbank")
    functions = {n: f for n, f in vars(hub).items() if isinstance(f, types.FunctionType)}
    skipped = {"options", "timit_posteriorgram", "load_and_convert_fairseq_ckpt"}
    for name, function in functions.items():
        package = function.__module__.split(".")[-2]
        if name in skipped or name.endswith(("_url", "_gdriveid")):
            continue
        if name.endswith(("_custom", "_local")) and family_named(name) is None:
            continue
        assert family_named(name).package == package, name
    for family in FAMILIES:
        for name in family.local:
            assert name in functions, name
