"""Every diagnostic of an experiment on a set, as a record."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import LABELS
from ..errors import UserError
from ..metrics import ece
from ..progress import Progress
from ..scoring.batches import collate
from ..scoring.inputs import Inputs
from ..scoring.score import read_labels
from . import measures
from .hessian import trace
from .measures import Clips

BONAFIDE = LABELS.index("bonafide")


def choose(labels: torch.Tensor, count: int, seed: int) -> list[int]:
    """Indices of `count` utterances of each class, drawn without return; fewer where there are."""
    rng, found = np.random.default_rng(seed), []
    for label in range(len(LABELS)):
        own = np.flatnonzero(labels.numpy() == label)
        found += sorted(rng.permutation(own)[:count].tolist())
    return found


def clips_of(
    model: torch.nn.Module, inputs: Inputs, labels: torch.Tensor, chosen: Sequence[int], device: Any
) -> Clips:
    """The first window of each chosen utterance, with its label."""
    clips = []
    for index in chosen:
        item = inputs[index]
        x, length, _ = collate([item[0] if isinstance(item, list) else item])
        clips.append((x, length, labels[index : index + 1]))
    return Clips(model, clips, device)


def diagnose(clips: Clips, draws: int, seed: int, before: Clips | None = None) -> dict[str, Any]:
    """{diagnostic: number}; `hessian` and `relative` are records, `before` clips of training data.

    `by_input` holds the traces, and `labels` the class of each clip.
    """
    if not clips.parameters:
        raise UserError("the model has no trainable parameter; there is nothing to differentiate")
    count = len(clips.clips)
    progress = Progress(count, "clips", "curvature")

    def losses():
        for index in range(count):
            yield lambda index=index: clips.loss(index)
            progress.advance()

    found = trace(losses(), clips.parameters, draws, seed)
    progress.close()
    labels = [int(label) for _, _, label in clips.clips]
    features = measures.penultimate(clips.model, clips)
    loss = clips.mean_loss()
    return {
        "hessian": found.summary(),
        "relative": found.relative_summary(),
        "by_input": found.by_input.tolist(),
        "labels": [LABELS[label] for label in labels],
        "loss": loss,
        "loss_gap": None if before is None else loss - before.mean_loss(),
        "gradient_snr": measures.gradient_snr(clips.gradients()),
        "weight_norm": measures.weight_norm(clips.parameters),
        "davies_bouldin": measures.davies_bouldin(features, labels),
        "ece": _ece(clips, labels),
        "nonlinearity": measures.nonlinearity(clips, seed=seed),
    }


def _ece(clips, labels):
    """Of P(bona fide) by the model's own two logits."""
    with torch.no_grad():
        rows = [clips.model(x, length).float().softmax(1) for x, length, _ in clips.clips]
    p = torch.cat(rows)[:, BONAFIDE].double().cpu().numpy()
    is_bonafide = np.array(labels) == BONAFIDE
    return ece(p[is_bonafide], p[~is_bonafide])


def labels_of(data_dir: str | Path) -> torch.Tensor:
    """Indices into LABELS of a set; UserError where a class has fewer than two."""
    labels = read_labels(data_dir)
    for index, name in enumerate(LABELS):
        if int((labels == index).sum()) < 2:
            raise UserError(f"{data_dir}/utt2label: found one {name} utterance, wanted 2 or more")
    return labels
