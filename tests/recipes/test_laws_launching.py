"""Options of run.sh that say who runs the jobs, and when: --dry-run, --cluster, the cache."""

import os
import subprocess

import pytest
from laws import house, of, record, refusal
from made_up import ROOT


@pytest.fixture
def place(tmp_path):
    folder = house(tmp_path / "house")
    (folder / "local").mkdir()
    (folder / "local/prepare_data.py").write_text(
        "import os\nopen('made', 'w').write(os.environ['ANTISPOOF_CACHE'])\nraise SystemExit(3)\n"
    )
    return folder


def run(place, *options, **environment):
    """What run.sh does in the recipe `place` with the real launcher: (status, stdout, stderr)."""
    done = subprocess.run(
        [ROOT / "run.sh", "--recipe-dir", place, "--systems", "cached wave", *options],
        env={**os.environ, **environment},
        cwd=place.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def files(place):
    return {path: path.stat().st_mtime_ns for path in place.rglob("*")}


@pytest.mark.parametrize("switch", [["--dry-run"], ["--dry-run", "true"], ["--dry-run=true"]])
def test_a_dry_run_names_what_every_stage_would_run_and_makes_nothing(place, switch):
    before = files(place)
    status, out, error = run(place, *switch, "--seeds", "1 2")
    assert (status, error) == (0, "")
    assert files(place) == before
    stages = out.split("== Stage ")[1:]
    assert [text[0] for text in stages] == list("123456")
    line = "would run: local/prepare_data.py --nj 2 --out data\n  data is not done"
    assert line in stages[0]
    assert stages[2].count("would run: steps/train.py --config conf/train_") == 4
    assert "\n  exp/wave_seed2 waits: data/" in stages[2]
    assert stages[5].count("would run: steps/evaluate.py") == 6
    assert "would run: steps/report.py" in stages[5]
    assert "report: " not in out


def test_an_option_behind_a_switch_is_not_its_value(place):
    status, out, _ = run(place, "--dry-run", "--stage", "6")
    assert status == 0
    assert out.startswith("== Stage 6")


def test_the_cluster_is_looked_for_where_it_is_named(place):
    for options in (["--stop-stage", "1"], ["--dry-run"], ["--submit-all"]):
        status, out, error = run(place, *options, "--cluster", "nowhere")
        assert (status, out) == (2, "")
        assert f"--cluster: no conf/cluster/nowhere.yaml, neither in {place} nor in {ROOT}" in error
    (place / "conf/cluster").mkdir()
    (place / "conf/cluster/nowhere.yaml").write_text("scheduler: pbs\n")
    status, _, error = run(place, "--stop-stage", "1", "--cluster", "nowhere")
    assert (status, "conf/cluster/nowhere.yaml: 'scheduler' is 'pbs'" in error) == (1, True)
    (place.parent / "mine.yaml").write_text("scheduler: pbs\n")
    status, _, error = run(place, "--stop-stage", "1", "--cluster", "mine.yaml")
    assert status == 1
    assert f"{place.parent}/mine.yaml: 'scheduler' is 'pbs', wanted one of slurm, sge" in error
    assert not (place / "made").exists()


def test_the_option_comes_before_the_environment(place):
    status, _, error = run(
        place,
        "--stop-stage",
        "1",
        "--cluster",
        "local",
        ANTISPOOF_CLUSTER="no",
        ANTISPOOF_CACHE=".",
    )
    assert status == 1
    assert (place / "made").exists()
    status, _, error = run(place, "--stop-stage", "1", ANTISPOOF_CLUSTER="nowhere")
    assert (status, "--cluster: no conf/cluster/nowhere.yaml" in error) == (2, True)


def test_the_cache_is_named_from_where_the_user_stands(place):
    assert run(place, "--stop-stage", "1", ANTISPOOF_CACHE="kept/../my cache")[0] == 1
    assert (place / "made").read_text() == f"{place.parent}/my cache"


def test_stages_cannot_be_handed_over_without_a_cluster(place):
    status, out, error = run(place, "--submit-all", ANTISPOOF_CLUSTER="")
    assert (status, out) == (1, "")
    assert error == (
        "utils/submit_all.py: --submit-all: found no cluster, wanted one by --cluster, e.g. slurm\n"
    )


def test_what_is_only_said_is_not_submitted(place):
    status, out, error = run(place, "--dry-run", "--submit-all", "--cluster", "slurm")
    assert (status, out) == (2, "")
    assert "--dry-run --submit-all: wanted one of them" in error


def test_options_that_stand_in_lines_are_read_whole(place):
    lines = ["--seeds", "1\n2", "--systems", "cached\n  wave", "--eval-sets", "far\n\tjudge"]
    lines += ["--train-options", "--watch data/far\n --keep-epochs"]
    launched, *_ = record(place, *lines, "--stage", 3, "--stop-stage", 4)
    trained = of(launched, "steps/train.py")
    assert len(trained) == 4
    assert all("--watch data/far --keep-epochs " in call.command for call in trained)
    scored = [call.command.split()[-2] for call in of(launched, "steps/score.py")]
    assert scored == ["data/dev", "data/far", "data/judge"] * 4


def test_a_set_is_not_called_like_the_results_of_a_list(place):
    sets = ["--eval-sets", "judge judge_known"]
    said = refusal(place, "--systems", "wave", *sets, "--stage", 4).splitlines()
    assert (
        "'judge_known' is a set, and the list 'known' of judge; one needs another name" in said[0]
    )
