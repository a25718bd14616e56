"""The page's section of source tracing: what its cells say of the files that it is made of."""

import json
import re

import pages
import pytest
from made_up import make_experiments, worker
from page_experiments import result
from traced_sets import CLASSES, DEV, EVAL, TRAIN

from antispoof.errors import UserError
from antispoof.evaluation.tracing_result import judge_tracing
from antispoof.report import collect
from antispoof.report.page import page
from antispoof.report.tracing import tracing


@pytest.fixture(scope="module")
def found():
    judged = judge_tracing(CLASSES, TRAIN.traced, DEV, EVAL, replicates=50)
    return {**judged, "set": "eval", "labels": "attack"}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path.parents[1]


def section(tmp_path, exps):
    """The section of a page that holds a detector too, as it is read."""
    words, drawn = tracing(exps, "eval")
    runs = [collect.Run(tmp_path, "alpha", 1, {"all": result("alpha", 2, "all")})]
    keys = ("det", "histogram", "reliability", "interval", "training", "order")
    tables = dict.fromkeys(("calibration", "comparisons", "costs", "counts", "order"), "")
    pictures = {**{key: [] for key in keys}, "tracing": drawn}
    return page(runs, "eval", tmp_path, pictures, {**tables, "tracing": words})


def test_the_worker_shows_what_was_traced_next_to_a_detector(tmp_path, found):
    place = make_experiments(tmp_path, ("one",))
    out = "exp/one_seed1/eval/result.json"
    call = ("data/eval", "exp/one_seed1/eval/scores", out, "--bootstrap", 0)
    assert worker("steps/evaluate.py", *call, cwd=place)[0] == 0
    write(place / "exp/x_seed1/eval/tracing.json", found)
    exps = ("exp/one_seed1", "exp/x_seed1")
    status, _, error = worker("steps/report.py", "--out", "page.html", *exps, cwd=place)
    assert (status, error) == (0, "")
    text = (place / "page.html").read_text("utf-8")
    assert "Source tracing" in text and "Confusion matrices of x" in text


def ends(found, metric, kind, factor, digits):
    return "–".join(f"{factor * end:.{digits}f}" for end in found["intervals"][metric][kind])


def test_each_cell_is_that_of_its_file_with_its_interval(tmp_path, found):
    exps = [write(tmp_path / "x_seed1/eval/tracing.json", found), tmp_path / "detector_seed1"]
    shown = pages.Page(section(tmp_path, exps))["tracing"]
    closed, opened = shown.tables
    assert [cell.words for cell in closed.rows[0]] == [
        "x",
        "3 of utt2attack",
        "48 / 32",
        f"{found['closed']['macro_f1']:.3f} | {ends(found, 'macro_f1', 'speaker', 1, 3)}",
        f"{100 * found['closed']['accuracy']:.2f}",
    ]
    for row, (name, own) in zip(opened.rows, found["open"].items(), strict=True):
        eer, fpr, joint = (cell.words for cell in row[1:])
        assert row[0].words == f"x | {name}"
        assert eer == f"{100 * own['eer']:.2f} | {ends(found, f'eer_{name}', 'crossed', 100, 2)}"
        assert fpr.startswith(f"{100 * own['fpr95']:.2f} | ")
        assert joint.endswith(ends(found, f"joint_f1_{name}", "speaker", 1, 3))
    assert found["crossed"]["units"] in shown.texts["p"][0]


def test_seeds_are_one_row_of_means_with_their_deviation(tmp_path, found):
    exps = [write(tmp_path / "x_seed1/eval/tracing.json", found)]
    other = json.loads(json.dumps(found))
    other["closed"]["accuracy"] = found["closed"]["accuracy"] - 0.5
    exps.append(write(tmp_path / "x_seed2/eval/tracing.json", other))
    exps.append(write(tmp_path / "y_seed1/eval/tracing.json", found))
    text = section(tmp_path, exps)
    closed = pages.Page(text)["tracing"].tables[0]
    mean = 100 * (found["closed"]["accuracy"] - 0.25)
    assert closed.rows[0][4].words == f"{mean:.2f} | ± {100 * 0.5 / 2**0.5:.2f}"
    assert [row[0].words for row in closed.rows] == ["x", "y"]
    assert len(re.findall('alt="Confusion matrices of ', text)) == 2


def test_a_set_without_unknown_sources_has_the_first_table_alone(tmp_path, found):
    own = {**found, "open": None, "counts": {"known": 48, "unknown": 0}}
    del own["crossed"]
    words, drawn = tracing([write(tmp_path / "x_seed1/eval/tracing.json", own)], "eval")
    assert words.count("<table>") == 1 and "no source is unknown" in drawn[0].alt


def test_intervals_of_too_few_of_everything_are_not_spoken_of(tmp_path, found):
    exp = write(tmp_path / "x_seed1/eval/tracing.json", found)
    assert "Intervals of EERs over " in tracing([exp], "eval")[0]
    own = {**found, "crossed": {"over": "", "units": "for these 3 speakers alone"}}
    exp = write(tmp_path / "x_seed1/eval/tracing.json", own)
    assert "Intervals of EERs over " not in tracing([exp], "eval")[0]


def test_a_page_without_it_has_no_such_section_and_another_file_is_refused(tmp_path, found):
    assert tracing([tmp_path], "eval") == ("", [])
    assert "Source tracing" not in section(tmp_path, [tmp_path])
    exp = write(tmp_path / "x_seed1/eval/tracing.json", {"classes": []})
    with pytest.raises(UserError, match=r"tracing.json: lacks 'counts'; run steps/evaluate_trac"):
        tracing([exp], "eval")
