"""Distill-MOS: the published network by its layout, batches, windows, and how it learns."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from own_upstreams import write_distillmos
from torch import nn

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.models import build_model
from antispoof.ssl import distillmos, encoder, fetch
from antispoof.ssl.distillmos import TABLE
from antispoof.ssl.encoder import windows
from antispoof.ssl.finetuned import FineTuned, FrontEnd
from antispoof.ssl.upstream import FrozenUpstream, open_upstream
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.learner import Learner

CONFIG = {**UPSTREAM, "name": "distillmos", "layers": "all", "dtype": "float32"}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """(the network, a file of its weights in the package's form)."""
    path = tmp_path_factory.mktemp("distillmos") / "distill_mos_v7.pt"
    return write_distillmos(path), path


@pytest.fixture(autouse=True)
def own(published, monkeypatch):
    monkeypatch.setattr(fetch, "weights_in_package", lambda _: published[1])


def noise(*counts):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(count, generator=generator) / 10 for count in counts]


@torch.inference_mode()
def states_of(waves):
    return open_upstream(CONFIG)[0](waves)["hidden_states"]


@pytest.mark.parametrize("samples", [160, 319, 5000, 24_321, 2 * 160 * TABLE])
def test_hidden_states_are_those_of_the_published_network(published, samples):
    (wave,) = noise(samples)
    with torch.no_grad():
        wanted = published[0](wave)
    found = states_of([wave])
    assert len(found) == len(wanted) == 8
    assert found[0].shape == (1, math.ceil(samples // 160 / 2), 200)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one[0], other, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("more", [(), (130_000,)])  # with a long one, all go through windows
def test_a_padded_batch_equals_its_utterances_one_by_one(more):
    waves = noise(9_999, 160, 27_840, *more)
    together = states_of(waves)
    for item, wave in enumerate(waves):
        count = distillmos.DistillMos.frame_count(len(wave))
        for state, alone in zip(together, states_of([wave]), strict=True):
            torch.testing.assert_close(state[item, :count], alone[0], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_the_convolutions_of_a_batch_with_padding_do_not_see_it():
    convolutions, waves = open_upstream(CONFIG)[0].convolutions, noise(9_999, 160, 27_840)
    spectra = [convolutions._spectrum(wave) for wave in waves]
    padded = nn.utils.rnn.pad_sequence(spectra, batch_first=True, padding_value=7.0)
    together = convolutions._in_pieces(padded, [len(spectrum) for spectrum in spectra])
    for item, wave in enumerate(waves):
        alone = convolutions([wave])[0]
        torch.testing.assert_close(together[item, : len(alone)], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("piece", [2, 10, 64])
def test_pieces_change_nothing(monkeypatch, piece):
    (wave,) = noise(20_160)
    whole = states_of([wave])
    monkeypatch.setattr(distillmos, "PIECE", piece)
    for one, other in zip(whole, states_of([wave]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, TABLE, TABLE + 1, 577, 1000, 40_000])
def test_windows_keep_each_frame_once_from_the_nearest_middle(count):
    found = windows(count, TABLE)
    kept = [frame for window in found for frame in range(window.first, window.end)]
    assert kept == list(range(count))
    starts = [window.start for window in found]
    assert starts[0] == 0 and starts[-1] == max(count - TABLE, 0)
    assert all(0 < b - a <= TABLE // 2 for a, b in itertools.pairwise(starts))
    for window in found:
        for frame in (window.first, window.end - 1):
            distances = [abs(frame + 0.5 - start - TABLE / 2) for start in starts]
            own = abs(frame + 0.5 - window.start - TABLE / 2)
            assert own <= min(distances) + 1  # a middle may fall on half a frame


def test_a_long_sound_has_the_states_of_its_windows(monkeypatch):
    monkeypatch.setattr(encoder, "AT_ONCE", 2)
    (wave,) = noise(320 * 1000)
    model, _ = open_upstream(CONFIG)
    with torch.inference_mode():
        found = model([wave])["hidden_states"]
        x = model.projection(model.convolutions([wave]))
        for window in windows(1000, TABLE):
            alone = model._encode(x[:, window.start : window.start + TABLE], [TABLE])
            own = slice(window.first - window.start, window.end - window.start)
            for state, one in zip(found, alone, strict=True):
                torch.testing.assert_close(state[0, window.first : window.end], one[0, own])


def test_a_frozen_one_gives_each_utterance_its_own_frames():
    frozen = FrozenUpstream(CONFIG)
    assert (frozen.dim, frozen.frame_rate, frozen.batches) == (200, 50, True)
    assert frozen.layer_indices == list(range(8))
    found = frozen([wave.numpy() for wave in noise(4_000, 160)], ["a", "b"])
    assert [matrix[7].shape for matrix in found] == [(13, 200), (1, 200)]
    with pytest.raises(UserError, match="b: 159 samples are too short for a frame of 160"):
        frozen([wave.numpy() for wave in noise(4_000, 159)], ["a", "b"])


def learning(layers, **finetune):
    torch.manual_seed(0)
    finetune = {**EXPERIMENT["finetune"], "layers": layers, **finetune}
    return FrontEnd(open_upstream(CONFIG)[0], CONFIG, range(8), finetune)


@pytest.mark.parametrize(
    "layers, learns",
    [("none", ()), ([5, 6], ("layers.5.", "layers.6.")),
     ("all", ("layers.", "projection.", "convolutions."))],
)  # fmt: skip
def test_what_is_named_learns_and_nothing_else(layers, learns):
    front = learning(layers)
    waves = noise(8_000, 5_000)
    x = nn.utils.rnn.pad_sequence(waves, batch_first=True, padding_value=3.0)
    states, frames = front(x, torch.tensor([8_000, 5_000]))
    assert states.shape == (2, 8, 25, 200) and frames.tolist() == [25, 16]
    assert not states[1, :, 16:].any()
    for item, (wave, count) in enumerate(zip(waves, (25, 16), strict=True)):
        for place, state in enumerate(states_of([wave])):
            torch.testing.assert_close(states[item, place, :count], state[0], rtol=1e-4, atol=1e-5)
    if learns:
        states.square().sum().backward()
    for name, parameter in front.upstream.named_parameters():
        assert bool(parameter.grad is not None and parameter.grad.any()) == name.startswith(learns)
    kept = {key.removeprefix("upstream.") for key in front.state_dict() if "upstream" in key}
    parameters = {name for name, _ in front.upstream.named_parameters()}
    assert kept & parameters == {name for name in parameters if name.startswith(learns)}


def test_the_gradient_of_the_convolutions_is_scaled():
    found = []
    for multiplier in (1.0, 0.25):
        front = learning("all", feature_grad_mult=multiplier)
        front(noise(8_000)[0][None], torch.tensor([8_000]))[0].square().sum().backward()
        found.append([p.grad for p in front.upstream.convolutions.parameters()])
    for whole, part in zip(*found, strict=True):
        torch.testing.assert_close(whole / 4, part, rtol=1e-3, atol=1e-6)


def test_other_weights_are_refused_in_one_line(published, tmp_path, monkeypatch):
    state = dict(published[0].state_dict())
    state.pop("cnn.cnn.4.bias")
    for name, content in (("less.pt", {"model": state}), ("none.pt", {"weights": 1})):
        save_checkpoint(tmp_path / name, content)
        monkeypatch.setattr(fetch, "weights_in_package", lambda _, name=name: tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: its weights are not those of Distill-MOS"):
            open_upstream(CONFIG)


def test_a_tuning_starts_from_a_back_end_that_learnt_on_cached_features(tmp_path):
    def back_end(heads):
        return build_model("mhfa", heads=heads, compression=16, embedding=16, layers=8, dim=200)

    learnt = back_end(4)
    model = FineTuned(learning([6]), back_end(4))
    learner = SimpleNamespace(model=model, device="cpu", name="other", average=None)
    save_checkpoint(tmp_path / "best.pt", {"model": learnt.state_dict()})
    Learner.start_from(learner, tmp_path / "best.pt")
    for name, weights in learnt.state_dict().items():
        assert torch.equal(model.back_end.state_dict()[name], weights), name
    save_checkpoint(tmp_path / "best.pt", {"model": back_end(2).state_dict()})
    with pytest.raises(UserError, match="best.pt: does not fit the model of other"):
        Learner.start_from(learner, tmp_path / "best.pt")
    save_checkpoint(tmp_path / "best.pt", {"model": model.state_dict()})
    Learner.start_from(learner, tmp_path / "best.pt")


def changed(wave, start, stop, by=0.01):
    """`wave` with other samples from `start` to `stop`, and the same peak."""
    other = wave.clone()
    other[start:stop] += by * torch.sin(torch.arange(stop - start) / 3.0)
    return other


@torch.inference_mode()
def test_of_sounds_that_are_alike_only_what_differs_goes_through_the_convolutions():
    (wave,) = noise(96_000)
    wave[50_000] = 1.0
    spans = ((40_000, 46_000), (0, 3000), (93_000, 96_000), (100, 95_900), (7000, 7002), (0, 0))
    waves = [wave, *(changed(wave, *span) for span in spans), 0.5 * wave, wave[:30_000]]
    waves[-2][3] = 0.9  # another peak
    model, widths = open_upstream(CONFIG)[0], []
    model.convolutions.layers[0].register_forward_pre_hook(
        lambda _, args: widths.append(args[0].shape[3])
    )
    expected = [model([one])["hidden_states"] for one in waves]
    widths.clear()
    with distillmos.ALIKE.open():
        found = [model(waves[:2])["hidden_states"]]
        assert widths == [408, 208, 38 + 2 + 16 + 16]
        found += [model([one])["hidden_states"] for one in waves[2:]]
        assert model([wave])["hidden_states"][-1].equal(expected[0][-1])
    assert max(widths[3:5]) < 60 and widths[5:7] == [408, 208] and widths[7] < 40
    assert widths[8:] == [408, 208, 187]  # another peak, another length
    for one, other in zip(found[0], expected[0], strict=True):
        assert one[0].equal(other[0])
    for own, wanted in zip(found[1:], expected[2:], strict=True):
        for one, other in zip(own, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    before = len(widths)
    assert model([waves[1]])["hidden_states"][-1].equal(expected[1][-1])
    assert widths[before:] == [408, 208]
