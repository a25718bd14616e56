#!/usr/bin/env python3
"""Serve a page on this machine: drop or record a sound, and see what a model says of it."""

import argparse
import sys
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.paths import ROOT

DEFAULT = ROOT / "egs/mini/exp/fusion_seed1"
EXAMPLE = """
example:
  steps/demo.py
  steps/demo.py --model exp/mel_cnn_seed1 --port 8080

Nobody but this machine reaches the page, and it asks nothing of any other. Sounds are not kept.
Ctrl-C ends it.
"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model",
        metavar="EXP_OR_PACK",
        help="a fusion, or a system that is calibrated (egs/mini/exp/fusion_seed1)",
    )
    parser.add_argument("--port", type=int, default=8000, help="0: one that is free (8000)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    return parser.parse_args()


def main():
    args = parse()
    if args.model is None and not (DEFAULT / "fusion.json").is_file():
        raise UserError(f"{DEFAULT}: no such model; run ./run.sh, which makes it, or name --model")
    try:  # late: --help answers at once
        from antispoof.demo.app import create_app
        from antispoof.demo.serve import address_of, listen, make_server
    except ImportError as error:
        raise UserError(f"a package is missing ({error}); run tools/setup.sh") from None
    from antispoof import Detector
    from antispoof.demo.about import read_about
    from antispoof.systems.hub import located

    model = args.model or DEFAULT
    with listen(args.port) as listening:
        say(f"loads {model}")
        place = located(model)  # once: a branch of a hub may move
        named = "" if place == Path(model) else str(model)
        app = create_app(Detector.load(place, args.device), read_about(place, named))
        text = f"the page is {address_of(listening)} (Ctrl-C ends it)"
        make_server(app, lambda: say(text)).run(sockets=[listening])
        raise KeyboardInterrupt  # which alone ends it, and which the server may keep to itself


def say(text):
    print(f"steps/demo.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with one_line_errors("steps/demo.py"):
        main()
