"""What source tracing learns from: the classes of a table, and the utterances of a set in them."""

from collections import Counter
from pathlib import Path
from typing import Any

import torch

from ..config.sources import NONE, sources_of, traced_by
from ..data.tables import read_table, require_same_keys
from ..errors import UserError
from ..scoring.score import read_labels
from .without import Kept, keep_without


def with_sources(config: dict[str, Any], train_dir: str | Path) -> dict[str, Any]:
    """`config` with the classes that it tells apart: by default all of the training set.

    Raises UserError where there are fewer than two.
    """
    labels = traced_by(config)
    if not labels:
        return config
    found = sorted(set(_table(train_dir, labels).values()) - {NONE})
    classes = sources_of(config) or found
    lacking = sorted(set(classes) - set(found))
    if lacking or len(classes) < 2:
        what = f"no '{lacking[0]}'" if lacking else f"{len(classes)} source"
        raise UserError(
            f"{train_dir}/utt2{labels}: found {what}, wanted two or more of "
            f"{', '.join(found) or 'none'}; change 'trace'"
        )
    return {**config, "trace": {"labels": labels, "classes": classes}}


def keep_for(config: dict[str, Any], data_dir: str | Path, *, known: bool = False) -> Kept:
    """What a training reads of a set: both classes of a detector, or the sources of `trace`.

    known: whether the set must have a spoof of each of without_attacks. Raises UserError.
    """
    if not traced_by(config):
        labels = read_labels(data_dir)
        return keep_without(config["without_attacks"], data_dir, labels, known=known)
    classes, of = sources_of(config), list(_table(data_dir, traced_by(config)).values())
    indices = [index for index, name in enumerate(of) if name in classes]
    counts = Counter(of[index] for index in indices)
    if lacking := [name for name in classes if not counts[name]]:
        raise UserError(
            f"{data_dir}/utt2{traced_by(config)}: found no '{lacking[0]}', wanted utterances of "
            f"each of {', '.join(classes)}"
        )
    said = ", ".join(f"{counts[name]} of {name}" for name in classes)
    line = f"{data_dir}: sources are {said}; {len(of) - len(indices)} utterances are left out"
    return Kept(indices, torch.tensor([classes.index(of[index]) for index in indices]), line)


def _table(data_dir, labels):
    """{utterance: source} in the order of wav.scp. Raises UserError where no table says it."""
    path = Path(data_dir) / f"utt2{labels}"
    if not path.is_file():
        known = ", ".join(sorted(p.name[4:] for p in Path(data_dir).glob("utt2*")))
        raise UserError(f"{path}: no such table; 'trace.labels' may be one of {known}")
    wavs, table = read_table(Path(data_dir) / "wav.scp"), read_table(path)
    require_same_keys(wavs, table, f"{data_dir}/wav.scp", path)
    return {utt: table[utt] for utt in wavs}
