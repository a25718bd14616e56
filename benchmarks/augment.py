#!/usr/bin/env python3
"""How fast is RawBoost? Ours against its definitions in plain NumPy, on one core, in one run.

Both draw anew for each of 64,600 samples; the times are medians. Prints both, their ratio and the
largest difference where both are given the same draws, and, where there is a GPU, the time for a
batch of 64 there, its draws included.
"""

import argparse
import statistics
import time

import numpy as np
import torch

from antispoof.augment.rawboost import RawBoost, apply_batch, draw_batch
from benchmarks import plain_rawboost as plain

SAMPLES, BATCH = 64600, 64
NAMES = {1: "LnL", 2: "ISD", 3: "SSI", 4: "series", 5: "LnL ISD", 8: "parallel"}


def sounds(count):
    """(count, SAMPLES) float32 of noise within [-1, 1]."""
    rng = np.random.default_rng(0)
    return (0.3 * rng.standard_normal((count, SAMPLES))).clip(-1, 1).astype(np.float32)


def milliseconds(action, rounds, device="cpu"):
    """Median time of `action`, once warm."""
    spent = []
    for _ in range(rounds + 2):
        started = time.perf_counter()
        action()
        if device == "cuda":
            torch.cuda.synchronize()
        spent.append(1000 * (time.perf_counter() - started))
    return statistics.median(spent[2:])


def on_a_core(algo, rounds):
    """(plain, ours) in ms for an utterance, and their largest difference with the same draws."""
    settings, rng = RawBoost(algo=algo), np.random.default_rng(algo)
    (wave,) = sounds(1)
    precise = wave.astype(np.float64)
    theirs = milliseconds(lambda: plain.rawboost(precise, plain.Dice(rng), settings), rounds)
    ours = milliseconds(lambda: settings.apply(wave, settings.draw(rng, SAMPLES)), rounds)
    drawn = settings.draw(rng, SAMPLES)
    wanted = plain.rawboost(precise, plain.replay(drawn, 0, SAMPLES, settings), settings)
    return theirs, ours, np.abs(settings.apply(wave, drawn) - wanted).max()


def on_a_gpu(algo, rounds):
    """ms for a batch on a GPU."""
    settings, lengths = RawBoost(algo=algo), [SAMPLES] * BATCH
    waves = torch.from_numpy(sounds(BATCH)).to("cuda")
    rngs = [np.random.default_rng(item) for item in range(BATCH)]

    def step():
        apply_batch(settings, waves, None, draw_batch(settings, rngs, lengths, "cuda"))

    return milliseconds(step, rounds, "cuda")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    gpu = torch.cuda.is_available()
    print(f"one core, {SAMPLES} samples{f'; batch of {BATCH} on a GPU' if gpu else ''}")
    for algo, name in NAMES.items():
        theirs, ours, difference = on_a_core(algo, rounds)
        line = f"{algo} {name:8}: plain {theirs:6.2f} ms, ours {ours:5.2f} ms, "
        line += f"ratio {theirs / ours:5.2f}, largest difference {difference:.0e}"
        print(line + (f", GPU {on_a_gpu(algo, rounds):.2f} ms" if gpu else ""), flush=True)


if __name__ == "__main__":
    main()
