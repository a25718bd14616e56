#!/usr/bin/env python3
"""How fast is the selective scan of one Mamba layer of 144 numbers, against other plain schemes?

Forward and backward, float32, the fastest of --rounds, all schemes in turn; seconds. `loop` steps
frame by frame under autograd, `doubling` takes log2 T passes, `chunks` steps chunks of 16 frames
next to each other and then their ends; `stepped` is what the models use. Prints a table in
Markdown, with the largest difference of the output from a loop in float64.
"""

import argparse
import time

import torch

from antispoof.layers.selective_scan import Scan, doubling_scan

INNER, STATES, CHUNK = 288, 16, 16
SIZES = ((1, 201), (8, 201), (2, 1000))  # batch, frames


def loop(x, step, a, b, c):
    held, found = 0, []
    for t in range(x.shape[1]):
        held = (step[:, t, :, None] * a).exp() * held + (step * x)[:, t, :, None] * b[:, t, None]
        found.append((held * c[:, t, None]).sum(2))
    return torch.stack(found, 1)


def chunks(x, step, a, b, c):
    """Within each chunk from 0, all chunks at once; then each chunk's end reaches into the next."""
    frames = x.shape[1]
    pad = -frames % CHUNK
    x, step, b, c = (
        torch.nn.functional.pad(tensor, (0, 0, 0, pad)).unflatten(1, (-1, CHUNK))
        for tensor in (x, step, b, c)
    )
    decay = (step[..., None] * a).exp()  # (B, chunks, CHUNK, d, N)
    own = (step * x)[..., None] * b[:, :, :, None]
    held, whole = [own[:, :, 0]], [decay[:, :, 0]]
    for t in range(1, CHUNK):
        held.append(decay[:, :, t] * held[-1] + own[:, :, t])
        whole.append(decay[:, :, t] * whole[-1])
    held, whole = torch.stack(held, 2), torch.stack(whole, 2)
    ends = [torch.zeros_like(held[:, 0, 0])]
    for number in range(held.shape[1] - 1):
        ends.append(held[:, number, -1] + whole[:, number, -1] * ends[-1])
    states = held + whole * torch.stack(ends, 1)[:, :, None]
    return (states * c[:, :, :, None]).sum(4).flatten(1, 2)[:, :frames]


SCHEMES = {"loop": loop, "doubling": doubling_scan, "chunks": chunks, "stepped": Scan.apply}


def given(batch, frames, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    widths = (INNER, INNER, STATES, STATES)
    x, step, b, c = (torch.randn(batch, frames, n, generator=generator) for n in widths)
    a = -torch.arange(1.0, STATES + 1).repeat(INNER, 1)
    step = torch.nn.functional.softplus(step - 3)
    return [tensor.to(dtype).requires_grad_() for tensor in (x, step, a, b, c)]


def seconds(scheme, tensors):
    started = time.perf_counter()
    scheme(*tensors).sum().backward()
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    times = {name: [] for name in SCHEMES}
    for size in SIZES:
        tensors, found = given(*size), {name: [] for name in SCHEMES}
        for _ in range(args.rounds):
            for name, scheme in SCHEMES.items():
                found[name].append(seconds(scheme, tensors))
        for name in SCHEMES:
            times[name].append(min(found[name]))
    exact, narrow = loop(*given(2, 201, torch.float64)), given(2, 201)
    heads = [f"batch {batch}, {frames} frames" for batch, frames in SIZES]
    print(f"| scheme | {' | '.join(heads)} | difference |", "|---" * 5 + "|", sep="\n")
    for name, scheme in SCHEMES.items():
        with torch.no_grad():
            off = float((scheme(*narrow).double() - exact).abs().max() / exact.abs().max())
        print(f"| {name} | {' | '.join(f'{t:.3f}' for t in times[name])} | {off:.0e} |")


if __name__ == "__main__":
    main()
