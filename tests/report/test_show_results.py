"""utils/show_results.py: the closing tables, for a terminal and in Markdown."""

import json
import unicodedata

import pytest
from made_up import refused, worker

PROGRAM = "utils/show_results.py"
EERS = {("one", 1): 0.10, ("one", 2): 0.14, ("fusion", 1): 0.05, ("fusion", 2): 0.05}


def result(eer, trials):
    cell = {"eer": eer, "min_dcf": eer, "act_dcf": eer, "cllr": eer, "n_bonafide": 60, "few": False}
    attacks = {"known": ["A01"], "unknown": ["A06"], None: ["A01", "A06"]}[trials]
    return {
        "set": "eval",
        "trials": trials,
        "llr_given": True,
        "counts": {"bonafide": 60, "spoof": 25 * len(attacks), "trials": 60 + 25 * len(attacks)},
        "costs": {"p_spoof": 0.05, "c_miss": 1, "c_fa": 10},
        "pooled": {"eer": eer, "min_dcf": 2 * eer, "cllr": 3 * eer},
        "bootstrap": {"level": 0.95, "replicates": 1000, "seed": 0},
        "intervals": {"eer": {"iid": [eer - 0.01, eer + 0.01], "speaker": [eer / 2, 2 * eer]}},
        "by": {"attack": {name: {**cell, "n_spoof": 25, "few": name == "A06"} for name in attacks}},
    }


def write(path, value):
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(value))


@pytest.fixture
def place(tmp_path):
    for (system, seed), eer in EERS.items():
        for trials, factor in (("known", 0.5), ("unknown", 1.5), (None, 1)):
            folder = "eval" if trials is None else f"eval_{trials}"
            path = tmp_path / "exp" / f"{system}_seed{seed}" / folder / "result.json"
            write(path, result(factor * eer, trials))
        if system == "fusion":
            (tmp_path / f"exp/fusion_seed{seed}/fusion.json").write_text('{"systems": []}')
    return tmp_path


def show(place, *arguments):
    status, out, error = worker(PROGRAM, *arguments, cwd=place)
    assert status == 0, error
    return out


def test_text(place):
    out = show(place)
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "Results on eval: mean ± sd over 2 seeds (1, 2)"
    index = next(i for i, line in enumerate(lines) if line.startswith("one "))
    # 10 and 14 %, halves and one and a half times that; sd of 2 values 4 apart is 2.83
    assert lines[index].split()[:4] == ["one", "6.00", "18.00", "12.00"]
    assert lines[index + 1].split()[:6] == ["±", "1.41", "±", "4.24", "±", "2.83"]
    assert lines[index + 2].split()[:2] == ["fusion", "2.50"]  # fusions come last
    assert any(line.split() == ["system", *["known", "unknown", "all"] * 3] for line in lines)
    assert any(
        line.startswith("spoof trials") and line.split()[2:5] == ["25", "25", "50"]
        for line in lines
    )
    assert any(line.split()[:3] == ["A06", "unknown", "25*"] for line in lines)
    assert "one_seed2" in out
    assert "14.00 [7.00, 28.00]" in out
    assert "95 % interval by speaker, 1000 replicates" in out
    assert "* fewer than 30 trials of a class." in lines
    assert "all 60 bona fide trials" in out
    assert "P(spoof) 0.05" in out


def test_markdown_holds_every_value(place):
    out = show(place, "--markdown")
    for name in ("EER %", "minDCF", "Cllr"):
        assert f"### {name} of each run" in out
    assert "| one | 6.00 ± 1.41 | 18.00 ± 4.24 | 12.00 ± 2.83 |" in out
    for (system, seed), eer in EERS.items():
        assert f"| {system}_seed{seed} | {50 * eer:.2f} [" in out
    tables = [line for line in out.splitlines() if line.startswith("|")]
    assert all(line.count("|") in (4 + 1, 10 + 1, 4) for line in tables)


def test_one_seed_and_chosen_experiments(place):
    out = show(place, "exp/one_seed2")
    assert "Results on eval: seed 2" in out
    assert "±" not in out
    assert "fusion" not in out
    assert show(place, "exp") == show(place)


def test_missing_attacks_are_told(place):
    (place / "data").mkdir()
    (place / "data/missing_attacks").write_text("A09 a synthesiser that would not start\n")
    assert "Missing attack: A09 a synthesiser that would not start" in show(place)


def test_many_systems_stay_within_the_width(place):
    for number in range(9):
        path = place / "exp" / f"another_system_{number}_seed1" / "eval" / "result.json"
        write(path, result(0.1 + number / 100, None))
    out = show(place)
    assert max(map(len, out.splitlines())) <= 100
    assert out.count("EER % by attack") > 1


def test_no_torch(place):
    code = f"import runpy, sys; sys.argv = ['x']; runpy.run_path({PROGRAM!r}, run_name='__main__')"
    from made_up import ROOT

    code = code.replace(PROGRAM, str(ROOT / PROGRAM)) + "; assert 'torch' not in sys.modules"
    import subprocess
    import sys

    environment = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, check=True)


def test_nothing_there(tmp_path):
    assert "run stage 6" in refused(PROGRAM, cwd=tmp_path)


def test_broken_result(place):
    path = place / "exp/one_seed1/eval/result.json"
    path.write_text("{")
    assert "exp/one_seed1/eval/result.json: is not JSON" in refused(PROGRAM, cwd=place)
    path.write_text("{}")
    assert "lacks 'counts'" in refused(PROGRAM, cwd=place)


def test_results_never_command_the_terminal(tmp_path):
    value = result(0.1, None)
    value["by"]["attack"] = {"A\x1b]0;x\x07\x9b31m": value["by"]["attack"]["A01"]}
    write(tmp_path / "exp/one_seed1/eval/result.json", value)
    for option in ([], ["--markdown"]):
        status, out, error = worker(PROGRAM, *option, cwd=tmp_path)
        assert status == 0, error
        assert "A\\x1b]0;x\\x07\\x9b31m" in out
        assert not [c for c in out if unicodedata.category(c) == "Cc" and c != "\n"]


def test_a_run_that_is_given_twice_does_not_count_twice(place):
    (place / "old").mkdir()
    (place / "old/one_seed1").symlink_to(place / "exp/one_seed1")
    for again in ("exp", "old/one_seed1"):
        said = refused(PROGRAM, "exp/one_seed1", again, cwd=place)
        assert "'one_seed1' a second time, next to exp/one_seed1" in said
