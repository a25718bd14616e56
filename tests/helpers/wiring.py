"""A recipe with no option as it is by default, and what run.sh asks its workers for then."""

from dataclasses import replace
from itertools import product

from laws import house, record

SYSTEMS, SEEDS, REPORTED = ("cached", "tuned", "wave"), ("3", "1"), ("judge", "far")
TABLES = ("wav.scp", "utt2*", "spk2utt*", "trials/*", "segments*")
OPTIONS = {
    **{"stage": "1", "stop-stage": "6", "nj": "3", "seeds": "3 1", "systems": "cached tuned wave"},
    **{"train-set": "learn", "dev-set": "choose", "eval-sets": "judge far"},
    **{"train-options": "--processes 2x4  --watch data/seen --watch data/judge --keep-epochs"},
    **{"by": "attack,codec", "corpus": "sounds/./here"},
    **{"local-options": "--size small  --allow-partial"},
    **{"override": "epochs=5 batch_size=8", "tag": "t1", "device": "cuda"},
}
EXPERIMENTS = [f"{system}_t1_seed{seed}" for system, seed in product(SYSTEMS, SEEDS)]
FUSIONS = [f"fusion_t1_seed{seed}" for seed in SEEDS]


def rich_run(place):
    """(folder, calls, tables printed, what was said) with no option as it is by default."""
    folder = house(place)
    own = folder / "exp/cached_t1_seed3/config.yaml"  # as training writes it
    own.parent.mkdir(parents=True)
    own.write_text("feats: cached\nupstream: own\nupstream_conf: {checkpoint: own.pt}\n")
    for name in ("train_tuned", "train_wave", "upstream/own"):
        with open(folder / f"conf/{name}.yaml", "a") as stream:
            stream.write("allow: [resample, mixdown]\n")
    return folder, *record(folder, *(f"--{name}={value}" for name, value in OPTIONS.items()))


def calls(recorded, *workers, slots="3"):
    """Those of some workers, in order; the same slots in each, which is asserted."""
    found = [call for call in recorded[1] if set(workers) & set(call.command.split())]
    assert {call.slots for call in found} == {slots}
    return [replace(call, slots="2") for call in found]
