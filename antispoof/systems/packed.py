"""A pack: experiments in a zip, with the SHA-256 of every part. Nothing in it is run.

Whatever is odd about a zip is refused before a byte of a part is read: names that lead elsewhere,
links, parts that manifest.json does not list, sizes beyond it, kinds of files that no pack has.
"""

import contextlib
import hashlib
import json
import re
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..config.recorded import read_experiment
from ..data import array_files
from ..data.json_files import fault
from ..errors import DISK_FULL, UserError
from ..torch_utils.checkpoint import first_line
from ..torch_utils.tensors import SUFFIX

MANIFEST = "manifest.json"
FORMAT = 1
SHAPE = {"format": int, "name": str, "parts": {"*": {"sha256": str, "size": int}}}
KINDS = {SUFFIX, ".json", ".md", ".npz", ".txt", ".yaml", ""}  # LICENSE has no suffix
PARTS, MANIFEST_BYTES, BYTES = 1000, 1 << 20, 1 << 34  # most, of one pack
NUMBERS = 1 << 28  # most, in the arrays of one pack
TEXT_BYTES = 1 << 24  # most, of a part that is no array
RATIO = 100  # most, of what a zip unpacks to and what it is
LENGTH, PART_LENGTH = 500, 255  # most, of a name, and of what stands between its slashes
BLOCK = 1 << 20
NAME = re.compile(r"[\w.+=@-][\w.+=@ -]*")
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)


@contextlib.contextmanager
def unpacked(place: str | Path) -> Iterator[Path]:
    """The folder of the experiment that the pack `place` holds, while the context is open.

    Each part is compared with the manifest. Raises UserError, in one line, for what is no pack.
    """
    try:
        with zipfile.ZipFile(place) as archive, contextlib.ExitStack() as stack:
            with _written_to("the folder of temporary files", place):
                folder = stack.enter_context(tempfile.TemporaryDirectory())
            manifest = read_manifest(archive, place)
            for name, stated in manifest["parts"].items():
                _unpack(archive, name, stated, Path(folder), place)
            _require_few_numbers(Path(folder), place)
            yield _experiment(Path(folder), manifest["name"], place)
    except zipfile.BadZipFile as error:
        raise UserError(f"{place}: is no whole zip ({error}); get it again") from None


def read_manifest(archive: zipfile.ZipFile, place: str | Path) -> dict[str, Any]:
    """The manifest of a pack whose parts are those that it lists. Raises UserError."""
    infos = archive.infolist()
    if len(infos) > PARTS:
        raise UserError(f"{place}: found {len(infos)} parts, wanted {PARTS} at most")
    for name, count in Counter(info.filename for info in infos).items():
        if count > 1:
            raise UserError(f"{place}: found {name!r} {count} times, wanted it once")
    folders = {str(above) for info in infos for above in PurePosixPath(info.filename).parents}
    for info in infos:
        if reason := _oddity(info) or "which is a folder too" * (info.filename in folders):
            raise UserError(f"{place}: found {info.orig_filename!r}, {reason}; do not use it")
    total = sum(info.file_size for info in infos)
    packed = Path(place).stat().st_size
    if total > min(BYTES, RATIO * packed):
        raise UserError(
            f"{place}: would unpack to {total} bytes from {packed}, wanted {RATIO} times that at "
            f"most, and {BYTES} at most; do not use it"
        )
    manifest = _parsed(archive, place)
    _compare(infos, manifest["parts"], place)
    return manifest


def _oddity(info: zipfile.ZipInfo) -> str:
    """Why no pack has such a part; nothing where one may."""
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & 0x1:
        return "which is encrypted"
    if kind not in (0, stat.S_IFREG):
        return "which is a link, or no file" if kind != stat.S_IFDIR else "which is a folder"
    if not may_stand(name):
        return "a name that may lead out of the pack"
    if PurePosixPath(name).suffix not in KINDS:
        return f"a kind of file that packs do not have; wanted {', '.join(sorted(KINDS - {''}))}"
    if PurePosixPath(name).suffix not in (SUFFIX, ".npz") and info.file_size > TEXT_BYTES:
        return f"a text of {info.file_size} bytes; wanted {TEXT_BYTES} at most"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed in a way that packs are not"
    return ""


def may_stand(name: str) -> bool:
    """Whether `a/b/c` may be a part: no empty name, no `..`, no drive, no backslash."""
    parts = name.split("/")
    if len(name) > LENGTH or any(len(part.encode()) > PART_LENGTH for part in parts):
        return False
    return all(NAME.fullmatch(part) and part.strip(". ") for part in parts)


def _parsed(archive, place):
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError:
        raise UserError(
            f"{place}: holds no {MANIFEST}; wanted a pack of utils/pack_model.py"
        ) from None
    if info.file_size > MANIFEST_BYTES:
        raise UserError(f"{place}: {MANIFEST} has {info.file_size} bytes, too many; no pack")
    try:
        manifest = json.loads(archive.read(info))
        found = fault(manifest, SHAPE)
    except (RecursionError, *DAMAGE) as error:
        raise UserError(f"{place}: {MANIFEST} cannot be read ({error}); get it again") from None
    if found or manifest["format"] != FORMAT:
        found = found or f"found the format {manifest['format']}, wanted {FORMAT}"
        raise UserError(f"{place}: {MANIFEST}: {found}; get it again, or a newer antispoof")
    return manifest


def _compare(infos, parts, place):
    """Raise UserError unless the zip holds what the manifest lists, at the sizes that it says."""
    sizes = {info.filename: info.file_size for info in infos if info.filename != MANIFEST}
    for name in [*sizes, *parts]:
        if name not in sizes:
            raise UserError(f"{place}: lacks {name!r}, which {MANIFEST} lists; get it again")
        if name not in parts:
            raise UserError(
                f"{place}: found {name!r}, which {MANIFEST} does not list; do not use it"
            )
        if sizes[name] != parts[name]["size"]:
            raise UserError(
                f"{place}: {name}: found {sizes[name]} bytes, wanted {parts[name]['size']}; get "
                "the pack again"
            )


def _unpack(archive, name, stated, folder, place):
    """Write one part below `folder`. Raises UserError where it is another one than is stated."""
    target, digest = folder / name, hashlib.sha256()
    with _written_to(folder.parent, place):
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "wb") as stream:
            for block in _blocks(archive, name, place):
                digest.update(block)
                stream.write(block)
    if digest.hexdigest() != stated["sha256"]:
        raise UserError(
            f"{place}: {name}: its SHA-256 is {digest.hexdigest()[:16]}..., wanted "
            f"{stated['sha256'][:16]}...; get it again"
        )
    if reason := _content_fault(target):
        raise UserError(f"{place}: {name}: {reason}; do not use it")


def _blocks(archive, name, place):
    """Yield what is in a part. Raises UserError where it cannot be read."""
    try:
        with archive.open(name) as source:
            while block := source.read(BLOCK):
                yield block
    except (RuntimeError, *DAMAGE) as error:
        raise UserError(f"{place}: {name}: cannot be read ({error}); get it again") from None


@contextlib.contextmanager
def _written_to(folder, place):
    """Inside, what cannot be written is the fault of the folder, and not of the pack."""
    try:
        yield
    except OSError as error:
        full = error.errno in DISK_FULL
        reason = "disk full" if full else error.strerror or error
        raise UserError(
            f"{folder}: {reason}, while {place} was unpacked there; "
            f"{'free some space, or ' if full else ''}set TMPDIR to another folder"
        ) from None


def _content_fault(path):
    """What is wrong with a part: a pickle, or a program, under another name; or nothing."""
    if path.suffix == SUFFIX:  # its reader takes nothing else
        return ""
    try:
        if path.suffix == ".npz":
            array_files.require_arrays(path)
        else:
            path.read_text("utf-8")
    except UnicodeDecodeError:
        return "is no text, wanted one"
    except array_files.DAMAGE as error:
        return f"holds no arrays of numbers ({first_line(error)})"
    return ""


def _require_few_numbers(folder, place):
    """Raise UserError where the arrays of all systems together are too large."""
    numbers = sum(map(array_files.require_arrays, folder.rglob("*.npz")))
    if numbers > NUMBERS:
        raise UserError(f"{place}: its .npz hold {numbers} numbers, wanted {NUMBERS} at most")


def _experiment(folder, name, place):
    found = folder / "exp" / name
    if "/" in name or not may_stand(name) or not found.is_dir():
        raise UserError(f"{place}: {MANIFEST}: found the name {name!r}, of which it holds nothing")
    for config in sorted(folder.rglob("config.yaml")):
        if config.parent.parent not in (folder / "exp", *folder.glob("exp/*")):
            raise UserError(
                f"{place}: found {str(config.relative_to(folder))!r}, wanted experiments below "
                "exp/; do not use it"
            )
        said = read_experiment(config.parent)
        upstream = said.get("upstream_conf", {})
        if said.get("upstream_checkpoint") or upstream.get("options"):
            raise UserError(
                f"{place}: {config.relative_to(folder)}: names files out of the pack; do not use it"
            )
    return found
