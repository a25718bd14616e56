"""The workers of diagnostics on experiments of a recipe that was run."""

import json
import shutil
from pathlib import Path

import pytest
from made_up import make_experiments, refused, worker

from antispoof.data.tables import read_table
from antispoof.diagnostics.measures import MEANINGS
from antispoof.files import sha256_file


@pytest.fixture(scope="module")
def place(undisturbed, tmp_path_factory):
    """A folder with the recipe's data, features and experiments, which may be written into."""
    root = tmp_path_factory.mktemp("diagnose")
    for name in ("data", "dump", "conf"):
        (root / name).symlink_to(undisturbed[0].folder / name)
    shutil.copytree(undisturbed[0].folder / "exp", root / "exp")
    return root


@pytest.fixture(scope="module", params=["fbank_mhfa_seed1", "wave_cnn_seed1"])
def made(request, place):
    """(what was printed, the record) of an experiment."""
    exp = f"exp/{request.param}"
    options = ("--train", "data/train", "--clips", "3", "--draws", "4", "--device", "cpu")
    status, out, said = worker(
        "steps/diagnose.py", *options, exp, "data/dev", f"{exp}/diagnostics.json", cwd=place
    )
    assert status == 0, said
    return out, json.loads((place / exp / "diagnostics.json").read_text())


def test_every_diagnostic_is_measured_and_printed(made, place):
    out, record = made
    assert set(MEANINGS) <= set(record)
    assert len(record["by_input"]) == 6 and sorted(set(record["labels"])) == ["bonafide", "spoof"]
    assert record["hessian"]["draws"] == 4 and record["hessian"]["parameters"] > 100
    assert record["loss_gap"] is not None and 0 <= record["ece"] <= 1
    assert record["weight_norm"] > 0 and record["davies_bouldin"] > 0
    for word in ("trace of the Hessian", "gradient_snr", "davies_bouldin", "nonlinearity"):
        assert word in out
    picture = place / record["exp"] / "diagnostics.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_rerun_gives_the_same_numbers(made, place):
    _, record = made
    options = ("--train", "data/train", "--clips", "3", "--draws", "4", "--device", "cpu")
    worker("steps/diagnose.py", *options, record["exp"], "data/dev", "again.json", cwd=place)
    assert json.loads((place / "again.json").read_text()) == record


def test_diagnostics_of_another_model_are_refused(made, place):
    _, record = made
    assert record["model"] == sha256_file(place / record["exp"] / "best.pt")
    path = place / record["exp"] / "diagnostics.json"
    kept = path.read_text()
    path.write_text(json.dumps(record | {"model": 64 * "0"}))
    line = refused("steps/relate_diagnostics.py", record["exp"], "no.json", cwd=place)
    shown = refused("steps/report.py", "--set", "eval", record["exp"], cwd=place)
    path.write_text(kept)
    for said in (line, shown):
        assert (
            f"{record['exp']}/diagnostics.json: is of another model than {record['exp']}/" in said
        )
        assert f"run steps/diagnose.py on {record['exp']} again" in said


def test_diagnostics_are_set_against_error_rates(place):
    for number in range(12):
        folder = place / f"exp/made_{number}"
        (folder / "eval").mkdir(parents=True)
        values = dict.fromkeys(("gradient_snr", "weight_norm", "davies_bouldin", "ece"), 0.5)
        hessian = {"mean": float(number)}
        record = {**values, "hessian": hessian, "loss_gap": -number, "nonlinearity": 1.0}
        (folder / "diagnostics.json").write_text(json.dumps(record))
        (folder / "eval/result.json").write_text(json.dumps({"pooled": {"eer": 0.01 * number}}))
    exps = [f"exp/made_{number}" for number in range(12)]
    status, out, _ = worker(
        "steps/relate_diagnostics.py", "--results", "eval", *exps, "related.json", cwd=place
    )
    assert status == 0
    assert "The larger hessian, the larger the EER on eval: rho +1.00" in out
    assert "The larger loss_gap, the smaller the EER on eval: rho -1.00" in out
    assert "ece is the same in all experiments." in out
    found = json.loads((place / "related.json").read_text())
    assert found["correlations"]["hessian"]["count"] == 12
    assert found["correlations"]["ece"]["rho"] is None
    assert "relative" not in found["correlations"]  # records of before it was measured


@pytest.mark.parametrize(
    "options, words",
    [
        (("--level", "95"), "--level: found 95.0, wanted a number between 0 and 1"),
        (("--level", "0"), "--level: found 0.0, wanted"),
        (("exp/made_0",), "found an EXP twice, wanted each once: it would count twice"),
    ],
)
def test_a_level_of_no_share_and_an_experiment_twice_are_one_line(place, options, words):
    exps = [f"exp/made_{number}" for number in range(12)]
    status, _, said = worker("steps/relate_diagnostics.py", *options, *exps, "no.json", cwd=place)
    assert status == 1 and words in said and said.count("\n") == 1
    assert not (place / "no.json").exists()


def test_too_few_experiments_and_missing_files_are_one_line(place):
    few = ("--results", "eval", *(f"exp/made_{number}" for number in range(3)), "related.json")
    status, _, said = worker("steps/relate_diagnostics.py", *few, cwd=place)
    assert status == 1
    assert "hessian: found 3 experiments that have it, wanted 5 or more" in said
    (place / "exp/none/eval").mkdir(parents=True)
    status, _, said = worker("steps/relate_diagnostics.py", "exp/none", "related.json", cwd=place)
    assert status == 1 and said.count("\n") == 1
    assert "exp/none/diagnostics.json" in said and "run steps/diagnose.py" in said


def test_scores_are_judged_on_the_published_list_where_none_is_named(tmp_path):
    place = make_experiments(tmp_path, [f"m{n}" for n in range(5)])
    labels = read_table(place / "data/eval/utt2label")
    utts = (place / "data/eval/trials/unknown").read_text().split()
    good = sum(labels[utt] == "bonafide" for utt in utts)
    (place / "data/eval/trial_counts").write_text(f"unknown {good} {len(utts) - good} published\n")
    exps = sorted(map(str, place.glob("exp/*")))
    for number, exp in enumerate(exps):
        values = dict.fromkeys(("gradient_snr", "weight_norm", "davies_bouldin", "ece"), 0.5)
        record = {**values, "hessian": {"mean": number}, "loss_gap": None, "nonlinearity": 1.0}
        Path(exp, "diagnostics.json").write_text(json.dumps(record))
    sets = {}
    for options in ((), ("--trials", "unknown"), ("--trials", "all")):
        call = ("--data", "data/eval", *options, *exps, "related.json")
        assert worker("steps/relate_diagnostics.py", *call, cwd=place)[0] == 0
        found = json.loads((place / "related.json").read_text())
        sets[options[1:]] = found["set"], [row["eer"] for row in found["experiments"]]
    assert sets[()] == sets[("unknown",)] and sets[()][0] == "eval unknown"
    assert sets[("all",)][0] == "eval" and sets[("all",)][1] != sets[()][1]
