#!/usr/bin/env python3
"""Set the diagnostics of experiments against what they came to on a set: rank correlations."""

import argparse
import math
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/relate_diagnostics.py --results eval_unknown exp/*_seed? exp/diagnostics_of_all.json

Each EXP holds diagnostics.json (steps/diagnose.py) and <results>/result.json. Spearman's rho with
an interval; experiments of one design are not independent, which makes the interval too short.
"""
NAMES = ("hessian", "loss_gap", "gradient_snr", "weight_norm", "davies_bouldin", "ece")


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--results", default="eval_unknown", help="the folder of each EXP that has them"
    )
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals")
    parser.add_argument("exps", nargs="+", type=Path, metavar="EXP")
    parser.add_argument("out", metavar="OUT.json")
    return parser.parse_args(argv)


def main():
    args = parse()
    from antispoof.data.json_files import write_json
    from antispoof.diagnostics.relate import rank_correlation, sentence

    rows = [read(exp, args.results) for exp in args.exps]
    rates = [row["eer"] for row in rows]
    record = {"set": args.results, "level": args.level, "experiments": rows, "correlations": {}}
    for name in (*NAMES, "nonlinearity"):
        pairs = [
            (row[name], eer) for row, eer in zip(rows, rates, strict=True) if row[name] is not None
        ]
        try:
            rho, interval = rank_correlation(*zip(*pairs, strict=True), args.level)
        except (ValueError, TypeError):
            raise UserError(
                f"{name}: found {len(pairs)} experiments that have it, wanted 5 or more"
            ) from None
        text = sentence(name, f"the EER on {args.results}", rho, interval)
        record["correlations"][name] = {
            "rho": None if math.isnan(rho) else rho,
            "interval": interval,
            "count": len(pairs),
        }
        print(text)
    write_json(args.out, record)


def read(exp, name):
    """{diagnostic: number} of an experiment, with its EER."""
    from antispoof.data.json_files import number, read_json
    from antispoof.evaluation.layout import result_path

    shape = {"hessian": {"mean": number}, "loss_gap": (number, None), "nonlinearity": number}
    found = read_json(
        exp / "diagnostics.json",
        shape,
        missing=f"run steps/diagnose.py on {exp}",
        wrong="make it again",
    )
    result = read_json(
        result_path(exp, name), {"pooled": {"eer": number}}, missing="evaluate it (stage 6)"
    )
    values = {key: found[key] for key in (*NAMES, "nonlinearity")}
    return {
        **values,
        "hessian": found["hessian"]["mean"],
        "exp": str(exp),
        "eer": result["pooled"]["eer"],
    }


if __name__ == "__main__":
    with one_line_errors("steps/relate_diagnostics.py"):
        main()
