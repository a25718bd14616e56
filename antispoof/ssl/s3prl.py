"""What s3prl 0.4.18 asks of torchaudio and torchaudio >= 2.9 no longer has.

s3prl imports `torchaudio.sox_effects` and calls `torchaudio.set_audio_backend` when its hub is
imported; both went away with torchaudio's own input and output. No upstream that we offer calls the
effects, so they need to exist, not to work: a call says what happened.
"""

import importlib
import importlib.util
import inspect
import re
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config import one_of
from ..errors import UserError
from .guard import disarm


def find_upstream(name: str) -> Callable[..., Any]:
    """The function of s3prl that makes the upstream `name`; every use of s3prl goes through here.

    Only the part of s3prl that defines it is imported where its text tells which: the whole hub
    takes seconds. Raises UserError, with the nearest name, where s3prl has none of that name, and
    where s3prl is not installed.
    """
    spec = importlib.util.find_spec("s3prl")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"upstream {name}: found no package s3prl, wanted that of tools/requirements.txt; run "
            "tools/setup.sh"
        )
    _stand_in()
    package = Path(spec.submodule_search_locations[0])
    definition = re.compile(rf"^def {re.escape(name)}\(", re.MULTILINE)
    for hubconf in sorted(
        package.glob("upstream/*/hubconf.py"), reverse=True
    ):  # the hub's last wins
        if definition.search(hubconf.read_text("utf-8")):
            return getattr(_import(f"s3prl.upstream.{hubconf.parent.name}.hubconf"), name)
    hub = _import("s3prl.hub")
    known = tuple(n for n, what in vars(hub).items() if inspect.isfunction(what))
    one_of("upstream", "name", name, known)
    return getattr(hub, name)


def _import(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own deprecations, at every import
        found = importlib.import_module(module)
    disarm()
    return found


def _stand_in():
    from ..torch_utils.audio import torchaudio

    if not hasattr(torchaudio, "set_audio_backend"):
        torchaudio.set_audio_backend = lambda *_args, **_kwargs: None
    if not hasattr(torchaudio, "sox_effects"):
        module: Any = types.ModuleType("torchaudio.sox_effects")
        module.apply_effects_tensor = module.apply_effects_file = _gone
        torchaudio.sox_effects = sys.modules["torchaudio.sox_effects"] = module
    if importlib.util.find_spec("resampy") is None:  # VGGish imports it, and is given 16 kHz
        module = types.ModuleType("resampy")
        module.resample = _gone
        module.__spec__ = importlib.util.spec_from_loader("resampy", None)
        sys.modules["resampy"] = module


def import_timm() -> None:
    """Import timm, whose parts that read pictures import torchvision.

    No upstream reads pictures, and a torchvision that does not go with this torch cannot be
    imported. So a stand-in is there while timm is imported, and not after.
    """
    if "timm" in sys.modules:
        return
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    before = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "torchvision"}
    if not before:
        vision, transforms, functional = modules = [types.ModuleType(name) for name in names]
        vision.transforms, transforms.functional = transforms, functional  # type: ignore[attr-defined]
        sys.modules.update(zip(names, modules, strict=True))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("timm")
    finally:
        for name in () if before else names:
            sys.modules.pop(name, None)


def _gone(*_args, **_kwargs):
    raise RuntimeError(
        "torchaudio.sox_effects is gone since torchaudio 2.9; this upstream needs it"
    )
