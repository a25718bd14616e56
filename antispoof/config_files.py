"""The text of a config: YAML that is bounded, and overrides `key.sub=value` of it."""

import yaml

from .errors import UserError

DEEPEST, LARGEST = 50, 100_000  # levels, and values, of one file


def read_yaml(path):
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


def parse_yaml(text, place):
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


def apply_override(given, override):
    """Change `given` by `key.sub=value`. Raises UserError."""
    key, equals, value = override.partition("=")
    if not equals:
        raise UserError(f"--set {override}: wanted KEY=VALUE")
    *parents, last = key.split(".")
    for parent in parents:
        given = given.setdefault(parent, {})
        if not isinstance(given, dict):
            raise UserError(f"--set {override}: '{parent}' holds no keys")
    shown = override if len(override) <= 80 else override[:77] + "..."
    given[last] = parse_yaml(value, f"--set {shown}")
