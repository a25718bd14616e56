"""The page's results, cell by cell: means, deviations, the best in bold, intervals, counts."""

import statistics

import pages
import pytest
from page_experiments import CONDITIONS, COUNTS, ODD, RUNS, SYSTEMS, values

shown = pages.read

TITLES = {"eer": ("EER %", 100, 2), "min_dcf": ("minDCF", 1, 3), "cllr": ("Cllr", 1, 3)}


def of_system(system, condition, metric):
    """The values of its seeds."""
    found = [values(*run, condition) for run in RUNS if run[0] == system]
    return [own[metric] for own in found if own and own[metric] is not None]


def as_read(numbers, scale, digits):
    """Mean, and below it the sample deviation where there are several."""
    if not numbers:
        return "-"
    text = f"{scale * statistics.mean(numbers):.{digits}f}"
    if len(numbers) == 1:
        return text
    return f"{text} | ± {scale * statistics.stdev(numbers):.{digits}f}"


@pytest.mark.parametrize("metric", TITLES)
def test_every_cell_of_the_results_is_the_mean_and_deviation_of_its_seeds(shown, metric):
    title, scale, digits = TITLES[metric]
    (table,) = (own for own in shown.page["results"].tables if own.caption == title)
    assert table.header == ["system", *CONDITIONS]
    assert list(table.words()) == SYSTEMS  # fusions last, whatever their name
    for condition in CONDITIONS:
        found = {name: cell.words for name, cell in table.column(condition).items()}
        assert found == {
            system: as_read(of_system(system, condition, metric), scale, digits)
            for system in SYSTEMS
        }


@pytest.mark.parametrize("metric", TITLES)
def test_bold_are_the_lowest_means_of_each_condition_and_no_others(shown, metric):
    (table,) = (own for own in shown.page["results"].tables if own.caption == TITLES[metric][0])
    for condition in CONDITIONS:
        means = {s: of_system(s, condition, metric) for s in SYSTEMS}
        means = {s: statistics.mean(own) for s, own in means.items() if own}
        best = {s for s, mean in means.items() if mean == min(means.values())}
        cells = table.column(condition)
        assert {name for name, cell in cells.items() if cell.bold} == best
        assert all(cells[name].bold == cells[name].text for name in best)


def test_the_best_are_not_always_the_first_and_two_may_share_it(shown):
    bold = [
        [name for name, cell in table.column(condition).items() if cell.bold]
        for table in shown.page["results"].tables
        for condition in CONDITIONS
    ]
    assert bold == [
        *([ODD], ["alpha"], [ODD]),  # EER
        *(["alpha"], [ODD], ["alpha"]),  # minDCF, in which the order is turned round
        *(["a_fusion"], ["a_fusion"], ["gamma", "a_fusion"]),  # Cllr
    ]


def test_a_value_of_nought_counts_and_is_bold():
    from antispoof.report import collect
    from antispoof.report.page import _results

    pooled = [{"eer": 0.0, "min_dcf": 0.5}, {"eer": 0.5, "min_dcf": 0.25}, {"eer": None}]
    runs = [collect.Run(None, "x", n, {"all": {"pooled": own}}) for n, own in enumerate(pooled)]
    runs.append(collect.Run(None, "y", 1, {"all": {"pooled": {"eer": 0.0, "min_dcf": 0.0}}}))
    eer, min_dcf, cllr = pages.Page(_results(runs))[""].tables
    assert eer.words() == {"x": ["25.00 | ± 35.36"], "y": ["0.00"]}
    assert min_dcf.words() == {"x": ["0.375 | ± 0.177"], "y": ["0.000"]}
    assert [cell.bold for cell in eer.column("all").values()] == ["", "0.00"]
    assert cllr.words() == {"x": ["-"], "y": ["-"]}


def test_each_run_has_its_eer_and_both_intervals(shown):
    tables = {table.caption: table for table in shown.page["intervals"].tables}
    assert list(tables) == list(CONDITIONS)
    for condition, table in tables.items():
        assert table.header == ["run", "EER\xa0%", "iid", "speaker"]
        wanted = {}
        for system, seed in RUNS:
            found = values(system, seed, condition)
            if not found:
                continue
            eer = 100 * found["eer"]
            iid, speaker = (
                f"{0.83 * eer:.2f}–{1.21 * eer:.2f}",
                f"{0.71 * eer:.2f}–{1.33 * eer:.2f}",
            )
            speaker = "-" if system == "gamma" else speaker
            if (system, condition) == ("a_fusion", "unknown"):  # judged without a bootstrap
                iid = speaker = "-"
            heading = system if seed is None else f"{system} | seed {seed}"
            wanted[heading] = [f"{eer:.2f}", iid, speaker]
        assert table.words() == wanted
        assert list(table.words()) == list(wanted)  # seed 10 after seed 3


def test_tables_of_intervals_have_room_for_their_columns():
    from antispoof.report import collect
    from antispoof.report.page import _results, _runs

    boot = {"kinds": ["iid"], "replicates": 9, "level": 0.9}
    found = {"pooled": {"eer": 0.2}, "intervals": {"eer": {"iid": [0.1, 0.3]}}, "bootstrap": boot}
    runs = [collect.Run(None, "x", 1, {"all": found})]
    assert _runs(runs).count('<div class="grid roomy">') == 1
    assert _results(runs).count('<div class="grid">') == 1


def test_the_kind_of_interval_is_said(shown):
    assert shown.page["intervals"].texts["p"] == [
        "EER, 90 % interval by speaker, 702 replicates; iid: drawing single trials instead."
    ]


def test_counts_of_every_list_and_of_results_that_differ(shown):
    (table,) = shown.page["provenance"].tables
    assert table.caption == "Data counts"
    assert table.header == ["trials", "bona fide", "spoof", "together"]
    pairs = [("known", (998, 341)), *COUNTS.items()]  # gamma was judged on other trials
    wanted = [[name, f"{b:,}", f"{s:,}", f"{b + s:,}"] for name, (b, s) in pairs]
    assert [[cell.words for cell in row] for row in table.rows] == wanted


def test_what_the_numbers_are_of_is_said_beneath_them(shown):
    assert shown.page["results"].texts["li"] == [
        "minDCF: P(spoof) 0.07, a miss costs 3, a false alarm 11; 1 = no better than one fixed "
        "answer.",
        "Cllr: in bits, of scores calibrated on dev; 1 = as good as saying nothing.",
        "By attack: all 1251 bona fide trials against that attack.",
        "* fewer than 30 trials of a class.",
        "Missing attack: A09 <never> made",
        "Missing attack: A10 neither",
    ]


def test_the_head_counts_systems_runs_and_seeds(shown):
    texts = shown.page[""].texts
    assert texts["title"] == texts["h1"] == ["Spoofed speech detection: eval"]
    assert texts["p"] == ["4 systems, 7 runs; mean ± sd over 4 seeds (1, 2, 3, 10)."]


@pytest.mark.parametrize(
    ("systems", "runs", "wanted"),
    [
        (1, 1, "1 system, 1 run; x."),
        (1, 2, "1 system, 2 runs; x."),
        (2, 2, "2 systems, 2 runs; x."),
    ],
)
def test_one_is_no_plural(systems, runs, wanted):
    from antispoof.report.html import TEMPLATES

    own = {"set_name": "eval", "seeds": "x", "sections": [], "systems": systems, "runs": runs}
    text = TEMPLATES.get_template("page.html").render(own)
    assert f"<p>{wanted}</p>" in text


def test_links_lead_to_the_sections_by_their_titles(shown):
    titles = {key: own.texts["h2"] for key, own in shown.page.sections.items() if key}
    assert titles == {
        "results": ["Results"],
        "intervals": ["Each run"],
        "comparisons": ["Comparisons"],
        "det": ["Detection error trade-off"],
        "attacks": ["By attack and condition"],
        "scores": ["Scores"],
        "calibration": ["Calibration"],
        "costs": ["Sizes and costs"],
        "order": ["Which system"],
        "training": ["Training"],
        "provenance": ["Provenance"],
    }
    links = [f'<a href="#{key}">{title}</a>' for key, (title,) in titles.items()]
    assert f"<nav>{''.join(links)}</nav>" in shown.text
