"""Tandem costs of every cell against plain Python: ASV trials of the cell, both forms of file."""

import math

import numpy as np
import pytest
from plain_results import (
    make_rows,
    mean,
    of_class,
    plain_rates,
    plain_tdcf_2019,
    plain_tdcf_2021,
    write_rows,
)

from antispoof import metrics
from antispoof.errors import UserError
from antispoof.evaluation.asv import FixedAsv, read_asv
from antispoof.evaluation.evaluate import evaluate
from antispoof.evaluation.scores import join

ROWS = make_rows()
WHOLE = list(ROWS.values())
KEY = ("speaker", "trial", "codec", "transmission", "attack", "kind", "trim", "subset")
FIXED = (0.01881016557566423, 0.01880141010575793, 0.4607082907604729)


def make_asv(seed=2):
    """ASV trials of unequal numbers with tied scores; each has another word in every column."""
    rng = np.random.default_rng(seed)
    rows = []
    for kind, middle, count in (("target", 2.0, 61), ("nontarget", -1.5, 83), ("spoof", 1.0, 97)):
        for number in range(count):
            rows.append(
                {
                    "speaker": f"S{number % 9}",
                    "trial": f"{kind}{number}",
                    "codec": str(rng.choice(["gsm", "none", "opus"])),
                    "transmission": str(rng.choice(["loc", "sip"])),
                    "attack": str(rng.choice(["A01", "A02", "A03"])) if kind == "spoof" else "-",
                    "kind": kind,
                    "trim": str(rng.choice(["notrim", "trim"])),
                    "subset": str(rng.choice(["eval", "progress"])),
                    "score": round(float(rng.normal(middle, 1.4)), 1),
                }
            )
    return [rows[i] for i in rng.permutation(len(rows))]


ASV = make_asv()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("asv")
    write_rows(place / "data", ROWS, place / "scores")
    for name, columns, rows in (
        ("plain", ("attack", "kind", "score"), ASV),
        ("scores2021", ("speaker", "trial", "score"), ASV),
        ("key", KEY, ASV),
    ):
        lines = (" ".join(str(row[column]) for column in columns) for row in rows)
        (place / name).write_text("".join(f"{line}\n" for line in lines))
    return place


def kinds(rows):
    return [[r["score"] for r in rows if r["kind"] == k] for k in ("target", "nontarget", "spoof")]


def restricted(rows, where, known):
    """The ASV trials of a cell: an attack restricts spoof alone, any other factor every kind."""
    kept = rows
    for name, level in where.items():
        if name in known:
            spared = ("target", "nontarget") if name == "attack" else ()
            kept = [r for r in kept if r[name] == level or r["kind"] in spared]
    return kept


def plain_costs(bonafide, spoof, rows):
    if not all(kinds(rows)):
        return {"tdcf_2019": None, "tdcf_2021": None}
    rates = plain_rates(*kinds(rows))
    return {
        "tdcf_2019": plain_tdcf_2019(bonafide, spoof, rates),
        "tdcf_2021": plain_tdcf_2021(bonafide, spoof, rates),
    }


WHERE = [
    {"attack": "A02"},
    {"codec": "gsm"},
    {"codec": "opus", "attack": "A03"},
    {"transmission": "sip"},
    {"trim": "trim"},
    {"lang": "de", "attack": "A01"},
    {"attack": "A07"},
    {"codec": "amr"},
]


@pytest.mark.parametrize("where", WHERE, ids=str)
@pytest.mark.parametrize("form", ["2019", "2021", "a subset"])
def test_costs_of_a_cell_are_those_beside_its_own_asv_trials(place, form, where):
    subset = "progress" if form == "a subset" else None
    names = ("plain",) if form == "2019" else ("scores2021", "key")
    table = read_asv(*(place / name for name in names), subset=subset)
    known = ("attack",) if form == "2019" else ("codec", "transmission", "attack")
    rows = [row for row in ASV if row["subset"] == (subset or row["subset"])]
    bonafide, spoof = (of_class(WHOLE, label) for label in ("bonafide", "spoof"))
    found = table.costs(np.array(bonafide), np.array(spoof), where)
    assert found == pytest.approx(plain_costs(bonafide, spoof, restricted(rows, where, known)))


@pytest.mark.parametrize("subset", [None, "eval"])
def test_costs_and_rates_of_the_whole_set(place, subset):
    table = read_asv(place / "scores2021", place / "key", subset)
    rows = [row for row in ASV if row["subset"] == (subset or row["subset"])]
    bonafide, spoof = (of_class(WHOLE, label) for label in ("bonafide", "spoof"))
    parts = [np.array(part) for part in kinds(rows)]
    t_eer = metrics.t_eer(np.array(bonafide), np.array([]), np.array(spoof), *parts)
    wanted = {**plain_costs(bonafide, spoof, rows), "t_eer": t_eer}
    assert table.costs(np.array(bonafide), np.array(spoof)) == pytest.approx(wanted)
    fa, miss, spoof_fa = plain_rates(*kinds(rows))
    rates = {"accepted_nontarget": fa, "missed_target": miss, "accepted_spoof": spoof_fa}
    counts = {
        f"n_{kind}": len([row for row in rows if row["kind"] == kind])
        for kind in ("target", "nontarget", "spoof")
    }
    assert table.summary() == pytest.approx({**counts, **rates})


def test_costs_of_the_rates_that_asvspoof_5_fixed():
    bonafide, spoof = (of_class(WHOLE, label) for label in ("bonafide", "spoof"))
    wanted = {"tdcf_asvspoof5": pytest.approx(plain_tdcf_2021(bonafide, spoof, FIXED))}
    for where in ((), ({"attack": "A01"},)):
        assert FixedAsv().costs(np.array(bonafide), np.array(spoof), *where) == wanted
    names = ("accepted_nontarget", "missed_target", "accepted_spoof")
    assert FixedAsv().summary() == dict(zip(names, FIXED, strict=True))


def test_an_evaluation_asks_for_costs_of_scores_never_of_ratios(place):
    class Asv:
        def costs(self, bonafide, spoof, where=None):
            if where == {"attack": "A02", "codec": "gsm"}:
                raise ValueError
            return {"asked": (mean(bonafide), mean(spoof), len(spoof), where)}

        def summary(self):
            return {"who": "an ASV"}

    trials = join(place / "data", place / "scores")
    llr = np.array([row["llr"] for row in WHOLE])
    found = evaluate(trials, llr, by=["attack*codec", "lang"], asv=Asv(), replicates=0)

    assert found["asv"] == {"who": "an ASV"}
    bonafide, spoof = (of_class(WHOLE, label) for label in ("bonafide", "spoof"))
    pooled = found["pooled"]["asked"]
    assert pooled == (pytest.approx(mean(bonafide)), pytest.approx(mean(spoof)), 80, None)
    for level, cell in found["by"]["attack*codec"].items():
        attack, codec = level.split("*")
        own = [row for row in WHOLE if row["codec"] == codec]
        spoof = [row["score"] for row in own if row["attack"] == attack]
        if codec == "opus" or level == "A02*gsm":
            assert "asked" not in cell
        else:
            where = {"attack": attack, "codec": codec}
            means = mean(of_class(own, "bonafide")), mean(spoof)
            assert cell["asked"] == (*map(pytest.approx, means), len(spoof), where)
    assert found["by"]["attack*codec"]["A02*gsm"]["eer"] is not None
    assert found["by"]["lang"]["de"]["asked"][3] == {"lang": "de"}
    assert "asked" not in found["by"]["lang"]["fr"]


def test_a_weak_asv_is_none_in_a_cell_and_refused_of_the_whole_set(tmp_path):
    """Every target scores below every nontarget: 9 of 10 are missed, every nontarget accepted.

    So the weight of a miss is below 0 in both forms: .9405 (1 - .9) - .095.
    """
    lines = [f"- target {s}" for s in range(10)] + [f"- nontarget {s}" for s in (10, 11, 12)]
    (tmp_path / "asv").write_text("\n".join([*lines, "A01 spoof 3", "A02 spoof 40"]))
    table = read_asv(tmp_path / "asv")
    parts = np.array([1.0, 2.0]), np.array([0.0, 1.5])
    assert table.summary()["missed_target"] == 0.9
    for where in ({"attack": "A02"}, {"attack": "A01"}):
        assert table.costs(*parts, where) == {"tdcf_2019": None, "tdcf_2021": None}
    with pytest.raises(UserError, match="asv: found t-DCF weights"):
        table.costs(*parts)


def write(place, name, rows, columns):
    lines = [" ".join(str(row[column]) for column in columns) for row in rows]
    (place / name).write_text("\n".join(lines) + "\n")
    return place / name


def test_a_key_may_name_its_trials_otherwise_but_not_in_another_order(place, tmp_path):
    scores = place / "scores2021"
    renamed = [{**row, "trial": f"other{n}"} for n, row in enumerate(ASV)]
    found = read_asv(scores, write(tmp_path, "key", renamed, KEY))
    assert found.summary() == read_asv(scores, place / "key").summary()
    for rows in (ASV[1:2] + ASV[:1] + ASV[2:], renamed[:-1], [*ASV, ASV[0]]):
        with pytest.raises(UserError, match=f"found 241 rows, wanted .*, {len(rows)}, in the same"):
            read_asv(scores, write(tmp_path, "key", rows, KEY))


def test_a_subset_without_a_kind_or_with_a_strange_one_is_refused(place, tmp_path):
    scores = place / "scores2021"
    few = [{**row, "subset": "odd" if row["kind"] == "spoof" else "eval"} for row in ASV]
    with pytest.raises(UserError, match="key: found no spoof trial"):
        read_asv(scores, write(tmp_path, "key", few, KEY), "eval")
    few = [{**row, "kind": "target" if row["kind"] == "nontarget" else row["kind"]} for row in ASV]
    with pytest.raises(UserError, match="key: found no nontarget trial"):
        read_asv(scores, write(tmp_path, "key", few, KEY))
    strange = [{**row, "kind": "zero" if n == 240 else row["kind"]} for n, row in enumerate(ASV)]
    with pytest.raises(UserError, match="key: found the kind 'zero'"):
        read_asv(scores, write(tmp_path, "key", strange, KEY))
    for text in ("-inf", "nan", "1e999"):
        (tmp_path / "asv").write_text(f"- target 1\n- nontarget 0\nA1 spoof {text}\n")
        with pytest.raises(UserError, match=f"the score '{text}'"):
            read_asv(tmp_path / "asv")
    assert not math.isfinite(float("1e999"))


def test_the_line_of_another_width_is_named(tmp_path):
    (tmp_path / "asv").write_text("- target 1\n- nontarget 0 1\nA1 spoof\n")
    with pytest.raises(UserError, match=r"asv:2: found 4 words, wanted 3$"):
        read_asv(tmp_path / "asv")


def test_a_key_that_knows_some_of_the_trials_has_them_in_their_rows(place, tmp_path):
    """One strange name in rows of another order does not pass for a key of other names."""
    moved = [{**ASV[0], "trial": "other"}, *ASV[2:], ASV[1]]
    with pytest.raises(UserError, match="found 241 rows, wanted .*, 241, in the same"):
        read_asv(place / "scores2021", write(tmp_path, "key", moved, KEY))
    some = [{**row, "trial": f"other{n}"} if n % 2 else row for n, row in enumerate(ASV)]
    found = read_asv(place / "scores2021", write(tmp_path, "key", some, KEY))
    assert found.summary() == read_asv(place / "scores2021", place / "key").summary()


def test_scores_of_speaker_verification_that_are_no_text_are_one_line(tmp_path):
    (tmp_path / "asv").write_bytes(b"A01 spoof \xff\n")
    with pytest.raises(UserError, match="asv: is not UTF-8 text"):
        read_asv(tmp_path / "asv")
