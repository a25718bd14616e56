#!/usr/bin/env python3
"""Does a recipe that is killed again and again end in the same results? A random SIGKILL per round.

A round starts the recipe, waits for a random moment of a stage, and sends SIGKILL to a random
victim: a worker, the launcher, run.sh, or all of them. The next round starts where that left it. A
pass goes through the stages in their order; behind its last round, the recipe runs to its end, and
its outputs must be those of a run that nobody disturbed, byte for byte.

With --cluster slurm, the jobs run on a throwaway Slurm of three nodes, and the outputs must be
those of this machine. A victim may be a node: its daemon and all that it runs. Its stage must end
all the same, before the rest is killed.
"""

import argparse
import contextlib
import random
import re
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.killing import BUSY, ROOT, SECONDS, Chaos

ROUNDS = 7  # of one pass


def run(chaos, wanted, rounds, seed, say=print):
    """Disturb a recipe in passes; returns its faults. wanted: the outputs of an undisturbed run."""
    draws, faults, number = random.Random(seed), [], 0
    while number < rounds:
        count = min(ROUNDS, rounds - number)
        chaos.forget()
        for stage in sorted(draws.choice(list(chaos.seconds)) for _ in range(count)):
            number += 1
            found = chaos.disturb(stage, draws)
            say(f"round {number}: {found}")
            faults += [f"round {number}: {fault}" for fault in found.faults]
        for _ in range(SECONDS):  # what the last victim left may still end
            wrong, _ = chaos.finish()
            if not any(BUSY in text for text in wrong):
                break
            time.sleep(1)
        found = chaos.outputs()
        names = {n for n in {*found, *wanted} if found.get(n) != wanted.get(n)}
        left = [str(path) for path in chaos.folder.rglob(".*.tmp")]
        say(f"  {len(found)} outputs, {len(names)} differ; temporary files left: {left}")
        faults += [f"left in the queue: {line}" for line in left_in_the_queue(chaos)]
        faults += [*wrong, *(f"after round {number}: {name} differs" for name in sorted(names))]
    return faults


def left_in_the_queue(chaos):
    """What Slurm still holds some time after the end."""
    until = time.monotonic() + SECONDS
    while chaos.cluster and (lines := chaos.cluster.queue()):
        if time.monotonic() > until:
            return lines
        time.sleep(1)
    return []


@contextlib.contextmanager
def throwaway(name):
    """The cluster of this name, from daemons of this machine, or None; it ends with the block."""
    sys.path.append(str(ROOT / "tests/helpers"))
    from slurm_cluster import SlurmCluster

    cluster = SlurmCluster() if name == "slurm" else None
    try:
        yield cluster and cluster.start()
    finally:
        if cluster:
            cluster.stop()


def small(folder, corpus, *options):
    """The command of the made-up recipe of the tests, in `folder`, which it writes."""
    sys.path.append(str(ROOT / "tests/helpers"))
    from recipes import Recipe

    return Recipe(Path(folder), corpus).write().command(*options)


def copied(name, folder, *options):
    """The command of a recipe in `folder` that is egs/NAME, with results of its own."""
    for part in ("conf", "local"):  # links: programs of local/ find the root from where they are
        source = ROOT / "egs" / name / part
        if source.exists():
            Path(folder, part).symlink_to(source)
    text = (ROOT / "egs" / name / "run.sh").read_text()
    Path(folder, "run.sh").write_text(re.sub(r'"\$here/\.\./\.\./', f'"{ROOT}/', text))
    Path(folder, "run.sh").chmod(0o755)
    return [str(Path(folder, "run.sh")), *options]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", help="a folder of egs/; default: a small one, made up")
    parser.add_argument("--options", default="", help="of run.sh, as one word: '--cluster slurm'")
    parser.add_argument("--cluster", choices=("local", "slurm"), default="local")
    args = parser.parse_args()
    options = args.options.split()
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as place,
        throwaway(args.cluster) as cluster,
    ):
        chaoses = []
        for name in ("calm", "killed"):
            folder = Path(place).resolve() / name
            folder.mkdir()
            if args.recipe:
                command = copied(args.recipe, folder, *options)
            else:
                corpus = Path(place, "corpus")
                sys.path.append(str(ROOT / "tests/helpers"))
                from sounds import make_corpus

                corpus.exists() or make_corpus(corpus)
                command = small(folder, corpus, *options)
            chaoses.append(Chaos(folder, command, {}))
        calm, killed = chaoses
        faults, seconds = calm.finish()
        killed = Chaos(killed.folder, killed.command, seconds, cluster)
        shown = ", ".join(f"{stage}: {took:.0f} s" for stage, took in seconds.items())
        print(f"undisturbed: {shown}", flush=True)
        faults += run(
            killed, calm.outputs(), args.rounds, args.seed, lambda t: print(t, flush=True)
        )
    print("\n".join(faults) or f"{args.rounds} rounds: the same results")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
