"""The closing tables as text and Markdown: every number in its column, nothing out of line."""

import statistics

import pytest
from page_experiments import ATTACKS, CONDITIONS, COUNTS, ODD, RUNS, SYSTEMS, folder, result, values

from antispoof.report import collect, result_tables

FORMS = {"eer": ("EER %", 100, 2), "min_dcf": ("minDCF", 1, 3), "cllr": ("Cllr", 1, 3)}


@pytest.fixture(scope="module")
def runs():
    """All runs of the made-up experiments, in the order of the page."""
    return [
        collect.Run(
            None,
            system,
            seed,
            {c: result(system, seed, c) for c in CONDITIONS if values(system, seed, c)},
        )
        for system, seed in RUNS
    ]


@pytest.fixture(autouse=True)
def named(monkeypatch):
    monkeypatch.setattr(collect.Run, "name", property(lambda run: folder(run.system, run.seed)))


def mean_sd(numbers, scale, digits):
    if not numbers:
        return "-"
    spread = f" ± {scale * statistics.stdev(numbers):.{digits}f}" if len(numbers) > 1 else ""
    return f"{scale * statistics.mean(numbers):.{digits}f}{spread}"


def of_system(system, condition, metric):
    found = [values(*run, condition) for run in RUNS if run[0] == system]
    return [own[metric] for own in found if own and own[metric] is not None]


def test_the_main_table_holds_every_metric_of_every_list(runs):
    (table,) = result_tables.main_tables(runs, "eval", width=10**6)
    assert table.title == "Results on eval: mean ± sd over 4 seeds (1, 2, 3, 10)"
    assert table.header == ["system", *CONDITIONS * 3]
    assert table.groups == [FORMS[metric][0] for metric in FORMS for _ in CONDITIONS]
    wanted = [
        [s, *(mean_sd(of_system(s, c, m), *FORMS[m][1:]) for m in FORMS for c in CONDITIONS)]
        for s in SYSTEMS
    ]
    counts = [[str(COUNTS[c][kind]) for c in CONDITIONS] for kind in (0, 1)]
    counts[0][0] = "998/1250"  # of gamma, and of the others
    assert table.rows[:-2] == wanted
    assert table.rows[-2:] == [
        ["bona fide trials", *counts[0] * 3],
        ["spoof trials", *counts[1] * 3],
    ]


@pytest.mark.parametrize(
    ("width", "groups"),
    [(1, [1, 1, 1]), (69, [1, 1, 1]), (70, [2, 1]), (96, [2, 1]), (97, [3])],
)
def test_metrics_that_do_not_fit_follow_in_a_table_of_their_own(runs, width, groups):
    # 16 for `bona fide trials`, then for each metric three columns of 9 (`unknown` and a gap)
    own = [collect.Run(None, run.system[:5], run.seed, run.results) for run in runs]
    found = list(result_tables.main_tables(own, "eval", width))
    (whole,) = result_tables.main_tables(own, "eval", 10**6)
    assert [len(table.header) // 3 for table in found] == groups
    assert [name for table in found for name in table.groups] == whole.groups
    for row, line in enumerate(whole.rows):
        assert [cell for table in found for cell in table.rows[row][1:]] == line[1:]


def test_no_line_of_the_closing_tables_is_wider_than_asked_for(runs):
    lists = dict.fromkeys(["nine_long", "b", "c", "d"], runs[0].results["all"])  # 8 columns of 11
    own = [collect.Run(None, "x", 1, lists)]
    for width in range(60, 130):
        text = "".join(map(result_tables.to_text, result_tables.main_tables(own, "eval", width)))
        assert max(map(len, text.splitlines())) <= width


def test_attacks_have_their_lists_their_trials_and_the_eer_of_each_system(runs):
    (table,) = result_tables.attack_tables(runs, width=10**6)
    assert table.title == "EER % by attack: mean ± sd over 4 seeds (1, 2, 3, 10)"
    assert table.header == ["attack", "spoof", *SYSTEMS]
    headings = [row[:2] for row in table.rows]
    wanted = [
        ["A01 known,unknown", "9/41*"],
        ["A17 known,unknown", "17*"],
        ["A<2> unknown", "1052"],
    ]
    assert headings == wanted
    for row, attack in zip(table.rows, sorted(ATTACKS), strict=True):
        for system, text in zip(SYSTEMS, row[2:], strict=True):
            found = [
                result(*run, "all")["by"]["attack"][attack]["eer"]
                for run in RUNS
                if run[0] == system
            ]
            assert text == mean_sd([eer for eer in found if eer is not None], 100, 2)


def test_systems_that_do_not_fit_follow_in_a_table_of_attacks_of_their_own(runs):
    # 24 for the attack and its trials, then 15 for each system
    (whole,) = result_tables.attack_tables(runs, width=10**6)
    for width, sizes in ((83, [3, 1]), (84, [4]), (53, [1, 1, 1, 1]), (54, [2, 2]), (9, [1] * 4)):
        found = list(result_tables.attack_tables(runs, width))
        assert [len(table.header) - 2 for table in found] == sizes
        assert [name for table in found for name in table.header[2:]] == SYSTEMS
        for index, row in enumerate(whole.rows):
            assert [c for table in found for c in table.rows[index][2:]] == row[2:]
    assert list(result_tables.attack_tables([collect.Run(None, "x", 1, {"all": {}})])) == []


@pytest.mark.parametrize("metric", FORMS)
def test_each_run_has_its_value_and_its_interval_by_speaker_first(runs, metric):
    table = result_tables.run_table(runs, metric)
    title, scale, digits = FORMS[metric]
    assert table.title.startswith(f"{title} of each run [90 % interval by speaker, 70")
    assert table.header == ["run", *CONDITIONS]
    for run, row in zip(RUNS, table.rows, strict=True):
        assert row[0] == folder(*run)
        for condition, text in zip(CONDITIONS, row[1:], strict=True):
            found = values(*run, condition)
            value = found and found[metric]
            wanted = "-" if value is None else f"{scale * value:.{digits}f}"
            if metric == "eer" and found and (run[0], condition) != ("a_fusion", "unknown"):
                low, high = (0.83, 1.21) if run[0] == "gamma" else (0.71, 1.33)
                wanted += f" [{100 * low * value:.2f}, {100 * high * value:.2f}]"
            assert text == wanted


def test_the_closing_tables_stand_in_order_and_show_each_metric_on_demand(runs):
    titles = [
        table.title.partition(" of each run")[0]
        for table in result_tables.all_tables(runs, "eval", 10**6)
    ]
    assert [title.partition(":")[0] for title in titles] == [
        "Results on eval",
        "EER % by attack",
        "EER %",
    ]
    every = list(result_tables.all_tables(runs, "eval", 10**6, every_metric=True))
    assert [table.title.partition(" of each run")[0] for table in every[2:]] == [
        "EER %",
        "minDCF",
        "Cllr",
    ]


TABLE = result_tables.Table(
    "A title",
    ["system", "known", "all", "known", "all"],
    [["one", "1.25 ± 0.50", "10.5 ± 1.25", "3", "-"], ["a long name", "7", "8", "9", "-"]],
    ["EER %", "EER %", "minDCF", "minDCF"],
    stacked=True,
)


def test_text_is_aligned_to_the_right_with_deviations_beneath():
    lines = result_tables.to_text(TABLE).splitlines()
    assert lines[0:2] == ["A title", ""]
    ends = [len("a long name") + 8 * n for n in range(1, 5)]  # six wide, two apart
    assert positions(lines[3], ["known", "all", "known", "all"]) == ends
    assert lines[2] == " " * ends[0] + "  EER %".rjust(8) + " " * 10 + "minDCF"
    assert lines[4] == "-" * ends[-1]
    assert positions(lines[5], ["1.25", "10.5", "3", "-"]) == ends
    assert positions(lines[6], ["± 0.50", "± 1.25"]) == ends[:2]
    assert lines[6].startswith(" " * 11)
    assert positions(lines[7], ["7", "8", "9", "-"]) == ends
    assert len(lines) == 8
    assert result_tables.to_text(TABLE).endswith("-\n")


def positions(line, words):
    """Where each word ends, in their order."""
    ends, start = [], 0
    for word in words:
        start = line.index(word, start) + len(word)
        ends.append(start)
    return ends


def test_a_table_that_is_not_stacked_is_as_wide_as_its_cells():
    table = result_tables.Table("T", ["x", "longer", "y"], [["ab", "1", "2 ± 1"]])
    assert (
        result_tables.to_text(table)
        == "T\n\nx   longer      y\n-----------------\nab       1  2 ± 1\n"
    )


def test_markdown_escapes_bars_and_names_the_group_of_each_column():
    text = result_tables.to_markdown(TABLE)
    assert text == (
        "### A title\n\n"
        "| system | EER %, known | EER %, all | minDCF, known | minDCF, all |\n"
        "| :-- | --: | --: | --: | --: |\n"
        "| one | 1.25 ± 0.50 | 10.5 ± 1.25 | 3 | - |\n"
        "| a long name | 7 | 8 | 9 | - |\n"
    )
    table = result_tables.Table("T", ["a|b", "c"], [["x|y", "1"]])
    assert "| a\\|b | c |\n| :-- | --: |\n| x\\|y | 1 |\n" in result_tables.to_markdown(table)
    assert ODD in result_tables.to_markdown(result_tables.Table("T", ["x"], [[ODD]]))


def test_a_wide_cell_makes_all_columns_of_a_stacked_table_as_wide():
    rows = [["one", "1.25 ± 0.50", "3"], ["trials", "998/1250", "7"]]
    table = result_tables.Table("T", ["x", "known", "all"], rows, ["EER %", "EER %"], stacked=True)
    lines = result_tables.to_text(table).splitlines()[2:]
    ends = [len("trials") + 10 * n for n in (1, 2)]  # eight wide, two apart
    assert [len(line) for line in lines] == [ends[1]] * 4 + [ends[0]] + [ends[1]]
    assert positions(lines[5], ["998/1250", "7"]) == ends
    assert positions(lines[3], ["1.25", "3"]) == ends
