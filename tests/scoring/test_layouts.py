"""Published layouts of conformers, Mambas and Nes2Net: each weight in its place, made up small."""

import pytest
import torch
from made_up import ROOT
from ssl_models import fairseq_settings, fairseq_weights, sounds

from antispoof.errors import UserError
from antispoof.models import build_model
from antispoof.scoring import published
from antispoof.ssl import convert, save

WIDTH = 32  # of the front end
CONFORMER = {  # our name in a block: theirs
    **{f"{o}.norm": f"{t}.fn.norm" for o, t in (("first", "ff1"), ("second", "ff2"))},
    **{f"{o}.wide": f"{t}.fn.fn.net.0" for o, t in (("first", "ff1"), ("second", "ff2"))},
    **{f"{o}.narrow": f"{t}.fn.fn.net.3" for o, t in (("first", "ff1"), ("second", "ff2"))},
    **{"attention_norm": "attn.norm", "norm": "post_norm", "attention.qkv": "attn.fn.qkv"},
    **{"conv.norm_in": "conv.net.0", "conv.wide": "conv.net.2", "conv.conv": "conv.net.4.conv"},
    **{"conv.norm": "conv.net.5", "conv.narrow": "conv.net.7"},
}
TCM = {
    **{"attention.join": "attn.fn.proj", "attention.spread": "attn.fn.ht_proj"},
    **{"attention.norm": "attn.fn.ht_norm"},
}
MIXER = {
    **{"enter": "in_proj", "conv": "conv1d", "select": "x_proj", "step": "dt_proj"},
    **{"log_decay": "A_log", "skip": "D", "leave": "out_proj"},
}
NESTED = {
    **{"spread": "conv1", "spread_norm": "bn1", "convs": "convs", "norms": "bns"},
    **{"weights": "weighted_sum", "join": "conv3", "join_norm": "bn3"},
    **{"excite.0": "se.se.1", "excite.2": "se.se.3"},
}


def fronted(name):
    if name.startswith("project.linear."):
        return name.replace("project.linear", "LL")
    return name.replace("project.norm", "first_bn")


def of_conformer(name, tensor, attention):
    """[(their name, tensor)] of one weight of ours."""
    if name == "token":
        return [("conformer.class_token", tensor[0])]
    if name.startswith("output."):
        return [(name.replace("output", "conformer.fc5"), tensor)]
    if not name.startswith("blocks."):
        return [(fronted(name), tensor)]
    _, number, rest = name.split(".", 2)
    start = f"conformer.encoder_blocks.{number}."
    if rest == "attention.own":
        return [(f"{start}attn.fn.pos_embed", tensor[None])]
    if rest == "attention.table":
        return [(f"{start}attn.fn.rel_pos_emb.weight", tensor)]
    if rest == "attention.qkv.weight" and not attention:
        query, other = tensor[: len(tensor) // 3], tensor[len(tensor) // 3 :]
        return [
            (f"{start}attn.fn.to_q.weight", query),
            (f"{start}attn.fn.to_kv.weight", other),
        ]
    part, end = rest.rsplit(".", 1)
    table = {**CONFORMER, **(attention or {"attention.join": "attn.fn.to_out"})}
    tap = part in ("conv.wide", "conv.narrow") and end == "weight"
    return [(f"{start}{table[part]}.{end}", tensor[..., None] if tap else tensor)]


def of_mamba(name, tensor):
    for ours, theirs in (
        ("onward.", "forward_layers."),
        ("backward_.", "backward_layers."),
        ("norm.", "norm_f."),
        ("pools.0.score.", "f_attention_pool."),
        ("pools.1.score.", "b_attention_pool."),
        ("hidden.", "LL."),
        ("output.", "classifier."),
    ):
        if name.startswith(ours):
            rest = name.removeprefix(ours)
            number, _, own = rest.partition(".mamba.")
            if own:
                part, dot, end = own.partition(".")
                rest = f"{number}.mixer.{MIXER[part]}{dot}{end}"
            return [(f"conformer.{theirs}{rest}", tensor)]
    return [(fronted(name), tensor)]


def of_nes2net(name, tensor):
    start, first, rest = "Nested_Res2Net_TDNN.", *name.split(".", 1)
    if first != "blocks":
        outer = {"norms": "bns", "norm": "bn", "output": "fc"}
        return [(f"{start}{outer[first]}.{rest}", tensor)]
    number, rest = rest.split(".", 1)
    part = next(part for part in sorted(NESTED, key=len, reverse=True) if rest.startswith(part))
    if rest.startswith(("convs.", "excite.")) and rest.endswith("weight"):
        tensor = tensor[..., None]
    if part == "weights":
        tensor = tensor[None, None, None]
    if part in ("spread", "join") and rest.endswith("weight"):
        assert tensor.ndim == 3
    return [(f"{start}Build_in_Res2Nets.{number}.{NESTED[part]}{rest[len(part) :]}", tensor)]


CASES = {
    "xlsr_conformer": ({"width": 8, "heads": 2, "depth": 2}, of_conformer, {}),
    "xlsr_conformer_tcm": ({"width": 8, "heads": 2, "depth": 2}, of_conformer, TCM),
    "xlsr_mamba": ({"width": 8, "depth": 2, "final": "released"}, of_mamba, None),
    "nes2net_x": ({"splits": 4, "scale": 4, "squeeze": 2, "pooling": "mean"}, of_nes2net, None),
    "nes2net": ({"splits": 4, "scale": 4, "squeeze": 1, "pooling": "mean"}, of_nes2net, None),
}


def sines(frames, width):
    angle = [[p / 10000 ** (2 * (i // 2) / width) for i in range(width)] for p in range(frames)]
    angle = torch.tensor(angle)
    odd = torch.arange(width) % 2 == 1
    return torch.where(odd, angle.cos(), angle.sin())[None]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A recipe's folder with the upstream `small`, whose own weights are to be replaced."""
    settings = fairseq_settings()
    state = {"cfg": {"model": settings, "task": {}}, "model": fairseq_weights(settings)}
    torch.save(state, tmp_path / "base.pt")
    save(convert(tmp_path / "base.pt")[0], tmp_path / "small.pt")
    (tmp_path / "conf/upstream").mkdir(parents=True)
    (tmp_path / "conf/upstream/small.yaml").write_text(
        "name: wav2vec2_local\ncheckpoint: small.pt\nwaveform_norm: false\nfinal_norm: after\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made_up(layout):
    """(a model in evaluation of random weights, its state in the published layout)."""
    conf, names, more = CASES[layout]
    torch.manual_seed(5)
    model = build_model(layout, dim=WIDTH, **conf).eval()
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) * 0.5 + 0.1)
    state = {}
    for name, tensor in model.state_dict().items():
        state |= dict(names(name, tensor, more) if more is not None else names(name, tensor))
    if layout == "xlsr_conformer_tcm":
        state["conformer.positional_emb"] = sines(100, 8)
    front = fairseq_weights(fairseq_settings())
    state |= {f"ssl_model.model.{name}": 0.9 * tensor for name, tensor in front.items()}
    return model, state


@pytest.mark.parametrize("layout", CASES)
def test_each_weight_of_a_published_layout_has_its_place(layout, place):
    model, state = made_up(layout)
    assert not any(name.startswith(("blocks.", "project.", "onward.")) for name in state)
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, place / "in.pth")
    config, found = published.import_published(place / "in.pth", "small")
    assert (config["model"], config["layers"]) == (layout, [2])
    assert config["model_conf"] == CASES[layout][0]
    seconds = 64600 / 16000 if layout.startswith("nes2net") else 66800 / 16000
    assert config["crop"] == {"train": "random", "test": "first", "seconds": seconds, "pad": "tile"}
    wave, samples = sounds(8000)[0][None], torch.tensor([8000])
    with torch.no_grad():
        states, frames = found.eval().front_end(wave, samples)
        torch.testing.assert_close(found(wave, samples), model(states, frames))
    for name, tensor in model.state_dict().items():
        assert torch.equal(found.back_end.state_dict()[name], tensor), name


def test_published_names_choose_the_upstream_that_reads_the_last_layer_after_its_norm():
    for layout in CASES:
        _, state = made_up(layout)
        assert published.layout_of(state, "x") == layout
        assert published.config_of(layout, state)["upstream"] == "xls_r_300m_aasist"


def test_the_table_of_layouts_is_one_piece_and_the_page_names_those_that_were_not_at_hand():
    table = published.__doc__.split("\n\n")[1].splitlines()
    assert [line.split("|")[1].strip() for line in table[2:]] == [
        *("aasist, aasist_l", "ssl_aasist", "sls", "see layouts.py", "linear"),
    ]
    page = " ".join((ROOT / "docs/models.md").read_text().split())
    untried = "XLSR-Conformer, TCM, XLSR-Mamba, Nes2Net or AntiDeepfake"
    assert f"No published file of {untried} has been at hand" in page


def test_other_positions_than_sinusoids_are_refused(place):
    _, state = made_up("xlsr_conformer_tcm")
    state["conformer.positional_emb"] = state["conformer.positional_emb"].flip(1)
    torch.save(state, place / "in.pth")
    with pytest.raises(UserError, match="positional_emb holds other numbers than sinusoids"):
        published.import_published(place / "in.pth", "small")


LESS = {  # what a file lacks, or has in another shape, and what is said
    "xlsr_mamba": [("LL.weight", None, "found no LL.weight; wanted all that")],
    "xlsr_conformer": [
        ("LL.weight", None, "found no LL.weight"),
        ("conformer.encoder_blocks.0.attn.fn.rel_pos_emb.weight", (5,), "shapes of no such model"),
        ("conformer.encoder_blocks.0.attn.fn.rel_pos_emb.weight", (5, 0), "shapes of no such"),
    ],
    "xlsr_conformer_tcm": [
        ("conformer.positional_emb", (8,), "shapes of no such model"),
        ("conformer.encoder_blocks.0.attn.fn.pos_embed", (1,), "shapes of no such model"),
    ],
    "nes2net_x": [
        ("Nested_Res2Net_TDNN.Build_in_Res2Nets.0.se.se.1.weight", None, "found no Nested_.*se.1"),
        ("Nested_Res2Net_TDNN.Build_in_Res2Nets.0.se.se.1.weight", (4,), "shapes of no such"),
        ("Nested_Res2Net_TDNN.Build_in_Res2Nets.0.se.se.1.weight", (0, 8, 1), "shapes of no such"),
    ],
}


@pytest.mark.parametrize("layout", LESS)
def test_what_says_how_a_model_is_made_is_asked_for_in_one_line(layout, place):
    for name, shape, message in LESS[layout]:
        _, state = made_up(layout)
        assert name in state
        del state[name]
        if shape:
            state[name] = torch.zeros(shape)
        torch.save(state, place / "in.pth")
        with pytest.raises(UserError, match=f"in.pth: as weights of '{layout}', .*{message}") as e:
            published.import_published(place / "in.pth", "small")
        assert "\n" not in str(e.value)


def test_names_that_skip_numbers_ask_for_no_more_memory(place):
    _, state = made_up("xlsr_mamba")
    one = state["conformer.forward_layers.0.norm.weight"]
    state["conformer.forward_layers.900.norm.weight"] = one  # two more stand before it
    torch.save(state, place / "in.pth")
    with pytest.raises(UserError, match=r"missing: back_end.backward_.2.mamba.*; unknown: .*900"):
        published.import_published(place / "in.pth", "small")


@pytest.mark.parametrize("layout", ["xlsr_mamba", "nes2net_x"])
def test_a_weight_that_is_missing_is_named(layout, place):
    _, state = made_up(layout)
    gone = next(name for name in state if name.endswith(("dt_proj.bias", "bn3.bias")))
    del state[gone]
    torch.save(state, place / "in.pth")
    with pytest.raises(
        UserError, match=r"missing: back_end\.(onward\.0\.mamba\.step|blocks\.0\.j)"
    ):
        published.import_published(place / "in.pth", "small")
