"""fairseq's files in every form of their settings: families, flags, HuBERT's targets, precision."""

import argparse

import pytest
import torch
from ssl_models import fairseq_settings, fairseq_weights

from antispoof.errors import UserError
from antispoof.ssl import convert, fairseq, local, pickles, save


def stand_in(name, *args, **state):
    """What the reader makes of an instance of a class that it does not import."""
    made = type(name.rpartition(".")[2], (pickles.StandIn,), {"qualified_name": name})(*args)
    made.__setstate__(state)
    return made


def test_nodes_become_plain_values_and_references_their_targets():
    node = lambda value: stand_in("omegaconf.nodes.AnyNode", _val=value)  # noqa: E731
    root = {"task": {"rate": 25.0, "on": True, "name": "x"}, "top": 3}
    value = {
        1: (1, 2.5, None, "text", True),
        "deep": stand_in("omegaconf.dictconfig.DictConfig", _content={"a": node([1, node(2)])}),
        "space": argparse.Namespace,
        "flat": stand_in("argparse.Namespace", arch="hubert", lr=[0.1]),
        "choice": stand_in("fairseq.dataclass.constants.Choices", "layer_norm"),
        "pair": stand_in("fairseq.dataclass.constants.Pair", "a", "b"),
        "other": stand_in("typing.Any", "a"),
        "tensor": torch.ones(2),
        "lost": "???",
        "rate": node("${task.rate}"),
        "on": "${task.on}",
        "top": "${top}",
        "word": "${task.name}",
        "gone": "${task.nothing.more}",
        "part": "x ${task.rate}",
    }
    assert pickles.plain(value, root) == {
        **{"1": [1, 2.5, None, "text", True], "deep": {"a": [1, 2]}, "space": None},
        **{"flat": {"arch": "hubert", "lr": [0.1]}, "choice": "layer_norm", "pair": None},
        **{"other": None, "tensor": None, "lost": None, "rate": 25.0, "on": True, "top": 3},
        **{"word": None, "gone": None, "part": "x ${task.rate}"},
    }
    listed = type("Namespace", (pickles.StandIn,), {"qualified_name": "argparse.Namespace"})()
    listed.__setstate__([1, 2])  # no state that a namespace has
    assert pickles.plain(listed) == {}
    assert pickles.plain("${task.rate}") == "${task.rate}"  # nothing to point into


@pytest.mark.parametrize(
    ("settings", "names", "family"),
    [
        ({"model": {"_name": "wav2vec2"}, "arch": "hubert"}, (), "wav2vec2"),
        ({"model": {"arch": "hubert_large"}}, (), "hubert"),
        ({"arch": "wav2vec2_large"}, (), "wav2vec2"),
        ({"model": {"x": 1}, "arch": "data2vec_audio"}, (), "data2vec"),
        ({"model": "wav2vec2", "_name": "hubert"}, (), "hubert"),
        ({"_name": "wav2vec2"}, ("encoder.layers.0.self_attn.grep_a",), "wavlm"),
        ({"_name": "new"}, ("label_embs_concat",), "hubert"),
        ({"x": 1}, ("quantizer.vars",), "wav2vec2"),
        ({"_name": "hubert"}, ("quantizer.vars",), "hubert"),
        (
            {"_name": "my_hubert"},
            (),
            "'my_hubert', wanted wav2vec2, hubert, wavlm or data2vec_audio",
        ),
        ({"x": 1}, (), "'not named', wanted wav2vec2"),
        ({"_name": "hubert"}, ("w2v_encoder.proj.bias",), "fine-tuned for recognition"),
        ({"_name": "hubert"}, ("encoder.self_attn.grep_a.bias", "my_w2v_encoder.x"), "hubert"),
    ],
)
def test_a_family_is_known_by_its_settings_or_else_its_weights(settings, names, family):
    weights = dict.fromkeys(names, torch.zeros(1))
    if family in local.FAMILIES:
        assert fairseq._family(settings, weights, "x.pt") == family
    else:
        with pytest.raises(UserError, match=f"x.pt: .*{family}"):
            fairseq._family(settings, weights, "x.pt")


def written(path, model=None, task=None, weights=None, **state):
    """A fairseq file of a small model; returns its path."""
    settings = fairseq_settings(**(model or {}))
    weights = fairseq_weights(fairseq_settings()) if weights is None else weights
    torch.save({"cfg": {"model": settings, "task": task}, "model": weights, **state}, path)
    return path


def test_settings_that_s3prl_knows_are_kept_and_others_and_nothing_dropped(tmp_path):
    task = {"normalize": True, "sample_rate": 8000, "enable_padding": None, "unheard_of": 1}
    path = written(tmp_path / "a.pt", {"dropout": None}, task, args={"arch": "hubert"})
    checkpoint, notes = fairseq.from_fairseq(path)
    wanted = fairseq_settings()
    for key in ("_name", "a_setting_of_another_year"):
        del wanted[key]
    found = dict(checkpoint["model_cfg"], latent_temp=tuple(checkpoint["model_cfg"]["latent_temp"]))
    assert found == wanted
    assert checkpoint["task_cfg"] == {"sample_rate": 8000, "normalize": True}
    assert list(checkpoint) == ["task_cfg", "model_cfg", "model_weight"]
    assert notes == []
    for key, tensor in fairseq_weights(fairseq_settings()).items():
        assert torch.equal(checkpoint["model_weight"][key], tensor)


@pytest.mark.parametrize(("filed", "given", "found"), [
    (True, None, True), (False, None, False), (None, None, False), (True, False, False),
    (False, True, True), (None, True, True),
])  # fmt: skip
def test_normalisation_is_the_files_unless_it_is_given(tmp_path, filed, given, found):
    task = None if filed is None else {"normalize": filed}
    checkpoint, _ = fairseq.from_fairseq(written(tmp_path / "a.pt", task=task), given)
    assert checkpoint["task_cfg"]["normalize"] is found
    flat = {**fairseq_settings(), "normalize": filed, "arch": "wav2vec2"}
    weights = fairseq_weights(fairseq_settings())
    torch.save({"cfg": None, "args": argparse.Namespace(**flat), "model": weights},
               tmp_path / "b.pt")  # fmt: skip
    assert fairseq.from_fairseq(tmp_path / "b.pt", given)[0]["task_cfg"]["normalize"] is found
    wavlm = {"encoder_layers": 2, "normalize": bool(filed)}
    state = {"cfg": wavlm, "model": {"encoder.layers.0.self_attn.grep_a": torch.ones(1)}}
    torch.save(state, tmp_path / "c.pt")
    checkpoint, _ = fairseq.from_fairseq(tmp_path / "c.pt", given)
    assert checkpoint == {"cfg": {**wavlm, "normalize": found}, "model": state["model"]}


HUBERT = {"_name": "hubert", "final_dim": 6}


@pytest.mark.parametrize(
    ("symbols", "model", "rows", "kept"),
    [
        ([["a", "b"], ["c"]], {}, 3, [["a", "b"], ["c"]]),
        ([["a", 1]], {}, 2, [["a", "1"]]),
        ([["a", "b"]], {}, 3, None),
        (None, {}, 3, None),
        ([["a"], None], {}, 1, None),
        ([["a"]], {}, 0, None),
        (None, {"untie_final_proj": True}, 3, 4),
        (None, {"untie_final_proj": True, "final_dim": None}, 3, 3),
    ],
)
def test_huberts_targets_stay_only_where_their_embeddings_fit(tmp_path, symbols, model, rows, kept):
    words = [stand_in("fairseq.data.Dictionary", symbols=s) for s in symbols or []]
    state = {"task_state": {"dictionaries": words}} if symbols else {}
    weights = {"label_embs_concat": torch.ones(rows, 6), "mask_emb": torch.ones(8)}
    weights |= {"final_proj.weight": torch.ones(24, 32)}
    if not rows:
        del weights["label_embs_concat"]
    settings = {"model": {**HUBERT, **model}, "task": {}}
    checkpoint, notes = fairseq._checkpoint("hubert", settings, weights, state, None)
    count = kept if isinstance(kept, int) else 1
    fits = isinstance(kept, list)
    assert checkpoint["dictionaries_symbols"] == (kept if fits else [None] * count)
    assert ("label_embs_concat" in checkpoint["model_weight"]) is fits
    assert bool(notes) is not fits
    assert checkpoint["model_cfg"]["label_rate"] == 50.0


def test_huberts_rate_is_the_models_or_the_tasks(tmp_path):
    for model, task, rate in (({"label_rate": 100.0}, {"label_rate": 25.0}, 100.0),
                              ({}, {"label_rate": 25.0}, 25.0)):  # fmt: skip
        settings = {"model": {**HUBERT, **model}, "task": task}
        weights = {"mask_emb": torch.ones(8)}
        found = fairseq._checkpoint("hubert", settings, weights, {}, None)[0]
        assert found["model_cfg"]["label_rate"] == rate
        assert found["task_cfg"] == {"label_rate": 25.0, "normalize": False}  # HuBERT's own task


@pytest.mark.parametrize("dtype", ["keep", "float16", "float32"])
def test_numbers_are_stored_in_the_wanted_precision_and_described_so(tmp_path, dtype):
    weights = fairseq_weights(fairseq_settings())
    weights["mask_emb"] = weights["mask_emb"].half()
    path = written(tmp_path / "a.pt", task={"normalize": True}, weights=weights)
    checkpoint, _ = convert(path, dtype)
    wanted = {"keep": ("float16", "float32")}.get(dtype, (dtype,))
    summary = save(checkpoint, tmp_path / "out.pt")
    assert summary == local.Summary(
        "wav2vec2", sum(t.numel() for t in weights.values()), 2, 32, True, True, wanted
    )
    for name, tensor in torch.load(tmp_path / "out.pt", weights_only=True)["model_weight"].items():
        assert torch.equal(tensor, weights[name].to(tensor.dtype)), name
