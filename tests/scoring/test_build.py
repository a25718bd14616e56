"""The whole model of a config, groups of an optimiser, and the files that tell of each epoch."""

import time

import events
import pytest
import torch
from plain_training import Tiny

from antispoof.config import EXPERIMENT
from antispoof.errors import UserError
from antispoof.losses.cosine import CosineOutput
from antispoof.models import MODELS
from antispoof.models.back_end import BackEnd
from antispoof.scoring import build
from antispoof.scoring.build import build_back_end, build_front_end, build_system, parameter_groups
from antispoof.ssl.finetuned import FineTuned
from antispoof.torch_utils import checkpoint
from antispoof.torch_utils.checkpoint import load_checkpoint, save_checkpoint
from antispoof.training.curve import append_event, columns_of, write_curve, write_events
from antispoof.training.words import count_parameters, describe


class Reader(BackEnd):
    """A back end that keeps what it was made with."""

    shaped_by, last_layer = ("layers", "dim"), "head"

    def __init__(self, layers=2, dim=6, heads=1):
        super().__init__()
        self.made = (layers, dim, heads)
        self.head = torch.nn.Linear(dim, 2)


class Both(Reader):
    """A back end that reads the waveform too."""

    reads = "both"


class Front(torch.nn.Module):
    """Stands for an SSL model of width 9, of which one layer learns; it draws when it is made."""

    dim = 9

    def __init__(self, config=None):
        super().__init__()
        torch.rand(5)
        self.frozen, self.learning = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
        self.frozen.requires_grad_(False)


@pytest.fixture(autouse=True)
def models(monkeypatch):
    for name, model in {"tiny": Tiny, "reader": Reader, "both": Both}.items():
        monkeypatch.setitem(MODELS, name, model)


def config(**departures):
    return {**EXPERIMENT, "seed": 1, **departures}


SSL = {"feats": "ssl", "upstream": "x", "layers": [3, 5, 7, 8], "model": "reader"}


def test_a_model_on_an_upstream_takes_its_layers_and_width(monkeypatch):
    monkeypatch.setattr(build, "build_front_end", Front)
    torch.manual_seed(1)
    found = build_system(config(**SSL, model_conf={"heads": 3}))
    assert isinstance(found, FineTuned)
    assert found.back_end.made == (4, 9, 3)
    torch.manual_seed(1)
    alone = Reader(4, 9, 3)
    assert torch.equal(found.back_end.head.weight, alone.head.weight), "as on cached features"
    assert build_system(config(**SSL, model_conf={"dim": 9, "layers": 4})).back_end.made[1] == 9
    for key, value, gives in (("dim", 8, 9), ("layers", 3, 4)):
        with pytest.raises(UserError, match=f"{key} is {value}, but x gives {gives}"):
            build_system(config(**SSL, model_conf={key: value}))
    tiny = config(**{**SSL, "model": "tiny"}, model_conf={"hidden": 2})
    assert build_system(tiny).back_end.first.out_features == 2


def test_cached_features_and_waves_build_the_model_alone():
    for feats in ("cached", "wave"):
        found = build_system(config(feats=feats, model="reader", model_conf={"dim": 5}))
        assert (type(found), found.made) == (Reader, (2, 5, 1))
        with pytest.raises(UserError, match=f"wanted 'feats: ssl', found 'feats: {feats}'"):
            build_system(config(feats=feats, model="both"))
    assert type(build_system(config(feats="wave", model="tiny")).last) is torch.nn.Linear


@pytest.mark.parametrize(("loss", "directions"), [("am_softmax", 2), ("oc_softmax", 1)])
def test_a_margin_loss_puts_cosines_of_its_scale_last(loss, directions):
    for conf, scale in (({}, 20.0), ({"scale": 7}, 7.0)):
        found = build_back_end(config(model="tiny", loss=loss, loss_conf=conf), {"hidden": 4})
        assert isinstance(found.last, CosineOutput)
        assert (found.last.scale, found.last.columns) == (scale, 2)
        assert found.last.directions.shape == (directions, 4)


def test_the_front_end_is_the_named_upstreams(monkeypatch):
    calls = []
    monkeypatch.setattr(build, "load_upstream_config", lambda path: {"of": path, "options": {}})
    opened = ["network", None]
    monkeypatch.setattr(build, "open_upstream", lambda settings: calls.append(settings) or opened)
    monkeypatch.setattr(build, "parts_of", lambda upstream: upstream if upstream else None)
    monkeypatch.setattr(build, "FrontEnd", lambda *args: args)
    finetune = {**EXPERIMENT["finetune"], "layers": [3]}
    settings = {"of": "conf/upstream/x.yaml", "options": {}}
    assert build_front_end(config(**SSL, finetune=finetune)) == (
        "network", settings, [3, 5, 7, 8], finetune,
    )  # fmt: skip
    assert calls == [settings]
    opened[0] = ""
    with pytest.raises(UserError, match="upstream x: 'feats: ssl' needs a wav2vec 2.0"):
        build_front_end(config(**SSL))


def test_groups_are_the_back_end_and_what_learns_of_the_front_end():
    back, front = Reader(), Front()
    finetune = {**EXPERIMENT["finetune"], "lr": 0.125}
    first, second = parameter_groups(FineTuned(front, back), config(finetune=finetune))
    assert list(first) == ["params"]
    assert [id(p) for p in first["params"]] == [id(p) for p in back.parameters()]
    assert second["lr"] == 0.125
    assert [id(p) for p in second["params"]] == [id(p) for p in front.learning.parameters()]
    front.requires_grad_(False)
    assert len(parameter_groups(FineTuned(front, back), config())) == 1
    alone = list(parameter_groups(back, config()))
    assert [id(p) for p in alone] == [id(p) for p in back.parameters()]


ROW = {"epoch": 1, "phase": 2, "lr": 0.1, "train_loss": 1 / 3, "dev_loss": 2.0, "dev_eer": 0.5}


def test_columns_are_the_known_ones_then_what_rows_have(tmp_path):
    rows = [{**ROW, "b": 1.5}, {**ROW, "epoch": 2, "a": 123456789.25, "b": 2.5}]
    known = ["epoch", "lr", "train_loss", "dev_loss", "dev_eer"]
    assert columns_of(rows, False) == [*known, "b", "a"]
    assert columns_of(rows, True) == [*known, "phase", "b", "a"]
    assert columns_of([], False) == known
    write_curve(tmp_path / "c.csv", rows, True)
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[1:] == [
        "1,0.1,0.33333333,2,0.5,2,1.5,",
        "2,0.1,0.33333333,2,0.5,2,2.5,1.2345679e+08",
    ]


@pytest.mark.parametrize("epoch", [1, 127, 128, 300])
def test_a_tensorboard_file_holds_every_number_but_epoch_and_phase(tmp_path, epoch):
    before = time.time()
    path = write_events(tmp_path, [{**ROW, "epoch": epoch}])
    append_event(path, {**ROW, "epoch": epoch + 1, "watch_x_eer": 0.25})
    scalars = {"lr": 0.1, "train_loss": 1 / 3, "dev_loss": 2.0, "dev_eer": 0.5}
    found = events.read(path)
    assert list(found) == [epoch, epoch + 1]
    for (wall_time, values), wanted in zip(
        found.values(), (scalars, {**scalars, "watch_x_eer": 0.25}), strict=True
    ):
        assert before <= wall_time <= time.time()
        assert list(values) == list(wanted)
        assert values == pytest.approx(wanted)


def test_a_checkpoint_has_the_bytes_of_its_state_and_loads_where_it_is_wanted(
    tmp_path, monkeypatch
):
    state = {"model": {"w": torch.arange(3.0)}, "rows": "[1]", "epoch": 3}
    save_checkpoint(tmp_path / "one.pt", state)
    save_checkpoint(tmp_path / "deep/another name.pt", state)
    data = [(tmp_path / name).read_bytes() for name in ("one.pt", "deep/another name.pt")]
    assert data[0] == data[1]
    found = load_checkpoint(tmp_path / "one.pt")
    assert (found["rows"], found["epoch"]) == ("[1]", 3)
    assert torch.equal(found["model"]["w"], torch.arange(3.0))
    assert load_checkpoint(tmp_path / "one.pt", "meta")["model"]["w"].is_meta
    with pytest.raises(UserError, match=r"none.pt: is not a whole checkpoint \(.*No such file"):
        load_checkpoint(tmp_path / "none.pt")
    monkeypatch.setattr(checkpoint, "atomic_open", None)
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path / "one.pt", {})
    assert (tmp_path / "one.pt").read_bytes() == data[0], "whole or not at all"


def test_a_row_in_words():
    row = {"metric": "x", "epoch": 3, "phase": 2, "ema": 0.5, "average": 5, "patience": 1}
    row |= {"dev_loss": 0.123456789, "epochs": [1, 2]}
    assert describe(row) == "metric x  epoch 3  dev_loss 0.12346  epochs [1, 2]"
    model = Tiny()
    assert count_parameters(model) == "31 parameters"
    model.first.requires_grad_(False)
    assert count_parameters(model) == "31 parameters, 16 trainable"
