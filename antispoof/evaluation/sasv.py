"""Spoofing-aware speaker verification: what trials that name who is claimed come to."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import UserError
from ..metrics import a_dcf, t_eer
from ..metrics.crossed import crossed_interval
from ..metrics.sasv import moved_a_dcf, speaker_interval
from ..metrics.tandem import A_DCF_COSTS, asv_rates
from ..metrics.titles import shown
from .asv import KINDS
from .sasv_trials import SasvTrials
from .scores import Trials
from .ways import enough, units_of, units_text

RATES = ("accepted_nontarget", "missed_target", "accepted_spoof")  # of `asv_rates`


def judge_sasv(
    asv: SasvTrials,
    trials: Trials,
    joint: SasvTrials | None = None,
    *,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Any]:
    """What `result.json` holds as `sasv`, of the ASV's trials whose utterance is in `trials`.

    counts of each kind; utterances {tried: that have a trial, all}; asv: its rates at its EER;
    costs of a-DCF; a_dcf {asv: of the ASV alone, joint: of the scores `joint` of the same trials};
    t_eer of the ASV and the countermeasure `trials`, a fraction; intervals {a_dcf_asv, a_dcf_joint,
    t_eer}: of a-DCF `crossed` over claimed speakers, those that speak in the test, and attacks
    where there are enough; and each by `speaker`, where claimed ones alone are drawn, or why not in
    `refused`. bootstrap.left_out says of each how many draws had no value.
    """
    cm = dict(zip(trials.ids, trials.scores, strict=True))
    own = asv.keep(cm.keys())
    parts = own.split(own.scores)
    tandem = [*own.split(np.array([cm[utt] for utt in own.utts])), *parts]
    scored = {"asv": parts}
    if joint:
        asv.require_same(joint)
        scored["joint"] = own.split(joint.keep(cm.keys()).scores)
    try:
        found = {
            "counts": {kind: part.size for kind, part in zip(KINDS, parts, strict=True)},
            "utterances": {"tried": len(set(own.utts.tolist())), "all": len(cm)},
            "asv": dict(zip(RATES, asv_rates(*parts), strict=True)),
            "costs": dict(A_DCF_COSTS),
            "a_dcf": {name: a_dcf(*values) for name, values in scored.items()},
            "t_eer": t_eer(*tandem),
        }
        if replicates:
            found |= _intervals(own, trials, scored, tandem, replicates, seed, level)
    except ValueError as error:
        raise UserError(f"{asv.path}: {error}") from None
    return found


def _intervals(own, trials, scored, tandem, replicates, seed, level):
    """What `judge_sasv` says of intervals; what the claimed speakers cannot say is in `refused`."""
    speakers = own.split(own.speakers)
    ways, few = _ways(own, trials)
    intervals: dict[str, dict[str, list[float]]] = {}
    left_out, refused = {}, {}
    judged: dict[str, tuple[Any, Any, int]] = {
        f"a_dcf_{name}": (a_dcf, values, 1) for name, values in scored.items()
    }
    judged["t_eer"] = (t_eer, tandem, 2)  # of the countermeasure, then of the ASV
    for name, (metric, values, times) in judged.items():
        intervals[name] = {}

        def drawn(index, metric=metric, values=values, times=times):
            return metric(*(part[i] for part, i in zip(values, [*index] * times, strict=True)))

        try:
            ends, left = speaker_interval(drawn, speakers, replicates, seed, level)
        except ValueError as error:
            refused[name] = str(error)
        else:
            left_out[name] = left
            if any(ends):
                intervals[name]["speaker"] = list(ends)
            else:
                refused[name] = "no error was seen, which has no interval"
    for name, values in scored.items() if ways else ():
        # normalised like minDCF, and like it at most 1
        moved = moved_a_dcf(*values)
        if found := crossed_interval("min_dcf", moved, list(ways.values()), level):
            intervals[f"a_dcf_{name}"]["crossed"] = list(found)
    drawn_by = {"level": level, "replicates": replicates, "seed": seed, "left_out": left_out}
    return {
        "intervals": intervals,
        "refused": refused,
        "bootstrap": drawn_by,
        "crossed": {"over": " and ".join(ways), "units": units_text(ways, few)},
    }


def _ways(own, trials):
    """Claimed speakers, who speaks in the test, and attacks of the spoofs, as of `ways_of`.

    Where nobody says who speaks, each utterance of the test is a unit: it may meet several claims.
    """
    place = {utt: number for number, utt in enumerate(trials.ids)}
    rows = np.array([place[utt] for utt in own.utts])

    def way(values):
        target, nontarget, spoof = own.split(values)
        return target, np.concatenate([nontarget, spoof])

    found = {"claimed speakers": way(np.unique(own.speakers, return_inverse=True)[1])}
    if (spoken := trials.speakers()) is None:
        found["test utterances"] = way(rows)
    else:
        index = np.zeros(len(trials.ids), np.int64)
        index[trials.is_bonafide], index[~trials.is_bonafide] = spoken
        found["test speakers"] = way(index[rows])
    if (attacks := units_of(trials, "attack")) is not None:
        found["attacks"] = way(attacks[rows])
    return enough(found)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What `judge_sasv` found, as lines of text; the second, if any, has the intervals."""
    values = {f"a_dcf_{name}": value for name, value in found["a_dcf"].items()}
    joint = [f"{name.removeprefix('a_dcf_')} {value:.4f}" for name, value in values.items()]
    tried, every = found["utterances"]["tried"], found["utterances"]["all"]
    of = f", of trials of {tried} of the {every} utterances" if tried < every else ""
    yield f"a-DCF {', '.join(joint)}, t-EER {100 * found['t_eer']:.2f} %{of}"
    asv = (found["asv"]["accepted_nontarget"] + found["asv"]["missed_target"]) / 2
    if asv > 0.5:
        flipped = "above 50 % the sign may be flipped (higher must mean more the claimed speaker)"
        yield f"the EER of targets against nontargets is {100 * asv:.2f} %; {flipped}"
    said = []
    for name in (*values, "t_eer"):
        ends = shown(found.get("intervals", {}).get(name, {}))
        title, text = ("t-EER", "{:.2%}") if name == "t_eer" else (f"a-DCF {name[6:]}", "{:.4f}")
        if ends:
            low, high = map(text.format, ends)
            alone = name != "t_eer" and "crossed" not in found["intervals"][name]
            said.append(f"{title} [{low}, {high}]{' over claimed speakers alone' * alone}")
        elif found.get("refused", {}).get(name):
            said.append(f"{title} none ({found['refused'][name]})")
    if said:
        over = found["crossed"]["over"] or "no units"
        yield f"intervals: {', '.join(said)}; of a-DCF over {over}, of t-EER over claimed speakers"
