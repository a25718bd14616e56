"""The files of a config: bounded YAML, a chain of parents, and overrides `key.sub=value`.

    base: train_mhfa.yaml

says that a config holds what conf/train_mhfa.yaml does and names departures from it. The file is
looked for as configs are: in the recipe's conf/, then in the root's. Keys and values stand over
those of the parent, block by block; a list replaces a list. Where a config names another `model`
or `loss`, the arguments of the parent's are left out, since they are those of another.
"""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from ..errors import UserError
from ..paths import exists, find

DEEPEST, LARGEST = 50, 100_000  # levels, and values, of one file


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The keys and values in the YAML file `path`. Raises UserError."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    given = parse_yaml(text, path)
    if not isinstance(given, dict):
        raise UserError(f"{path}: wanted lines of `key: value`")
    return given


def files_of(path: str | Path) -> list[str]:
    """Every file that the config `path` rests on: itself, its parent, and so on.

    Each is named as `find` finds it: `conf/<name>.yaml` for a path of that form. Raises UserError.
    """
    return [str(name) for name, _ in _chain(path)]


def named_by(path: str | Path) -> list[str]:
    """`files_of` a config, and the checkpoint that it names, of itself or of its upstream."""
    config = read_config(path)
    upstream = config.get("upstream_conf")
    said = [config, *([upstream] if isinstance(upstream, dict) else [])]
    checkpoints = [str(own["checkpoint"]) for own in said if own.get("checkpoint")]
    return [*files_of(path), *checkpoints]


def read_config(path: str | Path) -> dict[str, Any]:
    """The keys and values of the config `path` over those of its parents. Raises UserError."""
    *children, (_, merged) = _chain(path)
    for _, given in reversed(children):
        merged = _over(merged, given)
    return merged


def _chain(path):
    """[(name, what it says without `base`)] of a config, its parent, and so on."""
    name: Path | None = Path(path)
    chain, seen = [], []
    while name is not None:
        found = find(name)
        seen.append(found.resolve())
        if seen.count(seen[-1]) > 1:
            names = " -> ".join(place.name for place in seen)
            raise UserError(f"{find(path)}: 'base' comes back to where it was: {names}")
        given = read_yaml(found)
        chain.append((name, given))
        name = _parent(name, found, given.pop("base")) if "base" in given else None
    return chain


def _parent(name, found, base):
    """Where the parent `base` of the config `name` is; `found` is for errors."""
    if not isinstance(base, str) or not re.fullmatch(r"[\w.-]+\.yaml", base):
        raise UserError(f"{found}: 'base' is {base!r}, wanted the name of a file like train_x.yaml")
    kind = [name.parent.name] if name.parent.name in ("upstream", "cluster") else []
    for place in (name.parent / base, Path("conf", *kind, base)):
        if exists(place):
            return place
    raise UserError(
        f"{found}: 'base: {base}' is no file, neither next to it nor in conf/ of the recipe or the "
        "root"
    )


def _over(parent, given):
    """`given` over `parent`, and so in each block that both have."""
    merged = copy.deepcopy(parent)
    for name in ("model", "loss"):
        if name in given and given[name] != parent.get(name):
            merged.pop(f"{name}_conf", None)
    for key, value in given.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _over(merged[key], value) if both else value
    return merged


def parse_yaml(text: str, place: str | Path) -> Any:
    """What YAML text says; `place` is for errors. Raises UserError, and runs nothing."""
    try:
        found = yaml.safe_load(text)
    except RecursionError:
        raise UserError(f"{place}: is nested too deep, wanted {DEEPEST} levels at most") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a number of 5,000 digits, a date
        line = " ".join(str(error).split())
        raise UserError(f"{place}: is not YAML: {line[:300]}") from None
    _require_bounded(found, place)
    return found


def _require_bounded(found, place):
    """Refuse what is nested too deep, holds too much, or by its anchors holds itself."""
    waiting, count = [(found, 0)], 0
    while waiting:
        part, depth = waiting.pop()
        count += 1
        if depth > DEEPEST:
            raise UserError(f"{place}: is nested too deep, wanted {DEEPEST} levels at most")
        if count > LARGEST:
            raise UserError(f"{place}: holds too much, wanted {LARGEST} values at most")
        if isinstance(part, dict):
            waiting += [(inner, depth + 1) for inner in part.values()]
        elif isinstance(part, (list, set)):
            waiting += [(inner, depth + 1) for inner in part]


def apply_override(given: dict[str, Any], override: str) -> None:
    """Change `given` by `key.sub=value`. Raises UserError."""
    key, equals, value = override.partition("=")
    if not equals:
        raise UserError(f"--override {override}: wanted KEY=VALUE")
    *parents, last = key.split(".")
    for parent in parents:
        given = given.setdefault(parent, {})
        if not isinstance(given, dict):
            raise UserError(f"--override {override}: '{parent}' holds no keys")
    shown = override if len(override) <= 80 else override[:77] + "..."
    given[last] = parse_yaml(value, f"--override {shown}")
