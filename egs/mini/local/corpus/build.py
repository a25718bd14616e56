"""Build the corpus in its folder: parallel, resumable, every utterance whole or absent.

Started by prepare_data.py in the synthesisers' environment, under the lock of the folder:

    python -m corpus.build FOLDER SIZE NJ [--allow-partial]
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import sys
from pathlib import Path

from antispoof.errors import one_line_errors
from antispoof.progress import Progress

from . import design, index, work
from .locks import die_with_parent, say
from .missing import broken_attacks, missing_systems, stop_if, wholly_failed
from .plan import make_plan
from .recordings import collect
from .request import Failure

BATCH = {  # utterances in one call: many where a start is dear, few where an utterance is
    "festival": 40,
    "piper": 30,
    "hibari": 24,
    "kokoro": 9,
    "lpcnet": 10,
}
COST = {  # of one utterance, the channel included, in 20 ms of one core; the others about 2
    "": 1,
    "festival": 4,
    "world": 6,
    "conversion": 7,
    "piper": 15,
    "lpcnet": 33,
    "kokoro": 97,
}
SHAPE_RECORDINGS = 60  # of every split, whose backgrounds shape the noise


def build(folder, size, nj, allow_partial):
    """Make all utterances that `folder` lacks, and finish its index.

    Raises UserError where a system is missing or fails, unless `allow_partial`.
    """
    folder = Path(folder)
    for left_over in folder.glob("wav/*/.*.tmp"):  # by workers that were killed
        left_over.unlink()
    plan = make_plan(collect(), size)
    missing = missing_systems()
    stop_if(missing, allow_partial)
    found = index.read_records(folder / index.INDEX)
    records = index.whole(folder, found | index.read_records(folder / index.JOURNAL))
    todo = [u for u in plan if u.utt not in records and u.cell.attack not in missing]
    failures = run(folder, todo, nj, noise_shapes(plan), records, allow_partial)
    missing |= broken_attacks(plan, failures)
    stop_if(missing, allow_partial)
    planned = {u.utt for u in plan if u.cell.attack not in missing}
    index.finish(folder, {utt: records[utt] for utt in planned & records.keys()}, missing)


def run(folder, todo, nj, shapes, records, allow_partial):
    """Make `todo` in `nj` processes, adding to `records`. Returns {utt: reason} of what failed."""
    failures, made = {}, 0
    progress = Progress(cost(todo), "parts of the work", "synthesis")
    context = multiprocessing.get_context("spawn")
    settings = {"mp_context": context, "initializer": work.start, "initargs": (folder, shapes)}
    with (
        open(folder / index.JOURNAL, "a", encoding="utf-8") as journal,
        open(folder / "build.log", "a", encoding="utf-8") as log,
        concurrent.futures.ProcessPoolExecutor(nj, **settings) as pool,
    ):
        jobs = [pool.submit(work.make, batch) for batch in batches(todo)]
        try:
            for job in concurrent.futures.as_completed(jobs):
                outcomes = job.result()
                for outcome in outcomes:
                    note(outcome, records, failures, journal, log)
                made += len(outcomes)
                batch = [outcome.utterance for outcome in outcomes]
                progress.advance(cost(batch), f"{made} of {len(todo)} utterances")
                journal.flush()
                if not allow_partial and len(outcomes) >= work.TOO_MANY:
                    stop_if(wholly_failed(outcomes), allow_partial)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            progress.close()
    return failures


def note(outcome, records, failures, journal, log):
    """Write down what became of one utterance."""
    utterance = outcome.utterance
    for name, reason in outcome.failures:
        log.write(f"{utterance.utt} {utterance.cell.attack} {name}: {reason}\n")
    if outcome.record is None:
        cell = utterance.cell
        reason = outcome.failures[-1][1] if outcome.failures else "no material for it"
        failures[utterance.utt] = reason
        say(f"{utterance.utt}: {cell.attack} {cell.system} {cell.voice}: {reason}")
    else:
        records[utterance.utt] = outcome.record
        line = json.dumps(outcome.record, ensure_ascii=False, sort_keys=True)
        journal.write(f"\n{line}")  # the last line may have been cut short by a kill


def cost(utterances):
    """What `utterances` cost, in 20 ms of one core."""
    return sum(COST.get(utterance.cell.system, 2) for utterance in utterances)


def batches(utterances):
    """Lists of utterances of one system (and voice), the dearest first, lest one is left alone."""
    groups = {}
    for utterance in utterances:
        cell = utterance.cell
        voice = cell.voice if cell.system == "festival" else ""
        groups.setdefault((cell.system, voice), []).append(utterance)
    made = []
    for (system, _), group in sorted(groups.items()):
        size = BATCH.get(system, 20)
        made += [group[start : start + size] for start in range(0, len(group), size)]
    return sorted(made, key=cost, reverse=True)


def noise_shapes(plan):
    """{split: shapes} of the backgrounds of each split's first recordings."""
    from .channel import noise_shapes as shapes_of

    shapes = {}
    for split in design.SPLITS:
        human = [u for u in plan if u.cell.split == split and not u.cell.system]
        requests = [utterance.request(0) for utterance in human[:SHAPE_RECORDINGS]]
        waves = [wave for _, wave in work.speak(requests) if not isinstance(wave, Failure)]
        shapes[split] = shapes_of(waves)
    return shapes


def main():
    """Entry of the builder's process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("size", choices=design.SIZES)
    parser.add_argument("nj", type=int)
    parser.add_argument("--allow-partial", action="store_true")
    args = parser.parse_args()
    die_with_parent()
    build(args.folder, args.size, args.nj, args.allow_partial)


if __name__ == "__main__":
    with one_line_errors(f"{Path(sys.argv[0]).name}"):
        main()
