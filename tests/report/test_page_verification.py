"""The page's table next to speaker verification: each cell against what its results say."""

import statistics

import pages
from page_experiments import result

from antispoof.report import collect
from antispoof.report.page import page

COUNTS = {"target": 1200, "nontarget": 340, "spoof": 56}


def shown(runs, data):
    keys = ("det", "histogram", "reliability", "interval", "training", "order")
    parts = dict.fromkeys(("calibration", "comparisons", "costs", "counts", "order"), "")
    return pages.Page(page(runs, "eval", data, {key: [] for key in keys}, parts))["results"]


def test_the_table_holds_the_mean_of_seeds_of_each_list_and_system(tmp_path):
    runs = []
    for seed, (alone, joint, even) in enumerate([(0.5, 0.25, 0.125), (0.25, 0.125, 0.25)], 1):
        one = result("alpha", 2, "all")
        own = {"a_dcf": {"asv": alone, "joint": joint}, "t_eer": even, "counts": COUNTS}
        runs.append(collect.Run(tmp_path, "alpha", seed, {"all": {**one, "sasv": own}}))
    bare = {"a_dcf": {"asv": 0.5}, "t_eer": 0.5, "counts": COUNTS}
    one = result("alpha", 2, "all")
    runs.append(collect.Run(tmp_path, "beta", None, {"all": {**one, "sasv": bare}}))
    runs.append(collect.Run(tmp_path, "gamma", None, {"all": one}))
    (table,) = (t for t in shown(runs, tmp_path).tables if "speaker verification" in t.caption)
    words = [[cell.words for cell in row] for row in table.rows]
    sd = statistics.stdev([0.5, 0.25])
    assert words[0][:3] == ["alpha", "all", f"0.375 | ± {sd:.3f}"]
    assert words[0][4] == f"18.75 | ± {100 * statistics.stdev([0.125, 0.25]):.2f}"
    assert words[0][5] == "1,200 / 340 / 56"
    assert words[1] == ["beta", "all", "0.500", "-", "50.00", "1,200 / 340 / 56"]
    assert len(words) == 2  # gamma has none


def test_results_without_it_have_no_such_table(tmp_path):
    run = collect.Run(tmp_path, "alpha", 1, {"all": result("alpha", 2, "all")})
    assert "verification" not in "".join(t.caption for t in shown([run], tmp_path).tables)


def test_cells_hold_the_means_of_the_ends_and_the_line_below_says_over_what(tmp_path):
    runs, units = [], "9 claimed speakers and 7 test speakers; for these 4 attacks alone"
    for seed, low in ((1, 0.25), (2, 0.5)):
        kinds = {"crossed": [low, low + 0.25], "speaker": [0.9, 0.95]}
        own = {"a_dcf": {"asv": 0.625}, "t_eer": 0.25, "counts": COUNTS}
        own["intervals"] = {"a_dcf_asv": kinds, "t_eer": {"speaker": [low / 4, low]}}
        own["crossed"] = {"over": "x", "units": units}
        one = {**result("alpha", 2, "all"), "sasv": own}
        runs.append(collect.Run(tmp_path, "alpha", seed, {"all": one}))
    section = shown(runs, tmp_path)
    (table,) = (t for t in section.tables if "speaker verification" in t.caption)
    (words,) = ([cell.words for cell in row] for row in table.rows)
    assert words[2] == "0.625 | ± 0.000 | 0.375–0.625"
    assert words[3:5] == ["-", "25.00 | ± 0.00 | 9.38–37.50"]
    assert f"Intervals of a-DCF, on all: {units}." in section.texts["p"][0]
    assert "Those of t-EER: claimed speakers alone" in section.texts["p"][0]
    for run in runs:  # of too few of everything
        run.results["all"]["sasv"]["crossed"] = {"over": "", "units": units}
    assert "Intervals of a-DCF" not in " ".join(shown(runs, tmp_path).texts.get("p", ()))
    runs[0].results["all"]["sasv"]["intervals"]["t_eer"] = {}  # refused for one of two seeds
    (table,) = (t for t in shown(runs, tmp_path).tables if "speaker verification" in t.caption)
    assert table.rows[0][4].words == "25.00 | ± 0.00"
