"""A pre-training of seconds: twelve tunes to learn from, and an experiment that nothing stopped."""

import numpy as np
import torch

from antispoof.pretraining.pretrain import load_pretraining

TINY = {
    "clusters": 6,
    "conv_channels": 16,
    "layers": 1,
    "dim": 32,
    "ffn_dim": 48,
    "heads": 2,
    "conv_pos": 16,
    "conv_pos_groups": 4,
    "final_dim": 16,
    "crop_seconds": 1.0,
    "held_out": 6,
    "epochs": 3,
    "batch_size": 4,
    "lr": 0.003,
}

torch.set_num_threads(1)  # as the worker does; more would round differently


def tune(seed):
    """1.0 to 1.3 s of notes of 0.1 s, each of four pitches, in a little noise."""
    rng = np.random.default_rng(seed)
    pitches = rng.choice([200.0, 500.0, 1200.0, 3000.0], 10 + seed % 4)
    phase = np.cumsum(np.repeat(pitches, 1600)) * 2 * np.pi / 16000
    return 0.3 * np.sin(phase) + 0.01 * rng.standard_normal(len(phase))


def tiny(place, *overrides):
    return load_pretraining(place / "tiny.yaml", 1, overrides)
