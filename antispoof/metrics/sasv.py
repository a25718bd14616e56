"""How sure a-DCF and t-EER are: new speakers that claim, and attacks, are drawn.

a-DCF is a sum of three means at its best threshold, which moves at no cost to first order, so that
`crossed` gives its interval over speakers and attacks at once. t-EER is found by a search over two
thresholds; its interval is a bootstrap of whole speakers.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .bootstrap import percentiles
from .crossed import FEWEST, Moved
from .tandem import a_dcf_point, a_dcf_weights

LEFT_OUT = 0.05  # of draws, the largest share that may have no value
AGAIN = 5  # draws that leave a kind without a trial, for each that is wanted, before it is given up
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
) -> tuple[tuple[float, float], int]:
    """(percentiles of `metric` where speakers are drawn, how many draws had no value).

    Each speaker is drawn with all trials that claim them. metric: of the indices of the trials
    drawn, a part for each kind. speakers: of each trial of each kind. A draw without a value
    (ValueError) is left out: these are the worst ones, so that more than LEFT_OUT of them raise
    ValueError, as do the speakers that `speaker_draws` refuses.
    """
    values = []
    for drawn in speaker_draws(speakers, replicates, seed):
        try:
            values.append(metric(drawn))
        except ValueError:  # an ASV that is worse than none, in this replicate
            continue
    left_out = replicates - len(values)
    if left_out > LEFT_OUT * replicates:
        raise ValueError(
            f"found no value in {left_out} of {replicates} draws of speakers, wanted one in "
            f"{100 * (1 - LEFT_OUT):g} % of them"
        )
    return percentiles(np.array(values), level), left_out


def speaker_draws(speakers: Parts, replicates: int, seed: int) -> Iterator[list[np.ndarray]]:
    """Indices of trials, a part for each kind, of speakers drawn with replacement.

    All speakers are drawn at once; a draw that leaves a kind without a trial is drawn again. Raises
    ValueError where that says nothing of other speakers: fewer than FEWEST of them, a kind with one
    speaker, or a kind that most draws leave without a trial.
    """
    rng = np.random.default_rng(seed)
    names, code = np.unique(np.concatenate(list(speakers)), return_inverse=True)
    codes = np.split(code, np.cumsum([len(part) for part in speakers])[:-1])
    if names.size < FEWEST:
        raise ValueError(f"found {names.size} speakers, wanted {FEWEST} or more to draw from")
    if any(np.unique(part).size < 2 for part in codes):
        raise ValueError("found trials of one kind by a single speaker, wanted two or more of each")
    made = tried = 0
    while made < replicates:
        tried += 1
        times = np.bincount(rng.choice(names.size, names.size), minlength=names.size)
        if all(times[part].any() for part in codes):
            made += 1
            yield [np.repeat(np.arange(part.size), times[part]) for part in codes]
        elif tried - made > AGAIN * replicates:
            raise ValueError(
                f"found that {tried - made} of {tried} draws of speakers leave a kind of trials "
                "without any, wanted more speakers of each"
            )
