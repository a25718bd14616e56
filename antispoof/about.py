"""What a recipe says of its corpus: egs/<recipe>/corpus.yaml, in lines of `key: value`."""

from pathlib import Path

from .errors import UserError

KEYS = ("name", "has", "needs", "size", "licence", "home")
FILE = "corpus.yaml"


def read_about(path: Path) -> dict[str, str]:
    """{key: value} of a recipe's corpus.yaml. Raises UserError for other lines."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; wanted lines of `key: value`: {', '.join(KEYS)}")
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        key, colon, value = line.partition(": ")
        if key not in KEYS or not colon or not value.strip() or key in found:
            raise UserError(f"{path}:{number}: found {line!r}, wanted each once: {', '.join(KEYS)}")
        found[key] = value.strip()
    lacking = [key for key in KEYS if key not in found]
    if lacking:
        raise UserError(f"{path}: '{lacking[0]}' is missing; wanted {', '.join(KEYS)}")
    return found


def about(worker: str) -> dict[str, str]:
    """{name, licence, home} of the recipe whose local/prepare_data.py is the file `worker`."""
    known = read_about(Path(worker).absolute().parents[1] / FILE)
    return {key: known[key] for key in ("name", "licence", "home")}
