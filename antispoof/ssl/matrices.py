"""The six weight matrices of a transformer layer under one set of names, and attention by them.

s3prl's models hand the weights of their attention to one function of PyTorch as they are, and so
does our own `encoder.Attention`: a module put in the place of `q_proj` is never called. What
changes a matrix therefore takes the place of the attention's `forward`, which is written here for
all families; it computes the same.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import UserError
from .encoder import Attention

MATRICES = ("q", "k", "v", "o", "fc1", "fc2")
OURS = {"fc1": "linear1", "fc2": "linear2"}  # of Whisper and Distill-MOS


class Matrix(NamedTuple):
    """Where a matrix and its bias are: rows of two parameters of a module."""

    module: nn.Module
    weight: str = "weight"
    bias: str = "bias"
    rows: slice = slice(None)

    def read(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(weight (out, in), bias (out,) or None), as they are now."""
        weight, bias = getattr(self.module, self.weight), getattr(self.module, self.bias)
        if self.rows == slice(None):
            return weight, bias
        return weight[self.rows], bias[self.rows]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, *self.read())


def matrices_of(layer: Any) -> dict[str, Matrix]:
    """{name of MATRICES: matrix} of a layer. Raises UserError for one that is built otherwise."""
    attention = layer.self_attn
    if isinstance(attention, Attention):
        width = attention.in_proj_weight.shape[1]
        names = ("in_proj_weight", "in_proj_bias")
        found = {
            name: Matrix(attention, *names, slice(n * width, (n + 1) * width))
            for n, name in enumerate("qkv")
        }
        found["o"] = Matrix(attention.out_proj)
        return found | {name: Matrix(getattr(layer, own)) for name, own in OURS.items()}
    modules = {name: getattr(attention, f"{name}_proj", None) for name in "qkv"}
    modules |= {"o": getattr(attention, "out_proj", None)}
    modules |= {name: getattr(layer, name, None) for name in ("fc1", "fc2")}
    for name, module in modules.items():
        if not isinstance(module, nn.Linear):
            raise UserError(
                f"finetune.method: found {type(layer).__name__} whose matrix {name} is "
                f"{type(module).__name__}, wanted Linear; use 'method: full'"
            )
    return {name: Matrix(module) for name, module in modules.items()}


Calls = Mapping[str, Callable[[torch.Tensor], torch.Tensor]]


def read_attention(attention: Any, calls: Calls) -> Callable[..., Any]:
    """A `forward` for the attention of a layer that takes its four products from `calls`."""
    if isinstance(attention, Attention):
        return lambda x, seen: _of_ours(attention, calls, x, seen)
    return lambda query, key=None, value=None, **options: _of_s3prl(
        attention, calls, query, **options
    )


def _of_ours(attention, calls, x, seen):
    """x (B, T, D), seen (B, 1, 1, T) or None -> (B, T, D)."""
    q, k, v = (calls[n](x).unflatten(-1, (attention.heads, -1)).transpose(1, 2) for n in "qkv")
    x = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    return calls["o"](x.transpose(1, 2).flatten(2))


def _of_s3prl(attention, calls, x, key_padding_mask=None, position_bias=None, **_):
    """x (T, B, D), mask (B, T) where True is padding -> (x, None), of WavLM (x, None, bias)."""
    time, batch, width = x.shape
    heads = attention.num_heads
    wavlm = hasattr(attention, "gru_rel_pos")
    if wavlm and position_bias is None and attention.has_relative_attention_bias:
        position_bias = attention.compute_bias(time, time).repeat(batch, 1, 1)
    mask = None
    if position_bias is not None:
        mask = _gated(attention, x, position_bias).view(batch, heads, time, time)
    if key_padding_mask is not None:
        beyond = x.new_zeros(batch, 1, 1, time)
        beyond = beyond.masked_fill(key_padding_mask[:, None, None].bool(), -torch.inf)
        mask = beyond if mask is None else mask + beyond
    q, k, v = (_split(calls[n](x), heads) for n in "qkv")
    drop = attention.dropout_module.p if attention.training else 0.0
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=drop)
    y = calls["o"](y.permute(2, 0, 1, 3).reshape(time, batch, width))
    return (y, None, position_bias) if wavlm else (y, None)


def _split(x, heads):
    """(T, B, D) -> (B, H, T, D / H)."""
    return x.unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)


def _gated(attention, x, bias):
    """WavLM's bias (B H, T, T), each row scaled by a gate that reads the frame x (T, B, D)."""
    if not attention.gru_rel_pos:
        return bias
    frames = x.transpose(0, 1).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
    gates = attention.grep_linear(frames).unflatten(-1, (2, 4)).sum(-1).sigmoid()
    first, second = gates.chunk(2, dim=-1)  # (B, H, T, 1) each
    scale = first * (second * attention.grep_a - 1.0) + 2.0
    return scale.flatten(0, 1) * bias
