#!/usr/bin/env python3
"""Judge where a system says that sounds are spoofed: segment EER and range EER, with intervals.

DATA_DIR/segments says where they are. FRAMES is what steps/score.py writes of a model of frames. A
row of the matrix is a resolution of the model, a column the one at which it is judged; coarser than
its own, it flatters. The range EER is that of seconds, exactly.
"""

import argparse
import sys
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import require_draws

EXAMPLE = """example:
  steps/localise.py data/eval exp/mel_frames_seed1/eval/scores.frames \\
    exp/mel_frames_seed1/localisation_eval.json
"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument("frames", type=Path, metavar="FRAMES", help="folder of <n>ms.scp")
    parser.add_argument("out", type=Path, metavar="OUT.json")
    parser.add_argument("--bootstrap", type=int, default=1000, help="replicates; 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals")
    options = parser.parse_args()
    require_draws(options)
    return options


def main():
    options = parse()
    from antispoof.data.data_dir import durations_of, read_data_dir
    from antispoof.data.frame_scores import read_frames, require_lengths, tables_in
    from antispoof.data.json_files import write_json
    from antispoof.data.segments import read_segments
    from antispoof.evaluation.contamination import warning_of_scores
    from antispoof.evaluation.localisation import localise

    tables = read_data_dir(options.data_dir)
    durations = durations_of(tables["utt2dur"], options.data_dir)
    segments = read_segments(options.data_dir, durations, tables["utt2label"])
    utts, places = list(tables["wav.scp"]), tables_in(options.frames)
    if not places:
        raise UserError(f"{options.frames}: found no <n>ms.scp; score with a model of frames")
    scores = {seconds: read_frames(path, utts) for seconds, path in places.items()}
    require_lengths(scores, {utt: durations[utt] for utt in utts}, options.frames)
    spans = [segments[utt] for utt in utts]
    speakers = [tables["utt2spk"][utt] for utt in utts]
    draws = {"replicates": options.bootstrap, "seed": options.seed, "level": options.level}
    result: dict = {"set": options.data_dir.resolve().name}
    if trained := warning_of_scores(options.frames, options.data_dir):
        result["trained_on"] = trained
        print(f"steps/localise.py: warning: {trained}", file=sys.stderr)
    result |= localise(scores, spans, speakers, **draws)
    write_json(options.out, result)
    tell(options.out, result)


def tell(out, result):
    seconds = result["seconds"]
    print(
        f"{out}: {result['utterances']} utterances, {seconds['bonafide']:.1f} s bona fide, "
        f"{seconds['spoof']:.1f} s spoofed; EER %, rows: resolution of the model"
    )
    at = [cell["model"] for cell in result["range"]]
    print("      ms" + "".join(f"{1000 * r:8.0f}" for r in at) + "   range")
    for own in result["range"]:
        row = [c["eer"] for c in result["segment"] if c["model"] == own["model"]]
        values = "".join(f"{100 * value:8.2f}" for value in [*row, own["eer"]])
        print(f"{1000 * own['model']:8.0f}{values}  {intervals(own)}")


def intervals(cell):
    """The intervals of a cell in words."""
    known = {way: pair for way, pair in cell.get("intervals", {}).items() if pair}
    return ", ".join(f"by {w} {100 * a:.2f} to {100 * b:.2f}" for w, (a, b) in known.items())


if __name__ == "__main__":
    with one_line_errors("steps/localise.py"):
        main()
