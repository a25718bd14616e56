"""Made-up sounds: a corpus for every stage, and one file for each way to be bad."""

import hashlib
import shlex
from pathlib import Path

import numpy as np
import soundfile

from antispoof.data.tables import write_table

RATE = 16000
SETS = {"train": 24, "dev": 16, "eval": 24}


def sound(name, seconds, tone):
    """Noise, of which `name` decides, with a tone as loud as `tone`."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    rng, time = np.random.default_rng(seed), np.arange(int(seconds * RATE)) / RATE
    return 0.1 * rng.standard_normal(len(time)) + tone * np.sin(2 * np.pi * 700 * time)


def rows(name, count):
    """`utt speaker attack` of a set: every second one is spoof, of attacks A01 to A03."""
    for number in range(count):
        attack = f"A0{1 + number // 2 % 3}" if number % 2 else "-"
        yield f"{name}_{number:03d}", f"{name}_{number % 5}", attack


def make_corpus(folder, sets=None):
    """Write folder/wav/<utt>.flac and folder/protocol.txt, `set utt speaker attack seconds`."""
    folder, lines = Path(folder), []
    (folder / "wav").mkdir(parents=True)
    for name, count in (sets or SETS).items():
        for index, (utt, speaker, attack) in enumerate(rows(name, count)):
            wave = sound(utt, 1.0 + 0.1 * (index % 4), 0.02 * (attack != "-"))
            soundfile.write(folder / "wav" / f"{utt}.flac", wave, RATE)
            lines.append(f"{name} {utt} {speaker} {attack} {len(wave) / RATE:.4f}\n")
    (folder / "protocol.txt").write_text("".join(lines))
    return folder


def make_data(root, corpus):
    """Write root/<set>/ of a corpus by `make_corpus`: every table, and eval/trials/known."""
    sets = {}
    for line in (Path(corpus) / "protocol.txt").read_text().splitlines():
        name, utt, speaker, attack, seconds = line.split()
        tables = sets.setdefault(name, {})
        values = {
            "wav.scp": Path(corpus, "wav", f"{utt}.flac").resolve(),
            "utt2label": "bonafide" if attack == "-" else "spoof",
            "utt2spk": speaker,
            "utt2attack": attack,
            "utt2dur": seconds,
        }
        for table, value in values.items():
            tables.setdefault(table, {})[utt] = value
    for name, tables in sets.items():
        for table, values in tables.items():
            write_table(Path(root, name, table), values)
    if "eval" in sets:
        attacks = sets["eval"]["utt2attack"]
        known = [utt for utt in sorted(attacks) if attacks[utt] in ("-", "A01")]
        Path(root, "eval", "trials").mkdir(exist_ok=True)
        Path(root, "eval", "trials", "known").write_text("".join(f"{utt}\n" for utt in known))
    return Path(root)


def bad_sounds(folder):
    """{what is bad: (its path in wav.scp, words of the error)}; the files are written."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wave = sound("bad", 1.0, 0.0)
    broken = wave.copy()
    broken[777] = np.nan
    soundfile.write(folder / "cut.flac", wave, RATE)
    (folder / "cut.flac").write_bytes((folder / "cut.flac").read_bytes()[:9000])
    (folder / "empty.flac").touch()
    (folder / "text.wav").write_text("This is no sound.\n" * 100)
    (folder / "headerless.raw").write_bytes(bytes(3200))
    soundfile.write(folder / "stereo.wav", np.stack([wave, wave], 1), RATE)
    soundfile.write(folder / "8k.wav", wave, 8000)
    soundfile.write(folder / "nan.wav", broken, RATE, subtype="FLOAT")
    soundfile.write(folder / "nothing.wav", wave[:0], RATE)
    return {
        "missing": (f"{folder}/none.flac", "no such file"),
        "a folder": (f"{folder}", "no such file"),
        "empty": (f"{folder}/empty.flac", "is empty"),
        "truncated": (f"{folder}/cut.flac", "truncated"),
        "text": (f"{folder}/text.wav", "not a sound file"),
        "headerless": (f"{folder}/headerless.raw", "not a sound file"),
        "stereo": (f"{folder}/stereo.wav", "2 channels"),
        "8 kHz": (f"{folder}/8k.wav", "8000 Hz"),
        "NaN": (f"{folder}/nan.wav", "sample 777 is nan"),
        "no sample": (f"{folder}/nothing.wav", "holds no sample"),
        "pipe": (f"touch {shlex.quote(str(folder))}/ran |", "shell pipe"),
        "pipe with offset": (f"touch {shlex.quote(str(folder))}/ran |:5", "shell pipe"),
    }
