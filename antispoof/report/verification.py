"""The table of results next to speaker verification; cells of means with their intervals."""

from collections.abc import Sequence

from ..metrics.titles import shown
from .collect import Run, by_system, conditions, mean_sd
from .html import piece, table, wrapped

COLUMNS = ("a_dcf_asv", "a_dcf_joint", "t_eer")


def verification(runs: Sequence[Run]) -> str:
    """a-DCF and t-EER next to speaker verification, of the results that have them."""
    rows: list[list[str]] = []
    said: dict[tuple[str, str], None] = {}  # units by the list of trials, each once
    for name in conditions(runs):
        for system, own in by_system(runs).items():
            found = [r["sasv"] for run in own if "sasv" in (r := run.results.get(name, {}))]
            if found:
                counts = found[0]["counts"]
                trials = " / ".join(f"{counts[k]:,}" for k in ("target", "nontarget", "spoof"))
                cells = [_cell(found, key) for key in COLUMNS]
                rows.append([wrapped(system), name, *cells, trials])
                crossed = [one["crossed"] for one in found if one.get("crossed", {}).get("over")]
                said |= {(name, one["units"]): None for one in crossed}
    header = ["system", "trials", "a-DCF, ASV alone", "a-DCF, joint", "t-EER %"]
    caption = "With speaker verification: targets, nontargets and spoofs that claim a speaker"
    if not rows:
        return ""
    of_all = table([*header, "target / nontarget / spoof"], rows, caption)
    units = "; ".join(f"on {name}: {units}" for name, units in said)
    words = f"Intervals of a-DCF, {units}. Those of t-EER: claimed speakers alone are drawn."
    return of_all + (piece("paragraph", words) if said else "")


def _cell(found, key):
    name = key.removeprefix("a_dcf_")
    percent = 100 if key == "t_eer" else 1
    own = [one for one in found if key == "t_eer" or name in one["a_dcf"]]
    values = [percent * (one["t_eer"] if key == "t_eer" else one["a_dcf"][name]) for one in own]
    kinds = [one.get("intervals", {}).get(key, {}) for one in own]
    return mean_cell(values, [shown(kind) for kind in kinds], 2 if percent > 1 else 3, percent)


def mean_cell(
    values: Sequence[float],
    intervals: Sequence[Sequence[float] | None] = (),
    digits: int = 3,
    factor: int = 1,
) -> str:
    """A mean over seeds, below it its deviation, and the means of the ends of the intervals.

    factor: of the ends; the values have it already. Without an interval of each seed there is none.
    """
    if not values:
        return "-"
    mean, sd = mean_sd(values)
    below = [] if sd is None else [f"± {sd:.{digits}f}"]
    known = [ends for ends in intervals if ends]
    if known and len(known) == len(values):
        low, high = (factor * sum(ends) / len(known) for ends in zip(*known, strict=True))
        below.append(f"{low:.{digits}f}–{high:.{digits}f}")
    return piece("cell", f"{mean:.{digits}f}", below)
