"""Modules of s3prl's upstreams, and small files of large models.

Each tensor of such a file is a view of a few numbers, so that it stays small; its rows differ.
"""

import importlib

import torch


def part(name):
    """The module `name` of s3prl.upstream."""
    from antispoof.ssl.s3prl import find_upstream, import_timm

    find_upstream("fbank")  # s3prl cannot be imported before its stand-ins
    if name.split(".")[0] in ("ssast", "ast"):
        import_timm()
    return importlib.import_module(f"s3prl.upstream.{name}")


def thin(state, seed=0):
    """`state` with each tensor as a view of a few random numbers: storage of a row and a column."""
    generator = torch.Generator().manual_seed(seed)
    thinned = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point() or tensor.ndim == 0:
            thinned[name] = tensor
            continue
        base = 0.1 * torch.randn(sum(tensor.shape), generator=generator)
        base = base.abs() + 0.5 if name.endswith("running_var") else base
        thinned[name] = base.as_strided(tensor.shape, (1,) * tensor.ndim)
    return thinned


def empty(make):
    """The state dict of `make()` without its numbers, which cost seconds to draw."""
    with torch.device("meta"):
        return {
            n: torch.empty(t.shape, dtype=t.dtype, device="cpu")
            for n, t in make().state_dict().items()
        }
