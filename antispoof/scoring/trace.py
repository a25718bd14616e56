"""What a model that traces sources says of utterances: logits and embeddings."""

import numpy as np
import torch

from ..losses.sources import showing_embeddings
from .inputs import Inputs
from .score import score


def trace(
    model: torch.nn.Module, inputs: Inputs, batch_size: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """((N, K) logits, (N, D) embeddings) float32 of `inputs` in their order.

    An embedding is what the last layer reads. Of an utterance in windows, the means of theirs.
    """
    with showing_embeddings(model) as (count, dim):
        how = {"reduce": lambda rows: rows, "columns": (count + dim,)}
        logits, embeddings = np.split(score(model, inputs, batch_size, device, **how), [count], 1)
    return logits, embeddings
