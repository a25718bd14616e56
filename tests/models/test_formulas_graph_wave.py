"""RawNet2 and WavLM + AASIST compute their published formulas, in float64."""

import pytest
import torch
from formulas_graph import Plain
from formulas_graph_tools import cut, random_model, random_weights, same_in_training
from formulas_graph_wave import (
    attentive_statistics,
    rawnet2,
    rawnet2_block,
    sinc_bank,
    wavlm_aasist,
)

from antispoof.errors import UserError
from antispoof.layers.pooling import AttentiveStatistics
from antispoof.models import build_model
from antispoof.models.rawnet2 import Block, RawNet2
from antispoof.torch_utils.masks import frame_mask, masked_mean

RAW = {"filters": 5, "taps": 33, "widths": (5, 5, 4, 4), "nodes": 3, "recurrent": 2}


def waves(batch, samples):
    torch.manual_seed(samples)
    return torch.randn(batch, samples).double() * torch.linspace(0.3, 2, batch)[:, None]


def made_rawnet2():
    model, state = random_model("rawnet2", **RAW)
    bank = model.bank[:, 0]
    return model, state, lambda plain, x: rawnet2(plain, x, bank, 4, 2)


@pytest.mark.parametrize("conf", [{"filters": 5, "taps": 33}, {}])
def test_rawnet2_reads_the_published_filter_bank(conf):
    model = RawNet2(nodes=4, recurrent=1, **conf)
    wanted = sinc_bank(conf.get("filters", 20), conf.get("taps", 1025))
    torch.testing.assert_close(model.bank[:, 0].double(), wanted, rtol=0, atol=1e-6)


def test_rawnet2_has_the_logits_of_its_formula_at_any_length():
    model, state, plain_logits = made_rawnet2()
    lengths = torch.tensor([1400, 2600, 1019, 2600])
    x = waves(4, 2600)
    with torch.no_grad():
        found = model.eval()(x, lengths)
        wanted = torch.cat([plain_logits(Plain(state), own) for own in cut(x, lengths)])
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_rawnet2_learns_as_its_formula():
    model, state, plain_logits = made_rawnet2()
    own = lambda x: model.train()(x, torch.full((3,), 1800))  # noqa: E731
    same_in_training(model, state, plain_logits, own, [waves(3, 1800)])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("before", "after"), [(3, 3), (2, 4)])
def test_a_block_of_rawnet2_scales_by_the_means_of_each_utterance(before, after, first):
    torch.manual_seed(before)
    model = torch.nn.ModuleDict({"b": Block(before, after, first)}).double().eval()
    state, lengths = random_weights(model), torch.tensor([17, 9, 21])
    x = torch.randn(3, before, 21).double() + 1
    found, left = model["b"](x, lengths)
    assert left.tolist() == [5, 3, 7]
    for own, index, count in ((x[0:1, :, :17], 0, 5), (x[1:2, :, :9], 1, 3), (x[2:], 2, 7)):
        wanted = rawnet2_block(Plain(state), "b", own, first)
        torch.testing.assert_close(found[index : index + 1, :, :count], wanted)


STREAMS = {"dim": 7, "size": 5, "widths": (2, 3, 4, 3), "dropout": 0.2}
GRAPH = {
    "ks": [(0.5, 0.5)] * 3,
    "temperatures": (2.0, 2.0, 100.0, 100.0),
    "scorer": "learned",
    "aggregation": "attention",
}


def test_wavlm_aasist_has_the_logits_of_its_formula_at_any_length():
    model, state = random_model("wavlm_aasist", drop=True, **STREAMS)
    samples, frames = torch.tensor([4100, 3000, 5000]), torch.tensor([11, 4, 9])
    sound, states = 0.1 * waves(3, 5000), torch.randn(3, 11, 7).double()
    plain = Plain(state, drop=True)
    with torch.no_grad():
        found = model.eval()(states[:, None], frames, sound, samples)
        wanted = [
            wavlm_aasist(plain, s, w, GRAPH)
            for s, w in zip(cut(states, frames), cut(sound, samples), strict=True)
        ]
    torch.testing.assert_close(found, torch.cat(wanted), rtol=1e-5, atol=1e-5)


def test_wavlm_aasist_learns_as_its_formula():
    model, state = random_model("wavlm_aasist", **STREAMS)
    sound, count, frames = 0.1 * waves(3, 4000), torch.full((3,), 4000), torch.full((3,), 8)
    torch.manual_seed(2)
    own = lambda x: model.train()(x[:, None], frames, sound, count)  # noqa: E731
    plain = lambda plain, x: wavlm_aasist(plain, x, sound, GRAPH)  # noqa: E731
    same_in_training(model, state, plain, own, [torch.randn(3, 8, 7).double()])


def test_wavlm_aasist_refuses_what_it_cannot_read():
    model = build_model("wavlm_aasist", **STREAMS)
    states, frames = torch.randn(2, 1, 3, 7), torch.tensor([3, 2])
    sound, least = torch.randn(2, 2600), (2**4 - 1) * 160  # 16 frames, that four blocks halve to 1
    samples = torch.tensor([least, least])
    with torch.no_grad():
        assert model.eval()(states, frames, sound, samples).isfinite().all()
    for changed, words in (
        ((states, frames, sound, samples - 1), "2399 samples .* needs 2400 or more"),
        ((states[..., 1:], frames, sound, samples), "of 6 numbers per frame, wanted 7"),
        ((states.expand(2, 2, 3, 7), frames, sound, samples), "of 2 layers, wanted 1"),
        ((states / 0, frames, sound, samples), "features hold numbers"),
        ((states, frames, sound / 0, samples), "waveforms hold numbers"),
    ):
        with pytest.raises(UserError, match=words):
            model(*changed)
    with pytest.raises(UserError, match="lengths 16 to 17 in one training batch"):
        model.train()(states, frames, sound, torch.tensor([least, 2600]))


@pytest.mark.parametrize("name", ["aasist", "aasist_l"])
def test_aasist_wants_waveforms_of_equal_length_in_training(name):
    model, sound = build_model(name), torch.randn(2, 2400)
    with pytest.raises(UserError, match="lengths 2350 to 2400 in one training batch"):
        model.train()(sound, torch.tensor([2400, 2350]))


def test_attentive_statistics_are_weighted_means_and_deviations_of_valid_frames():
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"p": AttentiveStatistics(4, 3)}).double()
    state, lengths = random_weights(model), torch.tensor([6, 2, 9])
    x = 2 * torch.randn(3, 4, 9).double() + 1
    found = model["p"](x, frame_mask(lengths, 9))
    for index, length in enumerate(lengths.tolist()):
        wanted = attentive_statistics(Plain(state), "p", x[index : index + 1, :, :length])
        torch.testing.assert_close(found[index : index + 1], wanted)
    one = x.clone().requires_grad_()
    model["p"](one, frame_mask(torch.tensor([1, 1, 1]), 9)).sum().backward()
    assert one.grad.isfinite().all()
    alone = model["p"](one, frame_mask(torch.tensor([1, 1, 1]), 9))
    torch.testing.assert_close(alone[:, 4:], torch.full((3, 4), 1e-7**0.5).double())


def test_masks_count_the_frames_of_each_utterance():
    assert frame_mask(torch.tensor([2, 0, 4]), 4).tolist() == [
        [1, 1, 0, 0],
        [0, 0, 0, 0],
        [1, 1, 1, 1],
    ]
    x = torch.arange(24.0).view(2, 3, 1, 4)
    mask = frame_mask(torch.tensor([2, 3]), 4)
    assert masked_mean(x, mask).tolist() == [[[0.5], [4.5], [8.5]], [[13.0], [17.0], [21.0]]]
    assert masked_mean(x[:, 0, 0], mask).tolist() == [0.5, 13.0]
