"""Fusion against plain Python: each rule's optimum, its weights on raw scores, its dev figures."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from plain_results import mean, plain_cell

from antispoof.data.tables import write_table
from antispoof.errors import UserError
from antispoof.evaluation.fusion import Fusion, apply, learn, ranks, write_scores

PRIOR = 0.95 / (0.95 + 0.05 * 10)
SCALES, SHIFTS = (1.0, 40.0, 0.02), (0.0, -300.0, 5.0)


def make_trials(name, n_bonafide, n_spoof, seed):
    """{utterance: (label, scores of three systems)}, classes that overlap, unequal in number."""
    rng, rows = np.random.default_rng(seed), {}
    for number in range(n_bonafide + n_spoof):
        own = number < n_bonafide
        raw = rng.normal([0.8, 0.5, 0.3] if own else [-0.5, -0.6, 0.0], [1.0, 1.5, 1.0])
        scores = [round(float(x), 1) * s + t for x, s, t in zip(raw, SCALES, SHIFTS, strict=True)]
        rows[f"{name}{rng.integers(10**6):06d}"] = ("bonafide" if own else "spoof", scores)
    return dict(sorted(rows.items()))


DEV, EVAL = make_trials("d", 41, 67, 1), make_trials("e", 9, 30, 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("fusion")
    for name, rows in (("dev", DEV), ("eval", EVAL)):
        write_table(place / "data" / name / "utt2label", {u: row[0] for u, row in rows.items()})
        for index in range(3):
            path = place / "exp" / f"s{index}_seed1" / name / "scores"
            write_table(path, {utt: repr(row[1][index]) for utt, row in rows.items()})
    return place


def exps(place, count=3):
    return [place / "exp" / f"s{index}_seed1" for index in range(count)]


def slopes(columns, labels, weights, offset, prior):
    """Derivatives of the prior-weighted logistic cost by each weight and by the offset."""
    total = [0.0] * (len(weights) + 1)
    logit = math.log(prior / (1 - prior))
    for row, label in zip(columns, labels, strict=True):
        z = sum(w * x for w, x in zip(weights, row, strict=True)) + offset + logit
        p = 1 / (1 + math.exp(-z))
        own = label == "bonafide"
        mass = (prior if own else 1 - prior) / labels.count(label)
        for index, x in enumerate([*row, 1.0]):
            total[index] += mass * (p - own) * x
    return total


def standardised(rows, known):
    """Mean over systems of scores less the mean of `known`, by its deviation."""
    out = []
    for row in rows:
        parts = []
        for index, x in enumerate(row):
            column = [other[index] for other in known]
            centre = mean(column)
            parts.append((x - centre) / math.sqrt(mean((y - centre) ** 2 for y in column)))
        out.append([mean(parts)])
    return out


def plain_share(x, known):
    return mean((y < x) + (y == x) / 2 for y in known)


def ranked(rows, known):
    """Mean over systems of the share of `known` below; a tie counts half."""
    columns = list(zip(*known, strict=True))
    return [[mean(plain_share(x, c) for x, c in zip(r, columns, strict=True))] for r in rows]


def scores_of(rows, count=3):
    return [row[1][:count] for row in rows.values()]


@pytest.mark.parametrize("prior", [PRIOR, 0.2])
@pytest.mark.parametrize("rule", ["logistic", "mean", "rank"])
@pytest.mark.parametrize("count", [2, 3])
def test_each_rule_is_at_the_optimum_of_its_prior(place, rule, prior, count):
    learnt = learn(place / "data/dev", "dev", exps(place, count), prior, rule)
    labels, dev = [row[0] for row in DEV.values()], scores_of(DEV, count)
    joint = {"logistic": lambda r, _: r, "mean": standardised, "rank": ranked}[rule]
    for rows, name in ((dev, "dev"), (scores_of(EVAL, count), "eval")):
        found = list(apply(learnt, name, exps(place, count)).values())
        columns = joint(rows, dev)
        design = np.column_stack([np.array(columns), np.ones(len(columns))])
        solution = np.linalg.lstsq(design, np.array(found), rcond=None)[0]
        np.testing.assert_allclose(design @ solution, found, rtol=1e-9, atol=1e-9)
        if name == "dev":  # the same map on both sets, and no better one on dev
            first = solution
            *weights, offset = solution
            scale = [max(map(abs, column)) for column in zip(*columns, strict=True)]
            found = slopes(columns, labels, weights, offset, prior)
            for slope, size in zip(found, [*scale, 1], strict=True):
                assert abs(slope) < 1e-6 * size
    np.testing.assert_allclose(solution, first, rtol=1e-6)
    assert learnt.prior == prior
    assert learnt.rule == rule


def test_the_usual_prior_and_rule(place):
    usual = learn(place / "data/dev", "dev", exps(place))
    assert usual == learn(place / "data/dev", "dev", exps(place), 0.6551724137931034, "logistic")
    assert usual.prior == pytest.approx(PRIOR)


@pytest.mark.parametrize("rule", ["logistic", "mean"])
def test_weights_are_of_raw_scores(place, rule):
    learnt = learn(place / "data/dev", "dev", exps(place), rule=rule)
    found = apply(learnt, "eval", exps(place))
    for utt, (_, row) in EVAL.items():
        llr = sum(w * x for w, x in zip(learnt.weights, row, strict=True)) + learnt.offset
        assert found[utt] == pytest.approx(llr)


@pytest.mark.parametrize("rule", ["logistic", "mean", "rank"])
def test_what_is_said_of_what_was_learnt(place, rule, tmp_path):
    learnt = learn(place / "data/dev", "dev", exps(place), 0.4, rule)
    llr = apply(learnt, "dev", exps(place))
    parts = [[llr[u] for u, r in DEV.items() if r[0] == c] for c in ("bonafide", "spoof")]
    assert learnt.dev_cllr == pytest.approx(plain_cell(*parts, *parts)["cllr"])
    learnt.save(tmp_path / "f.json")
    columns = zip(*(row for _, row in DEV.values()), strict=True)
    kept = {"dev_scores": [sorted(column) for column in columns]} if rule == "rank" else {}
    assert json.loads((tmp_path / "f.json").read_text()) == {
        **kept,
        "systems": ["s0_seed1", "s1_seed1", "s2_seed1"],
        "rule": rule,
        "weights": list(learnt.weights),
        "offset": learnt.offset,
        "prior": 0.4,
        "dev_set": "dev",
        "n_bonafide": 41,
        "n_spoof": 67,
        "smoothed": False,
        "dev_cllr": learnt.dev_cllr,
    }
    assert list(learnt.warnings()) == []


def test_the_mean_and_ranks_weigh_every_system_alike(place):
    equal = learn(place / "data/dev", "dev", exps(place), rule="rank").weights
    assert len(set(equal)) == 1
    weights = learn(place / "data/dev", "dev", exps(place), rule="mean").weights
    columns = np.array(scores_of(DEV)).T
    says = [w * float(np.std(column)) for w, column in zip(weights, columns, strict=True)]
    assert says == pytest.approx([says[0]] * 3)


def test_ranks_of_two_systems_with_ties():
    known = np.array([[-1.0, 10], [0, 10], [0, 20], [0, 20], [7, 20]])
    rows = [[-5, 10], [0, 20], [3, 15], [7, 99.0]]
    wanted = [
        [plain_share(x, column) for x, column in zip(row, known.T.tolist(), strict=True)]
        for row in rows
    ]
    np.testing.assert_allclose(ranks(np.array(rows), known), wanted)


def parted(seed=0):
    """Scores that part 6 bona fide from 4 spoof trials without an error."""
    rng = np.random.default_rng(seed)
    values = [*(3 + rng.random(6)), *(1 - rng.random(4))]
    return {f"u{n}": ("bonafide" if n < 6 else "spoof", float(x)) for n, x in enumerate(values)}


@pytest.mark.parametrize("rule", ["logistic", "mean", "rank"])
@pytest.mark.parametrize("sign", [1, -1])
def test_parted_classes_are_learnt_with_softened_answers(tmp_path, rule, sign):
    rows, exp = parted(), tmp_path / "exp/s_seed1"
    write_table(tmp_path / "dev/utt2label", {utt: row[0] for utt, row in rows.items()})
    write_table(exp / "dev/scores", {utt: repr(sign * row[1]) for utt, row in rows.items()})
    learnt = learn(tmp_path / "dev", "dev", [exp], 0.3, rule)
    assert learnt.smoothed is True
    starts = ["dev: the scores of s_seed1 part the classes without", "s_seed1: on dev bona fide"]
    lines = list(learnt.warnings())
    assert len(lines) == (1 if sign == 1 else 2)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=False))
    llr, logit = apply(learnt, "dev", [exp]), math.log(0.3 / 0.7)
    total = 0.0  # slope by the offset, of answers 7/8 and 1/6
    for utt, (label, _) in rows.items():
        p = 1 / (1 + math.exp(-llr[utt] - logit))
        total += 0.3 / 6 * (p - 7 / 8) if label == "bonafide" else 0.7 / 4 * (p - 1 / 6)
    assert abs(total) < 1e-9


def some(weights, **others):
    known = {"rule": "logistic", "offset": 0.0, "prior": 0.5, "n_bonafide": 1, "n_spoof": 1}
    known |= {"dev_set": "dev", "smoothed": False, "dev_cllr": 0.1, **others}
    return Fusion(tuple("abc"[: len(weights)]), weights=weights, **known)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ((-0.5,), ["a: on dev bona fide scores lower (slope -0.5)"]),
        ((0.5, -0.25), ["b: has the negative weight -0.25 in the fusion"]),
        ((-2.0, 1.0, -1.0), ["a: has the negative weight -2", "c: has the negative weight -1"]),
        ((0.0,), []),
        ((0.0, 1.0), []),
    ],
)
def test_warnings_name_the_systems_that_weigh_negative(weights, found):
    lines = list(some(weights).warnings())
    assert len(lines) == len(found)
    assert all(line.startswith(start) for line, start in zip(lines, found, strict=True))


def test_a_prior_is_between_nothing_and_one(place):
    for prior in (0.0, 1.0, -0.1, 1.5):
        with pytest.raises(UserError, match=f"--prior: found {prior}"):
            learn(place / "data/dev", "dev", exps(place), prior)


def test_written_scores_read_back_as_they_were(tmp_path):
    scores = {"a": 0.1 + 0.2, "b": -1e-17, "c": 12345678.123456789}
    write_scores(tmp_path / "scores", scores)
    lines = Path(tmp_path / "scores").read_text().splitlines()
    assert {line.split()[0]: float(line.split()[1]) for line in lines} == scores
