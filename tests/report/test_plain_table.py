"""The closing tables against plain Python: the number under each header, over which runs."""

import json
import math
import re

import numpy as np
import pytest
from plain_results import call, mean

from antispoof.errors import UserError

SHOW = "utils/show_results.py"
RUNS = {"net": (0, 2, 11), "a_fusion": (1, 2), "zoo": (3,)}  # fusions come last
ORDER = ["net_seed0", "net_seed2", "net_seed11", "zoo_seed3", "a_fusion_seed1", "a_fusion_seed2"]
LISTS = {"unknown": ("A09", "A10"), "known": ("A01", "A09"), None: ("A01", "A09", "A10", "A11")}
TITLES = {"eer": "EER %", "min_dcf": "minDCF", "cllr": "Cllr"}
SIZES = {"A01": 40, "A09": 30, "A10": 29, "A11": 33}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def one_result(rng, trials, speakers=True):
    """A result of which no two numbers are alike."""

    def values():
        return {name: float(rng.uniform(0.01, 0.6)) for name in ("eer", "min_dcf", "cllr")}

    pooled, cells = values(), {}
    for attack in LISTS[trials]:
        few = SIZES[attack] < 30
        cells[attack] = {"n_bonafide": 57, "n_spoof": SIZES[attack], "few": few, **values()}
    n_spoof = sum(SIZES[attack] for attack in LISTS[trials])
    kinds = ("iid", "speaker") if speakers else ("iid",)
    gsm = {"n_bonafide": 1, "n_spoof": 1, "few": True, "eer": None}
    return {
        "set": "eval",
        "trials": trials,
        "llr_given": True,
        "counts": {"bonafide": 57, "spoof": n_spoof, "trials": 57 + n_spoof},
        "costs": {"p_spoof": 0.2, "c_miss": 3, "c_fa": 7},
        "pooled": {**pooled, "act_dcf": 0.99, "auc": 0.9},
        "bootstrap": {"level": 0.9, "replicates": 777, "seed": 0},
        "intervals": {
            name: {k: [value * rng.uniform(0.5, 0.9), value * rng.uniform(1.1, 2)] for k in kinds}
            for name, value in pooled.items()
        },
        "by": {"attack": cells, "codec": {"gsm": gsm}},
    }


def make(place, speakers=True, seed=0):
    """{run: {condition: result}}; one run has no result on the list `known`."""
    rng, made = np.random.default_rng(seed), {}
    for system, seeds in RUNS.items():
        for number in seeds:
            run = f"{system}_seed{number}"
            if system.endswith("fusion"):
                write(place / "exp" / run / "fusion.json", {})
            for trials in LISTS:
                if (run, trials) != ("net_seed2", "known"):
                    found = one_result(rng, trials, speakers)
                    folder = "eval" if trials is None else f"eval_{trials}"
                    write(place / "exp" / run / folder / "result.json", found)
                    made.setdefault(run, {})[trials or "all"] = found
            other = {**one_result(rng, None), "set": "progress"}
            write(place / "exp" / run / "progress/result.json", other)
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("table")


@pytest.fixture(scope="module")
def made(place):
    return make(place)


def show(place, capsys, *options):
    call(SHOW, *options, cwd=place)
    return capsys.readouterr().out


def markdown(text):
    """{title: {(row's first cell, column): cell}} and the lines of notes."""
    tables, notes = {}, [line[2:] for line in text.splitlines() if line.startswith("- ")]
    for block in text.split("### ")[1:]:
        lines = block.splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
        header, _, *rows = rows
        cells = {(r[0], name): cell for r in rows for name, cell in zip(header, r, strict=True)}
        tables[lines[0]] = cells
    return tables, notes


def of_system(made, system, condition):
    runs = [made[f"{system}_seed{seed}"] for seed in RUNS[system]]
    return [run[condition] for run in runs if condition in run]


def plain_text(values, metric):
    """Mean and deviation by n - 1, of more than one value."""
    scale, digits = (100, 2) if metric == "eer" else (1, 3)
    middle = mean(values)
    text = f"{scale * middle:.{digits}f}"
    if len(values) > 1:
        deviation = math.sqrt(sum((x - middle) ** 2 for x in values) / (len(values) - 1))
        text += f" ± {scale * deviation:.{digits}f}"
    return text


CONDITIONS = ["known", "unknown", "all"]
OVER = "mean ± sd over 5 seeds (0, 1, 2, 3, 11)"


def test_each_cell_is_the_mean_over_the_runs_that_have_the_condition(place, made, capsys):
    tables, _ = markdown(show(place, capsys, "--markdown"))
    cells = tables[f"Results on eval: {OVER}"]
    wanted = {}
    for system in RUNS:
        for metric, title in TITLES.items():
            for condition in CONDITIONS:
                values = [r["pooled"][metric] for r in of_system(made, system, condition)]
                wanted[system, f"{title}, {condition}"] = plain_text(values, metric)
        wanted[system, "system"] = system
    counts = {"known": 70, "unknown": 59, "all": 132}
    for word, numbers in (("bona fide", dict.fromkeys(CONDITIONS, 57)), ("spoof", counts)):
        wanted[f"{word} trials", "system"] = f"{word} trials"
        for title in TITLES.values():
            for condition in CONDITIONS:
                wanted[f"{word} trials", f"{title}, {condition}"] = str(numbers[condition])
    assert cells == wanted
    assert list(dict.fromkeys(row for row, _ in cells))[:3] == ["net", "zoo", "a_fusion"]
    headers = list(dict.fromkeys(column for _, column in cells))
    assert headers == ["system", *(f"{t}, {c}" for t in TITLES.values() for c in CONDITIONS)]


@pytest.mark.parametrize("metric", list(TITLES))
def test_each_run_has_its_value_with_its_interval(place, made, capsys, metric):
    tables, _ = markdown(show(place, capsys, "--markdown"))
    title = f"{TITLES[metric]} of each run [90 % interval by speaker, 777 replicates]"
    cells, wanted = tables[title], {}
    for run in ORDER:
        wanted[run, "run"] = run
        for condition in CONDITIONS:
            text = "-"
            if condition in made[run]:
                result = made[run][condition]
                ends = result["intervals"][metric]["speaker"]
                texts = [plain_text([x], metric) for x in (result["pooled"][metric], *ends)]
                text = "{} [{}, {}]".format(*texts)
            wanted[run, condition] = text
    assert cells == wanted
    assert list(dict.fromkeys(row for row, _ in cells)) == ORDER


def test_each_attack_is_of_the_whole_set_with_the_lists_it_belongs_to(place, made, capsys):
    tables, notes = markdown(show(place, capsys, "--markdown"))
    lists = {"A01": " known", "A09": " known,unknown", "A10": " unknown", "A11": ""}
    wanted = {}
    for attack, size in SIZES.items():
        row = attack + lists[attack]
        wanted[row, "attack"] = row
        wanted[row, "spoof"] = f"{size}*" if size < 30 else str(size)
        for system in RUNS:
            values = [r["by"]["attack"][attack]["eer"] for r in of_system(made, system, "all")]
            wanted[row, system] = plain_text(values, "eer")
    cells = tables[f"EER % by attack: {OVER}"]
    assert cells == wanted
    assert [row for row, _ in cells] == [row for row, _ in wanted]
    assert notes == [
        "minDCF: P(spoof) 0.2, a miss costs 3, a false alarm 7; 1 = no better than one fixed "
        "answer.",
        "Cllr: in bits, of scores calibrated on dev; 1 = as good as saying nothing.",
        "By attack: all 57 bona fide trials against that attack.",
        "* fewer than 30 trials of a class.",
    ]


def test_plain_text_stands_in_columns_under_their_headers(place, made, capsys):
    lines = show(place, capsys).splitlines()
    assert max(map(len, lines)) <= 100
    start = next(n for n, line in enumerate(lines) if line.startswith("system "))
    ends = [found.end() for found in re.finditer(r"\S+", lines[start])]
    groups = [(found.group(), found.end()) for found in re.finditer(r"EER %|\S+", lines[start - 1])]
    assert groups == [(title, ends[3 * n + 3]) for n, title in enumerate(TITLES.values())]
    assert lines[start + 1] == "-" * ends[-1]
    for row, system in ((2, "net"), (4, "zoo"), (5, "a_fusion")):
        middle, below = lines[start + row], lines[start + row + 1]
        assert middle.startswith(f"{system} ")
        for column, end in enumerate(ends[1:]):
            metric, condition = list(TITLES)[column // 3], CONDITIONS[column % 3]
            values = [r["pooled"][metric] for r in of_system(made, system, condition)]
            number, _, deviation = plain_text(values, metric).partition(" ± ")
            assert middle[:end].endswith(f" {number}")
            if deviation:
                assert below[:end].endswith(f"± {deviation}")
    text = "\n".join(lines)
    assert "EER % of each run" in text
    assert "minDCF of each run" not in text


def test_intervals_by_trial_scores_as_they_are_and_another_set(tmp_path, capsys):
    made = make(tmp_path, speakers=False, seed=1)
    for path in (tmp_path / "exp").glob("*/*/result.json"):
        found = json.loads(path.read_text())
        write(path, {**found, "llr_given": "net" not in str(path)})
    tables, notes = markdown(show(tmp_path, capsys, "--markdown", "exp/net_seed0"))
    cells = tables["EER % of each run [90 % interval by trial, 777 replicates]"]
    result = made["net_seed0"]["all"]
    low, high = result["intervals"]["eer"]["iid"]
    own = 100 * result["pooled"]["eer"]
    assert cells["net_seed0", "all"] == f"{own:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
    as_they_are = "Cllr: in bits, of the scores as they are; 1 = as good as saying nothing."
    assert notes[1] == as_they_are
    assert as_they_are in show(tmp_path, capsys)  # one of several is enough
    assert "calibrated on dev" in show(tmp_path, capsys, "exp/zoo_seed3")
    assert "Results on progress: seed 0" in show(
        tmp_path, capsys, "--set", "progress", "exp/net_seed0"
    )
    with pytest.raises(UserError, match="found no result.json on the set 'other' in 6 experiment"):
        show(tmp_path, capsys, "--set", "other")


def test_runs_without_intervals_attacks_or_seeds(tmp_path, capsys):
    rng = np.random.default_rng(3)
    for name, values in (("plain", 57), ("other", 60)):
        found = one_result(rng, None)
        for key in ("intervals", "bootstrap", "by", "llr_given"):
            del found[key]
        found["counts"]["bonafide"] = values
        found["pooled"]["cllr"] = None if name == "plain" else 0.5
        write(tmp_path / "exp" / name / "eval/result.json", found)
    write(tmp_path / "sets/missing_attacks", "A07 no licence\n\nA08 too slow\n")
    tables, notes = markdown(show(tmp_path, capsys, "--markdown", "--data", "sets"))
    assert set(tables) == {
        "Results on eval: one run each",
        *(f"{title} of each run [no intervals]" for title in TITLES.values()),
    }
    cells = tables["Results on eval: one run each"]
    assert cells["bona fide trials", "EER %, all"] == "57/60"
    assert (cells["plain", "Cllr, all"], cells["other", "Cllr, all"]) == ("-", "0.500")
    assert [line[:15] for line in notes[:2]] == ["minDCF: P(spoof", "Cllr: in bits, "]
    assert notes[2:] == ["Missing attack: A07 no licence", "Missing attack: A08 too slow"]
