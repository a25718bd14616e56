"""The section of diagnostics says what was measured, and no more than its error allows."""

import html
import json
import math
import re

import pytest

from antispoof.errors import UserError
from antispoof.report.collect import Run
from antispoof.report.curvature import SHOWN, diagnostics, sign_text, traces

OTHERS = {
    "loss_gap": 0.125,
    "gradient_snr": 0.0625,
    "weight_norm": 31.5,
    "davies_bouldin": 1.75,
    "ece": 0.09,
    "nonlinearity": 0.375,
}


def words_of(text):
    """What a reader sees of HTML, with one blank between words."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", text)).split())


def record(mean, error, **others):
    hessian = {"mean": mean, "error": error, "per_parameter": mean / 1000, "inputs": 100}
    return {"set": "data/dev", "hessian": hessian, **OTHERS, **others}


@pytest.fixture
def runs(tmp_path):
    """Three runs, the last without diagnostics."""
    made = {
        ("a_<b>", 1): record(20.5, 3.5, relative={"mean": -0.75, "error": 0.25}),
        ("a_<b>", 2): record(-1.25, 0.75, loss_gap=None),
    }
    runs = []
    for (system, seed), own in made.items():
        path = tmp_path / f"{system}_seed{seed}"
        path.mkdir()
        (path / "diagnostics.json").write_text(json.dumps(own))
        runs.append(Run(path, system, seed))
    return [*runs, Run(tmp_path / "other_seed1", "other", 1)]


def test_each_run_has_its_numbers_and_a_sign_that_its_error_allows(runs):
    text, pictures = diagnostics(runs)
    words = words_of(text)
    assert "20.5 ± 3.5 above 0 -0.75 ± 0.25 below 0 0.125 0.0625 31.5 1.75 0.09 0.375" in words
    assert "-1.25 ± 0.75 cannot tell - - - 0.0625" in words
    assert "on clips of dev" in words
    for name, meaning in SHOWN.values():
        assert f"{name}: {meaning}." in words
    assert "<b>" not in text
    (picture,) = pictures
    assert picture.svg.startswith("<svg") and "a_<b>_seed1: 20.5 ± 3.5" in picture.alt


@pytest.mark.parametrize(
    ("mean", "error", "wanted"),
    [
        (2.1, 1.0, "above 0"),
        (2.0, 1.0, "cannot tell"),
        (-1.0, 1.0, "cannot tell"),
        (-2.5, 1.0, "below 0"),
        (0.0, 0.0, "cannot tell"),
    ],
)
def test_an_error_that_covers_both_sides_of_0_does_not_tell(mean, error, wanted):
    assert sign_text(mean, error) == wanted


def test_rank_correlations_are_shown_where_they_stand_next_to_the_experiments(runs, tmp_path):
    assert "rank correlation" not in diagnostics(runs)[0]
    correlations = {
        "hessian": {"rho": 0.75, "interval": [0.5, 0.875], "count": 24},
        "loss_gap": {"rho": -0.25, "interval": [-0.5, 0.125], "count": 23},
        "ece": {"rho": None, "interval": [-1.0, 1.0], "count": 24},
    }
    whole = {"set": "eval_unknown", "level": 0.9, "correlations": correlations}
    path = tmp_path / "diagnostics_of_all.json"
    path.write_text(json.dumps(whole))
    words = words_of(diagnostics(runs)[0])
    assert "rank correlation with the EER on eval_unknown, 90 % interval" in words
    assert "trace of the Hessian +0.75 +0.50 to +0.88 yes 24" in words
    assert "loss gap -0.25 -0.50 to +0.12 cannot tell 23" in words
    assert "ECE - the same in all 24" in words
    path.write_text("{}")
    with pytest.raises(UserError, match="run steps/relate_diagnostics.py again"):
        diagnostics(runs)


def test_nothing_is_shown_without_diagnostics_and_what_is_broken_is_refused(runs):
    assert diagnostics(runs[2:]) == ("", [])
    path = runs[0].path / "diagnostics.json"
    path.write_text(json.dumps(record(1.0, "high")))
    with pytest.raises(UserError, match="diagnostics.json: hessian.error: found .high."):
        diagnostics(runs)


@pytest.mark.parametrize("size", [2.5e-4, 1.0, 300.0])
def test_zero_and_powers_of_ten_are_marked_apart_in_a_picture_of_traces(size):
    rows = [("a", 0, 0.7 * size, size / 8), ("a", 0, -size, size / 8), ("b", 1, 90 * size, size)]
    texts = re.findall(r"<text[^>]*>(.*?)</text>", traces(rows), re.DOTALL)
    marks = [re.sub(r"<[^>]*>|\s", "", text) for text in texts]
    first, second = (f"10{math.floor(math.log10(size)) + n}".replace("-", "\u2212") for n in (0, 1))
    assert marks[:4] == [f"\u2212{first}", "0", first, second]


def test_traces_that_are_0_are_marked_at_0_alone_and_by_few(tmp_path):
    texts = re.findall(r"<text[^>]*>(.*?)</text>", traces([("a", 0, 0.0, 0.0)]), re.DOTALL)
    marks = [re.sub(r"<[^>]*>|\s", "", text) for text in texts]
    assert "0" in marks and len(marks) < 8


def test_long_names_take_several_lines_beside_a_picture():
    text = traces([("spaarsist_frozen_mini_1000_mag_mean_seed6", 0, 1.0, 0.5)])
    assert "spaarsist_frozen_mini_" in text and "1000_mag_mean_seed6" in text
    assert "mini_1000" not in text
    lines = re.findall(">([a-z]+)<", traces([(50 * "x", 0, 1.0, 0.5)]))
    assert [len(line) for line in lines if set(line) == {"x"}] == [22, 22, 6]
    assert ">mel_multiscale_seed6<" in traces([("mel_multiscale_seed6", 0, 1.0, 0.5)])
