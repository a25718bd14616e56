"""Front ends that a model computes itself, against plain NumPy: mel image, LFCC, sinc filters."""

import math

import numpy as np
import pytest
import torch

from antispoof.features.lfcc import LFCCFrontEnd
from antispoof.features.mel import MelFrontEnd, deltas_and_norm
from antispoof.features.sinc import sinc_filters

RATE = 16000


def sound(samples, seed=0):
    """A chirp in noise whose two ends are not alike, in float64."""
    rng = np.random.default_rng([seed, samples])
    at = np.arange(samples) / RATE
    return 0.2 * np.sin(2 * np.pi * (300 + 4000 * at) * at) + 0.02 * rng.normal(size=samples) + 0.01


def spectra(wave, fft, window, hop):
    """Power spectra of frames centred at 0, hop, ...; the sound is mirrored at its ends."""
    length, margin = len(window), fft // 2
    at = [abs(t) for t in range(-margin, len(wave) + margin)]
    last = len(wave) - 1
    padded = np.array([wave[last - abs(last - t)] for t in at])
    placed = np.zeros(fft)
    placed[(fft - length) // 2 : (fft - length) // 2 + length] = window
    frames = 1 + len(wave) // hop
    basis = np.exp(-2j * np.pi * np.outer(np.arange(fft // 2 + 1), np.arange(fft)) / fft)
    cut = np.stack([padded[t * hop : t * hop + fft] * placed for t in range(frames)])
    return np.abs(cut @ basis.T) ** 2  # (T, fft / 2 + 1)


def hann(length):
    return np.array([0.5 - 0.5 * math.cos(2 * math.pi * n / length) for n in range(length)])


def triangles(edges, fft):
    """(bands, fft / 2 + 1): each rises from one edge to the next and falls to the one after."""
    hertz = np.arange(fft // 2 + 1) * RATE / fft
    bank = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
        bank.append(np.maximum(0, np.minimum(rise, fall)))
    return np.array(bank)


def deltas(rows):
    """(D, T): slope over five frames; the first and last are repeated beyond the ends."""

    def at(t):
        return rows[:, min(max(t, 0), rows.shape[1] - 1)]

    columns = [
        sum(n * (at(t + n) - at(t - n)) for n in (1, 2)) / (2 * (1 + 4))
        for t in range(rows.shape[1])
    ]
    return np.stack(columns, 1)


def normed(rows):
    both = np.stack([rows, deltas(rows)])
    centred = both - both.mean((1, 2), keepdims=True)
    return centred / (both.std((1, 2), keepdims=True) + 1e-5)


def mel_image(wave):
    def mel(hertz):
        return 2595 * math.log10(1 + hertz / 700)

    places = np.linspace(mel(20), mel(7600), 130)
    edges = 700 * (10 ** (places / 2595) - 1)
    power = spectra(wave / max(abs(wave).max(), 1e-8), 1024, hann(1024), 160)
    bands = 10 * np.log10(np.maximum(power @ triangles(edges, 1024).T, 1e-10)).T
    return normed(np.maximum(bands, bands.max() - 80))


def lfcc(wave, count):
    power = spectra(wave, 512, hann(320), 160)
    bands = np.log(power @ triangles(np.linspace(0, 8000, count + 2), 512).T + 1e-6)
    scale = [math.sqrt(1 / count)] + [math.sqrt(2 / count)] * (count - 1)
    rows = [
        scale[k]
        * sum(bands[:, n] * math.cos(math.pi / count * (n + 0.5) * k) for n in range(count))
        for k in range(count)
    ]
    static = np.stack(rows)
    return np.concatenate([static, deltas(static), deltas(deltas(static))])


def padded(waves, value=0.7):
    """Waveforms of unequal lengths as a batch; the numbers beyond their ends must not count."""
    lengths = torch.tensor([len(wave) for wave in waves])
    batch = torch.full((len(waves), int(lengths.max())), value, dtype=torch.float64)
    for row, wave in zip(batch, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(wave)
    return batch, lengths


def test_the_mel_image_is_that_of_plain_numpy():
    waves = [sound(2400), 0.01 * sound(1601, seed=1), sound(1999, seed=2)]
    image, frames = MelFrontEnd().double()(*padded(waves))
    assert frames.tolist() == [16, 11, 13]
    for own, wave, count in zip(image.numpy(), waves, frames.tolist(), strict=True):
        np.testing.assert_allclose(own[:, :, :count], mel_image(wave), atol=1e-4)
        assert not own[:, :, count:].any()


def test_quiet_bands_end_80_decibels_below_the_loudest_of_their_own_utterance():
    """A tone, a click, whose loudest band is far below the tone's, and a tone near silence."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / RATE) * np.hanning(4000)
    click = np.zeros(3000)
    click[700] = 0.5
    waves = [tone, click, 1e-7 * tone[:3500]]
    image, frames = MelFrontEnd().double()(*padded(waves, value=1e3))
    for own, wave, count in zip(image, waves, frames.tolist(), strict=True):
        np.testing.assert_allclose(own[:, :, :count].numpy(), mel_image(wave), atol=1e-4)
        lowest = own[0, :, :count].min()
        assert (own[0, :, :count] - lowest < 1e-9).sum() > 100  # many cells stand at the floor


def test_cached_mels_are_normed_over_their_own_frames():
    rng = np.random.default_rng(5)
    rows, lengths = rng.normal(3, 2, (3, 6, 11)), [11, 4, 1]
    image = deltas_and_norm(torch.from_numpy(rows), torch.tensor(lengths)).numpy()
    for own, row, count in zip(image, rows, lengths, strict=True):
        np.testing.assert_allclose(own[:, :, :count], normed(row[:, :count]), atol=1e-9)
        assert not own[:, :, count:].any()


@pytest.mark.parametrize("count", [20, 7])
def test_lfcc_are_those_of_plain_numpy(count):
    waves = [sound(2400), 0.1 * sound(1601, seed=1)]
    features, frames = LFCCFrontEnd(count).double()(*padded(waves))
    assert features.shape[1] == LFCCFrontEnd(count).dim == 3 * count
    assert frames.tolist() == [16, 11]
    for own, wave, frame in zip(features.numpy(), waves, frames.tolist(), strict=True):
        np.testing.assert_allclose(own[:, :frame], lfcc(wave, count), atol=1e-3)
        assert not own[:, frame:].any()


def test_lfcc_have_20_coefficients_by_default():
    assert LFCCFrontEnd().dim == 60


@pytest.mark.parametrize(("count", "taps"), [(20, 129), (70, 129), (3, 11)])
def test_sinc_filters_are_differences_of_low_passes_under_a_hamming_window(count, taps):
    top = 2595 * math.log10(1 + 8000 / 700)
    edges = [700 * (10 ** (top * i / count / 2595) - 1) for i in range(count + 1)]
    filters = sinc_filters(count, taps)
    assert filters.shape == (count, taps)
    assert filters.dtype == torch.float32
    for band in range(count):
        for tap in range(taps):
            n = tap - (taps - 1) / 2
            passes = [
                2 * f / RATE * (math.sin(2 * math.pi * f * n / RATE) / (2 * math.pi * f * n / RATE))
                if n and f
                else 2 * f / RATE
                for f in edges[band : band + 2]
            ]
            window = 0.54 - 0.46 * math.cos(2 * math.pi * tap / (taps - 1))
            wanted = (passes[1] - passes[0]) * window
            assert filters[band, tap].item() == pytest.approx(wanted, abs=2e-7), (band, tap)
