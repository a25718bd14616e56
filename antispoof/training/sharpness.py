"""Sharpness-aware steps: the gradient is taken at the worst place near the weights.

    SAM   w + rho g / ||g||                  P. Foret et al., ICLR 2021
    ASAM  w + rho w^2 g / || |w| g ||        J. Kwon et al., ICML 2021, without its eta

g is the gradient at w, the norm that of all parameters that learn. The step is made from w with the
gradient found there, so that a batch is computed twice. The statistics of batch norms come from the
first pass alone.
"""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def uphill(model: torch.nn.Module, rho: float, adaptive: bool) -> Iterator[None]:
    """The model with its weights moved uphill by their gradients, which are then forgotten.

    At the end the weights and the buffers are what they were, bit for bit.
    """
    own = [(p, p.grad) for p in model.parameters() if p.grad is not None]
    kept = [(t, t.detach().clone()) for t in (*(p for p, _ in own), *model.buffers())]
    with torch.no_grad():
        sizes = [g * p.abs() if adaptive else g for p, g in own]
        norm = torch.stack([size.norm() for size in sizes]).norm() + 1e-12
        for parameter, gradient in own:
            step = gradient * parameter.square() if adaptive else gradient
            parameter.add_(step * (rho / norm))
    model.zero_grad(set_to_none=True)
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in kept:
                tensor.copy_(value)
