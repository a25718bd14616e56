"""What a key of a config may be: one line for everything else, and no traceback."""

import subprocess

import pytest
import torch
from made_up import ROOT, worker

from antispoof import CONVERSIONS
from antispoof.config import EXPERIMENT_KEYS, SEED, UPSTREAM_KEYS, defaults_of, load_config, merge
from antispoof.config.files import parse_yaml
from antispoof.config.keys import Key
from antispoof.errors import UserError
from antispoof.losses.losses import LOSSES
from antispoof.models import MODELS, build_model
from antispoof.ssl import upstream
from antispoof.training.experiment import load_experiment
from antispoof.training.optimisers import OPTIMIZERS

GOOD = "{feats: wave, model: mel_cnn}"
DEEP = "[" * 3000 + "]" * 3000
BAD = {  # what is said over GOOD, and words of the line
    "grad_clip=-1": "'grad_clip' is -1.0, wanted at least 0",
    "grad_clip=.nan": "'grad_clip' is nan, wanted at least 0",
    "grad_clip=.inf": "'grad_clip' is inf, wanted at least 0",
    "grad_clip=inf": "'grad_clip' is inf, wanted at least 0",
    "optimizer_conf.lr=-1": "'optimizer_conf.lr' is -1.0, wanted at least 0",
    "optimizer_conf.lr=.nan": "'optimizer_conf.lr' is nan, wanted at least 0",
    "optimizer_conf.lr=.inf": "'optimizer_conf.lr' is inf, wanted at least 0",
    "optimizer_conf.lr=1" + 400 * "0": "'optimizer_conf.lr' is inf, wanted at least 0",
    "optimizer_conf.weight_decay=-0.1": "'optimizer_conf.weight_decay' is -0.1, wanted at least 0",
    "optimizer_conf.weight_decay=-.inf": "'optimizer_conf.weight_decay' is -inf, wanted at least",
    "optimizer_conf.momentum=-1": "'optimizer_conf.momentum' is -1.0, wanted at least 0",
    "crop.seconds=1e9": "'crop.seconds' is 1000000000.0, wanted more than 0, at most 600",
    "crop.seconds=.inf": "'crop.seconds' is inf, wanted more than 0, at most 600",
    "finetune.lr=.nan": "'finetune.lr' is nan, wanted more than 0",
    "schedule_conf.warmup=.nan": "'schedule_conf.warmup' is nan, wanted at least 0",
    "schedule_conf.gamma=.nan": "'schedule_conf.gamma' is nan, wanted more than 0",
    "select.ema=.nan": "'select.ema' is nan, wanted at least 0, less than 1",
    "epochs=100003": "'epochs' is 100003, wanted at most 100002",
    "init_from='{'": "'init_from' is '{', wanted text in which {seed} alone stands in braces",
    "init_from='exp/{x}'": "'init_from' is 'exp/{x}', wanted text in which",
    "init_from='exp/{seed!r}'": "'init_from' is 'exp/{seed!r}', wanted text in which",
    "init_from='exp/{seed.real}'": "'init_from' is 'exp/{seed.real}', wanted text in which",
    "without_attacks=A01": "'without_attacks' is 'A01', wanted a list of names, each once",
    "without_attacks=[A01, A01]": "'without_attacks' is ['A01', 'A01'], wanted a list of names",
    "without_attacks=[1]": "'without_attacks' is [1], wanted a list of names, each once",
    "without_attacks=['-']": "'without_attacks' is ['-'], wanted a list of names, each once",
    "layers=0..9999": "'layers' is '0..9999', wanted a list of numbers from 0, or a range like",
    "layers=3..1": "'layers' is '3..1', wanted a list",
    "model_conf.dropout=.nan": "'model_conf.dropout' is nan, wanted a finite number",
    "model_conf.widths=[1, .inf]": "'model_conf.widths[1]' is inf, wanted a finite number",
    "loss_conf.gamma=.inf": "'loss_conf.gamma' is inf, wanted a finite number",
    f"layers={DEEP}": "is nested too deep, wanted 50 levels at most",
    "epochs=" + 5000 * "9": "is not YAML: Exceeds the limit",
    "epochs=2026-13-45": "is not YAML: month must be in 1..12",
}


def refusal(call, *arguments):
    with pytest.raises(UserError) as caught:
        call(*arguments)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert len(line) < 600
    return line


@pytest.mark.parametrize("override", BAD, ids=lambda text: text[:30])
def test_a_value_out_of_range_is_one_line(tmp_path, override):
    (tmp_path / "x.yaml").write_text(GOOD)
    assert BAD[override] in refusal(load_experiment, tmp_path / "x.yaml", 1, [override])


@pytest.mark.parametrize("override", BAD, ids=lambda text: text[:30])
def test_and_so_it_is_in_the_file(tmp_path, override):
    key, _, value = override.partition("=")
    *parents, last = key.split(".")
    text = "".join(f"{'  ' * n}{name}:\n" for n, name in enumerate(parents))
    text += f"{'  ' * len(parents)}{last}: {value}\nfeats: wave\nmodel: mel_cnn\n"
    (tmp_path / "x.yaml").write_text(text)
    line = refusal(load_experiment, tmp_path / "x.yaml", 1)
    assert line.startswith(f"{tmp_path}/x.yaml: ")
    assert BAD[override] in line


def test_a_phase_is_checked_by_the_same_keys(tmp_path):
    (tmp_path / "x.yaml").write_text("{feats: wave, model: mel_cnn, phases: [{}, {grad_clip: -1}]}")
    line = refusal(load_experiment, tmp_path / "x.yaml", 1)
    assert line == f"{tmp_path}/x.yaml: phase 2: 'grad_clip' is -1.0, wanted at least 0"


def test_seeds_are_those_that_torch_takes_in_every_epoch(tmp_path):
    (tmp_path / "x.yaml").write_text(GOOD)
    assert load_experiment(tmp_path / "x.yaml", SEED.most)["seed"] == SEED.most
    torch.manual_seed(SEED.most * 100003 + 10**6 + 1_000_000_007 * 1000)  # as an epoch does
    for seed in (SEED.most + 1, 2**64, 10**30, -1):
        line = refusal(load_experiment, tmp_path / "x.yaml", seed)
        assert f"'seed' is {seed}, wanted at" in line


@pytest.mark.parametrize("seed", ["18446744073709551616", "9" * 5000])
def test_a_seed_of_more_than_64_bits_is_one_line_of_the_worker(tmp_path, seed):
    (tmp_path / "x.yaml").write_text(GOOD)
    options = ["--config", "x.yaml", "--seed", seed, "--train", "a", "--dev", "b", "exp/x"]
    status, _, error = worker("steps/train.py", *options, cwd=tmp_path)
    assert status != 0
    assert "Traceback" not in error
    assert len(error.splitlines()[-1]) < 6000


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}"])
def test_what_holds_itself_is_nested_too_deep(text):
    assert "x: is nested too deep" in refusal(parse_yaml, text, "x")


def test_anchors_cannot_make_a_config_without_end():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n + 1}: &a{n + 1} [{', '.join(10 * [f'*a{n}'])}]" for n in range(9)]
    assert "x: holds too much" in refusal(parse_yaml, "\n".join(lines), "x")


MODEL = [
    *({"widths": [-1, 2, 3, 4]}, {"widths": []}, {"widths": 3}, {"dropout": 2.0}),
    *({"dropout": "x"}, {"hidden": 0.5}, {"hidden": -3}),
]


@pytest.mark.parametrize("conf", MODEL, ids=str)
def test_arguments_that_a_model_cannot_be_made_of_are_one_line(conf):
    assert "config: model_conf of 'mel_cnn': " in refusal(lambda: build_model("mel_cnn", **conf))


def test_choices_are_those_that_the_code_has():
    assert set(EXPERIMENT_KEYS["optimizer"].allowed) == set(OPTIMIZERS)
    assert set(EXPERIMENT_KEYS["loss"].allowed) == set(LOSSES)
    assert set(UPSTREAM_KEYS["dtype"].allowed) == set(upstream.DTYPES)
    assert set(UPSTREAM_KEYS["autocast"].allowed) == set(upstream.AUTOCAST)
    assert EXPERIMENT_KEYS["allow"].allowed == UPSTREAM_KEYS["allow"].allowed == CONVERSIONS
    assert "" not in MODELS


def keys_of(table, prefix=""):
    for name, key in table.items():
        if isinstance(key, dict):
            yield from keys_of(key, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", key


@pytest.mark.parametrize("table", [EXPERIMENT_KEYS, UPSTREAM_KEYS], ids=["experiment", "upstream"])
def test_every_default_may_be_said(table):
    for name, key in keys_of(table):
        assert isinstance(key, Key), name
        assert key.check(key.default, "x", name) == key.default
    assert merge(table, defaults_of(table), "x") == defaults_of(table)


def test_a_range_is_a_list_of_layers_here_and_in_an_upstream(tmp_path):
    (tmp_path / "x.yaml").write_text("layers: 1..4\n")
    assert load_config(tmp_path / "x.yaml", UPSTREAM_KEYS)["layers"] == [1, 2, 3, 4]
    assert load_config(tmp_path / "x.yaml", EXPERIMENT_KEYS)["layers"] == [1, 2, 3, 4]
    (tmp_path / "x.yaml").write_text("layers: 0..0\n")
    assert load_config(tmp_path / "x.yaml", EXPERIMENT_KEYS)["layers"] == [0]


def test_the_recipe_refuses_such_a_seed_before_it_starts():
    seeds = "1 99999999999999999999"
    command = [ROOT / "egs/mini/run.sh", "--seeds", seeds]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"--seeds '{seeds}': wanted numbers" in done.stderr
