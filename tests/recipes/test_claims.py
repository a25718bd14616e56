"""egs/mini/claims.sh: what it would train, and a list of claims from training to the page."""

import json
import shutil
import subprocess

import yaml
from made_up import ROOT
from recipes import SYSTEMS, Recipe

CLAIMS = ROOT / "egs/mini/claims.sh"
COMMON = {"source": "s", "open": "o", "commands": ["./run.sh"]}
EVAL = {"set": "eval"}


def run(*options):
    command = [str(word) for word in (CLAIMS, *options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=3000)


def test_a_dry_run_lists_what_is_trained_and_trains_nothing():
    done = run("--dry-run", "--claims", "vit_is_worse,diversity_beats_size", "--seeds", "7 8")
    assert done.returncode == 0, done.stderr
    found = [line.split("\t")[0] for line in done.stdout.splitlines()]
    names = ["mel_vit_mini", "mel_cnn_mini", *(f"mel_cnn_mini_k{k}" for k in range(1, 6))]
    assert sorted(found) == sorted(f"exp/{name}_seed{seed}" for name in names for seed in (7, 8))
    assert {line.split("\t")[1] for line in done.stdout.splitlines()} == {"to be trained"}


def test_a_claim_that_is_not_listed_is_refused_in_a_line():
    done = run("--claims", "all_is_well", "--stage", "4")
    assert done.returncode == 1
    assert done.stderr.startswith("steps/claims.py: --claims: found 'all_is_well', wanted some of")
    assert done.stderr.count("\n") == 1


def listed():
    """A list of claims of two systems, one of them trained on few attacks too."""
    pair = {"pairs": [["fbank_mhfa", "wave_cnn"]], "on": EVAL, "holds": {"below": 0}}
    k = ["wave_cnn_k1", "wave_cnn_k2"]
    claims = [
        {"name": "better", "kind": "difference", **pair},
        {"name": "cheap", "kind": "saving", **pair, "saving": 0.1},
        {
            "name": "more",
            "kind": "trend",
            "over": k,
            "at": [1, 2],
            "on": EVAL,
            "holds": {"below": 0},
        },
        {"name": "flat", "kind": "diagnostic", "over": ["fbank_mhfa", "wave_cnn"], "second": EVAL}
        | {"diagnostic": "hessian", "holds": {"within": [-0.3, 0.3]}},
        {"name": "never", "kind": "difference", **pair | {"pairs": [["wave_cnn", "nobody"]]}},
        {"name": "chosen", "kind": "firm", "over": ["fbank_mhfa", "wave_cnn"]}
        | {"choice": "wave_cnn", "holds": {"above": 0.95}},
    ]
    trainings = {name: {"system": "wave_cnn", "attacks": n} for n, name in enumerate(k, 1)}
    return {
        "diagnostics": {
            "seeds": [1, 2],
            "over": ["fbank_mhfa", "wave_cnn", *k[:1]],
            "second": EVAL,
        },
        "training_attacks": ["A01", "A02"],
        "trainings": trainings,
        "claims": [{"claim": f"the claim {own['name']}", **COMMON, **own} for own in claims],
    }


def test_a_list_is_trained_measured_and_judged_at_one_command(
    tmp_path, made_up_corpus, monkeypatch
):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    recipe = Recipe(tmp_path / "own", made_up_corpus).write()
    for name, text in SYSTEMS.items():
        short = text.replace("epochs: 4", "epochs: 1")
        recipe.file(f"conf/train_{name}.yaml").write_text(short)
    words = f'--recipe-dir "{recipe.folder}" --corpus "{made_up_corpus}" --systems wave_cnn'
    recipe.file("run.sh").write_text(f'#!/bin/bash\nexec "{ROOT}/run.sh" {words} "$@"\n')
    recipe.file("run.sh").chmod(0o755)
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(listed(), sort_keys=False))
    options = ["--recipe", recipe.folder, "--config", tmp_path / "claims.yaml", "--seeds", "1 2"]
    ranking = "in_domain: [eval]\nout_of_domain: [eval]\n"
    recipe.file("conf/rank.yaml").write_text(ranking)
    options += ["--claims", "better,cheap,more,flat,chosen", "--device", "cpu", "--nj", "1"]
    options += ["--clips", "2", "--draws", "2", "--out", tmp_path / "page.md"]
    done = run(*options)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {own["name"]: own for own in json.loads((tmp_path / "page.json").read_text())}
    verdicts = {name: own["verdict"] for name, own in found.items()}
    assert verdicts["never"] == "not run" and "exp/nobody_seed1" in found["never"]["lacks"]
    assert verdicts["flat"] == "cannot tell"  # four experiments are too few
    assert found["cheap"]["note"].startswith("fbank_mhfa saves ")
    assert len(found["chosen"]["effects"]) == 2 and verdicts["chosen"] != "not run"
    page = (tmp_path / "DIAGNOSTICS.md").read_text()
    assert page.count("_seed") == 6 and page.count("| relative trace |") == 2
    made = {path.name for path in (recipe.folder / "exp").iterdir()}
    assert not made & {"fusion_seed1", "rank.json", "report.html", "compare"}  # those are run.sh's
    for name in ("better", "more"):
        (effect,) = found[name]["effects"]
        assert effect["interval"][0] <= effect["value"] <= effect["interval"][1]
    labels = {
        k: (recipe.folder / f"data/train_k{k}_s1/utt2label").read_text().count(" spoof")
        for k in (1, 2)
    }
    assert labels[1] > 0 and abs(labels[1] - labels[2]) <= 1
    text = (tmp_path / "page.md").read_text()
    assert text.count("\n| the claim ") == 6 and "claims.sh --recipe" in text
    again = run(*options, "--stage", "4")
    assert again.returncode == 0 and (tmp_path / "page.md").read_text().count("\n| the claim ") == 6
    what_rests_on_a_model_is_made_again_with_it(recipe.folder / "exp", options)


def what_rests_on_a_model_is_made_again_with_it(exp, options):
    """Of another best.pt: its diagnostics; what rests on others stays."""
    paths = [exp / f"{name}_seed1/diagnostics.json" for name in ("wave_cnn", "fbank_mhfa")]
    before = [path.read_text() for path in paths]
    shutil.copy(exp / "wave_cnn_seed2/best.pt", exp / "wave_cnn_seed1/best.pt")
    done = run(*options, "--stage", "3", "--stop-stage", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skip: steps/diagnose.py, 5 of it" in done.stdout
    after = [path.read_text() for path in paths]
    assert after[0] != before[0] and after[1] == before[1]
