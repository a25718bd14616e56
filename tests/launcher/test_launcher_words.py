"""utils/run.py: what stands for a value in a word, and what stays as it is written."""

import time

import pytest
from launching import launch, script

from antispoof.errors import UserError
from antispoof.launcher.jobs import fill
from antispoof.launcher.stamps import words_of

PATHS = [
    *("/corpora/NJ/x", "/SLOTS/SEED/EXP", "/JOB", "/my sounds/JOB NJ", "/a{b", "/a}b"),
    *("/{Job}", "/{1}", "/{}", "/{a b}", "$HOME/`x`"),
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_not_touched(tmp_path, path):
    work = script(tmp_path, 'printf "%s" "$1" > "seen.$2"')
    call = ["--done", "{job}.done", "JOB=1:2", "{job}.log", work, path, "{job}"]
    assert launch(tmp_path, *call)[0] == 0
    assert (tmp_path / "seen.1").read_text() == (tmp_path / "seen.2").read_text() == path


@pytest.mark.parametrize("path", [*PATHS, "/{job}/{jobs}", "{{job}}", "}}{{{", "{seed}"])
def test_a_path_with_its_braces_twice_is_not_touched(tmp_path, path):
    work = script(tmp_path, 'printf "%s" "$1" > seen')
    twice = path.replace("{", "{{").replace("}", "}}")
    assert launch(tmp_path, "JOB=1:1", "x.log", work, twice)[0] == 0
    assert (tmp_path / "seen").read_text() == path


@pytest.mark.parametrize(
    "call",
    [
        ["x.log", "echo", "a/{seed}/b"],
        ["JOB=1:2", "{jbo}.log", "echo"],
        ["--done", "{exp}.done", "JOB=1:2", "x.log", "echo"],
        ["--done", "x.done", "--from", "a {set}/b", "JOB=1:2", "x.log", "echo"],
    ],
)
def test_a_placeholder_without_a_value_is_refused_in_one_line(tmp_path, call):
    status, out, error = launch(tmp_path, *call)
    assert (status, out, len(error.splitlines())) == (1, "", 1)
    names = "{job}, {jobs}, {slots}" if "JOB=1:2" in call else "{jobs}, {slots}"
    assert f"}} has no value here, wanted one of {names}; a brace itself is " in error
    assert list(tmp_path.iterdir()) == []


def test_a_value_is_not_filled_in_again():
    assert fill("{exp}/{jobs}/{{exp}}", {"exp": "{jobs}}}", "jobs": 3}) == "{jobs}}}/3/{exp}"
    assert fill("{{{exp}}}", {"exp": "a"}) == "{a}"
    with pytest.raises(UserError, match=r"^'\{x\}\{y\}': \{x\} has no value here"):
        fill("{x}{y}", {"y": ""})


def test_a_file_that_a_result_rests_on_may_have_any_name(tmp_path):
    names = ["a b", "it's", 'a"b', "{x}", "back\\slash", "é Ж"]
    for name in names:
        (tmp_path / name).write_text(name)
    quoted = ["'a b'", '"it\'s"', "'a\"b'", "{{x}}", "back\\\\slash", "é\\ Ж"]
    call = ["--done", "x.done", "--from", " ".join(quoted) + "\n\n [a]* ", "x.log", "true"]
    assert launch(tmp_path, *call)[0] == 0
    lines = (tmp_path / "x.done").read_text().splitlines()[1:]
    assert [line.split("  ", 1)[1] for line in lines] == sorted(names)
    assert launch(tmp_path, *call)[1].startswith("skip: ")
    status, _, error = launch(tmp_path, "--done", "y", "--from", "it's", "x.log", "true")
    assert (status, len(error.splitlines())) == (1, 1)
    assert "--from it's: No closing quotation; wanted quotes as for a shell" in error
    assert words_of("") == []


# the smaller one first: where nothing is refused, the larger one takes all memory
@pytest.mark.parametrize("last", ["10000", "99999999999999999999"])
def test_more_jobs_than_any_machine_has_are_refused_at_once(tmp_path, last):
    started = time.monotonic()
    status, out, error = launch(tmp_path, "--slots", last, f"JOB=1:{last}", "x.log", "true")
    assert time.monotonic() - started < 30
    assert (status, out) == (1, "")
    assert error == f"utils/run.py: '1:{last}': wanted at most 9999 jobs\n"


def test_slots_beyond_all_jobs_cost_nothing(tmp_path):
    assert launch(tmp_path, "--slots", "9" * 20, "JOB=1:2", "{job}.log", "true")[0] == 0
    assert launch(tmp_path, "JOB=999999:1000001", "{job}.log", "true")[0] == 0
