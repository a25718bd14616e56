"""What the list names for elsewhere is a command that works, as far as can be said without data."""

import re
import shlex
import subprocess
from functools import cache

import pytest
from made_up import ROOT, refused

from antispoof.claims.reading import read_claims

LISTS = [ROOT / f"egs/mini/conf/{name}.yaml" for name in ("claims", "claims_grid")]
CLAIMS = [claim for path in LISTS for claim in read_claims(path)["claims"]]
WITH = [claim for claim in CLAIMS if claim.get("commands")]


@cache
def options_of(program):
    done = subprocess.run([program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return frozenset(re.findall(r"(?<![\w-])--[a-z][\w-]*", done.stdout))


def value_of(words, option):
    return words[words.index(option) + 1] if option in words else ""


@pytest.mark.parametrize("claim", WITH, ids=[claim["name"] for claim in WITH])
def test_a_command_for_elsewhere_names_what_is_there(claim):
    trained = set()
    for command in claim["commands"]:
        program, *words = shlex.split(command)
        assert (ROOT / program).stat().st_mode & 0o111, program
        assert {word for word in words if word.startswith("--")} <= options_of(program) | {
            "--recipe"
        }
        if program == "./run.sh":
            recipe = ROOT / "egs" / words[0]
            assert (recipe / "run.sh").is_file()
            tag = value_of(words, "--tag")
            assert tag or "--override" not in words
            for system in value_of(words, "--systems").split():
                places = (recipe / "conf", ROOT / "conf")
                assert any((place / f"train_{system}.yaml").is_file() for place in places), system
                trained.add(f"exp/{system}{'_' * bool(tag)}{tag}")
        if program == "steps/compare.py":
            systems = {word for word in words if word.startswith("exp/")}
            assert len(systems) >= 2 and systems <= trained


def test_a_claim_without_a_command_says_so_in_words():
    for claim in CLAIMS:
        assert claim.get("commands") or re.search(r"\bno recipe here\b", claim["open"]), claim[
            "name"
        ]


def test_every_claim_on_distillmos_says_what_that_is():
    mel = {"vit_is_worse", "diversity_beats_size", "polished_audio"}  # mel models alone, or none
    for claim in CLAIMS:
        assert claim["name"] in mel or "distilled for speech quality" in claim["open"], claim[
            "name"
        ]


def test_pages_and_stages_that_cannot_be_are_refused(tmp_path):
    line = refused("steps/claims.py", "--config", LISTS[0], "--out", "x.json", cwd=tmp_path)
    assert "--out: found x.json, wanted OUT.md: OUT.json is written next to it" in line
    for options in (("--stage", "x"), ("--stage", "0"), ("--stop-stage", "9")):
        done = subprocess.run(
            ["./claims.sh", *options], cwd=ROOT / "egs/mini", capture_output=True, text=True
        )
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert "wanted 1 to 4" in done.stderr
