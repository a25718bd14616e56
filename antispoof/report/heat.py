"""Heat maps of EER: by attack, by codec or any other factor, and by two factors at once."""

from collections.abc import Sequence

from ..metrics.titles import table_text
from .collect import ALL, Cells, Run, attack_cells, by_system, mean_sd
from .html import grid, piece, table, wrapped

CHANCE = 0.5  # EER of the strongest colour


def heat_maps(runs: Sequence[Run]) -> str:
    """Tables of every factor that results are broken down by."""
    maps = [_by_attack(runs)]
    for factor in _factors(runs):
        levels = _cells(runs, factor)
        if "*" in factor:
            maps += [_matrix(factor, system, levels) for system in by_system(runs)]
        else:
            maps.append(_by_factor(factor, levels, list(by_system(runs))))
    return grid([part for part in maps if part])


def _factors(runs):
    names = {factor for run in runs for factor in run.results.get(ALL, {}).get("by", {})}
    return sorted(names - {"attack"}, key=lambda text: (text.count("*"), text))


def _cells(runs, factor):
    """{level: {system: [cells]}} over all trials."""
    levels: dict[str, Cells] = {}
    for run in runs:
        for level, cell in run.results.get(ALL, {}).get("by", {}).get(factor, {}).items():
            levels.setdefault(level, {}).setdefault(run.system, []).append(cell)
    return dict(sorted(levels.items()))


def _by_attack(runs):
    rows, systems = [], list(by_system(runs))
    for attack, (groups, cells) in attack_cells(runs).items():
        found = [cell for own in cells.values() for cell in own]
        words = [*groups, _count(found, "n_spoof")]
        rows.append([_heading(attack, words, found), *(_heat(cells.get(s, [])) for s in systems)])
    caption = "EER %: all bona fide trials against those of an attack; stronger colour = harder"
    return table(["attack", *map(wrapped, systems)], rows, caption, whole=True) if rows else ""


def _by_factor(factor, levels, systems):
    rows = []
    for level, cells in levels.items():
        found = [cell for own in cells.values() for cell in own]
        words = [f"{_count(found, 'n_bonafide')} / {_count(found, 'n_spoof')}"]
        rows.append([_heading(level, words, found), *(_heat(cells.get(s, [])) for s in systems)])
    caption = f"EER % by {factor}, and how many bona fide / spoof trials there are"
    return table([factor, *map(wrapped, systems)], rows, caption, whole=True) if rows else ""


def _matrix(factor, system, levels):
    """One system's table of two factors; of more than two there is no picture."""
    own = {tuple(level.split("*")): cells.get(system, []) for level, cells in levels.items()}
    if factor.count("*") != 1 or not any(own.values()):
        return ""
    columns = sorted({level[1] for level in own})
    rows = [
        [row, *(_heat(own.get((row, column), []), counts=True) for column in columns)]
        for row in sorted({level[0] for level in own})
    ]
    caption = wrapped(f"{system}: EER % by {factor.replace('*', ' and ')}, trials below")
    return table([factor.partition("*")[0], *columns], rows, caption, whole=True)


def _heading(level, words, found):
    few = ", few" if any(cell["few"] for cell in found) else ""
    return piece("heading", level, " ".join(words) + few)


def _count(cells, key):
    return "/".join(map(str, sorted({cell[key] for cell in cells})))


def _heat(cells, counts=False):
    values = [cell["eer"] for cell in cells if cell["eer"] is not None]
    below = []
    if counts and cells:
        few = "*" if any(cell["few"] for cell in cells) else ""
        below = [f"{_count(cells, 'n_bonafide')} / {_count(cells, 'n_spoof')}{few}"]
    if not values:
        return piece("heat", "-", below, None)
    mean, sd = mean_sd(values)
    share = round(100 * min(1, max(0, mean) / CHANCE))
    spread = [] if sd is None else [f"± {table_text('eer', sd)}"]
    return piece("heat", table_text("eer", mean), spread + below, share)
