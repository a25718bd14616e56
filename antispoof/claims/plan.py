"""What has to be trained, scored and measured for claims, as calls for the shell."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..metrics.ranks import FEWEST
from .reading import seeds_of

Line = tuple[str, ...]  # the verb, then its words; `-` stands for nothing
ORDER = ("subset", "grid", "train", "switch", "evaluate", "diagnose", "cost", "relate")


def names_of(claim: Mapping[str, Any]) -> list[str]:
    """The experiments of a claim, without seeds, each once and in order."""
    every = [*claim.get("over", []), *(name for pair in claim.get("pairs", []) for name in pair)]
    return list(dict.fromkeys(every))


def experiment(name: str, seed: int | str) -> str:
    """The folder of an experiment."""
    return f"exp/{name}_seed{seed}"


def attacks_of(known: Sequence[str], count: int, seed: int) -> list[str]:
    """`count` of the attacks, from that of the seed on and round: five seeds in a row have all."""
    return [known[(seed - 1 + step) % len(known)] for step in range(count)]


def diagnosed(found: Mapping[str, Any], seeds: Sequence) -> list:
    """The seeds whose models are diagnosed: of a slow measurement, few may be enough."""
    own = [str(seed) for seed in found.get("diagnostics", {"seeds": []})["seeds"]]
    return own or list(map(str, seeds))


def plan(claims: Iterable[Mapping[str, Any]], found: Mapping[str, Any], seeds: Sequence) -> list:
    """Lines in the order in which they have to be done; found: as `read_claims`.

    subset FROM TO OPTION VALUE; grid SYSTEMS_AND_KINDS EPOCHS; train SYSTEMS TAG SEEDS TRAIN DEV
    OVERRIDE; switch EXP OUT OVERRIDE; evaluate EXP; diagnose EXP; cost EXP; relate SET LIST EXPS.
    """
    lines: dict[Line, None] = {}
    claims = list(claims)
    related = found.get("diagnostics") if any(c["kind"] == "diagnostic" for c in claims) else None
    for name in [
        *(n for claim in claims for n in names_of(claim)),
        *(related or {"over": []})["over"],
    ]:
        lines.update(dict.fromkeys(_training(name, found, seeds)))
    for claim in claims:
        lines.update(dict.fromkeys(_after(claim, found, seeds)))
    if related:
        own = diagnosed(found, seeds)
        exps = [experiment(name, seed) for name in related["over"] for seed in own]
        lines.update(dict.fromkeys(("diagnose", exp) for exp in exps))
        place = related["second"]
        if len(exps) >= FEWEST:
            lines["relate", place["set"], place.get("trials", "-"), " ".join(exps)] = None
    return sorted(_joined(list(lines)), key=lambda line: ORDER.index(line[0]))


def _training(name, found, seeds):
    own, seeds = found["trainings"].get(name, {"system": name}), seeds_of(name, found, seeds)
    if "of" in own:
        yield from _training(own["of"], found, seeds)
        for seed in seeds:
            yield "switch", experiment(own["of"], seed), experiment(name, seed), own["override"]
    elif "grid" in own:
        yield "grid", f"{own['system']} {own['grid']}", str(own["epochs"])
    elif "attacks" in own:
        for seed in seeds:
            attacks = ",".join(attacks_of(found["training_attacks"], own["attacks"], int(seed)))
            sets = []
            for part in ("train", "dev"):
                sets.append(f"{part}_k{own['attacks']}_s{seed}")
                yield "subset", f"data/{part}", f"data/{sets[-1]}", "--attacks", attacks
            yield "train", own["system"], _tag(name, own), str(seed), *sets, "-"
    else:
        many, train = " ".join(map(str, seeds)), "train"
        if "count" in own:  # the same for all seeds and systems
            train = f"train_{own['count']}"
            yield "subset", "data/train", f"data/{train}", "--count", str(own["count"])
        yield "train", own["system"], _tag(name, own), many, train, "dev", own.get("override", "-")


def _tag(name, own):
    return name[len(own["system"]) + 1 :] or "-"


def _after(claim, found, seeds):
    names = names_of(claim)
    if claim["kind"] == "diagnostic":
        own = diagnosed(found, seeds)
        yield from (("diagnose", experiment(name, seed)) for name in names for seed in own)
    if claim["kind"] in ("saving", "firm"):
        yield from (("cost", experiment(name, seeds[0])) for name in names)
    if claim["kind"] == "firm":
        for name in names:
            yield from (("evaluate", experiment(name, s)) for s in seeds_of(name, found, seeds))


def _joined(lines: list[Line]) -> list[Line]:
    """One call for all systems that are trained alike, and one for all cells of a grid."""
    groups: dict[Line, list[str]] = {}
    for verb, first, *rest in lines:
        joins = verb in ("train", "grid")
        key = (verb, *rest) if joins else (verb, first, *rest)
        groups.setdefault(key, []).append(first)
    out: list[Line] = []
    for (verb, *rest), firsts in groups.items():
        if verb in ("train", "grid"):
            sep = " " if verb == "train" else ";"
            out.append((verb, sep.join(dict.fromkeys(firsts)), *rest))
        else:
            out.append((verb, *rest))
    return out


def trainings(lines: Iterable[Line], seeds: Sequence) -> list[str]:
    """The folders of all experiments that are trained, of the lines of a plan."""
    found: dict[str, None] = {}
    for verb, *words in lines:
        if verb == "train":
            tag = "" if words[1] == "-" else f"_{words[1]}"
            for system in words[0].split():
                for seed in words[2].split():
                    found[experiment(system + tag, seed)] = None
        if verb == "grid":
            for cell in words[0].split(";"):
                system, kind = cell.split()
                for seed in seeds:
                    found[experiment(f"{system}_{kind}_{words[1]}", seed)] = None
    return list(found)
