"""Hidden units: the targets of HuBERT's first iteration, k-means clusters of MFCCs.

13 coefficients and two orders of deltas each 10 ms, of which every second frame is kept. Frame i of
the 20 ms then covers samples 320 i to 320 i + 400, exactly what frame i of the model sees.
Source: Hsu et al. 2021, HuBERT, section IV.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import LABELS, SAMPLE_RATE
from ..data.audio import read_wave
from ..data.tables import read_table, require_same_keys
from ..errors import UserError
from ..progress import Progress
from ..ssl.conventions import frame_count
from ..torch_utils.checkpoint import load_checkpoint, save_checkpoint


def bonafide_waves(data_dir: str | Path) -> dict[str, str]:
    """{utterance: path} of the bona fide utterances of a data directory. Raises UserError."""
    wavs, labels = read_table(f"{data_dir}/wav.scp"), read_table(f"{data_dir}/utt2label")
    require_same_keys(wavs, labels, f"{data_dir}/wav.scp", f"{data_dir}/utt2label")
    chosen = {utt: path for utt, path in wavs.items() if labels[utt] == LABELS[1]}
    if not chosen:
        raise UserError(f"{data_dir}/utt2label: holds no {LABELS[1]} utterance to learn from")
    return chosen


def mfcc(wave: np.ndarray) -> np.ndarray:
    """(S,) float32 at 16 kHz -> (frame_count(S), 39) float32: 13 MFCCs, deltas, their deltas."""
    from torchaudio.compliance import kaldi  # late: seconds of import
    from torchaudio.functional import compute_deltas

    static = kaldi.mfcc(torch.from_numpy(wave)[None], sample_frequency=SAMPLE_RATE).T  # (13, T)
    deltas = compute_deltas(static)
    return torch.cat([static, deltas, compute_deltas(deltas)]).T[::2].numpy()


def find_units(
    wavs: dict[str, str], config: dict[str, Any], path: str | Path
) -> dict[str, torch.Tensor]:
    """{utterance: (frames,) int16 tensor of cluster indices}, kept in the file `path`.

    wavs: {utterance: path of a sound}; config: `clusters`, `kmeans_frames` (drawn to learn them
    from), `min_seconds` (shorter utterances are left out), `seed`, and `allow` where there is one.
    What `path` already holds is returned. Raises UserError where `path` is of other utterances, or
    frames are too few.
    """
    if Path(path).exists():
        kept = load_checkpoint(path)
        if not _is_kept(kept):
            raise UserError(f"{path}: found no units, wanted those of a pre-training; remove it")
        if kept["utterances"] != list(wavs):
            raise UserError(f"{path}: is of other utterances; remove its folder to start again")
    else:
        kept = {"utterances": list(wavs), **_cluster(_all_mfccs(wavs, config), config)}
        save_checkpoint(path, kept)
    return dict(zip(kept["kept"], kept["units"].split(kept["counts"]), strict=True))


def _is_kept(found):
    """Whether `found` is what `find_units` writes."""
    names = ("utterances", "kept", "counts", "units", "centroids")
    if not isinstance(found, dict) or not all(name in found for name in names):
        return False
    every, kept, counts, units, centroids = (found[name] for name in names)
    if not all(isinstance(own, list) for own in (every, kept, counts)) or not all(
        isinstance(own, torch.Tensor) for own in (units, centroids)
    ):
        return False
    whole = all(type(own) is str for own in (*every, *kept)) and set(kept) <= set(every)
    whole = whole and all(type(own) is int and own >= 0 for own in counts)
    whole = whole and len(kept) == len(counts) and (units.dtype, units.ndim) == (torch.int16, 1)
    inside = not len(units) or (int(units.min()) >= 0 and int(units.max()) < len(centroids))
    return whole and inside and sum(counts) == len(units)


def _all_mfccs(wavs, config):
    """{utterance: (frames, 39)} of those that are long enough."""
    shortest = round(config["min_seconds"] * SAMPLE_RATE)
    progress, found = Progress(len(wavs), "utterances", "MFCCs"), {}
    for utt, path in wavs.items():
        wave = read_wave(path, utt, config.get("allow", ()))
        if len(wave) >= shortest:
            found[utt] = mfcc(wave)
            assert len(found[utt]) == frame_count(len(wave)), utt
        progress.advance()
    progress.close()
    return found


def _cluster(mfccs, config):
    from sklearn.cluster import MiniBatchKMeans  # late: seconds of import

    frames = np.concatenate(list(mfccs.values())) if mfccs else np.empty((0, 39), np.float32)
    if len(frames) < config["clusters"]:
        raise UserError(
            f"found {len(frames)} frames in {len(mfccs)} utterances of {config['min_seconds']} s "
            f"or more; wanted more than the {config['clusters']} clusters"
        )
    rng = np.random.default_rng(config["seed"])
    drawn = rng.permutation(len(frames))[: config["kmeans_frames"]]
    means = MiniBatchKMeans(
        config["clusters"], random_state=config["seed"], batch_size=10000, n_init=5
    ).fit(frames[drawn])
    return {
        "kept": list(mfccs),
        "counts": [len(matrix) for matrix in mfccs.values()],
        "units": torch.from_numpy(means.predict(frames).astype(np.int16)),
        "centroids": torch.from_numpy(means.cluster_centers_.astype(np.float32)),
    }
