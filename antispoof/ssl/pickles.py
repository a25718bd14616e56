"""Read a pickled checkpoint that names other programs' classes, without importing or running them.

PyTorch's own restricted unpickler does the reading (`weights_only=True`). What it does not know is
given to it as an inert stand-in where the name belongs to a config class of fairseq or omegaconf,
to `argparse.Namespace`, or to what those carry with them; every other name is refused.
"""

import io
import pickle
import pickletools
import re
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from ..torch_utils.checkpoint import first_line, refusal

# Classes of which a checkpoint may hold instances: only what they store is read. The types and
# functions stand in the metadata of omegaconf's nodes; they too become names without meaning.
_INERT_PACKAGES = {"fairseq", "omegaconf", "typing", "numpy"}
_INERT_NAMES = {
    "argparse.Namespace",
    "_operator.getitem",  # how typing's List[int] is pickled
    *("builtins." + n for n in ("bool", "bytes", "dict", "float", "int", "list", "object")),
    *("builtins." + n for n in ("str", "tuple")),
}
_LEGACY_PICKLES = 4  # magic number, protocol, machine, the object: before PyTorch 1.6, no zip


class StandIn:
    """An instance of a class that was not imported: its name, arguments and state, nothing else."""

    qualified_name = ""
    args: tuple
    state: Any

    def __new__(cls, *args):
        self = super().__new__(cls)
        self.args, self.state = args, {}
        return self

    def __init__(self, *_args):
        pass

    def __setstate__(self, state):
        self.state = state if isinstance(state, dict) else {}


def _plain_dict(*_factory):  # stands in for collections.defaultdict, whose items follow
    return {}


def read_pickled(path: str | Path, packages: Collection[str] = ()) -> Any:
    """The object in the checkpoint `path`, on the CPU, with `StandIn`s for foreign classes.

    packages: more of them whose names are known to be harmless as stand-ins.

    Raises UserError for a name that is not known to be harmless, naming it, and for a file that is
    damaged or none of torch.save's. Nothing from the file is imported or called.
    """
    names = _names(path)
    inert = [(_stand_in(n), n) for n in sorted(names) if _is_inert(n) or _root(n) in packages]
    if "collections.defaultdict" in names:
        inert.append((_plain_dict, "collections.defaultdict"))
    try:
        with torch.serialization.safe_globals(inert):
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except pickle.UnpicklingError as error:
        raise UserError(f"{path}: {refusal(error)}") from None
    except Exception as error:  # whatever a damaged file provokes in the reader
        raise UserError(f"{path}: is damaged, or no checkpoint: {first_line(error)}") from None


def plain(value: Any, root: dict[str, Any] | None = None) -> Any:
    """`value` with config nodes turned into dicts, lists, strings, numbers and None.

    `root`, a dict, is where references such as `${task.label_rate}` point. What is none of these (a
    tensor, say) becomes None.
    """
    if isinstance(value, StandIn):
        state = value.state
        if value.qualified_name == "argparse.Namespace":
            return plain(state, root)
        for key in ("_content", "_val"):  # omegaconf's containers, and its leaves
            if key in state:
                return plain(state[key], root)
        is_member = value.qualified_name.startswith("fairseq.") and len(value.args) == 1
        return plain(value.args[0], root) if is_member else None  # an enumeration's value
    if isinstance(value, dict):
        return {str(key): plain(item, root) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, root) for item in value]
    if isinstance(value, str) and root is not None:
        return _follow(value, root)
    return value if isinstance(value, (str, int, float)) else None


def _follow(text, root):
    """What `${a.b}` points at in `root`; any other text as it is, and None where nothing is."""
    match = re.fullmatch(r"\$\{([\w.]+)\}", text)
    if not match:
        return None if text == "???" else text  # omegaconf's mark of a missing value
    value = root
    for key in match[1].split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, (int, float, bool)) else None


def _is_inert(name):
    return name in _INERT_NAMES or _root(name) in _INERT_PACKAGES


def _root(name):
    return name.split(".")[0]


def _stand_in(name):
    return type(name.rpartition(".")[2], (StandIn,), {"qualified_name": name})


def _names(path):
    """The `module.name`s that the pickles of `path` mention, by today's names of the modules."""
    names = set()
    try:
        for stream, count in _pickles(path):
            for _ in range(count):
                for code, argument, _ in pickletools.genops(stream):
                    if code.name == "GLOBAL" and argument:
                        names.add(_modern(*argument.split(" ", 1)))
    except UserError:
        raise
    except Exception as error:  # whatever a damaged file provokes in zipfile and pickletools
        raise UserError(f"{path}: is damaged, or no checkpoint: {first_line(error)}") from None
    return names


def _pickles(path):
    """(stream, how many pickles to read from it) of the checkpoint `path`."""
    if not Path(path).is_file():
        folder = Path(path).is_dir()
        raise UserError(f"{path}: {'is a folder, wanted a file' if folder else 'no such file'}")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [n for n in archive.namelist() if n.rpartition("/")[2] == "data.pkl"]
            for member in members:
                yield io.BytesIO(archive.read(member)), 1
    else:
        with open(path, "rb") as stream:
            yield stream, _LEGACY_PICKLES


def _modern(module, name):
    if (module, name) in NAME_MAPPING:  # Python 2's names, which protocol 2 still writes
        module, name = NAME_MAPPING[module, name]
    return f"{IMPORT_MAPPING.get(module, module)}.{name}"
