"""A model that is far larger than its weights is refused before its memory is taken."""

import pytest
import torch

from antispoof.errors import UserError
from antispoof.models import MODELS, build_model
from antispoof.torch_utils.bounded import SPARE, Bounded, numbers_in

HUGE = 1 << 50  # numbers, more than any machine has
MADE = {
    "a shape": lambda: torch.empty(1 << 25, 1 << 25),
    "a shape in a tuple": lambda: torch.zeros((1 << 25, 1 << 25)),
    "a shape by its name": lambda: torch.ones(size=(HUGE,)),
    "a length": lambda: torch.arange(0, HUGE),
    "a layer": lambda: torch.nn.Linear(1 << 25, 1 << 25),
    "a column and a row": lambda: torch.ones(SPARE // 4)[:, None] * torch.ones(SPARE // 4),
}


@pytest.mark.parametrize("made", MADE)
def test_what_is_too_large_is_refused_before_it_is_made(made):
    with pytest.raises(UserError, match="^too large$"), Bounded(10, "too large"):
        MADE[made]()


def test_many_small_parts_are_refused_together():
    with pytest.raises(UserError, match="^too many$"), Bounded(0, "too many"):
        build_model("mel_vit", depth=10**9)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_built_as_it_is_elsewhere_within_its_own_numbers(name):
    torch.manual_seed(0)
    expected = build_model(name).state_dict()
    torch.manual_seed(0)
    with Bounded(numbers_in(expected), "refused") as bound:
        found = build_model(name).state_dict()
    assert bound.made < 2 * numbers_in(expected)
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in found.items())


def test_numbers_are_counted_in_every_dict():
    state = {"a": torch.ones(2, 3), "b": {"c": torch.ones(4), "d": [1, "x"]}, "e": None}
    assert numbers_in(state) == 10
