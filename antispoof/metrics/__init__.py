"""Error rates and costs of scores, as the official challenge tools compute them.

NumPy arrays of scores in (higher = more bona fide), floats out. Every function refuses, with
`ValueError` and the count found, an empty class, NaN and infinities; those that rank trials
(all but `cllr`, `act_dcf`, `ece` and `classification`) also refuse scores that are all equal.
Functions sort their input unless it is sorted: pass `sorted_trials(...)` on to several of them.
"""

from .checks import sorted_trials
from .classification import classification, ece
from .detection import (
    COSTS,
    act_dcf,
    auc,
    bayes_threshold,
    det_curve,
    eer,
    eer_interpolated,
    eer_threshold,
    min_dcf,
    min_dcf_threshold,
)
from .llr import cllr, min_cllr
from .tandem import a_dcf, t_eer, tdcf_2019, tdcf_2021, tdcf_asvspoof5

__all__ = [
    "COSTS",
    "a_dcf",
    "act_dcf",
    "auc",
    "bayes_threshold",
    "classification",
    "cllr",
    "det_curve",
    "ece",
    "eer",
    "eer_interpolated",
    "eer_threshold",
    "min_cllr",
    "min_dcf",
    "min_dcf_threshold",
    "sorted_trials",
    "t_eer",
    "tdcf_2019",
    "tdcf_2021",
    "tdcf_asvspoof5",
]
