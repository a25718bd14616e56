"""Made-up data directories and scores for tests of the workers that judge systems."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from antispoof.data.tables import read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
ATTACKS = ("A01", "A02", "A03", "A04")  # the first two are known


def make_set(root, name, *, bonafide=60, spoof=25, attacks=ATTACKS, seed=0):
    """Write root/data/<name> with its tables and lists of trials; returns its folder."""
    rng = np.random.default_rng([seed, sum(name.encode())])
    rows = [("-", "human", number) for number in range(bonafide)]
    rows += [(attack, attack, number) for attack in attacks for number in range(spoof)]
    data, tables = Path(root) / "data" / name, {}
    for attack, speaker, number in rows:
        utt = f"{name}_{'B' if attack == '-' else attack}_{number:03d}"
        values = {
            "wav.scp": f"/nowhere/{utt}.flac",
            "utt2label": "bonafide" if attack == "-" else "spoof",
            "utt2spk": f"{name}_{speaker}_{number % 6}",
            "utt2attack": attack,
            "utt2codec": str(rng.choice(["gsm", "none"])),
            "utt2dur": "3.00",
        }
        for key, value in values.items():
            tables.setdefault(key, {})[utt] = value
    for key, table in tables.items():
        write_table(data / key, table)
    (data / "trials").mkdir()
    for known, wanted in (("known", attacks[:2]), ("unknown", attacks[2:])):
        utts = [u for u, a in sorted(tables["utt2attack"].items()) if a in ("-", *wanted)]
        (data / "trials" / known).write_text("".join(f"{utt}\n" for utt in utts))
    return data


def make_scores(data, path, *, gap=3.0, scale=1.0, seed=0):
    """Scores of a made-up system on a data directory; later attacks are harder."""
    rng = np.random.default_rng([seed, sum(data.name.encode())])
    scores = {}
    for utt, attack in read_table(data / "utt2attack").items():
        mean = gap / 2 if attack == "-" else -gap / 2 + 0.4 * ATTACKS.index(attack)
        scores[utt] = repr(float(scale * rng.normal(mean, 1)))
    write_table(path, scores)
    return path


def make_experiments(root, systems=("one", "two"), seeds=(1,)):
    """data/{dev,eval} and exp/<system>_seed<n>/{dev,eval}/scores below `root`."""
    sets = [make_set(root, "dev", attacks=ATTACKS[:2], spoof=40), make_set(root, "eval")]
    for index, system in enumerate(systems):
        for seed in seeds:
            for data in sets:
                path = Path(root) / "exp" / f"{system}_seed{seed}" / data.name / "scores"
                make_scores(data, path, gap=2.2 + index, scale=10**index, seed=10 * index + seed)
    return Path(root)


def worker(program, *arguments, cwd):
    """Run a worker of the repository; returns (exit status, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, ROOT / program, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def refused(program, *arguments, cwd):
    """The one line with which a worker refuses; asserts that it does, in one line."""
    status, out, error = worker(program, *arguments, cwd=cwd)
    assert status != 0, (out, error)
    assert out == ""
    lines = error.splitlines()
    assert len(lines) == 1, error
    assert lines[0].startswith(f"{program}: ")
    return lines[0]


def experiment(recipe, name, train="train"):
    """An experiment of a recipe that was trained there, as far as its files say; its folder."""
    exp = recipe / "exp" / name
    exp.mkdir(parents=True)
    (exp / "best.pt").write_bytes(name.encode() + str(recipe).encode())
    if train:
        words = f"exec python steps/train.py --config x --train data/{train} --dev data/dev exp/x"
        (exp / "run.sh").write_text(f'#!/usr/bin/env bash\ncd here\n{words} "$@"\n')
    return exp
