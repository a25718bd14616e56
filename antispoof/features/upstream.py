"""s3prl upstreams as frozen front ends."""

from pathlib import Path

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..config import UPSTREAM, load_config, one_of, write_config
from ..errors import UserError
from ..places import find
from .s3prl_stand_ins import find_upstream

DTYPES = {"float32": None, "two_byte": 3, "one_byte": 5}  # Kaldi's compression methods


def load_upstream_config(path):
    """Read conf/upstream/<name>.yaml. Raises UserError."""
    config = load_config(find(path), UPSTREAM)
    one_of(path, "dtype", config["dtype"], tuple(DTYPES))
    return config


def claim_dump(dump_dir, config):
    """Write `config` into `dump_dir`; refuse a folder that another config made."""
    path = Path(dump_dir) / "config.yaml"
    if path.exists() and load_config(path, UPSTREAM) != config:
        raise UserError(f"{path}: holds features of another config; remove {dump_dir} to redo them")
    if not path.exists():
        write_config(path, config)


class FrozenUpstream:
    """An s3prl upstream that never changes: eval mode, no gradients.

    Args: name: a name in s3prl's hub; layers: last, all, or indices into its hidden states.
    `layer_indices` holds the indices that a call gives.
    """

    def __init__(self, name, layers="last"):
        self.name = name
        self.model = find_upstream(name)()
        self.model.eval().requires_grad_(False)
        count = len(self._hidden(np.zeros(SAMPLE_RATE, np.float32)))
        chosen = {"last": [count - 1], "all": range(count)}.get(str(layers), layers)
        self.layer_indices = sorted(chosen)
        if not all(0 <= index < count for index in self.layer_indices):
            raise UserError(f"upstream {name}: has layers 0 to {count - 1}, wanted {layers}")

    @torch.inference_mode()
    def _hidden(self, wave):
        return self.model([torch.from_numpy(wave)])["hidden_states"]

    def __call__(self, wave, utt):
        """(S,) float32 -> {layer index: (T, D) float32 array} of one utterance.

        One at a time: s3prl's `mel` normalises over what stands in the batch, padding included.
        Raises UserError, naming `utt`, where the sound is too short for one frame.
        """
        try:
            hidden = self._hidden(wave)
        except (RuntimeError, AssertionError, IndexError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UserError(
                f"{utt}: upstream {self.name} fails on its {len(wave)} samples ({reason}); short?"
            ) from None
        return {index: hidden[index][0].numpy() for index in self.layer_indices}
