"""Conformers, Mambas and AASIST3 compute their definitions, in float64, to their exact sizes.

The plain forms are in formulas_sequences.py and formulas_kan.py; weights and statistics are random.
"""

import formulas_sequences as plainly
import pytest
import torch
from formulas_graph import Plain
from formulas_graph_tools import random_model, same_in_training
from formulas_kan import PlainKan, aasist3

from antispoof.errors import UserError
from antispoof.models import build_model

BLOCKS = {"dim": 10, "width": 12, "depth": 2}
CASES = {  # model: what it is made with, lengths
    "linear": ("linear", {"dim": 10}, (9, 4, 1)),
    "xlsr_conformer": ("xlsr_conformer", {**BLOCKS, "heads": 3}, (17, 5, 1)),
    "xlsr_conformer_tcm": ("xlsr_conformer_tcm", {**BLOCKS, "heads": 3}, (17, 5, 1)),
    "xlsr_mamba": ("xlsr_mamba", BLOCKS, (19, 6, 1)),
    "xlsr_mamba released": ("xlsr_mamba", {**BLOCKS, "final": "released"}, (19, 6, 1)),
    "xlsr_mamba of one": ("xlsr_mamba", {**BLOCKS, "depth": 1, "final": "released"}, (5, 3)),
    "fake_mamba": ("fake_mamba", BLOCKS, (19, 6, 1)),
    "bicross_mamba": ("bicross_mamba", {"dim": 10, "depth": 2}, (19, 3, 13)),
    "aasist3": ("aasist3", {"dim": 10, "frames": 13}, (14, 12, 13)),
}


def states(lengths, dim=10):
    torch.manual_seed(3)
    scale = torch.linspace(0.5, 2, len(lengths), dtype=torch.float64)[:, None, None, None]
    return scale * torch.randn(len(lengths), 1, max(lengths), dim, dtype=torch.float64) + 0.3


def plain_of(name):
    return PlainKan if name == "aasist3" else Plain


def formula(name, conf, plain, x, monkeypatch):
    if name == "aasist3":
        return aasist3(plain, x, conf, monkeypatch)
    return getattr(plainly, name)(plain, x, conf)


@pytest.mark.parametrize("drop", [False, True], ids=["", "with dropout"])
@pytest.mark.parametrize("case", CASES)
def test_each_utterance_of_a_padded_batch_has_the_logits_of_the_formula(case, drop, monkeypatch):
    name, conf, lengths = CASES[case]
    model, state = random_model(name, drop=drop, **conf)
    lengths = [max(lengths)] * 2 if drop else lengths  # the numbers go by place, padding included
    x, plain = states(lengths), plain_of(name)(state, drop=drop)
    with torch.no_grad():
        found = model.eval()(x, torch.tensor(lengths))
        ones = [one[None, :, :n] for one, n in zip(x, lengths, strict=True)]
        wanted = torch.cat([formula(name, conf, plain, one, monkeypatch) for one in ones])
    torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_in_training_logits_and_gradients_are_those_of_the_formula(case, monkeypatch):
    name, conf, lengths = CASES[case]
    model, state = random_model(name, **conf)
    counts = [max(lengths)] * 3
    if name == "aasist3":  # `same_in_training` makes a Plain: give it the layers that are KANs
        monkeypatch.setattr("formulas_graph_tools.Plain", PlainKan)

    def wanted(plain, x):
        return formula(name, conf, plain, x, monkeypatch)

    same_in_training(
        model, state, wanted, lambda x: model(x, torch.tensor(counts)), [states(counts)]
    )


PADDED = ["linear", "xlsr_conformer", "xlsr_conformer_tcm", "xlsr_mamba", "fake_mamba"]


@pytest.mark.parametrize("name", PADDED)
def test_in_training_padding_is_in_no_statistic_and_changes_no_logit(name):
    _, conf, _ = CASES[name]
    lengths, found = (11, 6, 3), []
    for beyond in (0.0, 5.0):
        model, _ = random_model(name, **conf)
        x = states(lengths)
        for row, length in zip(x, lengths, strict=True):
            row[:, length:] = beyond
        logits = model.train()(x, torch.tensor(lengths))
        logits[:, 1].sum().backward()
        found.append([logits, *(p.grad for p in model.parameters()), *model.buffers()])
        if hasattr(model, "project"):
            linear = model.project.linear
            values = torch.cat(
                [linear(r[0, :n]).flatten() for r, n in zip(x, lengths, strict=True)]
            )
            fresh = random_model(name, **conf)[0].project.norm
            moved = 0.9 * fresh.running_mean + 0.1 * values.mean()
            torch.testing.assert_close(model.project.norm.running_mean, moved)
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


COUNTS = [
    ("linear", {}, 2050),
    ("linear", {"dim": 768}, 1538),
    ("linear", {"dim": 1280}, 2562),
    ("linear", {"dim": 1920}, 3842),
    ("xlsr_conformer", {}, 2506324),
    ("xlsr_conformer_tcm", {}, 2382628),
    ("xlsr_mamba", {}, 1936950),
    ("xlsr_mamba", {"final": "released"}, 1936950),
    ("fake_mamba", {}, 2336405),
    ("fake_mamba", {"depth": 12}, 3899525),
    ("bicross_mamba", {}, 687945 + 1024 * 128 + 128 + 128 * 2 + 2),
    ("aasist3", {}, 6183188),
]


@pytest.mark.parametrize(("name", "conf", "wanted"), COUNTS)
def test_published_sizes(name, conf, wanted):
    assert sum(parameter.numel() for parameter in build_model(name, **conf).parameters()) == wanted


def test_the_released_mamba_leaves_the_last_block_of_each_column_without_effect():
    """Two blocks of 145,584 parameters: no gradient, and other weights change no logit."""
    model, _ = random_model("xlsr_mamba", final="released")
    x, lengths = states((7, 5), 1024), torch.tensor([7, 5])
    before = model.eval()(x, lengths)
    before[:, 1].sum().backward()
    dead = {name: p.numel() for name, p in model.named_parameters() if p.grad is None}
    assert sum(dead.values()) == 291168
    assert {name.partition(".mamba")[0].partition(".norm")[0] for name in dead} == {
        "onward.5",
        "backward_.5",
    }
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in dead:
                parameter.normal_()
        assert torch.equal(model(x, lengths), before)
    intended, _ = random_model("xlsr_mamba")
    with torch.no_grad():
        assert (intended.eval()(x, lengths) - before).abs().min() > 1e-3


def test_positions_more_than_512_apart_share_a_row():
    model, state = random_model("xlsr_conformer", dim=4, width=4, heads=1, depth=1)
    x, lengths = states((520,), 4), torch.tensor([520])
    with torch.no_grad():
        found = model.eval()(x, lengths)
        conf = {"depth": 1, "heads": 1}
        torch.testing.assert_close(found, plainly.xlsr_conformer(Plain(state), x, conf))


def test_a_width_that_heads_do_not_divide_is_one_line():
    with pytest.raises(UserError, match="model_conf.width is 10, wanted a multiple of 4 heads"):
        build_model("xlsr_conformer", width=10)


def test_another_end_of_the_columns_is_one_line():
    with pytest.raises(UserError, match="'model_conf.final' is 'release'.*'released'"):
        build_model("xlsr_mamba", final="release")
