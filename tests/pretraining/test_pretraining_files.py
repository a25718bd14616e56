"""What a pre-training reads back is its own, or is refused in one line."""

import shutil

import pytest
from tiny_pretraining import tiny

from antispoof.errors import UserError
from antispoof.pretraining.pretrain import pretrain
from antispoof.torch_utils.checkpoint import load_checkpoint, save_checkpoint


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: [kept],
        lambda kept: {name: own for name, own in kept.items() if name != "units"},
        lambda kept: {**kept, "counts": [*kept["counts"][:-1], -1]},
        lambda kept: {**kept, "counts": [*kept["counts"], 1]},
        lambda kept: {**kept, "counts": [kept["counts"][0] + 1, *kept["counts"][1:]]},
        lambda kept: {**kept, "units": kept["units"].float()},
        lambda kept: {**kept, "units": kept["units"] + 99},
        lambda kept: {**kept, "kept": [7, *kept["kept"][1:]]},
        lambda kept: {**kept, "centroids": None},
    ],
    ids=["list", "no units", "below 0", "one more", "sum", "float", "no cluster", "number", "None"],
)
def test_units_of_every_wrong_kind_are_refused_in_one_line(place, undisturbed, tmp_path, change):
    kept = load_checkpoint(undisturbed / "units.pt")
    save_checkpoint(tmp_path / "units.pt", change(kept))
    with pytest.raises(UserError, match=r"units.pt: found no units, wanted .*; remove it"):
        pretrain(tiny(place), place / "data", tmp_path, [].append)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: 7,
        lambda state: {"learner": state["learner"]},
        lambda state: {"curve": state["curve"]},
        lambda state: {**state, "curve": [[1, "a"]]},
        lambda state: {**state, "learner": {"model": state["learner"]["model"]}},
        lambda state: {**state, "learner": {**state["learner"], "model": {}}},
        lambda state: {**state, "learner": {**state["learner"], "schedule": {}}},
        lambda state: {**state, "learner": {**state["learner"], "optimizer": {"state": {}}}},
    ],
    ids=["number", "no curve", "no parts", "row", "one part", "weights", "schedule", "optimizer"],
)
def test_a_last_pt_of_another_program_is_refused_in_one_line(place, undisturbed, tmp_path, change):
    shutil.copy(undisturbed / "units.pt", tmp_path)
    save_checkpoint(tmp_path / "last.pt", change(load_checkpoint(undisturbed / "last.pt")))
    with pytest.raises(UserError, match=r"last.pt: (found|does not fit) .+"):
        pretrain(tiny(place), place / "data", tmp_path, [].append)
