"""Whose bona fide utterances a training set holds, for losses that know speakers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..data.tables import read_table
from ..errors import UserError
from ..losses.losses import loss_settings


def speakers_of(
    data_dir: str | Path, utts: Sequence[str], labels: torch.Tensor, config: dict[str, Any]
) -> torch.Tensor:
    """(N,) the speaker of each bona fide utterance, counted by their names' order; -1 for spoof.

    Raises UserError where an utterance has no speaker, or there are more than the loss says.
    """
    path = Path(data_dir) / "utt2spk"
    if not path.exists():
        raise UserError(f"{path}: is not there, which 'loss: samo' needs; use another loss")
    table, bonafide = read_table(path), (labels == 1).tolist()
    own = [table.get(utt, "-") if bona else "" for utt, bona in zip(utts, bonafide, strict=True)]
    for utt, name in zip(utts, own, strict=True):
        if name == "-":
            raise UserError(f"{path}: {utt}: found no speaker, wanted one; use another loss")
    names = sorted(set(own) - {""})
    most = int(loss_settings("samo", config["loss_conf"])["speakers"])
    if len(names) > most:
        raise UserError(
            f"{path}: found {len(names)} speakers of bona fide speech, wanted at most {most}; "
            f"set loss_conf.speakers to {len(names)}"
        )
    numbers = {name: n for n, name in enumerate(names)}
    return torch.tensor([numbers.get(name, -1) for name in own])
