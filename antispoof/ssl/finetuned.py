"""An SSL model inside the countermeasure: it runs on waveforms, trainable in part or whole.

What is not trained is frozen: in eval mode (no dropout), without gradients, and since nothing below
the first trained layer needs one, only what is above it is kept for backward. s3prl's own
settings are not used: it runs the convolutions without gradients in every case, and its layer
drop leaves layers out of the list of hidden states. Dropout of trained layers is the checkpoint's.

A state dict holds what training changed, and a checksum of the upstream as it was before; the rest
comes from the upstream's checkpoint whenever the model is built. So a state of one choice of layers
can be loaded into a fresh model of another choice, to go on from it. What learns may also be added
to the layers (`tuning`); then the upstream's own parameters all stay the checkpoint's.
"""

import contextlib
import functools
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ..errors import UserError
from ..torch_utils.masks import valid_mask
from ..torch_utils.onednn import fast_products
from .conventions import frame_count
from .parts import Parts, parts_of
from .states import fill_in, fit_to_weights, leave_out, stated
from .tuning import penalty_of, tune


class FineTuned(nn.Module):
    """Front end and back end as one model of the contract: `forward(x (B, S), lengths) -> (B, 2)`.

    Args: front_end: a `FrontEnd`; back_end: any model that takes (B, L, T, D) and frames (B,), or,
    where it `reads` both, x and lengths after these.
    """

    def __init__(self, front_end: "FrontEnd", back_end: nn.Module) -> None:
        super().__init__()
        self.front_end, self.back_end = front_end, back_end

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        states, frames = self.front_end(x, lengths)
        if self.back_end.reads == "both":
            return self.back_end(states, frames, x, lengths)
        return self.back_end(states, frames)

    def localise(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        """What the back end says of frames, where it is a `FrameBackEnd`."""
        return self.back_end.localise(*self.front_end(x, lengths))


class FrontEnd(nn.Module):
    """An s3prl upstream whose chosen layers come from one pass, and of which a part may learn.

    Args:
        upstream: by `open_upstream`, a model that `parts_of` knows.
        config: of conf/upstream/<name>.yaml.
        layers: indices into its hidden states, of which entry l is the output of l layers.
        finetune: the experiment's block, `layers` being none, all, or a list of transformer layers
            from 0. With `all`, what the hidden states rest on is trainable; with a list the
            named layers alone, without the convolutions and the encoder's final LayerNorm.
            With a `method` other than full, what `tuning.tune` adds to these layers, alone.

    `trained` lists the trainable transformer layers. Raises UserError for layers that there are
    not, or that could not learn since no layer above them is read.
    """

    def __init__(
        self,
        upstream: nn.Module,
        config: dict[str, Any],
        layers: Sequence[int],
        finetune: dict[str, Any],
    ) -> None:
        super().__init__()
        self.upstream, self.config = upstream, config
        self.layers, self.finetune = list(layers), finetune
        parts = parts_of(upstream)
        assert parts is not None, type(upstream)
        self.parts: Parts = parts
        self.dim, count, self.top = parts.dim, len(parts.layers), max(layers)
        if self.top > count:
            raise UserError(
                f"upstream {config['name']}: has layers 0 to {count}, wanted {self.layers}"
            )
        named = {"none": [], "all": range(self.top)}
        wanted = finetune["layers"]
        self.trained = list(named[wanted] if isinstance(wanted, str) else wanted)
        if self.trained and max(self.trained) >= self.top:
            raise UserError(
                f"finetune.layers: {max(self.trained)} cannot learn: the model reads 'layers' up "
                f"to {self.top}, the output of transformer layer {self.top - 1}; these count from 0"
            )
        self.tuned = tune(parts, self.trained, finetune)
        for index, layer in enumerate(parts.layers):
            layer.forward = functools.partial(self._run_layer, index, layer, layer.forward)
        self.trainable = self._choose_modules()
        upstream.requires_grad_(False)
        for module in self.trainable:
            module.requires_grad_(True)
        learn = parts.convolutions in self.trainable
        parts.scale_gradient(finetune["feature_grad_mult"] if learn else 0.0)
        self.kept = {name for name, p in self.named_parameters() if p.requires_grad}
        self.checksum = checksum_of(upstream)
        self.starts = self.begins = False  # from a state of another training; with a fresh method
        self.register_state_dict_post_hook(leave_out)
        self.register_load_state_dict_pre_hook(fill_in)
        self.register_load_state_dict_post_hook(fit_to_weights)
        self.train()

    def _choose_modules(self):
        """What is trainable: all that the chosen hidden states rest on, or the named layers."""
        parts = self.parts
        if self.finetune["method"] != "full":
            return list(self.tuned.values())
        modules = [parts.layers[index] for index in self.trained]
        if self.finetune["layers"] != "all":
            return modules
        modules += parts.below
        if self.finetune["feature_grad_mult"] > 0:
            modules.append(parts.convolutions)
        last = self.top == len(parts.layers) and self.config["final_norm"] == "after"
        if last and parts.final_norm is not None:
            modules.append(parts.final_norm)
        return modules

    def train(self, mode: bool = True) -> "FrontEnd":
        """Training mode for what is trainable alone."""
        self.training = mode
        self.upstream.eval()
        if (
            mode and self.finetune["layers"] == "all" and not self.tuned
        ):  # the dropouts between the modules too
            self.parts.use_dropout()
        for module in self.trainable:
            module.train(mode)
        return self

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms (B, S), samples (B,) -> hidden states (B, L, T, D), frames (B,).

        Zeros stand beyond an utterance's frames. Each needs at least one frame (400 samples).
        """
        assert x.ndim == 2, x.shape
        samples = lengths.tolist()
        trains = torch.is_grad_enabled() and bool(self.trainable)
        with torch.set_grad_enabled(trains), fast_products(x.device):
            waves = [wave[:count] for wave, count in zip(x, samples, strict=True)]
            hidden = self.upstream(waves)["hidden_states"]
            states = torch.stack([hidden[layer] for layer in self.layers], 1)  # (B, L, T, D)
            return self._own_frames(states, samples)

    def penalty(self) -> torch.Tensor | None:
        """What the method of `finetune` adds to the loss of a batch, or None."""
        return penalty_of(self.tuned, self.finetune)

    def _own_frames(self, states, samples):
        """Cut to the convention's frames, which may repeat the last; zeros beyond each one's."""
        counts = [self.parts.frame_count(count) for count in samples]
        if self.config["frames"] == "s3prl":
            own = [count - 1 for count in counts]
            counts = [frame_count(count, "s3prl") for count in samples]
        frames, time = states.new_tensor(counts, dtype=torch.long), max(counts)
        if self.config["frames"] == "s3prl":
            last = states.new_tensor(own, dtype=torch.long)[:, None]
            index = torch.arange(time, device=states.device).minimum(last)  # (B, T)
            shape = (-1, states.shape[1], -1, states.shape[3])
            states = states.gather(2, index[:, None, :, None].expand(shape))
        states = states[:, :, :time]
        if min(counts) < time:
            beyond = ~valid_mask(frames, time)
            states = states.masked_fill(beyond[:, None, :, None], 0)
        return states, frames

    def _run_layer(self, index, layer, forward, x, **options):
        """Instead of a transformer layer's `forward`: x (T, B, D) -> (x, what its family adds)."""
        if index >= self.top:  # nothing reads it
            return self._passed_on(x, options)
        trains = self.training and index in self.trained
        # Drawn outside the checkpoint: a checkpointed layer is computed twice.
        drop = self.finetune["layer_drop"] if trains else 0.0
        if drop and torch.rand(()).item() < drop:
            if getattr(layer.self_attn, "has_relative_attention_bias", False):
                return x, *forward(x, **options)[1:]  # WavLM: all layers read the first one's bias
            return self._passed_on(x, options)
        stores = torch.is_grad_enabled() and (trains or x.requires_grad)
        if stores and self.training and self.finetune["checkpointing"]:
            return checkpoint(forward, x, use_reentrant=False, **options)
        return forward(x, **options)

    @staticmethod
    def _passed_on(x, options):
        """What a layer that is left out gives: WavLM's (x, attention, bias), or (x, (_, _))."""
        return (x, None, options["pos_bias"]) if "pos_bias" in options else (x, (None, x))

    def get_extra_state(self) -> dict[str, Any]:
        """What a state dict goes with."""
        return stated(self)

    def set_extra_state(self, state: dict[str, Any]) -> None:
        found = {"method": "full", "method_conf": {}, **self.get_extra_state()}
        for key, value in state.items():
            if found[key] != value and key.startswith("method"):
                raise UserError(
                    f"upstream {self.config['name']}: this model was tuned otherwise "
                    f"(finetune.{key}: {value!r}, now {found[key]!r}); wanted 'finetune' as in the "
                    "config that it was trained with"
                )
            if found[key] != value:
                raise UserError(
                    f"upstream {self.config['name']}: this model was trained with another one "
                    f"({key}: {value!r}, now {found[key]!r}); bring back the conf/upstream/ file "
                    "and the checkpoint that it was trained with"
                )


def checksum_of(module: nn.Module) -> int:
    """CRC-32 of the names and numbers of a module's parameters; 0 on the device `meta`."""
    checksum = 0
    for name, parameter in sorted(module.named_parameters()):
        if parameter.is_meta:
            return 0
        data = parameter.detach().cpu().contiguous().numpy().data
        checksum = zlib.crc32(data, zlib.crc32(name.encode(), checksum))
    return checksum


@contextlib.contextmanager
def starting(model: nn.Module) -> Iterator[None]:
    """While this is open, `model` takes a state of a training without its method of `finetune`."""
    front_ends = [module for module in model.modules() if isinstance(module, FrontEnd)]
    for front_end in front_ends:
        front_end.starts = True
    try:
        yield
    finally:
        for front_end in front_ends:
            front_end.starts = False
