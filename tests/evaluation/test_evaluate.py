"""steps/evaluate.py: what it writes, and what it refuses in one line."""

import json

import numpy as np
import pytest
from made_up import make_scores, make_set, refused, worker

from antispoof import metrics
from antispoof.data.tables import read_table, write_table
from antispoof.evaluation import evaluate as evaluation
from antispoof.evaluation.scores import join

PROGRAM = "steps/evaluate.py"


@pytest.fixture
def place(tmp_path):
    data = make_set(tmp_path, "eval")
    make_scores(data, tmp_path / "scores")
    return tmp_path


def evaluate(place, *options, out="out/result.json"):
    status, _, error = worker(PROGRAM, "data/eval", "scores", out, *options, cwd=place)
    assert status == 0, error
    return json.loads((place / out).read_text()), error


def parts(place, attacks=None):
    scores, attack = read_table(place / "scores"), read_table(place / "data/eval/utt2attack")
    bonafide = [float(scores[u]) for u, a in attack.items() if a == "-"]
    wanted = [float(scores[u]) for u, a in attack.items() if a != "-" and a in (attacks or a)]
    return np.array(bonafide), np.array(wanted)


def test_result_holds_metrics_with_costs_counts_and_intervals(place):
    result, error = evaluate(place, "--by", "attack,codec,attack*codec")
    assert error == ""
    bonafide, spoof = parts(place)
    assert result["counts"] == {"bonafide": 60, "spoof": 100, "trials": 160}
    assert result["costs"] == {"p_spoof": 0.05, "c_miss": 1, "c_fa": 10}
    assert (result["set"], result["trials"], result["llr_given"]) == ("eval", None, False)
    for name in ("eer", "min_dcf", "act_dcf", "cllr", "min_cllr", "auc"):
        assert result["pooled"][name] == getattr(metrics, name)(bonafide, spoof)
    assert result["threshold"]["act_dcf"] == pytest.approx(-0.6418538861723947)
    for name, kinds in result["intervals"].items():
        for low, high in (kinds["iid"], kinds["speaker"]):
            assert low <= result["pooled"][name] <= high
    assert result["bootstrap"]["speakers_bonafide"] == 6

    cell = result["by"]["attack"]["A03"]
    own = parts(place, ["A03"])
    assert (cell["n_bonafide"], cell["n_spoof"], cell["few"]) == (60, 25, True)
    assert cell["eer"] == metrics.eer(*own)
    assert cell["min_dcf"] == metrics.min_dcf(*own)
    codec = result["by"]["codec"]
    assert sum(c["n_bonafide"] for c in codec.values()) == 60
    assert sum(c["n_spoof"] for c in codec.values()) == 100
    assert codec["gsm"]["few"] == (codec["gsm"]["n_bonafide"] < 30)
    table = result["by"]["attack*codec"]
    assert len(table) == 8
    assert table["A03*gsm"]["n_bonafide"] == codec["gsm"]["n_bonafide"]
    assert table["A03*gsm"]["n_spoof"] + table["A03*none"]["n_spoof"] == 25


def test_named_trials(place):
    result, _ = evaluate(place, "--trials", "known", "--bootstrap", "0")
    assert result["trials"] == "known"
    assert result["counts"] == {"bonafide": 60, "spoof": 50, "trials": 110}
    assert result["pooled"]["eer"] == metrics.eer(*parts(place, ["A01", "A02"]))
    assert "intervals" not in result
    whole, _ = evaluate(place, "--trials", "all", "--bootstrap", "0")
    assert (whole["trials"], whole["counts"]["trials"]) == (None, 160)


def test_ratios_judge_costs_and_scores_judge_ranks(place):
    scores = read_table(place / "scores")
    write_table(place / "llr", {utt: repr(2 * float(s) + 1) for utt, s in scores.items()})
    plain, _ = evaluate(place, "--bootstrap", "0")
    result, _ = evaluate(place, "--bootstrap", "0", "--llr", "llr")
    bonafide, spoof = parts(place)
    assert result["llr_given"] is True
    assert result["pooled"]["eer"] == plain["pooled"]["eer"]
    assert result["pooled"]["cllr"] == metrics.cllr(2 * bonafide + 1, 2 * spoof + 1)
    assert result["pooled"]["act_dcf"] == metrics.act_dcf(2 * bonafide + 1, 2 * spoof + 1)


def test_same_input_same_bytes(place):
    for out in ("a/result.json", "b/result.json"):
        evaluate(place, "--by", "attack", "--bootstrap", "100", out=out)
    first, second = ((place / d / "result.json").read_bytes() for d in "ab")
    assert first == second
    assert str(place).encode() not in first


def test_swapped_labels_give_the_rest(place):
    straight, _ = evaluate(place, "--bootstrap", "0")
    table = place / "data/eval/utt2label"
    other = {"bonafide": "spoof", "spoof": "bonafide"}
    write_table(table, {utt: other[label] for utt, label in read_table(table).items()})
    swapped, error = evaluate(place, "--bootstrap", "0")
    assert swapped["pooled"]["eer"] == pytest.approx(1 - straight["pooled"]["eer"])
    assert "warning" in error
    assert "sign may be flipped" in error


def test_a_cell_without_both_classes_has_counts_alone(place):
    codec = read_table(place / "data/eval/utt2codec")
    label = read_table(place / "data/eval/utt2label")
    first = next(utt for utt in codec if label[utt] == "spoof")
    write_table(place / "data/eval/utt2codec", {**codec, first: "opus"})
    trials = join(place / "data/eval", place / "scores")
    cells = evaluation.evaluate(trials, by=["codec"], replicates=0)["by"]["codec"]
    assert (cells["opus"]["n_bonafide"], cells["opus"]["n_spoof"]) == (0, 1)
    assert cells["opus"]["eer"] is None
    assert cells["opus"]["few"]


def edit(path, change):
    table = read_table(path)
    change(table)
    write_table(path, table)


def drop_first(table):
    del table[next(iter(table))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_first, "is missing, though"),
        (lambda t: t.update(zz="1.0"), "'zz' is missing"),
        (lambda t: t.update({next(iter(t)): "nan"}), "'nan', wanted a finite number"),
        (lambda t: t.update({next(iter(t)): "-inf"}), "'-inf', wanted a finite number"),
        (lambda t: t.update({next(iter(t)): "high"}), "'high', wanted a finite number"),
        (lambda t: t.update({next(iter(t)): "1_0"}), "'1_0', wanted a finite number"),
        (lambda t: t.update(dict.fromkeys(t, "0.5")), "one score, 0.5, for all 160 trials"),
    ],
)
def test_bad_scores(place, change, words):
    edit(place / "scores", change)
    line = refused(PROGRAM, "data/eval", "scores", "out/result.json", cwd=place)
    assert words in line
    assert not (place / "out").exists()


def test_score_file_with_an_id_twice_or_out_of_order(place):
    lines = (place / "scores").read_text().splitlines(keepends=True)
    for text, words in (
        (lines[0] + "".join(lines), "second time"),
        ("".join(reversed(lines)), "out of order"),
        ("", "is empty"),
        (lines[0].replace(" ", "  ") + "".join(lines[1:]), "wanted `key value`"),
    ):
        (place / "scores").write_text(text)
        line = refused(PROGRAM, "data/eval", "scores", "out.json", cwd=place)
        assert words in line
        assert "scores" in line


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("utt2label", lambda t: t.update({next(iter(t)): "bona-fide"}), "'bona-fide', wanted"),
        ("utt2label", lambda t: t.update(dict.fromkeys(t, "spoof")), "found 0 bona fide and 160"),
        ("utt2label", drop_first, "1 extra"),
        ("utt2attack", drop_first, "is missing"),
    ],
)
def test_bad_labels(place, table, change, words):
    edit(place / "data/eval" / table, change)
    line = refused(PROGRAM, "data/eval", "scores", "o.json", "--by", "attack", cwd=place)
    assert words in line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--trials", "other"), "other: no such list"),
        (("--by", "colour"), "utt2colour: no such table"),
        (("--by", "attack*attack"), "attack*codec"),
        (("--llr", "nowhere"), "nowhere: no such file"),
        (("--bootstrap", "-1"), "wanted 0 or more"),
    ],
)
def test_bad_options(place, options, words):
    assert words in refused(PROGRAM, "data/eval", "scores", "o.json", *options, cwd=place)


def test_a_list_of_one_class(place):
    first = next(iter(read_table(place / "data/eval/utt2label")))
    (place / "data/eval/trials/odd").write_text(f"{first}\n")
    line = refused(PROGRAM, "data/eval", "scores", "o.json", "--trials", "odd", cwd=place)
    assert "trials/odd: found" in line


def test_missing_files(place):
    assert "no such file" in refused(PROGRAM, "data/eval", "gone", "o.json", cwd=place)
    assert "no such file" in refused(PROGRAM, "data/gone", "scores", "o.json", cwd=place)


def test_every_list_of_a_set_is_judged_at_once_as_it_is_by_itself(place):
    alone = {}
    for name in ("all", "known", "unknown"):
        evaluate(place, "--trials", name, "--bootstrap", "20", out="alone/result.json")
        alone[name] = (place / "alone/result.json").read_bytes()
    evaluate(place, "--every-list", "--bootstrap", "20", out="out/eval/result.json")
    found = {p.parent.name: p.read_bytes() for p in place.glob("out/*/result.json")}
    assert found == {
        "eval": alone["all"],
        "eval_known": alone["known"],
        "eval_unknown": alone["unknown"],
    }
    line = refused(
        *(PROGRAM, "data/eval", "scores", "o.json", "--every-list", "--trials", "known"), cwd=place
    )
    assert "--every-list: found --trials too, wanted one of them" in line
