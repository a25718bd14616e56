"""Whether frame i of what a model of frames reads stands where its segments say: at i frames' time.

The frames of features last what the model takes them to last, they begin with the sound and end
with it. A window of an upstream, features of another rate, and copies of another speed do not.
"""

from pathlib import Path
from typing import Any

from .. import SAMPLE_RATE
from ..augment.chain import SHIFTING, names_in
from ..config import UPSTREAM_KEYS, load_config
from ..data.data_dir import read_durations
from ..data.frame_scores import RATE, covers
from ..data.segments import NAME
from ..data.tables import read_table
from ..errors import UserError
from ..models.back_end import FrameBackEnd
from ..ssl.conventions import STRIDE
from .inputs import CachedFeatures, Inputs, UpstreamWaveforms


def check_times(model: FrameBackEnd, inputs: Inputs, copies: bool = False) -> None:
    """Raise UserError where the frames that `model` reads do not stand where segments say.

    copies: whether augmented copies are read too, as in training.
    """
    if isinstance(inputs, CachedFeatures):
        check_window(inputs.config)
        made = Path(inputs.folder) / "config.yaml"
        if made.exists():
            check_window({"upstream_conf": load_config(made, UPSTREAM_KEYS)}, made, copies)
        _check_counts(model.frame_seconds, inputs)
    elif isinstance(inputs, UpstreamWaveforms):
        own = STRIDE / SAMPLE_RATE
        if abs(model.frame_seconds - own) > RATE * own:
            raise UserError(
                f"config: upstream {inputs.config['upstream']}: a frame lasts {own:g} s, the model "
                f"takes {model.frame_seconds:g} s; correct model_conf.frame_seconds"
            )


def check_window(config: dict[str, Any], place: object = "config", copies: bool = False) -> None:
    """Raise UserError where the upstream of `config` reads a part of each sound.

    copies: or makes copies for training in which a second is another one.
    """
    upstream = config.get("upstream_conf")
    if upstream is None or config.get("feats", "cached") != "cached":
        return
    policy = upstream["window"]["policy"]
    if policy != "full":
        raise UserError(
            f"{place}: the upstream's window.policy is {policy}; a model of frames reads whole "
            "sounds: wanted full, as in conf/upstream/xls_r_300m_frames.yaml"
        )
    for name in names_in(upstream["copies"]["augment"] if copies else ()):
        if name in SHIFTING:
            raise UserError(
                f"{place}: copies.augment has '{name}', which moves frames away from "
                f"data_dir/{NAME}"
            )


def _check_counts(frame, inputs):
    """Refuse features that have too few or too many frames for the length of a sound."""
    path = f"{inputs.folder}/utt2num_frames"
    counts, durations = read_table(path), read_durations(Path(inputs.wav_scp).parent)
    for utt in inputs.utts:
        count, seconds = int(counts[utt]), durations[utt]
        if not covers(count, frame, seconds):
            raise UserError(
                f"{path}: {utt}: found {count} frames, {count * frame:g} s at the model's "
                f"{frame:g} s each, wanted the {seconds:g} s of the sound; set "
                "model_conf.frame_seconds to that of the features, or take others"
            )
