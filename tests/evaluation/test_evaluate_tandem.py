"""steps/evaluate.py: tandem costs, published lists, factors of spoof alone."""

import json

import numpy as np
import pytest
from made_up import make_scores, make_set, refused, worker

from antispoof import metrics
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation.asv import read_asv
from antispoof.evaluation.scores import join

PROGRAM = "steps/evaluate.py"


@pytest.fixture
def place(tmp_path):
    """A set, scores, and 40 ASV trials of each kind in both forms of file."""
    make_scores(make_set(tmp_path, "eval"), tmp_path / "scores")
    rng = np.random.default_rng(0)
    plain, scores, key = [], [], []
    for kind, mean in (("target", 3), ("nontarget", -3), ("spoof", 1)):
        for number, score in enumerate(rng.normal(mean, 1.5, 40)):
            attack = f"A0{1 + number % 4}" if kind == "spoof" else "bonafide"
            codec, subset = ("gsm", "none")[number % 2], ("eval", "progress")[number // 20]
            plain.append(f"{attack} {kind} {score}")
            scores.append(f"S{number} {kind}{number} {score}")
            key.append(f"S{number} {kind}{number} {codec} here {attack} {kind} notrim {subset}")
    for name, lines in (("asv", plain), ("asv_scores", scores), ("asv_key", key)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    return tmp_path


def evaluate(place, *options):
    command = ("data/eval", "scores", "out.json", "--bootstrap", "0", *options)
    status, out, error = worker(PROGRAM, *command, cwd=place)
    assert status == 0, error
    return json.loads((place / "out.json").read_text()), out


def test_tandem_costs_with_the_first_form(place):
    result, out = evaluate(place, "--asv-scores", "asv", "--by", "attack,codec")
    trials = join(place / "data/eval", place / "scores")
    rows = [line.split() for line in (place / "asv").read_text().splitlines()]
    parts = [
        np.array([float(score) for _, own, score in rows if own == kind])
        for kind in ("target", "nontarget", "spoof")
    ]
    assert result["pooled"]["tdcf_2019"] == metrics.tdcf_2019(*trials.split(), *parts)
    assert result["pooled"]["tdcf_2021"] == metrics.tdcf_2021(*trials.split(), *parts)
    bonafide, spoof = trials.split()
    assert result["pooled"]["t_eer"] == metrics.t_eer(bonafide, [], spoof, *parts)
    assert result["asv"]["n_spoof"] == 40
    assert f"tdcf_2021 {result['pooled']['tdcf_2021']:.4f} on 60" in out

    attack = read_table(place / "data/eval/utt2attack")
    own = np.array(
        [s for u, s in zip(trials.ids, trials.scores, strict=True) if attack[u] == "A02"]
    )
    spoof = np.array([float(score) for word, _, score in rows if word == "A02"])
    wanted = metrics.tdcf_2021(bonafide, own, *parts[:2], spoof)
    assert result["by"]["attack"]["A02"]["tdcf_2021"] == wanted
    assert "t_eer" not in result["by"]["attack"]["A02"]


def test_tandem_costs_with_the_second_form(place):
    options = ("--asv-scores", "asv_scores", "--asv-key", "asv_key")
    whole, _ = evaluate(place, *options, "--by", "codec")
    plain, _ = evaluate(place, "--asv-scores", "asv", "--by", "codec")
    assert whole["pooled"]["tdcf_2021"] == plain["pooled"]["tdcf_2021"]
    cells = [result["by"]["codec"]["gsm"]["tdcf_2021"] for result in (whole, plain)]
    assert cells[0] != cells[1]  # the first form says nothing of codecs

    table = read_asv(place / "asv_scores", place / "asv_key", "eval")
    assert table.summary()["n_target"] == 20
    bonafide, spoof = join(place / "data/eval", place / "scores").split()
    cell = table.costs(bonafide, spoof, {"attack": "A09", "codec": "gsm"})
    assert cell == {"tdcf_2019": None, "tdcf_2021": None}  # no such ASV trials


def test_fixed_error_rates(place):
    result, _ = evaluate(place, "--asv-scores", "asvspoof5", "--by", "attack")
    parts = join(place / "data/eval", place / "scores").split()
    assert result["pooled"]["tdcf_asvspoof5"] == metrics.tdcf_asvspoof5(*parts)
    assert result["asv"]["accepted_spoof"] == 0.4607082907604729


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        (lambda lines: [*lines, "A01 spoof"], None, "asv:121: found 2 words, wanted 3"),
        (lambda lines: [*lines, "A01 fake 2"], None, "the kind 'fake'"),
        (lambda lines: [*lines, "A01 spoof nan"], None, "score 'nan'"),
        (lambda lines: [*lines, "A01 spoof high"], None, "wanted a score"),
        (lambda lines: lines[:80], None, "no spoof trial"),
        (lambda lines: [], None, "asv:1: found 0 words"),
        (lambda lines: lines[1:], "asv_key", "found 119 rows, wanted those of"),
    ],
)
def test_bad_asv_scores(place, change, key, words):
    path = place / "asv"
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
    with pytest.raises(UserError, match=words.replace("?", r"\?")):
        read_asv(path, key and place / key)


def test_rows_of_the_key_in_another_order(place):
    lines = (place / "asv_scores").read_text().splitlines()
    (place / "asv_scores").write_text("\n".join(lines[::-1]) + "\n")
    with pytest.raises(UserError, match="in the same order"):
        read_asv(place / "asv_scores", place / "asv_key")


def test_an_asv_upside_down(place):
    lines = [line.split() for line in (place / "asv").read_text().splitlines()]
    (place / "asv").write_text("".join(f"{a} {k} {-float(s)}\n" for a, k, s in lines))
    command = ("data/eval", "scores", "o.json", "--asv-scores", "asv")
    assert "right way up" in refused(PROGRAM, *command, cwd=place)


def test_the_published_list_is_the_default_and_its_name_is_told(place):
    counts = place / "data/eval/trial_counts"
    counts.write_text("all 60 100\nknown 60 50 published\n")
    result, out = evaluate(place)
    assert result["trials"] == "known"
    assert "(known)" in out
    assert evaluate(place, "--trials", "all")[0]["trials"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("known 60 51\n", "found 60 bona fide and 50 spoof trials, wanted 60 and 51"),
        ("all 60 100 published\nknown 60 50 published\n", "all and known published, wanted one"),
        ("known 60\n", "found '60', wanted"),
    ],
)
def test_counts_are_asserted(place, text, words):
    (place / "data/eval/trial_counts").write_text(text)
    command = ("data/eval", "scores", "o.json", "--trials", "known")
    assert words in refused(PROGRAM, *command, cwd=place)


def test_a_factor_of_spoof_alone_is_set_against_all_bona_fide(place):
    data = place / "data/eval"
    attack = read_table(data / "utt2attack")
    kinds = {"-": "-", "A01": "neural", "A02": "neural", "A03": "neural", "A04": "joined"}
    write_table(data / "utt2vocoder", {utt: kinds[a] for utt, a in attack.items()})
    result, _ = evaluate(place, "--by", "vocoder,vocoder*codec")
    cells = result["by"]["vocoder"]
    assert {name: (c["n_bonafide"], c["n_spoof"]) for name, c in cells.items()} == {
        "joined": (60, 25),
        "neural": (60, 75),
    }
    pair = result["by"]["vocoder*codec"]
    assert pair["neural*gsm"]["n_bonafide"] + pair["neural*none"]["n_bonafide"] == 60


def test_calibration_error_and_decisions_of_the_ratios(place):
    result, _ = evaluate(place)
    bonafide, spoof = join(place / "data/eval", place / "scores").split()
    odds = np.log(60 / 100)
    p = [1 / (1 + np.exp(-(part + odds))) for part in (bonafide, spoof)]
    assert result["pooled"]["ece"] == pytest.approx(metrics.ece(*p))
    assert result["classification"] == metrics.classification(bonafide, spoof)
    assert result["classification"]["positive"] == "spoof"


def test_the_asv_table_of_a_data_directory_is_taken_and_restricted_to_the_list(tmp_path):
    data = make_set(tmp_path, "eval")
    make_scores(data, tmp_path / "scores")
    rows = ["kind attack codec subset score"]
    for subset, shift in (("known", 0), ("other", 5)):
        for number in range(20):
            rows.append(f"target - gsm {subset} {2 + shift + number / 10}")
            rows.append(f"nontarget - gsm {subset} {-2 - number / 10}")
            rows.append(f"spoof A01 gsm {subset} {1 + number / 10}")
    (data / "asv_scores").write_text("".join(f"{row}\n" for row in rows))
    call = ("steps/evaluate.py", "--bootstrap", 0, "data/eval", "scores", "x/result.json")
    status, _, error = worker(*call, "--every-list", cwd=tmp_path)
    assert (status, error) == (0, "")
    found = {
        name: json.loads((tmp_path / f"x{name}/result.json").read_text())
        for name in ("", "_known", "_unknown")
    }
    assert found[""]["asv"]["n_target"] == 40
    assert found["_known"]["asv"]["n_target"] == 20
    assert "asv" not in found["_unknown"]  # no trial of verification is of that list
    (data / "asv_scores").write_text("asvspoof5\n")
    assert worker(*call, cwd=tmp_path)[0] == 0
    pooled = json.loads((tmp_path / "x/result.json").read_text())["pooled"]
    assert "tdcf_asvspoof5" in pooled
    (data / "asv_scores").write_text("target 1.0\n")
    status, _, error = worker(*call, cwd=tmp_path)
    assert status == 1
    assert "asv_scores:1: found 'target 1.0', wanted a header `kind ... score`" in error
