#!/usr/bin/env python3
"""How hard is a corpus? The field's oldest baseline, LFCC with one Gaussian mixture per class.

Learns on the training set, writes scores (mean log-likelihood ratio per frame, higher = more bona
fide) of dev and of the sets to report on, as an experiment folder that the usual steps evaluate.
Features: 20 LFCC of 20 ms windows every 10 ms with deltas and double deltas, as in the baseline of
ASVspoof 2021; mixtures: diagonal, by scikit-learn.
"""

import argparse
import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.mixture import GaussianMixture

from antispoof.data.audio import read_wave
from antispoof.data.data_dir import read_data_dir
from antispoof.data.tables import read_table, write_table
from antispoof.errors import one_line_errors
from antispoof.features.lfcc import LFCCFrontEnd

EXAMPLE = """example (in a recipe's folder, after its stage 1):
  benchmarks/lfcc_gmm.py --seed 1 --train data/train --score "data/dev data/eval" \\
    exp/lfcc_gmm_seed1"""


def lfcc(item):
    """(utt, path) -> (T, 60) float32: LFCC, deltas, double deltas."""
    utt, path = item
    torch.set_num_threads(1)
    wave = torch.from_numpy(read_wave(path, utt))
    features, _ = LFCCFrontEnd()(wave[None], torch.tensor([len(wave)]))
    return features[0].T.numpy()


def fit(frames, components, seed):
    mixture = GaussianMixture(
        components, covariance_type="diag", max_iter=30, reg_covar=1e-4, random_state=seed,
        init_params="random_from_data",
    )  # fmt: skip
    return mixture.fit(frames)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--train", required=True, help="data directory to learn on")
    parser.add_argument("--score", required=True, help="data directories to score")
    parser.add_argument("--components", type=int, default=128)
    parser.add_argument("--frames", type=int, default=200000, help="frames drawn per class")
    parser.add_argument("--nj", type=int, default=2)
    parser.add_argument("exp_dir", type=Path)
    args = parser.parse_args()

    tables = read_data_dir(args.train)
    rng = np.random.default_rng(args.seed)
    with multiprocessing.Pool(args.nj) as pool:
        extract = partial(pool.imap, lfcc, chunksize=32)
        features = list(extract(tables["wav.scp"].items()))
        labels = np.array(list(tables["utt2label"].values()))
        mixtures = {}
        for label in ("spoof", "bonafide"):
            frames = np.concatenate([features[i] for i in np.flatnonzero(labels == label)])
            chosen = rng.choice(len(frames), min(args.frames, len(frames)), replace=False)
            mixtures[label] = fit(frames[chosen], args.components, args.seed)
        for data_dir in args.score.split():
            wavs = read_table(f"{data_dir}/wav.scp")
            scores = {}
            for utt, frames in zip(wavs, extract(wavs.items()), strict=True):
                ratio = mixtures["bonafide"].score(frames) - mixtures["spoof"].score(frames)
                scores[utt] = f"{ratio:.7g}"
            write_table(args.exp_dir / Path(data_dir).name / "scores", scores)


if __name__ == "__main__":
    with one_line_errors("benchmarks/lfcc_gmm.py"):
        main()
