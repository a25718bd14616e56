"""Formulas of evaluation in plain Python, and made-up trials on which faults give other numbers."""

import math
import os
import runpy
import sys

import numpy as np
from made_up import ROOT
from plain_metrics import plain_curve, plain_eer, plain_least

from antispoof.data.tables import write_table


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def call(program, *arguments, cwd):
    """Run a worker's `main` in this process; what it prints is for capsys."""
    before, argv = os.getcwd(), sys.argv
    os.chdir(cwd)
    sys.argv = [program, *map(str, arguments)]
    try:
        runpy.run_path(str(ROOT / program), run_name="called by a test")["main"]()
    finally:
        os.chdir(before)
        sys.argv = argv


def plain_cell(bonafide, spoof, llr_bonafide, llr_spoof, p_spoof=0.05, c_miss=1, c_fa=10):
    """EER and minDCF of scores, actDCF and Cllr of ratios."""
    miss, fa = (1 - p_spoof) * c_miss, p_spoof * c_fa
    limit = -math.log(miss / fa)
    missed = mean(llr < limit for llr in llr_bonafide)
    accepted = mean(llr >= limit for llr in llr_spoof)
    bits = [mean(math.log2(1 + math.exp(-llr)) for llr in llr_bonafide)]
    bits.append(mean(math.log2(1 + math.exp(llr)) for llr in llr_spoof))
    return {
        "eer": plain_eer(bonafide, spoof)[0],
        "min_dcf": plain_least(bonafide, spoof, miss, fa) / min(miss, fa),
        "act_dcf": (miss * missed + fa * accepted) / min(miss, fa),
        "cllr": sum(bits) / 2,
    }


def plain_least_threshold(bonafide, spoof, miss, fa):
    frr, far, thresholds = plain_curve(bonafide, spoof)
    cost = [miss * a + fa * b for a, b in zip(frr, far, strict=True)]
    return thresholds[cost.index(min(cost))]


def plain_auc(bonafide, spoof):
    return mean((b > s) + (b == s) / 2 for b in bonafide for s in spoof)


def plain_min_cllr(bonafide, spoof):
    """Pool adjacent violators: merge neighbours while the share of bona fide falls."""
    blocks = []
    for score in sorted({*bonafide, *spoof}):
        blocks.append([list(bonafide).count(score), list(spoof).count(score)])
        while len(blocks) > 1 and blocks[-2][0] * sum(blocks[-1]) >= blocks[-1][0] * sum(
            blocks[-2]
        ):
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    bits = 0
    for n_bonafide, n_spoof in blocks:
        b, s = n_bonafide / len(bonafide), n_spoof / len(spoof)
        bits += (b * math.log2(1 + s / b) if b else 0) + (s * math.log2(1 + b / s) if s else 0)
    return bits / 2


def plain_ece(llr_bonafide, llr_spoof, bins=15):
    """Of P(bona fide) at the odds of the classes; bins (lo, hi], the first one closed."""
    odds = len(llr_bonafide) / len(llr_spoof)
    rows = [(1 / (1 + math.exp(-llr) / odds), 1) for llr in llr_bonafide]
    rows += [(1 / (1 + math.exp(-llr) / odds), 0) for llr in llr_spoof]
    total = 0
    for number in range(bins):
        own = [row for row in rows if max(1, math.ceil(row[0] * bins)) == number + 1]
        total += abs(sum(p for p, _ in own) - sum(hit for _, hit in own))
    return total / len(rows)


def plain_classification(llr_bonafide, llr_spoof):
    tp, fn = sum(x < 0 for x in llr_spoof), sum(x >= 0 for x in llr_spoof)
    tn, fp = sum(x >= 0 for x in llr_bonafide), sum(x < 0 for x in llr_bonafide)
    return {
        "accuracy": (tp + tn) / (tp + tn + fp + fn),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "sensitivity": tp / (tp + fn),
        "specificity": tn / (tn + fp),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
        **{"tp": tp, "fn": fn, "tn": tn, "fp": fp, "positive": "spoof", "threshold": 0.0},
    }


def plain_rates(target, nontarget, spoof):
    """(accepted nontarget, missed target, accepted spoof) of an ASV at its EER threshold."""
    limit = plain_eer(target, nontarget)[1]
    accepted = [mean(x >= limit for x in part) for part in (nontarget, spoof)]
    return accepted[0], mean(x < limit for x in target), accepted[1]


def plain_tdcf_2019(bonafide, spoof, rates):
    """The legacy form: priors .9405, .0095, .05; misses cost 1, false alarms 10."""
    fa, miss, spoof_fa = rates
    c1, c2 = 0.9405 * (1 - miss) - 0.0095 * 10 * fa, 10 * 0.05 * spoof_fa
    return plain_least(bonafide, spoof, c1, c2) / min(c1, c2)


def plain_tdcf_2021(bonafide, spoof, rates):
    fa, miss, spoof_fa = rates
    c0 = 0.9405 * miss + 0.0095 * 10 * fa
    c1, c2 = 0.9405 - c0, 0.05 * 10 * spoof_fa
    return (c0 + plain_least(bonafide, spoof, c1, c2)) / (c0 + min(c1, c2))


ATTACKS = {"A01": 33, "A02": 30, "A03": 17}
VOCODERS = {"A01": "wide", "A02": "hifi", "A03": "-"}


def make_rows(seed=5):
    """38 bona fide and 80 spoof trials with tied scores, ratios of their own, and five factors.

    attack: of spoof alone. vocoder: the same, and one attack has none. codec: of both classes, one
    level of spoof alone. device: lacking of some of both classes. lang: one level of bona fide
    alone.
    """
    rng = np.random.default_rng(seed)
    rows = {}
    for attack, count in {"-": 38, **ATTACKS}.items():
        for number in range(count):
            own = attack == "-"
            rows[f"{'bm'[number % 2]}{number:02d}{attack}"] = {
                "label": "bonafide" if own else "spoof",
                "score": round(float(rng.normal(0.9 if own else -0.2, 1)), 1),
                "llr": round(float(rng.normal(0.9 if own else -0.6, 1.5)), 3),
                "attack": attack,
                "vocoder": VOCODERS.get(attack, "-"),
                "codec": str(rng.choice(["gsm", "none"] if own else ["gsm", "none", "opus"])),
                "device": str(rng.choice(["-", "phone"] if own else ["-", "phone", "mic"])),
                "lang": str(rng.choice(["de", "en", "fr"] if own else ["de", "en"])),
                "spk": f"{attack if number % 3 else '-'}{number % (7 if own else 5)}",
            }
    return dict(sorted(rows.items()))


def write_rows(data, rows, scores, llr=None):
    """The tables of `rows` in the folder `data`, and score files."""
    write_table(data / "wav.scp", dict.fromkeys(rows, "/nowhere.flac"))
    for name in ("label", "attack", "vocoder", "codec", "device", "lang", "spk"):
        write_table(data / f"utt2{name}", {utt: row[name] for utt, row in rows.items()})
    write_table(scores, {utt: repr(row["score"]) for utt, row in rows.items()})
    if llr:
        write_table(llr, {utt: repr(row["llr"]) for utt, row in rows.items()})


def of_class(rows, label, key="score"):
    return [row[key] for row in rows if row["label"] == label]


def four(rows, ratios="llr"):
    """Scores of both classes, then ratios of both."""
    pairs = [(label, key) for key in ("score", ratios) for label in ("bonafide", "spoof")]
    return [of_class(rows, *pair) for pair in pairs]
