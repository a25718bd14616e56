"""A small corpus on which grouping matters: classes mixed in the order of ids, shared speakers."""

import importlib.util
import sys
from pathlib import Path

import numpy as np

from antispoof.data.tables import write_table

ROOT = Path(__file__).resolve().parents[2]
NB, NS = 11, 16
RATE = 16000


def run_main(program, monkeypatch, *arguments):
    """Run `main` of a worker in this process, as if with these arguments."""
    spec = importlib.util.spec_from_file_location(f"worker_{Path(program).stem}", ROOT / program)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", [program, *map(str, arguments)])
    module.main()


def write_set(root, name="eval", prefix="", seed=0, nb=NB, ns=NS):
    """Write root/data/<name>; returns {utt: (is bona fide, speaker, attack)} in order of ids."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation([True] * nb + [False] * ns)
    rows = {}
    for number, kind in enumerate(kinds.tolist()):
        # h1 and h2 spoke both; names do not sort in the order in which they come
        one = number % 7 % 5, number // 2 % 5
        speaker = ("h2", "m9", "h1", "m3", "b5")[one[0]] if kind else f"{'hstab'[one[1]]}1"
        attack = "-" if kind else ("A07", "A10", "A02")[rng.integers(3)]
        rows[f"{prefix}{name}_{number:03d}"] = kind, speaker, attack
    data = Path(root) / "data" / name
    write_table(data / "wav.scp", {utt: f"/nowhere/{utt}.flac" for utt in rows})
    labels = {utt: "bonafide" if row[0] else "spoof" for utt, row in rows.items()}
    write_table(data / "utt2label", labels)
    write_table(data / "utt2spk", {utt: row[1] for utt, row in rows.items()})
    write_table(data / "utt2attack", {utt: row[2] for utt, row in rows.items()})
    (data / "trials").mkdir()
    some = [utt for number, utt in enumerate(rows) if number % 5 != 3]
    (data / "trials" / "some").write_text("".join(f"{utt}\n" for utt in some))
    return rows


def write_system(root, exp, name, rows, seed, *, slope=None, gap=1.0):
    """Write scores of an experiment, and with `slope` ratios; returns ({utt: score}, ratios)."""
    rng = np.random.default_rng([7, seed])
    scores, ratios = {}, {}
    for utt, (is_bonafide, _, _) in rows.items():
        scores[utt] = round(float(rng.normal(gap if is_bonafide else -gap, 1.2)), 2)
        ratios[utt] = round((slope or 1) * scores[utt] + float(rng.normal(0, 0.3)), 3)
    folder = Path(root) / exp / name
    write_table(folder / "scores", {utt: repr(s) for utt, s in scores.items()})
    if slope is not None:
        write_table(folder / "llr" / "scores", {utt: repr(s) for utt, s in ratios.items()})
    return scores, ratios


def split(rows, values, utts=None):
    """(bona fide, spoof) lists of {utt: value}, in order of ids."""
    utts = rows if utts is None else utts
    return tuple([values[utt] for utt in utts if rows[utt][0] is kind] for kind in (True, False))


def sound(seed=0, samples=12345):
    """Silence, noise of rising loudness around an offset, more silence: unequal on both sides."""
    rng = np.random.default_rng(seed)
    wave = rng.normal(0.02, 0.1, samples) * np.linspace(0.5, 1.5, samples)
    wave[:1300] *= 1e-2
    wave[-2900:] *= 1e-2
    return np.convolve(wave, [0.5, 0.3, 0.2], "same")
