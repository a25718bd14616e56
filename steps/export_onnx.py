#!/usr/bin/env python3
"""Write a model of ONNX: of an experiment from the waveform to its score, or of its back end alone.

The inputs are x (B, samples) float32 at 16 kHz, or with --features x (B, layers, frames, numbers),
and lengths (B,) int64: how much of each row is valid. The outputs are score (B,), and llr (B,) in
natural log where there is a calibration; of a fusion, llr alone. Higher = more bona fide.
"""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """example:
  steps/export_onnx.py exp/fusion_seed1 fusion.onnx
  steps/export_onnx.py --features --int8 exp/mhfa_seed1 mhfa.onnx"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--features", action="store_true", help="the back end alone, on features that are cut"
    )
    parser.add_argument(
        "--int8", action="store_true", help="weights of eight bits in products of matrices"
    )
    parser.add_argument("exp_dir", type=Path, metavar="EXP", help="a system or a fusion")
    parser.add_argument("out", type=Path, metavar="OUT.onnx")
    return parser.parse_args()


def main():
    args = parse()
    try:
        import onnxruntime.quantization  # noqa: F401
    except ImportError:
        raise UserError(
            "export: found no packages onnx and onnxruntime, wanted those of "
            "tools/requirements.txt; run pip install antispoof[onnx]"
        ) from None
    from antispoof.export.detector import export_detector  # late: --help answers at once
    from antispoof.files import atomic_open

    model = export_detector(args.exp_dir, args.features, args.int8)
    with atomic_open(args.out, "wb") as stream:
        stream.write(model.SerializeToString())
    reads = ", ".join(f"{value.name}" for value in model.graph.input)
    gives = ", ".join(value.name for value in model.graph.output)
    print(f"{args.out}: {reads} -> {gives}; {model.ByteSize():,} bytes")


if __name__ == "__main__":
    with one_line_errors("steps/export_onnx.py"):
        main()
