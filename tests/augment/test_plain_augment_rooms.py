"""Room responses by direct convolution, and which files of a folder are noises or responses."""

import math

import numpy as np
import pytest
import soundfile

from antispoof.augment.recordings import Noise, Reverb, recordings
from antispoof.errors import UserError

RATE = 16000


def write(path, samples, rate=RATE, subtype="FLOAT"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)


def plain_room(wave, response):
    """Convolved; what comes before the largest value of the response, and the tail, cut off."""
    start = max(range(len(response)), key=lambda n: (abs(response[n]), -n))
    wet = []
    for n in range(start, start + len(wave)):
        terms = (wave[n - k] * response[k] for k in range(len(response)) if 0 <= n - k < len(wave))
        wet.append(sum(terms))
    scale = math.sqrt(sum(x * x for x in wave) / sum(x * x for x in wet))
    return [scale * x for x in wet]


@pytest.mark.parametrize("response", [
    [0.1, -0.2, -0.9, 0.3, 0.0, 0.25], [0.5], [0.0, 0.0, 0.7], [0.3, 0.1, 0.05, 0.8, -0.8, 0.1],
    [*[0.01] * 70, 1.0, *[0.1] * 30],  # longer than the wave
])  # fmt: skip
def test_a_room_is_a_convolution_with_the_direct_sound_in_place(tmp_path, response):
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 60).astype(np.float32)
    other = np.random.default_rng(1).uniform(-2, 2, len(response))
    write(tmp_path / "r.wav", np.stack([response, other], 1))  # the first channel counts
    room = Reverb(folder=str(tmp_path))
    drawn = room.draw(np.random.default_rng(0), 60)
    assert drawn == {"file": "r.wav"}
    found = room.apply(wave, drawn)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain_room(wave.astype(float), response), atol=1e-5)


def test_a_silent_room_gives_silence(tmp_path):
    write(tmp_path / "r.wav", np.zeros(9))
    assert not Reverb(str(tmp_path)).apply(np.ones(20, np.float32), {"file": "r.wav"}).any()


def test_every_response_is_as_likely(tmp_path):
    for name in ("b.wav", "a.wav", "c/d.flac"):
        write(tmp_path / name, np.ones(3), subtype="PCM_16")
    rng, still = np.random.default_rng(0), np.random.default_rng(0)
    names = [Reverb(str(tmp_path)).draw(rng, 9)["file"] for _ in range(300)]
    assert names == [["a.wav", "b.wav", "c/d.flac"][still.integers(3)] for _ in range(300)]


def test_under_takes_the_parts_that_are_named(tmp_path):
    for name in ("noise/z.wav", "noise/a.wav", "music/m/b.wav", "speech/c.wav"):
        write(tmp_path / name, np.ones(3))
    names = ["music/m/b.wav", "noise/a.wav", "noise/z.wav", "speech/c.wav"]
    for under, wanted in (
        ((), names), (("noise",), names[1:3]), (("speech", "music"), [names[0], names[3]]),
        (("music", "music/m"), names[:1]),
    ):  # fmt: skip
        assert recordings(str(tmp_path), under, "noise") == wanted
        noise = Noise(folder=str(tmp_path), under=list(under))
        drawn = {noise.draw(np.random.default_rng(n), 2)["file"] for n in range(60)}
        assert drawn == set(wanted)
        room = Reverb(folder=str(tmp_path), under=list(under))
        assert {room.draw(np.random.default_rng(n), 2)["file"] for n in range(60)} == set(wanted)
    with pytest.raises(UserError, match="holds no sound file under none, no; wanted a folder of n"):
        Noise(folder=str(tmp_path), under=["none", "no"])
    with pytest.raises(UserError, match="holds no sound file under none; wanted a folder of resp"):
        Reverb(folder=str(tmp_path), under=["none"])


def test_noises_and_responses_of_a_mixed_folder_are_known_by_name(tmp_path):
    responses = ["real_rirs_isotropic_noises/air_type1_1.wav", "simulated_rirs/small/R1.wav"]
    noises = ["pointsource_noises/n1.wav", "real_rirs_isotropic_noises/R_type1_noise_1.wav"]
    for name in responses + noises:
        write(tmp_path / name, np.ones(3))
    assert recordings(str(tmp_path), (), "response") == responses
    assert recordings(str(tmp_path), (), "noise") == noises
    plain = tmp_path / "simulated_rirs"  # below it there is nothing mixed
    assert recordings(str(plain), (), "noise") == ["small/R1.wav"]
    assert recordings(str(plain), (), "response") == ["small/R1.wav"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3", ".opus", ".sph", ".WAV"])
def test_sounds_are_known_by_their_suffix(tmp_path, suffix):
    (tmp_path / f"x{suffix}").write_bytes(b"")
    (tmp_path / "x.txt").write_bytes(b"")
    (tmp_path / "wav").write_bytes(b"")
    assert recordings(str(tmp_path), (), "noise") == [f"x{suffix}"]


@pytest.mark.parametrize(("samples", "rate", "words"), [
    (np.ones(30), 8000, "n.wav: found 8000 Hz, wanted 16000 Hz"),
    (np.zeros(0), RATE, "n.wav: holds no sample, or not a finite one"),
    ([1.0, np.nan, 1.0], RATE, "n.wav: holds no sample, or not a finite one"),
])  # fmt: skip
def test_a_bad_recording_is_named(tmp_path, samples, rate, words):
    write(tmp_path / "n.wav", samples, rate)
    for link in (Noise(folder=str(tmp_path)), Reverb(folder=str(tmp_path))):
        with pytest.raises(UserError, match=words):
            link.apply(np.ones(20, np.float32), {"snr": 5.0, **link.draw(FIRST, 20), "start": 0})


class _First:
    """A generator whose draws are the lowest."""

    def integers(self, *_):
        return 0

    def random(self):
        return 0.0


FIRST = _First()


def test_a_recording_that_cannot_be_decoded_is_named(tmp_path):
    (tmp_path / "n.wav").write_text("no sound")
    with pytest.raises(UserError, match="n.wav: cannot be decoded"):
        Noise(folder=str(tmp_path)).draw(FIRST, 20)
    with pytest.raises(ValueError, match="'folder' is '', wanted a folder of room responses"):
        Reverb()


def test_the_lowest_and_the_highest_draw_reach_the_ends_of_a_noise(tmp_path):
    write(tmp_path / "n.wav", np.arange(1, 31) / 64)
    link = Noise(folder=str(tmp_path), snr=(6, 9))
    assert link.draw(FIRST, 20) == {"snr": 6.0, "file": "n.wav", "start": 0}
    starts = {link.draw(np.random.default_rng(n), 20)["start"] for n in range(200)}
    assert starts == set(range(11))
    silence = np.zeros(20, np.float32)
    assert not link.apply(silence, {"snr": 6.0, "file": "n.wav", "start": 3}).any()
