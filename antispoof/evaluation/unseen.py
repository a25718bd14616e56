"""A map to LLRs for attacks that training does not know, learnt from models without an attack.

The spoofs of dev are of attacks that training knows, so what is learnt from their scores expects
too much of others. Here, the spoofs of each attack are scored by models that were trained without
it, and so are the bona fide trials; scale and offset are learnt on all of these together, and then
applied to the scores of the models that know every attack. The weights of several systems stay
those that dev gives: so the order of trials, and with it the EER, is that of the plain fusion.
(Weights that are learnt from models without an attack as well make an EER that is 4.5 points worse
on the unknown attacks of egs/mini: of several systems, these models say too little.)
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..data.data_dir import refuse_reported
from ..errors import UserError
from ..metrics import cllr
from . import fusion
from .fusion import Fusion, require_usable
from .fusion_rules import RULES
from .layout import scores_path
from .logistic import EFFECTIVE_PRIOR
from .scores import join

Parts = Mapping[str, tuple[np.ndarray, np.ndarray]]


def fit_unseen(
    parts: Parts,
    experiments: Mapping[str, list[str]],
    systems: tuple,
    weights: np.ndarray,
    *,
    prior: float = EFFECTIVE_PRIOR,
    dev_set: str = "dev",
    kind: type[Fusion] = Fusion,
) -> Fusion:
    """Learn scale and offset by logistic regression from {attack: (scores (N, S), is_bonafide)}.

    weights (S,): of the systems, before the scale.

    The scores of an attack are of models that were trained without it, of its spoofs and of bona
    fide trials. Classes have the weight that `prior` says; within a class, each attack has the same
    weight. Raises ValueError for scores that nothing can be learnt from.

    What the map says of its making: `n_bonafide` counts the bona fide trials of one attack, since
    these are the same of each; `dev_cllr` is the mean of the attacks' Cllr.
    """
    scores = np.concatenate([own @ weights for own, _ in parts.values()])[:, None]
    is_bonafide = np.concatenate([own for _, own in parts.values()])
    weight = np.concatenate([_shares(own) for _, own in parts.values()])
    scale, offset, smoothed = RULES["logistic"](scores, is_bonafide, prior, weight)
    weights = weights * scale[0]
    llrs = [(own @ weights + offset, bonafide) for own, bonafide in parts.values()]
    return kind(
        systems=systems,
        rule="logistic",
        weights=tuple(map(float, weights)),
        offset=float(offset),
        prior=prior,
        dev_set=dev_set,
        n_bonafide=max(int(own.sum()) for _, own in parts.values()),
        n_spoof=int((~is_bonafide).sum()),
        smoothed=smoothed,
        dev_cllr=float(np.mean([cllr(llr[own], llr[~own]) for llr, own in llrs])),
        unseen={attack: list(names) for attack, names in experiments.items()},
    )


def _shares(is_bonafide):
    """Of each trial, one by the size of its class: each class sums to 1."""
    return 1 / np.where(is_bonafide, is_bonafide.sum(), (~is_bonafide).sum())


def learn_unseen(
    data_dir: str | Path,
    dev_set: str,
    exp_dirs: list,
    experiments: Mapping[str, list],
    prior: float = EFFECTIVE_PRIOR,
    kind: type[Fusion] = Fusion,
) -> Fusion:
    """`fit_unseen` from scores on `dev_set`, labelled by `data_dir`.

    exp_dirs: the systems that the map is for; experiments: {attack: a folder for each of them, of
    the same system trained without the attack}. Raises UserError as `fusion.learn` does.
    """
    if not 0 < prior < 1:
        raise UserError(f"--prior: found {prior}, wanted a number between 0 and 1")
    for name in (data_dir, dev_set):
        refuse_reported("--data", name)
    parts = {attack: _part(data_dir, dev_set, own, attack) for attack, own in experiments.items()}
    systems = tuple(Path(exp).name for exp in exp_dirs)
    weights = np.array(fusion.learn(data_dir, dev_set, exp_dirs, prior, "logistic").weights)
    names = {attack: [Path(exp).name for exp in own] for attack, own in experiments.items()}
    try:
        return fit_unseen(parts, names, systems, weights, prior=prior, dev_set=dev_set, kind=kind)
    except ValueError as error:
        raise UserError(f"{data_dir}: {', '.join(systems)} with --unseen: {error}") from None


def _part(data_dir, dev_set, exp_dirs, attack):
    """Scores (N, S) and labels (N,) of bona fide trials and the spoofs of an attack."""
    paths = [scores_path(exp, dev_set) for exp in exp_dirs]
    found = [join(data_dir, path) for path in paths]
    for path, trials in zip(paths, found, strict=True):
        require_usable(path, trials)
    names, index = found[0].factor("attack")
    is_bonafide = found[0].is_bonafide
    own = is_bonafide | (np.array(names)[index] == attack)
    return np.stack([trials.scores[own] for trials in found], axis=1), is_bonafide[own]
