"""The front end of a packed system: in the pack, or else where to get it, with its SHA-256."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..config.recorded import read_experiment
from ..data.json_files import read_json, write_json
from ..errors import UserError
from ..files import sha256_file
from ..paths import ROOT, cache_folder
from ..ssl.families import OWN_FAMILIES, family_named
from ..ssl.fetch import OWN
from ..ssl.local import read_local
from ..ssl.packages import weights_in_package
from ..ssl.upstream import open_upstream
from ..torch_utils.checkpoint import load_checkpoint
from ..torch_utils.tensors import SUFFIX, save_tensors

RECORD = "front_end.json"  # next to the config of a packed system
SHAPE = {"part": str, "file": str, "sha256": str, "where": str, "licence": str}
SUMS = re.compile("[0-9a-f]{64}( [0-9a-f]{64})*")  # of the files that are not in the pack
FOLDER = "front_ends"  # of a pack
SMALL = 32 << 20  # bytes, up to which a front end goes into a pack
SHARED = ("MIT", "Apache 2.0", "Apache-2.0", "BSD 3-Clause")  # licences that allow it


class Source(NamedTuple):
    """What a front end's weights are, and how they are had elsewhere."""

    path: Path | None  # the file; None where s3prl downloads it by the upstream's name
    read: Callable[[Path], dict[str, Any]] | None  # what is in it
    sha256: str  # of several files, theirs with blanks between
    where: str
    licence: str


def source_of(settings: dict[str, Any], licence: str = "") -> Source | None:
    """Where the weights of an upstream come from; None of one that has none. Raises UserError.

    settings: of `upstream_settings`; licence: of its checkpoint, where the user knows it.
    """
    name, checkpoint = settings["name"], settings["checkpoint"]
    if settings["options"]:
        raise UserError(f"upstream {name}: has 'options', which a pack cannot hold; pack another")
    if name in OWN and not checkpoint:
        path, member = weights_in_package(OWN[name].weights), OWN[name].weights
        (known,) = (family.licence for family in OWN_FAMILIES if family.names == name)
        return Source(
            path, load_checkpoint, sha256_file(path), f"the package {member.package}", known
        )
    if checkpoint:
        path = Path(checkpoint)
        if not path.is_file():
            raise UserError(f"{path}: no such file, the checkpoint of upstream {name}")
        ours = path.is_relative_to(ROOT / "conf/upstream")
        known = licence or ("Apache-2.0" if ours else "")
        return Source(path, read_local, sha256_file(path), f"the checkpoint of a {name}", known)
    sums = list(open_upstream(settings)[0].weight_sums.values())
    if not sums:
        return None
    family = family_named(name)
    where = f"s3prl downloads it under the name {name}"
    licence = family.licence if family else ""
    return Source(None, None, " ".join(sorted(sums)), where, licence)


def put(source: Source, upstream: str, exp_dir: Path) -> None:
    """Write RECORD into the folder of a packed system, and the front end where it may be shared."""
    part = ""
    if source.path and source.read and _may_go_in(source):
        part = f"{upstream}{SUFFIX}"
        target = exp_dir.parents[1] / FOLDER / part
        if not target.exists():
            save_tensors(target, source.read(source.path))
    record = {
        "part": part,
        "file": source.path.name if source.path else "",
        "sha256": source.sha256,
        "where": source.where,
        "licence": source.licence,
    }
    write_json(exp_dir / RECORD, record)


def _may_go_in(source):
    return source.licence in SHARED and source.path.stat().st_size <= SMALL


def read_system(exp_dir: str | Path) -> dict[str, Any]:
    """The config of an experiment; of one in a pack, with the place of its front end.

    Raises UserError where that is neither in the pack nor in the cache.
    """
    config, path = read_experiment(exp_dir), Path(exp_dir) / RECORD
    if not path.is_file() or "upstream_conf" not in config:
        return config
    record = read_json(path, SHAPE)
    settings = {**config["upstream_conf"], "sha256": record["sha256"]}
    if settings["name"] in OWN and not record["part"]:
        return config  # fetched, and compared with its own SHA-256
    if not record["part"] and not SUMS.fullmatch(record["sha256"]):
        raise UserError(
            f"{path}: found the SHA-256 {record['sha256']!r} of the front end "
            f"{config['upstream']}, wanted 64 digits of 0-9 and a-f; pack it again"
        )
    place = ""
    if record["part"]:
        place = str(path.parents[2] / FOLDER / Path(record["part"]).name)
        settings["sha256"] = ""  # of the part, the manifest says it
    elif record["file"]:
        place = str(cache_folder() / "upstreams" / Path(record["file"]).name)
        if not Path(place).is_file():
            raise UserError(
                f"{place}: no such file, the front end {config['upstream']} of this pack: "
                f"{record['where']}, SHA-256 {record['sha256']}; put it there"
            )
    return {**config, "upstream_conf": settings, "upstream_checkpoint": place}
