"""Codecs: which are drawn, what programs are asked for, and what comes back, by plain forms."""

import io

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from antispoof.augment import codecs
from antispoof.augment.codecs import CODECS, Codec, label, lag_of, through
from antispoof.errors import UserError

# Bit rates in kbit/s: ITU-T G.711, G.722; GSM 06.10; ISO/IEC 13818-3 layer III; 3GPP TS 26.071 and
# 26.171, whose modes count from 0.
MPEG2 = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
AMR = [4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2]
AMR_WB = [6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85]


def wave_of(count=3000, level=0.3):
    rng = np.random.default_rng(0)
    smooth = np.convolve(rng.standard_normal(count), np.hanning(12), "same")
    return (level * smooth / np.abs(smooth).max()).astype(np.float32)


def test_bit_rates_and_bands_are_those_of_the_standards():
    assert [CODECS[name][2] for name in ("alaw", "ulaw", "g722", "gsm")] == [
        (64,), (64,), (64,), (13,),
    ]  # fmt: skip
    assert (list(CODECS["amr"][2]), list(CODECS["amr_wb"][2])) == (AMR, AMR_WB)
    assert list(CODECS["mp3"][2]) == MPEG2[1:]
    assert list(CODECS["mp3_nb"][2]) == MPEG2[1:8]
    narrow = {name for name, (_, rate, _, _) in CODECS.items() if rate == 8000}
    assert narrow == {"alaw", "ulaw", "gsm", "amr", *(n for n in CODECS if n.endswith("_nb"))}
    assert {rate for _, rate, _, _ in CODECS.values()} == {8000, 16000}
    assert all(list(rates) == sorted(set(rates)) for _, _, rates, _ in CODECS.values())


def test_codecs_are_drawn_evenly_and_then_their_bit_rates():
    of = {"ulaw": [], "mp3": [32, 16, 64], "alaw": []}
    codec, rng, still = Codec(of=of), np.random.default_rng(0), np.random.default_rng(0)
    drawn = [codec.draw(rng, 99) for _ in range(900)]
    for record in drawn:
        name = ["alaw", "mp3", "ulaw"][still.integers(3)]
        rates = [32, 16, 64] if name == "mp3" else [64]
        assert record == {"codec": name, "kbps": rates[still.integers(len(rates))]}
        assert type(record["kbps"]) is float
    assert [sum(r["codec"] == name for r in drawn) for name in sorted(of)] == pytest.approx(
        [300] * 3, abs=60
    )


def test_an_empty_list_stands_for_every_bit_rate():
    rng = np.random.default_rng(0)
    rates = {Codec(of={"mp3": []}).draw(rng, 9)["kbps"] for _ in range(300)}
    assert sorted(rates) == MPEG2[1:]


@pytest.mark.parametrize(("name", "kbps", "wanted"), [
    ("mp3", 16.0, "mp3_16k"), ("amr", 4.75, "amr_4.75k"), ("alaw", 64.0, "alaw"),
    ("gsm", 13.0, "gsm"), ("g722", 64.0, "g722"), ("opus_nb", 6.0, "opus_nb_6k"),
])  # fmt: skip
def test_a_label_has_the_bit_rate_where_there_is_a_choice(name, kbps, wanted):
    assert label({"codec": name, "kbps": kbps}) == wanted


def alaw(x):
    """G.711 A-law at 13 bits: sign, three bits of exponent, four of mantissa; their middle."""
    size = min(int(abs(x) * 4096), 4095)
    step = 2 if size < 64 else 2 ** (size.bit_length() - 5)
    value = (size // step + 0.5) * step
    return (value if x >= 0 else -value) / 4096


def ulaw(x):
    """G.711 mu-law at 14 bits: the same with a bias of 33."""
    size = min(round(abs(x) * 8192) + 33, 8191)
    step = 2 ** (size.bit_length() - 5)
    value = (size // step + 0.5) * step - 33
    return (value if x >= 0 else -value) / 8192


@pytest.mark.parametrize(("name", "law"), [("alaw", alaw), ("ulaw", ulaw)])
@pytest.mark.parametrize("count", [3000, 2999])
def test_a_telephone_codec_is_its_law_at_eight_kilohertz(name, law, count):
    wave = wave_of(count)
    half = resample_poly(wave, 1, 2)
    wanted = resample_poly([law(float(x)) for x in half], 2, 1)[:count]
    found = through(wave, name, 64)
    assert (found.shape, found.dtype) == (wave.shape, np.float32)
    assert np.linalg.norm(found - wanted) < 0.01 * np.linalg.norm(wanted)


@pytest.mark.parametrize(("name", "tag"), [("alaw", 6), ("ulaw", 7), ("gsm", 0x31)])
def test_a_telephone_codec_is_coded_under_its_own_number(name, tag, monkeypatch):
    """The format's number in a WAV header, and its rate."""
    seen, read = [], soundfile.read

    def watch(stream, **options):
        seen.append(stream.getvalue())
        return read(stream, **options)

    monkeypatch.setattr(codecs.soundfile, "read", watch)
    codecs._code(wave_of(1000), name, 64)
    assert [int.from_bytes(seen[0][n:m], "little") for n, m in ((20, 22), (22, 24), (24, 28))] == [
        tag, 1, 8000,
    ]  # fmt: skip


def test_what_is_above_full_scale_is_clipped_before_it_is_coded():
    wave = 4 * wave_of()
    np.testing.assert_array_equal(through(wave, "ulaw", 64), through(wave.clip(-1, 1), "ulaw", 64))


def mpeg_header(data):
    """(version, kbit/s, Hz) of the first frame of layer III."""
    at = next(n for n in range(len(data)) if data[n] == 255 and data[n + 1] & 0xE0 == 0xE0)
    version = {0: 2.5, 2: 2, 3: 1}[data[at + 1] >> 3 & 3]
    hertz = {2: (22050, 24000, 16000), 2.5: (11025, 12000, 8000), 1: (44100, 48000, 32000)}
    return version, MPEG2[(data[at + 2] >> 4) - 1], hertz[version][data[at + 2] >> 2 & 3]


@pytest.mark.parametrize("name", ["mp3", "mp3_nb"])
def test_an_mp3_has_the_bit_rate_that_was_drawn(name, monkeypatch):
    seen, read = [], soundfile.read

    def watch(stream, **options):
        if isinstance(stream, io.BytesIO):
            seen.append(mpeg_header(stream.getvalue()))
        return read(stream, **options)

    monkeypatch.setattr(codecs.soundfile, "read", watch)
    for kbps in CODECS[name][2]:
        seen.clear()
        codecs._code(wave_of(1000), name, float(kbps))
        assert seen == [(2, kbps, 16000) if name == "mp3" else (2.5, kbps, 8000)]


@pytest.fixture
def commands(monkeypatch):
    """Programs are noted instead of run; what they would decode is noise of their rate."""
    said = []

    def run(command, data=b""):
        said.append(([str(word) for word in command], data))
        if command[-1] == "pipe:1":
            return np.full(100, 0.5, np.float32).tobytes()
        if command[0] == "sox" and str(command[-1]).endswith("out.wav"):
            soundfile.write(command[-1], np.full(100, 0.5), 8000)
        return b""

    monkeypatch.setattr(codecs, "_run", run)
    monkeypatch.setattr(codecs, "_program", lambda name: name)
    return said


@pytest.mark.parametrize("name", [n for n, how in CODECS.items() if how[0] == "ffmpeg"])
def test_ffmpeg_is_asked_for_the_codec_at_its_rate(name, commands):
    rate = 8000 if name.endswith("_nb") else 16000
    for kbps in CODECS[name][2]:
        commands.clear()
        out = codecs._code(wave_of(1600), name, float(kbps))
        (first, data), (second, nothing) = commands
        assert (len(data), nothing) == (4 * 1600 * rate // 16000, b"")
        assert len(out) == 100 * 16000 // rate
        encoder = {"m4a": "aac", "ogg": "libvorbis", "opus": "libopus", "speex": "libspeex",
                   "g722": "g722"}[name.removesuffix("_nb")]  # fmt: skip
        said = " ".join(first)
        assert f"-f f32le -ar {rate} -ac 1 -i pipe:0 -c:a {encoder} " in said
        assert (f" -b:a {kbps:g}k " in said) == (name != "g722")
        assert ("-b:a" in said) == (name != "g722")
        suffix = {"m4a": "m4a", "g722": "g722"}.get(name.removesuffix("_nb"), "ogg")
        assert first[-1].endswith(f".{suffix}")
        assert f"-i {first[-1]} -f f32le -ar {rate} -ac 1 pipe:1" in " ".join(second)


@pytest.mark.parametrize(("name", "kind", "modes"), [
    ("amr", "amr-nb", AMR), ("amr_wb", "amr-wb", AMR_WB),
])  # fmt: skip
def test_sox_is_asked_for_the_mode_by_its_number(name, kind, modes, commands):
    for mode, kbps in enumerate(modes):
        commands.clear()
        codecs._code(wave_of(1600), name, kbps)
        (first, _), (second, _) = commands
        assert first[1:2] == second[1:2] == ["-D"]  # no dither: the same bytes each time
        assert first[3:7] == ["-t", kind, "-C", str(mode)]
        assert second[2:7] == ["-t", kind, first[-1], "-b", "16"]


def delayed(by, sign=1):
    def code(wave, *_):
        return sign * np.concatenate([np.zeros(by, np.float32), wave])[: len(wave)]

    return code


@pytest.mark.parametrize("by", [0, 1, 57, 2210, 3999])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_delay_is_measured_and_taken_out(by, sign, monkeypatch):
    monkeypatch.setattr(codecs, "_code", delayed(by, sign))
    assert lag_of.__wrapped__("alaw", 64) == by
    monkeypatch.setattr(codecs, "lag_of", lag_of.__wrapped__)
    wave = wave_of(5000) + 1
    wanted = [sign * float(x) for x in wave[: 5000 - by]] + [0.0] * by  # the rest is not there
    assert through(wave, "alaw", 64).tolist() == pytest.approx(wanted)


def test_a_lag_is_that_of_its_codec_and_bit_rate(monkeypatch):
    lags = {(name, kbps): lag_of(name, kbps) for name in ("alaw", "mp3", "mp3_nb")
            for kbps in CODECS[name][2][:2]}  # fmt: skip
    assert lags["alaw", 64] == 0
    assert all(500 < lags["mp3", kbps] < 2000 for kbps in MPEG2[1:3])
    assert lags["mp3_nb", 16] == 2 * lags["mp3", 16]  # as many samples, each twice as long
    monkeypatch.setattr(codecs, "lag_of", lambda name, kbps: len(name) + kbps)
    monkeypatch.setattr(codecs, "_code", lambda wave, name, kbps: delayed(len(name) + kbps)(wave))
    wave = np.arange(1, 101)
    assert through(wave, "mp3", 16).tolist() == [*range(1, 82), *[0] * 19]


@pytest.mark.parametrize("of", [{}, [], {"alaw": 64}, {"mp3": [17]}, {"mp3": [16, 300]}])
def test_what_is_no_choice_of_codecs_is_refused(of):
    with pytest.raises(ValueError, match="'of.*' is .*, wanted "):
        Codec(of=of)


def test_a_codec_that_fails_here_is_refused_with_what_would_help(monkeypatch):
    def broken(wave, name, kbps):
        raise OSError("first line\nlast line\n")

    monkeypatch.setattr(codecs, "_code", broken)
    lag_of.cache_clear()
    hints = {"opus": "apt-get install ffmpeg", "gsm": "take a libsndfile that can",
             "amr": "apt-get install sox libsox-fmt-all", "amr_wb": "take a sox"}  # fmt: skip
    for name, hint in hints.items():
        with pytest.raises(UserError, match=f"codec {name} at .* here .last line.; {hint}.*leave"):
            Codec(of={name: []})


def test_a_program_that_fails_or_hangs_is_one_line(monkeypatch):
    with pytest.raises(UserError, match="^sh: the last$"):
        codecs._run(["sh", "-c", "echo the first >&2; echo the last >&2; exit 3"])
    with pytest.raises(UserError, match="^sh: exit status 3$"):
        codecs._run(["sh", "-c", "exit 3"])
    assert codecs._run(["sh", "-c", "cat; echo x >&2"], b"in") == b"in"
    monkeypatch.setattr(codecs, "SECONDS", 0.2)
    with pytest.raises(UserError, match="sh gave nothing in 0.2 s"):
        codecs._run(["sh", "-c", "exec sleep 20"])
    with pytest.raises(UserError, match="there is no program no-such-program"):
        codecs._program("no-such-program")
