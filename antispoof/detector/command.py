"""The command that detects, as steps/detect.py and as `antispoof detect` of an installed package.

The one module of the library that reads options and prints.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import UserError, one_line_errors
from ..paths import ROOT

DEFAULT = ROOT / "egs/mini/exp/fusion_seed1"
# What oneDNN prepared for a length of a batch is kept, by default for 1024 of them: many files have
# as many lengths, and memory grows with their number.
FEW_SHAPES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
ABOUT = "Say of sound files whether they are spoofed speech: an LLR, P(spoof) and a decision."
EXAMPLE = """
example:
  {0} call.wav recordings/
  {0} --model exp/mel_cnn_seed1 --json --share 1/4 --out part1.jsonl recordings/
  {0} --explain call.png call.wav
  ffmpeg -v error -f alsa -i default -f s16le -ac 1 -ar 16000 - | {0} --stream

Any sound that FFmpeg opens, also of a film; of a folder, all below it with the suffix of a sound
or film.
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
        metavar="EXP",
        help="a fusion, a system, a pack of one or hf://USER/NAME (egs/mini/exp/fusion_seed1)",
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
    add_job_options(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    add_stream_options(parser)
    parser.add_argument("places", type=Path, nargs="*", metavar="FILE_OR_FOLDER")
    args = parser.parse_args(argv)
    if problem := wrong(args):
        parser.error(problem)
    job, jobs = map(int, args.share.split("/"))
    args.part = (job - 1, None, jobs)
    args.form = "json" if args.json else "csv" if args.csv else "table"
    args.program = program
    return args


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """--share and --out: a part of the files, and where it goes on."""
    parser.add_argument("--share", default="1/1", help="JOB/N: which part of the files")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.jsonl",
        help="with --json: add lines to this file, but for files that stand in it",
    )


def add_stream_options(parser: argparse.ArgumentParser) -> None:
    """--stream, and what its input is."""
    parser.add_argument(
        "--stream", action="store_true", help="read raw sound, one channel, from standard input"
    )
    parser.add_argument("--rate", type=int, metavar="HZ", help="of --stream (16000)")
    parser.add_argument("--pcm", choices=["s16le", "f32le"], help="samples of --stream (s16le)")


def wrong(args: Any) -> str | None:
    """What is wrong with the options, or nothing."""
    job, _, jobs = args.share.partition("/")
    if not (job.isdecimal() and jobs.isdecimal() and 1 <= int(job) <= int(jobs)):
        return f"--share {args.share}: wanted JOB/N with 1 <= JOB <= N"
    if args.csv and args.windows:
        return "--windows: found --csv, wanted the table or --json"
    if args.out and not args.json:
        return "--out: wanted --json with it"
    if args.stream and (args.places or args.out or args.windows or args.share != "1/1"):
        return "--stream: reads standard input alone; found a file, --out, --windows or --share"
    if args.stream and args.explain:
        return "--stream: found --explain, wanted a file for it"
    if not args.stream and (args.rate or args.pcm):
        return "--rate, --pcm: wanted --stream with them"
    if not args.stream and not args.places:
        return "found no file, wanted FILE_OR_FOLDER or --stream"
    return None


def detect(program: str, argv: Sequence[str] | None = None) -> int:
    """Print what is found of the files; the exit status, 2 where one could not be read.

    program: the name that it goes by in what it says.
    """
    args = parse(program, argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name of a file may be any bytes
        sys.stdout.reconfigure(errors="surrogateescape")
    if args.model is None and not (DEFAULT / "fusion.json").is_file():
        if not (ROOT / "run.sh").is_file():  # after pip install
            raise UserError(
                "found no --model, wanted one: a pack (NAME.zip), hf://USER/NAME or the folder of "
                "an experiment"
            )
        raise UserError(f"{DEFAULT}: no such model; run ./run.sh, which makes it, or name --model")
    if args.stream and sys.stdin.isatty():
        raise UserError("standard input: is a terminal, wanted raw sound, e.g. of ffmpeg")
    os.environ.setdefault(*FEW_SHAPES)  # before oneDNN is loaded
    from .detect import Detector  # late: --help answers at once

    options = {} if args.p_spoof is None else {"prior": args.p_spoof}
    detector = Detector.load(
        args.model or DEFAULT, args.device, threshold=args.threshold, **options
    )
    try:
        if args.stream:
            return listen(args, detector)
        return to_journal(args, detector) if args.out else to_output(args, detector)
    except BrokenPipeError:  # whoever read our lines has enough of them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def to_output(args: Any, detector: Any) -> int:
    """Print the lines of all files; the exit status."""
    from .lines import head, lines_of

    say(head(args.form, detector))
    return each(args, detector, lambda found: say(lines_of(args.form, found)))


def to_journal(args: Any, detector: Any) -> int:
    """Add the lines of the files that do not stand in --out; the exit status."""
    from .journal import Journal

    with Journal(args.out, detector, args.windows) as journal:
        status = each(args, detector, journal.write, journal)
        done = f"{journal.added} lines added, {journal.skipped} files stood there"
    print(f"{args.program}: {args.out}: {done}", file=sys.stderr)
    return status


def each(args: Any, detector: Any, use: Callable[[Any], None], journal: Any = None) -> int:
    """Hand what is found of each file to `use`, in order; the exit status.

    Files that stand in `journal` are left out.
    """
    from ..explain.pictures import explaining
    from ..progress import Progress
    from .places import Files

    explain = explaining(args, detector, print, complain)
    done = journal.has if journal else None
    files = Files(args.places, args.part, lambda error: complain(args, error), done)
    folders = any(place.is_dir() for place in args.places)
    total = None if folders else len(range(len(args.places))[slice(*args.part)])
    progress = Progress(total, "files", "detect", quiet=sys.stdout.isatty() and not args.out)
    failed = 0
    for file, found in detector.each(files, args.windows):
        if isinstance(found, UserError):
            failed += 1
            if journal:
                journal.forget(file)
            progress.close()  # the bar's line
            complain(args, found)
        else:
            use(found)
            failed += explain(file)
        progress.advance()
    progress.close()
    return 2 if failed or files.failed else 0


def listen(args: Any, detector: Any) -> int:
    """Print a line for each window of standard input; the exit status."""
    from .lines import line_of, stream_head
    from .stream import Stream

    with Stream(detector, args.rate or 16000, args.pcm or "s16le") as stream:
        print(f"{args.program}: {stream.about()}", file=sys.stderr, flush=True)
        say(stream_head(args.form))
        before = signal.signal(signal.SIGINT, lambda *_: stream.stop())
        try:
            for found in stream.each(sys.stdin.fileno()):
                say([line_of(args.form, found)])
        finally:
            signal.signal(signal.SIGINT, before)
    return 0


def say(lines: Iterable[str]) -> None:
    """Print lines at once."""
    for line in lines:
        print(line, flush=True)


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
