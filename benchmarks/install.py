#!/usr/bin/env python3
"""A pack in an empty folder of a fresh virtual environment: does it give the LLRs of its recipe?

Makes the environment, installs this checkout into it with pip alone (minutes), packs EXP, and
detects every STEP-th sound of the set by `antispoof detect`, without the checkout on any path. It
ends with the largest difference from EXP's own LLRs, and status 1 where that is above 1e-5.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = """
example:
  benchmarks/install.py egs/mini/exp/fusion_seed1
  benchmarks/install.py egs/mini/exp/fusion_seed1 --first torch==2.13.0
"""
CLOSE = 1e-5


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exp_dir", type=Path, metavar="EXP", help="with LLRs of the set")
    parser.add_argument("--set", default="eval", help="a set of EXP/../../data (eval)")
    parser.add_argument("--step", type=int, default=100, help="every so manieth sound (100)")
    parser.add_argument("--first", metavar="TORCH", help="what pip installs first, a torch's build")
    return parser.parse_args()


def source(folder):
    """A copy of the files of the checkout, which pip builds in."""
    names = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(names, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def table(path):
    """{utterance: the rest of its line}."""
    lines = path.read_text("utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def main():
    args = parse()
    recipe = args.exp_dir.resolve().parents[1]
    wavs = table(recipe / "data" / args.set / "wav.scp")
    expected = table(args.exp_dir / args.set / "llr/scores")
    chosen = list(wavs)[:: args.step]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pack, empty, venv = folder / "model.zip", folder / "empty", folder / "venv"
        empty.mkdir()
        worker = [sys.executable, ROOT / "utils/pack_model.py", args.exp_dir, pack]
        subprocess.run(worker, check=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [venv / "bin/python", "-m", "pip", "install", "--quiet"]
        if args.first:
            subprocess.run([*pip, args.first], check=True)
        subprocess.run([*pip, source(folder / "source")], check=True)
        shutil.rmtree(folder / "source")
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL") if key in os.environ}
        detect = [venv / "bin/antispoof", "detect", "--model", pack, "--json", "--device", "cpu"]
        paths = [recipe / wavs[utt] for utt in chosen]
        done = subprocess.run(
            [*detect, *paths],
            cwd=empty,
            env={**kept, "HOME": str(empty)},  # and so no cache
            stdout=subprocess.PIPE,
            check=True,
        )
    found = [json.loads(line)["llr"] for line in done.stdout.splitlines()]
    pairs = zip(found, (float(expected[utt]) for utt in chosen), strict=True)
    worst = max(abs(llr - other) for llr, other in pairs)
    print(f"{len(found)} sounds, largest difference of an LLR: {worst:.2g}")
    sys.exit(worst > CLOSE)


if __name__ == "__main__":
    main()
