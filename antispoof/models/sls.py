"""Sensitive Layer Selection (Zhang et al., ACM MM 2024, doi 10.1145/3664647.3681345).

    g_l = sigmoid(w . mean_t h_l + b)    one number per layer h_l (T, D), w shared by the layers
    F = sum_l g_l h_l                    (T, D)
    BatchNorm - SELU - max-pool 3 x 3 - flatten - Linear to 1024 - SELU - Linear to 2 - SELU

23,399,429 parameters for L 24, D 1024 and 201 frames (64,600 samples), of which the first linear
layer has 23,396,352. The published model ends in a log-softmax; it is left out here, since the
cross-entropy takes one itself (a second one changes nothing), and since the difference of the two
logits, our score, is that of the two log-probabilities. The SELU before it changes both, and stays.

`pooling: fixed` is the published model: the flattened map has as many numbers as the linear layer
only for `frames` frames and up to two more. `pooling: adaptive` takes any length with the same
parameters: time is max-pooled into frames / 3 spans of equal length, that overlap by a frame where
it does not divide. At 201 frames both are the same.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..config import one_of
from ..errors import UserError
from ..torch_utils.masks import frame_mask
from ..torch_utils.tracing import is_traceable
from .back_end import BackEnd
from .checks import check_features


class SLS(BackEnd):
    """Args: layers: L; dim: D; frames: T that the head is made for; pooling: fixed or adaptive;
    hidden: width of the head.
    """

    shaped_by = ("layers", "dim")
    last_layer = None  # the last SELU bends the logits

    def __init__(
        self,
        layers: int = 24,
        dim: int = 1024,
        frames: int = 201,
        pooling: str = "fixed",
        hidden: int = 1024,
    ) -> None:
        super().__init__()
        one_of("config", "model_conf.pooling", pooling, ("fixed", "adaptive"))
        if frames < 3 or dim < 3:
            raise UserError(f"config: model_conf.frames {frames} and dim {dim} want 3 or more")
        self.layers, self.dim, self.adaptive = layers, dim, pooling == "adaptive"
        self.spans = frames // 3
        self.gate = nn.Linear(dim, 1)
        self.norm = nn.BatchNorm2d(1)
        self.hidden = nn.Linear(self.spans * (dim // 3), hidden)
        self.output = nn.Linear(hidden, 2)

    @classmethod
    def takes_one_length(cls, conf: dict[str, Any]) -> bool:
        return conf.get("pooling", "fixed") == "fixed"

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        check_features(x, lengths, self.layers, self.dim)
        counts = [x.shape[2]] if is_traceable() else lengths.tolist()
        if not is_traceable():
            self._check_frames(counts)
        inside = frame_mask(lengths, x.shape[2])
        share = (inside / inside.sum(1, keepdim=True)).to(x.dtype)[:, None, None]
        whole = is_traceable() or min(counts) == x.shape[2]
        # On a CPU a product, which reads the layers once, as they lie: (B, L, D)
        means = x.mean(2) if x.is_cuda and whole else (share @ x).squeeze(2)
        gates = self.gate(means).sigmoid().squeeze(2)
        summed = torch.einsum("bl,bltd->btd", gates, x)
        valid = summed.flatten(0, 1) if whole else summed[inside.bool()]  # frames of all
        normed = functional.selu(self.norm(valid[None, None])[0, 0])
        if whole:
            maps = self._pool(normed.view_as(summed))
        else:
            maps = torch.cat([self._pool(one[None]) for one in normed.split(counts)])
        return functional.selu(self.output(functional.selu(self.hidden(maps.flatten(1)))))

    def _pool(self, maps):
        """(B, T, D) -> (B, spans, D // 3)."""
        if is_traceable():  # with channels, and without the adaptive pooling, which ONNX lacks
            if not self.adaptive:
                return functional.max_pool2d(maps[:, None], 3)[:, 0]
            return span_maxima(functional.max_pool2d(maps[:, None], (1, 3))[:, 0], self.spans)
        if not self.adaptive:
            return functional.max_pool2d(maps, 3)
        narrow = functional.max_pool2d(maps, (1, 3))
        return functional.adaptive_max_pool2d(narrow, (self.spans, None))

    def _check_frames(self, counts):
        least = 3 * self.spans
        wrong = [count for count in counts if not least <= count <= least + 2]
        if wrong and not self.adaptive:
            raise UserError(
                f"sls: found {wrong[0]} frames, 'pooling: fixed' needs {least} to {least + 2}; "
                "model_conf.frames decides it, and crop.seconds and crop.pad what there is; "
                "'pooling: adaptive' takes any"
            )


def span_maxima(maps: torch.Tensor, spans: int) -> torch.Tensor:
    """(B, T, D) -> (B, spans, D): what `adaptive_max_pool2d` gives, by a mask of each span."""
    count, number = maps.shape[1], torch.arange(spans, device=maps.device)[:, None]
    at = torch.arange(count, device=maps.device)[None]
    first, end = number * count // spans, ((number + 1) * count + spans - 1) // spans
    inside = ((at >= first) & (at < end))[None, :, :, None]
    return maps[:, None].masked_fill(~inside, float("-inf")).amax(2)
