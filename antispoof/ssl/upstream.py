"""Upstreams as frozen front ends: those of s3prl and our own (`fetch.OWN`)."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..config import UPSTREAM_KEYS, load_config, write_config
from ..errors import UserError
from ..torch_utils.checkpoint import MISFITS, first_line
from ..torch_utils.onednn import fast_products
from . import conventions
from .cpu_convolutions import use_matrix_products
from .families import BY_LOCAL, PUBLISHED, check_name, check_options
from .fetch import make_upstream
from .spectra import leave_out_unread
from .weights import Weights, check_sum

DTYPES = {"float32": None, "two_byte": 3, "one_byte": 5}  # Kaldi's compression methods
FEW = 15  # frames per second, below which a second is too short to count them
AUTOCAST = {"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def load_upstream_config(path: str | Path) -> dict[str, Any]:
    """Read conf/upstream/<name>.yaml. Raises UserError."""
    config = load_config(path, UPSTREAM_KEYS)
    check_name(path, config["name"], config["checkpoint"])
    check_sum(path, config["sha256"])
    config["options"] = check_options(path, config["name"], config["options"])
    copies = config["copies"]
    if bool(copies["count"]) != bool(copies["augment"]):
        raise UserError(
            f"{path}: 'copies' needs a 'count' from 0, and with 1 or more a list 'augment'"
        )
    if config["autocast"] != "none" and config["tolerance"] <= 0:
        raise UserError(f"{path}: 'autocast: {config['autocast']}' needs a 'tolerance' above 0")
    return config


def claim_dump(dump_dir: str | Path, config: dict[str, Any]) -> None:
    """Write `config` into `dump_dir`; refuse a folder that another config made."""
    path = Path(dump_dir) / "config.yaml"
    if path.exists() and load_config(path, UPSTREAM_KEYS) != config:
        raise UserError(f"{path}: holds features of another config; remove {dump_dir} to redo them")
    if not path.exists():
        write_config(path, config)


def require_read(dump_dir: str | Path, config: dict[str, Any], copies: bool = True) -> None:
    """Raise UserError where `dump_dir` holds features of another upstream than `config` says.

    copies: whether those count, which training alone reads. A folder that does not say what made
    it is let pass.
    """
    path = Path(dump_dir) / "config.yaml"
    if not path.exists():
        return
    found = load_config(path, UPSTREAM_KEYS)
    for key, value in config.items():
        if found[key] != value and (copies or key != "copies"):
            raise UserError(
                f"{path}: holds features of another upstream ({key}: {found[key]!r}, the "
                f"experiment read {value!r}); bring back conf/upstream/, or train again with --tag"
            )


def open_upstream(config: dict[str, Any]) -> tuple[torch.nn.Module, bool]:
    """The upstream of `config`, in eval mode, with the config's conventions.

    Returns it with whether utterances of any lengths may share a batch. Its `weight_sums` are
    {name of a file: SHA-256} of what was read.
    """
    options = config["options"]
    published = "" if config["checkpoint"] else PUBLISHED.get(config["name"], "")
    stated = config.get("sha256", "")
    source = "'sha256' of the config" if stated else "as published"
    weights = Weights(stated or published, source)
    model: Any = make_upstream(config["name"], config["checkpoint"], options, weights).eval()
    model.weight_sums = weights.sums
    leave_out_unread(model)
    name, family = config["name"], type(model).__module__.split(".")[-2]
    if name in BY_LOCAL and BY_LOCAL[name].transformer and BY_LOCAL[name].form != family:
        raise UserError(
            f"{config['checkpoint']}: is not of the family that 'name: {name}' says; wanted "
            f"'name: {family}_local'"
        )
    if "feature_selection" in options and config["final_norm"] == "before":
        raise UserError(
            f"upstream {name}: 'final_norm: before' has no meaning with 'feature_selection'"
        )
    if conventions.is_transformer(model) or conventions.has_final_norm(model):
        conventions.set_final_norm(model, config["final_norm"])
    if config["waveform_norm"] != "as_trained":
        conventions.set_waveform_norm(model, config["waveform_norm"])
    return model, conventions.make_batch_exact(model)


class FrozenUpstream:
    """An s3prl upstream that never changes: eval mode, no gradients, the config's conventions.

    Args: config: of conf/upstream/<name>.yaml; device. `layer_indices` and `dim` tell what a call
    gives, `batches` whether utterances of any lengths may share a call.
    """

    def __init__(self, config: dict[str, Any], device: str | torch.device = "cpu") -> None:
        self.name, self.config, self.device = config["name"], config, torch.device(device)
        self.model, self.batches = open_upstream(config)
        self.weight_sums: dict[str, str] = self.model.weight_sums
        self.frame_count = conventions.counter_of(self.model)
        self.model.requires_grad_(False).to(self.device)
        self.transformer = conventions.is_transformer(self.model)
        if self.transformer and self.device.type == "cpu":
            use_matrix_products(self.model)
        self.amp = AUTOCAST[config["autocast"]] if self.device.type == "cuda" else None
        if self.amp is not None:
            self.require_tolerance()
        hidden = self._trial(1)
        count, layers = len(hidden), config["layers"]
        chosen = {"last": [count - 1], "all": range(count)}.get(str(layers), layers)
        self.layer_indices = sorted(set(chosen))
        if not self.layer_indices or not all(0 <= index < count for index in self.layer_indices):
            raise UserError(f"upstream {self.name}: has layers 0 to {count - 1}, wanted {layers}")
        shapes = {tuple(hidden[index].shape[1:]) for index in self.layer_indices}
        if len(shapes) > 1:
            raise UserError(
                f"upstream {self.name}: its layers {self.layer_indices} are of {sorted(shapes)} "
                "frames and numbers; name 'layers' that are alike"
            )
        ((frames, self.dim),) = shapes
        # per second; of few, a second does not tell
        more = 0 if frames >= FEW else len(self._trial(10)[-1][0]) - frames
        self.frame_rate = frames if frames >= FEW else more / 9 if more else 1 / 10

    def _trial(self, seconds):
        """The hidden states of so many seconds of silence."""
        silence = np.zeros(seconds * SAMPLE_RATE, np.float32)
        try:
            hidden = self._hidden([silence])
        except (ImportError, AssertionError, *MISFITS) as error:
            raise UserError(
                f"upstream {self.name}: fails on {seconds} s of silence "
                f"({type(error).__name__}: {first_line(error)[:200]}); name another upstream"
            ) from None
        if not hidden or any(states.ndim != 3 for states in hidden):
            raise UserError(f"upstream {self.name}: gives no hidden states; name another upstream")
        return hidden

    def require_tolerance(self) -> None:
        """Raise UserError where autocast differs from float32 by more than `tolerance`.

        On a second of noise, in any layer, by the largest difference over the largest state.
        """
        wave = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32) / 10
        found = self._hidden([wave])
        amp, self.amp = self.amp, None
        exact, self.amp = self._hidden([wave]), amp
        tolerance, autocast = self.config["tolerance"], self.config["autocast"]
        for layer, (one, other) in enumerate(zip(found, exact, strict=True)):
            difference = ((one - other).abs().max() / other.abs().max()).item()
            if not difference <= tolerance:  # a NaN is no less
                raise UserError(
                    f"upstream {self.name}: layer {layer} differs by {difference:.3g} with "
                    f"'autocast: {autocast}' from float32, wanted 'tolerance' {tolerance:g} at "
                    "most; raise it, or compute in float32"
                )

    @torch.inference_mode()
    def _hidden(self, waves):
        waves = [torch.from_numpy(wave).to(self.device) for wave in waves]
        amp = torch.autocast(self.device.type, self.amp, enabled=self.amp is not None)
        with fast_products(self.device), amp:
            hidden = self.model(waves).get("hidden_states", ())
            return [states.float() for states in hidden]

    def __call__(
        self, waves: Sequence[np.ndarray], utts: Sequence[str]
    ) -> list[dict[int, np.ndarray]]:
        """[(S,) float32] -> for each, {layer index: (T, D) float32 array}.

        Raises UserError, naming the utterance, where a sound is too short for one frame.
        """
        if self.frame_count is not None:
            for wave, utt in zip(waves, utts, strict=True):
                if not self.frame_count(len(wave)):
                    least = next(n for n in itertools.count() if self.frame_count(n))
                    raise UserError(
                        f"{utt}: {len(wave)} samples are too short for a frame of {least}"
                    )
        try:
            hidden = self._hidden(waves)
        except torch.OutOfMemoryError:
            seconds = sum(map(len, waves)) / SAMPLE_RATE
            raise UserError(
                f"upstream {self.name}: out of memory on {len(waves)} utterances, {seconds:.0f} s; "
                "lower --batch-seconds"
            ) from None
        except (RuntimeError, AssertionError, IndexError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            sizes = ", ".join(f"{u} {len(w)}" for u, w in zip(utts, waves, strict=True))
            raise UserError(
                f"upstream {self.name} fails ({reason}) on samples of {sizes}; too short?"
            ) from None
        return [
            {
                index: self._frames(hidden[index][item], wave, utts[item])
                for index in self.layer_indices
            }
            for item, wave in enumerate(waves)
        ]

    def _frames(self, states, wave, utt):
        """The states (T, D) of one utterance of a padded batch, cut to its own count."""
        if self.frame_count is not None:
            states = states[: self.frame_count(len(wave))]
            if self.config["frames"] == "s3prl":
                states = conventions.match_frames(
                    states, conventions.frame_count(len(wave), "s3prl")
                )
        if not len(states):
            raise UserError(f"{utt}: {len(wave)} samples are too short for a frame of {self.name}")
        return states.cpu().numpy()
