"""What run.sh asks its workers for in stage 6, against a second statement of the recipe."""

from itertools import product

import pytest
from laws import Call
from wiring import EXPERIMENTS, FUSIONS, REPORTED, SEEDS, SYSTEMS, calls, rich_run


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """(folder, calls, tables printed, what was said) with no option as it is by default."""
    return rich_run(tmp_path_factory.mktemp("rich"))


def judged(name):
    """The tables that say what is judged."""
    return {f"data/{name}/{table}" for table in ("utt2*", "trials/*", "trial_counts*")}


def test_stage_6_evaluates_scores_and_ratios_on_every_list(rich):
    expected = []
    for name, exp in product(REPORTED, [f"exp/{own}" for own in [*EXPERIMENTS, *FUSIONS]]):
        scores, llr, out = (f"{exp}/{name}/{x}" for x in ("scores", "llr/scores", "result.json"))
        call = Call(
            done=f"{out}.done",
            log=f"{out}.log",
            command=f"steps/evaluate.py --every-list --by attack,codec --llr {llr} --exp {exp} "
            f"data/{name} {scores} {out}",
            reads=frozenset(
                {scores, llr, f"{exp}/selection*.json", f"data/{name}/asv_scores*"}
                | {f"{exp}/trained_on*", f"data/{name}/PROVENANCE*"}
                | judged(name)
            ),
        )
        expected.append(call)
    assert calls(rich, "steps/evaluate.py") == expected


def test_stage_6_compares_the_fusion_with_each_system_and_with_itself_without_it(rich):
    expected = []
    for name, (own, left) in product(
        REPORTED, (("{}", ""), ("fusion_t1_seed{{seed}}/without_{}", "without_"))
    ):
        for system in SYSTEMS:
            fusion = "exp/fusion_t1_seed{seed}"
            rival = "exp/" + own.replace("{}", f"{system}_t1_seed{{seed}}").replace("{{", "{")
            rival = rival.replace("}}", "}")
            pair = f"exp/compare/{name}/{left}{system}_t1.json"
            read = {
                f"{exp.replace('{seed}', seed)}/{name}/{kind}"
                for exp, seed, kind in product((fusion, rival), SEEDS, ("scores", "llr/scores"))
            }
            call = Call(
                done=f"{pair}.done",
                log=f"{pair}.log",
                renew=True,
                command="steps/compare.py --every-list --metric eer,min_dcf,act_dcf,cllr "
                f"--seeds '3 1' {fusion} {rival} data/{name} --out {pair}",
                reads=frozenset(read | judged(name)),
            )
            expected.append(call)
    assert calls(rich, "steps/compare.py") == expected


def test_stage_6_measures_one_seed_of_each_system_one_at_a_time(rich):
    fronts = {"cached": {"own.pt"}}  # what its config says stands in the experiment's
    assert calls(rich, "steps/describe_model.py", slots="1") == [
        Call(
            done=f"exp/{system}_t1_seed3/cost.json.done",
            log=f"exp/{system}_t1_seed3/cost.json.log",
            command=f"steps/describe_model.py --exp exp/{system}_t1_seed3 "
            f"--out exp/{system}_t1_seed3/cost.json",
            reads=frozenset({f"exp/{system}_t1_seed3/config.yaml"} | fronts.get(system, set())),
        )
        for system in SYSTEMS
    ]
