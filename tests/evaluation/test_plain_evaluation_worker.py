"""steps/evaluate.py: what each option does, and which scores go where."""

import json

import numpy as np
import pytest
from plain_results import (
    call,
    four,
    make_rows,
    of_class,
    plain_cell,
    plain_ece,
    plain_rates,
    plain_tdcf_2021,
    write_rows,
)

from antispoof.errors import UserError
from antispoof.evaluation import asv
from antispoof.metrics.bootstrap import intervals

PROGRAM = "steps/evaluate.py"
ROWS = make_rows()
PART = {utt: row for utt, row in ROWS.items() if row["attack"] != "A02"}


@pytest.fixture
def place(tmp_path):
    """data/eval with a list `part`; scores and llr of exp/x_seed1 order trials in two ways."""
    exp = tmp_path / "exp/x_seed1/eval"
    write_rows(tmp_path / "data/eval", ROWS, exp / "scores", exp / "llr/scores")
    (tmp_path / "data/eval/trials").mkdir()
    (tmp_path / "data/eval/trials/part").write_text("".join(f"{utt}\n" for utt in PART))
    return tmp_path


def evaluate(place, *options):
    command = ("data/eval", "exp/x_seed1/eval/scores", "out.json", *options)
    call(PROGRAM, *command, cwd=place)
    return json.loads((place / "out.json").read_text())


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("given", [True, False])
def test_scores_are_ranked_and_ratios_are_judged(place, capsys, listed, given):
    llr = ("--llr", "exp/x_seed1/eval/llr/scores") if given else ()
    found = evaluate(place, "--bootstrap", "0", *llr, *(("--trials", "part") if listed else ()))
    rows = list((PART if listed else ROWS).values())
    wanted = plain_cell(*four(rows, "llr" if given else "score"))
    assert {key: found["pooled"][key] for key in wanted} == pytest.approx(wanted)
    assert found["pooled"]["ece"] == pytest.approx(
        plain_ece(*four(rows, "llr" if given else "score")[2:])
    )
    assert found["llr_given"] is given
    assert (found["set"], found["trials"]) == ("eval", "part" if listed else None)
    assert "selection" not in found
    line = capsys.readouterr().out
    assert line == (
        f"out.json: EER {100 * wanted['eer']:.2f} %, minDCF {wanted['min_dcf']:.4f}, "
        f"Cllr {wanted['cllr']:.4f} on 38 bona fide and {50 if listed else 80} spoof trials "
        f"({'part' if listed else 'all'})\n"
    )


def test_the_name_of_the_set_and_how_the_model_was_chosen(place):
    (place / "exp/x_seed1/selection.json").write_text('[{"rule": "last", "epochs": [3]}]')
    (place / "link").symlink_to(place / "data/eval")
    options = ("--bootstrap", "0", "--exp", "exp/x_seed1")
    call(PROGRAM, "link", "exp/x_seed1/eval/scores", "deep/o.json", *options, cwd=place)
    found = json.loads((place / "deep/o.json").read_text())
    assert found["set"] == "eval"
    assert found["selection"] == [{"rule": "last", "epochs": [3]}]


def test_the_folder_of_an_experiment_is_named_and_not_guessed(place):
    (place / "exp/x_seed1/selection.json").write_text('[{"rule": "last", "epochs": [3]}]')
    assert "selection" not in evaluate(place, "--bootstrap", "0")
    (place / "elsewhere").mkdir()
    assert "selection" not in evaluate(place, "--bootstrap", "0", "--exp", "elsewhere")
    with pytest.raises(UserError, match="--exp: found no folder gone, wanted that of"):
        evaluate(place, "--exp", "gone")
    for text in ("{", "3", '[{"x": NaN}]', "[4]"):
        (place / "exp/x_seed1/selection.json").write_text(text)
        with pytest.raises(UserError, match="selection.json: .*; train it again"):
            evaluate(place, "--exp", "exp/x_seed1")


def test_the_level_of_the_intervals(place):
    found = evaluate(place, "--bootstrap", "40", "--level", "0.5")
    assert found["bootstrap"]["level"] == 0.5
    parts = [np.array(part) for part in four(ROWS.values())[:2]]
    wanted = intervals(*parts, replicates=40, level=0.5)
    assert {key: tuple(own["iid"]) for key, own in found["intervals"].items()} == wanted
    for level in ("0", "1", "nan"):
        with pytest.raises(UserError, match="--level: found .*, wanted a number between"):
            evaluate(place, "--level", level)


def test_options_of_the_bootstrap(place):
    found = evaluate(place, "--bootstrap", "30", "--seed", "4")
    assert (found["bootstrap"]["replicates"], found["bootstrap"]["seed"]) == (30, 4)
    parts = [np.array(part) for part in four(ROWS.values())[:2]]
    wanted = intervals(*parts, replicates=30, seed=4)
    assert {key: tuple(own["iid"]) for key, own in found["intervals"].items()} == wanted
    usual = evaluate(place)["bootstrap"]
    assert (usual["replicates"], usual["seed"], usual["level"]) == (1000, 0, 0.95)


def test_factors_with_commas_between(place):
    found = evaluate(place, "--bootstrap", "0", "--by", "codec,attack*lang,,device")
    assert set(found["by"]) == {"codec", "attack*lang", "device"}
    assert evaluate(place, "--bootstrap", "0")["by"] == {}
    for factor in ("attack*", "*attack", "codec*attack*codec"):
        with pytest.raises(UserError, match="wanted a factor or several"):
            evaluate(place, "--by", factor)


def asv_files(place):
    """Scores of the 2021 form whose subset is `part` in two rows of three."""
    rng = np.random.default_rng(9)
    rows, scores, key = [], [], []
    for kind, middle, count in (("target", 2, 50), ("nontarget", -1, 40), ("spoof", 1, 60)):
        for n, x in enumerate(rng.normal(middle, 1.3, count).round(2).tolist()):
            subset = "part" if n % 3 else "rest"
            rows.append((kind, subset, x))
            scores.append(f"s {kind}{n} {x}")
            key.append(f"s {kind}{n} gsm sip A01 {kind} notrim {subset}")
    (place / "asv").write_text("\n".join(scores) + "\n")
    (place / "key").write_text("\n".join(key) + "\n")
    return rows


@pytest.mark.parametrize("listed", [True, False])
def test_the_list_names_the_subset_of_the_asv_trials(place, capsys, listed):
    rows = [row for row in asv_files(place) if row[1] == "part" or not listed]
    files = ("--asv-scores", "asv", "--asv-key", "key", "--bootstrap", "0")
    found = evaluate(place, *files, *(("--trials", "part") if listed else ()))
    parts = [[x for k, _, x in rows if k == kind] for kind in ("target", "nontarget", "spoof")]
    own = list((PART if listed else ROWS).values())
    scores = [of_class(own, label) for label in ("bonafide", "spoof")]
    wanted = plain_tdcf_2021(*scores, plain_rates(*parts))
    assert found["pooled"]["tdcf_2021"] == pytest.approx(wanted)
    assert [found["asv"][f"n_{k}"] for k in asv.KINDS] == list(map(len, parts))
    out = capsys.readouterr().out
    legacy = found["pooled"]["tdcf_2019"]
    assert f", tdcf_2019 {legacy:.4f}, tdcf_2021 {wanted:.4f} on 38 bona fide" in out


def test_fixed_rates_by_the_name_of_the_challenge(place):
    found = evaluate(place, "--asv-scores", "asvspoof5", "--bootstrap", "0")
    rates = (0.01881016557566423, 0.01880141010575793, 0.4607082907604729)
    wanted = plain_tdcf_2021(*four(ROWS.values())[:2], rates)
    assert found["pooled"]["tdcf_asvspoof5"] == pytest.approx(wanted)
    with pytest.raises(UserError, match="--asv-key: needs --asv-scores"):
        evaluate(place, "--asv-key", "key")


@pytest.mark.parametrize(
    ("bonafide", "spoof", "eer"),
    [([1, 4], [2, 3], 0.5), ([1, 2], [3, 4], 1.0), ([3, 4], [1, 2], 0.0)],
)
def test_the_warning_comes_above_half_and_not_at_it(tmp_path, capsys, bonafide, spoof, eer):
    scores, labels = "", ""
    for label, values in (("bonafide", bonafide), ("spoof", spoof)):
        for number, value in enumerate(values):
            scores += f"{label}{number} {value}\n"
            labels += f"{label}{number} {label}\n"
    (tmp_path / "utt2label").write_text(labels)
    (tmp_path / "scores").write_text(scores)
    call(PROGRAM, ".", "scores", "o.json", "--bootstrap", "0", cwd=tmp_path)
    assert json.loads((tmp_path / "o.json").read_text())["pooled"]["eer"] == eer
    error = capsys.readouterr().err
    line = f"scores: EER is {100 * eer:.2f} %; above 50 % the sign may be flipped"
    assert (line in error) == (eer > 0.5)


def test_ratios_of_another_list_of_utterances_are_refused(place):
    path = place / "exp/x_seed1/eval/llr/scores"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(UserError, match="llr/scores: .* is missing"):
        evaluate(place, "--llr", path.relative_to(place), "--trials", "part")
