"""A switch from hand-written backward passes to the plain formulas that they are faster than.

What is written by hand is differentiable once. Second derivatives, `torch.compile` and
`torch.export` need what PyTorch knows:

    with plain_formulas():
        loss = model(x, lengths).sum()
        (gradient,) = torch.autograd.grad(loss, weight, create_graph=True)

Both forms give the same numbers up to rounding; a test holds them equal.
"""

import contextlib
from collections.abc import Iterator

_plain = False


def is_plain() -> bool:
    """Whether the plain formulas are to be computed."""
    return _plain


@contextlib.contextmanager
def plain_formulas() -> Iterator[None]:
    """While it is on, every model of this process computes the plain formulas."""
    global _plain
    before, _plain = _plain, True
    try:
        yield
    finally:
        _plain = before
