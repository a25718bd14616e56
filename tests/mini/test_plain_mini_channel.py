"""egs/mini: the channel, step by step, against plain NumPy; every draw and its range."""

import hashlib
import sys
import types

import numpy as np
import pytest
import soundfile
from plain_mini import RATE, autocorrelation, phrase, predictor, trimmed

from corpus import audio, channel

SHAPES = np.array([[1.0, -0.9, *[0.0] * 15], [1.0, 0.5, 0.2, *[0.0] * 14], [1.0] + [0.0] * 16])


def frames_of(wave):
    return [wave[n : n + 400] for n in range(0, len(wave) - 399, 200)]


def band(wave, low, high, phase=None):
    """Butterworth-like edges of orders 16 and 128, on the wave with 100 ms of silence behind it."""
    size = channel.fft.next_fast_len(len(wave) + RATE // 10, real=True)
    spectrum = np.fft.rfft(wave, size)
    for n in range(len(spectrum)):
        hertz = max(1.0, n * RATE / size)
        gain = 1 / np.sqrt((1 + (low / hertz) ** 32) * (1 + (hertz / high) ** 256))
        spectrum[n] *= gain * (1 if phase is None else np.exp(1j * np.interp(hertz, *phase)))
    return np.fft.irfft(spectrum, size)[: len(wave)]


def level(wave, decibels):
    wave = wave / np.sqrt(np.mean(wave**2)) * 10 ** (decibels / 20)
    return wave * min(1, 0.99 / max(abs(wave)))


def hiss(shape, length, draw):
    """All-pole noise, a sample at a time, after 1000 that nobody hears."""
    white, made = draw.standard_normal(length + 1000), np.zeros(length + 1000)
    for n in range(len(made)):
        past = made[max(0, n - 16) : n][::-1]
        made[n] = white[n] - np.dot(shape[1 : len(past) + 1], past)
    return made[1000:]


def floor(wave):
    power = sorted(np.mean(frame**2) for frame in frames_of(wave))
    return np.mean(power[: max(1, len(power) // 10)])


def delays(draw):
    """Phase of random delays up to 12 ms at 17 knots, 0 to 8 kHz, on a grid of 10 Hz."""
    hertz, knots = np.arange(801) * 10.0, np.arange(17) * 500.0
    delay = np.interp(hertz, knots, draw.uniform(0, 0.012, 17))
    return hertz, np.array([-2 * np.pi * 10 * sum(delay[: n + 1]) for n in range(801)])


def crooked(wave, codec):
    """Stands for a codec: one that bends the wave, each in its own way."""
    return wave + (1 + len(codec)) * wave**2


def sent(wave, utt, shapes):
    """The channel as its description says it."""
    draw = np.random.default_rng(list(hashlib.sha256(utt.encode()).digest()))
    shape, floor_db = shapes[draw.integers(len(shapes))], draw.uniform(23, 38)
    codec = ("none", "vorbis", "g722", "opus", "mp3")[draw.integers(5)]
    seconds, place, decibels = draw.uniform(1.2, 3.6), draw.random(), draw.uniform(-29, -23)
    low, high = np.exp(draw.uniform(np.log(80), np.log(200))), draw.uniform(6500, 7500)
    wave = trimmed(wave)
    spare = max(0, len(wave) - round((seconds + 0.12) * RATE))
    wave = wave[round(place * spare) :][: len(wave) - spare]
    wave = level(band(wave, low, high, delays(draw)), -26)
    noise = band(hiss(shape, len(wave), draw), low, high)
    wanted = np.mean(wave**2) / 10 ** (floor_db / 10)
    power = max(wanted - floor(wave), wanted / 10)
    wave = wave + noise / np.sqrt(np.mean(noise**2)) * np.sqrt(power)
    wave = band(crooked(level(wave, -26), codec), low, high)[960:-960]
    wave[:160] *= np.hanning(320)[:160]
    wave[-160:] *= np.hanning(320)[160:]
    return level(wave, decibels), codec


@pytest.mark.parametrize("number", range(5))
def test_the_channel_is_the_one_described(number, monkeypatch):
    monkeypatch.setattr(channel, "through_codec", crooked)
    wave = phrase(0.9 + 0.6 * number, seed=number, quiet=(1e-4, 3e-3)[number % 2])
    found, codec = channel.transmit(wave, f"M_T_{number:05d}", SHAPES)
    plain, named = sent(wave, f"M_T_{number:05d}", SHAPES)
    assert codec == named
    assert found == pytest.approx(plain, abs=1e-6)


def test_every_codec_is_drawn_about_as_often(monkeypatch):
    monkeypatch.setattr(channel, "through_codec", lambda wave, codec: wave)
    wave = phrase(0.9)
    names = [channel.transmit(wave, f"u{n}", SHAPES)[1] for n in range(60)]
    assert {name: names.count(name) > 5 for name in names} == dict.fromkeys(
        ("none", "vorbis", "g722", "opus", "mp3"), True
    )


@pytest.mark.parametrize(("lasting", "heard"), [(0.61, None), (0.63, 0.51)])
def test_less_than_half_a_second_is_refused(lasting, heard, monkeypatch):
    monkeypatch.setattr(channel, "trim", lambda wave: wave)
    monkeypatch.setattr(channel, "through_codec", lambda wave, codec: wave)
    wave = np.random.default_rng(0).standard_normal(round(lasting * RATE))
    if heard is None:
        with pytest.raises(ValueError, match=r"^u: 0\.49 s of speech, wanted 0\.5 s$"):
            channel.transmit(wave, "u", SHAPES)
    else:
        assert len(channel.transmit(wave, "u", SHAPES)[0]) == round(heard * RATE)


def test_shapes_are_linear_prediction_of_the_quietest_frames():
    waves = [phrase(1.2, quiet=0.001), np.pad(phrase(1.0, seed=4, quiet=0.0), 9000)]
    waves += [phrase(0.8, 90, seed=5, quiet=0.002), phrase(1.6)[:1900]]
    found = channel.noise_shapes(waves)
    wanted = []
    for wave in (waves[0], waves[2]):  # the second is silent between, the last too short
        frames = frames_of(trimmed(wave))
        power = [np.var(frame) for frame in frames]
        quiet = [f for f, p in zip(frames, power, strict=True) if p <= np.percentile(power, 8)]
        mean = np.mean([autocorrelation(f * np.hanning(400), 16) for f in quiet], axis=0)
        wanted.append(predictor(mean * np.r_[1.001, np.ones(16)])[0])
    assert found == pytest.approx(np.array(wanted), rel=1e-7)


def test_frames_are_of_25_ms_every_12_5_ms():
    wave = np.arange(1000.0)
    assert channel.framed(wave).tolist() == [list(range(n, n + 400)) for n in (0, 200, 400, 600)]
    assert channel.framed(wave[:400]).shape == (1, 400)
    assert channel.framed(wave[:399]).shape == (0, 400)


def test_a_piece_is_cut_from_where_it_was_drawn():
    wave = np.arange(100)
    for place, start in ((0.0, 0), (1.0, 60), (0.26, 16)):
        assert channel.excerpt(wave, 40 / RATE, place).tolist() == list(range(start, start + 40))
    assert channel.excerpt(wave, 1.0, 0.5).tolist() == wave.tolist()


def test_a_level_is_one_of_rms_unless_it_would_clip():
    wave = np.array([0.1, -0.3, 0.2, 0.05])
    assert channel.to_level(wave, -20) == pytest.approx(level(wave, -20))
    assert np.sqrt(np.mean(channel.to_level(wave, -20) ** 2)) == pytest.approx(0.1)
    assert channel.to_level(wave, 0) == pytest.approx(wave * 3.3)


def test_each_codec_is_the_one_that_its_name_says(monkeypatch):
    streams, write = [], soundfile.write

    def writes(stream, samples, rate, **form):
        assert (samples.dtype, rate) == (np.int16, RATE)
        write(stream, samples, rate, **form)
        streams.append(stream.getvalue())

    monkeypatch.setattr(soundfile, "write", writes)
    wave = phrase(0.5)
    for codec in ("vorbis", "opus", "mp3"):
        assert channel.through_codec(wave, codec).shape == wave.shape
    assert b"\x01vorbis" in streams[0] and streams[0].startswith(b"OggS")
    assert b"OpusHead" in streams[1] and streams[1].startswith(b"OggS")
    assert streams[2][:3] == b"ID3" or streams[2][0] == 0xFF  # of MPEG audio


@pytest.mark.parametrize("change", [-5, 0, 7])
def test_what_a_codec_adds_or_loses_at_the_end_is_mended(change, monkeypatch):
    class G722:
        def __init__(self, rate, bits):
            assert (rate, bits) == (16000, 64000)

        def encode(self, samples):
            return np.asarray(samples, np.int16).tobytes()

        def decode(self, data):
            samples = np.frombuffer(data, np.int16)
            return samples[:change] if change < 0 else np.pad(samples, (0, change))

    monkeypatch.setitem(sys.modules, "G722", types.SimpleNamespace(G722=G722))
    wave = np.r_[1.5, -1.5, 0.25, 0.3 / 32768, 0.6 / 32768, np.linspace(-1, 1, 20)]
    steps = np.array([min(32767, max(-32768, round(x * 32768))) for x in wave]) / 32768
    assert np.array_equal(channel.through_codec(wave, "none"), steps)
    decoded = channel.through_codec(wave, "g722")
    wanted = np.r_[steps[: len(steps) + min(0, change)], np.zeros(max(0, -change))]
    assert np.array_equal(decoded, wanted)


def test_recordings_come_in_as_16_khz_mono(tmp_path, monkeypatch):
    time = np.arange(44100) / 44100
    tones = np.stack([np.sin(2 * np.pi * 500 * time), 0.2 * np.cos(2 * np.pi * 900 * time)], 1)
    soundfile.write(tmp_path / "a.wav", 0.4 * tones, 44100, subtype="FLOAT")
    time = np.arange(16000) / RATE
    wanted = 0.2 * np.sin(2 * np.pi * 500 * time) + 0.04 * np.cos(2 * np.pi * 900 * time)
    assert audio.load(tmp_path / "a.wav")[200:-200] == pytest.approx(wanted[200:-200], abs=2e-3)
    assert len(audio.load(tmp_path / "a.wav")) == 16000
    assert audio.resample([1, 2], 16000).dtype == np.float64
    fake = types.SimpleNamespace(G722=lambda rate, bits: types.SimpleNamespace(decode=list))
    monkeypatch.setitem(sys.modules, "G722", fake)
    (tmp_path / "b.g722").write_bytes(bytes([1, 0, 255]))
    assert audio.load(str(tmp_path / "b.g722")).tolist() == [1 / 32768, 0, 255 / 32768]


def test_trimming_keeps_50_ms_about_what_is_within_35_db():
    for loud in (0.0, -34.0, -36.0):
        wave = phrase(0.8, quiet=1e-5)
        wave[:5000] += 10 ** (loud / 20) * 0.05 * np.sign(np.sin(np.arange(5000)))
        assert np.array_equal(audio.trim(wave), trimmed(wave))
    assert np.array_equal(audio.trim(wave, 20.0, 0.01), trimmed(wave, 20.0, 160))
    assert len(audio.trim(np.ones(639))) == len(audio.trim(np.full(900, 1e-6))) == 0
    assert np.array_equal(audio.trim(np.r_[0.5, -np.ones(639)]), np.r_[0.5, -np.ones(639)])
