"""How sure a-DCF and t-EER are: new speakers that claim, and attacks, are drawn.

a-DCF is a sum of three means at its best threshold, which moves at no cost to first order, so that
`crossed` gives its interval over speakers and attacks at once. t-EER is found by a search over two
thresholds; its interval is a bootstrap of whole speakers.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .bootstrap import percentiles
from .crossed import Moved
from .tandem import a_dcf_point, a_dcf_weights

Parts = Sequence[np.ndarray]  # of targets, nontargets and spoof trials, in this order


def moved_a_dcf(
    target: np.ndarray, nontarget: np.ndarray, spoof: np.ndarray, **costs: float
) -> Moved:
    """a-DCF, and how much each trial moves it: targets, then nontargets and spoofs in one array."""
    value, rejected = a_dcf_point(target, nontarget, spoof, **costs)
    miss, fa, spoof_fa = a_dcf_weights(**costs)
    order = np.argsort(target, kind="stable")
    missed = np.zeros(len(target))
    missed[order[:rejected]] = 1
    threshold = np.inf if rejected == len(target) else target[order[rejected]]
    accepted = [np.asarray(part >= threshold, float) for part in (nontarget, spoof)]

    def share(errors, cost):
        return cost * (errors - errors.mean()) / len(errors)

    both = np.concatenate([share(accepted[0], fa), share(accepted[1], spoof_fa)])
    return Moved(value, share(missed, miss), both)


def speaker_interval(
    metric: Callable[[Parts], float],
    speakers: Parts,
    replicates: int,
    seed: int,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentiles of `metric` where speakers are drawn, each with all trials that claim them.

    metric: of the indices of the trials drawn, a part for each kind. speakers: of each trial of
    each kind. A replicate without a value (ValueError) is left out.
    """
    values = []
    for drawn in speaker_draws(speakers, replicates, seed):
        try:
            values.append(metric(drawn))
        except ValueError:  # an ASV that is worse than none, in this replicate
            continue
    if 2 * len(values) < replicates:
        raise ValueError(
            f"found a value in {len(values)} of {replicates} draws of speakers, wanted most"
        )
    return percentiles(np.array(values), level)


def speaker_draws(speakers: Parts, replicates: int, seed: int) -> Iterator[list[np.ndarray]]:
    """Indices of trials, a part for each kind, of speakers drawn with replacement.

    Speakers with the same kinds of trials are drawn together, so that no kind is lost.
    """
    rng = np.random.default_rng(seed)
    names, code = np.unique(np.concatenate(list(speakers)), return_inverse=True)
    codes = np.split(code, np.cumsum([len(part) for part in speakers])[:-1])
    has = sum((1 << n) * np.isin(np.arange(names.size), part) for n, part in enumerate(codes))
    strata = [np.flatnonzero(has == value) for value in np.unique(has)]
    for _ in range(replicates):
        times = np.zeros(names.size, np.int64)
        for members in strata:
            times += np.bincount(rng.choice(members, members.size), minlength=names.size)
        yield [np.repeat(np.arange(part.size), times[part]) for part in codes]
