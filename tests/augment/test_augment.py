"""Augmentations and their chain: declared, drawn, applied, logged; and what is refused."""

import json

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from antispoof.augment import codecs
from antispoof.augment.chain import Chain, loggable
from antispoof.augment.recordings import Noise, Reverb, recordings
from antispoof.augment.waveform import Filter, MuLaw, Speed, TimeMask, Trim
from antispoof.data.seeds import generator
from antispoof.errors import UserError

RATE = 16000


def speech_like(seconds=2.0, seed=0):
    """(S,) float32: noise of a falling spectrum, in bursts."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.standard_normal(int(seconds * RATE)), 0.9 ** np.arange(60), "same")
    bursts = noise * (0.2 + np.sin(12 * np.arange(len(noise)) / RATE) ** 2)
    return (0.5 * bursts / np.abs(bursts).max()).astype(np.float32)


@pytest.fixture(scope="module")
def noises(tmp_path_factory):
    """A folder laid out as MUSAN, and one as RIRS_NOISES."""
    root = tmp_path_factory.mktemp("noises")
    for name, seconds in [
        ("musan/noise/free-sound/noise-0000.wav", 0.3),
        ("musan/music/fma/music-0000.wav", 5.0),
        ("RIRS_NOISES/simulated_rirs/smallroom/Room001/Room001-00001.wav", 0.3),
        ("RIRS_NOISES/real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1_1.wav", 3.0),
        ("RIRS_NOISES/real_rirs_isotropic_noises/air_type1_air_binaural_lecture_0_1.wav", 0.3),
        ("RIRS_NOISES/pointsource_noises/noise-free-sound-0000.wav", 3.0),
    ]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        wave = speech_like(seconds, len(name))
        if "irs/" in name or "air_type1" in name:  # a response of two channels, 5 ms late
            wave = np.zeros((len(wave), 2), np.float32)
            wave[80, 0], wave[200:, 0] = 1.0, 0.05 * speech_like(0.3)[: len(wave) - 200]
        soundfile.write(root / name, wave, RATE)
    (root / "musan/README").write_text("MUSAN")
    return root


def test_a_time_mask_takes_its_share():
    wave = np.ones(10000, np.float32)
    for seed in range(50):
        mask = TimeMask()
        out = mask.apply(wave, mask.draw(np.random.default_rng(seed), len(wave)))
        assert 2000 <= (out == 0).sum() <= 5000
        assert (np.diff(out) != 0).sum() <= 2
    assert wave.all()


def test_mu_law_keeps_so_many_levels():
    wave = np.linspace(-1, 1, 50000, dtype=np.float32)
    out = MuLaw().apply(wave, {})
    assert len(np.unique(out)) == 256
    assert np.abs(out - wave).max() < 0.025
    assert np.abs(out - wave)[np.abs(wave) < 0.01].max() < 4e-4  # fine where it is quiet


def test_leading_silence_is_cut_and_no_other():
    speech = speech_like(1.0)
    quiet = np.zeros(8000, np.float32)
    out = Trim().apply(np.concatenate([quiet, speech, quiet]), {})
    assert len(speech) + 8000 - 160 <= len(out) <= len(speech) + 8160
    assert len(Trim().apply(np.zeros(5000, np.float32), {})) == 5000


def test_speed_moves_length_and_pitch():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    out = Speed().apply(tone, {"factor": 1.1})
    assert abs(len(out) - RATE / 1.1) <= 1
    assert abs(np.abs(np.fft.rfft(out[:8000])).argmax() * 2 - 1100) <= 2


def test_a_filter_lets_its_band_through():
    time = np.arange(RATE) / RATE
    for tone, passes in ((50, False), (1000, True), (7000, False)):
        wave = np.sin(2 * np.pi * tone * time).astype(np.float32)
        out = Filter(order=4).apply(wave, {"low": 300, "high": 3400})
        assert (np.std(out[4000:]) > 0.6) == passes


@pytest.mark.parametrize("under", [[], ["noise"], ["noise", "music"]])
def test_noise_is_added_at_the_drawn_ratio(noises, under):
    wave = speech_like()
    noise = Noise(folder=f"{noises}/musan", under=under)
    for seed in range(10):
        drawn = noise.draw(np.random.default_rng(seed), len(wave))
        assert not under or drawn["file"].split("/")[0] in under
        added = noise.apply(wave, drawn) - wave
        ratio = 20 * np.log10(np.linalg.norm(wave) / np.linalg.norm(added))
        assert abs(ratio - drawn["snr"]) < 0.01
    white = Noise()
    drawn = white.draw(np.random.default_rng(0), len(wave))
    assert np.std(white.apply(wave, drawn) - wave) > 0


def test_responses_and_noises_of_one_folder_are_told_apart(noises):
    folder = f"{noises}/RIRS_NOISES"
    assert len(recordings(folder, (), "response")) == 2
    assert len(recordings(folder, (), "noise")) == 2
    reverb, wave = Reverb(folder=folder, under=["simulated_rirs"]), speech_like()
    wet = reverb.apply(wave, reverb.draw(np.random.default_rng(0), len(wave)))
    assert wet.shape == wave.shape
    assert abs(np.linalg.norm(wet) / np.linalg.norm(wave) - 1) < 1e-4
    assert np.abs(correlate(wet, wave)).argmax() == len(wave) - 1  # the direct sound is in place


def has(name):
    try:
        codecs.lag_of(name, codecs.CODECS[name][2][0])
    except UserError as error:
        assert "leave" in str(error)
        return False
    return True


@pytest.mark.parametrize("name", codecs.CODECS)
def test_a_codec_keeps_place_and_length(name):
    if not has(name):
        pytest.skip(f"this machine has no {name}")
    wave, rates = speech_like(), codecs.CODECS[name][2]
    found = {}
    for kbps in (rates[0], rates[-1]):
        out = codecs.through(wave, name, kbps)
        assert out.shape == wave.shape
        assert out.dtype == np.float32
        np.testing.assert_array_equal(out, codecs.through(wave, name, kbps))
        lag = np.abs(correlate(out, wave)).argmax() - (len(wave) - 1)
        assert abs(lag) <= 32, kbps  # 2 ms: the coarsest keep no waveform
        found[kbps] = out @ wave / np.linalg.norm(out) / np.linalg.norm(wave)
    assert found[rates[0]] <= found[rates[-1]] < 1
    spectrum = np.abs(np.fft.rfft(out))
    narrow = codecs.CODECS[name][1] == 8000
    assert (spectrum[len(out) // 2 * 5 // 8 :].max() < 0.02 * spectrum.max()) or not narrow


def test_what_comes_without_a_program_is_always_there():
    assert all(has(name) for name, how in codecs.CODECS.items() if how[0] == "libsndfile")


def test_a_missing_program_is_one_line(monkeypatch):
    monkeypatch.setattr(codecs.shutil, "which", lambda name: None)
    codecs.lag_of.cache_clear()
    with pytest.raises(UserError) as caught:
        Chain([{"codec": {"of": {"g722": []}}}], "conf/x.yaml")
    codecs.lag_of.cache_clear()
    assert str(caught.value) == (
        "conf/x.yaml: 'augment[0].codec': codec g722 at 64 kbit/s: ffmpeg cannot do it here (there "
        "is no program ffmpeg); apt-get install ffmpeg, or leave g722 out"
    )


EVERYTHING = [
    {"rawboost": {"algo": 4}}, "mu_law", "time_mask", {"trim": None}, {"speed": {"p": 0.5}},
    {"filter": {"low": [100, 200]}}, {"noise": {"p": 0.5}},
    {"codec": {"of": {"alaw": [], "mp3": [16, 32]}}},
]  # fmt: skip


def test_a_chain_is_drawn_from_its_key_alone():
    chain, wave = Chain(EVERYTHING), speech_like()
    first, drawn = chain(wave, "utt1", 1, 3)
    again, _ = chain(wave, "utt1", 1, 3)
    np.testing.assert_array_equal(first, again)
    for key in (("utt2", 1, 3), ("utt1", 2, 3), ("utt1", 1, 4)):
        assert not np.array_equal(chain(wave, *key)[0][:9000], first[:9000])
    names = [entry["name"] for entry in json.loads(json.dumps(loggable(drawn)))]
    assert [name for name in names if name not in ("speed", "noise")] == [
        "rawboost", "mu_law", "time_mask", "trim", "filter", "codec",
    ]  # fmt: skip


def test_p_is_how_often():
    chain = Chain([{"mu_law": {"p": 0.3}}])
    counts = [len(chain(np.zeros(10, np.float32), f"u{n}")[1]) for n in range(2000)]
    assert abs(np.mean(counts) - 0.3) < 0.04


def test_a_group_comes_together_or_not():
    chain = Chain([{"group": {"of": [{"mu_law": {"p": 0.9}}, "trim"], "p": 0.3}}])
    wave = np.zeros(10, np.float32)
    drawn = [tuple(name for name, _ in chain(wave, f"u{n}")[1]) for n in range(2000)]
    shares = {names: drawn.count(names) / 2000 for names in set(drawn)}
    wanted = {(): 0.7, ("mu_law", "trim"): 0.27, ("trim",): 0.03}
    assert shares.keys() == wanted.keys()
    assert all(abs(shares[names] - wanted[names]) < 0.04 for names in wanted)


def test_generators_differ_by_key():
    assert generator(1, "a").random() == generator(1, "a").random() != generator(2, "a").random()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("mulaw", "'augment[0]' is 'mulaw', wanted one of .*did you mean 'mu_law'"),
        ({"rawboost": {"alg": 3}}, "'alg', wanted one of .*did you mean 'algo'"),
        ({"rawboost": {"algo": "3"}}, "rawboost.algo' is '3', of another type"),
        ({"rawboost": {"algo": 9}}, "'algo' is 9, wanted 0 to 8"),
        ({"mu_law": {"p": 1.5}}, "mu_law.p' is 1.5, wanted 0 to 1"),
        ({"mu_law": 3}, "mu_law' is 3, wanted keys and values"),
        ({"mu_law": {}, "trim": {}}, "wanted one `name: {settings}`"),
        ({"noise": {"folder": "nowhere"}}, "nowhere: holds no sound file"),
        ({"group": {"of": ["trin"]}}, "'augment.0..group.of.0.' is 'trin'.*'trim'"),
        ({"reverb": {}}, "'folder' is '', wanted a folder"),
        ({"codec": {"of": {"mp4": []}}}, "'of' is 'mp4', wanted one of .*did you mean 'mp3'"),
        ({"codec": {"of": {"mp3": [17]}}}, "'of.mp3' is \\[17\\], wanted a list out of 16"),
        ({"codec": {}}, "'of' is {}"),
        ({"speed": {"factors": [0]}}, "'factors' is \\[0\\]"),
        ({"filter": {"low": [300, 4000]}}, "'low' is .*less than 'high'"),
        ({"time_mask": {"share": [0.5, 2]}}, "'share' is .*from 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(entry, words):
    with pytest.raises(UserError, match=words.replace("augment[0]", r"augment\[0\]")) as caught:
        Chain([entry], "conf/x.yaml")
    assert str(caught.value).startswith("conf/x.yaml: 'augment[0]")
    assert "\n" not in str(caught.value)


def test_a_noise_at_another_rate_is_named_with_its_utterance(tmp_path):
    soundfile.write(tmp_path / "n.wav", np.zeros(100), 8000)
    chain = Chain([{"noise": {"folder": str(tmp_path)}}])
    with pytest.raises(UserError, match="utt1: augmentation noise: .*n.wav: found 8000 Hz"):
        chain(speech_like(), "utt1")
