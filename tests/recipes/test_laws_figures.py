"""The figures of a finished recipe, computed once more from its tables of scores and labels."""

import json
import math
import re

import pytest
from plain_metrics import plain_eer, plain_least
from recipes import SYSTEMS

EXPERIMENTS = [f"{name}_seed1" for name in (*SYSTEMS, "fusion")]
LISTS = {"eval": None, "eval_known": "known"}
# ASVspoof 5: one trial in twenty is spoof, a miss costs 1 and a false alarm 10.
P_SPOOF, MISS, FALSE_ALARM = 0.05, 1, 10
FACTOR = min((1 - P_SPOOF) * MISS, P_SPOOF * FALSE_ALARM)


def plain_table(path):
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())


def classes(folder, scores, name, trials=None, attack=None):
    """(bona fide, spoof) scores of a set, of one list of trials, of one attack."""
    labels = plain_table(folder / "data" / name / "utt2label")
    attacks = plain_table(folder / "data" / name / "utt2attack")
    kept = set(labels)
    if trials:
        kept = set((folder / "data" / name / "trials" / trials).read_text().split())
    values = {utt: float(s) for utt, s in plain_table(folder / "exp" / scores).items()}
    assert values.keys() == labels.keys()
    bonafide = [values[u] for u in sorted(kept) if labels[u] == "bonafide"]
    spoof = [values[u] for u in sorted(kept) if labels[u] == "spoof"]
    if attack:
        spoof = [values[u] for u in sorted(kept) if attacks[u] == attack]
    return bonafide, spoof


def plain_cllr(bonafide, spoof):
    """Brümmer's cost of log-likelihood ratios, in bits."""
    miss = sum(math.log2(1 + math.exp(-x)) for x in bonafide) / len(bonafide)
    alarm = sum(math.log2(1 + math.exp(x)) for x in spoof) / len(spoof)
    return (miss + alarm) / 2


def plain_act_dcf(bonafide, spoof):
    """What deciding at Bayes' threshold costs, as a share of the better fixed answer."""
    threshold = math.log(P_SPOOF * FALSE_ALARM / ((1 - P_SPOOF) * MISS))
    miss = sum(x < threshold for x in bonafide) / len(bonafide)
    alarm = sum(x >= threshold for x in spoof) / len(spoof)
    return ((1 - P_SPOOF) * MISS * miss + P_SPOOF * FALSE_ALARM * alarm) / FACTOR


def plain_min_dcf(bonafide, spoof):
    return plain_least(
        bonafide, spoof, (1 - P_SPOOF) * MISS / FACTOR, P_SPOOF * FALSE_ALARM / FACTOR
    )


@pytest.mark.parametrize("result", LISTS)
@pytest.mark.parametrize("exp", EXPERIMENTS)
def test_a_result_is_that_of_its_scores_and_ratios(undisturbed, exp, result):
    folder = undisturbed[0].folder
    found = json.loads((folder / "exp" / exp / result / "result.json").read_text())
    scores = classes(folder, f"{exp}/eval/scores", "eval", LISTS[result])
    ratios = classes(folder, f"{exp}/eval/llr/scores", "eval", LISTS[result])
    wanted = {
        "eer": plain_eer(*scores)[0],
        "min_dcf": plain_min_dcf(*scores),
        "act_dcf": plain_act_dcf(*ratios),
        "cllr": plain_cllr(*ratios),
    }
    assert {name: found["pooled"][name] for name in wanted} == pytest.approx(wanted, abs=1e-9)
    assert found["llr_given"] is True
    assert (found["set"], found["trials"]) == ("eval", LISTS[result])
    assert found["counts"] == {
        "bonafide": len(scores[0]),
        "spoof": len(scores[1]),
        "trials": len(scores[0]) + len(scores[1]),
    }
    attacks = {"A01"} if LISTS[result] else {"A01", "A02", "A03"}
    assert found["by"].keys() == {"attack"}
    assert found["by"]["attack"].keys() == attacks
    for attack, cell in found["by"]["attack"].items():
        own = classes(folder, f"{exp}/eval/scores", "eval", LISTS[result], attack)
        assert cell["eer"] == pytest.approx(plain_eer(*own)[0], abs=1e-9)


@pytest.mark.parametrize("exp", [f"{name}_seed1" for name in SYSTEMS])
def test_ratios_are_scores_by_the_line_learnt_on_dev(undisturbed, exp):
    folder = undisturbed[0].folder
    line = json.loads((folder / "exp" / exp / "calibration.json").read_text())
    assert (line["dev_set"], line["systems"]) == ("dev", [exp])
    for name in ("dev", "eval"):
        scores = plain_table(folder / "exp" / exp / name / "scores")
        ratios = plain_table(folder / "exp" / exp / name / "llr/scores")
        wanted = {u: line["weights"][0] * float(s) + line["offset"] for u, s in scores.items()}
        assert {u: float(r) for u, r in ratios.items()} == pytest.approx(wanted, abs=1e-9)
    ratios = classes(folder, f"{exp}/dev/llr/scores", "dev")
    assert line["dev_cllr"] == pytest.approx(plain_cllr(*ratios), abs=1e-9)


def test_the_fusion_is_a_weighted_sum_of_scores(undisturbed):
    folder = undisturbed[0].folder
    line = json.loads((folder / "exp/fusion_seed1/fusion.json").read_text())
    assert line["systems"] == [f"{name}_seed1" for name in SYSTEMS]
    for name in ("dev", "eval"):
        parts = [plain_table(folder / "exp" / exp / name / "scores") for exp in line["systems"]]
        wanted = {
            utt: sum(w * float(part[utt]) for w, part in zip(line["weights"], parts, strict=True))
            + line["offset"]
            for utt in parts[0]
        }
        for kind in ("scores", "llr/scores"):
            found = plain_table(folder / "exp/fusion_seed1" / name / kind)
            assert {u: float(s) for u, s in found.items()} == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("result", LISTS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_comparison_is_the_fusion_minus_the_system(undisturbed, system, result):
    folder = undisturbed[0].folder
    found = json.loads((folder / "exp/compare" / result / f"{system}.json").read_text())
    assert (found["systems"], found["seeds"]) == (["fusion", system], ["1"])
    assert (found["set"], found["trials"]) == ("eval", LISTS[result])
    first, second = (
        classes(folder, f"{name}_seed1/eval/scores", "eval", LISTS[result])
        for name in ("fusion", system)
    )
    for metric, plain in (("eer", lambda *c: plain_eer(*c)[0]), ("min_dcf", plain_min_dcf)):
        wanted = plain(*first) - plain(*second)
        assert found["metrics"][metric]["difference"] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_epoch_that_is_kept_is_the_first_of_the_least_eer_on_dev(undisturbed, system):
    folder = undisturbed[0].folder / "exp" / f"{system}_seed1"
    header, *rows = [line.split(",") for line in (folder / "curve.csv").read_text().splitlines()]
    eers = [float(row[header.index("dev_eer")]) for row in rows]
    (choice,) = json.loads((folder / "selection.json").read_text())
    assert choice["epochs"] == [1 + eers.index(min(eers))]
    scores = classes(undisturbed[0].folder, f"{system}_seed1/dev/scores", "dev")
    assert plain_eer(*scores)[0] == pytest.approx(min(eers), abs=1e-6)


def test_the_page_and_the_table_show_the_results_of_each_system(undisturbed):
    recipe, _ = undisturbed
    status, out, _ = recipe.run("--stage", 6)
    assert status == 0
    for exp in EXPERIMENTS:
        wanted = []
        for result in ("eval_known", "eval"):  # in the order of the columns
            scores = classes(recipe.folder, f"{exp}/eval/scores", "eval", LISTS[result])
            wanted.append(f"{100 * plain_eer(*scores)[0]:.2f}")
        row = re.search(rf"^{exp.removesuffix('_seed1')} +([\d.]+) +([\d.]+)", out, re.M)
        assert list(row.groups()) == wanted
