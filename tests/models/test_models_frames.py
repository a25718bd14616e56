"""Models of frames: sizes, resolutions, padding, the formula of gMLP, and the loss."""

import math

import pytest
import torch
from model_cases import CASES, batch, build
from torch.nn.functional import cross_entropy, gelu, layer_norm

from antispoof.errors import UserError
from antispoof.models import build_model
from antispoof.models.back_end import FrameBackEnd, Frames
from antispoof.models.frame_loss import FrameLoss, labels_from
from antispoof.models.gmlp_frames import Block
from antispoof.models.losses import Loss
from antispoof.models.resolutions import halve, least_frame

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
    found = FrameLoss(Loss(CONFIG), {4: SPANS}).total(
        (frames, whole), torch.tensor([0]), [4], [0.05]
    )
    torch.testing.assert_close(found, wanted)
    both = FrameLoss(Loss(CONFIG), {4: SPANS}, whole=True)
    found = both.total((frames, whole), torch.tensor([0]), [4], [0.05])
    torch.testing.assert_close(found, wanted + cross_entropy(whole, torch.tensor([0])))
    assert math.isfinite(found.item())
