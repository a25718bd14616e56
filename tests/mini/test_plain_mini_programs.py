"""egs/mini: what outside programs are given, by programs that note it; where packages lie."""

import ctypes.util
import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from plain_mini import RATE, finished, phrase, write_phrase

from antispoof.errors import UserError
from corpus import environment
from corpus.request import Failure, Request
from corpus.synthesis import SYSTEMS, batch, festival

NOTES = f"""#!{sys.executable}
import json, os, shutil, sys
texts = [open(a, "rb").read().decode("latin1") for a in sys.argv if a.endswith("text")]
keep = ("LC_ALL", "OMP_NUM_THREADS", "LD_LIBRARY_PATH", "FESTDATADIR", "ESPEAK_DATA_PATH")
env = {{name: os.environ.get(name) for name in keep}}
with open("NOTES", "a") as stream:
    stream.write(json.dumps([sys.argv[1:], texts, env]) + "\\n")
for flag in ("-w", "-o"):
    if flag in sys.argv:
        shutil.copy("SOUND", sys.argv[sys.argv.index(flag) + 1])
if "--script" in sys.argv:
    print("noise")
    for stem in sys.argv[4::2]:
        shutil.copy("SOUND", stem + ".1.wav")
        print("done " + stem, flush=True)
"""


def request(text, system, number=0, **more):
    values = {"voice": "f3", "lang": "fr", "sex": "?", "path": "", "seed": 2**20 + 7 + number}
    return Request(utt=f"u{number}", system=system, text=text, max_seconds=1.3, **values | more)


@pytest.fixture
def noted(tmp_path, monkeypatch):
    """Programs on the PATH that note how they are called; returns what they noted."""
    sound = write_phrase(tmp_path / "sound.wav")
    for name in ("espeak-ng", "flite", "festival"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(NOTES.replace("SOUND", sound).replace("NOTES", str(tmp_path / "notes")))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.delenv(environment.VARIABLE, raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    environment.packages.cache_clear()
    yield lambda: [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    environment.packages.cache_clear()


def test_espeak_gets_voice_speed_and_pitch(noted):
    asked = [request("Où est-il ?", "espeak"), request("b", "espeak", 1, voice="m1", lang="cs")]
    found = list(SYSTEMS["espeak"](asked))
    assert [same for same, _ in found] == asked
    assert np.array_equal(found[0][1], finished(phrase(), 1.3))
    for (argv, texts, env), ask in zip(noted(), asked, strict=True):
        draw = random.Random(ask.seed)
        speed, pitch = draw.randint(140, 185), draw.randint(30, 65)
        options = ["-v", f"{ask.lang}+{ask.voice}", "-s", str(speed), "-p", str(pitch), "-f"]
        assert argv[:7] == options
        assert texts == [ask.text.encode().decode("latin1")]
        assert (env["LC_ALL"], env["OMP_NUM_THREADS"]) == ("C.UTF-8", "1")


def test_flite_gets_its_voice_and_plain_ascii(noted):
    ((_, wave),) = SYSTEMS["flite"]([request("Café – “so”", "flite", voice="rms")])
    assert np.array_equal(wave, finished(phrase(), 1.3))
    ((argv, texts, _),) = noted()
    assert argv[:3] == ["-voice", "rms", "-f"]
    assert texts == ['Caf - "so"\n']


def test_festival_gets_texts_and_seeds_voice_by_voice(noted, monkeypatch):
    texts = ("Žluť ó", "due è", "drei é", "čtyři")
    voices = ("czech_ph", "lp_diphone", "kal_diphone", "czech_ph")
    written = []
    write = festival.write_text

    def writes(path, ask):
        write(path, ask)
        written.append(path.read_bytes())

    monkeypatch.setattr(festival, "write_text", writes)
    asked = [
        request(t, "festival", n, voice=v)
        for n, (t, v) in enumerate(zip(texts, voices, strict=True))
    ]
    found = list(SYSTEMS["festival"](asked))
    assert [same.utt for same, _ in found] == ["u0", "u3", "u2", "u1"]
    assert all(np.array_equal(wave, finished(phrase(), 1.3)) for _, wave in found)
    assert written == [
        *("Žluť ó\n".encode("iso-8859-2"), "čtyři\n".encode("iso-8859-2"), b"drei \n"),
        "due è\n".encode("iso-8859-1"),
    ]
    calls = [argv for argv, _, _ in noted()]
    assert [argv[2] for argv in calls] == ["czech_ph", "kal_diphone", "lp_diphone"]
    assert [argv[4::2] for argv in calls] == [["7", "10"], ["9"], ["8"]]
    assert all(argv[:2] == ["--script", str(festival.SCRIPT)] for argv in calls)


def test_every_voice_of_festival_has_its_encoding():
    czech = dict.fromkeys(("czech_ph", "czech_dita", "czech_machac", "czech_krb"), "iso-8859-2")
    italian = dict.fromkeys(("lp_diphone", "pc_diphone"), "iso-8859-1")
    english = dict.fromkeys(("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"), "ascii")
    assert {**czech, **italian, **english, "msu_ru_nsh_clunits": "utf-8"} == festival.ENCODINGS


def test_sentences_are_joined_in_their_order(tmp_path):
    for part in range(1, 12):
        soundfile.write(tmp_path / f"3.{part}.wav", np.full(part, part / 16), RATE)
    soundfile.write(tmp_path / "33.1.wav", np.zeros(9), RATE)
    wave = festival.speech(tmp_path / "3", None)
    assert wave.tolist() == [part / 16 for part in range(1, 12) for _ in range(part)]
    with pytest.raises(batch.SynthesisError, match=r"^festival: why$"):
        festival.speech(tmp_path / "3", "why")


@pytest.mark.parametrize("ends", ["hangs", "is gone", "fails"])
def test_what_festival_did_before_it_ended_counts(monkeypatch, tmp_path, ends):
    asked = [request(str(n), "festival", n, voice="kal_diphone") for n in range(3)]
    jobs = {ask: tmp_path / str(n) for n, ask in enumerate(asked)}
    limits = []

    def run(command, timeout, **_):
        limits.append(timeout)
        out = f"done {jobs[asked[1]]}\n".encode()
        if ends == "hangs":
            raise festival.subprocess.TimeoutExpired(command, timeout, out, b"a\nlast\n")
        if ends == "is gone":
            raise OSError(2, "No such file")
        return festival.subprocess.CompletedProcess(command, -11, out, b"a\nlast\n\n")

    monkeypatch.setattr(festival.subprocess, "run", run)
    monkeypatch.setattr(festival, "program", lambda name: ([name], {}))
    done, words = festival.read_aloud("kal_diphone", asked, jobs)
    assert limits == [60 + 2 * 3]
    wanted = {"hangs": "took too long: last", "fails": "exit status -11: last"}
    assert words == wanted.get(ends, "[Errno 2] No such file")
    assert done == (set() if ends == "is gone" else {asked[1]})


def test_only_the_sentence_that_festival_died_of_is_read_alone(monkeypatch):
    calls, dies = [], {2, 5}

    def read_aloud(voice, requests, jobs):
        calls.append(list(requests))
        before = next((n for n, r in enumerate(requests) if r in dies), len(requests))
        return set(requests[:before]) - {4}, f"died of {requests[before:][:1]}"

    monkeypatch.setattr(festival, "read_aloud", read_aloud)
    reasons = festival.read_all("v", dict.fromkeys(range(8)))
    batches = [[*range(8)], [3, 4, 5, 6, 7], [5, 6, 7], [6, 7]]
    assert calls == [*batches, [2], [4], [5]]
    assert reasons == {2: "died of [2]", 4: "died of []", 5: "died of [5]"}


def test_programs_of_an_unpacked_tree_find_their_own_files(tmp_path, monkeypatch):
    for name in ("usr/lib/arch/liba.so.1", "usr/lib/arch/deep/libb.so", "lib/arch/libc.so.6"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "usr/lib/arch/espeak-ng-data").mkdir()
    (tmp_path / "usr/lib/arch/libcodec2.so.1.0").touch()
    table = tmp_path / "table"
    table.write_text(f"espeak-ng 1:2 {tmp_path}\nlibcodec2-1.0 3 {tmp_path}\nflite 2.2 /\n")
    monkeypatch.setenv(environment.VARIABLE, str(table))
    environment.packages.cache_clear()
    argv, env = environment.program("espeak-ng")
    assert argv == [f"{tmp_path}/usr/bin/espeak-ng"]
    folders = ("usr/lib/arch", "usr/lib/arch/deep", "lib/arch")
    assert env["LD_LIBRARY_PATH"] == ":".join(f"{tmp_path}/{folder}" for folder in folders)
    assert env["FESTDATADIR"] == f"{tmp_path}/usr/share/festival"
    assert env["ESPEAK_DATA_PATH"] == f"{tmp_path}/usr/lib/arch"
    assert environment.program("flite")[0] == ["flite"]
    assert "FESTDATADIR" not in environment.program("flite")[1]
    assert environment.packages()["espeak-ng"] == ("1:2", tmp_path)
    assert environment.codec2() == f"{tmp_path}/usr/lib/arch/libcodec2.so.1.0"
    (tmp_path / "usr/lib/arch/libcodec2.so.1.0").unlink()
    with pytest.raises(UserError, match="libcodec2.so.1.0 is not in it"):
        environment.codec2()
    with pytest.raises(UserError, match="package festival: is not there"):
        environment.program("festival")
    environment.packages.cache_clear()


def test_a_folder_of_packages_may_hold_blanks(tmp_path):
    (tmp_path / "table").write_text("a 1.0 /x y/z\n", encoding="utf-8")
    assert environment.read_packages(tmp_path / "table") == {"a": ("1.0", Path("/x y/z"))}


@pytest.mark.parametrize(("known", "wanted"), [("libx.so", "libx.so"), (None, "libcodec2.so.1.0")])
def test_a_systems_codec2_goes_by_name(monkeypatch, known, wanted):
    monkeypatch.delenv(environment.VARIABLE, raising=False)
    environment.packages.cache_clear()
    monkeypatch.setattr(ctypes.util, "find_library", {"codec2": known}.get)
    assert environment.codec2() == wanted
    environment.packages.cache_clear()


def test_a_program_has_its_own_environment_and_no_input():
    script = 'echo "$A-$HOME"; cat'
    assert batch.run(["/bin/sh", "-c", script], env={"A": "é"}).decode() == "é-\n"
    with pytest.raises(batch.SynthesisError, match=r"^/bin/sh: exit status 1: no message$"):
        batch.run(["/bin/sh", "-c", "exit 1"])
    with pytest.raises(batch.SynthesisError, match="exit status 2: last$"):
        batch.run(["/bin/sh", "-c", "echo first >&2; echo last >&2; echo >&2; exit 2"])


def test_a_reason_is_short_and_a_packages_code_is_not_run(tmp_path, monkeypatch):
    def fails(_):
        raise batch.SynthesisError("word  \n" * 99)

    found = batch.outcome(fails, request("", ""))
    assert found == Failure(("word " * 99)[:200])
    (tmp_path / "made_up_voice").mkdir()
    (tmp_path / "made_up_voice/__init__.py").write_text("raise ValueError")
    monkeypatch.syspath_prepend(tmp_path)
    assert batch.package_folder("made_up_voice") == tmp_path / "made_up_voice"
