"""The trace of the Hessian of the loss in the parameters, by Hutchinson's estimator.

E[v' H v] = tr H for a vector v of independent signs. The loss is the cross-entropy of one input
in eval mode; of two classes, log(1 + e^-t), t being how far the score is on its side. A kink
(ReLU, a maximum) has no curvature here: the trace is of the smooth pieces. It grows when weights
shrink before a layer that norms them, so that traces of unlike models do not compare.

Source: Hutchinson (1989), doi:10.1080/03610918908812806.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

Loss = Callable[[], torch.Tensor]  # of one input: a scalar with a graph to the parameters
AT_ONCE = 8  # vectors in one backward pass


@dataclass(frozen=True)
class Trace:
    """Of N inputs: `by_input` (N,), each the mean of `draws` vectors, and how sure that is."""

    by_input: np.ndarray
    draws: int
    parameters: int

    @property
    def mean(self) -> float:
        return float(self.by_input.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean, of inputs and vectors together."""
        return float(self.by_input.std(ddof=1) / np.sqrt(len(self.by_input)))

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
            "draws": self.draws,
            "parameters": self.parameters,
        }


@contextlib.contextmanager
def twice_differentiable() -> Iterator[None]:
    """Kernels whose backward pass has one of its own: plain attention."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


def trace(
    losses: Iterable[Loss], parameters: Sequence[torch.Tensor], draws: int = 30, seed: int = 0
) -> Trace:
    """The trace for each of `losses`, by `draws` vectors of signs, which all inputs share."""
    kept = [p for p in parameters if p.requires_grad]
    generator = torch.Generator().manual_seed(seed)
    signs = [[_signs(p, generator) for p in kept] for _ in range(draws)]
    found = []
    with twice_differentiable():
        for loss in losses:
            found.append(np.mean(_products(loss(), kept, signs)))
    return Trace(np.array(found), draws, sum(p.numel() for p in kept))


def _signs(parameter, generator):
    drawn = torch.randint(0, 2, parameter.shape, generator=generator)
    return (2 * drawn - 1).to(parameter)


def _products(loss, parameters, signs):
    """[v' H v of each vector] of one loss."""
    first = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
    used = [n for n, part in enumerate(first) if part is not None and part.requires_grad]
    if not used:
        return [0.0] * len(signs)
    own, gradients = [parameters[n] for n in used], [first[n] for n in used]
    found = []
    for start in range(0, len(signs), AT_ONCE):
        some = [[vector[n] for n in used] for vector in signs[start : start + AT_ONCE]]
        for vector, product in zip(some, _backward(gradients, own, some), strict=True):
            found.append(sum(_dot(v, h) for v, h in zip(vector, product, strict=True)))
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
