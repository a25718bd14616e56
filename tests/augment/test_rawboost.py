"""RawBoost: sample for sample what the plain definitions give, and draws of the right shape."""

import numpy as np
import pytest
import torch
from scipy import signal, stats

from antispoof.augment import rawboost
from antispoof.augment.notches import design, draw_notches, reach_of
from antispoof.augment.rawboost import STEPS, RawBoost, apply_batch, draw_batch
from benchmarks import plain_rawboost as plain
from benchmarks.plain_rawboost import replay

LENGTHS = [20000, 7001, 300]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def generators(count, seed=0):
    return [np.random.default_rng((seed, item)) for item in range(count)]


def sounds(lengths, level=0.3):
    waves = np.zeros((len(lengths), max(lengths)), np.float32)
    for row, rng, length in zip(waves, generators(len(lengths), 9), lengths, strict=True):
        row[:length] = (level * rng.standard_normal(length)).clip(-1, 1)
    return waves


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("algo", STEPS)
def test_each_algorithm_is_its_plain_definition(algo, device):
    settings, waves = RawBoost(algo=algo), sounds(LENGTHS)
    drawn = draw_batch(settings, generators(3), LENGTHS, device)
    out = apply_batch(
        settings,
        torch.from_numpy(waves).to(device),
        torch.tensor(LENGTHS, device=device),
        drawn,
    ).cpu()
    for item, length in enumerate(LENGTHS):
        x = waves[item, :length].astype(np.float64)
        wanted = plain.rawboost(x, replay(drawn, item, length, settings), settings)
        np.testing.assert_allclose(out[item, :length], wanted, atol=1e-5)
        assert not out[item, length:].any()
        assert algo == 0 or not np.allclose(out[item, :length], x, atol=1e-3)


@pytest.mark.parametrize("conf", [{"bands": 2, "taps": (3, 4)}, {"bands": 8, "taps": (200, 300)}])
def test_other_settings_too(conf):
    settings, waves = RawBoost(algo=4, terms=3, gain=(-3, 3), **conf), sounds([9000])
    drawn = settings.draw(np.random.default_rng(1), 9000)
    wanted = plain.rawboost(waves[0].astype(float), replay(drawn, 0, 9000, settings), settings)
    np.testing.assert_allclose(settings.apply(waves[0], drawn), wanted, atol=1e-5)


def test_a_filter_is_that_of_the_window_method():
    settings = RawBoost()
    notches = draw_notches(settings, generators(20), [(0, 0)])
    spectra = design(notches, reach_of(settings), 2048)
    for item in range(20):
        replayed = replay({"ssi": {**notches, "noise": torch.zeros(20, 1), "snr": torch.zeros(20)}},
                          item, 1, RawBoost(algo=3))  # fmt: skip
        next(replayed.values)
        b = plain.notch_filter(replayed, settings, (0, 0))
        assert len(b) % 2 == 1
        np.testing.assert_allclose(spectra[item, 0].abs(), np.abs(np.fft.rfft(b, 2048)), atol=1e-9)
        _, response = signal.freqz(b, worN=512)
        assert abs(np.abs(response).max() - 1) < 1e-9


def test_ends_of_the_draws():
    """Notches below 0 Hz, above half the rate, and a peak above 1."""
    settings, waves = RawBoost(algo=4, frequency=(0, 8000), bandwidth=(2000, 4000)), sounds([4000])
    for seed in range(20):
        drawn = settings.draw(np.random.default_rng(seed), 4000)
        wanted = plain.rawboost(waves[0].astype(float), replay(drawn, 0, 4000, settings), settings)
        np.testing.assert_allclose(settings.apply(waves[0], drawn), wanted, atol=1e-5)


def test_notches_are_drawn_as_defined():
    settings = RawBoost()
    gains = [(0, 0), (-5, -20)]
    drawn = draw_notches(settings, generators(2000), gains)

    def uniform(values, low, high):
        return stats.kstest(values.flatten().numpy(), "uniform", (low, high - low)).pvalue > 1e-3

    assert uniform(drawn["centre"], 20, 8000)
    assert uniform(drawn["width"], 100, 1000)
    assert not drawn["gain"][:, 0].any()
    assert uniform(drawn["gain"][:, 1], -20, -5)
    taps, counts = drawn["taps"].unique(return_counts=True)
    assert taps.tolist() == list(range(11, 101, 2))  # int(U(10, 100)), made odd upwards
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("device", [*DEVICES, "as on a GPU"])
def test_impulses_are_drawn_as_defined(device):
    settings, count, length = RawBoost(algo=2), 400, 2000
    if device == "as on a GPU":
        device, there = "cpu", rawboost._draw_impulses_there
        counts = (0.1 * length * np.random.default_rng(3).random(count)).astype(int).tolist()
        factors = there(generators(count), [length] * (count - 1) + [length // 2], counts, device)
        assert ((factors != 0).sum(1).tolist()) == counts
        assert not factors[-1, length // 2 :].any()
        factors = factors[:-1]
    else:
        drawn = draw_batch(settings, generators(count), [length] * count, device)
        factors = drawn["isd"]["factors"].cpu()
    shares = (factors != 0).sum(1) / length
    assert stats.kstest(shares.numpy(), "uniform", (0, 0.1)).pvalue > 1e-3  # 0 to 10 %
    assert shares.max() <= 0.1
    values = factors[factors != 0].numpy()
    rng = np.random.default_rng(5)
    products = rng.uniform(-1, 1, 100000) * rng.uniform(-1, 1, 100000)
    assert stats.ks_2samp(values, products).pvalue > 1e-3
    where = (factors != 0).sum(0).numpy()  # each sample as likely as another
    assert stats.chisquare(where).pvalue > 1e-3


@pytest.mark.parametrize("device", DEVICES)
def test_noise_is_drawn_as_defined(device):
    settings, lengths = RawBoost(algo=3), [5000] * 299 + [100]
    drawn = draw_batch(settings, generators(300), lengths, device)["ssi"]
    assert stats.kstest(drawn["noise"][:40].flatten().cpu().numpy(), "norm").pvalue > 1e-3
    assert stats.kstest(drawn["snr"].cpu().numpy(), "uniform", (10, 30)).pvalue > 1e-3
    assert not drawn["noise"][-1, 100:].any()
    waves = torch.from_numpy(sounds(lengths)).to(device)
    added = apply_batch(settings, waves, torch.tensor(lengths, device=device), {"ssi": drawn})
    ratio = 20 * torch.log10(waves.norm(dim=1) / (added - waves).norm(dim=1))
    torch.testing.assert_close(ratio, drawn["snr"].to(ratio), atol=0.01, rtol=0)


def test_an_utterance_comes_out_the_same_in_any_batch():
    settings, waves = RawBoost(algo=4), sounds(LENGTHS)
    drawn = draw_batch(settings, generators(3), LENGTHS)
    batch = apply_batch(settings, torch.from_numpy(waves), torch.tensor(LENGTHS), drawn)
    for item, length in enumerate(LENGTHS):
        alone = settings.draw(generators(3)[item], length)
        np.testing.assert_allclose(
            settings.apply(waves[item, :length], alone), batch[item, :length], atol=1e-6
        )


def test_silence_stays_silence():
    for algo in STEPS:
        settings = RawBoost(algo=algo)
        drawn = settings.draw(np.random.default_rng(0), 1000)
        assert not settings.apply(np.zeros(1000, np.float32), drawn).any()


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"algo": 9}, "'algo' is 9, wanted 0 to 8"),
        ({"snr": [40, 10]}, "'snr' is .*wanted \\[lowest, highest\\]"),
        ({"frequency": [20, 9000]}, "'frequency' is .*from 0 to 8000"),
        ({"percent": 101}, "'percent' is 101"),
        ({"taps": ["a", "b"]}, "'taps' is"),
    ],
)
def test_settings_that_mean_nothing_are_refused(conf, words):
    with pytest.raises(ValueError, match=words):
        RawBoost(**conf)
