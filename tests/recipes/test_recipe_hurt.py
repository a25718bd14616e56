"""A recipe that is killed, starved or given bad input says so, and then ends as if nothing was."""

import os
import random
import re
import shutil
import subprocess

import pytest
from made_up import ROOT
from recipes import STAGES, Recipe, only, succeed
from small_disks import mounter
from sounds import bad_sounds

from antispoof.data.tables import read_table, write_table

KILLS = {1: 1, 2: 2, 3: 2, 4: 1, 5: 1, 6: 1}  # of each stage


@pytest.fixture
def recipe(tmp_path, made_up_corpus):
    return Recipe(tmp_path / "recipe", made_up_corpus).write()


def test_sigkill_in_every_stage_ends_in_the_same_bytes(undisturbed, recipe):
    whole, seconds = undisturbed
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    for stage in STAGES:
        for _ in range(KILLS[stage]):
            recipe.kill(moments.uniform(0.1, 1.0) * seconds[stage], *only(stage))
        out = succeed(recipe.run("--stop-stage", stage))
        assert out.count("skip: ") + out.count("\n$ ") > 0
    assert recipe.outputs() == whole.outputs(), f"moments by random.Random({seed})"


def test_bad_tables_and_sounds_stop_the_first_stage(undisturbed, recipe, tmp_path):
    whole, _ = undisturbed
    succeed(recipe.run(*only(1)))
    bad, data = bad_sounds(tmp_path / "bad"), recipe.folder / "data/train"
    good = {path: path.read_bytes() for path in data.iterdir() if path.is_file()}
    utt = list(read_table(data / "wav.scp"))[5]
    spk = (data / "utt2spk").read_text()
    lines = spk.splitlines(keepends=True)
    cases = [
        ("utt2spk", spk.replace(f"{utt} ", f"{utt}  "), "utt2spk:6: found"),
        (
            "utt2spk",
            spk.replace(lines[5], lines[5] * 2),
            f"utt2spk:7: '{utt}' stands here a second",
        ),
        ("utt2spk", "".join(reversed(lines)), "utt2spk:2: "),
        ("utt2spk", spk.replace(lines[5], ""), f"utt2spk: '{utt}' is missing"),
        *[("wav.scp", kind, f"{utt}: ") for kind in ("missing", "truncated", "NaN")],
        ("wav.scp", "pipe", f"'{utt}' is a shell pipe"),
    ]
    for name, text, words in cases:
        (data / "valid.done").unlink(missing_ok=True)
        if text in bad:
            write_table(data / name, {**read_table(data / name), utt: bad[text][0]})
        else:
            (data / name).write_text(text)
        status, _, error = recipe.run(*only(1))
        said = [line for line in error.splitlines() if words in line]
        assert (status, len(said)) == (1, 1), (text, error)
        assert "Traceback" not in error
        assert not (data / "valid.done").exists()
        (data / name).write_bytes(good[data / name])
    assert not (tmp_path / "bad/ran").exists()
    succeed(recipe.run(*only(1)))
    assert (data / "valid.done").read_bytes() == good[data / "valid.done"]
    for path in (whole.folder / "data/train").glob("utt2*"):
        assert (data / path.name).read_bytes() == path.read_bytes()


def unable():
    """Words before a command that take root's right to write what is not to be written."""
    if os.geteuid():
        return []
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]


@pytest.fixture
def read_only():
    """Makes a folder read-only, for the time of the test."""
    folders = []

    def close(folder):
        folders.append(folder)
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)

    yield close
    for folder in folders:
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)


def test_a_read_only_folder_is_one_line(undisturbed, recipe, read_only):
    read_only(recipe.folder)
    status, _, error = recipe.run(*only(1), before=unable())
    assert (status, len(error.splitlines())) == (1, 1)
    assert "Permission denied; wanted a place that can be read and written" in error


def test_a_finished_recipe_can_be_looked_at_where_nothing_can_be_written(
    undisturbed, recipe, read_only
):
    whole, _ = undisturbed
    shutil.copytree(whole.folder, recipe.folder, dirs_exist_ok=True)
    (recipe.folder / "exp/wave_cnn_seed1/eval/scores.done").unlink()
    read_only(recipe.folder)
    assert "== Stage 3" in succeed(recipe.run("--stop-stage", 3, before=unable()))
    status, _, error = recipe.run(before=unable())
    assert status == 1
    assert "Permission denied" in error.splitlines()[-1]


def size(path):
    """Bytes that a file or folder takes on a disk of pages."""
    files = [path, *path.rglob("*")]
    return sum(-(-file.stat().st_size // 4096) * 4096 for file in files if file.is_file())


SMALL_DISK = """
set -eu
recipe=$1 before=$2 after=$3 sizes=$4
shift 4
mount -t tmpfs -o size=64m none "$recipe"
cp -r "$before"/. "$recipe"
for size in $sizes; do
  mount -o remount,size="$size" "$recipe"
  status=0
  "$@" 2>&1 || status=$?
  echo "### status $status"
done
cp -r "$recipe"/. "$after"
"""


def test_a_full_disk_is_named_and_then_the_run_goes_on(undisturbed, recipe, tmp_path):
    words, (whole, _) = mounter(), undisturbed
    if words is None:
        pytest.skip("mounting is not permitted here; the test below limits files instead")
    names = ("conf", "local", "data", "dump", "exp", "exp/report.html")
    conf, local, data, dump, exp, report = (size(whole.folder / name) for name in names)
    begin = conf + local + data
    sizes = [
        begin // 2,
        begin + dump // 3,
        begin + dump + exp // 3,
        begin + dump + exp - report // 2,
    ]
    before, after = tmp_path / "before", tmp_path / "after"
    shutil.copytree(recipe.folder, before)
    after.mkdir()
    arguments = [
        recipe.folder,
        before,
        after,
        " ".join(map(str, [*sizes, 64 << 20])),
        *recipe.command(),
    ]
    done = subprocess.run(
        [*words, "bash", "-c", SMALL_DISK, "x", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    runs = re.split(r"### status (\d)\n", done.stdout)[:-1]
    said = list(zip(runs[::2], runs[1::2], strict=True))
    assert len(said) == len(sizes) + 1, done.stdout + done.stderr
    for text, status in said[:-1]:
        assert status == "1", text
        # before the features: the planner saw that they cannot fit; elsewhere: the disk filled up
        full = "disk full; free some space and run the same command again"
        assert full in text or re.search(r" free: cannot fit; what would fit: ", text), text
        assert "Traceback" not in text
    assert said[-1][1] == "0", said[-1][0]
    assert Recipe(after, recipe.corpus).outputs() == whole.outputs()


def test_a_file_that_may_not_grow_is_named_and_then_the_run_goes_on(undisturbed, recipe):
    whole, _ = undisturbed
    limit = ["bash", "-c", 'ulimit -f 100; exec "$@"', "x"]  # 100 KiB
    status, _, error = recipe.run("--stop-stage", 2, before=limit)
    assert status == 1
    assert "File too large" in error
    assert "Traceback" not in error
    assert not (recipe.folder / "dump/fbank/train/.done").exists()
    succeed(recipe.run("--stop-stage", 2))
    name = "dump/fbank/train/utt2sum"
    assert (recipe.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_setup_needs_nothing_where_it_is_done():
    done = subprocess.run([ROOT / "tools/setup.sh"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
