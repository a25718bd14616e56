#!/usr/bin/env python3
"""Put a system or a fusion into one zip, which detects on a machine without its corpus.

The zip holds weights as safetensors, complete configs, calibration or fusion, the front end where
it is small and may be shared, else where to get it, results with their intervals, the licence, a
model card, and the SHA-256 of every part. Loading it runs no code.
"""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  utils/pack_model.py exp/fusion_seed1 fusion.zip
  steps/detect.py --model fusion.zip call.wav
  utils/pack_model.py exp/fusion_seed1 fusion.zip --upload USER/NAME
  steps/detect.py --model hf://USER/NAME call.wav
"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exp_dir", type=Path, metavar="EXP", help="a system, or a fusion")
    parser.add_argument("out", type=Path, metavar="NAME.zip", help="the pack to write")
    parser.add_argument(
        "--licence", default="apache-2.0", metavar="SPDX", help="of the weights (apache-2.0)"
    )
    parser.add_argument(
        "--licence-file", type=Path, metavar="FILE", help="its text (that of this repository)"
    )
    parser.add_argument(
        "--front-end-licence",
        default="",
        metavar="LICENCE",
        help="of a front end's checkpoint of your own: with MIT, Apache-2.0 or BSD 3-Clause it "
        "goes into the pack",
    )
    parser.add_argument(
        "--provenance",
        type=Path,
        metavar="FILE",
        help="what the training data is (EXP/../../data/PROVENANCE, where it is there)",
    )
    parser.add_argument(
        "--upload", metavar="USER/NAME", help="also put it there, by huggingface_hub and its token"
    )
    parser.add_argument("--private", action="store_true", help="--upload: for you alone")
    return parser.parse_args()


def main():
    args = parse()
    if args.out.suffix != ".zip":
        raise UserError(f"{args.out}: wanted the name of a .zip")
    from antispoof.systems.hub import upload  # late: --help answers at once
    from antispoof.systems.pack import make_pack, read_card

    stated = args.exp_dir.resolve().parents[1] / "data/PROVENANCE"
    provenance = args.provenance or (stated if stated.is_file() else None)
    manifest = make_pack(
        args.exp_dir,
        args.out,
        args.licence,
        args.licence_file,
        args.front_end_licence,
        provenance,
    )
    size = args.out.stat().st_size / 2**20
    print(f"{args.out}: {manifest['name']}, {len(manifest['parts'])} parts, {size:.1f} MiB")
    if args.upload:
        address = upload(args.out, args.upload, read_card(args.out), args.private)
        print(f"{address}: uploaded")


if __name__ == "__main__":
    with one_line_errors("utils/pack_model.py"):
        main()
