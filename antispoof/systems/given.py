"""What a model reads of sounds that are at hand, rather than of a data directory.

Cropped, padded and cut as an experiment's config says, by the same code as a set is. Features that
a recipe caches are computed, and rounded as its archives round them. A front end of few frames per
second, whose rate a recipe counts over a set, may get a crop that differs by a frame.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import SAMPLE_RATE
from ..data.ark import as_stored
from ..data.crop import fit
from ..data.seeds import window_generator
from ..data.sounds import Sound
from ..errors import UserError
from ..features.plan import BATCH_SECONDS, plan_batches
from ..scoring.inputs import CachedFeatures, Inputs, UpstreamWaveforms, Waveforms, next_ten
from ..ssl.distillmos import ALIKE
from ..ssl.upstream import DTYPES, FrozenUpstream
from .shared import BATCH, once

MORE = 8  # times as many seconds in a batch of sounds that are alike


class GivenWaveforms(Waveforms):
    """x (S,): of sounds, each with a name of its own."""

    def __init__(self, config: dict[str, Any], sounds: Sequence[Sound]) -> None:
        self._follow(config, "test")
        self.sounds = {sound.name: sound.wave for sound in sounds}
        self.wavs = {sound.name: sound.place for sound in sounds}
        self.utts = list(self.wavs)
        self.length = round(self.crop["seconds"] * SAMPLE_RATE)

    def _augmented(self, utt):
        return self.sounds[utt], []


class GivenUpstreamWaveforms(GivenWaveforms, UpstreamWaveforms):
    """The same for an upstream inside the model."""


class GivenFeatures(CachedFeatures):
    """x (L, T, D): of sounds, by the front end `upstream`.

    readers: the layers that each system reads of it. Of several, features are computed for all.
    """

    def __init__(
        self,
        config: dict[str, Any],
        sounds: Sequence[Sound],
        upstream: FrozenUpstream,
        readers: Sequence[set[int]] = (),
    ) -> None:
        self._follow(config, "test")
        self.wavs = {sound.name: sound.place for sound in sounds}
        self.utts = list(self.wavs)
        layers, waves = config["layers"], {sound.name: sound.wave for sound in sounds}
        if BATCH.now is not None and len(readers) > 1:
            every = sorted(set().union(*readers))
            found = once(upstream, sounds, lambda: _features(waves, upstream, every))
        else:
            found = _features(waves, upstream, layers)
        self.feats: Any = [[{utt: found[utt][layer] for utt in found} for layer in layers]]
        self.length = max(1, round(self.crop["seconds"] * next_ten(upstream.frame_rate)))

    def _load(self, matrix, utt, span):
        rows = matrix[slice(*span(len(matrix)))]
        if not np.isfinite(rows).all():
            raise UserError(f"{self.wavs[utt]}: {utt}: its features are not finite; silent?")
        return rows


def _features(waves, upstream, layers):
    """{utterance: {layer: (T, D)}} of {utterance: (S,)}, as stage 2 would store them."""
    window, coding = upstream.config["window"], DTYPES[upstream.config["dtype"]]
    kept = {
        utt: fit(wave, window["samples"], window["policy"], window["pad"], window_generator(utt, 0))
        for utt, wave in waves.items()
    }
    seconds = {utt: len(wave) / SAMPLE_RATE for utt, (wave, _) in kept.items()}
    at_once = BATCH_SECONDS[upstream.device.type] if upstream.batches else 0.0
    if ALIKE.now is not None:  # of one length: a larger batch has no padding
        at_once *= MORE
    found = {}
    for batch in plan_batches(seconds, at_once):
        states = upstream([kept[utt][0] for utt in batch], batch)
        for utt, own in zip(batch, states, strict=True):
            found[utt] = {layer: as_stored(own[layer], coding) for layer in layers}
    return found


def give_inputs(
    config: dict[str, Any],
    sounds: Sequence[Sound],
    upstream: FrozenUpstream | None,
    readers: Sequence[set[int]] = (),
) -> Inputs:
    """The `Inputs` that an experiment's `feats` asks for.

    upstream, readers: for `feats: cached` alone, see `GivenFeatures`.
    """
    if upstream is not None:
        return GivenFeatures(config, sounds, upstream, readers)
    kind = GivenUpstreamWaveforms if config["feats"] == "ssl" else GivenWaveforms
    return kind(config, sounds)
