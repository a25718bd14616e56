"""A small one of every model, what makes its input, and batches of such inputs."""

import torch
from torch import nn

from antispoof.models import build_model
from antispoof.ssl.finetuned import FineTuned


def wave(frames):
    return torch.randn(int(frames * 160))


def cached(layers, dim):
    return lambda frames: torch.randn(layers, frames, dim)


def about(count, layers, dim):
    """For a head of a fixed length: `count` frames, and up to two more."""
    return lambda frames: torch.randn(layers, count + frames % 3, dim)


SEQUENCES = {"dim": 20, "width": 8, "heads": 2, "depth": 2}
# each: how it is built, and what makes an input of so many frames of 10 ms
CASES = {
    "aasist": ("aasist", {"widths": (4, 4, 4, 4, 4, 4), "nodes": (4, 8)}, wave),
    "aasist_l": ("aasist_l", {"widths": (4, 4, 6, 6, 6, 6), "nodes": (6, 8)}, wave),
    "gmlp_frames": (
        "gmlp_frames",
        {"layers": 3, "dim": 32, "scales": 4, "blocks": 2, "table": 300},
        cached(3, 32),
    ),
    "gmlp_frames minimum": (
        "gmlp_frames",
        {"dim": 128, "blocks": 1, "table": 300, "utterance": "minimum"},
        cached(1, 128),
    ),
    "lfcc_lcnn": ("lfcc_lcnn", {}, wave),
    "mel_cnn wave": ("mel_cnn", {"widths": (4, 4, 8, 8)}, wave),
    "mel_cnn cached": (
        "mel_cnn",
        {"widths": (4, 4, 8, 8), "front_end": "cached"},
        cached(1, 80),
    ),
    "mel_frames": ("mel_frames", {"widths": (4, 4, 8, 8), "hidden": 8, "scales": 4}, wave),
    "mel_frames minimum": (
        "mel_frames",
        {"widths": (4, 4), "front_end": "cached", "scales": 2, "utterance": "minimum"},
        cached(1, 80),
    ),
    "mel_multiscale": ("mel_multiscale", {"widths": (6, 6, 6), "bottleneck": 4}, wave),
    "mel_multiscale mean": ("mel_multiscale", {"widths": (4, 6, 6), "rows": "mean"}, wave),
    "mel_vit": ("mel_vit", {"dim": 16, "depth": 2, "heads": 4}, wave),
    "mhfa": ("mhfa", {"layers": 3, "dim": 20, "heads": 4, "embedding": 16}, cached(3, 20)),
    "mhfa ff": (
        "mhfa",
        {"layers": 3, "dim": 20, "heads": 4, "embedding": 16, "classifier": "ff"},
        cached(3, 20),
    ),
    "ca_mhfa": ("ca_mhfa", {"layers": 3, "dim": 20, "embedding": 16}, cached(3, 20)),
    "mean_pool": ("mean_pool", {"layers": 3, "dim": 20, "classifier": "ff"}, cached(3, 20)),
    "rawnet2": (
        "rawnet2",
        {"filters": 4, "taps": 65, "widths": (4, 4, 8, 8, 8, 8), "nodes": 8},
        wave,
    ),
    "sls": ("sls", {"layers": 3, "dim": 20, "frames": 30, "hidden": 16}, about(30, 3, 20)),
    "sls adaptive": (
        "sls",
        {"layers": 3, "dim": 20, "frames": 30, "hidden": 16, "pooling": "adaptive"},
        cached(3, 20),
    ),
    "nes2net": ("nes2net", {"dim": 64, "splits": 4, "scale": 4}, cached(1, 64)),
    "nes2net_x": ("nes2net_x", {"dim": 64, "splits": 4, "scale": 4}, cached(1, 64)),
    "nes2net_x astp": (
        "nes2net_x",
        {"dim": 64, "splits": 4, "scale": 4, "pooling": "astp"},
        cached(1, 64),
    ),
    "spaarsist": ("spaarsist", {"dim": 20, "embedding": 16}, cached(1, 20)),
    "spaarsist mean": (
        "spaarsist",
        {"dim": 20, "embedding": 16, "scorer": "magnitude", "aggregation": "node_mean"},
        cached(1, 20),
    ),
    "spaarsist_lite": ("spaarsist_lite", {"dim": 20, "embedding": 16}, cached(1, 20)),
    "ssl_aasist": ("ssl_aasist", {"dim": 20}, cached(1, 20)),
    "wavlm_aasist": ("wavlm_aasist", {"dim": 400, "size": 8, "widths": (4, 4, 4, 4)}, wave),
    "wavlm_cnn": ("wavlm_cnn", {"widths": (4, 4, 8, 8), "dim": 40}, cached(1, 40)),
    "linear": ("linear", {"dim": 20}, cached(1, 20)),
    "xlsr_conformer": ("xlsr_conformer", SEQUENCES, cached(1, 20)),
    "xlsr_conformer_tcm": ("xlsr_conformer_tcm", SEQUENCES, cached(1, 20)),
    "xlsr_mamba": ("xlsr_mamba", {"dim": 20, "width": 8, "depth": 2}, cached(1, 20)),
    "fake_mamba": ("fake_mamba", {"dim": 20, "width": 8, "depth": 2}, cached(1, 20)),
    "bicross_mamba": ("bicross_mamba", {"dim": 20, "depth": 1}, cached(1, 20)),
    "aasist3": ("aasist3", {"dim": 20, "frames": 30}, about(30, 1, 20)),
}


class Framed(nn.Module):
    """Stands in for an upstream: the 400 samples of a frame are its state."""

    def forward(self, x, lengths):
        frames, states = (lengths - 400) // 320 + 1, x.unfold(1, 400, 320)
        beyond = torch.arange(states.shape[1], device=x.device) >= frames[:, None]
        return states.masked_fill(beyond[..., None], 0)[:, None], frames


def build(name):
    """A model in evaluation, on waveforms where it reads both; what makes its input."""
    model_name, conf, make = CASES[name]
    torch.manual_seed(0)
    model = build_model(model_name, **conf)
    if model.reads == "both":
        model = FineTuned(Framed(), model)
    return model.eval(), make


def batch(items, beyond):
    """Stack along time; what is beyond an item holds the number `beyond`. Returns x, lengths."""
    axis = items[0].dim() - 2 if items[0].dim() > 1 else 0
    longest = max(item.shape[axis] for item in items)
    padded = []
    for item in items:
        shape = list(item.shape)
        shape[axis] = longest - shape[axis]
        padded.append(torch.cat([item, torch.full(shape, float(beyond))], axis))
    return torch.stack(padded), torch.tensor([item.shape[axis] for item in items])
