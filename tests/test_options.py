"""Options of run.sh: lines above the parse line, each known, none evaluated."""

import re
import subprocess

import pytest
from made_up import ROOT

SCRIPT = """#!/usr/bin/env bash
# What this does, in
# two lines.
set -euo pipefail

# options
stage=1         # first stage
dev_set=        # of a_b=c
cache_dir=/tmp  # a folder
. "{root}/utils/parse_options.sh"
printf '%s|' "$stage" "$dev_set" "$cache_dir"
"""


@pytest.fixture
def options(tmp_path):
    (tmp_path / "x.sh").write_text(SCRIPT.format(root=ROOT))

    def call(*arguments):
        command = ["bash", "x.sh", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout, done.stderr

    return call


def recipe(*arguments):
    command = [ROOT / "run.sh", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


def test_defaults_and_every_way_to_set(options):
    assert options() == (0, "1||/tmp|", "")
    assert options("--stage", "3", "--dev-set=a b", "--cache_dir", "")[1] == "3|a b||"
    assert options("--dev-set", "x=y", "--dev-set", "--z")[1] == "1|--z|/tmp|"
    assert options("--dev-set=epochs=3 lr==2")[1] == "1|epochs=3 lr==2|/tmp|"


def test_a_value_is_never_evaluated(options, tmp_path):
    for text in ("$(touch ran)", "`touch ran`", "; touch ran", "'; touch ran; '"):
        assert options("--dev-set", text)[1] == f"1|{text}|/tmp|"
    assert not (tmp_path / "ran").exists()


def test_help_prints_the_option_lines(options):
    status, out, _ = options("--help")
    assert status == 0
    assert out.startswith("What this does, in\ntwo lines.\n\nOptions")
    assert "  --stage=1         # first stage\n" in out
    assert "  --dev-set=        # of a_b=c\n" in out
    assert "  --cache-dir=/tmp  # a folder\n" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stag", "1"], "no option --stag, did you mean --stage?; see --help"),
        (["--dev", "1"], "no option --dev, did you mean --dev-set?"),
        (["--zzz=1"], "no option --zzz; see --help"),
        (["--sta.e", "1"], "no option --sta.e, did you mean"),
        (["--PATH", "1"], "no option --PATH; see"),
        (["--root", "1"], "no option --root; see"),
        (["--", "1"], "no option --; see"),
        (["stage"], "'stage' is not an option"),
        (["-s", "1"], "'-s' is not an option"),
        (["--stage"], "--stage needs a value"),
    ],
)
def test_what_is_unknown_stops_the_script(options, arguments, words):
    status, out, error = options(*arguments)
    assert (status, out, len(error.splitlines())) == (2, "", 1)
    assert words in error


def test_help_of_the_recipe_has_every_option():
    status, out, error = recipe("--help")
    assert (status, error) == (0, "")
    text = (ROOT / "run.sh").read_text()
    lines = re.findall(r"^([a-z_]+)=.*  # ", text.partition("\n# options\n")[2], re.MULTILINE)
    assert 10 < len(lines) <= 20
    for name in lines:
        assert f"  --{name.replace('_', '-')}=" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stages", "1"], "no option --stages, did you mean --stage?"),
        (["no_such_recipe"], "no recipe 'no_such_recipe'"),
        (["--stage", "7"], "--stage '7' --stop-stage '6': wanted 1 to 6"),
        (["--stage", "x"], "--stage 'x'"),
        (["--stage", "3", "--stop-stage", "2"], "the first not above the last"),
        (["--nj", "0"], "--nj '0': wanted a number from 1"),
        (["--seeds", "one"], "--seeds 'one': wanted numbers"),
        (["--seeds", ""], "--seeds '': wanted numbers"),
        (["--unseen", "maybe"], "wanted true or false"),
        (["--tag", "a b"], "--tag 'a b': wanted letters"),
        (["--tag", "../x"], "--tag '../x': wanted letters"),
        (["--tag", "{seed}"], "--tag '{seed}': wanted letters"),
        (["--override", "epochs=3"], "name it with --tag"),
        (["--systems", ""], "--systems is empty"),
        (["--systems", "none"], "no conf/train_none.yaml, neither in"),
        (["--recipe-dir", "/none", "--systems", "x"], "no recipe"),
    ],
)
def test_what_would_run_nothing_or_the_wrong_thing_is_refused(arguments, words):
    status, out, error = recipe(*arguments)
    assert (status, out) == (2, "")
    assert words in error
