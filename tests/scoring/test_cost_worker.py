"""The worker that says what a model costs: its table line by line, and cost.json."""

import importlib.util
import json
import sys

import pytest
import torch
from made_up import ROOT
from plain_costs import SMALL_MODELS, config

from antispoof.config import write_config
from antispoof.models import MODELS
from antispoof.scoring import cost as costs
from antispoof.scoring.cost import describe


@pytest.fixture(autouse=True)
def models(monkeypatch):
    for name, model in SMALL_MODELS.items():
        monkeypatch.setitem(MODELS, name, model)


def worker():
    path = ROOT / "steps/describe_model.py"
    spec = importlib.util.spec_from_file_location("steps_describe_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_line_by_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "train_small.yaml").write_text(
        "feats: wave\nmodel: small\ncrop: {seconds: 0.003}\n"
    )
    path = str(tmp_path / "train_small.yaml")
    monkeypatch.setattr(sys, "argv", ["describe_model.py", "--config", path])
    worker().main()
    cost = describe(config())
    assert capsys.readouterr().out.splitlines() == [
        "small, input 1 x 48",
        "module    parameters  trainable  MACs",
        "filters           15         15   330",
        "parts             26         10    20",
        "(itself)           2          2     4",
        "total             43         27   354",
        "trainable: 62.8% of the parameters",
        f"saved weights: {cost['saved_bytes']:,} bytes",
        f"peak activations of one forward pass: {cost['peak_activation_bytes']:,} bytes",
    ]
    monkeypatch.setattr(
        sys, "argv", ["x", "--config", path, "--json", "--override", "crop.seconds=0.004"]
    )
    worker().main()
    assert json.loads(capsys.readouterr().out)["input"] == [1, 64]


@pytest.mark.parametrize(("rounds", "used"), [(3, 3), (0, 1), (None, 5)])
def test_the_cost_of_an_experiment_is_of_the_whole_on_one_thread(
    monkeypatch, capsys, tmp_path, rounds, used
):
    seen = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    monkeypatch.setattr(costs, "latency", lambda *args: seen.append(args[3]) or 1.5)
    write_config(tmp_path / "config.yaml", config())
    options = [] if rounds is None else ["--rounds", str(rounds)]
    monkeypatch.setattr(sys, "argv", ["x", "--exp", str(tmp_path), *options])
    worker().main()
    assert seen == [1, used]
    cost = json.loads((tmp_path / "cost.json").read_text())
    assert (cost["latency"], cost["input"], cost["macs"]) == (1.5, [1, 64600], 15 * 32298 + 24)
    assert "a forward pass on one thread: 1.50 times a product of 1024" in capsys.readouterr().out
    assert list(cost) == sorted(cost)


def test_the_cost_of_another_model_is_not_written_as_that_of_the_experiment(
    monkeypatch, capsys, tmp_path
):
    write_config(tmp_path / "config.yaml", config())
    other = ["--override", "crop.seconds=0.004"]
    monkeypatch.setattr(sys, "argv", ["x", "--exp", str(tmp_path), "--rounds", "1", *other])
    worker().main()
    assert "a forward pass on one thread" in capsys.readouterr().out
    assert not (tmp_path / "cost.json").exists()


def test_the_cost_of_steps_stands_below_the_table(monkeypatch, capsys, tmp_path):
    path = tmp_path / "train_small.yaml"
    path.write_text("feats: wave\nmodel: small\ncrop: {seconds: 0.003}\nbatch_size: 6\n")
    given = ["--config", str(path), "--train", "--override", "accum_grad=2"]
    monkeypatch.setattr(sys, "argv", ["describe_model.py", *given])
    worker().main()
    *_, said, heads, row, unit = capsys.readouterr().out.splitlines()
    assert said == "a step of training, 3 utterances of 48 at once:"
    assert heads.split() == ["trainable", "saved", "bytes", "bytes", "of", "memory", "time"]
    saved = describe(config())["saved_bytes"]
    assert row.split()[:4] == ["this", "config", "27", f"{saved:,}"]
    assert unit == "time: of two utterances, in products of 1024 x 1024 matrices"
    monkeypatch.setattr(sys, "argv", ["describe_model.py", *given, "--json"])
    worker().main()
    (step,) = json.loads(capsys.readouterr().out)["steps"]
    assert (step["utterances"], step["input"], step["trainable"]) == (3, [48], 27)
    monkeypatch.setattr(sys, "argv", ["describe_model.py", "--exp", "exp/x", "--train"])
    with pytest.raises(SystemExit):
        worker().main()
    assert "--train needs --config" in capsys.readouterr().err
