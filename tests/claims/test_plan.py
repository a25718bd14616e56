"""The list of claims: what is refused, what is planned, and for which seeds."""

import re
from pathlib import Path

import pytest
from claim_scores import SEEDS, add, make_place, pairs
from made_up import ROOT, refused

from antispoof.claims.listed import chosen
from antispoof.claims.plan import attacks_of, experiment, plan, trainings
from antispoof.claims.reading import KINDS, read_claims
from antispoof.claims.rows import MEASURES, measure
from antispoof.claims.scores import Scored
from antispoof.errors import UserError

LIST = ROOT / "egs/mini/conf/claims.yaml"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("claims"))


def test_every_kind_is_measured_and_the_list_of_the_corpus_is_whole():
    assert set(MEASURES) == set(KINDS) - {"none"}
    found, grid = read_claims(LIST), read_claims(LIST.with_name("claims_grid.yaml"))
    assert len([*found["claims"], *grid["claims"]]) >= 18
    assert set(KINDS) == {claim["kind"] for claim in [*found["claims"], *grid["claims"]]}
    for own in (found, grid):
        every_training_is_planned(own)


def every_training_is_planned(found):
    lines = plan(found["claims"], found, [1, 2])
    configs = {path.name for path in [*ROOT.glob("conf/*.yaml"), *LIST.parent.glob("*.yaml")]}
    for verb, *words in lines:
        systems = words[0].split() if verb == "train" else []
        systems += [cell.split()[0] for cell in words[0].split(";")] if verb == "grid" else []
        assert all(f"train_{system}.yaml" in configs for system in systems)
    trained = trainings(lines, [1, 2])
    for name, own in found["trainings"].items():
        assert (experiment(name, 2) in trained) == ("of" not in own)


def test_numbers_of_attacks_go_round_so_that_each_is_drawn_equally_often():
    known = ["A01", "A02", "A03", "A04", "A05"]
    for count in range(1, 6):
        every = [name for place in range(6, 11) for name in attacks_of(known, count, place)]
        assert sorted(every) == sorted(known * count)
        assert all(len(set(attacks_of(known, count, place))) == count for place in range(6, 11))


def test_which_attacks_a_seed_has_does_not_rest_on_which_seeds_come_with_it():
    found = read_claims(LIST)
    few, all_of_them = (
        {line for line in plan(found["claims"], found, seeds) if line[0] == "subset"}
        for seeds in (["8", "9"], ["6", "7", "8", "9", "10"])
    )
    assert few and few < all_of_them
    assert ("subset", "data/train", "data/train_k1_s8", "--attacks", "A03") in few


def test_a_training_on_fewer_utterances_has_one_set_for_all_seeds_and_the_whole_of_dev():
    found = read_claims(LIST)
    lines = plan(found["claims"], found, list("6789"))
    some, none = ("sls_v1_mini", "500_frozen"), "finetune.layers=none"
    assert ("train", *some, "6 7 8", "train_500", "dev", none) in lines
    fewer = [line[1:] for line in lines if line[:3] == ("train", line[1], "1000")]
    assert any("mel_cnn_mini" in systems.split() for systems, *_ in fewer)
    assert {line[3:] for line in fewer} == {("train_1000", "dev", "-")}
    assert lines.count(("subset", "data/train", "data/train_500", "--count", "500")) == 1


def test_slow_systems_have_the_first_seeds_alone_and_the_row_says_so(place):
    found = read_claims(LIST)
    lines = [line for line in plan(found["claims"], found, list("6789")) if line[0] == "train"]
    for name, seeds in (("wavlm_aasist_mini", "6 7 8"), ("mel_cnn_mini", "6 7 8 9")):
        assert any(name in line[1].split() and line[3] == seeds for line in lines)
    add(place, "quick", 3.0)
    add(place, "slow", 1.5, seeds=(1, 2))
    claim = {"name": "x", **pairs("difference", ["quick", "slow"], holds={"below": 0})}
    claim |= {"claim": "c", "source": "s", "open": "o"}
    row = measure(claim, Scored(place, SEEDS, {}, {"slow": [1, 2]}))
    assert row.verdict == "held" and row.ran.startswith("quick; 3 seeds; slow; 2 seeds; ")


def test_no_call_of_a_plan_makes_what_a_recipe_makes_of_several_systems():
    found = read_claims(LIST)
    lines = plan(found["claims"], found, ["6"])
    assert {line[0] for line in lines} >= {"train", "evaluate", "cost", "diagnose", "relate"}
    assert all(len(line) == 7 for line in lines if line[0] == "train")
    shell = (LIST.parent.parent / "claims.sh").read_text()
    stops = re.findall(r"--stop-stage (\d)", shell)
    assert stops and set(stops) <= {"1", "4"}


def test_blanks_may_stand_between_names_of_claims():
    found = chosen(read_claims(LIST)["claims"], " vit_is_worse, flatness, ")
    assert [own["name"] for own in found] == ["vit_is_worse", "flatness"]


def test_refusals(place, tmp_path):
    whole = LIST.read_text()
    for old, new, words in (
        ("kind: trend", "kind: tend", "found kind 'tend', wanted one of correlation"),
        ("at: [1, 2, 3, 4, 5]", "at: [1, 2]", "found 2 numbers, wanted one for each of over"),
        ("name: flatness", "name: temperature", "found the claim 'temperature' twice"),
        ("    diagnostic: relative\n", "", "flatness: lacks 'diagnostic'"),
        ("pairs: [[mel_vit_mini, mel_cnn_mini]]", "pairs: [[a]]", "wanted two names in each"),
        ("attacks: 1}", "attacks: one}", 'attacks: found "one", wanted a whole number'),
        ("attacks: 1}", "attacks: 7}", "mel_cnn_mini_k1: attacks: found 7, wanted 1 to 5"),
        ("[A01, A02, A03, A04, A05]", "[]", "attacks: found 1, wanted 1 to 0"),
        ("at: [1, 2, 3, 4, 5]", "at: [2, 2, 2, 2, 2]", "at: found one number for all"),
        ("pairs: [[mel_vit_mini, mel_cnn_mini]]", "pairs: []", "pairs: found nothing"),
        ("choice: spaarsist_frozen_mini_1000_mag_mean", "choice: nobody", "choice: found 'nobody'"),
        ("  mel_cnn_mini_k1:", "  mel_cnn_minik1:", "wanted .system., which it begins with"),
        (
            "{of: spaarsist_frozen_mini_1000, override: model_conf.k_infer=0.1}",
            "{of: ssl_aasist}",
            "wanted .of., a training, and the .override. to switch to",
        ),
        (
            "{of: spaarsist_frozen_mini_1000, override: model_conf.k_infer=0.1}",
            "{of: spaarsist_frozen_mini_1000_to_ki01, override: a=1}",
            "wanted .of., a training",
        ),
        ("attacks: 1}", "grid: 3s}", "wanted .override., .count., both, .attacks., or .grid. with"),
        ("attacks: 1}", "attacks: 1, count: 9}", "wanted .override., .count., both, .attacks."),
        ("attacks: 1}", "count: 0}", "mel_cnn_mini_k1: count: found 0, wanted 1 or more"),
        ("within: [5, 15]", "within: [15, 5]", "holds: within: wanted the lower end first"),
        ("within: [5, 15]", "witin: [5, 15]", "holds: found witin, wanted one of above, below"),
        ("source: ours", "source: 2026-11-27", "found a value that is no text"),
    ):
        assert old in whole
        (tmp_path / "list.yaml").write_text(whole.replace(old, new))
        with pytest.raises(UserError, match=words.replace("(", ".")):
            read_claims(tmp_path / "list.yaml")
    (tmp_path / "latin.yaml").write_bytes("claims: [\u00e4]".encode("latin-1"))
    with pytest.raises(UserError, match="latin.yaml: cannot be read"):
        read_claims(tmp_path / "latin.yaml")
    with pytest.raises(UserError, match="found 'none_such', wanted some of ranks_invert"):
        chosen(read_claims(LIST)["claims"], "vit_is_worse,none_such")
    options = ("--config", LIST, "--list")
    assert "wanted numbers, each once" in refused(
        "steps/claims.py", *options, "--seeds", "1 1", cwd=Path(place)
    )
