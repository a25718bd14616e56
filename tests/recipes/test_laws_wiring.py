"""What run.sh asks its workers for, stage by stage, against a second statement of the recipe.

The launcher is replaced by a recorder; test_laws_rests.py shows that a real run asks alike.
"""

import re
from fnmatch import fnmatch
from itertools import product

import pytest
from laws import Call
from made_up import ROOT
from wiring import OPTIONS, SEEDS, SYSTEMS, TABLES, calls, rich_run


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """(folder, calls, tables printed, what was said) with no option as it is by default."""
    return rich_run(tmp_path_factory.mktemp("rich"))


def test_no_option_is_left_out_here(rich):
    text = (ROOT / "run.sh").read_text().partition("\n# options\n")[2]
    names = re.findall(r"^([a-z_]+)=.*  ?# ", text, re.MULTILINE)
    assert {name.replace("_", "-") for name in names} >= OPTIONS.keys()
    assert len([name for name in names if name.replace("_", "-") in OPTIONS]) == len(OPTIONS)
    workers = {word for call in rich[1] for word in call.command.split() if word.endswith(".py")}
    known = {"local/prepare_data.py", "utils/validate_data_dir.py", "steps/train.py"}
    known |= {
        f"steps/{name}.py" for name in ("extract_ssl", "score", "calibrate", "fuse", "novelty")
    }
    known |= {f"steps/{name}.py" for name in ("evaluate", "compare", "describe_model")}
    assert workers == known | {"steps/rank.py", "steps/report.py"}


def test_stage_1_prepares_and_looks_at_every_set_once(rich):
    folder = rich[0]
    words = f"--corpus {folder.parent}/sounds/here --size small --allow-partial"
    assert calls(rich, "local/prepare_data.py") == [
        Call(
            done="data/.done",
            log="data/log/prepare_data.log",
            command=f"local/prepare_data.py --nj 3 {words} --out data",
        )
    ]
    assert calls(rich, "utils/validate_data_dir.py") == [
        Call(
            done=f"data/{name}/valid.done",
            log=f"data/{name}/valid.log",
            command=f"utils/validate_data_dir.py data/{name} --allow mixdown resample "
            f"--out data/{name}/valid",
            reads=frozenset(f"data/{name}/{table}" for table in TABLES),
        )
        for name in ("learn", "choose", "judge", "far")
    ]


def test_stage_2_computes_what_is_cached_and_copies_the_training_set_alone(rich):
    config, own = "conf/upstream/own.yaml", "steps/extract_ssl.py --device cuda"
    assert calls(rich, "steps/extract_ssl.py") == [
        Call(
            gpu=1,
            shares=3,
            done=f"dump/own/{name}/.done",
            log=f"dump/own/{name}/log/extract_ssl.{{job}}.log",
            command=f"{own}{' --copies' * (name == 'learn')} {config} data/{name} "
            f"--share {{job}}/{{jobs}} dump/own/{name}",
            reads=frozenset({config, "own.pt", f"data/{name}/wav.scp", f"data/{name}/utt2dur"}),
        )
        for name in ("learn", "choose", "judge", "far")
    ]


FEATS = {"cached": "--feats dump/own ", "tuned": "--feats conf/upstream/mel.yaml ", "wave": ""}


def inputs(system, *names):
    """What a system reads of sets to compute a score."""
    found = {f"data/{name}/{table}" for name in names for table in ("wav.scp", "utt2dur")}
    if system == "cached":
        tables = ("dump/own/{}/utt2sum", "dump/own/{}/.done")
        found |= {table.format(name) for table, name in product(tables, names)}
    return found | ({"conf/upstream/mel.yaml"} if system == "tuned" else set())


def test_stage_3_learns_on_the_training_set_and_is_chosen_on_dev(rich):
    sets = ("learn", "choose", "seen", "judge")
    labels = {f"data/{n}/utt2label" for n in sets} | {f"data/{n}/segments*" for n in sets[:2]}
    watched = {"data/seen/trials/*", "data/judge/trials/*"}
    found = calls(rich, "steps/train.py")
    for (system, seed), call in zip(product(SYSTEMS, SEEDS), found, strict=True):
        start = {f"exp/start_seed{seed}/best.pt"} if system == "tuned" else set()
        named = "".join(f"--start {name} " for name in start)
        exp, config = f"exp/{system}_t1_seed{seed}", f"conf/train_{system}.yaml"
        assert call == Call(
            gpu=4,
            nodes=2,
            resumes=True,
            done=f"{exp}/.done",
            log=f"{exp}/log/train.log",
            command=f"steps/train.py --config {config} --override epochs=5 "
            f"--override batch_size=8 {FEATS[system]}{named}"
            f"--seed {seed} --device cuda --train data/learn --dev data/choose --processes 2x4 "
            f"--watch data/seen --watch data/judge --keep-epochs {exp}",
            reads=frozenset({config} | inputs(system, *sets) | labels | watched | start),
        )


def test_stage_4_scores_dev_and_the_sets_reported_on_and_reads_no_label(rich):
    assert calls(rich, "steps/score.py") == [
        Call(
            gpu=1,
            done=f"exp/{system}_t1_seed{seed}/{name}/scores.done",
            log=f"exp/{system}_t1_seed{seed}/{name}/scores.log",
            command=f"steps/score.py --device cuda {FEATS[system]}"
            f"exp/{system}_t1_seed{seed}/best.pt data/{name} "
            f"exp/{system}_t1_seed{seed}/{name}/scores",
            reads=frozenset({f"exp/{system}_t1_seed{seed}/best.pt"} | inputs(system, name)),
        )
        for system, seed in product(SYSTEMS, SEEDS)
        for name in ("choose", "judge", "far")
    ]


def test_stage_5_learns_on_dev_and_applies_it_to_all(rich):
    learnt = "--data data/choose --apply 'choose judge far'"
    scored = [f"{name}/scores" for name in ("choose", "judge", "far")]
    own = [f"exp/{system}_t1_seed{seed}" for system, seed in product(SYSTEMS, SEEDS)]
    assert calls(rich, "steps/calibrate.py") == [
        Call(
            done=f"{exp}/calibration.json.done",
            log=f"{exp}/calibration.json.log",
            command=f"steps/calibrate.py {learnt} {exp} --out {exp}/calibration.json",
            reads=frozenset({"data/choose/utt2label", *(f"{exp}/{name}" for name in scored)}),
        )
        for exp in own
    ]
    for seed, call in zip(SEEDS, calls(rich, "steps/fuse.py"), strict=True):
        out = f"exp/fusion_t1_seed{seed}"
        fused = [f"exp/{system}_t1_seed{seed}" for system in SYSTEMS]
        read = {f"{exp}/{name}" for exp, name in product(fused, scored)}
        assert call == Call(
            done=f"{out}/.done",
            log=f"{out}/log/fuse.log",
            command=f"steps/fuse.py --leave-one-out {learnt} {' '.join(fused)} --out {out}",
            reads=frozenset({"data/choose/utt2label"} | read),
        )


def test_stage_5_learns_what_is_new_on_the_training_set_and_dev_and_reads_no_label(rich):
    assert calls(rich, "steps/novelty.py") == [
        Call(
            gpu=1,
            done=f"exp/{system}_t1_seed{seed}/novelty.npz.done",
            log=f"exp/{system}_t1_seed{seed}/novelty.npz.log",
            command=f"steps/novelty.py --device cuda {FEATS[system]}--train data/learn "
            f"--dev data/choose exp/{system}_t1_seed{seed} "
            f"--out exp/{system}_t1_seed{seed}/novelty.npz",
            reads=frozenset(
                {f"exp/{system}_t1_seed{seed}/best.pt"} | inputs(system, "learn", "choose")
            ),
        )
        for system, seed in product(SYSTEMS, SEEDS)
    ]


def test_no_command_rests_on_what_its_own_queue_or_a_later_one_makes(rich):
    """What stands in one queue runs side by side."""
    later = [
        (call.command, name)
        for call, maker in product(rich[1], rich[1])
        if call is not maker and maker.queue >= call.queue
        for name in call.reads
        if fnmatch(maker.out(), name) or f"{name}/".startswith(f"{maker.out()}/")
    ]
    assert later == []
    assert rich[1][-1].queue == 9
