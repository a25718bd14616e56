"""Fusions of fusions: some are opened, and a chain of many is refused in one line."""

import pytest
import torch

from antispoof.errors import UserError
from antispoof.evaluation.fusion import Fusion
from antispoof.systems.system import AS_IT_IS, DEEPEST, open_detector


def chain(folder, length):
    """f0 is a fusion of f1, that of f2, and so on; the last one's system is not there."""
    for number in range(length):
        values = vars(AS_IT_IS) | {"systems": (f"f{number + 1}",)}
        (folder / f"f{number}").mkdir(parents=True)
        Fusion(**values).save(folder / f"f{number}/fusion.json")
    return folder / "f0"


def test_a_chain_of_many_fusions_is_refused(tmp_path):
    with pytest.raises(UserError, match=f"found fusions of fusions over {DEEPEST} deep") as caught:
        open_detector(chain(tmp_path, DEEPEST + 3), torch.device("cpu"))
    assert len(str(caught.value).splitlines()) == 1


def test_some_are_opened_down_to_their_systems(tmp_path):
    with pytest.raises(UserError, match=f"f{DEEPEST}: no such experiment"):
        open_detector(chain(tmp_path, DEEPEST), torch.device("cpu"))
