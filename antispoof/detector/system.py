"""Experiments that are ready to score: a model with its front end, or a fusion of such."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..config.recorded import read_experiment
from ..errors import UserError
from ..evaluation.fusion import Calibration, Fusion
from ..evaluation.layout import calibration_path, fusion_path, is_fusion, novelty_path
from ..ssl.upstream import FrozenUpstream
from ..torch_utils.checkpoint import load_weights
from .build import build_system, upstream_settings
from .given import give_inputs
from .novelty import Descriptions, Novelty
from .score import score
from .sounds import Sound


class System:
    """The model of an experiment. Its scores are those of steps/score.py.

    Args: exp_dir; device; upstreams: {config: FrozenUpstream} of systems that share one.
    """

    def __init__(
        self, exp_dir: str | Path, device: torch.device, upstreams: dict[str, FrozenUpstream]
    ) -> None:
        self.config, self.device = read_experiment(exp_dir), device
        self.seconds = self.config["crop"]["seconds"]
        self.model = build_system(self.config).to(device).eval()
        load_weights(self.model, f"{exp_dir}/best.pt", device)
        self.upstream: FrozenUpstream | None = None
        if self.config["feats"] == "cached":
            settings: dict[str, Any] = upstream_settings(self.config)
            key = json.dumps(settings, sort_keys=True)
            if key not in upstreams:
                upstreams[key] = FrozenUpstream(settings, device)
            self.upstream = upstreams[key]
        place = novelty_path(exp_dir)
        self.novelty = Novelty.load(place) if place.is_file() else None

    def scores(self, sounds: Sequence[Sound], far: np.ndarray | None = None) -> np.ndarray:
        """(N,) of sounds whose names differ; higher = more bona fide. Raises UserError.

        far: (N,) distances from the training set, where a larger one of this system is put.
        """
        inputs = give_inputs(self.config, sounds, self.upstream)
        place = (self.model, inputs, self.config["batch_size"], self.device)
        if far is None or self.novelty is None:
            return score(*place, quiet=True)
        with Descriptions(self.model, len(inputs)).watching() as descriptions:
            scores = score(*place, quiet=True, descriptions=descriptions)
        np.maximum(far, self.novelty(descriptions.found()), out=far)
        return scores


class Mapped:
    """Systems, and the map from their scores to one LLR. `scores` gives LLRs in natural log.

    `seconds` is the longest crop among them.
    """

    def __init__(self, systems: Sequence["System | Mapped"], mapping: Fusion) -> None:
        self.systems, self.mapping = systems, mapping
        self.seconds: float = max(system.seconds for system in systems)

    def scores(self, sounds: Sequence[Sound], far: np.ndarray | None = None) -> np.ndarray:
        scores = np.stack([system.scores(sounds, far) for system in self.systems], 1)
        try:
            return self.mapping(scores)
        except ValueError as error:
            raise UserError(f"{sounds[0].place}: {error}; is the sound sound?") from None


def open_detector(exp_dir: str | Path, device: torch.device) -> Mapped:
    """The experiment `exp_dir`, a fusion or a system with its calibration. Raises UserError."""
    upstreams: dict[str, FrozenUpstream] = {}
    if is_fusion(exp_dir):
        return _open_fusion(Path(exp_dir), device, upstreams, ())
    system = System(exp_dir, device, upstreams)
    path = calibration_path(exp_dir)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file, wanted what maps scores to LLRs; run steps/calibrate.py "
            "(stage 5)"
        )
    return Mapped([system], Calibration.load(path))


def _open_fusion(exp_dir, device, upstreams, above):
    """A fusion's members are named after their folders, which stand next to its own."""
    mapping, members = Fusion.load(fusion_path(exp_dir)), []
    above = (*above, exp_dir.resolve())
    for name in mapping.systems:
        place = _find_member(exp_dir, name)
        if place.resolve() in above:
            raise UserError(f"{fusion_path(exp_dir)}: found itself among its systems; fuse again")
        if is_fusion(place):
            members.append(_open_fusion(place, device, upstreams, above))
        else:
            members.append(System(place, device, upstreams))
    return Mapped(members, mapping)


def _find_member(exp_dir, name):
    """The folder `name` next to the fusion; of a fusion without a system, next to the whole one."""
    parents = list(exp_dir.resolve().parents[:2])
    if Path(name).name != name or name == "..":
        raise UserError(
            f"{fusion_path(exp_dir)}: found the system '{name}', wanted a folder's name"
        )
    for parent in parents:
        if (parent / name).is_dir():
            return parent / name
    raise UserError(
        f"{parents[0] / name}: no such experiment, of which {fusion_path(exp_dir)} is made; "
        "train it, or bring its folder back"
    )
