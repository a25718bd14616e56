"""Checkpoints in s3prl's form: what is known of one, the text it may hold, and the converter."""

import sys

import pytest
import torch
from ssl_models import hugging_face

from antispoof.errors import UserError
from antispoof.ssl import local, pickles, summarise
from tools import convert_checkpoint


def test_a_summary_without_settings_is_of_fairseqs_defaults():
    weights = {"a": torch.ones(2, 3), "_ema": {"b": torch.ones(9)}}
    empty = {"task_cfg": {}, "model_cfg": {}, "model_weight": weights}
    wanted = local.Summary("data2vec", 6, 12, 768, False, False, ("float32",))
    assert summarise(empty, "x") == wanted


FORMS = [
    ({"task_cfg": {}, "model_cfg": {}, "model_weight": {}}, "wav2vec2"),
    ({"task_cfg": {}, "model_cfg": {}, "model_weight": {}, "dictionaries_symbols": []}, "hubert"),
    ({"task_cfg": {}, "model_cfg": {}, "model_weight": {"_ema": {}}}, "data2vec"),
    ({"cfg": {"encoder_layers": 3}, "model": {}}, "wavlm"),
    ({"cfg": {}, "model": {}}, None),
    ({"task_cfg": {}, "model_cfg": {}}, None),
    ({"task_cfg": {}, "model_cfg": [], "model_weight": {}}, None),
    ([], None),
]


@pytest.mark.parametrize(("checkpoint", "family"), FORMS)
def test_a_form_is_known_by_its_keys(checkpoint, family):
    if family:
        assert local.family_of(checkpoint, "x") == family
    else:
        with pytest.raises(UserError, match="x: not a checkpoint in s3prl's form"):
            local.family_of(checkpoint, "x")


USUAL = [(512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        (None, USUAL),
        (" [(512,10,5)] + [(512,3,2)]*4 + [(512,2,2)] + [(512,2,2)]", USUAL),
        ("[(1, 2, 3)] * 64", [(1, 2, 3)] * 64),
        ("[(1, 2, 3), (4, 5, 6)] * 32", [(1, 2, 3), (4, 5, 6)] * 32),
        ("[[1, 2, 3]]", [(1, 2, 3)]),
        ([(1, 2, 3)], [(1, 2, 3)]),
        *((f"[(1, 2, 3)] * {count}", None) for count in (65, 10**9, 0, -1)),
        *(("[(1, 2, 3), (4, 5, 6)] * 33", None), ("[(1, 2, 3)] * 8 * 9", None)),
        *(("[(1, 2, 0)]", None), ("[(1, -2, 3)]", None), ("[(1, 2, True)]", None)),
        *(("[(1, 2, 3.0)]", None), ("3 * [(1, 2, 3)]", None), ("[(1, 2, 1 + 1)]", None)),
        *(("[(1, 2, 3, 4)]", None), ("[(1, 2)]", None), ("[(1, 2, 3)" + " " * 1000 + "]", None)),
    ],
)
def test_a_text_of_convolutions_is_a_short_list_of_triples(text, layers):
    if layers:
        assert local.read_conv_layers(text, "x") == layers
    else:
        with pytest.raises(UserError, match="x: conv_feature_layers is .*it was not run"):
            local.read_conv_layers(text, "x")


@pytest.mark.parametrize(
    ("options", "said", "stored"),
    [
        ((), ("float32", "yes"), (torch.float32, True)),
        (("--dtype", "float16"), ("float16; computed in float32", "yes"), (torch.float16, True)),
        (("--normalize", "no", "--dtype", "float32"), ("float32", "no"), (torch.float32, False)),
    ],
)
def test_the_converter_says_what_it_stores(tmp_path, monkeypatch, capsys, options, said, stored):
    hugging_face("hubert_base", tmp_path / "hf", normalize=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["convert_checkpoint.py", *options, "hf", "out.pt"])
    capsys.readouterr()
    convert_checkpoint.main()
    checkpoint = torch.load("out.pt", weights_only=True)
    weights = checkpoint["model_weight"]
    assert {tensor.dtype for tensor in weights.values()} == {stored[0]}
    assert checkpoint["task_cfg"]["normalize"] is stored[1]
    count = sum(tensor.numel() for tensor in weights.values())
    assert capsys.readouterr().out == (
        f"family: hubert\nparameters: {count:,} in {said[0]}\nlayers: 3 of width 32\n"
        f"waveform normalised: {said[1]}\n\nfor conf/upstream/<name>.yaml:\n"
        "name: hubert_local\ncheckpoint: out.pt\n"
    )


@pytest.mark.parametrize("out", ["in.pt", "folder/../in.pt", "folder"])
def test_the_converter_never_writes_over_what_it_reads(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "in.pt").write_text("kept")
    monkeypatch.setattr(sys, "argv", ["convert_checkpoint.py", "in.pt", out])
    with pytest.raises(UserError, match=f"{out}: wanted the name of a new file"):
        convert_checkpoint.main()
    assert (tmp_path / "in.pt").read_text() == "kept"


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        ("__builtin__", "set", "builtins.set"),
        ("itertools", "izip", "builtins.zip"),
        ("copy_reg", "_reconstructor", "copyreg._reconstructor"),
        ("collections", "OrderedDict", "collections.OrderedDict"),
    ],
)
def test_names_of_pythons_second_version_are_todays(module, name, found):
    assert pickles._modern(module, name) == found


@pytest.mark.parametrize(
    ("name", "inert"),
    [
        *(("argparse.Namespace", True), ("omegaconf.nodes.AnyNode", True), ("builtins.dict", True)),
        *(("fairseq.tasks.x.Y", True), ("typing.Any", True), ("_operator.getitem", True)),
        *(("os.system", False), ("builtins.eval", False), ("argparse.Action", False)),
        *(("fairseq_more.x", False), ("_operator.attrgetter", False), ("x.omegaconf", False)),
    ],
)
def test_only_names_of_configs_get_a_stand_in(name, inert):
    assert pickles._is_inert(name) is inert
