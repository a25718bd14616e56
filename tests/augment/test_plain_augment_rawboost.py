"""RawBoost's draws, number by number, and its algorithms by the definitions of the paper.

The arithmetic is that of benchmarks/plain_rawboost.py, which imports nothing of the repository.
"""

import math

import numpy as np
import pytest
import torch

from antispoof.augment.notches import draw_notches, reach_of
from antispoof.augment.rawboost import STEPS, RawBoost, apply_batch, draw_batch
from benchmarks import plain_rawboost as plain

SPECIAL = {"terms": 3, "bands": 2, "frequency": (300, 5000), "bandwidth": (150, 400),
           "taps": (7, 24), "gain": (-2, 3), "bias": (4, 9), "percent": 30.0, "impulse": 1.5,
           "snr": (-3, 12)}  # fmt: skip
LENGTHS = (2500, 901, 40)


def waves_of(lengths, level=0.4):
    waves = np.zeros((len(lengths), max(lengths)), np.float32)
    for row, length in zip(waves, lengths, strict=True):
        row[:length] = level * np.random.default_rng(length).standard_normal(length)
    return waves


def rngs(seed=1):
    return [np.random.default_rng((seed, n)) for n in range(len(LENGTHS))]


def plain_notches(rng, conf, gains):
    """Each filter: its centres, then widths, then taps, then its gain, of U(0, 1) draws."""
    rows = []
    for low, high in gains:
        u = [rng.random() for _ in range(3 * conf["bands"] + 1)]
        parts = [u[n * conf["bands"] : (n + 1) * conf["bands"]] for n in range(3)]
        spread = [
            [ends[0] + (ends[1] - ends[0]) * x for x in part]
            for part, ends in zip(
                parts, (conf["frequency"], conf["bandwidth"], conf["taps"]), strict=True
            )
        ]
        taps = [int(x) + (int(x) % 2 == 0) for x in spread[2]]
        rows.append((spread[0], spread[1], taps, low + (high - low) * u[-1]))
    return dict(zip(("centre", "width", "taps", "gain"), zip(*rows, strict=True), strict=True))


def same(found, wanted):
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-12, err_msg=key)


def test_the_defaults_are_those_of_every_public_system():
    conf = RawBoost()
    assert (conf.algo, conf.terms, conf.bands) == (3, 5, 5)
    assert (conf.frequency, conf.bandwidth, conf.taps) == ((20, 8000), (100, 1000), (10, 100))
    assert (conf.gain, conf.bias, conf.snr) == ((0, 0), (5, 20), (10, 40))
    assert (conf.percent, conf.impulse) == (10.0, 2.0)


def test_every_draw_is_a_uniform_number_of_the_utterances_own_generator():
    conf = RawBoost(algo=4, **SPECIAL)
    found = draw_batch(conf, rngs(), LENGTHS)
    gains = [(-2, 3), (-6, -6), (-6, -6)]
    for item, (rng, length) in enumerate(zip(rngs(), LENGTHS, strict=True)):
        same({k: v[item] for k, v in found["lnl"].items()}, plain_notches(rng, SPECIAL, gains))
        count = int(length * 30.0 * rng.random() / 100)
        positions = rng.choice(length, count, replace=False, shuffle=False)
        one, other = rng.random((2, count), np.float32)
        factors = np.zeros(max(LENGTHS))
        for place, a, b in zip(positions, one, other, strict=True):
            factors[place] = (2 * a - 1) * (2 * b - 1)
        np.testing.assert_allclose(found["isd"]["factors"][item], factors, atol=1e-6)
        ssi = {k: v[item] for k, v in found["ssi"].items()}
        same(ssi, plain_notches(rng, SPECIAL, [(-2, 3)]))
        assert ssi["snr"].item() == pytest.approx(-3 + 15 * rng.random(), rel=1e-6)
        white = torch.Generator().manual_seed(int(rng.integers(2**63)))
        noise = torch.zeros(max(LENGTHS))
        noise[:length] = torch.empty(length).normal_(generator=white)
        assert torch.equal(ssi["noise"], noise)


def test_the_gain_is_lowered_once_at_the_second_term():
    for gain, bias in (((0, 0), (5, 20)), ((-2, 3), (4, 9)), ((1, 4), (2, 2))):
        conf = RawBoost(algo=1, gain=gain, bias=bias, terms=4)
        found = draw_batch(conf, [np.random.default_rng(n) for n in range(300)], [10] * 300)
        gains = found["lnl"]["gain"]
        ends = [gain] + 3 * [(gain[0] - bias[0], gain[1] - bias[1])]
        for term, pair in enumerate(ends):
            low, high = min(pair), max(pair)
            assert low <= gains[:, term].min() <= low + 0.05 * (high - low)
            assert high - 0.05 * (high - low) <= gains[:, term].max() <= high


@pytest.mark.parametrize("taps", [(1, 4), (7, 24), (8, 8), (9, 9), (10, 100)])
def test_taps_are_odd_and_reach_both_ends(taps):
    conf = RawBoost(taps=taps, bands=2)
    many = [np.random.default_rng(n) for n in range(400)]
    found = draw_notches(conf, many, [(0, 0)])["taps"]
    whole = range(taps[0], max(taps[1], taps[0] + 1))  # int(U(a, b)) is below b
    assert set(found.unique().int().tolist()) == {n + (n % 2 == 0) for n in whole}
    assert reach_of(conf) >= 2 * (int(found.max()) - 1) // 2


@pytest.mark.parametrize("algo", STEPS)
def test_which_draws_an_algorithm_needs(algo):
    parts = {0: "", 1: "l", 2: "i", 3: "s", 4: "lis", 5: "li", 6: "ls", 7: "is", 8: "li"}[algo]
    names = {"l": "lnl", "i": "isd", "s": "ssi"}
    assert set(RawBoost(algo=algo).draw(np.random.default_rng(0), 50)) == {names[p] for p in parts}


@pytest.mark.parametrize("algo", STEPS)
@pytest.mark.parametrize("level", [0.02, 0.4, 3.0])
def test_an_algorithm_is_its_definition_in_a_batch_and_alone(algo, level):
    """Quiet and loud: a peak is brought down where it is above 1, and only there."""
    conf, waves = RawBoost(algo=algo, **SPECIAL), waves_of(LENGTHS, level)
    drawn = draw_batch(conf, rngs(), LENGTHS)
    batch = apply_batch(conf, torch.from_numpy(waves.copy()), torch.tensor(LENGTHS), drawn).numpy()
    for item, length in enumerate(LENGTHS):
        x = waves[item, :length].astype(np.float64)
        wanted = plain.rawboost(x, plain.replay(drawn, item, length, conf), conf)
        scale = max(1.0, np.abs(wanted).max())
        np.testing.assert_allclose(batch[item, :length] / scale, wanted / scale, atol=2e-5)
        assert not batch[item, length:].any()
        own = conf.draw(rngs()[item], length)
        alone = conf.apply(waves[item, :length], own)
        np.testing.assert_allclose(alone / scale, wanted / scale, atol=2e-5)


def test_what_is_given_is_not_changed():
    for algo in STEPS:
        conf, wave = RawBoost(algo=algo), waves_of([700], 2.0)[0]
        before = wave.copy()
        conf.apply(wave, conf.draw(np.random.default_rng(0), 700))
        np.testing.assert_array_equal(wave, before)


def test_impulses_touch_at_most_their_percentage():
    for percent in (0.0, 10.0, 100.0):
        conf = RawBoost(algo=2, percent=percent)
        found = draw_batch(conf, [np.random.default_rng(n) for n in range(300)], [200] * 300)
        shares = (found["isd"]["factors"] != 0).float().mean(1)
        assert 0.9 * percent / 100 <= shares.max() <= percent / 100
        assert found["isd"]["factors"].abs().max() <= 1


def test_noise_is_added_at_its_ratio_and_no_peak_is_limited():
    conf, wave = RawBoost(algo=3, snr=(-20, -20)), waves_of([4000], 0.4)[0]
    out = conf.apply(wave, conf.draw(np.random.default_rng(0), 4000))
    ratio = 20 * math.log10(np.linalg.norm(wave) / np.linalg.norm(out - wave))
    assert ratio == pytest.approx(-20, abs=1e-3)
    assert np.abs(out).max() > 1


@pytest.mark.parametrize(("conf", "fine"), [
    ({"algo": 8}, True), ({"algo": 9}, False),
    ({"algo": -1}, False), ({"terms": 0}, False), ({"bands": 0}, False),
    ({"terms": 1, "bands": 1}, True), ({"percent": 0.0}, True), ({"percent": 100.0}, True),
    ({"percent": -0.1}, False), ({"percent": 100.1}, False), ({"frequency": (0, 8000)}, True),
    ({"frequency": (-1, 8000)}, False), ({"frequency": (0, 8001)}, False),
    ({"bandwidth": (1, 1)}, True), ({"bandwidth": (0.5, 9)}, False), ({"taps": (1, 10000)}, True),
    ({"taps": (0, 10)}, False), ({"taps": (1, 10001)}, False), ({"gain": (3, 2)}, False),
    ({"bias": (3, 2)}, False), ({"snr": (3, 2)}, False), ({"gain": (-9, -9)}, True),
])  # fmt: skip
def test_settings_at_the_edge_are_taken_and_those_behind_it_refused(conf, fine):
    if fine:
        RawBoost(**conf)
        return
    with pytest.raises(ValueError, match="' is .*, wanted "):
        RawBoost(**conf)
