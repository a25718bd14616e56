"""Fusion of a score of speaker verification with one of a countermeasure, learnt on dev alone.

llr      Each score becomes an LLR by a line of its own (target against nontarget, bona fide against
         spoof), and the joint score is -log((1 - r) e^-llr_asv + r e^-llr_cm): the LLR of a target
         against nontargets and spoofs together, where the two scores know nothing of each other,
         and the ASV takes spoofs for targets. Where it rejects some spoofs by itself, the rule
         leaves that unused. r is the share of spoofs in what false alarms cost, by the costs of
         a-DCF.
linear   A weight for each score, by logistic regression of targets against the others, in which
         nontargets and spoofs weigh what their false alarms cost.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..data.json_files import json_text, number, read_json
from ..errors import UserError
from ..metrics.tandem import A_DCF_COSTS, a_dcf
from .asv import KINDS
from .logistic import SeparableError, fit_logistic
from .sasv_trials import SasvTrials

RULES = ("llr", "linear")
SHAPE = {
    **{"rule": str, "asv": [number, number], "cm": [number, number], "dev_set": str},
    **{"counts": dict.fromkeys(KINDS, int), "smoothed": bool, "dev_a_dcf": number},
}


@dataclass(frozen=True)
class SasvFusion:
    """A map from the scores of an ASV and of a countermeasure to one score."""

    rule: str
    asv: tuple[float, float]  # weight and offset
    cm: tuple[float, float]
    dev_set: str
    counts: dict[str, int]  # of the trials that it was learnt on
    smoothed: bool  # whether dev parts classes without an error: softened answers (Platt)
    dev_a_dcf: float

    @classmethod
    def fit(cls, asv: SasvTrials, cm: np.ndarray, rule: str, dev_set: str = "dev") -> "SasvFusion":
        """Learn from trials and the countermeasure's score (N,) of each. Raises ValueError."""
        if rule not in RULES:
            raise ValueError(f"found the rule '{rule}', wanted {' or '.join(RULES)}")
        fit = _fit_llr if rule == "llr" else _fit_linear
        asv_line, cm_line, smoothed = fit(asv, cm)
        counts = {kind: int((asv.kind == kind).sum()) for kind in KINDS}
        learnt = cls(rule, asv_line, cm_line, dev_set, counts, smoothed, 0.0)
        return replace(learnt, dev_a_dcf=a_dcf(*asv.split(learnt(asv.scores, cm))))

    def __call__(self, asv: np.ndarray, cm: np.ndarray) -> np.ndarray:
        """(N,), (N,) -> (N,), higher = more the claimed speaker, and bona fide."""
        parts = self.asv[0] * asv + self.asv[1], self.cm[0] * cm + self.cm[1]
        if self.rule == "linear":
            return parts[0] + parts[1]
        share = spoof_share()
        return -np.logaddexp(np.log(1 - share) - parts[0], np.log(share) - parts[1])

    def inverted(self) -> list[str]:
        """Which of the two scores are lower for what should be accepted, as dev has them."""
        lines = {"speaker verification": self.asv, "the countermeasure": self.cm}
        return [name for name, (weight, _) in lines.items() if weight < 0]

    def text(self) -> str:
        """The text of its file, which `load` reads."""
        return json_text(asdict(self))

    @classmethod
    def load(cls, path: str | Path) -> "SasvFusion":
        """Read a file of `text`. Raises UserError."""
        remedy = "run steps/fuse_asv.py again"
        found = read_json(path, SHAPE, missing=remedy, wrong=remedy)
        if found["rule"] not in RULES:
            raise UserError(f"{path}: found the rule '{found['rule']}'; {remedy}")
        lines = {name: tuple(found[name]) for name in ("asv", "cm")}
        return cls(**{**found, **lines})


def spoof_share() -> float:
    """What spoofs cost of all false alarms, by the costs of a-DCF."""
    c = A_DCF_COSTS
    spoof, nontarget = c["c_fa_cm"] * c["p_spoof"], c["c_fa_asv"] * c["p_nontarget"]
    return spoof / (spoof + nontarget)


def _fit_llr(asv, cm):
    known = asv.kind != "spoof"
    asv_line, one = _line(asv.scores[known], asv.kind[known] == "target")
    _, first = np.unique(asv.utts, return_index=True)  # an utterance of several trials counts once
    cm_line, other = _line(cm[first], known[first])
    return _affine(asv_line), _affine(cm_line), one or other


def _fit_linear(asv, cm):
    share, kinds = spoof_share(), asv.kind
    weight = np.ones(kinds.size)
    for kind, part in (("nontarget", 1 - share), ("spoof", share)):
        weight[kinds == kind] = part / (kinds == kind).sum()
    c = A_DCF_COSTS
    accepted = c["c_fa_cm"] * c["p_spoof"] + c["c_fa_asv"] * c["p_nontarget"]
    missed = c["c_miss"] * c["p_target"]
    scores = np.column_stack([asv.scores, cm])
    prior = missed / (missed + accepted)
    (weights, offset), smoothed = _line(scores, kinds == "target", prior=prior, weight=weight)
    return (float(weights[0]), float(offset)), (float(weights[1]), 0.0), smoothed


def _line(scores, is_higher, **options):
    """(weights, offset) and whether the answers had to be softened."""
    try:
        return fit_logistic(scores, is_higher, **options), False
    except SeparableError:
        return fit_logistic(scores, is_higher, smooth=True, **options), True


def _affine(line):
    (weights, offset) = line
    return float(weights[0]), float(offset)
