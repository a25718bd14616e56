"""The waveform convolutions of wav2vec 2.0, HuBERT and WavLM as plain matrix products, on a CPU.

s3prl keeps (B, C, T) between its seven convolutions and transposes to (B, T, C) and back for each
layer norm; on a CPU these copies and the memory they touch take a third of the time of a small
model. With the channels last, a convolution of kernel k and stride s is a product of overlapping
rows of memory, without any copy; the norm and the activation follow while the rows are in cache.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..torch_utils.onednn import product

ROWS = 1024  # frames at once: 2 MiB of 512 channels, which a core's own cache holds


def use_matrix_products(upstream: nn.Module) -> bool:
    """Let the frozen s3prl transformer `upstream` compute its convolutions so; same to rounding.

    Returns whether it does: not where a block is of a form that is not known here.
    """
    extractor = upstream.model.feature_extractor
    blocks = list(extractor.conv_layers)
    first = [] if _norm_of(blocks[0]) is not False else blocks[:1]  # a group norm sees all frames
    rest = blocks[len(first) :]
    if any(_norm_of(block) is False for block in rest):
        return False
    steps = [_Rows(block) for block in rest]

    def forward(waves):  # (B, S) -> (B, C, T)
        rows = first[0](waves[:, None]).transpose(1, 2) if first else waves[..., None]
        outputs = []
        for item in rows:
            item = item.contiguous()
            for step in steps:
                item = step(item)
            outputs.append(item)
        return torch.stack(outputs).transpose(1, 2)

    extractor.forward = forward
    return True


def _norm_of(block):
    """The layer norm of a block of the convolutions, None without a norm, False for another."""
    kinds = [type(module) for module in block]
    if kinds[:1] == [nn.Conv1d] and kinds[-1] is nn.GELU and block[0].groups == 1:
        if kinds[1:-1] == [nn.Dropout]:
            return None
        if kinds[1:-1] == [nn.Dropout, nn.Sequential] and isinstance(block[2][1], nn.LayerNorm):
            return block[2][1]
    return False


class _Rows:
    """One block: (T, C) -> (T', C'), of convolution, norm (or none) and GELU."""

    def __init__(self, block):
        convolution = block[0]
        self.norm, self.bias = _norm_of(block), convolution.bias
        (self.kernel,), (self.stride,) = convolution.kernel_size, convolution.stride
        weight = convolution.weight.detach().permute(2, 1, 0)  # (K, C, C')
        # A matrix product needs rows that do not overlap: taps in groups of at most one stride.
        groups = range(0, self.kernel, self.stride)
        self.taps = [
            (at, weight[at : at + self.stride].flatten(0, 1).t().contiguous()) for at in groups
        ]

    def __call__(self, x):
        channels, start = x.shape[1], x.storage_offset()
        frames = (len(x) - self.kernel) // self.stride + 1
        out = x.new_empty(frames, len(self.taps[0][1]))
        for begin in range(0, frames, ROWS):
            chunk = None
            for tap, weight in self.taps:
                rows = x.as_strided(
                    (min(ROWS, frames - begin), weight.shape[1]),
                    (self.stride * channels, 1),
                    start + (begin * self.stride + tap) * channels,
                )
                part = product(rows, weight, self.bias if chunk is None else None)
                chunk = part if chunk is None else chunk.add_(part)
            out[begin : begin + ROWS] = F.gelu(chunk if self.norm is None else self.norm(chunk))
        return out
