"""The selective scan of Mamba (Gu and Dao, arXiv 2312.00752), in plain PyTorch.

    h_t = exp(s_t A) h_{t-1} + (s_t x_t) b_t    h_t (d, N), h_{-1} = 0
    y_t = h_t c_t                               (d,)

Frames are stepped one after another, in chunks that stay in the cache; within a chunk only
h_t = a_t h_{t-1} + v_t is a step of its own. Backward is the same recurrence from the last frame to
the first, written by hand, and holds the h of all frames. Nothing is divided by a product of
decays, which underflows. Valid frames stand first, so what is beyond them changes none of theirs.

`doubling_scan` is the same in operations that PyTorch can differentiate twice, and trace: log2 T
passes over the pairs (a, v). Where the package mamba-ssm is installed and gives the same
numbers and gradients on a device, `selective_scan` calls it there.
"""

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from ..torch_utils.autocast import full_precision
from ..torch_utils.plain import is_plain
from ..torch_utils.tracing import is_traceable

CHUNK = 16  # frames whose decays are computed at once
TRACED = 16  # passes in a trace, which holds for any length below 2 ** 16 frames
CLOSE = 1e-4  # how far the numbers of another implementation may be, of the largest
TRIED = 100  # frames on which it is tried: several chunks, and more than it has in one block


@full_precision
def selective_scan(
    x: torch.Tensor, step: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """x, step (B, T, d), a (d, N) < 0, b, c (B, T, N) -> y (B, T, d)."""
    if is_plain() or is_traceable():
        return doubling_scan(x, step, a, b, c)
    fused = fused_scan(x.device)
    if fused is not None and x.dtype == torch.float32:
        return fused(x, step, a, b, c)
    return Scan.apply(x, step, a, b, c)


def doubling_scan(
    x: torch.Tensor, step: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor
) -> torch.Tensor:
    """What `Scan` computes: pass k joins each frame with the one 2 ** k before it."""
    decay = (step[..., None] * a).exp()  # (B, T, d, N)
    state = (step * x)[..., None] * b[:, :, None]
    at = torch.arange(x.shape[1], device=x.device)
    passes = TRACED if is_traceable() else max(x.shape[1] - 1, 0).bit_length()
    for number in range(passes):
        before = at - 2**number
        index, inside = before.clamp(min=0), (before >= 0)[:, None, None]
        state = state + torch.where(inside, decay * state[:, index], 0.0)
        decay = torch.where(inside, decay * decay[:, index], decay)
    return (state * c[:, :, None]).sum(3)


class Scan(torch.autograd.Function):
    """(B, T, d) twice, (d, N), (B, T, N) twice -> (B, T, d). Within, time is the first axis."""

    @staticmethod
    def forward(ctx: Any, *given: torch.Tensor) -> torch.Tensor:
        x, step, a, b, c = _time_first(given)
        states = x.new_empty(*x.shape, a.shape[1])  # (T, B, d, N)
        y, last = torch.empty_like(x), x.new_zeros(*x.shape[1:], a.shape[1])
        for piece in _chunks(len(x)):
            decay = _decay(step[piece], a)
            own = torch.mul((step[piece] * x[piece])[..., None], b[piece, :, None])
            frames = (decay.unbind(), own.unbind(), states[piece].unbind())
            for now, v, out in zip(*frames, strict=True):
                last = torch.addcmul(v, now, last, out=out)
            y[piece] = (states[piece] @ c[piece, ..., None])[..., 0]
        ctx.save_for_backward(x, step, a, b, c, states)
        return y.transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x, step, a, b, c, states = ctx.saved_tensors
        grad = grad.transpose(0, 1).contiguous()
        to_x, to_step, to_a = torch.empty_like(x), torch.empty_like(x), torch.zeros_like(a)
        to_b, to_c = torch.empty_like(b), torch.empty_like(c)
        later = torch.zeros_like(states[0])  # what the frame behind gives back to its h_{t-1}
        for piece in reversed(_chunks(len(x))):
            own, decay = states[piece], _decay(step[piece], a)
            to_state = torch.mul(grad[piece, ..., None], c[piece, :, None])
            for now, out in zip(reversed(decay.unbind()), reversed(to_state.unbind()), strict=True):
                later = torch.mul(out.add_(later), now)
            to_c[piece] = (grad[piece, :, None] @ own)[:, :, 0]
            to_b[piece] = ((step[piece] * x[piece])[:, :, None] @ to_state)[:, :, 0]
            to_input = (to_state @ b[piece, ..., None])[..., 0]
            before = states[piece.start - 1 : piece.stop - 1] if piece.start else _shifted(own)
            to_power = decay.mul_(to_state).mul_(before)  # to s A
            to_step[piece] = torch.einsum("tbdn,dn->tbd", to_power, a).addcmul_(to_input, x[piece])
            to_x[piece] = to_input * step[piece]
            to_a += torch.einsum("tbdn,tbd->dn", to_power, step[piece])
        firsts = (tensor.transpose(0, 1) for tensor in (to_x, to_step, to_b, to_c))
        to_x, to_step, to_b, to_c = firsts
        return to_x, to_step, to_a, to_b, to_c


def _time_first(given):
    x, step, a, b, c = given
    x, step, b, c = (tensor.transpose(0, 1).contiguous() for tensor in (x, step, b, c))
    return x, step, a.contiguous(), b, c


def _chunks(frames):
    return [slice(start, min(start + CHUNK, frames)) for start in range(0, frames, CHUNK)]


def _decay(step, a):
    return torch.mul(step[..., None], a).exp_()


def _shifted(states):
    """The states one frame before those of the first chunk."""
    return torch.cat([torch.zeros_like(states[:1]), states[:-1]])


@functools.cache
def fused_scan(device: torch.device) -> Callable[..., torch.Tensor] | None:
    """`Scan` of the package mamba-ssm, or None where it is missing or gives other numbers.

    The output and the five gradients are compared, of sounds that are longer than a chunk.
    """
    if importlib.util.find_spec("mamba_ssm") is None:
        return None
    try:
        scan = importlib.import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
        with torch.inference_mode(False), torch.enable_grad():
            wanted = _tried(Scan.apply, device)
            found = _tried(functools.partial(_by_channel, scan), device)
    except Exception:  # whatever a package of another machine or version raises
        return None
    equal = all(map(_near, found, wanted))
    return functools.partial(_by_channel, scan) if equal else None


def _tried(scan, device):
    """[y, and the gradients of a function of it], of numbers that are always the same."""
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(2, TRIED, width, generator=generator) for width in (4, 4, 3, 3)]
    x, step, b, c = (tensor.to(device) for tensor in given)
    a = -torch.rand(4, 3, generator=generator).to(device)
    leaves = [tensor.detach().requires_grad_() for tensor in (x, step.abs(), a, b, c)]
    y = scan(*leaves)
    return [y, *torch.autograd.grad(y.square().sum(), leaves)]


def _near(found, wanted):
    if found.shape != wanted.shape:
        return False
    return bool((found - wanted).abs().max() <= CLOSE * wanted.abs().max().clamp(min=1))


def _by_channel(scan, x, step, a, b, c):
    """Its tensors have time as their last axis."""
    x, step, b, c = (tensor.transpose(1, 2).contiguous() for tensor in (x, step, b, c))
    return scan(x, step, a, b, c).transpose(1, 2)
