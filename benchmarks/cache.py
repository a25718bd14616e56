#!/usr/bin/env python3
"""How much does caching save? One epoch of a back end from cache against SSL in the loop, one run.

The upstream is wav2vec 2.0 of random weights and, by default, XLS-R 300M's size. The same trainer
runs the same utterances and the same back end twice: on cached features, and with the frozen
upstream in the training loop. Neither is charged for loading the model; what filling the cache took
is printed next to it, since it is paid once and not every epoch.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from antispoof import SAMPLE_RATE
from antispoof.config import EXPERIMENT, UPSTREAM, write_config
from antispoof.data.tables import write_table
from antispoof.features.archive import ShareWriter, join_shares
from antispoof.features.extraction import extract
from antispoof.features.plan import BATCH_SECONDS, plan_batches
from antispoof.progress import Progress
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels
from antispoof.ssl.upstream import DTYPES, FrozenUpstream, load_upstream_config
from antispoof.training.learner import Learner
from benchmarks.extract import make_model

SAMPLES = 64600


def make_upstream(folder, layers):
    """Write conf/upstream/random.yaml below `folder`, all hidden states, and its checkpoint."""
    model = make_model(folder, layers)
    wanted = {"name": "wav2vec2_local", "checkpoint": str(model), "layers": "all"}
    write_config(folder / "conf/upstream/random.yaml", {**UPSTREAM, **wanted})


def make_data(folder, count):
    """Write data/train below `folder`: `count` utterances of 64,600 samples of noise."""
    rng, utts = np.random.default_rng(0), [f"utt{number:03d}" for number in range(count)]
    (folder / "wav").mkdir()
    for utt in utts:
        wave = 0.1 * rng.standard_normal(SAMPLES)
        soundfile.write(folder / "wav" / f"{utt}.flac", wave, SAMPLE_RATE)
    tables = {
        "wav.scp": {utt: folder / "wav" / f"{utt}.flac" for utt in utts},
        "utt2label": {utt: ("spoof", "bonafide")[n % 2] for n, utt in enumerate(utts)},
        "utt2dur": dict.fromkeys(utts, SAMPLES / SAMPLE_RATE),
    }
    for name, table in tables.items():
        write_table(folder / "data/train" / name, table)
    return tables["wav.scp"]


def fill_cache(wavs, device):
    """Seconds that extraction takes, the model already loaded."""
    config = load_upstream_config("conf/upstream/random.yaml")
    upstream = FrozenUpstream(config, device)
    batches = plan_batches(dict.fromkeys(wavs, SAMPLES / SAMPLE_RATE), BATCH_SECONDS[device.type])
    folder = "dump/random/train"
    writer = ShareWriter(folder, 1, 1, upstream.layer_indices, DTYPES[config["dtype"]])
    wavs = {utt: str(path) for utt, path in wavs.items()}
    started = time.perf_counter()
    extract(upstream, batches, wavs, writer, Progress(len(wavs), "utterances", "cache"))
    join_shares(folder, 1, list(wavs))
    return time.perf_counter() - started


def epoch(feats, layers, device):
    """Seconds of the second of two epochs of MHFA, and its loss."""
    config = {
        **EXPERIMENT,
        "feats": feats,
        "upstream": "random",
        "layers": layers,
        "model": "mhfa",
        "model_conf": {"layers": len(layers), "dim": 1024},
        "crop": {"train": "first", "test": "first", "seconds": 4.0, "pad": "tile"},
        "batch_size": 8,
        "seed": 1,
    }
    inputs = open_inputs(config, "data/train", "dump", train=True)
    learner = Learner(config, inputs, read_labels("data/train"), device, feats)
    if feats == "cached":
        learner.run_epoch(1)  # for minutes the other would take for it
    started = time.perf_counter()
    loss = learner.run_epoch(2)
    return time.perf_counter() - started, loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=24, help="of the upstream")
    parser.add_argument("--utterances", type=int, default=16, help="of 64,600 samples")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_upstream(folder, args.layers)
        wavs = make_data(folder, args.utterances)
        os.chdir(folder)  # a recipe's folder: conf/, data/, dump/
        filling = fill_cache(wavs, device)
        name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
        print(f"{name}: MHFA, {args.utterances} utterances, an upstream of {args.layers} layers")
        for layers in ([args.layers], list(range(args.layers + 1))):
            cached, _ = epoch("cached", layers, device)
            loop, _ = epoch("ssl", layers, device)
            print(
                f"reading {len(layers)} layers: from cache {loop / cached:.1f}x as fast as with SSL"
                f" in the loop; filling the cache took {filling / loop:.2f} of such an epoch"
            )


if __name__ == "__main__":
    main()
