#!/usr/bin/env python3
"""How fast is every back end, and how much faster than its published formulas written out plainly?

One forward pass in evaluation, and one forward and backward pass in training, in float32: the
fastest of --rounds, ours and plain in turn. Memory is the most that activations and gradients take
in the training pass. `difference` is between the logits of both with the same weights in float64.
Features are 201 frames (64,600 samples), waveforms 64,600 samples. On a CPU, times are given in
those of a product of two 1024 x 1024 matrices, done in the same rounds. Prints a table in Markdown.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from antispoof.models import MODELS, build_model
from antispoof.scoring.cost import PeakMemory

sys.path.append(str(Path(__file__).parent))  # PYTHONSAFEPATH leaves it out
from plain_backends import PlainAasist, PlainMHFA, PlainSLS, PlainSslAasist

FRAMES, SAMPLES = 201, 64600
MHFA_CONF = {"layers": 24, "heads": 32, "compression": 128, "embedding": 1024, "dim": 1024}
NARROW = {"widths": (32, 32, 24, 24, 24, 24), "nodes": (24, 32), "ks": (0.4, 0.5, 0.7)}
RANK_1 = {"scorer": "magnitude", "aggregation": "released_mean", "k_infer": 0.1}
# name in the table: model, its conf, layers of 1024 numbers that it reads (0: waveforms), batch
CASES = {
    "ssl_aasist": ("ssl_aasist", {}, 1, 14),
    "spaarsist": ("spaarsist", {}, 1, 14),
    "spaarsist_lite": ("spaarsist_lite", {}, 1, 14),
    "spaarsist rank 1": ("spaarsist", RANK_1, 1, 14),
    "sls": ("sls", {}, 24, 14),
    "mhfa": ("mhfa", MHFA_CONF, 24, 14),
    "ca_mhfa": ("ca_mhfa", {"layers": 24, "dim": 1024}, 24, 14),
    "mean_pool": ("mean_pool", {"layers": 24, "dim": 1024}, 24, 14),
    "nes2net": ("nes2net", {}, 1, 14),
    "nes2net_x": ("nes2net_x", {}, 1, 14),
    "wavlm_cnn": ("wavlm_cnn", {}, 1, 14),
    "wavlm_aasist": ("wavlm_aasist", {}, 1, 2),
    "mel_cnn": ("mel_cnn", {}, 0, 14),
    "mel_multiscale": ("mel_multiscale", {}, 0, 2),
    "mel_vit": ("mel_vit", {}, 0, 2),
    "lfcc_lcnn": ("lfcc_lcnn", {}, 0, 14),
    "rawnet2": ("rawnet2", {}, 0, 2),
    "aasist": ("aasist", {}, 0, 2),
    "aasist_l": ("aasist_l", {}, 0, 2),
    "linear": ("linear", {}, 1, 14),
    "xlsr_conformer": ("xlsr_conformer", {}, 1, 14),
    "xlsr_conformer_tcm": ("xlsr_conformer_tcm", {}, 1, 14),
    "xlsr_mamba": ("xlsr_mamba", {}, 1, 14),
    "fake_mamba": ("fake_mamba", {}, 1, 14),
    "bicross_mamba": ("bicross_mamba", {}, 1, 14),
    "aasist3": ("aasist3", {}, 1, 2),
}
PLAIN = {
    "ssl_aasist": PlainSslAasist,
    "sls": PlainSLS,
    "mhfa": lambda: PlainMHFA(**MHFA_CONF),
    "aasist": PlainAasist,
    "aasist_l": lambda: PlainAasist(**NARROW),
}
HEAD = ("back end", "batch", "forward", "+ backward", "memory", "plain: forward", "+ backward")
HEAD += ("memory", "faster", "+ backward", "difference")


def make_input(model, layers, batch, device):
    """What a model of the case takes: features or waveforms, with their lengths; or both."""
    generator = torch.Generator().manual_seed(0)
    found = []
    if layers:
        x = torch.randn(batch, layers, FRAMES, 1024, generator=generator)
        found += [x.to(device), torch.full((batch,), FRAMES, device=device)]
    if not layers or model.reads == "both":
        x = 0.1 * torch.randn(batch, SAMPLES, generator=generator)
        found += [x.to(device), torch.full((batch,), SAMPLES, device=device)]
    return found


def seconds(function, device):
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def forward(model, inputs):
    with torch.inference_mode():
        model.eval()(*inputs)


def both_ways(model, inputs):
    model.zero_grad(set_to_none=True)
    model.train()(*inputs).square().sum().backward()


def peak_bytes(model, inputs, device):
    """The most that a training pass takes in addition to the parameters and the input."""
    both_ways(model, inputs)
    model.zero_grad(set_to_none=True)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        both_ways(model, inputs)
        return torch.cuda.max_memory_allocated() - before
    with PeakMemory([*model.parameters(), *model.buffers(), *inputs]) as memory:
        both_ways(model, inputs)
    return memory.peak


def measure(models, inputs, rounds, device):
    """For each model: time of a forward pass, of both passes (ms on a GPU, else in products of
    matrices), and peak bytes.
    """
    for model in models:
        forward(model, inputs)
    memory = [peak_bytes(model, inputs, device) for model in models]
    times, unit, matrix = [[[], []] for _ in models], [], torch.ones(1024, 1024)
    for _ in range(rounds):
        unit.append(seconds(lambda: matrix @ matrix, "cpu"))
        for model, (one, two) in zip(models, times, strict=True):
            one.append(seconds(lambda m=model: forward(m, inputs), device))
            two.append(seconds(lambda m=model: both_ways(m, inputs), device))
    unit = 1e-3 if device == "cuda" else min(unit)
    pairs = zip(times, memory, strict=True)
    return [(min(one) / unit, min(two) / unit, peak) for (one, two), peak in pairs]


def difference(model, plain, inputs):
    """Largest difference of the logits in evaluation, in float64, for two utterances."""
    x, lengths = inputs[0][:2].double(), inputs[1][:2]
    with torch.inference_mode():
        return float((model.double().eval()(x, lengths) - plain.double().eval()(x)).abs().max())


def row(name, rounds, device):
    """The cells of a case."""
    kind, conf, layers, batch = CASES[name]
    torch.manual_seed(0)
    model = build_model(kind, **conf).to(device)
    inputs = make_input(model, layers, batch, device)
    models = [model]
    if name in PLAIN:
        models.append(PLAIN[name]().to(device))
        models[1].load_state_dict(model.state_dict())
    found = measure(models, inputs, rounds, device)
    cells = [name, str(batch)]
    for one, two, peak in found:
        cells += [f"{one:.1f}", f"{two:.1f}", f"{peak / 1e6:.0f} MB"]
    if name in PLAIN:
        ours, theirs = found
        models[1].load_state_dict(model.state_dict())  # training has moved the running means
        cells += [f"{theirs[0] / ours[0]:.2f} x", f"{theirs[1] / ours[1]:.2f} x"]
        cells.append(f"{difference(*models, inputs):.0e}")
    return cells + [""] * (len(HEAD) - len(cells))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="on a CPU")
    args = parser.parse_args()
    assert {case[0] for case in CASES.values()} == set(MODELS), "a back end without a case"
    torch.set_num_threads(args.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    named = torch.cuda.get_device_name() if device == "cuda" else f"{args.threads} CPU threads"
    unit = "ms" if device == "cuda" else "products of two 1024 x 1024 matrices"
    print(
        f"{named}, PyTorch {torch.__version__}, float32, fastest of {args.rounds}; times: {unit}\n"
    )
    print(f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}", sep="\n")
    for name in args.only:
        print(f"| {' | '.join(row(name, args.rounds, device))} |", flush=True)


if __name__ == "__main__":
    main()
