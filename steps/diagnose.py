#!/usr/bin/env python3
"""Measure the surroundings of a trained model: curvature, gradients, weights, features."""

import argparse

from antispoof.errors import one_line_errors
from antispoof.options import add_feats_option, dump_of

EXAMPLE = """
example:
  steps/diagnose.py --train data/train exp/x_seed1 data/dev exp/x_seed1/diagnostics.json

Of 50 clips of each class: the trace of the Hessian (30 vectors of signs a clip), the gap of the
loss to training data, the signal-to-noise ratio of gradients, the norm of the weights, the
Davies-Bouldin index, calibration, and how linear the loss is around the clips. docs/diagnostics.md
says what each can tell. A picture is written next to OUT.json.
"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_feats_option(parser)
    parser.add_argument(
        "--train", metavar="DATA_DIR", help="training data, for the gap of the loss"
    )
    parser.add_argument("--clips", type=int, default=50, help="of each class")
    parser.add_argument("--draws", type=int, default=30, help="vectors of signs for each clip")
    parser.add_argument("--seed", type=int, default=0, help="of clips and signs")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("exp_dir", metavar="EXP")
    parser.add_argument("data_dir", metavar="DATA_DIR")
    parser.add_argument("out", metavar="OUT.json")
    args = parser.parse_args(argv)
    for name in ("clips", "draws"):
        if getattr(args, name) < 2:
            parser.error(f"--{name} {getattr(args, name)}: wanted 2 or more")
    return args


def main():
    args = parse()
    from antispoof.config.recorded import read_experiment
    from antispoof.config.sources import require_detector
    from antispoof.data.json_files import write_json
    from antispoof.diagnostics.diagnose import diagnose
    from antispoof.files import atomic_open, sha256_file
    from antispoof.scoring.build import build_system
    from antispoof.torch_utils.checkpoint import load_weights
    from antispoof.torch_utils.device import choose_device

    config, device = read_experiment(args.exp_dir), choose_device(args.device)
    require_detector(config, args.exp_dir)
    model = build_system(config).to(device).eval()
    load_weights(model, f"{args.exp_dir}/best.pt", device)
    clips = open_clips(args, config, model, args.data_dir, device)
    before = open_clips(args, config, model, args.train, device) if args.train else None
    found = diagnose(clips, args.draws, args.seed, before)
    record = {"exp": args.exp_dir, "set": args.data_dir, "seed": args.seed}
    record |= {"model": sha256_file(f"{args.exp_dir}/best.pt"), **found}
    write_json(args.out, record)
    from antispoof.report.diagnostics import picture

    with atomic_open(args.out.removesuffix(".json") + ".png", "wb") as stream:
        picture(record, stream)
    tell(record)


def open_clips(args, config, model, data_dir, device):
    from antispoof.diagnostics.diagnose import choose, clips_of, labels_of
    from antispoof.scoring.inputs import open_inputs

    labels = labels_of(data_dir)
    inputs = open_inputs(config, data_dir, dump_of(args, config))
    chosen = choose(labels, args.clips, args.seed)
    return clips_of(model, inputs, labels, chosen, device)


def tell(record):
    hessian = record["hessian"]
    sure = abs(hessian["mean"]) > 2 * hessian["error"]
    print(f"{'trace of the Hessian':<24}{hessian['mean']:12.4g} ± {hessian['error']:.2g}")
    print(f"{'  over parameters':<24}{hessian['per_parameter']:12.4g}")
    if not sure:
        print("  within its error of 0: these clips do not tell its sign")
    names = ("loss", "loss_gap", "gradient_snr", "weight_norm", "davies_bouldin", "ece")
    for name in (*names, "nonlinearity"):
        if record[name] is not None:
            print(f"{name:<24}{record[name]:12.4g}")


if __name__ == "__main__":
    with one_line_errors("steps/diagnose.py"):
        main()
