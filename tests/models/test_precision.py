"""Autocast: what it must leave alone stays whole, and every kind of model learns under it."""

import pytest
import torch

from antispoof.features.mel import MelFrontEnd
from antispoof.models import build_model

LENGTHS = torch.full((3,), 12000)
CASES = {
    "mel_cnn": ({"widths": [4, 4, 8, 8]}, None),
    "mel_multiscale": ({"widths": [4, 4, 8], "bottleneck": 8}, None),
    "lfcc_lcnn": ({}, None),
    "ssl_aasist": ({"dim": 16, "embedding": 16, "classifier": "linear"}, 16),
    "spaarsist_lite": ({"dim": 16, "embedding": 16, "classifier": "linear"}, 16),
    "wavlm_aasist": ({"dim": 16, "size": 16, "widths": [4, 4, 8, 8]}, 16),
    "mhfa": ({"layers": 1, "dim": 16, "heads": 2, "embedding": 8}, 16),
}


def test_a_power_spectrum_stays_whole():
    front_end, x = MelFrontEnd(), torch.randn(3, 12000)
    with torch.autocast("cpu", torch.float16):
        found, _ = front_end(x, LENGTHS)
    assert found.dtype == torch.float32
    assert torch.equal(found, front_end(x, LENGTHS)[0])


@pytest.mark.parametrize("name", CASES)
def test_a_model_learns_under_autocast(name):
    conf, dim = CASES[name]
    torch.manual_seed(1)
    model = build_model(name, **conf).train()
    waves, states = torch.randn(3, 12000), torch.randn(3, 1, 37, dim or 1)
    frames = torch.full((3,), 37)
    inputs = (waves, LENGTHS) if dim is None else (states, frames)
    if model.reads == "both":
        inputs = (states, frames, waves, LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(*inputs)
    logits.float().square().sum().backward()
    assert torch.isfinite(logits).all()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
