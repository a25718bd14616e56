"""Models of frames: sizes, resolutions, padding, the formula of gMLP, and the loss."""

import math

import pytest
import torch
from model_cases import CASES, batch, build
from torch.nn.functional import cross_entropy, gelu, layer_norm

from antispoof.errors import UserError
from antispoof.losses.frame_loss import FrameLoss, labels_from
from antispoof.losses.losses import Loss
from antispoof.models import build_model
from antispoof.models.back_end import FrameBackEnd, Frames
from antispoof.models.gmlp_frames import Block
from antispoof.models.resolutions import halve, least_frame
from antispoof.scoring.build import build_back_end

OWN = [name for name in CASES if "_frames" in name]


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_the_post_net_has_the_published_number_of_parameters():
    model = build_model("gmlp_frames")
    assert size(model.post_net) == 33_055_038
    assert size(model.post_net["branches"][0]) == 24_506_938
    assert size(model.post_net["between"]) == 350_176
    assert size(model.post_net["utterance"]) == 24_522
    assert (size(model.outputs), size(model.output)) == (2016, 32)


def test_four_seconds_have_the_published_numbers_of_frames():
    with torch.inference_mode():
        found, whole = (
            build_model("gmlp_frames").eval().localise(*batch([torch.randn(1, 201, 1024)], 0))
        )
    assert [own.logits.shape[1] for own in found] == [201, 100, 50, 25, 12, 7]
    assert [own.seconds for own in found] == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64]
    assert whole.shape == (1, 2)


def test_the_small_one_has_its_number_of_parameters():
    assert size(build_model("mel_frames")) == 189_198


@pytest.mark.parametrize("name", OWN)
def test_padding_and_neighbours_change_no_frame(name):
    model, make = build(name)
    assert isinstance(model, FrameBackEnd)
    items = [make(frames) for frames in (77, 200, 131, 96)]
    with torch.inference_mode():
        alone = [model.localise(*batch([item], 0))[0] for item in items]
        for beyond in (0, 3):
            together, whole = model.localise(*batch(items, beyond))
            torch.testing.assert_close(whole, model(*batch(items, beyond)))
            for k, own in enumerate(together):
                assert own.seconds == model.resolutions[k]
                for row, single in enumerate(alone):
                    count = int(single[k].counts[0])
                    assert int(own.counts[row]) == count == single[k].logits.shape[1]
                    torch.testing.assert_close(
                        own.logits[row, :count], single[k].logits[0], rtol=1e-4, atol=1e-5
                    )


def test_a_block_is_that_of_the_formula():
    torch.manual_seed(0)
    own, x = Block(8, 6), torch.randn(1, 5, 8)
    with torch.inference_mode():
        u = gelu(layer_norm(x, [8]) @ own.up.weight.T + own.up.bias)
        wanted = torch.empty_like(x)
        for t in range(5):
            gate = sum(own.weight[t, s] * layer_norm(u[0, s, 2:], [2]) for s in range(5))
            wanted[0, t] = own.down(u[0, t, :2] * (gate + own.bias[t]))
        torch.testing.assert_close(own(x, torch.ones(1, 5, 1)), x + wanted)
    assert own.weight.abs().max() <= 0.01
    assert own.bias.tolist() == [1] * 6


def test_more_frames_than_the_table_has_are_refused():
    model = build_model("gmlp_frames", dim=4, scales=1, blocks=1, table=20)
    with pytest.raises(UserError, match="found 21 frames, the model takes 20"):
        model(*batch([torch.randn(1, 21, 4)], 0))


@pytest.mark.parametrize("conf", [{"dim": 100}, {"scales": 7}, {"utterance": "mean"}])
def test_arguments_that_do_not_go_together_are_refused(conf):
    with pytest.raises(UserError, match="wanted"):
        build_model("gmlp_frames", **conf)


def test_halving_keeps_the_larger_of_two_frames():
    x = torch.tensor([1.0, 5, 2, 3, 9, 9, 9, 9]).view(1, 8, 1).repeat(1, 1, 2)
    out, counts = halve(x, torch.tensor([5]), width=True)
    assert (out[0, :, 0].tolist(), counts.tolist()) == ([5, 3, 0, 0], [2])
    out, counts = halve(x, torch.tensor([5]), width=True, shifted=True)
    assert (out[0, :, 0].tolist(), counts.tolist()) == ([1, 5, 9, 0, 0], [3])
    out, counts = halve(x[:, :1], torch.tensor([1]), width=False)
    assert (out[0, :, 0].tolist(), counts.tolist()) == ([1], [1])


def test_the_least_frame_is_one_of_the_utterance():
    logits = torch.tensor([[[0.0, 3.0], [0.0, 1.0], [0.0, -9.0]]])
    assert least_frame(Frames(0.02, logits, torch.tensor([2]))).tolist() == [[0.0, 1.0]]


SPANS = [(0.0, 0.05, "bonafide"), (0.05, 0.09, "spoof"), (0.09, 0.2, "bonafide")]
CONFIG = {"loss": "cross_entropy", "loss_conf": {}, "class_weights": [1.0, 1.0]}


def test_labels_of_a_crop_are_those_from_its_start():
    assert labels_from(SPANS, 0.0, 0.01).tolist() == [1] * 5 + [0] * 4 + [1] * 11
    assert labels_from(SPANS, 0.06, 0.01).tolist() == [0] * 3 + [1] * 11


def test_the_loss_is_the_mean_over_frames_summed_over_resolutions():
    """From 0.05 s on: spoofed for two frames of 20 ms, and so for one of 40 ms; eight labels."""
    torch.manual_seed(0)
    fine, coarse = torch.randn(1, 9, 2), torch.randn(1, 4, 2)
    frames = [
        Frames(0.02, fine, torch.tensor([9])),  # the ninth is beyond the sound
        Frames(0.04, coarse, torch.tensor([4])),
    ]
    aim = torch.tensor([0, 0, 1, 1, 1, 1, 1, 1])
    wanted = cross_entropy(fine[0, :8], aim) + cross_entropy(coarse[0], torch.tensor([0, 1, 1, 1]))
    whole = torch.randn(1, 2)
    found = FrameLoss(Loss(CONFIG), {4: SPANS}).total((frames, whole), [4], [0.05])
    torch.testing.assert_close(found, wanted)
    both = FrameLoss(Loss(CONFIG), {4: SPANS}, whole=True)
    found = both.total((frames, whole), [4], [0.05])
    torch.testing.assert_close(found, wanted + cross_entropy(whole, torch.tensor([0])))
    assert math.isfinite(found.item())


def losses(weights, spans, starts=(0.0,), whole=False):
    """The losses of logits that say nothing, of two frames of 20 ms, and of one of 40 ms."""
    frames = [
        Frames(0.02, torch.zeros(1, 2, 2), torch.tensor([2])),
        Frames(0.04, torch.zeros(1, 1, 2), torch.tensor([1])),
    ]
    loss = FrameLoss(Loss({**CONFIG, "class_weights": weights}), {0: spans}, whole=whole)
    return [loss.total((frames, torch.zeros(1, 2)), [0], [start]).item() for start in starts]


def test_class_weights_count_an_utterance_of_one_class_as_much_as_a_frame():
    bona, spoof = [(0.0, 0.04, "bonafide")], [(0.0, 0.04, "spoof")]
    half = [(0.0, 0.02, "bonafide"), (0.02, 0.04, "spoof")]
    once = math.log(2)
    assert losses([0.1, 0.9], bona) == pytest.approx([0.9 * 2 * once])
    assert losses([0.1, 0.9], spoof) == pytest.approx([0.1 * 2 * once])
    assert losses([0.1, 0.9], half) == pytest.approx([(0.1 + 0.9) / 2 * once + 0.1 * once])
    assert losses([0.1, 0.9], spoof, whole=True) == pytest.approx([0.1 * 3 * once])


def test_the_branch_of_a_crop_beside_the_spoofed_part_learns_bona_fide():
    """The logits of the utterance say bona fide; from 0.09 s on nothing is spoofed."""
    whole = torch.tensor([[-2.0, 2.0]])
    frames = [Frames(0.01, torch.zeros(1, 5, 2), torch.tensor([5]))]
    total = {}
    for branch in (True, False):
        loss = FrameLoss(Loss(CONFIG), {0: SPANS}, whole=branch)
        total[branch] = [loss.total((frames, whole), [0], [start]).item() for start in (0.0, 0.1)]
    own = [both - alone for both, alone in zip(total[True], total[False], strict=True)]
    # the first crop ends where the spoofed part begins, as the second one is behind it
    assert own == pytest.approx([math.log1p(math.exp(-4))] * 2, rel=1e-3)
    loss = FrameLoss(Loss(CONFIG), {0: SPANS}, whole=True)
    spoofed = loss.total((frames, whole), [0], [0.03]).item() - total[False][0]
    assert spoofed == pytest.approx(math.log1p(math.exp(4)), rel=1e-3)


def test_a_coarse_frame_knows_nothing_of_what_is_behind_the_crop():
    """Four seconds are 200 frames, and 7 of 640 ms; what is spoofed begins 0.1 s behind them."""
    spans = [(0.0, 4.1, "bonafide"), (4.1, 4.4, "spoof"), (4.4, 5.0, "bonafide")]
    coarse = torch.tensor([-3.0, 3.0]).repeat(1, 7, 1)
    frames = [
        Frames(0.02, torch.tensor([-3.0, 3.0]).repeat(1, 200, 1), torch.tensor([200])),
        Frames(0.64, coarse, torch.tensor([7])),
    ]
    found = FrameLoss(Loss(CONFIG), {0: spans}).total((frames, torch.zeros(1, 2)), [0], [0.0])
    assert found.item() == pytest.approx(2 * math.log1p(math.exp(-6)), rel=1e-3)


def test_the_most_frames_are_those_of_the_padded_resolution_too():
    assert build_model("gmlp_frames").most == 1983
    model = build_model("gmlp_frames", dim=128, blocks=1, table=64).eval()
    with torch.inference_mode():
        found, _ = model.localise(*batch([torch.randn(1, 63, 128)], 0))
        assert [own.logits.shape[1] for own in found] == [63, 31, 15, 7, 3, 2]
        with pytest.raises(UserError, match=r"found 64 frames, the model takes 63 \(1.26 s\)"):
            model(*batch([torch.randn(1, 64, 128)], 0))
    with pytest.raises(UserError, match="table is 20, wanted 32 or more"):
        build_model("gmlp_frames", dim=128, table=20)


@pytest.mark.parametrize("name", [name for name in OWN if name.startswith("mel_")])
def test_batch_norms_see_no_padding_in_training(name):
    """Neither in the logits nor in what they remember; of equal lengths, they are torch's own."""
    found, kept = [], []
    for beyond in (0, 150):
        model, make = build(name)
        model.train()
        for part in model.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        torch.manual_seed(1)
        items = [make(frames) for frames in (77, 200)]
        x, lengths = batch(items, 0)
        axis = x.ndim - 1 if x.ndim == 2 else 2
        more = list(x.shape)
        more[axis] = beyond * (160 if x.ndim == 2 else 1)
        frames, whole = model.localise(torch.cat([x, torch.zeros(more)], axis), lengths)
        found.append([whole, *(own.logits[0, : own.counts[0]] for own in frames)])
        kept.append([value.clone() for value in model.buffers() if value.is_floating_point()])
    for pair in (*zip(*found, strict=True), *zip(*kept, strict=True)):
        torch.testing.assert_close(*pair, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["p2sgrad", "am_softmax", "aam_softmax", "oc_softmax", "samo"])
@pytest.mark.parametrize("name", ["gmlp_frames", "mel_frames"])
def test_losses_of_cosines_are_refused_for_frames(name, loss):
    config = {"model": name, "loss": loss, "loss_conf": {}}
    conf = {"dim": 4, "scales": 1} if name == "gmlp_frames" else {}
    with pytest.raises(UserError, match=f"'{loss}', which turns .* '{name}' gives logits of fra"):
        build_back_end(config, conf)
