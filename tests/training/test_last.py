"""What training and scoring go on from: a file of every wrong kind is refused in one line."""

import json
import re

import pytest
import torch
from made_up import worker
from sounds import make_corpus, make_data

from antispoof.errors import UserError
from antispoof.torch_utils.checkpoint import load_checkpoint, save_checkpoint
from antispoof.training.experiment import claim, load_experiment
from antispoof.training.trainer import train

CONFIG = """
feats: wave
model: mel_cnn
model_conf: {widths: [4, 4, 8, 8]}
crop: {train: first, test: first, seconds: 0.5, pad: tile}
epochs: 2
batch_size: 4
schedule: cosine
select: {ema: 0.9, keep: average_best, average: 2, metric: dev_loss}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A training of two epochs, after the first of which it stopped."""
    folder = tmp_path_factory.mktemp("last")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 8, "dev": 4}))
    (folder / "train_x.yaml").write_text(CONFIG)
    (folder / "exp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        go_on(folder, stop=1)
        yield folder


class StoppedError(Exception):
    pass


def go_on(folder, stop=2, exp="exp"):
    config = load_experiment("train_x.yaml", 1)
    claim(folder / exp, config)

    def log(line):
        if line.startswith(f"epoch {stop + 1}  "):
            raise StoppedError

    try:
        train(config, "data/train", "data/dev", "dump", folder / exp, torch.device("cpu"), log)
    except StoppedError:
        assert stop == 1


def change(state, path, value):
    """`state`, copied, with `value` at `path`, or without it where `value` is `GONE`."""
    if not path:
        return value
    key, *rest = path
    copy = dict(state) if isinstance(state, dict) else list(state)
    if not rest and value is GONE:
        del copy[key]
    else:
        copy[key] = change(state[key], rest, value) if rest else value
    return copy


GONE, WHOLE = object(), ()


def row(**changes):
    return lambda rows: json.dumps([{**rows[0], **changes}])


KINDS = {
    "a text": (WHOLE, "state", "found str"),
    "a list": (WHOLE, [1], "found list"),
    "a tensor": (WHOLE, torch.zeros(2), "found Tensor"),
    "an empty dict": (WHOLE, {}, "found a dict of nothing"),
    "a best.pt": (
        WHOLE,
        {"model": {}, "epoch": 1},
        "found a dict of epoch, model, wanted 'learner",
    ),
    "no rows": (["rows"], GONE, "found a dict of learner, phase, wanted .*'rows', a text"),
    "rows that are a list": (["rows"], [1], "wanted .*'rows', a text"),
    "rows that are no JSON": (["rows"], "{", "found rows '{', wanted JSON"),
    "rows of a deep list": (["rows"], "[" * 99999, "wanted JSON"),
    "rows that are a number": (["rows"], "3", "found rows '3', wanted a list of epochs"),
    "rows of nothing": (["rows"], "[]", "wanted a list of epochs"),
    "rows of numbers": (["rows"], "[1]", "found row 1, wanted 'epoch' 1"),
    "another epoch": (["rows"], row(epoch=2), "wanted 'epoch' 1"),
    "another phase": (["rows"], row(phase=2), "wanted 'epoch' 1 and its 'phase'"),
    "a loss in words": (["rows"], row(dev_loss="low"), "found dev_loss 'low' in epoch 1, wanted a"),
    "no rate": (["rows"], row(lr=None), "found lr None in epoch 1"),
    "a phase in words": (["phase"], "one", "wanted .*'phase', a number"),
    "phase 0": (["phase"], 0, "found phase 0, wanted one of the config's 1"),
    "phase 7": (["phase"], 7, "found phase 7"),
    "no learner": (["learner"], GONE, "wanted 'learner'"),
    "a learner that is a list": (["learner"], [1], "wanted 'learner'"),
    "no model": (["learner", "model"], GONE, "the part 'model' as NoneType, wanted a dict"),
    "a model that is a tensor": (["learner", "model"], torch.zeros(1), "'model' as Tensor"),
    "an empty model": (["learner", "model"], {}, "does not fit the part 'model'"),
    "no optimizer": (["learner", "optimizer"], GONE, "the part 'optimizer' as NoneType"),
    "an empty optimizer": (["learner", "optimizer"], {}, "another 'optimizer'"),
    "no groups": (["learner", "optimizer", "param_groups"], [], "another 'optimizer'"),
    "groups of numbers": (["learner", "optimizer", "param_groups"], [1], "another 'optimizer'"),
    "a rate in words": (
        ["learner", "optimizer", "param_groups", 0, "lr"],
        "fast",
        "param_groups.lr is str, wanted float",
    ),
    "a state that is a list": (["learner", "optimizer", "state"], [1], "another 'optimizer'"),
    "moments of another shape": (
        ["learner", "optimizer", "state", 0, "exp_avg"],
        torch.zeros(2, 3, 4),
        r"exp_avg of \(2, 3, 4\), wanted",
    ),
    "moments of no weight": (["learner", "optimizer", "state", 999], {"step": 1}, "another 'opt"),
    "a moment in words": (["learner", "optimizer", "state", 0, "exp_avg"], "x", "another 'opt"),
    "a count in words": (["learner", "optimizer", "state", 0, "step"], "x", "another 'opt"),
    "a moment missing": (["learner", "optimizer", "state", 0, "exp_avg"], GONE, "another 'opt"),
    "an empty schedule": (["learner", "schedule"], {}, "schedule lacks"),
    "an epoch in words": (["learner", "schedule", "last_epoch"], "x", "last_epoch is str, wanted"),
    "a scaler that is a list": (["learner", "scaler"], [1], "the part 'scaler' as list"),
    "no average": (["learner", "average"], GONE, "the part 'average' as NoneType"),
    "an empty average": (["learner", "average"], {}, "average lacks"),
    "an average of nothing": (["learner", "average", "average"], {}, "average.average lacks"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_last_pt_of_every_wrong_kind_is_refused_in_one_line(place, kind):
    path, value, words = KINDS[kind]
    last = place / "exp/last.pt"
    whole = last.read_bytes()
    state = load_checkpoint(last)
    value = value(json.loads(state["rows"])) if callable(value) else value
    save_checkpoint(last, change(state, path, value))
    try:
        with pytest.raises(UserError) as said:
            go_on(place)
    finally:
        last.write_bytes(whole)
    (line,) = str(said.value).splitlines()
    assert re.match(f"{last}: .*{words}", line), line


def test_an_epoch_to_average_of_another_model_is_refused_by_name(place):
    for exp in ("averaged", "whole"):
        (place / exp).mkdir()
        for path in (place / "exp").rglob("*"):
            if path.is_file():
                (place / exp / path.relative_to(place / "exp")).parent.mkdir(exist_ok=True)
                (place / exp / path.relative_to(place / "exp")).write_bytes(path.read_bytes())
    kept = place / "averaged/epochs/1.pt"
    save_checkpoint(kept, {"model": {"weight": torch.zeros(1)}, "epoch": 1})
    with pytest.raises(UserError, match="epochs/1.pt: does not fit the model of averaged"):
        go_on(place, exp="averaged")
    go_on(place, exp="whole")
    assert load_checkpoint(place / "whole/best.pt")["epochs"] == [1, 2]


def test_the_worker_that_scores_says_one_line(place):
    (place / "scored").mkdir()
    (place / "scored/config.yaml").write_bytes((place / "exp/config.yaml").read_bytes())
    for state in ([1], {"epoch": 1}, {"model": {"weight": torch.zeros(1)}}):
        save_checkpoint(place / "scored/best.pt", state)
        status, _, error = worker("steps/score.py", "scored", "data/dev", "out", cwd=place)
        assert status == 1
        (line,) = error.splitlines()
        assert line.startswith("steps/score.py: scored/best.pt: ")
