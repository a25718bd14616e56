"""Every recipe from stage 1 to its table, on its corpus in small; one model serves all."""

import json
import os
import shutil
import subprocess

import pytest
from made_up import ROOT
from miniature import NAMES, grow, load
from recipes import SYSTEMS

from antispoof.data.tables import read_table

TRAINED = "asvspoof2019_la"  # the recipe whose model the others judge
SYSTEM = "wave_cnn"


def whole(mini):
    """The words of its preparation: no `--sets`, since the model comes with a dev set."""
    words = getattr(mini, "LOCAL", [])
    return words if "--sets" not in words else []


class House:
    """A folder with recipes of their own, whose run.sh is that of the repository."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "egs").mkdir(parents=True)
        (folder / "run.sh").write_text(f'#!/bin/sh\nexec "{ROOT}/run.sh" "$@"\n')
        (folder / "run.sh").chmod(0o755)

    def recipe(self, name):
        """The folder of a recipe, copied on the first call, and its corpus in small next to it."""
        folder = self.folder / "egs" / name
        if not folder.exists():
            ignored = shutil.ignore_patterns("data", "dump", "exp", "__pycache__")
            shutil.copytree(ROOT / "egs" / name, folder, ignore=ignored)
            grow(name, self.folder / f"corpus of {name}")
        return folder

    def run(self, name, *options):
        """What a recipe says that ends well."""
        folder, corpus = self.recipe(name), self.folder / f"corpus of {name}"
        local = " ".join(["--allow-partial", *whole(load(name))])
        words = ["--corpus", corpus, "--local-options", local, "--device", "cpu", *options]
        done = subprocess.run(
            [folder / "run.sh", *map(str, words)],
            cwd=self.folder,
            env={**os.environ, "ANTISPOOF_CACHE": str(self.folder / "cache")},
            capture_output=True,
            text=True,
            timeout=1800,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Recipes, of which one has trained a model."""
    house = House(tmp_path_factory.mktemp("recipes") / "une maison")
    config = house.recipe(TRAINED) / "conf" / f"train_{SYSTEM}.yaml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(SYSTEMS[SYSTEM].replace("epochs: 4", "epochs: 2"))
    house.said = house.run(TRAINED, "--systems", SYSTEM, "--seeds", 1)
    return house


def result(house, name, system=SYSTEM, place="eval"):
    path = house.folder / f"egs/{name}/exp/{system}_seed1/{place}/result.json"
    return json.loads(path.read_text())


def test_a_recipe_that_trains_ends_in_a_table_with_tandem_costs(house):
    assert "Results on eval" in house.said
    found = result(house, TRAINED)
    assert found["counts"]["trials"] == sum(load(TRAINED).SETS["eval"])
    assert {"tdcf_2019", "tdcf_2021", "t_eer"} <= set(found["pooled"])
    assert found["asv"]["n_target"] == 6
    assert set(found["by"]["attack"]) == {"A07", "A08", "A11", "A19"}
    assert (house.folder / f"egs/{TRAINED}/exp/report.html").is_file()


@pytest.mark.parametrize("name", [name for name in NAMES if name != TRAINED])
def test_every_other_recipe_judges_that_model(house, name):
    house.run(name, "--model-from", f"egs/{TRAINED}/exp/{SYSTEM}_seed1")
    folder = house.folder / "egs" / name
    judged = sorted(folder.glob(f"exp/{SYSTEM}_seed1/*/result.json"))
    assert judged
    for path in judged:
        found = json.loads(path.read_text())
        assert found["llr_given"]
        assert 0 <= found["pooled"]["eer"] <= 1
    assert not (folder / f"exp/{SYSTEM}_seed1/last.pt").exists()  # nothing was trained
    assert (folder / "exp/report.html").is_file()


def test_calibration_of_a_recipe_without_training_is_that_of_the_model(house):
    """What is learnt on the dev set that comes with the model is what its own recipe learnt."""
    name = "asvspoof2021_la"
    house.run(name, "--model-from", f"egs/{TRAINED}/exp/{SYSTEM}_seed1")
    own, there = (
        json.loads((house.folder / f"egs/{n}/exp/{SYSTEM}_seed1/calibration.json").read_text())
        for n in (name, TRAINED)
    )
    assert own == there
    dev = [house.folder / "egs" / n / "data/dev/utt2label" for n in (name, TRAINED)]
    assert dev[0].read_bytes() == dev[1].read_bytes()
    assert result(house, name, place="eval_eval")["counts"] == {
        "bonafide": 6,
        "spoof": 6,
        "trials": 12,
    }
    assert result(house, name, place="eval_eval")["asv"]["n_target"] == 4
    assert result(house, name)["asv"]["n_target"] == 12


def test_a_model_without_a_dev_set_is_judged_as_it_scores(house):
    """As one that tools/import_checkpoint.py made."""
    bare = house.folder / "aus dem Netz/published"  # a path with blanks, named alone
    bare.mkdir(parents=True)
    for file in ("config.yaml", "best.pt"):
        shutil.copy2(house.folder / f"egs/{TRAINED}/exp/{SYSTEM}_seed1" / file, bare / file)
    house.run("asvspoof2021_df", "--model-from", bare)
    folder = house.folder / "egs/asvspoof2021_df/exp/published_seed1"
    found = json.loads((folder / "eval/result.json").read_text())
    assert not found["llr_given"]
    assert not (folder / "calibration.json").exists()
    own = house.folder / f"egs/asvspoof2021_df/exp/{SYSTEM}_seed1/eval/scores"
    if own.exists():  # the same model
        assert read_table(own) == read_table(folder / "eval/scores")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model-from", "nowhere"], "--model-from: no best.pt with config.yaml in "),
        (["--model-from", ""], "--model-from is empty, and nothing is trained on this corpus"),
        (["--unseen", "true"], "--model-from: what is taken is not trained"),
        (["--tag", "x"], "--model-from: what is taken is not trained"),
    ],
)
def test_models_that_cannot_be_taken_are_refused_in_one_line(house, options, words):
    folder = house.recipe("asvspoof2021_df")
    done = subprocess.run([folder / "run.sh", *options], capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
