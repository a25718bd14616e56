"""Systems that a recipe or its page names have configs, and choices in evaluation fit them."""

import re

import pytest
from made_up import ROOT
from tree import FILES, name, text

from antispoof.models import build_model
from antispoof.training.experiment import load_experiment

PAGES = [path for path in FILES if re.fullmatch(r"egs/[^/]+/(run\.sh|\w+\.md)", name(path))]
LIST = ROOT / "egs/asvspoof5/spaarsist.txt"
ROWS = [line.split() for line in LIST.read_text().splitlines() if line[0] != "#"]


def systems(path):
    """The systems that a file names behind --systems."""
    for quoted, word in re.findall(r'--systems (?:"([^"$]+)"|([a-z]\w*))', text(path)):
        yield from (quoted or word).split()


def config_of(path, system):
    found = [folder / f"conf/train_{system}.yaml" for folder in (path.parent, ROOT)]
    return next((config for config in found if config.is_file()), None)


@pytest.mark.parametrize("path", [p for p in PAGES if any(systems(p))], ids=name)
def test_the_systems_of_a_recipe_and_its_pages_resolve(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    for system in systems(path):
        config = config_of(path, system)
        assert config, system
        assert load_experiment(config, 1)["model"]


def test_the_rows_of_spaarsist_are_the_trained_systems_and_choices_in_evaluation():
    assert len({row[0] for row in ROWS}) == len(ROWS) == 14
    rank = next(row for row in ROWS if row[0] == "AST-03-01-Mag")
    assert rank[1:] == ["spaarsist_k03", "model_conf.scorer=magnitude", "model_conf.k_infer=0.1"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_of_spaarsist_takes_the_weights_of_its_training(row):
    title, system, *choices = row
    trained = load_experiment(ROOT / f"conf/train_{system}.yaml", 1)
    chosen = load_experiment(ROOT / f"conf/train_{system}.yaml", 1, choices)
    conf = chosen["model_conf"]
    k_train, k_infer = (float(f"0.{digits[1]}") for digits in title.split("-")[1:3])
    assert (conf["k_train"], conf["k_infer"]) == (k_train, k_infer)
    assert (conf.get("scorer") == "magnitude") == ("Mag" in title)
    assert (conf.get("aggregation") == "released_mean") == title.endswith("Mean")
    weights = build_model("spaarsist", dim=1024, **trained["model_conf"]).state_dict()
    build_model("spaarsist", dim=1024, **conf).load_state_dict(weights)


@pytest.mark.parametrize("system", ["mean_pool", "mhfa", "ca_mhfa_xlsr", "sls_xlsr", "aasist_xlsr"])
def test_the_pooling_table_has_one_front_end_and_one_training(system):
    found = load_experiment(ROOT / f"conf/train_{system}.yaml", 1)
    first = load_experiment(ROOT / "conf/train_aasist_xlsr.yaml", 1)
    own = {"model", "model_conf", "layers", "base"}
    assert {k: v for k, v in found.items() if k not in own} == {
        k: v for k, v in first.items() if k not in own
    }
