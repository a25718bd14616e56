"""Scores of a model, and the labels they are set against."""

import torch

from .. import LABELS
from ..data import batches
from ..errors import UserError
from ..progress import Progress
from ..tables import read_table, require_same_keys
from .team import ALONE


@torch.inference_mode()
def score(model, inputs, batch_size, device, team=ALONE, workers=0):
    """Scores (N,) float32 of `inputs` in their order: logit of bona fide minus logit of spoof."""
    model.eval()
    found = torch.zeros(len(inputs))
    own = range(len(inputs))[team.rank :: team.size]
    progress = Progress(len(own), "utterances", "score")
    for x, lengths, indices in batches(inputs, own, batch_size, workers):
        logits = model(x.to(device), lengths.to(device)).float().cpu()
        found[indices] = logits[:, 1] - logits[:, 0]
        progress.advance(len(indices))
    progress.close()
    return team.add(found.to(device)).cpu().numpy()


def read_labels(data_dir):
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
