"""Of a ranking: its defaults, costs of fusions and of other seeds, what is refused, its tables."""

import json

import pytest
from plain_results import call

from antispoof.errors import UserError
from antispoof.evaluation import rank
from antispoof.report.rank_tables import agreement_text

DOMAINS = ("in_domain=[near]", "out_of_domain=[far]")


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def result(eer, gap=0.0):
    pooled = {"eer": eer, "min_dcf": 0.3, "act_dcf": 0.3 + gap, "cllr": 0.4, "ece": 0.05}
    return {"pooled": pooled, "classification": {"accuracy": 1 - eer}}


def cost(number):
    return {"macs": 1e6 * number, "parameters": 10**5 * number, "latency": 7.0 * number}


def load(tmp_path, *overrides, text=""):
    return rank.load_ranking(write(tmp_path / "rank.yaml", text or "{}"), overrides)


def test_a_ranking_is_by_default_what_its_comments_promise(tmp_path):
    config = load(tmp_path, *DOMAINS)
    assert config["out_of_domain_share"] == 0.5
    assert (config["draws"], config["seed"], config["baseline"]) == (2000, 0, "")
    weights = {name: rank.weights_of(config, g) for name, g in config["tracks"].items()}
    # without cost: 0.7 of accuracy in four equal parts; 0.3 of calibration, half of it Cllr
    assert weights["without_cost"] == pytest.approx(
        {
            **{f"{key} {d}": 0.175 for key in ("eer", "min_dcf") for d in rank.DOMAINS},
            **{f"cllr {d}": 0.075 for d in rank.DOMAINS},
            **{f"{k} {d}": 0.0375 for k in ("calibration_gap", "ece") for d in rank.DOMAINS},
        }
    )
    both = weights["with_cost"]
    assert (both["macs"], both["parameters"], both["latency"]) == pytest.approx((0.12, 0.09, 0.09))
    assert both["eer in_domain"] == pytest.approx(0.125)
    assert both["cllr out_of_domain"] == pytest.approx(0.05)
    # what the file at the root leaves out weighs nothing, and a part of a group needs a weight
    assert set(rank.RANKING["accuracy"].values()) == {0.0}
    for key in ("floors", "out_of_domain_share", "draws", "seed", "baseline"):
        assert config[key] == rank.RANKING[key]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("accuracy.eer=0", "accuracy.min_dcf=0"), "'accuracy' needs weights from 0"),
        (("cost.macs=-0.1",), "'cost' needs weights from 0"),
        (("calibration.ece=-1",), "'calibration' needs"),
        (("tracks.with_cost.cost=-1",), "'with_cost' needs"),
        (
            [f"tracks.without_cost.{key}=0" for key in ("accuracy", "calibration")],
            "'without_cost' needs",
        ),
        (("out_of_domain_share=-0.01",), "in 0 to 1"),
        (("out_of_domain_share=1.01",), "in 0 to 1"),
        (("floors.ece=0",), "'floors' above 0"),
        (("in_domain=[]",), "'in_domain' names no results"),
        (("out_of_domain=[]",), "'out_of_domain' names no results"),
    ],
)
def test_a_ranking_refuses(tmp_path, overrides, words):
    with pytest.raises(UserError, match=words):
        load(tmp_path, *DOMAINS, *overrides)


@pytest.mark.parametrize(
    "override", ["out_of_domain_share=0", "out_of_domain_share=1", "accuracy.eer=0"]
)
def test_a_ranking_takes_what_is_just_within(tmp_path, override):
    load(tmp_path, *DOMAINS, override)
    own = load(tmp_path, text="in_domain: [x]\nout_of_domain: [y]\ncost: {macs: 9.0}\n")
    assert own["cost"] == {"macs": 9.0, "parameters": 0.3, "latency": 0.3}


def make(place, name, number=None, eer=0.1):
    exp = place / "exp" / name
    write(exp / "near/result.json", result(eer))
    write(exp / "far/result.json", result(2 * eer, gap=0.2))
    if number:
        write(exp / "cost.json", cost(number))
    return exp


def test_cost_is_that_of_the_system_with_whichever_seed_it_was_measured(tmp_path):
    exp = make(tmp_path, "net_seed2")
    make(tmp_path, "net_seed1_seed4", 9)  # another system whose name begins alike
    with pytest.raises(UserError, match=r"cost.json: no such file; run steps/describe_model.py"):
        rank.read_cost(exp)
    make(tmp_path, "net_seed3", 5)
    assert rank.read_cost(exp) == cost(5)
    make(tmp_path, "net_seed2", 6)
    assert rank.read_cost(exp) == cost(6)
    assert rank.read_cost(tmp_path / "exp/net_seed3") == cost(5)


def test_a_fusion_costs_the_sum_of_its_systems_and_a_fusion_of_fusions_too(tmp_path):
    for name, number in (("a_seed1", 1), ("b_seed1", 10), ("c_seed2", 100)):
        make(tmp_path, name, number)
    fused = make(tmp_path, "fusion_seed1", 5000)
    write(fused / "fusion.json", {"systems": ["a_seed1", "b_seed1", "c_seed1"]})
    assert rank.read_cost(fused) == cost(111)
    outer = make(tmp_path, "outer_seed1")
    write(outer / "fusion.json", {"systems": ["fusion_seed1", "b_seed1"]})
    assert rank.read_cost(outer) == cost(121)


def test_a_part_that_is_not_wanted_needs_no_cost(tmp_path):
    config = load(tmp_path, *DOMAINS)
    exp = make(tmp_path, "net_seed1")
    with pytest.raises(UserError, match=f"--exp {exp}"):
        rank.parts_of([exp], config)
    config["tracks"]["with_cost"]["cost"] = 0.0
    found = rank.parts_of([exp], config)
    assert found["calibration_gap in_domain"] == pytest.approx(0)
    assert found["calibration_gap out_of_domain"] == pytest.approx(0.2)
    assert found["accuracy out_of_domain"] == pytest.approx(0.8)
    assert "macs" not in found


@pytest.mark.parametrize("key", ["classification", "ece"])
def test_a_result_of_an_older_version_and_one_that_is_broken(tmp_path, key):
    exp = make(tmp_path, "net_seed1", 1)
    old = result(0.1)
    (old if key in old else old["pooled"]).pop(key)
    path = write(exp / "far/result.json", old)
    with pytest.raises(UserError, match="far/result.json: is of an older version"):
        rank.read_results(exp, ["near", "far"])
    path.write_text("{")
    with pytest.raises(UserError, match="far/result.json: is not JSON"):
        rank.read_results(exp, ["near", "far"])
    with pytest.raises(UserError, match="gone/result.json: no such file; evaluate it"):
        rank.read_results(exp, ["near", "gone"])


@pytest.fixture
def place(tmp_path):
    """Of `b` every error is twice that of `a`, and of `c` half; costs go the other way."""
    for name, number, eer in (("b_seed1", 1, 0.2), ("a_seed1", 5, 0.1), ("c_seed1", 20, 0.05)):
        make(tmp_path, name, number, eer)
    write(tmp_path / "conf/rank.yaml", "in_domain: [near]\nout_of_domain: [far]\n")
    return tmp_path


EXPS = ("exp/b_seed1", "exp/a_seed1", "exp/c_seed1")


def test_the_baseline_is_the_first_that_is_named_or_the_one_that_is_set(place):
    for options, wanted in (((), "b"), (("--override", "baseline=c"), "c")):
        call(
            "steps/rank.py", "--override", "draws=9", "--out", "o.json", *options, *EXPS, cwd=place
        )
        found = json.loads((place / "o.json").read_text())
        assert found["baseline"] == wanted
        assert found["ratios"][wanted] == dict.fromkeys(found["ratios"][wanted], 1)
        assert found["config"]["in_domain"] == ["near"]
        assert list(found["tracks"]) == ["with_cost", "without_cost"]


def test_another_file_of_weights(place):
    text = "draws: 9\nin_domain: [far]\nout_of_domain: [near]\naccuracy: {eer: 1.0, min_dcf: 0.0}\n"
    write(place / "other.yaml", text)
    call("steps/rank.py", "--config", "other.yaml", "--out", "o.json", *EXPS, cwd=place)
    found = json.loads((place / "o.json").read_text())
    assert found["eer"] == {"in_domain": [0.4, 0.2, 0.1], "out_of_domain": [0.2, 0.1, 0.05]}
    assert found["tracks"]["without_cost"]["c"]["accuracy"] == pytest.approx(0.25)


def test_the_tables_say_the_numbers_under_their_headers(place, capsys):
    options = ("--override", "draws=50", "--out", "o.json", "--picture", "o.svg")
    call("steps/rank.py", *options, *EXPS, cwd=place)
    found, text = json.loads((place / "o.json").read_text()), capsys.readouterr().out
    assert (place / "o.svg").read_text().startswith("<")
    rows = [line.split() for line in text.splitlines() if line[1:2] == " " and line[:1].isdigit()]
    for track, three in (("without_cost", rows[:3]), ("with_cost", rows[3:])):
        own = sorted(found["tracks"][track].items(), key=lambda item: item[1]["score"])
        for place_text, (row, (name, values)) in enumerate(zip(three, own, strict=True), 1):
            keys = ("score", "accuracy", "calibration", *(("cost",) if "cost" in values else ()))
            numbers = [f"{values[key]:.3f}" for key in keys]
            places = f"{values['best']}-{values['worst']}"
            first = f"{100 * values['first']:.0f}"
            assert row == [str(place_text), name, *numbers, places, first, "%"]
    assert len({places for *_, places, _, _ in rows}) > 2
    assert "system  score  accuracy  calibration  places  first" in text
    # 2 000 000 parameters of 4 bytes; 20 M MACs; of 0.1 out of domain 10 %; 90 % by 8 MB
    sizes = next(line.split() for line in text.splitlines() if line.startswith("c "))
    assert sizes == ["c", "2,000,000", "8.00", "20", "140.00", "10.00", "90.00", "11.25"]
    names = [line[0] for line in text.splitlines() if line[:2] in ("a ", "b ", "c ")]
    assert names == ["b", "a", "c"]  # the smallest first
    gap = next(line for line in text.splitlines() if line.startswith("calibration gap out"))
    assert gap.split()[-3:] == ["0.2000"] * 3
    eer = next(line for line in text.splitlines() if line.startswith("EER in domain"))
    assert eer.split()[-3:] == ["0.1000", "0.2000", "0.0500"]  # systems by name
    assert "over 3 experiments: Spearman +1.000, Kendall +1.000" in text


def test_the_line_on_agreement_tells_its_two_numbers_apart():
    found = {"n": 5, "spearman": -0.25, "kendall": 0.125}
    text = agreement_text({"agreement": found})
    assert text.startswith("Held-out and out-of-domain EER over 5 experiments: Spearman -0.250, ")
    assert "Kendall +0.125" in text
    text = agreement_text({"agreement": {"n": 2, "spearman": None, "kendall": None}})
    assert "2 experiments, too few to rank-correlate" in text


def test_markdown_and_plain_text_hold_the_same_rows(place, capsys):
    call("steps/rank.py", "--override", "draws=5", "--markdown", *EXPS, cwd=place)
    out = capsys.readouterr().out
    assert "| c | 2,000,000 | 8.00 | 20 | 140.00 | 10.00 | 90.00 | 11.25 |" in out


@pytest.mark.parametrize("override", ["draws=0", "draws=-1", "seed=-1"])
def test_draws_of_weights_are_one_or_more_from_a_seed_of_zero_or_more(tmp_path, override):
    with pytest.raises(UserError, match="wanted 'draws' from 1 and 'seed' from 0"):
        load(tmp_path, *DOMAINS, override)


def test_a_result_that_is_no_name_is_refused(tmp_path):
    with pytest.raises(UserError, match="'out_of_domain' names no results"):
        load(tmp_path, DOMAINS[0], "out_of_domain=[1]")
