#!/usr/bin/env python3
"""Turn a self-supervised speech model into what s3prl's *_local upstreams read, without fairseq.

IN is a fairseq file (wav2vec 2.0, XLS-R, HuBERT, data2vec-audio), WavLM's own file, or a Hugging
Face folder (config.json, preprocessor_config.json, model.safetensors or pytorch_model.bin). Nothing
that IN names is imported or run. OUT.pt holds tensors and plain values only.
"""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """example:
  tools/convert_checkpoint.py downloads/xlsr2_300m.pt checkpoints/xls_r_300m.pt
  tools/convert_checkpoint.py downloads/wavlm-base-plus/ checkpoints/wavlm_base_plus.pt"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="IN", help="a fairseq .pt, or a Hugging Face folder")
    parser.add_argument("out", metavar="OUT.pt")
    parser.add_argument(
        "--dtype",
        choices=("keep", "float32", "float16"),
        default="keep",
        help="of the stored weights; computing is in float32 whatever it is (default: keep)",
    )
    parser.add_argument(
        "--normalize",
        choices=("yes", "no"),
        help="whether the model expects its waveform at mean 0 and variance 1; default: as IN says",
    )
    args = parser.parse_args(argv)
    args.normalize = {None: None, "yes": True, "no": False}[args.normalize]
    return args


def main():
    args = parse()
    if Path(args.out).resolve() == Path(args.source).resolve() or Path(args.out).is_dir():
        raise UserError(f"{args.out}: wanted the name of a new file")
    from antispoof.ssl import convert, save  # late: --help answers at once

    checkpoint, notes = convert(args.source, args.dtype, args.normalize)
    summary = save(checkpoint, args.out)
    for note in notes:
        print(note)
    print(f"family: {summary.family}")
    print(f"parameters: {summary.parameters:,} in {' and '.join(summary.dtypes)}", end="")
    print("" if summary.dtypes == ("float32",) else "; computed in float32")
    print(f"layers: {summary.layers} of width {summary.dim}", end="")
    print(", and a final LayerNorm of the encoder" if summary.final_norm else "")
    print(f"waveform normalised: {'yes' if summary.normalize else 'no'}")
    print(f"\nfor conf/upstream/<name>.yaml:\nname: {summary.family}_local")
    print(f"checkpoint: {args.out}")


if __name__ == "__main__":
    with one_line_errors("tools/convert_checkpoint.py"):
        main()
