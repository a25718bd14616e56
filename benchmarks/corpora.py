#!/usr/bin/env python3
"""How long does a corpus of 611,829 utterances take, as tables alone?

A made-up tree of ASVspoof 2021 DF in its full size, or of ASVspoof 5's eval (680,774, attacks by
codecs): its key, and a link to one sound's header for each utterance. Stage 1 of its recipe,
validation of the tables, splitting into four shares, and evaluation of a made-up system's scores
with 1000 replicates are called as run.sh calls them. Seconds and MiB are those of each program.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from antispoof.errors import one_line_errors

ROOT = Path(__file__).resolve().parent.parent
CODECS = ("nocodec", "low_mp3", "high_mp3", "low_m4a", "high_m4a", "low_ogg", "high_ogg")
CODECS = (*CODECS, "mp3m4a", "oggm4a")
SOURCES = {  # (source, task): (speakers, attacks, spoofs of `eval`, its bona fide)
    ("asvspoof", "-"): (48, 13, 73856, 7939),
    ("vcc2018", "HUB"): (4, 25, 121590, 3780),
    ("vcc2018", "SPO"): (4, 13, 60813, 0),
    ("vcc2020", "Task1"): (4, 31, 111600, 3150),
    ("vcc2020", "Task2"): (6, 28, 151200, 0),
}
REST = {"progress": (5768, 53557), "hidden": (1980, 16596)}  # which sum up; of asvspoof
PLAN = """
from antispoof.features.split import Settings, plan_part
settings = Settings({"policy": "full"}, 60.0, 1, 240, 100.0, "two_byte")
for job in range(1, 5):
    print(plan_part("data/eval", "dump/x/eval", settings, job, 4).utterances)
"""


def stub():
    """The header of a FLAC of 4 s, which is all that stage 1 reads of a sound."""
    packed = 16000 << 44 | 15 << 36 | 64000
    return b"fLaC" + bytes([0x80, 0, 0, 34]) + bytes(10) + packed.to_bytes(8, "big") + bytes(16)


def df_lines(scale):
    """Lines of the key of 2021 DF, every `scale`-th."""
    groups = [(s, t, *sizes, "eval") for (s, t), sizes in SOURCES.items()]
    groups += [("asvspoof", "-", 48, 13, b, a, subset) for subset, (a, b) in REST.items()]
    number = 2000000
    for source, task, speakers, attacks, spoofs, bonafide, subset in groups:
        for index in range((spoofs + bonafide) // scale):
            number += 4
            spoof = index >= bonafide // scale
            attack = f"{task}-N{index % attacks:02d}" if spoof else "-"
            vocoder = "unknown" if spoof else "bonafide"
            label = "spoof" if spoof else "bonafide"
            speaker = f"{source}{task}{index % speakers}"
            yield (f"{speaker} DF_E_{number} {CODECS[index % 9]} {source} {attack} {label} notrim "
                   f"{subset} {vocoder} {task} - - -")  # fmt: skip


def a5_lines(scale):
    """Lines of the list of ASVspoof 5's eval, every `scale`-th."""
    for index in range(680774 // scale):
        spoof = index >= 138688 // scale
        codec = f"C{index // 16 % 12:02d} {1 + index % 5} E_0" if index // 16 % 12 else "- 0 -"
        tag, attack = (f"AC{1 + index % 3}", f"A{17 + index % 16}") if spoof else ("-", "bonafide")
        label = "spoof" if spoof else "bonafide"
        yield f"E_{index % 737:04d} E_{index:010d} F {codec} {tag} {attack} {label} -"


RECIPES = {  # recipe: (lines, list, folder of the sounds, factors)
    "asvspoof2021_df": (
        df_lines,
        "keys/DF/CM/trial_metadata.txt",
        "ASVspoof2021_DF_eval/flac",
        "attack,codec,source,vocoder",
    ),
    "asvspoof5": (
        a5_lines,
        "ASVspoof5.eval.track_1.tsv",
        "flac_E_eval",
        "attack,codec,attack*codec",
    ),
}


def build(recipe, root, scale):
    """Write the tree."""
    lines, file, folder, _ = RECIPES[recipe]
    for path in (root / file, root / folder / "x"):
        path.parent.mkdir(parents=True, exist_ok=True)
    (root / "header").write_bytes(stub())
    target, folder = str(root / "header"), str(root / folder)
    with open(root / file, "w") as stream:
        for line in lines(scale):
            stream.write(f"{line}\n")
            os.symlink(target, f"{folder}/{line.split(' ', 2)[1]}.flac")


def timed(label, *words, cwd):
    """(seconds, those of processors, MiB, what it says) of a program; fails where it does."""
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *map(str, words)]
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{label}: ended with status {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def measure(recipe, folder, scale, nj, every_list=False):
    """{what: `timed`} of a recipe's tree, which is built first; every_list: as run.sh judges."""
    build(recipe, folder / "corpus", scale)
    by = RECIPES[recipe][3]
    partial = [] if scale == 1 and recipe == "asvspoof2021_df" else ["--allow-partial"]
    prepare = [ROOT / f"egs/{recipe}/local/prepare_data.py", "--corpus", folder / "corpus"]
    found = {
        "prepare": timed("prepare", *prepare, "--nj", nj, "--out", "data", *partial, cwd=folder),
        "validate": timed(
            "validate", ROOT / "utils/validate_data_dir.py", "--no-sound", "data/eval", cwd=folder
        ),
        "split": timed("split", "-c", PLAN, cwd=folder),
    }
    make_scores(folder)
    evaluate = [ROOT / "steps/evaluate.py", "--by", by, *["--every-list"] * every_list]
    judged = ["data/eval", "scores", "exp/eval/result.json"]
    found["evaluate"] = timed("evaluate", *evaluate, *judged, cwd=folder)
    return found


def make_scores(folder):
    """Scores of a made-up system, in the order of the tables."""
    rng = np.random.default_rng(0)
    with open(folder / "data/eval/utt2label") as labels, open(folder / "scores", "w") as scores:
        for line in labels:
            utt, label = line.split()
            scores.write(f"{utt} {rng.normal(2.0 if label == 'bonafide' else -2.0)!r}\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", choices=RECIPES, default="asvspoof2021_df")
    parser.add_argument("--scale", type=int, default=1, help="every N-th utterance")
    parser.add_argument("--every-list", action="store_true", help="judge each list of trials too")
    parser.add_argument("--nj", type=int, default=2, help="processes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(args.recipe, Path(folder), args.scale, args.nj, args.every_list)
    total = [sum(one[index] for one in found.values()) for index in (0, 1)]
    found["together"] = *total, max(one[2] for one in found.values()), ""
    for what, (seconds, processor, size, _) in found.items():
        print(f"{what:10} {seconds:6.1f} s, {processor:6.1f} s of processors, {size:7.0f} MiB")


if __name__ == "__main__":
    with one_line_errors("benchmarks/corpora.py"):
        main()
