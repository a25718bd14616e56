"""Experiments of random weights that a detector loads, made in a moment."""

import contextlib
from pathlib import Path

import numpy as np
import torch
from ssl_models import jolt

from antispoof.evaluation.fusion import Calibration
from antispoof.scoring.build import build_system
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

MODEL = "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 8, 16, 32]}\n"


def make_experiment(folder, name, crop, model=MODEL):
    """folder/exp/<name>, a `model` whose config crops by `crop`; returns its path."""
    folder, exp = Path(folder).resolve(), Path("exp", name)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(folder):
        Path(f"{name}.yaml").write_text(f"{model}crop: {crop}\n")
        config = claim(exp, load_experiment(f"{name}.yaml", 1))
        torch.manual_seed(0)
        state = {"model": jolt(build_system(config)).state_dict(), "epoch": 1}
        save_checkpoint(exp / "best.pt", state)
        scores, labels = np.array([0.0, 2, 1, 3]), np.array([0, 0, 1, 1])
        Calibration.fit(scores, labels, (name,)).save(exp / "calibration.json")
    return folder / exp


def voice(seconds, rate=16000, seed=0):
    """(S,) as a voice goes: a pitch that comes and goes, over some noise."""
    rng, time = np.random.default_rng(seed), np.arange(int(seconds * rate)) / rate
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    buzz = sum(np.sin(number * phase) / number for number in range(1, 9))
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)
    return (0.1 * loudness * buzz + 0.003 * rng.standard_normal(len(time))).astype(np.float32)
