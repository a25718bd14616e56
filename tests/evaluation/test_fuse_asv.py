"""steps/fuse_asv.py: what is checked, what is not asked for, and what is written together."""

import pytest
from asv_trials import make_place, make_trials
from made_up import refused, worker

FUSE = "steps/fuse_asv.py"
CALL = ("--data", "data/dev", "--asv", "dev_asv", "--apply", "data/eval", "--apply-asv", "eval_asv")
CALL += ("--out", "joint", "exp/one")


@pytest.fixture
def place(tmp_path):
    return make_place(tmp_path)


def change(path, old, new, times=-1):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, times))


@pytest.mark.parametrize("rule", ["llr", "linear"])
def test_scores_that_are_the_wrong_way_up_are_warned_of(place, rule):
    assert worker(FUSE, *CALL, "--rule", rule, cwd=place)[2] == ""
    make_trials(place / "data/dev", place / "dev_asv", 1, sign=-1)
    status, out, error = worker(FUSE, *CALL, "--rule", rule, cwd=place)
    assert (status, error.count("\n")) == (0, 1)
    assert "warning: dev_asv: the weight of speaker verification is negative" in error
    assert "joint scores" in out


@pytest.mark.parametrize("text", ["1e308", "-1.1e100"])
def test_a_score_has_the_limit_of_all_scores(place, text):
    line = (place / "eval_asv").read_text().splitlines()[0]
    change(place / "eval_asv", line, " ".join([*line.split()[:3], text]))
    said = refused(FUSE, *CALL, cwd=place)
    assert "eval_asv:1: " in said and "with a finite score from -1e+100 to 1e+100" in said
    assert not (place / "joint").exists()


def test_a_set_without_labels_and_kinds_is_scored_as_it_is_with_them(place):
    worker(FUSE, *CALL, cwd=place)
    wanted = [line.split()[3] for line in (place / "joint/trials").read_text().splitlines()]
    (place / "data/eval/utt2label").unlink()
    rows = [line.split() for line in (place / "eval_asv").read_text().splitlines()]
    (place / "eval_asv").write_text("".join(f"{s} {u} - {x}\n" for s, u, _, x in rows))
    status, _, error = worker(FUSE, *CALL, cwd=place)
    assert (status, error) == (0, "")
    rows = [line.split() for line in (place / "joint/trials").read_text().splitlines()]
    assert [row[3] for row in rows] == wanted
    assert {row[2] for row in rows} == {"-"}


def test_a_file_of_one_kind_is_scored_and_kinds_that_are_said_are_checked(place):
    rows = [line for line in (place / "eval_asv").read_text().splitlines() if " spoof " in line]
    (place / "eval_asv").write_text("\n".join(rows) + "\n")
    assert worker(FUSE, *CALL, cwd=place)[0] == 0
    change(place / "eval_asv", " spoof ", " target ", 1)
    assert "found a target trial, wanted one that is spoof" in refused(FUSE, *CALL, cwd=place)
    change(place / "eval_asv", " target ", " fake ", 1)
    said = "found the kind 'fake', wanted target, nontarget, spoof or -"
    assert said in refused(FUSE, *CALL, cwd=place)
    # dev is learnt from: each kind must be there
    change(place / "eval_asv", " fake ", " - ", 1)
    rows = [line for line in (place / "dev_asv").read_text().splitlines() if " target " in line]
    (place / "dev_asv").write_text("\n".join(rows) + "\n")
    assert "dev_asv: found no nontarget trial" in refused(FUSE, *CALL, cwd=place)


def test_what_was_learnt_is_not_written_without_the_trials(place):
    (place / "joint/trials").mkdir(parents=True)
    status, out, _ = worker(FUSE, *CALL, cwd=place)
    assert status != 0 and out == ""
    assert [path.name for path in (place / "joint").iterdir()] == ["trials"]
