"""The page's words: provenance, notes, names that HTML must escape, and what is left out."""

import base64
import json
import runpy
import shutil
import sys

import pages
import pytest
from made_up import ROOT
from page_experiments import PROVENANCE, RUNS, folder, result

from antispoof.errors import UserError
from antispoof.report import collect, figures, result_tables, sections
from antispoof.report.html import piece
from antispoof.report.page import page

shown = pages.read
TITLES = {name: name for name in PROVENANCE}
TITLES[".done"] = "command, and the SHA-256 of what it rests on"


def test_each_run_shows_its_files_under_their_names(shown):
    section = shown.page["provenance"]
    assert section.texts["summary"] == [*(folder(*run) for run in RUNS), "data"]
    titles, texts = [], []
    for system, _ in RUNS:
        names = [name for name in PROVENANCE if name != "fusion.json" or system == "a_fusion"]
        titles += [TITLES[name] for name in names]
        texts += [PROVENANCE[name] for name in names]
    assert section.texts["h3"] == titles
    assert section.texts["pre"][:-1] == texts


def test_the_packages_are_cut_after_forty_lines(shown):
    lines = shown.page["provenance"].texts["pre"][-1].splitlines()
    assert lines == [*(f"package <{n}>" for n in range(1, 41)), "... 3 more lines"]


def test_forty_packages_are_shown_whole(tmp_path):
    (tmp_path / "PROVENANCE").write_text("".join(f"{n}\n" for n in range(40)))
    run = collect.Run(tmp_path, "x", 1, {"all": result("alpha", 2, "all")})
    text = bare([run], tmp_path)
    assert pages.Page(text)["provenance"].texts["pre"] == ["\n".join(map(str, range(40)))]


def bare(runs, data):
    """The page of runs without pictures and tables."""
    keys = ("det", "histogram", "reliability", "interval", "training", "order")
    parts = dict.fromkeys(("calibration", "comparisons", "costs", "counts", "order"), "")
    return page(runs, "eval", data, {key: [] for key in keys}, parts)


def test_sections_without_content_are_left_out_with_their_links(tmp_path):
    own = {**result("alpha", 2, "all"), "by": {}}
    found = pages.Page(bare([collect.Run(tmp_path, "x", 1, {"all": own})], tmp_path))
    assert list(found.sections) == ["", "results", "intervals"]
    assert found[""].texts["a"] == ["Results", "Each run"]
    run = collect.Run(tmp_path, "x", 0, {"all": own})  # 0 is a seed as any other
    assert list(pages.Page(bare([run], tmp_path))["intervals"].tables[0].words()) == ["x | seed 0"]


def test_names_are_escaped_everywhere(tmp_path):
    bad = "<script>alert(1)</script>&\"'"
    own = result("alpha", 2, "all")
    for factor in list(own["by"]):
        own["by"][factor] = {f"{bad}*{bad}" if "*" in factor else bad: {**cell()}}
    own["by"][bad] = {bad: cell()}
    for name in PROVENANCE:
        (tmp_path / name).write_text(bad)
    run = collect.Run(tmp_path, bad, 1, {"all": own, bad: own})
    (tmp_path / "missing_attacks").write_text(bad)
    text = bare([run], tmp_path)
    assert bad[:8] not in text
    found = pages.Page(text)
    captions = {table.caption for table in found["attacks"].tables}
    assert f"{bad}: EER % by attack and codec, trials below" in captions
    assert f"Missing attack: {bad}" in found["results"].texts["li"]
    assert found["attacks"].tables[0].header == ["attack", bad]
    assert sections.counts([run]).count("&lt;script&gt;") == 1


def cell():
    return {"n_bonafide": 60, "n_spoof": 60, "few": False, "eer": 0.25}


def test_pictures_stand_in_the_page_as_they_are(tmp_path):
    picture = figures.Picture("<svg>é</svg>", 'words "with" <marks> & é')
    keys = ("det", "histogram", "reliability", "interval", "training", "order")
    drawn = {key: [figures.Picture(f"<svg>{key}</svg>", key)] for key in keys}
    drawn["det"].append(picture)
    parts = {
        key: piece("paragraph", key)
        for key in ("calibration", "comparisons", "costs", "counts", "order")
    }
    run = collect.Run(tmp_path, "x", 1, {"all": result("alpha", 2, "all")})
    found = pages.Page(page([run], "eval", tmp_path, drawn, parts))
    sections = {"histogram": "scores", "reliability": "calibration", "interval": "intervals"}
    for key in keys:
        assert found[sections.get(key, key)].images[0]["alt"] == key
    shown = found["det"].images[1]
    assert shown["alt"] == picture.alt
    code = shown["src"].removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(code, validate=True).decode("utf-8") == picture.svg
    for key in parts:
        assert key in found[{"counts": "provenance"}.get(key, key)].texts["p"]


def run_of(seed, trials=None, **changes):
    return collect.Run(None, "x", seed, {trials or "all": {**result("alpha", 2, "all"), **changes}})


def test_what_ratios_the_cllr_is_of_is_said_only_where_all_are_calibrated(tmp_path):
    for given, words in (
        ((True, True), "scores calibrated on dev"),
        ((True, False), "the scores as"),
    ):
        runs = [run_of(n, llr_given=own) for n, own in enumerate(given)]
        assert words in list(result_tables.notes(runs, tmp_path))[1]
    del runs[0].results["all"]["llr_given"], runs[1].results["all"]["llr_given"]
    assert (
        "the scores as they are" in list(result_tables.notes(runs, tmp_path))[1]
    )  # of older versions


def test_notes_speak_of_attacks_and_of_few_trials_only_where_there_are_any(tmp_path):
    assert len(list(result_tables.notes([run_of(1, by={})], tmp_path))) == 2
    by = {"attack": {"A01": cell()}}
    lines = list(result_tables.notes([run_of(1, by=by), run_of(2)], tmp_path))
    assert lines[2] == "By attack: all 60/1251 bona fide trials against that attack."
    assert lines[3:] == ["* fewer than 30 trials of a class."]
    assert len(list(result_tables.notes([run_of(1, by=by)], tmp_path))) == 3


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ((None,), "one run each"),
        ((3,), "seed 3"),
        ((3, 3, None), "seed 3"),
        ((10, 2), "mean ± sd over 2 seeds (2, 10)"),
    ],
)
def test_what_a_mean_is_over_is_said(seeds, words):
    assert result_tables.seeds_text([run_of(seed) for seed in seeds]) == words


def test_the_interval_is_said_to_be_by_trial_where_there_are_no_speakers():
    trial = {
        "intervals": {"eer": {"iid": [0.1, 0.2]}},
        "bootstrap": {"level": 0.95, "replicates": 9},
    }
    assert (
        result_tables.interval_text([run_of(1, **trial)]) == "95 % interval by trial, 9 replicates"
    )
    none = run_of(2)
    del none.results["all"]["intervals"]
    assert result_tables.interval_text([none]) == "no intervals"
    assert result_tables.interval_text([none, run_of(1, **trial)]).startswith(
        "95 % interval by trial"
    )


def write(place, exp, name, found):
    (place / "exp" / exp / name).mkdir(parents=True)
    (place / "exp" / exp / name / "result.json").write_text(json.dumps(found))


def test_runs_stand_by_system_and_number_of_their_seed_with_fusions_last(tmp_path):
    names = ["b_seed10", "b_seed9", "a_fusion_seed1", "c", "a_seed0", "fusion_seed2"]
    for name in names:
        write(tmp_path, name, "eval", result("alpha", 2, "all"))
        if "fusion" in name:
            (tmp_path / "exp" / name / "fusion.json").write_text('{"systems": []}')
    write(tmp_path, "b_seed9", "eval_known", result("alpha", 2, "known"))
    write(tmp_path, "b_seed9", "dev", {**result("alpha", 2, "all"), "set": "dev"})
    write(tmp_path, "d_seed1", "dev", {**result("alpha", 2, "all"), "set": "dev"})
    runs = collect.read_runs(sorted((tmp_path / "exp").iterdir()), "eval")
    order = ["a_seed0", "b_seed9", "b_seed10", "c", "a_fusion_seed1", "fusion_seed2"]
    assert [run.name for run in runs] == order
    assert [(run.system, run.seed) for run in runs[:4]] == [
        ("a", 0),
        ("b", 9),
        ("b", 10),
        ("c", None),
    ]
    assert collect.conditions(runs) == ["known", "all"]
    assert sorted(runs[1].results) == ["all", "known"]
    assert runs[1].results["known"]["counts"]["spoof"] == 341
    with pytest.raises(UserError, match="no result.json on the set 'x' in 2 experiment folders"):
        collect.read_runs([tmp_path / "exp/c", tmp_path / "exp/d_seed1"], "x")


def test_experiments_are_found_below_a_folder_or_are_the_folder(tmp_path):
    for name in ("b_seed1", "a_seed2"):
        for place in ("eval", "dev"):
            write(tmp_path, name, place, {})
    exp = tmp_path / "exp"
    (exp / "log").mkdir()
    assert collect.find_experiments(exp) == [exp / "a_seed2", exp / "b_seed1"]
    assert collect.find_experiments(exp / "b_seed1") == [exp / "b_seed1"]


def test_a_result_that_lacks_something_is_refused_by_its_path(tmp_path):
    for key in ("counts", "costs", "pooled", "set"):
        found = {name: own for name, own in result("alpha", 2, "all").items() if name != key}
        write(tmp_path / key, "x", "eval", found)
        with pytest.raises(UserError, match=f"x/eval/result.json: lacks '{key}'; remove it"):
            collect.read_runs([tmp_path / key / "exp/x"], "eval")


def test_the_options_name_the_set_and_where_its_data_lie(shown, tmp_path):
    own = {**result("alpha", 2, "all"), "set": "other"}
    write(tmp_path, "alpha_seed2", "other", own)
    data = shutil.copytree(shown.place / "data", tmp_path / "elsewhere")
    (data / "eval").rename(data / "other")
    scores = shown.place / "exp/alpha_seed2/eval/scores"
    shutil.copy(scores, tmp_path / "exp/alpha_seed2/other/scores")
    options = ("--set", "other", "--data", "elsewhere")
    found = pages.report(tmp_path, *options, exps=["exp/alpha_seed2"]).page
    assert found[""].texts["h1"] == ["Spoofed speech detection: other"]
    assert len(found["det"].images) == 1
    assert found["provenance"].texts["summary"] == ["data"]
    assert "comparisons" not in found.sections
    assert "order" not in found.sections
    assert "Missing attack: A10 neither" in found["results"].texts["li"]


def test_without_options_the_page_is_of_eval_and_lies_in_exp(tmp_path, monkeypatch, capsys):
    write(tmp_path, "x_seed1", "eval", {**result("alpha", 2, "all"), "intervals": {"eer": {}}})
    (tmp_path / "data").mkdir()
    (tmp_path / "data/missing_attacks").write_text("A09 of the default folder\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["steps/report.py", "exp/x_seed1"])
    runpy.run_path(str(ROOT / "steps/report.py"), run_name="report")["main"]()
    assert capsys.readouterr().out == "exp/report.html: 1 runs, 0 pictures\n"
    text = (tmp_path / "exp/report.html").read_text("utf-8")
    assert "A09 of the default folder" in text
    assert "Spoofed speech detection: eval" in text
