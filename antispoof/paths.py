"""Where the recipe's own files lie: in the corpus's folder first, then in the repository's root.

`run.sh`, `conf/` and `local/` exist at both levels with the same meaning. This is the one place
that knows the rule, and what the name of an experiment's folder says.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from .errors import UserError

ROOT = Path(__file__).resolve().parent.parent


def exists(path: str | Path) -> bool:
    """Whether `find` finds `path`."""
    return Path(path).exists() or (ROOT / path).exists()


def find(path: str | Path) -> Path:
    """The existing `path`, relative to the current folder or else to the repository's root.

    Raises UserError naming both places where there is none.
    """
    path = Path(path)
    if path.exists():
        return path
    if not path.is_absolute() and (ROOT / path).exists():
        return ROOT / path
    raise UserError(
        f"{path}: no such file, neither in {Path.cwd()} nor in {ROOT}; has the stage that makes "
        "it been run?"
    )


def cache_folder() -> Path:
    """Where downloads and built corpora are kept.

    $ANTISPOOF_CACHE, or else $XDG_CACHE_HOME/antispoof.
    Raises UserError where there is no home.
    """
    if said := os.environ.get("ANTISPOOF_CACHE"):
        return Path(said)
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # no HOME, and nobody knows this user
        raise UserError("HOME is not set; set it, or name a folder: ANTISPOOF_CACHE=DIR") from None
    return Path(home) / "antispoof"


def system_and_seed(path: str | Path) -> tuple[str, int | None]:
    """What an experiment's folder is named after: (system, seed or None). Raises UserError."""
    found = re.fullmatch(r"(.+?)(?:_seed(\d+))?", Path(path).resolve().name, re.DOTALL)
    if found is None:
        raise UserError(f"{path}: has no name, wanted the folder of an experiment")
    return found[1], int(found[2]) if found[2] else None


def require_names(exp_dirs: Iterable[str | Path]) -> None:
    """Raise UserError where two experiments have one name: one would stand for both."""
    known: dict[str, str | Path] = {}
    for path in exp_dirs:
        name = Path(path).resolve().name
        if name in known:
            raise UserError(
                f"{path}: found the experiment '{name}' a second time, next to {known[name]}; "
                "wanted each once, under a name of its own"
            )
        known[name] = path
