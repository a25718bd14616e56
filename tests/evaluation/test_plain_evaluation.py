"""Every key of result.json against plain Python: ties, unequal classes, unusual costs."""

import math

import numpy as np
import pytest
from plain_metrics import plain_eer, plain_eer_interpolated
from plain_results import (
    four,
    make_rows,
    of_class,
    plain_auc,
    plain_cell,
    plain_classification,
    plain_ece,
    plain_least_threshold,
    plain_min_cllr,
    write_rows,
)

from antispoof.evaluation.evaluate import evaluate, posteriors
from antispoof.evaluation.scores import join
from antispoof.metrics.bootstrap import intervals

COSTS = {"p_spoof": 0.6, "c_miss": 1.5, "c_fa": 4.0}
ROWS = make_rows()
WHOLE = list(ROWS.values())
FACTORS = ["attack", "vocoder", "codec", "device", "lang", "spk"]
PRODUCTS = ["attack*codec", "codec*attack", "device*lang", "attack*vocoder", "lang*attack*device"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp("evaluation")
    write_rows(place / "data", ROWS, place / "scores")
    return place / "data"


@pytest.fixture(scope="module")
def trials(data):
    return join(data, data.parent / "scores")


LLR = np.array([row["llr"] for row in WHOLE])


@pytest.mark.parametrize("costs", [COSTS, {"p_spoof": 0.05, "c_miss": 1.0, "c_fa": 10.0}])
@pytest.mark.parametrize("given", [True, False])
def test_every_pooled_value_is_that_of_its_formula(trials, costs, given):
    result = evaluate(trials, LLR if given else None, replicates=0, costs=costs)
    bonafide, spoof, llr_b, llr_s = four(WHOLE, "llr" if given else "score")
    miss, fa = (1 - costs["p_spoof"]) * costs["c_miss"], costs["p_spoof"] * costs["c_fa"]
    assert result["pooled"] == pytest.approx(
        {
            **plain_cell(bonafide, spoof, llr_b, llr_s, **costs),
            "eer_interpolated": plain_eer_interpolated(bonafide, spoof),
            "auc": plain_auc(bonafide, spoof),
            "min_cllr": plain_min_cllr(bonafide, spoof),
            "ece": plain_ece(llr_b, llr_s),
        }
    )
    assert result["threshold"] == pytest.approx(
        {
            "act_dcf": math.log(fa / miss),
            "eer": plain_eer(bonafide, spoof)[1],
            "min_dcf": plain_least_threshold(bonafide, spoof, miss, fa),
        }
    )
    assert plain_least_threshold(bonafide, spoof, 1.9, 1) != plain_least_threshold(
        bonafide, spoof, 0.6, 2.4
    )
    assert result["classification"] == pytest.approx(plain_classification(llr_b, llr_s))
    assert result["counts"] == {"bonafide": 38, "spoof": 80, "trials": 118}
    assert result["costs"] == costs
    assert result["llr_given"] is given
    assert set(result) == {
        *("counts", "costs", "threshold", "llr_given", "pooled", "classification", "by")
    }


def test_the_usual_costs_are_those_of_asvspoof_5(trials):
    assert evaluate(trials, LLR, replicates=0) == evaluate(
        trials, LLR, replicates=0, costs={"p_spoof": 0.05, "c_miss": 1, "c_fa": 10}
    )


def test_posteriors_are_at_the_odds_of_the_two_classes():
    found = posteriors(np.array([0.0, 1.5]), np.array([-2.0, 0.0, 0.3, 900.0, -900.0]))
    wanted = [1 / (1 + 2.5 * math.exp(-x)) for x in (0.0, 1.5, -2.0, 0.0, 0.3)]
    np.testing.assert_allclose([*found[0], *found[1][:3]], wanted)
    assert (found[1][3], found[1][4] < 1e-200) == (1, True)


def plain_cells(rows, factor, costs):
    """{level: cell}: a factor that no bona fide trial has restricts the spoof trials alone."""
    names, cells = factor.split("*"), {}
    alone = {n for n in names if set(of_class(rows, "bonafide", n)) == {"-"}}
    levels = {tuple(r[n] for n in names) for r in rows if r["label"] == "spoof" or not alone}
    for level in levels:
        wanted = dict(zip(names, level, strict=True))
        own = [
            row
            for row in rows
            if all(
                row[name] == value or (name in alone and row["label"] == "bonafide")
                for name, value in wanted.items()
            )
        ]
        n = {label: len(of_class(own, label)) for label in ("bonafide", "spoof")}
        cell = dict.fromkeys(("eer", "min_dcf", "act_dcf", "cllr"))
        if n["bonafide"] and n["spoof"]:
            cell = plain_cell(*four(own), **costs)
        cells["*".join(level)] = {
            "n_bonafide": n["bonafide"],
            "n_spoof": n["spoof"],
            "few": n["bonafide"] < 30 or n["spoof"] < 30,
            **cell,
        }
    return cells


def same_cells(found, wanted):
    assert list(found) == sorted(wanted)
    for level, cell in wanted.items():
        assert found[level] == pytest.approx(cell), level


@pytest.mark.parametrize("factor", [*FACTORS, *PRODUCTS])
def test_every_cell_is_that_of_its_trials(trials, factor):
    found = evaluate(trials, LLR, by=[factor], replicates=0, costs=COSTS)["by"]
    assert list(found) == [factor]
    same_cells(found[factor], plain_cells(WHOLE, factor, COSTS))


def test_the_made_up_trials_hold_every_kind_of_cell():
    cells = {name: plain_cells(WHOLE, name, COSTS) for name in [*FACTORS, *PRODUCTS]}
    assert [cells["attack"][name]["few"] for name in ("A01", "A02", "A03")] == [False, False, True]
    assert cells["codec"]["opus"]["n_bonafide"] == cells["lang"]["fr"]["n_spoof"] == 0
    assert 0 < cells["device"]["-"]["n_bonafide"] < 38
    assert cells["vocoder"]["-"]["n_spoof"] == 17
    assert "phone*fr" in cells["device*lang"]
    assert "fr*A01*-" not in cells["lang*attack*device"]


def test_cells_of_a_list_are_of_its_trials_alone(data):
    kept = [utt for number, utt in enumerate(ROWS) if number % 3]
    (data / "trials").mkdir(exist_ok=True)
    (data / "trials/part").write_text("".join(f"{utt}\n" for utt in kept))
    part = join(data, data.parent / "scores", "part")
    llr = np.array([ROWS[utt]["llr"] for utt in kept])
    found = evaluate(part, llr, by=["attack*codec", "lang"], replicates=0, costs=COSTS)
    rows = [ROWS[utt] for utt in kept]
    assert found["counts"]["trials"] == len(kept)
    assert found["pooled"]["eer"] == pytest.approx(plain_cell(*four(rows), **COSTS)["eer"])
    for factor in ("attack*codec", "lang"):
        same_cells(found["by"][factor], plain_cells(rows, factor, COSTS))


def test_a_cell_is_marked_below_thirty_trials_of_either_class(tmp_path):
    sizes = {"a": (30, 30), "b": (29, 31), "c": (31, 29), "d": (31, 30), "e": (30, 31)}
    rows = {}
    for level, pair in sizes.items():
        for label, count in zip(("bonafide", "spoof"), pair, strict=True):
            for number in range(count):
                row = {**dict.fromkeys(FACTORS, "-"), "label": label, "score": number + 0.5}
                rows[f"{level}{label}{number:02d}"] = {**row, "codec": level}
    rows = dict(sorted(rows.items()))
    write_rows(tmp_path / "data", rows, tmp_path / "scores")
    cells = evaluate(join(tmp_path / "data", tmp_path / "scores"), by=["codec"], replicates=0)
    few = {level: cell["few"] for level, cell in cells["by"]["codec"].items()}
    assert few == {"a": False, "b": True, "c": True, "d": False, "e": False}


def test_intervals_rest_on_ratios_costs_seed_and_speakers(trials):
    found = evaluate(trials, LLR, replicates=40, seed=3, costs=COSTS)
    bonafide, spoof, llr_b, llr_s = four(WHOLE)
    speakers = tuple(of_class(WHOLE, label, "spk") for label in ("bonafide", "spoof"))
    for kind, groups in (("iid", None), ("speaker", speakers)):
        wanted = intervals(
            np.array(bonafide),
            np.array(spoof),
            llr=(llr_b, llr_s),
            groups=groups,
            replicates=40,
            seed=3,
            level=0.95,
            costs=COSTS,
        )
        assert set(found["intervals"]) == {"eer", "min_dcf", "act_dcf", "cllr"} == set(wanted)
        for metric, pair in wanted.items():
            assert found["intervals"][metric][kind] == list(pair)
            assert set(found["intervals"][metric]) == {"iid", "speaker", "crossed"}
    assert found["bootstrap"] == {
        "level": 0.95,
        "replicates": 40,
        "seed": 3,
        "speakers_bonafide": len(set(speakers[0])),
        "speakers_spoof": len(set(speakers[1])),
    }
    assert len(set(speakers[0])) != len(set(speakers[1]))


def test_without_a_table_of_speakers_intervals_are_of_trials_alone(tmp_path):
    write_rows(tmp_path / "data", ROWS, tmp_path / "scores")
    (tmp_path / "data/utt2spk").unlink()
    found = evaluate(join(tmp_path / "data", tmp_path / "scores"), replicates=5)
    assert found["bootstrap"] == {"level": 0.95, "replicates": 5, "seed": 0}
    assert {tuple(kinds) for kinds in found["intervals"].values()} == {("iid",)}
    whole = evaluate(join(tmp_path / "data", tmp_path / "scores"))
    assert whole["bootstrap"]["replicates"] == 1000


def with_speakers(place, spk):
    """Scored trials whose speaker is spk(utterance, row)."""
    rows = {utt: {**row, "spk": spk(utt, row)} for utt, row in ROWS.items()}
    write_rows(place / "data", rows, place / "scores")
    return join(place / "data", place / "scores")


def test_trials_without_a_speaker_are_drawn_one_by_one_and_not_as_one_person(tmp_path):
    names = {"spoof": lambda utt: "-", "bonafide": lambda utt: ROWS[utt]["spk"]}
    found = with_speakers(tmp_path / "a", lambda utt, row: names[row["label"]](utt))
    alone = {"spoof": lambda utt: f"only {utt}", "bonafide": names["bonafide"]}
    wanted = with_speakers(tmp_path / "b", lambda utt, row: alone[row["label"]](utt).split()[-1])
    results = [evaluate(trials, replicates=30) for trials in (found, wanted)]
    n_spoof = sum(row["label"] == "spoof" for row in WHOLE)
    assert [r["bootstrap"]["speakers_spoof"] for r in results] == [n_spoof, n_spoof]
    widths = [np.ptp(result["intervals"]["eer"]["speaker"]) for result in results]
    assert widths[0] == pytest.approx(widths[1], rel=0.5)


def test_where_no_speaker_is_known_intervals_are_of_trials_alone(tmp_path):
    found = evaluate(with_speakers(tmp_path, lambda utt, row: "-"), replicates=5)
    assert {tuple(kinds) for kinds in found["intervals"].values()} == {("iid",)}
