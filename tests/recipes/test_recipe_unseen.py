"""--unseen: a recipe whose fusion is also learnt from models that have not seen an attack."""

import json
import re
import shutil
from itertools import product

import numpy as np
import pytest
from laws import house, of, record, refusal
from recipes import SYSTEMS, Recipe, succeed

from antispoof.config import read_yaml
from antispoof.data.tables import read_table
from antispoof.evaluation.fusion import Fusion
from antispoof.evaluation.scores import read_scores

ATTACKS = ("A01", "A02", "A03")
ON = ("--unseen", "true")


@pytest.fixture
def place(tmp_path):
    folder = house(tmp_path / "house")
    table = folder / "data/dev/utt2attack"
    table.parent.mkdir()
    table.write_text("a -\nb K1\nc K2\nd K1\n")
    return folder


def test_the_models_are_trained_and_scored_with_the_first_seed_alone(place):
    words = ("--systems", "wave tuned", "--seeds", "4 5", "--tag", "t", *ON)
    launched, *_ = record(place, *words, "--override", "epochs=3", "--stage", 3, "--stop-stage", 4)
    own = [call for call in launched if "_without_" in call.command]
    assert [call.log for call in own] == [
        f"exp/{system}_t_without_{attack}_seed4/{name}.log"
        for name, system, attack in product(
            ("log/train", "dev/scores"), ("wave", "tuned"), ("K1", "K2")
        )
    ]
    usual = of(launched, "steps/train.py")[0]
    tables = ["data/train/utt2attack", "data/dev/utt2attack"]
    named = "".join(f" --attacks {table}" for table in tables)
    for attack, train, score in (("K1", own[0], own[4]), ("K2", own[1], own[5])):
        exp = f"exp/wave_t_without_{attack}_seed4"
        change = f" --override without_attacks=['{attack}']{named} --seed 4"
        command = usual.command.replace(" --seed 4", change)
        assert train.command == command.replace("exp/wave_t_seed4", exp)
        assert train.reads == usual.reads | set(tables)
        assert score.command == (
            f"steps/score.py --device auto {exp}/best.pt data/dev {exp}/dev/scores"
        )
        assert score.reads == {f"{exp}/best.pt", "data/dev/wav.scp", "data/dev/utt2dur"}
    assert len([call for call in launched if "_without_" not in call.command]) == 12


def test_an_experiment_without_an_attack_rests_on_the_tables_of_attacks(place):
    change = ("--tag", "x", "--override", "without_attacks=[K1]")
    words = ("--systems", "wave", "--stage", 3, "--stop-stage", 3)
    tables = {"data/train/utt2attack", "data/dev/utt2attack"}
    assert tables < of(record(place, *words, *change)[0], "steps/train.py")[0].reads
    assert not tables & of(record(place, *words)[0], "steps/train.py")[0].reads


def test_without_the_option_nothing_is_added(place):
    launched, *_ = record(place, "--systems", "wave")
    assert not [call for call in launched if "without" in call.command or "unseen" in call.command]


def test_each_seed_has_a_fusion_that_is_judged_and_compared(place):
    words = ("--systems", "cached wave", "--seeds", "4 5", "--eval-sets", "judge far", *ON)
    launched, printed, _ = record(place, *words, "--stage", 5)
    calls = [call for call in of(launched, "steps/fuse.py") if "--unseen" in call.command]
    pairs = [(s, f"{s}_without_*_seed4") for s in ("cached", "wave")]  # of whichever attack
    for seed, call in zip((4, 5), calls, strict=True):
        systems, out = f"exp/cached_seed{seed} exp/wave_seed{seed}", f"exp/fusion_unseen_seed{seed}"
        assert call.command == (
            "steps/fuse.py --unseen exp/{system}_without_{attack}_seed4 --data data/dev "
            f"--apply 'dev judge far' {systems} --out {out}"
        )
        whole = [f"exp/{system}_seed{seed}" for system in ("cached", "wave")]
        read = {f"{exp}/{n}/scores" for exp, n in product(whole, ("dev", "judge", "far"))}
        read |= {f"exp/{name}/dev/scores" for _, name in pairs}
        read |= {f"{exp}/config.yaml" for exp in [*whole, *(f"exp/{name}" for _, name in pairs)]}
        assert call.reads == read | {"data/dev/utt2label", "data/dev/utt2attack"}
        assert (call.done, call.log) == (f"{out}/.done", f"{out}/log/fuse.log")
    both = ("exp/fusion_unseen_seed{seed}", "exp/fusion_seed{seed}")
    found = [c for c in of(launched, "steps/compare.py") if both[0] in c.command]
    for call, name in zip(found, ("judge", "far"), strict=True):
        out = f"exp/compare/{name}/fusion_unseen.json"
        assert call.command == (
            "steps/compare.py --every-list --metric eer,min_dcf,act_dcf,cllr --seeds '4 5' "
            f"{' '.join(both)} data/{name} --out {out}"
        )
        experiments = [exp.replace("{seed}", seed) for exp, seed in product(both, "45")]
        tables = {f"{e}/{n}/scores" for e, n in product(experiments, (name, f"{name}/llr"))}
        tables |= {f"data/{name}/{t}" for t in ("utt2*", "trials/*", "trial_counts*")}
        assert (call.reads, call.renew) == (tables, True)
        assert call.done == f"{out}.done"
    last = ["exp/fusion_unseen_seed4", "exp/fusion_unseen_seed5"]
    assert [words[-2:] for words in printed] == [last, last]
    assert of(launched, "steps/rank.py")[0].command.split()[-4:-2] == last
    judged = [call.command.split()[-2] for call in of(launched, "steps/evaluate.py")]
    assert [f"{exp}/{n}/scores" for n in ("judge", "far") for exp in last] == [
        scores for scores in judged if "fusion_unseen" in scores
    ]
    for call in of(launched, "steps/report.py"):
        assert call.command.split()[-4:-2] == last
        assert "exp/compare/judge_unknown/fusion_unseen.json " in call.command
        assert {"exp/compare/far/fusion_unseen.json", f"{last[0]}/*.json"} < call.reads


def test_what_does_not_fit_is_refused(place):
    for value in ("True", "yes", ""):
        assert f"--unseen '{value}': wanted true or false" in refusal(
            place, "--systems", "wave", "--unseen", value
        )
    (place / "conf/train_fusion_unseen.yaml").write_text("feats: wave\n")
    words = ("--systems", "wave fusion_unseen", "--stage", 3, "--stop-stage", 3)
    assert "'fusion_unseen' is what the fusion of them is called" in refusal(place, *words, *ON)
    record(place, *words)
    for bad in ("a/b", "a{b}", "a,b", "-x"):
        (place / "data/dev/utt2attack").write_text(f"a -\nb {bad}\n")
        _, _, said = record(place, *words[:1], "wave", *words[2:], *ON, status=2)
        assert f"data/dev/utt2attack: '{bad}' cannot be part of a name" in said


def test_a_recipe_ends_in_a_second_fusion(undisturbed, tmp_path):
    shutil.copytree(undisturbed[0].folder, tmp_path / "recipe")
    recipe = Recipe(tmp_path / "recipe", undisturbed[0].corpus)
    before = recipe.outputs()
    out = succeed(recipe.run("--stage", 3, *ON))
    after, exp = recipe.outputs(), recipe.folder / "exp"
    assert {name: after[name] for name in before} == before
    folders = [f"{system}_without_{attack}_seed1" for system, attack in product(SYSTEMS, ATTACKS)]
    for folder in folders:
        attack = re.search(r"A\d\d", folder)[0]
        assert read_yaml(exp / folder / "config.yaml")["without_attacks"] == [attack]
        log = (exp / folder / "log/train.log").read_text()
        found = re.findall(r"^data/(\w+): left out are \d spoofs of (\w+); ", log, re.M)
        assert found == [("train", attack), ("dev", attack)]
        assert set(read_scores(exp / folder / "dev/scores")) == set(
            read_table(recipe.folder / "data/dev/wav.scp")
        )
        assert not (exp / folder / "eval").exists()
    learnt = Fusion.load(exp / "fusion_unseen_seed1/fusion.json")
    assert learnt.unseen == {a: [f"{s}_without_{a}_seed1" for s in SYSTEMS] for a in ATTACKS}
    tables = [read_scores(exp / f"{system}_seed1/eval/scores") for system in SYSTEMS]
    own = read_scores(exp / "fusion_unseen_seed1/eval/llr/scores")
    for utt, llr in own.items():
        wanted = np.dot(learnt.weights, [table[utt] for table in tables]) + learnt.offset
        assert llr == pytest.approx(wanted)
    result = exp / "fusion_unseen_seed1/eval/result.json"
    assert json.loads(result.read_text())["counts"]["trials"] == 24
    found = json.loads((exp / "compare/eval/fusion_unseen.json").read_text())
    assert found["systems"] == ["fusion_unseen", "fusion"]
    assert (found["llr_given"], sorted(found["metrics"])) == (
        True,
        ["act_dcf", "cllr", "eer", "min_dcf"],
    )
    assert "fusion_unseen" in out
    assert (exp / "report.html").read_text().count("fusion_unseen") > 3
    assert not re.findall(r"^\$ ", succeed(recipe.run(*ON)), re.M)
