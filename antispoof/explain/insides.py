"""What a model itself says of how it listens: weights of layers, nodes that graphs keep."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..data.crop import crop, window_starts
from ..data.seeds import generator, window_generator
from ..data.sounds import Sound
from ..layers.graph import GraphReadout
from ..models.aasist import FILTERS, Aasist
from ..models.ca_mhfa import CAMHFA
from ..models.mean_pool import MeanPool
from ..models.mhfa import MHFA
from ..models.sls import SLS
from ..models.ssl_aasist import POOL, SslAasist
from ..models.wavlm_aasist import WavLMAasist
from ..scoring.inputs import next_ten
from ..ssl.finetuned import FineTuned
from ..systems.given import give_inputs

MEL_RANGE = (20.0, 7600.0)  # Hz, of `MelFrontEnd`


@dataclass(frozen=True)
class LayerWeights:
    """How much each layer of a front end counts. `kind`: keys, values, gates or mean."""

    system: str
    kind: str
    layers: np.ndarray  # (L,) as hidden states are counted, 0 below the first layer
    weights: np.ndarray  # (L,) of a sum, 1 in all; gates: each 0 to 1, of this sound


@dataclass(frozen=True)
class KeptNodes:
    """Which nodes the pools of a graph keep, of one kind: time or frequency.

    `starts` and `ends` (N,) are seconds of the sound or Hz; NaN where a node is a learnt row, which
    has no frequency.
    """

    system: str
    kind: str
    starts: np.ndarray
    ends: np.ndarray
    kept: np.ndarray  # (N,) bool: by the first pool
    branches: np.ndarray  # (2, N) bool: also by the pool of each branch

    def later(self, seconds: float) -> "KeptNodes":
        """The same where the sound begins so many seconds later."""
        if self.kind != "time":
            return self
        return replace(self, starts=self.starts + seconds, ends=self.ends + seconds)


def look_inside(name: str, system: Any, sound: Sound) -> tuple[list[LayerWeights], list[KeptNodes]]:
    """The layer weights and the kept nodes of an experiment `system` on one sound.

    Of a sound that the model reads in windows, the mean of the gates, and the nodes of each window.
    """
    inputs = give_inputs(system.config, [sound], system.upstream)
    read = inputs[0]
    windows = read if isinstance(read, list) else [read]
    model = system.model.eval()
    back_end = model.back_end if isinstance(model, FineTuned) else model
    rate = _rate(system, model)
    starts = _starts(inputs, sound, system.upstream, rate, len(windows))
    gates: list[np.ndarray] = []
    nodes: list[KeptNodes] = []
    for (x, length, _), start in zip(windows, starts, strict=True):
        with torch.inference_mode(), _listening(back_end) as heard:
            model(x[None].to(system.device), torch.tensor([length], device=system.device))
        gates += heard.pop("gates", [])
        nodes += _nodes(name, back_end, heard, start, rate)
    layers = [
        LayerWeights(name, kind, np.array(system.config["layers"]), weights)
        for kind, weights in _weights(back_end, gates)
        if len(weights) > 1
    ]
    return layers, nodes


def _rate(system, model):
    """Steps per second of what the model reads: frames, or samples."""
    if system.upstream is not None:
        return next_ten(system.upstream.frame_rate)
    if isinstance(model, FineTuned):
        return next_ten(model.front_end.parts.frame_count(SAMPLE_RATE))
    return SAMPLE_RATE


def _starts(inputs, sound, upstream, rate, count):
    """Seconds of the sound at which each window of what the model reads begins."""
    first, found, unit = 0.0, len(sound.wave), SAMPLE_RATE
    if upstream is not None:
        window = upstream.config["window"]
        span = crop(found, window["samples"], window["policy"], window_generator(sound.name, 0))
        first, unit = span[0] / SAMPLE_RATE, rate
        found = len(inputs.feats[0][0][sound.name])
    if inputs.policy == "windows":
        return [first + start / unit for start in window_starts(found, inputs.length)][:count]
    draws = generator(inputs.seed, 0, sound.name)
    return [first + crop(found, inputs.length, inputs.policy, draws)[0] / unit]


@contextmanager
def _listening(back_end) -> Iterator[dict[Any, Any]]:
    """{what: arrays}: gates of SLS, and of each pool how many nodes it chose from."""
    heard: dict[Any, Any] = {}
    hooks = []
    if isinstance(back_end, SLS):

        def take(_, __, found):
            heard.setdefault("gates", []).append(found.sigmoid()[0, :, 0].cpu().numpy())

        hooks.append(back_end.gate.register_forward_hook(take))
    readout = _graph(back_end)
    if readout is not None:
        for pool in (readout.pool_temporal, readout.pool_spectral):

            def count(pool, args):
                heard[pool] = args[0].shape[1]

            hooks.append(pool.register_forward_pre_hook(count))
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def _weights(back_end, gates) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(back_end, (MHFA, CAMHFA)):
        for kind in ("key", "value"):
            weights = getattr(back_end, f"{kind}_weights").detach().softmax(0)
            yield f"{kind}s", weights.cpu().numpy()
    elif isinstance(back_end, MeanPool):
        yield "mean", np.full(back_end.layers, 1 / back_end.layers)
    elif gates:
        yield "gates", np.mean(gates, 0)


def _graph(back_end) -> GraphReadout | None:
    if isinstance(back_end, WavLMAasist):
        return back_end.mel_stream.graph
    return back_end.graph if isinstance(back_end, (Aasist, SslAasist)) else None


def _nodes(name, back_end, heard, start, rate) -> Iterator[KeptNodes]:
    """Nodes of the last sound that the model scored, alone in its batch."""
    readout = _graph(back_end)
    if readout is None:
        return
    for kind, pool in (("time", "pool_temporal"), ("frequency", "pool_spectral")):
        first = getattr(readout, pool)
        top, count = first.kept[0].cpu().numpy(), heard[first]
        branches = np.zeros((2, count), bool)
        for branch, own in zip(branches, readout.branches, strict=True):
            branch[top[getattr(own, pool).kept[0].cpu().numpy()]] = True
        kept = np.zeros(count, bool)
        kept[top] = True
        if kind == "time":
            step = _step(back_end) / (SAMPLE_RATE / 160 if _reads_mel(back_end) else rate)
            edges = start + step * np.arange(count + 1)
        else:
            edges = _frequencies(back_end, count)
        yield KeptNodes(name, kind, edges[:-1], edges[1:], kept, branches)


def _reads_mel(back_end):
    return isinstance(back_end, WavLMAasist)


def _step(back_end) -> int:
    """Samples or frames of the input that a node of time stands for."""
    if isinstance(back_end, Aasist):
        return POOL ** (1 + len(back_end.encoder))
    return (back_end.mel_stream if _reads_mel(back_end) else back_end).shortest


def _frequencies(back_end, count) -> np.ndarray:
    """(count + 1,) Hz between the nodes of frequency, three neighbouring bands each."""
    if isinstance(back_end, Aasist):
        return _mel_edges(0.0, SAMPLE_RATE / 2, FILTERS + 1)[::POOL][: count + 1]
    if _reads_mel(back_end):
        # the band of a mel filter, between the middles of its neighbours
        centres = _mel_edges(*MEL_RANGE, 128 + 2)
        return ((centres[:-1] + centres[1:]) / 2)[::POOL][: count + 1]
    return np.full(count + 1, np.nan)


def _mel_edges(low: float, high: float, count: int) -> np.ndarray:
    """(count,) Hz, evenly on the mel scale."""
    ends = 2595 * np.log10(1 + np.array([low, high]) / 700)
    return 700 * (10 ** (np.linspace(ends[0], ends[1], count) / 2595) - 1)


def systems_of(system: Any) -> Iterator[tuple[str, Any]]:
    """(name, system) of each experiment of a `Mapped`, in order; each once."""
    names: Sequence[str] = getattr(getattr(system, "mapping", None), "systems", ())
    for name, own in zip(names, getattr(system, "systems", ()), strict=False):
        if hasattr(own, "systems"):
            yield from systems_of(own)
        else:
            yield name, own
