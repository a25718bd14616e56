"""utils/run.py --queue: what follows from a command's last word, and from those that it names."""

import pytest
from launching import queue, script, task

from antispoof.launcher.queue import Task
from antispoof.launcher.reads import rests_on


@pytest.fixture
def work(tmp_path):
    """A worker that copies its words to the last of them, or into that folder."""
    text = 'for out; do :; done\n[ ! -d "$out" ] || out="$out/made"\necho "$@" >>"$out"'
    return script(tmp_path, text)


def test_log_and_stamp_of_a_file_stand_next_to_it_and_of_a_folder_in_it(tmp_path, work):
    (tmp_path / "in").mkdir()
    assert queue(tmp_path, task(work, "in/a b"), task(work, 'in/"it\'s"\n{x}'))[0] == 0
    for name in ("a b", 'in/"it\'s"\n{x}'):
        path = tmp_path / "in" / name.removeprefix("in/")
        assert path.read_text() == f"in/{path.name}\n"
        assert (tmp_path / "in" / f"{path.name}.done").exists()
        assert "# ended with status 0" in (tmp_path / "in" / f"{path.name}.log").read_text()
    assert queue(tmp_path, task(work, "whole/"))[0] == 0
    assert (tmp_path / "whole/made").read_text() == "whole\n"
    assert (tmp_path / "whole/.done").read_text() == "./work.sh whole\n"
    assert (tmp_path / "whole/log/work.log").exists()


def test_what_is_done_is_skipped_and_a_named_file_that_changed_stops_it(tmp_path, work):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/table").write_text("1")
    call = task(work, "--table", "in/table", "out")
    assert queue(tmp_path, call, task(work, "other"))[1].count("$ ") == 2
    assert queue(tmp_path, call, task(work, "other"))[1] == "skip: ./work.sh, 2 of it\n"
    (tmp_path / "in/table").write_text("2")
    status, out, error = queue(tmp_path, call, task(work, "third"))
    assert (status, out, len(error.splitlines())) == (1, "", 1)
    assert "out.done: rests on another in/table than there is now; " in error
    assert error.endswith("to make it again: rm -r out.done\n")
    assert not (tmp_path / "third").exists()
    assert queue(tmp_path, {**call, "renew": True})[1].startswith("$ ./work.sh --table")
    assert len((tmp_path / "out").read_text().splitlines()) == 2
    status, _, error = queue(tmp_path, task(work, "out"))
    assert (
        "was made by another command (./work.sh --table in/table out; now ./work.sh out)" in error
    )


def test_a_folder_with_a_stamp_stands_for_what_it_was_made_of(tmp_path, work):
    (tmp_path / "raw").write_text("1")
    first, second = task(work, "./raw", "made/"), task(work, "--from", "./made", "out")
    for call in (first, second):
        assert queue(tmp_path, call)[0] == 0
    assert "  ./made/.done\n" in (tmp_path / "out.done").read_text()
    assert queue(tmp_path, second)[1] == "skip: ./work.sh\n"
    (tmp_path / "raw").write_text("2")
    (tmp_path / "made/.done").unlink()
    assert queue(tmp_path, first)[0] == 0
    assert "out.done: rests on another ./made/.done than" in queue(tmp_path, second)[2]


def test_shares_are_jobs_of_one_command_whose_stamp_the_last_of_them_writes(tmp_path):
    work = script(
        tmp_path, '[ "$2" != 2/3 ] || [ -e go ] || exit 3\nmkdir -p out; echo $2 >>out/got'
    )
    call = task(work, "--share", "{job}/{jobs}", "out/", shares=3)
    status, out, error = queue(tmp_path, call, options=("--slots", 3))
    assert (status, out) == (1, "$ ./work.sh --share '{job}/{jobs}' out\n")
    assert "failed: ./work.sh --share 2/3 out\n" in error
    assert not (tmp_path / "out/.done").exists()
    (tmp_path / "go").touch()
    assert queue(tmp_path, call, options=("--slots", 3))[0] == 0
    assert {p.name for p in (tmp_path / "out/log").iterdir()} == {f"work.{n}.log" for n in "123"}
    assert (tmp_path / "out/.done").read_text() == "./work.sh --share '{job}/{jobs}' out\n"
    assert queue(tmp_path, {**call, "shares": 4})[1].startswith("skip: ")


def test_what_is_gone_is_made_again_whatever_its_stamp_says(tmp_path, work):
    for out in ("a", "whole/"):
        assert queue(tmp_path, task(work, out))[1].startswith("$ ")
        assert queue(tmp_path, task(work, out))[1].startswith("skip: ")
    (tmp_path / "a").unlink()
    assert queue(tmp_path, task(work, "a"))[1].startswith("$ ")
    assert (tmp_path / "a").read_text() == "a\n"


def test_a_dry_run_says_where_the_run_would_stop(tmp_path, work):
    assert queue(tmp_path, task(work, "x", "a"))[0] == 0
    dry = ("--dry-run",)
    assert queue(tmp_path, task(work, "y", "a"), options=dry)[1].startswith("would stop: ")
    again = task(work, "y", "a", renew=True)
    assert queue(tmp_path, again, options=dry)[1].startswith("would run: ")


def test_how_a_command_runs_is_no_part_of_what_it_makes(tmp_path, work):
    assert queue(tmp_path, task(work, "x", "--workers", "2", "a"))[0] == 0
    assert (tmp_path / "a.done").read_text() == "./work.sh x a\n"
    how = task(work, "x", "--stage-to", "/tmp", "--workers", "4", "a")
    assert queue(tmp_path, how)[1].startswith("skip: ")
    assert queue(tmp_path, task(work, "--workers", "a"))[0] == 1


def test_how_many_jobs_there_are_at_a_time_is_no_part_of_what_is_made(tmp_path, work):
    assert queue(tmp_path, task(work, "--nj", "2", "out"))[0] == 0
    assert (tmp_path / "out").read_text() == "--nj 2 out\n"
    assert queue(tmp_path, task(work, "--nj", "5", "out"))[1].startswith("skip: ")


def test_no_more_jobs_of_a_queue_at_a_time_than_slots(tmp_path):
    text = 'touch "at.$1"\nsleep 0.3\nls at.* | wc -l > "$1"\nsleep 0.2\nrm "at.$1"'
    work = script(tmp_path, text)
    calls = [task(work, name) for name in "abcd"]
    assert queue(tmp_path, *calls, options=("--slots", 2))[0] == 0
    assert max(int((tmp_path / name).read_text()) for name in "abcd") == 2


def test_jobs_of_a_queue_have_the_gpus_that_each_asks_for(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    work = script(tmp_path, 'echo "$CUDA_VISIBLE_DEVICES" >"$1"')
    calls = [task(work, "none"), task(work, "one", gpu=1), task(work, "two", gpu=2)]
    assert queue(tmp_path, *calls)[0] == 0
    seen = [(tmp_path / name).read_text().strip() for name in ("none", "one", "two")]
    assert seen == ["4,5", "4", "4,5"]
    calls = [task(work, f"{number}", gpu=1) for number in range(2)]
    assert queue(tmp_path, *calls, options=("--slots", 1))[0] == 0
    assert {(tmp_path / f"{number}").read_text().strip() for number in range(2)} == {"4", "5"}


def test_a_queue_that_cannot_be_kept_is_run_where_nothing_is_to_be_done(tmp_path, work):
    options = ("--stage", "1 of 6: data")
    (tmp_path / "exp").write_text("a file, where a folder is to be made")
    status, _, error = queue(tmp_path, task(work, "out"), options=options)
    assert (status, (tmp_path / "out").exists()) == (1, False)
    assert "exp/log" in error
    assert queue(tmp_path, task(work, "out"))[0] == 0
    assert queue(tmp_path, task(work, "out"), options=options) == (0, "skip: ./work.sh\n", "")


def test_a_dry_run_says_why_and_starts_nothing(tmp_path, work):
    (tmp_path / "exp").mkdir()
    assert queue(tmp_path, task(work, "old"), task(work, "x", "other"))[0] == 0
    before = sorted(tmp_path.rglob("*"))
    calls = [task(work, name) for name in ("old", "new", "other")]
    waits = task(work, "exp/x/best.pt", "exp/scores")
    status, out, error = queue(tmp_path, *calls, waits, options=("--dry-run",))
    assert (status, error) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == ["skip: ./work.sh old", "would run: ./work.sh new", "  new is not done"]
    assert lines[3] == "would stop: ./work.sh other"
    assert lines[4].startswith("  other was made by another command (./work.sh x other; now ")
    assert lines[6].startswith("  exp/scores waits: exp/x/best.pt: no such file")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        '{"words": "x y"}',
        '{"words": ["x"]}',
        '{"words": ["x", 1]}',
        '{"words": ["x", "/"]}',
        '{"words": ["x", "y"], "gpus": 1}',
        '{"words": ["x", "y"], "gpu": true}',
        "x y",
        "{}",
    ],
)
def test_a_line_that_is_no_command_is_refused_in_one_line(tmp_path, line):
    status, out, error = queue(tmp_path, task("true", "z"), line)
    assert (status, out, len(error.splitlines())) == (1, "", 1)
    assert error.startswith("utils/run.py: queue:2: found ")
    assert list(tmp_path.iterdir()) == []


def test_one_thing_is_made_by_one_command(tmp_path, work):
    status, _, error = queue(tmp_path, task(work, "a"), task(work, "x", "a/"))
    assert (status, error) == (1, "utils/run.py: queue:2: a is made by two commands, wanted one\n")


def names(*words):
    return set(rests_on(words, lambda name: [name, "conf/parent.yaml"]))


def test_a_worker_rests_on_what_it_reads_of_the_folders_that_it_names():
    assert names("steps/score.py", "--feats", "dump/mel", "exp/x/best.pt", "data/a", "o") == {
        *("exp/x/best.pt", "data/a/wav.scp", "data/a/utt2dur"),
        *("dump/mel/a/utt2sum", "dump/mel/a/.done"),
    }
    found = names(
        "train.py", "--feats", "dump/m", "--attacks", "data/a/utt2attack", "--dev", "data/a", "o"
    )
    assert {name for name in found if "dump/" in name} == {"dump/m/a/utt2sum", "dump/m/a/.done"}
    assert "data/a/utt2attack" in found
    call = ("steps/compare.py", "--seeds", "1 4", "exp/a_seed{seed}", "exp/b", "data/a", "o")
    assert names(*call) == {
        *("data/a/utt2*", "data/a/trials/*", "data/a/trial_counts*"),
        *("exp/a_seed1/a/scores", "exp/a_seed4/a/scores", "exp/b/a/scores"),
    }
    assert names("steps/train.py", "--config", "conf/x.yaml", "--watch", "data/w", "exp/x") == {
        *("conf/x.yaml", "conf/parent.yaml"),
        *(f"data/w/{table}" for table in ("wav.scp", "utt2dur", "utt2label", "trials/*")),
    }


def test_a_file_is_rested_on_wherever_it_lies_and_however_its_option_is_written(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("base.pt", "list"):
        (tmp_path / name).touch()
    assert names("work.py", "--start", f"{tmp_path}/base.pt", "list", "o") == {
        *(f"{tmp_path}/base.pt", "list")
    }
    assert names("work.py", f"--start={tmp_path}/base.pt", "o") == {f"{tmp_path}/base.pt"}
    assert names("train.py", "--watch=data/a", "o") == names("train.py", "--watch", "data/a", "o")


def test_a_worker_that_is_not_listed_rests_on_the_tables_of_a_set():
    found = names("steps/new.py", "data/a", "o")
    assert found == {f"data/a/{t}" for t in ("wav.scp", "spk2utt*", "utt2*", "trials/*")} | {
        "data/a/trial_counts*"
    }


def test_a_word_of_text_that_is_no_file_is_not_rested_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert names("work.py", "--override", "init_from=exp/{seed}", "1/4", "/corpora/x", "o") == set()
    assert Task(["work.py", "a/b", "out/x/"]).out.name == "x"
