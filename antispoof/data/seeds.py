"""The one place that says what decides a random draw.

    a model's first weights           seed_torch(seed)
    dropout and masks of an epoch     seed_torch(seed, epoch, process)
    the order of an epoch             epoch_generator(seed, epoch)
    an utterance's crop or change     generator(words and numbers, its id among them)
    the window that is cached of it   window_generator(utterance, copy)

So nothing depends on the order of loading, or on how often a run was killed. Statistics draw from
the seed that their caller gives, and say it in what they write.
"""

import hashlib
import zlib

import numpy as np
import torch

EPOCHS = 100003  # a prime beyond any count of epochs: seeds of two experiments never meet
PROCESSES = 1_000_000_007


def seed_torch(seed: int, epoch: int | None = None, process: int = 0) -> int:
    """Seed PyTorch's own generator; returns the number that it is seeded with.

    Without an epoch, the number is the experiment's seed.
    """
    number = seed if epoch is None else seed * EPOCHS + epoch + PROCESSES * process
    torch.manual_seed(number)
    return number


def epoch_generator(seed: int, epoch: int) -> np.random.Generator:
    """A NumPy generator that the seed and the epoch alone decide."""
    return np.random.default_rng((seed, epoch))


def generator(*key: object) -> np.random.Generator:
    """A NumPy generator that the words and numbers of `key` alone decide."""
    text = " ".join(map(str, key)).encode(errors="surrogateescape")  # a name may be any bytes
    return np.random.default_rng(
        int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    )


def window_generator(utt: str, copy: int = 0) -> np.random.Generator:
    """A NumPy generator that an utterance and the number of its augmented copy alone decide."""
    name = f"{utt} {copy}" if copy else utt
    return np.random.default_rng(zlib.crc32(name.encode(errors="surrogateescape")))
