"""What a training reads of a set where it is to know nothing of some attacks (without_attacks)."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch

from .. import LABELS
from ..config import read_yaml
from ..data.attacks import read_attacks
from ..errors import UserError
from ..scoring.inputs import Inputs


@dataclass(frozen=True)
class Kept:
    """What stays of a set: `indices` (N,) into the order of wav.scp, labels (N,), and why."""

    indices: list[int]
    labels: torch.Tensor
    line: str = ""  # that says what is left out; empty where all stays

    def restrict(self, inputs: Inputs) -> torch.Tensor:
        """Restrict `inputs` of the whole set to what stays; returns its labels."""
        if self.line:
            inputs.keep(self.indices)
        return self.labels


def check_start(attacks: list[str], start: str) -> None:
    """Raise UserError where the experiment `start`, whose weights a training begins with, has
    learned from one of `attacks`; '' is none.
    """
    if not attacks or not start:
        return
    path = Path(start) / "config.yaml"
    known = set(attacks) - set(read_yaml(path).get("without_attacks", ()))
    if known:
        raise UserError(
            f"{path}: 'init_from' has learned from {', '.join(sorted(known))}, which "
            "'without_attacks' leaves out; wanted one that was trained without them"
        )


def keep_without(
    attacks: list[str], data_dir: str | Path, labels: torch.Tensor, *, known: bool = False
) -> Kept:
    """All of a set but the spoofs of `attacks`; labels (N,) of all, in the order of wav.scp.

    known: whether the set must have a spoof of each attack. Raises UserError where it has none, no
    spoof would stay, or the set does not say which attacks there are.
    """
    if not attacks:
        return Kept(list(range(len(labels))), labels)
    of = list(read_attacks(data_dir).values())
    counts = Counter(attack for attack in of if attack is not None)
    for attack in attacks:
        if known and not counts[attack]:
            raise UserError(
                f"{data_dir}/utt2attack: found no spoof of '{attack}', wanted one of "
                f"{', '.join(sorted(counts))}; change 'without_attacks'"
            )
    indices = [index for index, attack in enumerate(of) if attack not in attacks]
    own = labels[indices]
    spoof, bonafide = (int((own == LABELS.index(label)).sum()) for label in ("spoof", "bonafide"))
    if not spoof:
        raise UserError(
            f"{data_dir}: found no spoof but those of {', '.join(attacks)}, wanted others to stay; "
            "change 'without_attacks'"
        )
    out = ", ".join(f"{counts[attack]} spoofs of {attack}" for attack in attacks)
    stay = f"{spoof} spoofs and {bonafide} bona fide utterances stay"
    return Kept(indices, own, f"{data_dir}: left out are {out}; {stay}")
