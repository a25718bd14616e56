"""Does a diagnostic tell how a system does on attacks that training does not know?"""

import numpy as np

from ..metrics.ranks import FEWEST, rank_correlation

__all__ = ["FEWEST", "rank_correlation", "sentence"]


def sentence(name: str, of: str, rho: float, interval: tuple[float, float]) -> str:
    """What may be said of it."""
    if np.isnan(rho):
        return f"{name} is the same in all experiments."
    low, high = interval
    if low > 0 or high < 0:
        way = "larger" if rho > 0 else "smaller"
        return f"The larger {name}, the {way} {of}: rho {rho:+.2f} [{low:+.2f}, {high:+.2f}]."
    return (
        f"Whether {name} tells {of} cannot be said here: rho {rho:+.2f} [{low:+.2f}, {high:+.2f}]."
    )
