"""Every model keeps the contract; sizes are in test_models_*.py."""

import pytest
import torch
from torch import nn

from antispoof import LABELS
from antispoof.config import EXPERIMENT
from antispoof.errors import UserError
from antispoof.models import MODELS, build_model
from antispoof.models.back_end import BackEnd
from antispoof.ssl.finetuned import FineTuned


def wave(frames):
    return torch.randn(int(frames * 160))


def cached(layers, dim):
    return lambda frames: torch.randn(layers, frames, dim)


def about(count, layers, dim):
    """For a head of a fixed length: `count` frames, and up to two more."""
    return lambda frames: torch.randn(layers, count + frames % 3, dim)


# each: how it is built, and what makes an input of so many frames of 10 ms
CASES = {
    "aasist": ("aasist", {"widths": (4, 4, 4, 4, 4, 4), "nodes": (4, 8)}, wave),
    "aasist_l": ("aasist_l", {"widths": (4, 4, 6, 6, 6, 6), "nodes": (6, 8)}, wave),
    "lfcc_lcnn": ("lfcc_lcnn", {}, wave),
    "mel_cnn wave": ("mel_cnn", {"widths": (4, 4, 8, 8)}, wave),
    "mel_cnn cached": (
        "mel_cnn",
        {"widths": (4, 4, 8, 8), "front_end": "cached"},
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
}


class Framed(nn.Module):
    """Stands in for an upstream: the 400 samples of a frame are its state."""

    def forward(self, x, lengths):
        frames, states = (lengths - 400) // 320 + 1, x.unfold(1, 400, 320)
        beyond = torch.arange(states.shape[1]) >= frames[:, None]
        return states.masked_fill(beyond[..., None], 0)[:, None], frames


@pytest.fixture(params=CASES)
def case(request):
    name, conf, make = CASES[request.param]
    torch.manual_seed(0)
    model = build_model(name, **conf)
    if model.reads == "both":
        model = FineTuned(Framed(), model)
    return model.eval(), make


def batch(items, beyond):
    """Stack along time; what lies beyond an item holds the number `beyond`. Returns x, lengths."""
    axis = items[0].dim() - 2 if items[0].dim() > 1 else 0
    longest = max(item.shape[axis] for item in items)
    padded = []
    for item in items:
        shape = list(item.shape)
        shape[axis] = longest - shape[axis]
        padded.append(torch.cat([item, torch.full(shape, float(beyond))], axis))
    return torch.stack(padded), torch.tensor([item.shape[axis] for item in items])


def test_every_model_is_in_a_case():
    assert {name for name, _, _ in CASES.values()} == set(MODELS)


SAYS = {  # reads, shaped_by, last_layer
    "waveform": "aasist:out aasist_l:out lfcc_lcnn:output mel_cnn:head mel_multiscale:head "
    "mel_vit:head rawnet2:output",
    "features": "ca_mhfa:classifier mean_pool:classifier mhfa:classifier nes2net:output "
    "nes2net_x:output sls:None spaarsist:classifier spaarsist_lite:classifier ssl_aasist:out "
    "wavlm_cnn:head",
    "both": "wavlm_aasist:fusion",
}
SHAPED = {"layers dim": "ca_mhfa mean_pool mhfa sls", "": SAYS["waveform"].replace(":", " ")}


def test_back_ends_say_what_they_are():
    for reads, pairs in SAYS.items():
        for name, last in (pair.split(":") for pair in pairs.split()):
            model = build_model(name)
            assert isinstance(model, BackEnd)
            assert (model.reads, str(model.last_layer)) == (reads, last), name
            shaped = [k for k, names in SHAPED.items() if name in names.split()] or ["dim"]
            assert model.shaped_by == tuple(shaped[0].split()), name
            assert model.takes_one_length({}) == (name == "sls")
    assert not MODELS["sls"].takes_one_length({"pooling": "adaptive"})
    assert build_model("mel_cnn", front_end="cached").reads == "features"


def test_logits_in_the_order_of_the_labels(case):
    model, make = case
    logits = model(*batch([make(120), make(90)], 0))
    assert logits.shape == (2, len(LABELS))
    assert torch.isfinite(logits).all()
    assert LABELS[1] == "bonafide"


def test_padding_and_neighbours_change_nothing(case):
    model, make = case
    items = [make(frames) for frames in (77, 200, 131, 96)]
    with torch.inference_mode():
        alone = torch.cat([model(*batch([item], 0)) for item in items])
        for beyond in (0, 3):
            together = model(*batch(items, beyond))
            torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
        repeated = model(*batch([items[0], items[0]], 0))
    torch.testing.assert_close(repeated[0], repeated[1], rtol=1e-5, atol=1e-6)


def test_every_parameter_learns(case):
    model, make = case
    model.train()
    logits = model(*batch([make(120) for _ in range(4)], 0))
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1, 0])).backward()
    lacking = [name for name, p in model.named_parameters() if p.grad is None]
    # what a publication counts and does not use has that name
    assert [name for name in lacking if ".unused." not in name] == []


def test_names_and_arguments_that_no_model_has():
    with pytest.raises(UserError, match="did you mean 'mhfa'"):
        build_model("mhfaa")
    with pytest.raises(UserError, match="'model_conf' is 'head', .* did you mean 'heads'"):
        build_model("mhfa", head=3)
    assert EXPERIMENT["model_conf"] == {}  # their defaults live in __init__
