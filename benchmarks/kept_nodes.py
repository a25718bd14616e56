#!/usr/bin/env python3
"""Which nodes do AASIST's pools keep: those that the learned scorer chooses, or the largest?

For each pool of trained experiments with the learned scorer: the share of the nodes it keeps that
the magnitude scorer would have kept of the same nodes, over bona fide trials and the spoofs of two
trial lists, mean and sd over experiments. By chance it would be the share of nodes that is kept.
In a recipe's folder: ../../benchmarks/kept_nodes.py exp/ssl_aasist_seed{1,2,3}
"""

import argparse

import numpy as np
import torch

from antispoof.data.data_dir import read_trials
from antispoof.data.tables import read_table
from antispoof.errors import UserError, one_line_errors
from antispoof.layers.graph import GraphPool
from antispoof.scoring.batches import batches
from antispoof.scoring.build import build_system
from antispoof.scoring.inputs import open_inputs
from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.training.experiment import read_experiment


def overlaps(exp_dir, data_dir, dump):
    """{pool: (nodes, kept, (N,) overlap of each utterance)}, and the utterances in order."""
    config = read_experiment(exp_dir)
    inputs = open_inputs(config, data_dir, dump)
    model = build_system(config).eval()
    model.load_state_dict(load_checkpoint(f"{exp_dir}/best.pt")["model"])
    found = {}

    def watch(name):
        def hook(pool, args, _):
            (nodes,) = args
            largest = nodes.square().sum(2).topk(pool.kept.shape[1], 1).indices
            both = (pool.kept[:, :, None] == largest[:, None]).any(2).float().mean(1)
            counts = (nodes.shape[1], pool.kept.shape[1])
            found.setdefault(name, (*counts, []))[2].append(both.numpy())

        return hook

    for name, module in model.named_modules():
        if isinstance(module, GraphPool):
            if module.scorer is None:
                raise UserError(f"{exp_dir}: its scorer is magnitude; wanted learned")
            module.register_forward_hook(watch(name))
    if config["crop"]["test"] == "full":
        raise UserError(f"{exp_dir}: 'crop.test: full' gives graphs of many sizes; wanted centre")
    with torch.inference_mode():
        for x, lengths, _ in batches(inputs, range(len(inputs)), config["batch_size"]):
            model(x, lengths)
    return {name: (n, k, np.concatenate(each)) for name, (n, k, each) in found.items()}, inputs.utts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data/eval")
    parser.add_argument("--dump", default="dump")
    parser.add_argument("--trials", nargs="*", default=["known", "unknown"])
    parser.add_argument("experiments", nargs="+")
    args = parser.parse_args()
    labels = read_table(f"{args.data}/utt2label")
    lists = {name: set(read_trials(args.data, name)) for name in args.trials}
    shares = {}
    for exp_dir in args.experiments:
        pools, utts = overlaps(exp_dir, args.data, args.dump)
        spoof = np.array([labels[utt] == "spoof" for utt in utts])
        groups = {"bona fide": ~spoof}
        for name, chosen in lists.items():
            groups[f"spoof, {name}"] = spoof & np.array([utt in chosen for utt in utts])
        for pool, (nodes, kept, each) in pools.items():
            row = shares.setdefault((pool, nodes, kept), {name: [] for name in groups})
            for name, chosen in groups.items():
                row[name].append(100 * each[chosen].mean())
    print(f"overlap, %, mean ± sd over {len(args.experiments)} experiments")
    print("| pool | nodes | kept | by chance |", " | ".join(groups), "|")
    print("| :-- |" + " --: |" * (3 + len(groups)))
    for (pool, nodes, kept), row in shares.items():
        cells = [f"{np.mean(v):.1f} ± {np.std(v, ddof=len(v) > 1):.1f}" for v in row.values()]
        print(f"| {pool} | {nodes} | {kept} | {100 * kept / nodes:.1f} |", " | ".join(cells), "|")


if __name__ == "__main__":
    with one_line_errors("benchmarks/kept_nodes.py"):
        main()
