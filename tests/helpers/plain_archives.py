"""A small dump of cached features whose every number is known, for tests that change its bytes."""

import numpy as np

from antispoof.features import archive

LAYERS = (7, 2, 11)  # neither sorted nor of one digit
FRAMES = {"u10": 5, "u2": 3, "long_name": 4, "ü": 6}
WIDTH = 3


def matrix(utt, layer):
    """(T, D) of an utterance, no two alike."""
    values = np.arange(FRAMES[utt] * WIDTH, dtype=np.float32).reshape(-1, WIDTH)
    return values + 100 * layer + 1000 * len(utt.encode())


def features(utt):
    return {layer: matrix(utt, layer) for layer in LAYERS}


def write(folder, shares, change=None):
    """Write `shares`, lists of utterances, each by a job of its own; returns the folder."""
    for job, utts in enumerate(shares, 1):
        writer = archive.ShareWriter(folder, job, len(shares), LAYERS, None)
        for utt in utts:
            writer.write(utt, (change or features)(utt) if utt == "u2" else features(utt))
        writer.finish()
    assert archive.join_shares(folder, len(shares), list(FRAMES))
    return folder
