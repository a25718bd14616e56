#!/usr/bin/env python3
"""What does detection cost: PyTorch as it is, ONNX Runtime in float32, and with weights of int8?

Each model in each form scores the sounds of a folder in a process of its own, on one thread, once
per round; forms take turns. Times are seconds of the processor, imports included in the first
result, so that other work on the machine counts little; numbers are medians of the rounds, and
ratios are to PyTorch in the same round. Prints a table in Markdown.

A model is an experiment, or a config, which is built with random weights: these cost the same.
Without one: the systems that the recipes' run.sh name, and mean_pool_mini.

examples:
  benchmarks/detect.py egs/mini/exp/fusion_seed1 --sounds RECORDINGS
  benchmarks/detect.py --sounds RECORDINGS --count 8 --rounds 1
"""

import argparse
import contextlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MORE = ("egs/mini/conf/train_mean_pool_mini.yaml",)  # the smallest back end of Distill-MOS
FORMS = ("PyTorch", "ONNX float32", "ONNX int8")
MAKE = "make"  # what a process of its own does: the memory of this one counts in that of others
HEAD = ("model", "form", "× real time", "files/s", "ratio", "first result, s", "warm, s", "memory")


def seconds():
    """Of the processor, of this process since it began."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def scorer_of(form, model):
    """A function from the path of a sound to its LLR."""
    if form == "PyTorch":
        import torch

        from antispoof import Detector

        torch.set_num_threads(1)
        detector = Detector.load(model, "cpu")
        return lambda path: detector(path, windows=False).llr
    import numpy as np
    import onnxruntime
    import soundfile

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options)

    def score(path):
        wave, _ = soundfile.read(path, dtype="float32")
        given = {"x": wave[None], "lengths": np.array([len(wave)])}
        return float(session.run(["llr"], given)[0][0])

    return score


def child(form, model, paths):
    """Score the sounds; print what it cost, as JSON."""
    score = scorer_of(form, model)
    llrs = [score(paths[0])]
    first = seconds()
    score(paths[0])
    warm = seconds() - first
    before = seconds()
    llrs += [score(path) for path in paths[1:]]
    found = {
        "first": first,
        "warm": warm,
        "folder": seconds() - before + warm,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "llrs": llrs,
    }
    print(json.dumps(found))


def measure(form, model, paths):
    """What `child` finds, in a fresh process."""
    command = [sys.executable, __file__, "--child", form, "--sounds", *paths, "--", model]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def rows(exp, found, length, count):
    """Cells of the rows of a model. found: {form: what each round found}."""
    base = [run["folder"] for run in found[FORMS[0]]]
    for form, runs in found.items():

        def median(key, runs=runs):
            return statistics.median(run[key] for run in runs)

        pairs = zip(base, (run["folder"] for run in runs), strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        own = zip(found[FORMS[0]][0]["llrs"], runs[0]["llrs"], strict=True)
        worst = max(abs(a - b) for a, b in own)
        yield (
            *(exp, form, f"{length / median('folder'):.1f}", f"{count / median('folder'):.1f}"),
            *(f"{ratio:.2f} x", f"{median('first'):.2f}", f"{median('warm'):.3f}"),
            *(f"{median('memory'):.0f} MB", f"{worst:.1e}"),
        )


def defaults():
    """Configs of the systems that recipes name, each once."""
    found = []
    for recipe in sorted(ROOT.glob("egs/*/run.sh")):
        for names in re.findall(r'--systems "([a-z0-9_ ]+)"', recipe.read_text("utf-8")):
            for name in names.split():
                own = [folder / f"conf/train_{name}.yaml" for folder in (recipe.parent, ROOT)]
                found.append(str(next(path for path in own if path.is_file())))
    return list(dict.fromkeys([*found, *(str(ROOT / path) for path in MORE)]))


def made(config, place):
    """Print the folder of an experiment of random weights that is made of a config in `place`."""
    import numpy as np
    import torch

    from antispoof.evaluation.fusion import Calibration
    from antispoof.scoring.build import build_system
    from antispoof.torch_utils.checkpoint import save_checkpoint
    from antispoof.training.experiment import claim, load_experiment

    path = Path(config).resolve()
    exp = Path(place, path.stem.removeprefix("train_"))
    with contextlib.chdir(ROOT):
        settings = claim(exp, load_experiment(str(path), 1))
    torch.manual_seed(1)
    save_checkpoint(exp / "best.pt", {"model": build_system(settings).state_dict(), "epoch": 1})
    scores, labels = np.array([0.0, 2, 1, 3]), np.array([0, 0, 1, 1])
    Calibration.fit(scores, labels, (exp.name,)).save(exp / "calibration.json")
    print(exp)


def experiment_of(model, place):
    """The folder of a model: of an experiment its own, of a config a new one in `place`."""
    if not model.endswith(".yaml"):
        return model
    command = [sys.executable, __file__, "--child", MAKE, "--sounds", place, "--", model]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()[-1]


def compared(exp, place, paths, rounds):
    """{form: what each round found} of an experiment; `place` takes its models of ONNX."""
    files = {FORMS[0]: exp}
    for form, options in ((FORMS[1], []), (FORMS[2], ["--int8"])):
        files[form] = str(Path(place, f"{Path(exp).name}{len(options)}.onnx"))
        command = [sys.executable, ROOT / "steps/export_onnx.py", *options, exp, files[form]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = {form: [] for form in FORMS}
    for _ in range(rounds):
        for form in FORMS:
            found[form].append(measure(form, files[form], paths))
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sounds", nargs="+", required=True, help="files, or one folder")
    parser.add_argument("--count", type=int, default=40, help="how many of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=(*FORMS, MAKE), help="used by itself")
    parser.add_argument("models", nargs="*", metavar="EXP_OR_CONFIG")
    args = parser.parse_args()
    if args.child == MAKE:
        return made(args.models[0], args.sounds[0])
    if args.child:
        return child(args.child, args.models[0], args.sounds)
    import soundfile

    from antispoof.detector.places import sounds_below

    folder = Path(args.sounds[0])
    paths = [str(p) for p in sounds_below(folder)] if folder.is_dir() else args.sounds
    paths = paths[:: max(1, len(paths) // args.count)][: args.count]
    length = sum(soundfile.info(path).duration for path in paths)
    print(f"{len(paths)} sounds of {length:.0f} s, {args.rounds} rounds, one thread", end="; ")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {time.strftime('%F')}\n")
    print(f"| {' | '.join((*HEAD, 'difference'))} |", f"|{'---|' * (len(HEAD) + 1)}", sep="\n")
    with tempfile.TemporaryDirectory() as place:
        for model in args.models or defaults():
            exp = experiment_of(model, place)
            found = compared(exp, place, paths, args.rounds)
            for cells in rows(Path(exp).name, found, length, len(paths)):
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
