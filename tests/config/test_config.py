"""Configs: what is unknown or of another kind is refused, with the nearest name."""

import pytest
import yaml

from antispoof.config import EXPERIMENT, load_config, one_of, write_config
from antispoof.errors import UserError
from antispoof.training.experiment import claim, load_experiment, read_experiment

GOOD = "model: mhfa\nupstream: fbank\n"


def load(folder, text, *overrides, seed=1):
    path = folder / "train_x.yaml"
    path.write_text(text)
    return load_experiment(path, seed, overrides)


def refusal(folder, text, *overrides):
    with pytest.raises(UserError) as caught:
        load(folder, text, *overrides)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_config_names_departures_from_the_defaults(tmp_path):
    config = load(tmp_path, GOOD + "crop: {seconds: 2}\n", seed=3)
    assert config["crop"] == {**EXPERIMENT["crop"], "seconds": 2.0}
    assert config["seed"] == 3
    assert config["epochs"] == EXPERIMENT["epochs"]
    write_config(tmp_path / "config.yaml", config)
    assert read_experiment(tmp_path) == config


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("epoch: 3", "unknown key 'epoch', did you mean 'epochs'?"),
        ("crop: {second: 3}", "unknown key 'crop.second', did you mean 'crop.seconds'?"),
        ("epochs: many", "'epochs' is 'many', wanted int"),
        ("epochs: 2.5", "'epochs' is 2.5, wanted int"),
        ("epochs: true", "'epochs' is True, wanted int"),
        ("balanced: 1", "'balanced' is 1, wanted bool"),
        ("crop: centre", "'crop' is 'centre', wanted keys"),
        ("epochs: 0", "'epochs' is 0, wanted at least 1"),
        ("optimizer: adamm", "wanted one of adam, adamw, sgd, did you mean 'adam'?"),
        ("crop: {train: center}", "did you mean 'centre'?"),
        ("crop: {seconds: 0}", "'crop.seconds' is 0.0, wanted more than 0"),
        ("crop: {seconds: .nan}", "'crop.seconds' is nan, wanted more than 0"),
        ("layers: []", "'layers' is [], wanted a list of numbers from 0"),
        ("layers: [a]", "'layers' is ['a'], wanted"),
        ("class_weights: [1]", "'class_weights' is [1], wanted a number for each of"),
        ("class_weights: [1, no]", "'class_weights' is [1, False], wanted a number"),
        ("optimizer_conf: {lr: fast}", "'optimizer_conf.lr' is 'fast', wanted float"),
        ("a: [", "is not YAML"),
        ("upstream: ''", "'feats: cached' needs 'upstream'"),
    ],
)
def test_a_bad_line_is_refused(tmp_path, line, words):
    text = refusal(
        tmp_path,
        GOOD.replace("upstream: fbank\n", "") + line if "upstream" in line else GOOD + line,
    )
    assert text.startswith(f"{tmp_path}/train_x.yaml: ")
    assert words in text


def test_a_file_that_holds_no_keys_is_refused(tmp_path):
    assert "wanted lines of `key: value`" in refusal(tmp_path, "- a\n")
    assert "wanted lines" in refusal(tmp_path, "")


def test_no_object_is_made_from_yaml(tmp_path):
    marker = tmp_path / "ran"
    refusal(tmp_path, f"model: !!python/object/apply:os.system ['touch {marker}']\n")
    refusal(tmp_path, GOOD, f"model=!!python/object/apply:os.system ['touch {marker}']")
    assert not marker.exists()


def test_numbers_without_a_dot_are_numbers(tmp_path):
    config = load(tmp_path, GOOD + "optimizer_conf: {lr: 1e-3}\n", "grad_clip=2e-1")
    assert (config["optimizer_conf"]["lr"], config["grad_clip"]) == (0.001, 0.2)


def test_overrides(tmp_path):
    config = load(tmp_path, GOOD, "epochs=3", "crop.seconds=2", "layers=[0, 1]")
    assert (config["epochs"], config["crop"]["seconds"], config["layers"]) == (3, 2.0, [0, 1])
    assert "unknown key 'epoch', did you mean 'epochs'?" in refusal(tmp_path, GOOD, "epoch=3")
    assert "'model' holds no keys" in refusal(tmp_path, GOOD, "model.name=3")
    assert "wanted KEY=VALUE" in refusal(tmp_path, GOOD, "epochs")
    assert "--override layers=[1: is not YAML" in refusal(tmp_path, GOOD, "layers=[1")


def test_a_folder_holds_one_experiment(tmp_path):
    claim(tmp_path / "exp", load(tmp_path, GOOD))
    before = (tmp_path / "exp/config.yaml").read_bytes()
    claim(tmp_path / "exp", load(tmp_path, GOOD))
    with pytest.raises(
        UserError, match=r"another experiment \(epochs: 10, now 3\); give this one a"
    ):
        claim(tmp_path / "exp", load(tmp_path, GOOD, "epochs=3"))
    assert (tmp_path / "exp/config.yaml").read_bytes() == before
    lines = (tmp_path / "exp/env.txt").read_text().splitlines()
    names = {line.split(": ")[0] for line in lines}
    assert names >= {"commit", "python", "torch", "numpy", "device"}


def test_a_folder_without_an_experiment_says_so(tmp_path):
    with pytest.raises(UserError, match=r"config.yaml: no such experiment; train it first"):
        read_experiment(tmp_path)


def test_nothing_of_the_defaults_is_changed_by_loading(tmp_path):
    before = yaml.safe_dump(EXPERIMENT)
    load(tmp_path, GOOD + "model_conf: {heads: 3}\n", "crop.pad=tile", "model_conf.dim=4")
    load_config(tmp_path / "train_x.yaml", EXPERIMENT)["model_conf"]["x"] = 1
    assert yaml.safe_dump(EXPERIMENT) == before


def test_the_nearest_name_is_told():
    one_of("a.yaml", "model", "mhfa", ("mhfa", "mel_cnn"))
    with pytest.raises(UserError, match="a.yaml: 'model' is 'melcnn', .* did you mean 'mel_cnn'?"):
        one_of("a.yaml", "model", "melcnn", ("mhfa", "mel_cnn"))
