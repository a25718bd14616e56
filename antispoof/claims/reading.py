"""The file of claims: its shape, and what is refused before anything is run."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..data.json_files import fault, number
from ..errors import UserError

KINDS = {  # what each kind of claim names
    "correlation": ("over", "first", "second"),
    "difference": ("pairs", "on"),
    "contrast": ("pairs", "on"),
    "saving": ("pairs", "on", "saving"),
    "trend": ("over", "at", "on"),
    "flag": ("over", "first", "second", "below"),
    "diagnostic": ("over", "diagnostic", "second"),
    "firm": ("over", "choice"),
    "none": (),
}
PLACE = {"set": str, "trials?": str}
CLAIM = {
    "name": str,
    "claim": str,
    "source": str,
    "kind": str,
    "open": str,
    "commands?": [str],
    "over?": [str],
    "pairs?": [[str]],
    "at?": [number],
    "first?": PLACE,
    "second?": PLACE,
    "on?": PLACE,
    "below?": number,
    "saving?": number,
    "diagnostic?": str,
    "also?": str,
    "choice?": str,
    "epochs?": bool,
    "holds?": {"above?": number, "below?": number, "within?": [number, number]},
}
TRAINING = {
    "system?": str,
    "of?": str,
    "override?": str,
    "attacks?": int,
    "count?": int,
    "grid?": str,
    "epochs?": int,
}
SHAPE = {
    "about?": str,
    "training_attacks?": [str],
    "few_seeds?": {"count": int, "systems": [str]},
    "diagnostics?": {"seeds": [int], "over": [str], "second": PLACE},
    "trainings?": {"*": TRAINING},
    "claims": [CLAIM],
}
HOW = ("override", "count", "attacks", "grid")  # what makes a training of a system another


def read_claims(path: str | Path) -> dict[str, Any]:
    """The list of claims and of what is trained. Raises UserError for what is none."""
    try:
        found = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        said = (str(error).splitlines() or ["nested too deeply"])[0]
        raise UserError(f"{path}: cannot be read ({said}); wanted claims as YAML") from None
    try:
        wrong = fault(found, SHAPE)
    except (TypeError, ValueError, AttributeError):  # a date, a key that is no text, a loop
        wrong = "found a value that is no text, number or list, wanted claims"
    if wrong:
        raise UserError(f"{path}: {wrong}")
    found = {"training_attacks": [], "trainings": {}, **found}
    names = [own["name"] for own in found["claims"]]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"{path}: found the claim '{twice}' twice, wanted each once")
    for own in found["claims"]:
        _check(f"{path}: {own['name']}", own)
    for name, own in found["trainings"].items():
        _check_training(f"{path}: {name}", name, own, found)
    if "few_seeds" in found and found["few_seeds"]["count"] < 2:
        raise UserError(f"{path}: few_seeds: count: wanted 2 or more")
    return found


def _check(place, own):
    if own["kind"] not in KINDS:
        raise UserError(f"{place}: found kind '{own['kind']}', wanted one of {', '.join(KINDS)}")
    wanted = (*KINDS[own["kind"]], *(["holds"] if own["kind"] != "none" else []))
    if lacking := [key for key in wanted if key not in own]:
        raise UserError(f"{place}: lacks '{lacking[0]}', wanted {', '.join(wanted)}")
    for key in ("over", "pairs"):
        if key in own and not own[key]:
            raise UserError(f"{place}: {key}: found nothing, wanted experiments")
    _check_holds(place, own.get("holds", {"above": 0}))
    if any(len(pair) != 2 or pair[0] == pair[1] for pair in own.get("pairs", [])):
        raise UserError(f"{place}: pairs: wanted two names in each")
    if "at" in own and len(own["at"]) != len(own["over"]):
        raise UserError(f"{place}: at: found {len(own['at'])} numbers, wanted one for each of over")
    if "at" in own and len(set(own["at"])) < 2:
        raise UserError(f"{place}: at: found one number for all, wanted several")
    if "choice" in own and own["choice"] not in own.get("over", []):
        raise UserError(f"{place}: choice: found '{own['choice']}', wanted one of over")


def _check_holds(place, holds):
    if len(holds) != 1 or not holds.keys() <= {"above", "below", "within"}:
        found = ", ".join(map(str, holds)) or "nothing"
        raise UserError(f"{place}: holds: found {found}, wanted one of above, below and within")
    if "within" in holds and not holds["within"][0] < holds["within"][1]:
        raise UserError(f"{place}: holds: within: wanted the lower end first")


def _check_training(place, name, own, found):
    if not re.fullmatch(r"[\w.-]+", name) or re.search(r"[\t\n]", own.get("override", "")):
        raise UserError(f"{place}: wanted a name of letters, digits and _ . -, and one line")
    begins = "system" not in own or name.startswith(f"{own['system']}_")
    if ("system" in own) == ("of" in own) or not begins:
        raise UserError(f"{place}: wanted `system`, which it begins with, or `of`")
    if "of" in own:
        if "override" not in own or "of" in found["trainings"].get(own["of"], {}):
            raise UserError(f"{place}: wanted `of`, a training, and the `override` to switch to")
        return
    how = {"override" if key == "count" else key for key in HOW if key in own}
    if len(how) != 1 or ("grid" in own) != ("epochs" in own):
        raise UserError(
            f"{place}: wanted `override`, `count`, both, `attacks`, or `grid` with `epochs`"
        )
    if own.get("count", 1) < 1:
        raise UserError(f"{place}: count: found {own['count']}, wanted 1 or more utterances")
    most = len(found["training_attacks"])
    if "attacks" in own and not 1 <= own["attacks"] <= most:
        raise UserError(
            f"{place}: attacks: found {own['attacks']}, wanted 1 to {most}, of the list"
        )


def base_of(name: str, found: Mapping[str, Any]) -> str:
    """The system, a config's name, that a training is of."""
    own = found["trainings"].get(name, {"system": name})
    return own["system"] if "system" in own else base_of(own["of"], found)


def seeds_of(name: str, found: Mapping[str, Any], seeds: list) -> list:
    """The seeds of an experiment: the first few of those whose system is slow."""
    few = found.get("few_seeds", {"count": 0, "systems": []})
    return list(seeds[: few["count"]] if base_of(name, found) in few["systems"] else seeds)
