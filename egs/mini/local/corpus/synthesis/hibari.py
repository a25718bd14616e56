"""A10, the other half: Hibari, a small network distilled from Kokoro (voice heart, English)."""

import functools
import random

from ..audio import resample
from .batch import one_by_one

RATE = 24000  # Hz


@one_by_one
def hibari(request):
    """The text in the one voice; noise and speed are drawn from `request.seed`."""
    speed = random.Random(request.seed).uniform(0.85, 1.15)
    return resample(network()(request.text, seed=request.seed, speed=speed), RATE)


@functools.lru_cache(maxsize=1)
def network():
    """The model, single-threaded: its sums do not depend on the machine's cores."""
    from hibari import Hibari

    return Hibari(threads=1)
