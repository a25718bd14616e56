"""Parts of a detector as modules of one utterance, and their traces as graphs of ONNX."""

import io
import warnings
from collections.abc import Sequence
from typing import Any

import onnx
import torch
from torch import nn

from ..errors import UserError
from ..ssl.finetuned import FineTuned
from ..ssl.upstream import DTYPES
from ..torch_utils.tracing import traceable
from .spectra import with_products
from .upstreams import states_of

OPSET = 18


class Scorer(nn.Module):
    """What a model reads of one utterance, (1, S) or (1, L, T, D) -> its score (1,)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.model(x, length_of(x, 1 if x.ndim == 2 else 2))
        return logits[:, 1] - logits[:, 0]


class FineTunedScorer(nn.Module):
    """A waveform (1, S) -> the score (1,) of an upstream with a back end behind it."""

    def __init__(self, model: FineTuned) -> None:
        super().__init__()
        front, self.back_end = model.front_end, model.back_end
        if front.tuned:
            raise UserError(
                f"config: found 'finetune.method: {front.finetune['method']}', wanted full; "
                "steps/merge_tuning.py makes that of lora and dora"
            )
        self.states = states_of(front.upstream, front.config)
        self.layers = front.layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.states(x)
        states = torch.stack([hidden[layer] for layer in self.layers], 1)
        given = [states, length_of(states, 2)]
        if self.back_end.reads == "both":
            given += [x, length_of(x, 1)]
        logits = self.back_end(*given)
        return logits[:, 1] - logits[:, 0]


class Features(nn.Module):
    """A waveform (1, S) -> features (1, L, T, D) of an upstream, rounded as archives round them."""

    def __init__(self, upstream: nn.Module, config: dict[str, Any], layers: Sequence[int]) -> None:
        super().__init__()
        self.states, self.layers = states_of(upstream, config), list(layers)
        self.steps = {None: 0.0, 3: 65535.0, 5: 255.0}[DTYPES[config["dtype"]]]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.states(x)
        return torch.stack([self._stored(hidden[layer]) for layer in self.layers], 1)

    def _stored(self, x):
        """As Kaldi compresses a matrix (1, T, D): whole steps from its least to its greatest."""
        if not self.steps:
            return x
        least, greatest = x.amin(), x.amax()
        span = torch.where(greatest > least, greatest - least, 1 + least.abs())
        return least + ((x - least) / span * self.steps + 0.499).floor() * span / self.steps


def length_of(x: torch.Tensor, axis: int) -> torch.Tensor:
    """(1,) how long x is along `axis`."""
    return torch.as_tensor(x.shape[axis], device=x.device).reshape(1)


@torch.no_grad()
def trace(module: nn.Module, x: torch.Tensor, axis: int) -> onnx.ModelProto:
    """The graph of `module`, whose input "x" is of any length along `axis`; its output is "y".

    torch's older exporter traces it: the newer one, which reads the code, takes 10 to 100 times as
    long, and fixes the length of some models (RawNet2) for ever. Batch norms become a part of
    the convolutions before them.
    """
    target = io.BytesIO()
    module = with_products(module).eval()
    with warnings.catch_warnings(), traceable():
        warnings.simplefilter("ignore")  # of what a trace fixes: the tests try other lengths
        torch.onnx.export(
            module,
            (x,),
            target,
            dynamo=False,
            opset_version=OPSET,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {axis: "length"}},
        )
    return onnx.load_model_from_string(target.getvalue())
