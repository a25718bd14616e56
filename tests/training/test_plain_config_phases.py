"""Phases, and the folder of an experiment: what it is claimed with and what it says it ran on."""

import platform
import subprocess
import sys
from types import SimpleNamespace

import numpy
import pytest
import torch
import yaml

from antispoof.config import EXPERIMENT, write_config
from antispoof.errors import UserError
from antispoof.torch_utils.device import choose_device
from antispoof.training import experiment
from antispoof.training.experiment import (
    claim,
    commit,
    environment,
    load_experiment,
    read_experiment,
)
from antispoof.training.phases import PHASE_KEYS, phases_of

GOOD = {"feats": "wave", "model": "mel_cnn"}


def load(folder, *overrides, seed=1, **departures):
    path = folder / "train_x.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **departures}))
    return load_experiment(path, seed, overrides)


# of each key that a phase may change: a value that differs from the config's
CHANGES = {
    "epochs": 3,
    "batch_size": 5,
    "accum_grad": 2,
    "optimizer": "adam",
    "optimizer_conf": {"lr": 0.5},
    "schedule": "step",
    "schedule_conf": {"gamma": 0.25},
    "class_weights": [0.5, 2.0],
    "balanced": True,
    "augment": [{"mu_law": {"p": 1.0, "bits": 8}}],
    "grad_clip": 0.0,
    "finetune": {"lr": 0.125},
    "sharpness": {"rho": 0.05},
    "select": {"ema": 0.5},
}


@pytest.mark.parametrize("key", CHANGES)
def test_a_phase_changes_its_key_and_nothing_else(tmp_path, key):
    own = {"optimizer_conf": {"weight_decay": 0.25}, "select": {"patience": 4}, "epochs": 7}
    own |= {"schedule_conf": {"warmup": 1}, "finetune": {"layer_drop": 0.1}}
    config = load(tmp_path, **own, phases=[{}, {key: CHANGES[key]}, {}])
    phases = phases_of(config)
    plain = {**config, "phases": []}
    assert phases[0] == phases[2] == plain
    value = CHANGES[key]
    changed = {**plain[key], **value} if isinstance(value, dict) else value
    assert phases[1] == {**plain, key: changed}
    assert set(CHANGES) == set(PHASE_KEYS)


def test_without_phases_there_is_one_like_the_config(tmp_path):
    config = load(tmp_path, epochs=3)
    assert phases_of(config) == [config]
    every = [key for key in EXPERIMENT if key not in PHASE_KEYS]
    for key in every:
        with pytest.raises(UserError, match=f"phase 2: unknown key '{key}'"):
            load(tmp_path, phases=[{}, {key: EXPERIMENT[key]}])


def test_each_phase_is_checked_with_its_own_numbers(tmp_path):
    wrong = {"{accum_grad: 33}": "'accum_grad' must", "{epochs: 2}": "'warmup' from 0 to the 2"}
    for phase, words in wrong.items():
        with pytest.raises(UserError) as caught:
            load(tmp_path, f"phases=[{{}}, {phase}]", schedule_conf={"warmup": 3})
        assert str(caught.value).startswith(f"{tmp_path}/train_x.yaml: phase 2: ")
        assert words in str(caught.value)


def test_defaults_of_an_experiment(tmp_path):
    """Those that results rest on, as the house's documents state them."""
    config = load(tmp_path)
    assert config["optimizer_conf"] == {"lr": 1e-3, "weight_decay": 0.01, "momentum": 0.0}
    assert config["crop"] == {"train": "random", "test": "centre", "seconds": 4.0, "pad": "zero"}
    assert config["schedule_conf"] == {"warmup": 0.0, "every": 10, "gamma": 0.5, "least": 0.0}
    select = {"metric": "dev_eer", "patience": 0, "keep": "best", "average": 5, "ema": 0.0}
    assert config["select"] == select
    assert (config["epochs"], config["batch_size"], config["accum_grad"]) == (10, 32, 1)
    assert (config["optimizer"], config["schedule"], config["loss"]) == (
        "adamw", "constant", "cross_entropy",
    )  # fmt: skip
    assert (config["class_weights"], config["balanced"], config["grad_clip"]) == ([1, 1], False, 1)
    assert (config["autocast"], config["tf32"], config["phases"]) == ("none", False, [])
    finetune = {"layers": "none", "lr": 1e-6, "feature_grad_mult": 1.0, "layer_drop": 0.0}
    finetune |= {"method": "full", "method_conf": {}, "checkpointing": False}
    assert config["finetune"] == finetune


def test_a_seed_is_a_whole_number_of_its_own(tmp_path):
    assert load(tmp_path, seed="7")["seed"] == 7
    with pytest.raises(UserError, match="unknown key 'seed'"):
        load(tmp_path, "seed=3")
    write_config(tmp_path / "exp/config.yaml", load(tmp_path, seed=7))
    assert read_experiment(tmp_path / "exp")["seed"] == 7
    assert read_experiment(tmp_path / "exp", ["seed=9", "epochs=2"])["epochs"] == 2
    assert read_experiment(tmp_path / "exp", ["seed=9"])["seed"] == 9


def test_a_config_is_written_in_its_order_and_its_letters(tmp_path):
    write_config(tmp_path / "c.yaml", {"z": "été", "a": {"y": 1, "b": [2]}})
    assert (tmp_path / "c.yaml").read_text("utf-8") == "z: été\na:\n  y: 1\n  b:\n  - 2\n"


def test_a_claimed_folder_says_what_it_ran_on(tmp_path, monkeypatch):
    facts = {"commit": "abc, dirty", "device": "cpu"}
    monkeypatch.setattr(experiment, "environment", lambda: facts)
    claim(tmp_path / "exp", load(tmp_path))
    assert (tmp_path / "exp/env.txt").read_text() == "commit: abc, dirty\ndevice: cpu\n"
    facts["device"] = "gpu"
    claim(tmp_path / "exp", load(tmp_path))  # the same again: nothing is written
    assert "device: cpu" in (tmp_path / "exp/env.txt").read_text()


@pytest.mark.parametrize("key", ["epochs", "crop", "seed"])
def test_a_folder_of_another_experiment_is_refused_by_the_key_that_differs(tmp_path, key):
    config = load(tmp_path)
    changed = {"epochs": 3, "crop": {**config["crop"], "pad": "tile"}, "seed": 2}
    claim(tmp_path / "exp", config)
    with pytest.raises(UserError) as caught:
        claim(tmp_path / "exp", {**config, key: changed[key]})
    assert f"({key}: {config[key]!r}, now {changed[key]!r}); give" in str(caught.value)
    with pytest.raises(UserError, match="more: None, now 1"):
        claim(tmp_path / "exp", {**config, "more": 1})
    fewer = {name: value for name, value in config.items() if name != key}
    with pytest.raises(UserError, match=f"\\({key}: .*, now None\\)"):
        claim(tmp_path / "exp", fewer)


def test_the_environment_is_this_machines(monkeypatch):
    monkeypatch.setattr(experiment, "commit", lambda: "abc")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = environment()
    assert found == {
        "commit": "abc",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "device": "cpu",
        "machine": f"{platform.system()} {platform.machine()}",
    }
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert environment()["device"] == "a GPU"


def test_the_commit_is_gits_with_what_is_dirty(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    (tmp_path / "a.txt").write_text("a")
    subprocess.run([*git, "add", "a.txt"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "two"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    monkeypatch.setattr(experiment, "ROOT", tmp_path)
    assert commit() == head[:12]
    (tmp_path / "a.txt").write_text("b")
    assert commit() == f"{head[:12]}, dirty"
    empty = SimpleNamespace(stdout="\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: empty)
    assert commit() == "unknown (not a git checkout)"

    def slow(*_, **__):
        raise subprocess.TimeoutExpired("git", 20)

    monkeypatch.setattr(subprocess, "run", slow)
    assert commit() == "unknown (git did not say)"


def test_a_device_is_chosen_by_name_and_by_what_there_is(monkeypatch):
    torch.use_deterministic_algorithms(False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:1"):
        with pytest.raises(UserError, match=f"--device {name}: no GPU is seen"):
            choose_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UserError, match="--device tpu7: wanted auto, cpu or cuda"):
        choose_device("tpu7")
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory


def test_a_device_is_chosen_without_the_compiler_whose_import_takes_a_second():
    text = "import sys\nfrom antispoof.torch_utils.device import choose_device\n"
    text += "choose_device('cpu')\nprint('torch._dynamo' in sys.modules)\n"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("name", ["meta", "cpu:x", "mps", "cuda:"])
def test_a_device_on_which_nothing_here_computes_is_refused(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(UserError, match=f"--device {name}: wanted auto, cpu or cuda"):
        choose_device(name)
