"""Models that read waveforms: front ends against plain arithmetic, sizes, what they refuse."""

import pytest
import torch
from torchaudio.functional import compute_deltas
from torchaudio.transforms import LFCC, AmplitudeToDB, MelSpectrogram

from antispoof.config import EXPERIMENT
from antispoof.errors import UserError
from antispoof.features.lfcc import LFCCFrontEnd
from antispoof.features.mel import MelFrontEnd
from antispoof.features.sinc import sinc_filters
from antispoof.models import build_model
from antispoof.scoring.build import build_system

COUNTS = [
    ("mel_cnn", {"widths": (32, 64, 128, 256)}, 405121),
    ("mel_cnn", {"widths": (16, 32, 64, 128)}, 105857),
    ("mel_cnn", {"widths": (16, 32, 64, 128), "front_end": "cached"}, 105857),
    ("mel_multiscale", {"widths": (16, 32, 64), "rows": "flat", "bottleneck": 156}, 2002210),
    ("mel_multiscale", {"widths": (14, 28, 56), "rows": "mean", "bottleneck": 128}, 560568),
    ("mel_vit", {}, 42929665),
    ("wavlm_cnn", {"dim": 1024, "widths": (32, 64, 128, 256)}, 404833),
    ("wavlm_aasist", {"dim": 1024}, 1144121),
    ("lfcc_lcnn", {}, 269826),
    ("rawnet2", {}, 17621410),
]


@pytest.mark.parametrize(("name", "conf", "wanted"), COUNTS)
def test_sizes(name, conf, wanted):
    model = build_model(name, **conf)
    assert sum(parameter.numel() for parameter in model.parameters()) == wanted


def test_parts_of_mel_multiscale():
    model = build_model("mel_multiscale")
    parts = (model.blocks, model.pool, model.head[0], model.head[3])
    counts = [sum(p.numel() for p in part.parameters()) for part in parts]
    assert counts == [647173, 961692, 393280, 65]


def test_streams_of_wavlm_aasist():
    model = build_model("wavlm_aasist")
    streams = (
        (model.narrow, model.pool, model.pooled),
        (model.mel, model.mel_stream),
        (model.lfcc, model.lfcc_blocks, model.lfcc_out),
        (model.fusion,),
    )
    counts = [sum(p.numel() for part in stream for p in part.parameters()) for stream in streams]
    assert counts == [459648, 356936, 130416, 197121]


def test_each_stream_of_wavlm_aasist_is_heard():
    torch.manual_seed(0)
    model, lengths = build_model("wavlm_aasist", dim=8).eval(), torch.tensor([9])
    waves, samples = sound(16000)[None], torch.tensor([16000])
    x = torch.randn(1, 1, 9, 8)
    found = model(x, lengths, waves, samples)
    assert not torch.allclose(found, model(x + 1, lengths, waves, samples))
    assert not torch.allclose(found, model(x, lengths, waves.flip(1), samples))


def test_wavlm_aasist_wants_the_waveform_too():
    conf = {**EXPERIMENT, "feats": "cached", "upstream": "wavlm_large", "model": "wavlm_aasist"}
    with pytest.raises(UserError, match="'wavlm_aasist' reads the waveform .* 'feats: ssl'"):
        build_system(conf)


def sound(samples, scale=0.1):
    torch.manual_seed(samples)
    return scale * (torch.randn(samples) + torch.sin(torch.arange(samples) * 0.05))


@pytest.mark.parametrize("samples", [48000, 16001])
def test_the_mel_image_is_that_of_the_article(samples):
    wave = sound(samples)
    image, frames = MelFrontEnd()(wave[None], torch.tensor([samples]))
    mel = MelSpectrogram(16000, n_fft=1024, hop_length=160, n_mels=128, f_min=20, f_max=7600)
    decibel = AmplitudeToDB("power", top_db=80)(mel(wave / wave.abs().max()))
    both = torch.stack([decibel, compute_deltas(decibel)])
    mean, deviation = both.mean((1, 2), keepdim=True), both.std((1, 2), False, keepdim=True)
    assert image.shape == (1, 2, 128, samples // 160 + 1)
    assert frames.tolist() == [samples // 160 + 1]
    torch.testing.assert_close(image[0], (both - mean) / deviation, atol=2e-4, rtol=1e-4)


def test_loudness_changes_nothing_in_the_mel_image():
    front_end, length = MelFrontEnd(), torch.tensor([8000])
    loud, _ = front_end(sound(8000)[None], length)
    quiet, _ = front_end(0.01 * sound(8000)[None], length)
    torch.testing.assert_close(loud, quiet, atol=1e-3, rtol=1e-3)


def test_silence_is_finite():
    image, _ = MelFrontEnd()(torch.zeros(1, 8000), torch.tensor([8000]))
    assert torch.isfinite(image).all()
    features, _ = LFCCFrontEnd()(torch.zeros(1, 8000), torch.tensor([8000]))
    assert torch.isfinite(features).all()


def test_lfcc_is_that_of_torchaudio_with_two_orders_of_deltas():
    wave = sound(16123)
    window = {"n_fft": 512, "win_length": 320, "hop_length": 160}
    static = LFCC(n_filter=20, n_lfcc=20, log_lf=True, speckwargs=window)(wave)
    wanted = torch.cat([static, compute_deltas(static), compute_deltas(compute_deltas(static))])
    padded = torch.cat([wave, torch.ones(4000)])
    features, frames = LFCCFrontEnd()(padded[None], torch.tensor([len(wave)]))
    assert frames.tolist() == [101]
    torch.testing.assert_close(features[0, :, :101], wanted, atol=1e-5, rtol=1e-5)
    assert not features[0, :, 101:].any()


def test_each_sinc_filter_passes_its_band():
    filters = sinc_filters(20, 1025)
    response = torch.fft.rfft(filters, 16000).abs()  # at each Hz up to 8,000
    top = 2595 * torch.tensor(1 + 8000 / 700).log10()
    edges = 700 * (10 ** (torch.linspace(0, float(top), 21) / 2595) - 1)
    for band, gains in enumerate(response):
        low, high = edges[band], edges[band + 1]
        assert abs(gains[int((low + high) / 2)] - 1) < 0.05
        outside = torch.cat([gains[: max(0, int(low) - 40)], gains[int(high) + 40 :]])
        assert outside.max() < 0.05
    torch.testing.assert_close(filters, filters.flip(1))  # linear phase


TOO_SHORT = [
    ("mel_cnn", {}, 2400),
    ("mel_multiscale", {}, 1120),
    ("mel_vit", {}, 1),
    ("lfcc_lcnn", {}, 2400),
    ("rawnet2", {"nodes": 8}, 3211),
]


@pytest.mark.parametrize(("name", "conf", "least"), TOO_SHORT)
def test_the_shortest_sound_that_a_model_takes(name, conf, least):
    model = build_model(name, **conf).eval()
    assert torch.isfinite(model(sound(least)[None], torch.tensor([least]))).all()
    short = sound(max(least - 1, 1))[None]
    words = f"found {least - 1} samples in an utterance, .* needs {least} or more; crop.seconds"
    with pytest.raises(UserError, match=words):
        model(short, torch.tensor([least - 1]))


def test_wrong_inputs_are_one_line():
    model = build_model("mel_cnn")
    with pytest.raises(UserError, match=r"takes waveforms \(B, S\), found .*'feats: wave'"):
        model(torch.zeros(1, 1, 50, 80), torch.tensor([50]))
    with pytest.raises(UserError, match="waveforms hold numbers that are not finite"):
        model(torch.full((1, 8000), float("nan")), torch.tensor([8000]))
    cached = build_model("mel_cnn", front_end="cached")
    with pytest.raises(UserError, match="found features of 2 layers, wanted 1"):
        cached(torch.zeros(1, 2, 50, 80), torch.tensor([50]))
    with pytest.raises(UserError, match="found 15 frames .* needs 16 or more; crop.seconds"):
        cached(torch.zeros(1, 1, 15, 80), torch.tensor([15]))
    with pytest.raises(UserError, match="found features of 80 numbers per frame, wanted 1024"):
        build_model("wavlm_cnn")(torch.zeros(1, 1, 50, 80), torch.tensor([50]))
    with pytest.raises(UserError, match="even multiple of heads"):
        build_model("mel_vit", dim=100, heads=12)
