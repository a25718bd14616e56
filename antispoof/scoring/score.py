"""Scores of a model, and the labels they are set against."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from .. import LABELS
from ..data.tables import read_table, require_same_keys
from ..errors import UserError
from ..progress import Progress
from ..torch_utils.distributed import SINGLE, Team
from .batches import batches
from .frames import FrameScores
from .inputs import Inputs
from .novelty import Descriptions


def difference(logits: torch.Tensor) -> torch.Tensor:
    """(B, 2) -> (B,): logit of bona fide minus logit of spoof."""
    return logits[:, 1] - logits[:, 0]


@torch.inference_mode()
def score(
    model: torch.nn.Module,
    inputs: Inputs,
    batch_size: int,
    device: torch.device,
    team: Team = SINGLE,
    workers: int = 0,
    quiet: bool = False,
    descriptions: Descriptions | None = None,
    reduce: Callable[[torch.Tensor], torch.Tensor] = difference,
    columns: tuple[int, ...] = (),
    frames: FrameScores | None = None,
) -> np.ndarray:
    """Scores (N,) float32 of `inputs` in their order: logit of bona fide minus logit of spoof.

    Of an utterance in windows, the mean of theirs. `descriptions` takes what the model reads,
    and `frames` the scores of frames of a model that gives them.
    reduce, columns: what else is made of logits (B, K), of shape (B, *columns).
    """
    model.eval()
    total, windows = torch.zeros(len(inputs), *columns), torch.zeros(len(inputs))
    own = range(len(inputs))[team.rank :: team.size]
    progress = Progress(len(own), "utterances", "score", quiet=quiet or not team.is_main)
    for batch in batches(inputs, own, batch_size, workers):
        for x, lengths, indices in zip(*(part.split(batch_size) for part in batch), strict=True):
            given = x.to(device), lengths.to(device)
            logits = frames.logits(model, given, indices) if frames else model(*given)
            total.index_add_(0, indices, reduce(logits.float().cpu()))
            windows.index_add_(0, indices, torch.ones(len(indices)))
            if descriptions:
                descriptions.take(indices)
        progress.advance(len(batch[2].unique()))
    progress.close()
    total, windows = team.all_reduce(total.to(device)), team.all_reduce(windows.to(device))
    return (total / windows.reshape(-1, *(1 for _ in columns))).cpu().numpy()


def read_labels(data_dir: str | Path) -> torch.Tensor:
    """Indices into LABELS, (N,), in the order of wav.scp. Raises UserError where a class lacks."""
    labels = read_table(f"{data_dir}/utt2label")
    wavs = read_table(f"{data_dir}/wav.scp")
    require_same_keys(wavs, labels, f"{data_dir}/wav.scp", f"{data_dir}/utt2label")
    for utt, label in labels.items():
        if label not in LABELS:
            raise UserError(f"{data_dir}/utt2label: '{utt}' is '{label}', wanted bonafide or spoof")
    for label in LABELS:
        if label not in labels.values():
            raise UserError(
                f"{data_dir}/utt2label: holds no {label} utterance; wanted both classes"
            )
    return torch.tensor([LABELS.index(labels[utt]) for utt in wavs])
