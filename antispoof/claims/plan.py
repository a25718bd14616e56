"""What has to be trained, scored and measured for claims, as calls for the shell."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Line = tuple[str, ...]  # the verb, then its words; `-` stands for nothing
GRID_SET = "eval_3s"


def names_of(claim: Mapping[str, Any]) -> list[str]:
    """The experiments of a claim, without seeds, each once and in order."""
    every = [*claim.get("over", []), *(name for pair in claim.get("pairs", []) for name in pair)]
    return list(dict.fromkeys(every))


def experiment(name: str, seed: int | str) -> str:
    """The folder of an experiment."""
    return f"exp/{name}_seed{seed}"


def attacks_of(known: Sequence[str], count: int, place: int) -> list[str]:
    """`count` of the attacks, from number `place` on and round: each is drawn equally often."""
    return [known[(place + step) % len(known)] for step in range(count)]


def plan(claims: Iterable[Mapping[str, Any]], found: Mapping[str, Any], seeds: Sequence) -> list:
    """Lines in the order in which they have to be done; found: as `read_claims`.

    subset FROM TO ATTACKS; grid SYSTEMS_AND_KINDS EPOCHS; train SYSTEMS TAG SEEDS TRAIN DEV
    OVERRIDE LAST_STAGE; switch EXP OUT OVERRIDE; diagnose EXP; cost EXP; rank EXPS.
    """
    lines: dict[Line, None] = {}
    claims = list(claims)
    for claim in claims:
        for name in names_of(claim):
            for line in _training(name, claim["kind"], found, seeds):
                lines[line] = None
    for claim in claims:
        for line in _after(claim, seeds):
            lines[line] = None
    order = ("subset", "grid", "train", "switch", "diagnose", "cost", "rank")
    return sorted(_joined(list(lines)), key=lambda line: order.index(line[0]))


def _training(name, kind, found, seeds):
    own = found["trainings"].get(name, {"system": name})
    many = " ".join(map(str, seeds))
    if "of" in own:
        yield from _training(own["of"], kind, found, seeds)
        for seed in seeds:
            yield "switch", experiment(own["of"], seed), experiment(name, seed), own["override"]
    elif "grid" in own:
        yield "grid", f"{own['system']} {own['grid']}", str(own["epochs"])
    elif "attacks" in own:
        for place, seed in enumerate(seeds):
            attacks = ",".join(attacks_of(found["training_attacks"], own["attacks"], place))
            sets = []
            for part in ("train", "dev"):
                sets.append(f"{part}_k{own['attacks']}_s{seed}")
                yield "subset", f"data/{part}", f"data/{sets[-1]}", attacks
            yield "train", own["system"], _tag(name, own), str(seed), *sets, "-", "4"
    else:
        last = "6" if kind == "firm" else "4"
        override = own.get("override", "-")
        yield "train", own["system"], _tag(name, own), many, "train", "dev", override, last


def _tag(name, own):
    return name[len(own["system"]) + 1 :] or "-"


def _after(claim, seeds):
    names = names_of(claim)
    if claim["kind"] == "diagnostic":
        yield from (("diagnose", experiment(name, seed)) for name in names for seed in seeds)
    if claim["kind"] == "saving":
        yield from (("cost", experiment(name, seeds[0])) for name in names)
    if claim["kind"] == "firm":
        yield "rank", " ".join(experiment(name, seed) for name in names for seed in seeds)


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
