"""The page's calibration, costs and order of systems: each cell against a plain computation."""

import json
import math
import statistics

import pages
import pytest
from page_experiments import COSTS, ODD, RUNS, SYSTEMS, ranked, values
from pages import trials
from plain_metrics import plain_least

shown = pages.read
MISS, FA = 0.95 * 1, 0.05 * 10  # P(spoof) 0.05, a miss costs 1, a false alarm 10


def plain_cllr(bonafide, spoof):
    """Bits: mean log2(1 + 1/ratio) of bona fide, mean log2(1 + ratio) of spoof, their mean."""
    miss = statistics.mean(math.log2(1 + math.exp(-x)) for x in bonafide)
    return (miss + statistics.mean(math.log2(1 + math.exp(x)) for x in spoof)) / 2


def plain_min_cllr(bonafide, spoof):
    """Neighbouring blocks pooled until the share of bona fide rises; the cost of these shares."""
    blocks = []
    for score in sorted({*bonafide, *spoof}):
        blocks.append([bonafide.count(score), spoof.count(score)])
        while len(blocks) > 1 and share(blocks[-2]) >= share(blocks[-1]):
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1]]
    cost = 0
    for b, s in blocks:
        b, s = b / len(bonafide), s / len(spoof)
        cost += b * math.log2(1 + s / b) if b else 0
        cost += s * math.log2(1 + b / s) if s else 0
    return cost / 2


def share(block):
    return block[0] / sum(block)


def plain_act_dcf(bonafide, spoof):
    """The cost of accepting where the ratio says so, against the best fixed answer."""
    threshold = math.log(FA / MISS)
    miss = sum(x < threshold for x in bonafide) / len(bonafide)
    fa = sum(x >= threshold for x in spoof) / len(spoof)
    return (MISS * miss + FA * fa) / min(MISS, FA)


def plain_ece(bonafide, spoof):
    """Fifteen bins (lo, hi] of P(bona fide); gaps weighted by trials."""
    odds = len(bonafide) / len(spoof)
    p = [(1 / (1 + math.exp(-x) / odds), 1) for x in bonafide]
    p += [(1 / (1 + math.exp(-x) / odds), 0) for x in spoof]
    gap = 0
    for index in range(15):
        own = [(x, hit) for x, hit in p if index / 15 < x <= (index + 1) / 15]
        gap += abs(sum(x - hit for x, hit in own))
    return gap / len(p)


COLUMNS = {  # (header, which of that name): (the figure, of which scores)
    ("Cllr as scored", 0): (plain_cllr, "scores"),
    ("calibrated", 0): (plain_cllr, "llr/scores"),
    ("least", 0): (plain_min_cllr, "scores"),
    ("actDCF as scored", 0): (plain_act_dcf, "scores"),
    ("calibrated", 1): (plain_act_dcf, "llr/scores"),
    ("least", 1): (lambda *own: plain_least(*own, MISS, FA) / min(MISS, FA), "scores"),
    ("ECE", 0): (plain_ece, "llr/scores"),
}


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: " ".join(map(str, column)))
def test_every_cell_of_calibration_is_what_its_header_says(shown, column):
    function, name = COLUMNS[column]
    (table,) = shown.page["calibration"].tables
    assert table.caption == "Calibration, learnt on dev: before and after, over all trials"
    assert table.header == ["system", *(header for header, _ in COLUMNS)]
    for system, runs in (("alpha", (2, 10)), (ODD, (1, 2))):
        parts = [trials(shown, system, seed, name) for seed in runs]
        found = [function(*own) for own in parts if own]
        below = f" | ± {statistics.stdev(found):.3f}" if len(found) > 1 else ""
        cell = table.column(*column)[system]
        assert cell.words == f"{statistics.mean(found):.3f}{below}"
    assert len(table.rows) == 2  # of systems that are scored


def test_the_figures_of_calibration_are_all_different(shown):
    (table,) = shown.page["calibration"].tables
    for row in table.rows:
        assert len({cell.text for cell in row[1:4]}) == 3
        assert len({cell.text for cell in row[4:7]}) == 3


def test_costs_stand_in_the_unit_of_their_header(shown):
    (table,) = shown.page["costs"].tables
    assert table.header == [
        "system",
        "parameters",
        "MB as float32",
        "million MACs",
        "time",
        "EER %",
    ]
    assert "4 s" in table.caption
    assert "time on one thread, in products of 1024 × 1024 matrices" in table.caption
    one, two = COSTS.values()
    costs = {"alpha": one, ODD: two}
    costs["a_fusion"] = {key: one[key] + two[key] for key in one}  # as much as its systems
    wanted = {}
    for system, own in costs.items():
        megabytes, macs = own["parameters"] * 4 / 1000 / 1000, own["macs"] / 1000 / 1000
        eers = [100 * values(*run, "all")["eer"] for run in RUNS if run[0] == system]
        cells = [f"{own['parameters']:,d}", f"{megabytes:,.2f}", f"{macs:,.0f}"]
        wanted[system] = [*cells, f"{own['latency']:,.2f}", f"{statistics.mean(eers):.2f}"]
    assert table.words() == wanted
    assert wanted["alpha"][1:3] == ["4.94", "98,765"]  # 1,234,567 parameters; 98.8e9 MACs


@pytest.mark.parametrize("track", ["without_cost", "with_cost"])
def test_the_order_of_a_track_is_that_of_its_scores_from_the_least(shown, track):
    title = (
        f"Selection score {track.replace('_', ' ')}, ratio to alpha; places: under other weights"
    )
    (table,) = (own for own in shown.page["order"].tables if own.caption == title)
    groups = ["accuracy", "calibration", *(["cost"] if track == "with_cost" else [])]
    assert table.header == ["system", "score", *groups, "places", "first"]
    rows = ranked()["tracks"][track]
    wanted = {}
    for place, (name, own) in enumerate(sorted(rows.items(), key=lambda row: row[1]["score"])):
        numbers = [f"{own[key]:.3f}" for key in ("score", *groups)]
        places, first = f"{own['best']}-{own['worst']}", f"{own['first']:.0%}".replace("%", " %")
        wanted[f"{place + 1} {name}"] = [*numbers, places, first]
    assert table.words() == wanted
    assert list(table.words()) == list(wanted)


def test_the_parts_of_the_score_have_their_names_and_values(shown):
    (table,) = (t for t in shown.page["order"].tables if t.caption.startswith("What the scores"))
    assert table.header == ["part", "alpha", ODD, "gamma"]
    parts, words = ranked()["parts"], {"parameters": "parameters", "macs": "MACs"}
    words["latency"] = "latency"
    for domain in ("in_domain", "out_of_domain"):
        for key, text in (("eer", "EER"), ("min_dcf", "minDCF"), ("cllr", "Cllr")):
            words[f"{key} {domain}"] = f"{text} {domain.replace('_', ' ')}"
        words[f"calibration_gap {domain}"] = f"calibration gap {domain.replace('_', ' ')}"
        words[f"ece {domain}"] = f"ECE {domain.replace('_', ' ')}"
    wanted = {}
    for key, text in words.items():
        row = [parts[name][key] for name in table.header[1:]]
        wanted[text] = [f"{x:,.0f}" if x >= 100 else f"{x:.4f}" for x in row]
    assert table.words() == wanted


def test_sizes_stand_beside_what_they_buy_out_of_domain_the_smallest_first(shown):
    table = shown.page["order"].tables[-1]
    assert table.caption.startswith("Size against performance, out of domain (MB of float32; time")
    wanted = {}
    for name in ("gamma", ODD, "alpha"):
        own = ranked()["parts"][name]
        megabytes, right = own["parameters"] * 4 / 1e6, 100 * own["accuracy out_of_domain"]
        cells = [f"{own['parameters']:,d}", f"{megabytes:.2f}", f"{own['macs'] / 1e6:,.0f}"]
        cells += [f"{own['latency']:.2f}", f"{100 * own['eer out_of_domain']:.2f}"]
        wanted[name] = [*cells, f"{right:.2f}", f"{right / megabytes:.2f}"]
    header = ["system", "parameters", "MB", "M MACs", "time", "EER %", "accuracy %", "% per MB"]
    assert table.header == header
    assert table.words() == wanted
    assert list(table.words()) == list(wanted)


def test_the_agreement_is_said_below_the_order_and_in_its_picture(shown):
    line = (
        "Held-out and out-of-domain EER over 4 experiments: Spearman -0.400, Kendall +0.333 "
        "(1: the order is the same)."
    )
    assert shown.page["order"].texts["p"] == [line]
    (image,) = shown.page["order"].images
    assert image["alt"] == f"EER in domain and out of it. {line}"


def test_an_order_of_few_systems_without_sizes_is_shown_as_well(tmp_path):
    from antispoof.report import sections

    found = ranked()
    found["agreement"] = {"n": 2, "spearman": None, "kendall": None}
    for own in found["parts"].values():
        for key in ("parameters", "macs", "latency"):
            del own[key]
    for own in found["ratios"].values():
        for key in ("parameters", "macs", "latency"):
            del own[key]
    (tmp_path / "rank.json").write_text(json.dumps(found))
    with pages.figures():
        text, _ = sections.order(tmp_path / "rank.json")
    page = pages.Page(text)
    assert "over" not in (said := page[""].texts["p"][0])
    assert said.endswith("2 experiments, too few to rank-correlate.")
    assert len(page[""].tables) == 3


def test_a_broken_order_is_refused_by_its_name(tmp_path):
    from antispoof.errors import UserError
    from antispoof.report import sections

    path = tmp_path / "rank.json"
    for text in ("{", "[]", "{}", json.dumps({**ranked(), "eer": {}}), "3"):
        path.write_text(text)
        with pytest.raises(UserError, match="rank.json: wanted what steps/rank.py --out writes"):
            sections.order(path)


def test_systems_that_nobody_measured_have_no_costs(shown):
    names = [row[0].text for row in shown.page["costs"].tables[0].rows]
    assert names == [name for name in SYSTEMS if name != "gamma"]
