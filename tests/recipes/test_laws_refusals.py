"""What is reported on teaches nothing at any stage, and what would count twice is refused."""

import re
import shutil
import subprocess

import pytest
from laws import house, load_worker, record, refusal
from made_up import ROOT, make_experiments, refused, worker

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError

STAGES = range(1, 7)
CHOICES = {
    "--train-set": "nothing is learnt or chosen on it",
    "--dev-set": "nothing is learnt or chosen on it",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return house(tmp_path_factory.mktemp("house"))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("option", CHOICES)
def test_no_stage_learns_on_a_set_that_is_reported_on(place, option, stage):
    call = ["--systems", "cached", "--stage", stage, "--stop-stage", stage]
    said = refusal(place, *call, option, "judge", "--eval-sets", "far judge")
    assert "--eval-sets: 'judge' is to report on; nothing is learnt or chosen on it" in said


@pytest.mark.parametrize("name", ["./judge", "judge/", "a/../judge", "data/judge", "..", "-x", ""])
def test_a_set_has_one_name(place, name):
    call = ["--systems", "cached", "--eval-sets", "judge"]
    for option in CHOICES:
        assert f"'{name}' is no set" in refusal(place, *call, option, name)
    if name:
        assert f"'{name}' is no set" in refusal(place, *call[:2], "--eval-sets", f"far {name}")


def test_dev_is_not_what_is_learnt_on(place):
    call = ["--systems", "cached", "--train-set", "dev", "--stage", 5]
    assert "--dev-set: 'dev' is what is learnt on" in refusal(place, *call)


@pytest.mark.parametrize(
    ("option", "value", "twice"),
    [
        ("--seeds", "1 1", "1"),
        ("--seeds", "3 12 2  12", "12"),
        ("--systems", "wave cached wave", "wave"),
        ("--eval-sets", "far judge far", "far"),
    ],
)
def test_what_stands_twice_is_refused(place, option, value, twice):
    said = refusal(place, "--systems", "cached", option, value, "--stage", 6)
    assert f"{option}: {twice} stands there twice" in said


def test_what_only_looks_alike_is_not_refused(place):
    several = ["--seeds", "1 11 0", "--systems", "cached  wave", "--eval-sets", " far  judge "]
    launched, *_ = record(place, *several, "--stage", 4, "--stop-stage", 4)
    seeds = [re.search(r"_seed(\d+)/best.pt", call.command)[1] for call in launched]
    assert (len(launched), seeds) == (18, [n for n in ("1", "11", "0") for _ in "dfj"] * 2)


@pytest.mark.parametrize("seeds", ["01", "1 01", "1 x", "1,2", "-1", "1.5", " ", "1" * 15])
def test_a_seed_is_a_number_that_is_written_one_way(place, seeds):
    said = refusal(place, "--systems", "cached", "--seeds", seeds)
    assert f"--seeds '{seeds}': wanted numbers" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--unseen", "maybe"], "--unseen 'maybe': wanted true or false"),
        (["--unseen", "untrue"], "--unseen 'untrue': wanted true or false"),
        (["--unseen", ""], "--unseen '': wanted true or false"),
        (["--dry-run=", "--nj", "2"], "--dry-run '': wanted true or false"),
        (["--submit-all", "yes"], "--submit-all 'yes': wanted true or false"),
        (["--nj", "-2"], "--nj '-2': wanted a number from 1"),
        (["--nj", "2x"], "--nj '2x': wanted a number from 1"),
        (["--nj", "02"], "--nj '02': wanted a number from 1"),
        (["--nj", "10000"], "--nj '10000': wanted a number from 1 to 9999"),
        (["--nj", "9" * 20], f"--nj '{'9' * 20}': wanted a number from 1 to 9999"),
        (["--stage", "0"], "--stage '0'"),
        (["--stop-stage", "7"], "--stop-stage '7': wanted 1 to 6"),
        (["--stop-stage", "12"], "--stop-stage '12': wanted 1 to 6"),
        (["--tag", "a/b"], "--tag 'a/b': wanted letters"),
        (["--tag", "a{b}"], "--tag 'a{b}': wanted letters"),
        (["--corpus-dir", "x"], "no option --corpus-dir, did you mean --corpus?"),
        (["--override", "epochs=1"], "--override changes what an experiment is; name it"),
        (["--systems", "cached gone"], "--systems: no conf/train_gone.yaml, neither in "),
        (["--systems", "cached fusion"], "'fusion' is what the fusion of them is called"),
    ],
)
def test_what_an_option_cannot_be(place, arguments, words):
    assert words in refusal(place, "--systems", "cached", *arguments)


def test_a_line_below_the_options_is_no_option(tmp_path):
    read = f'. "{ROOT}/utils/parse_options.sh"'
    lines = ["above=0 # is none", "# options", "known=1 # is one", read, "below=2 # is none"]
    (tmp_path / "x.sh").write_text("\n".join([*lines, 'echo "$above $known $below"', ""]))
    for name, status in (("known", 0), ("below", 2), ("above", 2)):
        command = ["bash", tmp_path / "x.sh", f"--{name}=3=4"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (status, "" if status else "0 3=4 2\n")


def test_an_upstream_without_a_config_is_one_line(tmp_path):
    folder = house(tmp_path)
    (folder / "conf/train_lost.yaml").write_text("feats: cached\nupstream: gone\n")
    command = [ROOT / "run.sh", "--recipe-dir", folder, "--systems", "lost", "--stage", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "conf/upstream/gone.yaml: no such file, neither in " in line


@pytest.mark.parametrize(
    "arguments", [["--nj", "10"], ["--nj", "9999"], ["--tag", "a.b_C-1"], ["--unseen=false"]]
)
def test_what_an_option_can_be(place, arguments):
    record(place, "--systems", "cached", *arguments, "--stage", 3, "--stop-stage", 3)


@pytest.fixture
def scored(tmp_path):
    """Two systems' scores on dev, eval, a set that is called test_a, and eval as `other`."""
    root = make_experiments(tmp_path)
    for folder in root.glob("exp/*/eval"):
        shutil.copytree(folder, folder.with_name("other"))
    for folder in [root / "data/eval", *root.glob("exp/*/eval")]:
        shutil.copytree(folder, folder.with_name("test_a"))
    return root


@pytest.mark.parametrize("name", ["eval", "test_a"])
@pytest.mark.parametrize("call", [["steps/calibrate.py"], ["steps/fuse.py", "--out", "exp/f"]])
def test_neither_calibration_nor_fusion_learns_on_a_set_to_report_on(scored, call, name):
    before = sorted(scored.rglob("*"))
    (scored / "data/plain").symlink_to(scored / "data" / name)
    shutil.copytree(scored / "data" / name, scored / "data/copied")
    judged = [*call, "--apply", "dev", "exp/one_seed1"]
    for options in (
        ["--data", f"data/{name}"],
        ["--data", f"data/{name}/", "--dev-set", name],
        ["--data", "data/plain", "--dev-set", name],
        ["--data", "data/plain", "--dev-set", "other"],
        ["--data", f"data/{name}", "--dev-set", "other"],
        ["--data", "data/copied", "--dev-set", name],
    ):
        line = refused(*judged, *options, cwd=scored)
        assert "a set to report on selects nothing, and teaches nothing" in line
    shutil.rmtree(scored / "data/copied")
    (scored / "data/plain").unlink()
    assert sorted(scored.rglob("*")) == before
    assert worker(*judged, "--data", "data/dev", cwd=scored)[0] == 0


@pytest.fixture(scope="module")
def step():
    """steps/train.py; tests/training/test_phases.py shows that it begins with this check."""
    return load_worker("steps/train.py")


def sets(step, scored, **names):
    """Options of steps/train.py with the sets of these names, parsed."""
    given = {"train": "dev", "dev": "copied", **names}
    words = [f"--{option}={scored / 'data' / name}" for option, name in given.items()]
    return step.parse(["--config=x.yaml", "--seed=1", *words, "exp/new"])


@pytest.mark.parametrize("option", ["train", "dev"])
@pytest.mark.parametrize("name", ["eval", "test_a", "linked", "test_link"])
def test_training_learns_on_no_set_to_report_on(step, scored, option, name):
    (scored / "data/linked").symlink_to(scored / "data/eval")
    (scored / "data/test_link").symlink_to(scored / "data/dev")
    shutil.copytree(scored / "data/eval", scored / "data/copied")
    step.check_apart(sets(step, scored))
    with pytest.raises(UserError, match=f"^--{option} .*/{name}: a set to report on selects noth"):
        step.check_apart(sets(step, scored, **{option: name}))


def test_sets_of_training_share_no_utterance(step, scored):
    wavs = read_table(scored / "data/eval/wav.scp")
    known = read_table(scored / "data/dev/wav.scp")
    for name, shared in (("copied", {}), ("both", dict(list(known.items())[-1:]))):
        write_table(scored / "data" / name / "wav.scp", dict(sorted({**wavs, **shared}.items())))
    last = max(known)
    with pytest.raises(UserError, match=f"'{last}' is in .*/dev too; dev must be apart"):
        step.check_apart(sets(step, scored, dev="both"))
    write_table(scored / "data/apart/wav.scp", {"z": "z.flac"})
    step.check_apart(sets(step, scored, dev="apart", watch="eval"))
    for learnt in ({"train": "dev", "dev": "apart"}, {"train": "apart", "dev": "dev"}):
        with pytest.raises(UserError, match=f"'{last}' .* a set that is watched must be apart"):
            step.check_apart(sets(step, scored, **learnt, watch="both"))
    again = [scored / "data/eval", scored / "exp/one_seed1/eval"]
    with pytest.raises(UserError, match="--watch: two sets have one name; found eval eval"):
        step.check_apart(sets(step, scored, dev="apart", watch=f"{again[0]} {again[1]}"))
