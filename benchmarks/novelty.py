#!/usr/bin/env python3
"""Does a detector notice what is unlike all that it was trained on?

The distances of steps/novelty.py of sounds that it should notice against those of the dev set: the
AUC (0.5: no difference; 1: each is farther than each of dev) with its 95 % interval over
utterances, and the share that gets a warning. In a recipe's folder, after steps/novelty.py:

  ../../benchmarks/novelty.py exp/fusion_seed1
"""

import argparse
import itertools

import numpy as np
import yaml

from antispoof import SAMPLE_RATE, Detector
from antispoof.augment.chain import Chain
from antispoof.data.audio import read_wave
from antispoof.data.data_dir import read_trials
from antispoof.data.tables import read_table
from antispoof.errors import one_line_errors
from antispoof.paths import ROOT

SECONDS = 3  # of noise and of music


def distances(system, waves):
    """(N,) of pairs (name, wave)."""
    from antispoof.data.sounds import Sound

    found = []
    while some := list(itertools.islice(waves, 16)):
        far = np.zeros(len(some))
        system.scores([Sound(name, wave, name) for name, wave in some], far)
        found.append(far)
    return np.concatenate(found)


def sounds(wavs, utts, config=None):
    """(utterance, wave) of each, through the augmentation of a config."""
    chain = Chain(yaml.safe_load((ROOT / config).read_text())["augment"] if config else [])
    for utt in utts:
        yield utt, chain(read_wave(wavs[utt], utt), utt, 1)[0]


def noise(count):
    """Noise, of which each has another colour."""
    for number in range(count):
        rng = np.random.default_rng(number)
        spectrum = np.fft.rfft(rng.standard_normal(SECONDS * SAMPLE_RATE))
        spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.uniform(0, 1)
        wave = np.fft.irfft(spectrum)
        yield f"noise{number}", (0.1 * wave / wave.std()).astype(np.float32)


def music(count):
    """Chords of four notes that decay, a new one each half second."""
    time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    for number in range(count):
        rng, chords = np.random.default_rng(number), []
        for _ in range(2 * SECONDS):
            notes = 220 * 2 ** (rng.choice(24, 4, replace=False) / 12)
            parts = [np.sin(2 * np.pi * k * f * time) / k for f in notes for k in range(1, 6)]
            chords.append(np.exp(-3 * time) * np.sum(parts, 0))
        yield f"music{number}", (0.05 * np.concatenate(chords)).astype(np.float32)


def auc(known, other):
    """The share of pairs in which the other one is farther."""
    return float((np.searchsorted(np.sort(known), other) / len(known)).mean())


def row(name, known, other):
    """A line of the table, with percentiles of 1,000 resamplings."""
    rng, drawn = np.random.default_rng(0), []
    for _ in range(1000):
        drawn.append(auc(rng.choice(known, len(known)), rng.choice(other, len(other))))
    low, high = np.percentile(drawn, [2.5, 97.5])
    warned = f"{100 * (other > 1).mean():.1f} %"
    return f"| {name} | {len(other)} | {auc(known, other):.3f} [{low:.3f}, {high:.3f}] | {warned} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exp_dir")
    parser.add_argument("--count", type=int, default=200, help="sounds of each kind, at most (200)")
    args = parser.parse_args()
    system = Detector.load(args.exp_dir, "cpu").system
    dev, wavs = read_table("data/dev/wav.scp"), read_table("data/eval/wav.scp")
    labels = read_table("data/eval/utt2label")
    some = list(dev)[:: max(len(dev) // args.count, 1)][: args.count]
    known, kinds = distances(system, sounds(dev, some)), {}
    bonafide = [utt for utt in wavs if labels[utt] == "bonafide"]
    spoofs = {
        name: [utt for utt in read_trials("data/eval", name) if labels[utt] == "spoof"]
        for name in ("known", "unknown")
    }
    for name, utts in {"bona fide": bonafide, **spoofs}.items():
        chosen = utts[:: max(len(utts) // args.count, 1)][: args.count]
        kinds[f"eval, {name}{'' if name == 'bona fide' else ' attacks'}"] = sounds(wavs, chosen)
    for name in ("codecs", "mp3", "corrupted"):
        kinds[f"dev, conf/augment_{name}.yaml"] = sounds(dev, some, f"conf/augment_{name}.yaml")
    kinds["music"], kinds["noise"] = music(args.count), noise(args.count)
    print("| sounds | number | AUC against dev | warned of |\n|---|---|---|---|")
    for name, waves in kinds.items():
        print(row(name, known, distances(system, waves)), flush=True)


if __name__ == "__main__":
    with one_line_errors("benchmarks/novelty.py"):
        main()
