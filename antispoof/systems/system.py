"""Experiments that are ready to score: a model with its front end, or a fusion of such."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..config.sources import require_detector
from ..data.sounds import Sound
from ..errors import UserError
from ..evaluation.fusion import Calibration, Fusion
from ..evaluation.layout import calibration_path, fusion_path, is_fusion, novelty_path
from ..scoring.build import build_system, upstream_settings
from ..scoring.novelty import Descriptions, Novelty
from ..scoring.score import score
from ..ssl.upstream import FrozenUpstream
from ..torch_utils.checkpoint import fit_weights, read_weights
from ..torch_utils.tensors import load_tensors
from .front_ends import read_system
from .given import give_inputs
from .hub import located
from .packed import unpacked
from .shared import BATCH, Upstreams, once, share_front_ends

AS_IT_IS = Fusion(("system",), "logistic", (1.0,), 0.0, 0.5, "", 0, 0, False, 0.0)
WEIGHTS = "model.safetensors"  # of a system in a pack, in place of best.pt
DEEPEST = 4  # fusions, one in another


class System:
    """The model of an experiment. Its scores are those of steps/score.py.

    Args: exp_dir; device; upstreams: of the systems that share them.
    """

    def __init__(
        self, exp_dir: str | Path, device: torch.device, upstreams: Upstreams | None = None
    ) -> None:
        self.config, self.device = read_system(exp_dir), device
        require_detector(self.config, exp_dir)
        self.seconds = self.config["crop"]["seconds"]
        weights, place = _weights(Path(exp_dir), device)
        model = build_system(self.config, weights, Path(exp_dir, "config.yaml"))
        self.model = model.to(device).eval()
        fit_weights(self.model, weights, place, "its config.yaml")
        self.upstream: FrozenUpstream | None = None
        self.readers: list[set[int]] = []
        if self.config["feats"] == "cached":
            settings, layers = upstream_settings(self.config), self.config["layers"]
            upstreams = upstreams or Upstreams(device)
            self.upstream, self.readers = upstreams.open(settings, layers)
        place = novelty_path(exp_dir)
        self.novelty = Novelty.load(place) if place.is_file() else None

    def scores(self, sounds: Sequence[Sound], far: np.ndarray | None = None) -> np.ndarray:
        """(N,) of sounds whose names differ; higher = more bona fide. Raises UserError.

        far: (N,) distances from the training set, where a larger one of this system is put.
        """
        return once(self, sounds, lambda: self._scores(sounds, far))

    def _scores(self, sounds, far):
        inputs = give_inputs(self.config, sounds, self.upstream, self.readers)
        place = (self.model, inputs, self.config["batch_size"], self.device)
        if far is None or self.novelty is None:
            return score(*place, quiet=True)
        with Descriptions(self.model, len(inputs)).watching() as descriptions:
            scores = score(*place, quiet=True, descriptions=descriptions)
        np.maximum(far, self.novelty(descriptions.found()), out=far)
        return scores


def _weights(exp_dir, device):
    """The state dict of a system, and the file that holds it."""
    packed = exp_dir / WEIGHTS
    if packed.is_file():
        return load_tensors(packed, device), packed
    return read_weights(exp_dir / "best.pt", device), exp_dir / "best.pt"


class Mapped:
    """Systems, and the map from their scores to one LLR. `scores` gives LLRs in natural log.

    `seconds` is the longest crop among them. Of a system that is not `calibrated`, the map leaves
    scores as they are: higher = more bona fide, and no more. What several systems compute alike of
    a batch of sounds is computed once.
    """

    def __init__(
        self, systems: Sequence["System | Mapped"], mapping: Fusion, calibrated: bool = True
    ) -> None:
        self.systems, self.mapping = systems, mapping
        self.seconds: float = max(system.seconds for system in systems)
        self.calibrated = calibrated

    def scores(self, sounds: Sequence[Sound], far: np.ndarray | None = None) -> np.ndarray:
        with BATCH.open():
            scores = np.stack([system.scores(sounds, far) for system in self.systems], 1)
        try:
            return self.mapping(scores)
        except ValueError as error:
            raise UserError(f"{sounds[0].place}: {error}; is the sound sound?") from None


def open_detector(place: str | Path, device: torch.device) -> Mapped:
    """What stands at `place`: a pack, or the folder of a fusion or a system. Raises UserError.

    A pack is a .zip, or hf://USER/NAME, which is fetched.
    """
    place = located(place)
    if place.suffix == ".zip" and not place.exists():
        raise UserError(f"{place}: no such pack; make it with utils/pack_model.py, or get it")
    if place.is_file():
        with unpacked(place) as exp_dir:
            try:
                return _open_experiment(exp_dir, device)
            except UserError as error:  # of a part: its folder is a temporary one
                part = str(error).replace(f"{exp_dir.parents[1]}/", "")
                raise UserError(f"{place}: {part}") from None
    return _open_experiment(place, device)


def _open_experiment(exp_dir, device):
    if is_fusion(exp_dir):
        opened: dict[Path, System] = {}
        fusion = _open_fusion(exp_dir, device, Upstreams(device), opened, ())
        share_front_ends(system.model for system in opened.values())
        return fusion
    system, path = System(exp_dir, device), calibration_path(exp_dir)
    if path.is_file():
        return Mapped([system], Calibration.load(path))
    return Mapped([system], AS_IT_IS, calibrated=False)


def _open_fusion(exp_dir, device, upstreams, opened, above):
    """A fusion's members are named after their folders, which stand next to its own.

    opened: {folder: system}, of which each is opened once.
    """
    mapping, members = Fusion.load(fusion_path(exp_dir)), []
    above = (*above, exp_dir.resolve())
    for name in mapping.systems:
        place = find_member(exp_dir, name)
        if len(above) > DEEPEST:
            raise UserError(
                f"{fusion_path(exp_dir)}: found fusions of fusions over {DEEPEST} deep; fuse again"
            )
        if place.resolve() in above:
            raise UserError(f"{fusion_path(exp_dir)}: found itself among its systems; fuse again")
        if is_fusion(place):
            members.append(_open_fusion(place, device, upstreams, opened, above))
            continue
        if place.resolve() not in opened:
            opened[place.resolve()] = System(place, device, upstreams)
        members.append(opened[place.resolve()])
    return Mapped(members, mapping)


def find_member(exp_dir: Path, name: str) -> Path:
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
