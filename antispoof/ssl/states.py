"""What a state dict of a `FrontEnd` holds, and which of them it takes.

It holds what training changed. What it lacks is the checkpoint's, but never a part that a method of
`finetune` adds: without it, a tuned model would be the frozen one. Only where training starts from
a state of another training may all of that be lacking; it then begins with no effect, on the
weights that were taken.
"""

from typing import Any

from .tuning import fit_magnitudes, tuning_settings

CONVENTIONS = ("name", "waveform_norm", "final_norm", "frames")  # change what the layers mean
OF_TRAINING = ("dropout", "orthogonality")  # settings of a method that change no output


def stated(front_end: Any) -> dict[str, Any]:
    """What a state dict goes with: the untrained upstream, how it is read, how it is tuned."""
    found = {"checksum": front_end.checksum, "layers": front_end.layers}
    found |= {key: front_end.config[key] for key in CONVENTIONS}
    if front_end.finetune["method"] != "full":
        conf = tuning_settings(front_end.finetune)
        found["method"] = front_end.finetune["method"]
        found["method_conf"] = {k: v for k, v in conf.items() if k not in OF_TRAINING}
    return found


def leave_out(front_end: Any, state: dict[str, Any], prefix: str, _metadata: Any) -> None:
    """Take out of a state dict what is the checkpoint's."""
    for name, _ in front_end.named_parameters():
        if name not in front_end.kept:
            del state[prefix + name]


def fill_in(front_end: Any, state: dict[str, Any], prefix: str, *_others: Any) -> None:
    """Give a state dict what it lacks; what it has is no longer the checkpoint's, and is kept."""
    extra = state.get(f"{prefix}_extra_state")
    tuned = any(name.startswith(f"{prefix}tuned.") for name in state)
    tuned = tuned or (isinstance(extra, dict) and "method" in extra)
    front_end.begins = front_end.starts and not tuned
    for name, parameter in front_end.named_parameters():
        if prefix + name in state:
            front_end.kept.add(name)
        elif front_end.begins or not name.startswith("tuned."):
            state[prefix + name] = parameter


def fit_to_weights(front_end: Any, _found: Any) -> None:
    """What is added has no effect on the weights that were just loaded either."""
    if front_end.begins:
        fit_magnitudes(front_end.parts, front_end.tuned)
