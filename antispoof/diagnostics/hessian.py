"""The trace of the Hessian of the loss in the parameters, by Hutchinson's estimator.

E[v' H v] = tr H for a vector v of independent signs. The loss is the cross-entropy of one input
in eval mode; of two classes, log(1 + e^-t), t being how far the score is on its side. A kink
(ReLU, a maximum) has no curvature here: the trace is of the smooth pieces. It grows when weights
shrink before a layer that norms them, so that traces of unlike models do not compare. Where each
tensor's part of the trace is multiplied by the mean square of its weights, that scale is gone: half
of the sum, times e², is what the loss is expected to rise by where each weight moves at random by e
times the root mean square of its tensor.

Sources: Hutchinson (1989), doi:10.1080/03610918908812806; relative flatness: Petzka et al. (2021),
arXiv 2001.00939.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..torch_utils.plain import plain_formulas

Loss = Callable[[], torch.Tensor]  # of one input: a scalar with a graph to the parameters
AT_ONCE = 8  # vectors in one backward pass


@dataclass(frozen=True)
class Trace:
    """Of N inputs: `by_input` (N,), each the mean over vectors, and how sure that is.

    by_draw (draws,): of each vector, which all inputs share, the mean over inputs.
    relative (N, draws): of each vector, where each tensor's part is multiplied by its mean square.
    """

    by_input: np.ndarray
    by_draw: np.ndarray
    parameters: int
    relative: np.ndarray | None = None

    @property
    def mean(self) -> float:
        return float(self.by_input.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean, of inputs and vectors together."""
        return float(np.hypot(_error(self.by_input), _error(self.by_draw)))

    def relative_summary(self) -> dict[str, float]:
        """Its mean, with the standard error of inputs and of the vectors that they share."""
        if self.relative is None:
            raise ValueError("found no relative trace")
        error = np.hypot(*(_error(self.relative.mean(axis=way)) for way in (0, 1)))
        return {"mean": float(self.relative.mean()), "error": float(error)}

    def summary(self) -> dict[str, float]:
        """What a report shows of it; each in units of the loss (nats)."""
        x = self.by_input
        return {
            "mean": self.mean,
            "error": self.error,
            "sd": float(x.std(ddof=1)),
            "min": float(x.min()),
            "max": float(x.max()),
            "median": float(np.median(x)),
            "per_parameter": self.mean / self.parameters,
            "inputs": len(x),
            "draws": len(self.by_draw),
            "parameters": self.parameters,
        }


def _error(values):
    return float(values.std(ddof=1) / np.sqrt(len(values)))


@contextlib.contextmanager
def twice_differentiable() -> Iterator[None]:
    """What has a backward pass that has one of its own: plain attention, formulas as written."""
    with sdpa_kernel(SDPBackend.MATH), plain_formulas():
        yield


def trace(
    losses: Iterable[Loss], parameters: Sequence[torch.Tensor], draws: int = 30, seed: int = 0
) -> Trace:
    """The trace for each of `losses`, by `draws` vectors of signs, which all inputs share."""
    kept = [p for p in parameters if p.requires_grad]
    generator = torch.Generator().manual_seed(seed)
    signs = [[_signs(p, generator) for p in kept] for _ in range(draws)]
    found, relative = [], []
    squares = [float(p.detach().double().square().mean()) for p in kept]
    with twice_differentiable():
        for loss in losses:
            parts = np.array(_products(loss(), kept, signs))  # (draws, tensors)
            found.append([sum(row) for row in parts.tolist()])
            relative.append(parts @ squares)
    size = sum(p.numel() for p in kept)
    values = np.array(found)  # (N, draws)
    return Trace(np.mean(values, 1), np.mean(values, 0), size, np.array(relative))


def _signs(parameter, generator):
    drawn = torch.randint(0, 2, parameter.shape, generator=generator)
    return (2 * drawn - 1).to(parameter)


def _products(loss, parameters, signs):
    """[v' H v of each vector, by the rows of H of each tensor] of one loss."""
    first = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    used = [n for n, part in enumerate(first) if part is not None and part.requires_grad]
    if not used:
        return [[0.0] * len(parameters) for _ in signs]
    own, gradients = [parameters[n] for n in used], [first[n] for n in used]
    found = []
    for start in range(0, len(signs), AT_ONCE):
        some = [[vector[n] for n in used] for vector in signs[start : start + AT_ONCE]]
        for vector, product in zip(some, _backward(gradients, own, some), strict=True):
            row = [0.0] * len(parameters)
            for n, v, h in zip(used, vector, product, strict=True):
                row[n] = _dot(v, h)
            found.append(row)
    return found


def _backward(gradients, parameters, vectors):
    """[H v] of some vectors: in one pass where every operation can, else one by one."""
    options = {"retain_graph": True, "allow_unused": True}
    try:
        together = [torch.stack(parts) for parts in zip(*vectors, strict=True)]
        found = torch.autograd.grad(
            gradients, parameters, together, is_grads_batched=True, **options
        )
        return [[None if h is None else h[n] for h in found] for n in range(len(vectors))]
    except RuntimeError:
        return [torch.autograd.grad(gradients, parameters, v, **options) for v in vectors]


def _dot(vector, product):
    return 0.0 if product is None else float((vector * product).sum(dtype=torch.float64))
