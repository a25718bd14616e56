"""The command that detects, as steps/detect.py and as `antispoof detect` of an installed package.

The one module of the library that reads options and prints.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import UserError, one_line_errors
from ..paths import ROOT

DEFAULT = ROOT / "egs/mini/exp/fusion_seed1"
ABOUT = "Say of sound files whether they are spoofed speech: an LLR, P(spoof) and a decision."
EXAMPLE = """
example:
  {0} call.wav recordings/
  {0} --model exp/mel_cnn_seed1 --json --share 1/4 recordings/ > part1.jsonl
  {0} --explain call.png call.wav

Any WAV, FLAC, Ogg, MP3, M4A or MP4, of any rate and channels; of a folder, all of them below it.
The LLR is in natural log: higher = more bona fide. A file that cannot be read is named on stderr,
does not stop the rest, and makes the exit status 2. Spoofs do not change the exit status.
"""


def parse(program: str, argv: Sequence[str] | None = None) -> Any:
    """The options `argv`, by default those of the process."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=ABOUT,
        epilog=EXAMPLE.format(program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="EXP",
        help="a fusion, or a system that is calibrated (egs/mini/exp/fusion_seed1)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a line of JSON for each file")
    form.add_argument("--csv", action="store_true", help="a header, and a row for each file")
    parser.add_argument(
        "--windows", action="store_true", help="also score the pieces of files that are long"
    )
    parser.add_argument("--p-spoof", type=float, metavar="P", help="prior of spoof (0.05)")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="LLR",
        help="from which on a file is bona fide (where the costs of evaluation at --p-spoof "
        "decide: -0.642)",
    )
    explain = "draw what speaks for spoof: a picture of one file, or a folder of pictures"
    parser.add_argument("--explain", type=Path, metavar="PNG_OR_FOLDER", help=explain)
    parser.add_argument("--share", default="1/1", help="JOB/N: which part of the files")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("places", type=Path, nargs="+", metavar="FILE_OR_FOLDER")
    args = parser.parse_args(argv)
    job, _, jobs = args.share.partition("/")
    if not (job.isdigit() and jobs.isdigit() and 1 <= int(job) <= int(jobs)):
        parser.error(f"--share {args.share}: wanted JOB/N with 1 <= JOB <= N")
    if args.csv and args.windows:
        parser.error("--windows: found --csv, wanted the table or --json")
    args.part = slice(int(job) - 1, None, int(jobs))
    args.program = program
    return args


def detect(program: str, argv: Sequence[str] | None = None) -> int:
    """Print what is found of the files; the exit status, 2 where one could not be read.

    program: the name that it goes by in what it says.
    """
    args = parse(program, argv)
    if args.model is None and not (DEFAULT / "fusion.json").is_file():
        raise UserError(f"{DEFAULT}: no such model; run ./run.sh, which makes it, or name --model")
    from ..progress import Progress
    from .detect import Detector  # late: --help answers at once
    from .lines import head, lines_of
    from .pictures import explaining

    form = "json" if args.json else "csv" if args.csv else "table"
    options = {} if args.p_spoof is None else {"prior": args.p_spoof}
    detector = Detector.load(
        args.model or DEFAULT, args.device, threshold=args.threshold, **options
    )
    files, failed = find(args)
    explain = explaining(args, detector, print, complain)
    print(*head(form, detector), sep="\n", end="\n" * (form != "json"), flush=True)
    progress = Progress(len(files), "files", "detect", quiet=sys.stdout.isatty())
    for file, found in detector.each(files, args.windows):
        if isinstance(found, UserError):
            failed += 1
            progress.close()  # the bar's line
            complain(args, found)
        else:
            print(*lines_of(form, found), sep="\n", flush=True)
            failed += explain(file)
        progress.advance()
    progress.close()
    return 2 if failed else 0


def find(args: Any) -> tuple[list[Path], int]:
    """(the files of this share, how many places could not be read)."""
    from .sounds import sounds_below

    files: list[Path] = []
    failed = 0
    for place in args.places:
        try:
            files += sounds_below(place) if place.is_dir() else [place]
        except UserError as error:
            failed += 1
            complain(args, error)
    return files[args.part], failed


def complain(args: Any, error: UserError) -> None:
    """Name on stderr what could not be read."""
    from .lines import on_a_line

    print(f"{args.program}: {on_a_line(error)}", file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """`antispoof detect ...`, which `pip install` puts on the path."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="antispoof", description=ABOUT)
    parser.add_argument("--version", action="version", version=f"antispoof {__version__}")
    parser.add_argument("command", choices=["detect"], help="antispoof detect --help says more")
    program = f"{parser.prog} {parser.parse_args(words[:1]).command}"
    with one_line_errors(program):
        sys.exit(detect(program, words[1:]))
