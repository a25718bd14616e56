"""From experiments to a pack: one zip that a machine without the corpus detects with.

The same experiments give the same bytes: parts are sorted, stored as they are, and of one date.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import __version__
from ..config import write_config
from ..config.recorded import read_experiment
from ..data.json_files import json_text
from ..errors import UserError
from ..evaluation.fusion import Fusion
from ..evaluation.layout import calibration_path, fusion_path, is_fusion, novelty_path, result_paths
from ..files import atomic_path, sha256_file
from ..paths import ROOT, require_names
from ..scoring.build import upstream_settings
from ..torch_utils.checkpoint import read_weights
from ..torch_utils.tensors import save_tensors
from .arguments import with_arguments
from .card import TRAINING, card
from .front_ends import put, source_of
from .packed import FORMAT, MANIFEST, may_stand, unpacked
from .system import WEIGHTS, find_member
from .training_data import training_data

DATE = (1980, 1, 1, 0, 0, 0)  # of every part
LICENCE = "apache-2.0"


def make_pack(
    exp_dir: str | Path,
    out: str | Path,
    licence: str = LICENCE,
    licence_file: str | Path | None = None,
    front_end_licence: str = "",
    provenance: str | Path | None = None,
) -> dict[str, Any]:
    """Write the pack `out` of an experiment, a system or a fusion, and return its manifest.

    licence: of the weights, an SPDX name, and `licence_file` its text; front_end_licence: of a
    checkpoint of the user's own; provenance: a text on the training data. Raises UserError.
    """
    exp_dir = Path(exp_dir).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        places = sorted(set(_experiments(exp_dir)))
        require_names(places)
        for place in places:
            _put_experiment(place, folder / "exp" / place.name, front_end_licence)
        _put_licence(folder, licence, licence_file)
        if text := training_data(places, provenance):
            (folder / TRAINING).write_text(text, "utf-8")
        (folder / "README.md").write_text(card(folder, exp_dir.name, licence), "utf-8")
        for name in _names(folder):
            if not may_stand(name):
                raise UserError(f"{exp_dir}: a pack cannot hold the name {name!r}; rename it")
        manifest = {
            "format": FORMAT,
            "made_by": f"antispoof {__version__}",
            "name": exp_dir.name,
            "parts": {name: _sum(folder / name) for name in _names(folder)},
        }
        (folder / MANIFEST).write_text(json_text(manifest), "utf-8")
        _zip(folder, out, exp_dir)
    return manifest


def _experiments(exp_dir: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The experiment's folder, and of a fusion those of its members, theirs too."""
    yield exp_dir
    if is_fusion(exp_dir):
        for name in Fusion.load(fusion_path(exp_dir)).systems:
            place = find_member(exp_dir, name)
            if place in above:
                raise UserError(f"{fusion_path(place)}: found itself among its systems; fuse again")
            yield from _experiments(place, (*above, exp_dir))


def _put_experiment(exp_dir, folder, front_end_licence):
    """Copy what a detector reads of an experiment, and its results."""
    folder.mkdir(parents=True)
    for place in (fusion_path(exp_dir), calibration_path(exp_dir), novelty_path(exp_dir)):
        if place.is_file():
            shutil.copyfile(place, folder / place.name)
    for place in result_paths(exp_dir):
        (folder / place.parent.name).mkdir()
        shutil.copyfile(place, folder / place.parent.name / place.name)
    if is_fusion(exp_dir):
        return
    config = with_arguments(read_experiment(exp_dir))
    if config["feats"] != "wave":
        settings = upstream_settings(config)
        if source := source_of(settings, front_end_licence):
            put(source, config["upstream"], folder)
        config["upstream_conf"] = {"checkpoint": "", **config.get("upstream_conf", settings)}
        config.pop("upstream_checkpoint", None)
    write_config(folder / "config.yaml", config)
    save_tensors(folder / WEIGHTS, read_weights(exp_dir / "best.pt"))


def _put_licence(folder, licence, licence_file):
    if licence_file:
        shutil.copyfile(licence_file, folder / "LICENSE")
    elif licence.lower() == LICENCE and (ROOT / "LICENSE").is_file():
        shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    else:
        raise UserError(f"--licence {licence}: wanted its text too, by --licence-file")


def _names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _sum(path):
    return {"sha256": sha256_file(path), "size": path.stat().st_size}


def _zip(folder, out, exp_dir):
    """Write the files below `folder` as the zip `out`, whole or not at all, and such as is read."""
    with atomic_path(out) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name in [MANIFEST, *(name for name in _names(folder) if name != MANIFEST)]:
                info = zipfile.ZipInfo(name, DATE)
                info.external_attr = 0o100644 << 16
                info.create_system = 3
                info.file_size = (folder / name).stat().st_size  # of 2 GiB, it needs Zip64
                with open(folder / name, "rb") as source, archive.open(info, "w") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
        try:
            with unpacked(temporary):
                pass
        except UserError as error:
            fault = str(error).removeprefix(f"{temporary}: ")
            raise UserError(f"{exp_dir}: gives a pack that no detector reads: {fault}") from None


def read_card(place: str | Path) -> str:
    """The model card of a pack that `make_pack` wrote."""
    with zipfile.ZipFile(place) as archive:
        return archive.read("README.md").decode()
