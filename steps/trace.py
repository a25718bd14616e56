#!/usr/bin/env python3
"""Say of each utterance which source may have made it: logits and embeddings. Reads no label."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import add_feats_option, dump_of

EXAMPLE = """example:
  steps/trace.py exp/sources_seed1 data/eval exp/sources_seed1/eval/traced.npz
for an experiment of a config with `trace: {labels: attack}`; steps/evaluate_tracing.py judges it,
and needs the same of the training set and of dev."""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_feats_option(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("exp_dir", help="with config.yaml and best.pt")
    parser.add_argument("data_dir")
    parser.add_argument("out", type=Path, help="the file of arrays to write")
    return parser.parse_args(argv)


def main():
    args = parse()
    import numpy as np  # late: --help answers at once

    from antispoof.config.recorded import read_experiment
    from antispoof.config.sources import require_tracer
    from antispoof.evaluation.tracing import Traced
    from antispoof.files import sha256_file
    from antispoof.scoring.build import build_system
    from antispoof.scoring.inputs import open_inputs
    from antispoof.scoring.trace import trace
    from antispoof.torch_utils.checkpoint import load_weights
    from antispoof.torch_utils.device import choose_device

    config, device = read_experiment(args.exp_dir), choose_device(args.device)
    require_tracer(config, args.exp_dir)
    model = build_system(config).to(device)
    load_weights(model, f"{args.exp_dir}/best.pt", device)
    inputs = open_inputs(config, args.data_dir, dump_of(args, config))
    logits, embeddings = trace(model, inputs, config["batch_size"], device)
    bad = np.flatnonzero(~np.isfinite(np.hstack([logits, embeddings])).all(axis=1))
    if bad.size:
        raise UserError(f"{args.data_dir}: {inputs.utts[bad[0]]}: its logits are not finite")
    weights = sha256_file(f"{args.exp_dir}/best.pt")
    Traced(args.out, np.array(inputs.utts), logits, embeddings, weights).save()
    print(f"{args.out}: {len(logits)} utterances, {logits.shape[1]} sources")


if __name__ == "__main__":
    with one_line_errors("steps/trace.py"):
        main()
