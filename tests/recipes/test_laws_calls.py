"""What run.sh asks for where little is said, and what it reports at the end."""

import os
import subprocess
from itertools import product

import pytest
from laws import house, of, record
from made_up import ROOT

STAGES = ("data", "features", "train", "score", "calibrate and fuse", "evaluate and report")
WORKERS = (
    {"local/prepare_data.py", "utils/validate_data_dir.py"},
    {"steps/extract_ssl.py"},
    {"steps/train.py"},
    {"steps/score.py"},
    {"steps/calibrate.py", "steps/fuse.py", "steps/novelty.py"},
    {f"steps/{n}.py" for n in ("evaluate", "compare", "describe_model", "rank", "report")},
)


def workers(launched):
    """The programs that are called, in order."""
    return [next(w for w in call.command.split() if w.endswith(".py")) for call in launched]


@pytest.fixture
def place(tmp_path):
    return house(tmp_path / "house")


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Stage 6 of two systems, two seeds and two sets, of which one has lists of trials."""
    folder = house(tmp_path_factory.mktemp("ended"))
    (folder / "data/far").mkdir()
    two = ["--systems", "cached wave", "--seeds", "2 5", "--eval-sets", "judge far"]
    return folder, *record(folder, *two, "--stage", 6)


EXPERIMENTS = [f"exp/{a}_seed{n}" for a, n in product(("cached", "wave", "fusion"), (2, 5))]
SETS = ("train", "dev", "eval")
LISTS = ("judge", "judge_known", "judge_unknown", "far")
RECORDS = {f"{exp}/{files}" for exp in EXPERIMENTS for files in ("*.json", "*/result.json")}
PAIRS = [f"exp/compare/{name}/{a}.json" for name, a in product(LISTS, ("cached", "wave"))]


def test_the_order_rests_on_every_result_cost_and_weight(ended):
    (call,) = of(ended[1], "steps/rank.py")
    words = f"steps/rank.py --config conf/rank.yaml {' '.join(EXPERIMENTS)} --out exp/rank.json"
    assert call.command == words
    assert call.reads == {"conf/rank.yaml", f"{ROOT}/conf/rank.yaml"} | RECORDS
    out = "exp/rank.json"
    assert (call.done, call.log, call.renew) == (f"{out}.done", f"{out}.log", True)


def test_each_set_that_is_reported_on_has_a_page_and_a_table(ended):
    folder, launched, printed, said = ended
    every = " ".join(EXPERIMENTS)
    for call, name, page in zip(
        of(launched, "steps/report.py"), ("judge", "far"), ("report", "report_far"), strict=True
    ):
        compare = " ".join(f"--compare {pair}" for pair in PAIRS)
        out = f"--rank exp/rank.json {every} --out exp/{page}.html"
        assert call.command == f"steps/report.py --set data/{name} {compare} {out}"
        shown = {
            f"{exp}/{file}"
            for exp in EXPERIMENTS
            for file in (f"{name}/scores", f"{name}/llr*/scores", f"{name}/tracing.json*", ".done")
        }
        shown |= {f"{e}/{f}*" for e in EXPERIMENTS for f in ("config.yaml", "env.txt", "curve.csv")}
        tables = ("utt2*", "trials/*", "trial_counts*", "../../CLAIMS.json*")
        shown |= {f"data/{name}/{table}" for table in tables}
        assert call.reads == {"exp/rank.json"} | set(PAIRS) | RECORDS | shown
        assert (call.done, call.renew) == (f"exp/{page}.html.done", True)
        assert call.log == f"exp/{page}.html.log"
        assert f"report: {folder}/exp/{page}.html\n" in said
    assert printed == [["--set", name, *EXPERIMENTS] for name in ("judge", "far")]


def test_two_systems_are_compared_but_none_is_left_out(ended, place):
    rivals = [call.command.split()[-4] for call in of(ended[1], "steps/compare.py")]
    assert rivals == ["exp/cached_seed{seed}", "exp/wave_seed{seed}"] * 2  # of both sets
    launched, *_ = record(place, "--systems", "cached wave", "--stage", 5, "--stop-stage", 5)
    (call,) = of(launched, "steps/fuse.py")
    assert "--leave-one-out" not in call.command
    assert "exp/cached_seed1 exp/wave_seed1" in call.command


@pytest.mark.parametrize("stage", range(1, 7))
def test_a_stage_alone_calls_its_own_workers_alone(place, stage):
    only = ["--stage", stage, "--stop-stage", stage, "--systems", "cached wave"]
    launched, printed, said = record(place, *only)
    assert set(workers(launched)) == WORKERS[stage - 1]
    assert said.splitlines()[0] == f"== Stage {stage}: {STAGES[stage - 1]}"
    assert said.count("== Stage") == 1
    assert {call.stage for call in launched} == {f"{stage} of {stage}: {STAGES[stage - 1]}"}
    assert bool(printed) == (stage == 6)


def test_stages_are_in_order_and_both_ends_count(place):
    launched, _, said = record(place, "--stage", 2, "--stop-stage", 5, "--systems", "cached")
    assert set(workers(launched)) == set().union(*WORKERS[1:5])
    assert [line[9:10] for line in said.splitlines()] == ["2", "3", "4", "5"]
    order = [next(i for i, own in enumerate(WORKERS) if w in own) for w in workers(launched)]
    assert order == sorted(order)
    stages = list(dict.fromkeys(call.stage for call in launched))
    assert stages == [f"{number} of 5: {STAGES[number - 1]}" for number in range(2, 6)]


def test_one_system_by_the_defaults(place):
    (place / "conf/rank.yaml").unlink()
    launched, printed, _ = record(place, "--systems", "wave")
    commands = [call.command for call in launched]
    exp = "exp/wave_seed1 exp/fusion_seed1"
    assert commands == [
        "local/prepare_data.py --nj 2 --out data",
        *(f"utils/validate_data_dir.py data/{s} --out data/{s}/valid" for s in SETS),
        "steps/train.py --config conf/train_wave.yaml --seed 1 --device auto --train "
        "data/train --dev data/dev exp/wave_seed1",
        "steps/score.py --device auto exp/wave_seed1/best.pt data/dev exp/wave_seed1/dev/scores",
        "steps/score.py --device auto exp/wave_seed1/best.pt data/eval exp/wave_seed1/eval/scores",
        "steps/calibrate.py --data data/dev --apply 'dev eval' exp/wave_seed1 "
        "--out exp/wave_seed1/calibration.json",
        "steps/fuse.py --data data/dev --apply 'dev eval' exp/wave_seed1 --out exp/fusion_seed1",
        "steps/novelty.py --device auto --train data/train --dev data/dev exp/wave_seed1 "
        "--out exp/wave_seed1/novelty.npz",
        *(
            f"steps/evaluate.py --every-list --by attack --llr {own}/eval/llr/scores --exp {own} "
            f"data/eval {own}/eval/scores {own}/eval/result.json"
            for own in exp.split()
        ),
        "steps/describe_model.py --exp exp/wave_seed1 --out exp/wave_seed1/cost.json",
        f"steps/report.py --set data/eval {exp} --out exp/report.html",
    ]
    assert {c.slots for c in launched if "describe" not in c.command} == {"2"}
    assert {call.shares for call in launched} == {1}
    assert printed == [["--set", "eval", *exp.split()]]


def test_models_of_another_recipe_have_no_training_set_here(place, tmp_path):
    """So what is unlike it is not learnt; it comes with them."""
    model = tmp_path / "there/exp/wave_seed1"
    model.mkdir(parents=True)
    (model / "config.yaml").write_text("feats: wave\nmodel: mel_cnn\n")
    (model / "best.pt").touch()
    launched, *_ = record(place, "--model-from", model, "--stage", 5, "--stop-stage", 5)
    assert workers(launched) == ["steps/calibrate.py", "steps/fuse.py"]


def test_the_recipes_own_config_comes_before_that_of_the_root(place):
    """The root's mel_cnn reads waveforms, and its fbank has no copies; the default is cached."""
    call = ["--systems", "mel_cnn", "--stop-stage", 3]
    assert "steps/extract_ssl.py" not in workers(record(place, *call)[0])
    (place / "conf/train_mel_cnn.yaml").write_text("upstream: fbank\n")
    extract = of(record(place, *call)[0], "steps/extract_ssl.py")
    assert [c.command.split()[-4] for c in extract] == ["data/train", "data/dev", "data/eval"]
    assert not any("--copies" in c.command for c in extract)
    (place / "conf/upstream/fbank.yaml").write_text("name: fbank\ncopies: {count: 1}\n")
    extract = of(record(place, *call)[0], "steps/extract_ssl.py")
    assert ["--copies" in c.command for c in extract] == [True, False, False]


def test_a_front_end_of_two_systems_is_computed_once(place):
    (place / "conf/train_again.yaml").write_text(
        "feats: 'cached'\nupstream: 'own' # too\n# upstream: x\n"
    )
    (place / "conf/train_other.yaml").write_text('feats: "cached"\nupstream: "x-1.5"\n')
    (place / "conf/upstream/x-1.5.yaml").write_text("name: fbank\n")
    call = ["--systems", "cached again other wave", "--stage", 2, "--stop-stage", 3]
    launched, *_ = record(place, *call)
    places = [c.command.split()[-1] for c in of(launched, "steps/extract_ssl.py")]
    extraction = of(launched, "steps/extract_ssl.py")
    assert all("--device auto" in call.command for call in extraction)  # it chooses by itself
    wanted = product(("own", "x-1.5"), ("train", "dev", "eval"))
    assert places == [f"dump/{up}/{name}" for up, name in wanted]
    reads = {c.command.split()[2]: c.reads for c in of(launched, "steps/train.py")}
    for name, up in (("cached", "own"), ("again", "own"), ("other", "x-1.5"), ("wave", None)):
        dumps = {f"dump/{up}/{s}/{f}" for s in ("train", "dev") for f in (".done", "utt2sum")}
        found = {file for file in reads[f"conf/train_{name}.yaml"] if file.startswith("dump")}
        assert found == (dumps if up else set())


def test_an_override_decides_which_features_are_made_and_rested_on(place):
    other = ["--tag", "x", "--override", "upstream=mel init_from=exp/a_seed{seed}"]
    call = ["--systems", "cached", *other, "--stage", 2, "--stop-stage", 4]
    launched, *_ = record(place, *call)
    assert "dump/mel/train" in of(launched, "steps/extract_ssl.py")[0].command.split()
    (train,) = of(launched, "steps/train.py")
    assert {"dump/mel/dev/.done", "exp/a_seed1/best.pt"} < train.reads
    for score in of(launched, "steps/score.py"):
        assert "dump/mel/" in " ".join(score.reads)
        assert "dump/own/" not in " ".join(score.reads)


def test_a_recipe_is_named_first_and_its_options_follow():
    for recipe in ([], ["mini"]):
        command = [ROOT / "run.sh", *recipe, "--stage", "5", "--stop-stage", "4"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--stage '5' --stop-stage '4'" in done.stderr


def test_only_fusion_itself_is_no_name(place):
    for name in ("fusions", "my_fusion"):
        (place / f"conf/train_{name}.yaml").write_text("feats: wave\n")
    launched, *_ = record(place, "--systems", "my_fusion fusions", "--stage", 3, "--stop-stage", 3)
    assert [call.command.split()[2] for call in launched] == [
        "conf/train_my_fusion.yaml",
        "conf/train_fusions.yaml",
    ]


def test_the_environment_of_every_command(tmp_path):
    """Nothing from outside is mixed in, and the order of names is that of their bytes."""
    script = f"cd '{tmp_path}'; . '{ROOT}/utils/environment.sh'; env"
    around = {"PATH": os.environ["PATH"], "PYTHONPATH": "/elsewhere", "LC_ALL": "de_DE.UTF-8"}
    done = subprocess.run(["bash", "-c", script], env=around, capture_output=True, text=True)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    wanted = {
        "ANTISPOOF_ROOT": str(ROOT),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{ROOT}/tools/venv/bin:{around['PATH']}",
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
        "LC_COLLATE": "C",
        "MALLOC_MMAP_MAX_": "0",
    }
    assert {name: found.get(name) for name in wanted} == wanted
    assert int(found["MALLOC_TRIM_THRESHOLD_"]) > 2**30
