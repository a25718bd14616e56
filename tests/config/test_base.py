"""`base:` in a config: one parent, found as configs are; what comes out, and what is refused."""

import subprocess
import sys

import pytest
import yaml
from made_up import ROOT, worker

from antispoof.config import EXPERIMENT, EXPERIMENT_KEYS, UPSTREAM_KEYS, files_of, load_config
from antispoof.errors import UserError
from antispoof.training.experiment import complete, load_experiment

PARENT = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 8], dropout: 0.5}
loss: focal
loss_conf: {gamma: 3.0}
crop: {seconds: 2.0, pad: tile}
phases: [{epochs: 1}, {epochs: 2}]
epochs: 7
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Write conf/<name>.yaml of a recipe, and load one."""
    (tmp_path / "conf/upstream").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def write(**files):
        for name, text in files.items():
            (tmp_path / f"conf/{name}.yaml").write_text(text)

    return write


def load(name, keys=EXPERIMENT_KEYS, overrides=()):
    return load_config(f"conf/{name}.yaml", keys, overrides)


def test_a_child_stands_over_its_parent_block_by_block(recipe):
    recipe(a=PARENT, b="base: a.yaml\ncrop: {seconds: 3}\nmodel_conf: {dropout: 0.1}\nphases: []\n")
    found = load("b")
    plain = {**EXPERIMENT, **yaml.safe_load(PARENT), "phases": []}
    plain["crop"] = {**EXPERIMENT["crop"], "seconds": 3.0, "pad": "tile"}
    plain["model_conf"] = {"widths": [4, 8], "dropout": 0.1}
    assert found == plain
    assert load("b", overrides=["crop.pad=none", "epochs=1"]) == {
        **plain, "crop": {**plain["crop"], "pad": "none"}, "epochs": 1,
    }  # fmt: skip


def test_a_chain_ends_where_a_file_has_no_base(recipe):
    recipe(a=PARENT, b="base: a.yaml\nepochs: 8\nbatch_size: 3\n", c="base: b.yaml\nepochs: 9\n")
    found = load("c")
    assert (found["epochs"], found["batch_size"], found["loss"]) == (9, 3, "focal")
    assert files_of("conf/c.yaml") == ["conf/c.yaml", "conf/b.yaml", "conf/a.yaml"]
    assert files_of("conf/a.yaml") == ["conf/a.yaml"]


@pytest.mark.parametrize("name", ["model", "loss"])
def test_arguments_of_another_model_or_loss_are_left_out(recipe, name):
    other = {"model": "mhfa", "loss": "bce"}[name]
    recipe(a=PARENT, b=f"base: a.yaml\n{name}: {other}\n", c="base: a.yaml\nmodel: mel_cnn\n")
    found, same = load("b"), load("c")
    assert found[f"{name}_conf"] == {}
    assert same["model_conf"] == {"widths": [4, 8], "dropout": 0.5}
    kept = {"model": "loss_conf", "loss": "model_conf"}[name]
    assert found[kept] == yaml.safe_load(PARENT)[kept]


def test_a_parent_is_looked_for_in_the_recipe_and_then_in_the_root(recipe):
    recipe(x="base: train_mel_cnn.yaml\n")
    assert load("x") == load_config(ROOT / "conf/train_mel_cnn.yaml", EXPERIMENT_KEYS)
    assert files_of("conf/x.yaml") == ["conf/x.yaml", "conf/train_mel_cnn.yaml"]
    recipe(train_mel_cnn=PARENT)
    assert load("x")["epochs"] == 7
    assert load("train_mel_vit")["epochs"] == 7  # the root's, whose parent the recipe has too


def test_a_parent_of_a_file_elsewhere_stands_beside_it(recipe, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.yaml").write_text(PARENT)
    (tmp_path / "other/b.yaml").write_text("base: a.yaml\nepochs: 8\n")
    for path in ("other/b.yaml", tmp_path / "other/b.yaml"):
        assert load_config(path, EXPERIMENT_KEYS)["crop"]["seconds"] == 2.0


def test_an_upstream_has_a_parent_too(recipe, tmp_path):
    (tmp_path / "conf/upstream/x.yaml").write_text("base: xls_r_300m.yaml\nlayers: 2..3\n")
    found = load("upstream/x", UPSTREAM_KEYS)
    plain = load_config(ROOT / "conf/upstream/xls_r_300m.yaml", UPSTREAM_KEYS)
    assert found == {**plain, "layers": [2, 3]}
    assert files_of("conf/upstream/x.yaml")[1] == "conf/upstream/xls_r_300m.yaml"


WRONG = {
    "base: x.yaml": "conf/x.yaml: 'base' comes back to where it was: x.yaml -> x.yaml",
    "base: y.yaml": "'base' comes back to where it was: x.yaml -> y.yaml -> x.yaml",
    "base: none.yaml": "conf/x.yaml: 'base: none.yaml' is no file, neither next to it nor in conf/",
    "base: ../a.yaml": "'base' is '../a.yaml', wanted the name of a file like train_x.yaml",
    "base: [a.yaml, b.yaml]": "'base' is ['a.yaml', 'b.yaml'], wanted the name of a file",
    "base:": "'base' is None, wanted the name of a file",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_cannot_be_a_parent_is_refused_in_one_line(recipe, line):
    recipe(x=line, y="base: x.yaml\n", a=PARENT)
    with pytest.raises(UserError) as caught:
        load("x")
    assert WRONG[line] in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_parent_is_no_setting_to_override(recipe):
    recipe(x="base: a.yaml\n", a=PARENT)
    with pytest.raises(UserError, match="unknown key 'base'"):
        load("x", overrides=["base=b.yaml"])


def test_the_resolved_config_is_printed_and_is_itself_a_config(recipe, tmp_path):
    recipe(a="feats: wave\nmodel: mel_cnn\nepochs: 7\n", b="base: a.yaml\nloss: focal\n")
    words = ["--config", "conf/b.yaml", "--resolved", "--override", "epochs=3"]
    status, out, error = worker("steps/describe_model.py", *words, cwd=tmp_path)
    assert (status, error) == (0, "")
    config = load_experiment("conf/b.yaml", 0, ["epochs=3"])
    assert {**yaml.safe_load(out), "seed": 0} == complete(config)
    assert "hidden: 64" in out  # a default of the model
    recipe(c=out)
    assert load_experiment("conf/c.yaml", 0) == config


def test_the_files_of_a_config_are_named_without_torch():
    code = "import sys; from antispoof.config import files_of; "
    code += "print(*files_of('conf/train_spaarsist_mag_mean.yaml')); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    names = ("spaarsist_mag_mean", "spaarsist_mag", "aasist_xlsr")
    assert done.stdout.split() == [*(f"conf/train_{name}.yaml" for name in names), "False"]


def test_no_name_of_the_root_means_another_model_in_a_recipe():
    root = {path.name for path in ROOT.glob("conf/train_*.yaml")}
    for conf in ROOT.glob("egs/*/conf"):
        assert not root & {path.name for path in conf.glob("train_*.yaml")}


def test_the_protocol_of_spaarsist_stands_once():
    texts = [path.read_text() for path in ROOT.glob("conf/train_*.yaml")]
    assert sum("mu_law" in text for text in texts) == 1
