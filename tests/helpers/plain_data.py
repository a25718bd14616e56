"""What tests of data and augmentation share: the rules of draws in plain Python, made-up sets."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]


def drawer(*key):
    """NumPy's default generator, seeded by the first 8 bytes of BLAKE2b of the words of `key`."""
    digest = hashlib.blake2b(" ".join(str(word) for word in key).encode(), digest_size=8).digest()
    seed = 0
    for byte in digest:
        seed = 256 * seed + byte
    return np.random.default_rng(seed)


def plain_crop(found, length, policy, rng):
    """Indices that a policy keeps of `found`."""
    if found <= length or policy in ("full", "windows"):
        return list(range(found))
    start = {"first": 0, "centre": (found - length) // 2}.get(policy)
    if policy == "random":
        start = rng.integers(0, found - length, endpoint=True)
    return [start + n for n in range(length)]


def plain_pad(kept, length, policy, pad):
    """`kept` (a list) up to `length`; None stands for a zero."""
    if policy == "full" or pad == "none" or len(kept) >= length:
        return kept
    more = range(len(kept), length)
    return kept + [kept[n % len(kept)] if pad == "tile" else None for n in more]


def ramp(count, first=1):
    """Samples that say which they are: first, first + 1, ... of 32768."""
    return np.arange(first, first + count, dtype=np.int16)


def write_set(folder, lengths, tables=()):
    """A data directory of ramps, {utt: samples}; returns it. tables: {name: {utt: value}}."""
    folder.mkdir(parents=True)
    values = {"wav.scp": {}, "utt2dur": {}, **dict(tables)}
    for utt, count in lengths.items():
        path = folder.parent / f"{folder.name}_{utt}.wav"
        soundfile.write(path, ramp(count), 16000)
        values["wav.scp"][utt] = str(path)
        values["utt2dur"][utt] = repr(count / 16000)
    for name, table in values.items():
        (folder / name).write_text("".join(f"{utt} {table[utt]}\n" for utt in sorted(table)))
    return folder


def config(**changes):
    """What `Inputs` reads of an experiment's config."""
    crop = {"train": "random", "test": "centre", "seconds": 0.01, "pad": "none"}
    crop.update(changes.pop("crop", {}))
    base = {"seed": 3, "feats": "wave", "upstream": "bank", "layers": [0], "allow": []}
    return {**base, "augment": [], "crop": crop, **changes}


def load_worker(path):
    """A worker of the repository as a module."""
    name = path.replace("/", "_").removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where processes that it starts look for it
    spec.loader.exec_module(module)
    return module
