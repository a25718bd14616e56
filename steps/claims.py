#!/usr/bin/env python3
"""Say of each claim in a list whether the experiments at hand hold it: held, not held, or open."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/claims.py --config conf/claims.yaml --seeds "6 7 8 9 10" --plan
  steps/claims.py --config conf/claims.yaml --seeds "6 7 8 9 10" --out CLAIMS.md

Called in the folder of a recipe, by its claims.sh. --plan prints what has to be run, a line each;
--list prints the experiments that are trained for it, and whether they are there. A verdict is a
function of the interval and of the threshold `holds` of the list. Kinds of claims:
  difference   EER of the first of each pair less that of the second; all pairs hold together
  contrast     the mean of such differences
  trend        the slope of EER over numbers, of each seed
  saving       a difference, and that so much of the back end's multiplications is saved
  correlation  Spearman's rho of EERs on two sets, over systems
  diagnostic   Spearman's rho of a diagnostic and EER, over systems
  flag         EER of systems below a limit on held-out data, less that of the others
  firm         how often the choice of a score leads under other weights
  none         nothing here can settle it
"""


def main():
    args = parse()
    from antispoof.claims.listed import chosen
    from antispoof.claims.plan import plan, trainings
    from antispoof.claims.reading import read_claims
    from antispoof.paths import find

    found = read_claims(find(args.config))
    claims = chosen(found["claims"], args.claims)
    lines = plan(claims, found, args.seeds)
    if args.plan:
        for line in lines:
            print("\t".join(line))
    if args.list:
        for exp in trainings(lines, args.seeds):
            print(f"{exp}\t{'is trained' if Path(exp, 'best.pt').is_file() else 'to be trained'}")
    if args.out:
        write(args, found, {own["name"] for own in claims})


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="conf/claims.yaml", help="the list of claims")
    parser.add_argument("--claims", default="", metavar="NAME,...", help="some of them (all)")
    parser.add_argument("--seeds", default="6 7 8 9 10", help="of every experiment")
    parser.add_argument("--plan", action="store_true", help="print what has to be run")
    parser.add_argument("--list", action="store_true", help="print what has to be trained")
    parser.add_argument("--command", default="", help="how all was run, for the page")
    parser.add_argument("--out", type=Path, metavar="OUT.md", help="write the page, and OUT.json")
    args = parser.parse_args()
    seeds = args.seeds.split()
    if not seeds or not all(map(str.isdecimal, seeds)) or len(set(seeds)) < len(seeds):
        raise UserError(f"--seeds: found '{args.seeds}', wanted numbers, each once")
    if not (args.plan or args.list or args.out):
        raise UserError("found nothing to do; wanted --plan, --list or --out")
    if args.out and args.out.suffix == ".json":
        raise UserError(f"--out: found {args.out}, wanted OUT.md: OUT.json is written next to it")
    args.seeds = seeds
    return args


def write(args, found, names):
    """The page of all claims; those that were not asked for are judged by what is there too."""
    from antispoof.claims.page import cells, markdown, record
    from antispoof.claims.plan import diagnosed, names_of
    from antispoof.claims.reading import seeds_of
    from antispoof.claims.rows import measure
    from antispoof.claims.scores import Scored
    from antispoof.data.json_files import json_text
    from antispoof.files import atomic_open

    switched = {name: own["of"] for name, own in found["trainings"].items() if "of" in own}
    every = {name for claim in found["claims"] for name in names_of(claim)}
    fewer = {name: seeds_of(name, found, args.seeds) for name in every}
    scored = Scored(Path(), args.seeds, switched, fewer, diagnosed(found, args.seeds))
    rows = [measure(claim, scored) for claim in found["claims"]]
    texts = {
        args.out.with_suffix(".json"): json_text([record(row) for row in rows]),
        args.out: markdown(rows, about(args, found, rows, scored)),
    }
    for path, text in texts.items():  # both are whole before one is written
        with atomic_open(path) as stream:
            stream.write(text)
    for row in rows:
        if row.claim["name"] in names:
            print(f"{row.claim['name']}: {row.verdict}; {cells(row)[3].replace('<br>', '; ')}")
    print(args.out)


def about(args, found, rows, scored):
    """How the page was made, and how to read it."""
    from antispoof.claims.plan import names_of
    from antispoof.claims.rows import commits
    from antispoof.data.data_dir import read_data_dir
    from antispoof.training.experiment import commit

    labels = read_data_dir("data/train")["utt2label"] if Path("data/train").is_dir() else {}
    counts = {word: sum(row.verdict == word for row in rows) for word in WORDS}
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    ran = {name for row in rows if not row.lacks for name in names_of(row.claim)}
    trained = ", ".join(commits(sorted(ran), scored)) or "no commit known"
    made = (
        f"Made by `{args.command or 'steps/claims.py'}`, seeds {', '.join(args.seeds)}; models "
        f"trained at {trained}, page written at {commit()}; {len(labels)} utterances to learn on. "
        f"{len(rows)} claims: {said}."
    )
    return "\n\n".join(filter(None, [made, found.get("about", "").strip(), READING]))


READING = (
    "EER in percent, differences in points; intervals are over speakers, attacks and seeds, or "
    "over systems, as each row says. A verdict follows from the interval and the threshold in "
    "brackets, which the list of claims states: held where all intervals lie within it, not held "
    "where one is outside, or else these data cannot tell; not run where something lacks. What is "
    "of these attacks alone draws speakers and seeds, and says nothing of other attacks. What an "
    "interval could have shown stands behind it. Each row is at 95 % by itself: of twenty claims "
    "at their threshold, one verdict is expected to be wrong."
)
WORDS = ("held", "not held", "cannot tell", "not run")

if __name__ == "__main__":
    with one_line_errors("steps/claims.py"):
        main()
