"""States of tuned upstreams: what a state has to hold, and what begins where one starts from it."""

import pytest
import torch
from ssl_models import hugging_face, sounds
from torch import nn

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl import convert, save
from antispoof.ssl.finetuned import FrontEnd, starting
from antispoof.ssl.upstream import open_upstream

LENGTHS = (3200, 1700)
METHODS = {
    "lora": {},
    "dora": {"matrices": ["q", "fc1"]},
    "moe_lora": {"experts": 3},
    "adapter": {"width": 8},
    "conv_adapter": {"width": 8},
    "prompts": {},
}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """The config of a small random WavLM."""
    folder = tmp_path_factory.mktemp("states")
    (folder / "model").mkdir()
    hugging_face("wavlm_large", folder / "model")
    save(convert(folder / "model")[0], folder / "model.pt")
    return {**UPSTREAM, "name": "wavlm_local", "checkpoint": str(folder / "model.pt")}


def front_end(upstream, method="full", learn=(0, 2), **conf):
    finetune = {**EXPERIMENT["finetune"], "layers": learn if learn == "all" else list(learn)}
    finetune |= {"method": method, "method_conf": conf}
    return FrontEnd(open_upstream(upstream)[0], upstream, [1, 2, 3], finetune)


def states_of(front):
    waves = nn.utils.rnn.pad_sequence(sounds(*LENGTHS), batch_first=True)
    with torch.no_grad():
        return front.eval()(waves, torch.tensor(LENGTHS))[0]


def moved(front):
    with torch.no_grad():
        for parameter in front.parameters():
            parameter.mul_(1 + 0.5 * parameter.requires_grad)
    return front


@pytest.mark.parametrize("method", METHODS)
def test_a_state_without_a_part_that_was_tuned_is_refused(upstream, method):
    state = front_end(upstream, method, **METHODS[method]).state_dict()
    own = sorted(name for name in state if name.startswith("tuned."))
    for gone in ({own[0]}, {own[-1]}, set(own)):
        less = {name: value for name, value in state.items() if name not in gone}
        again = front_end(upstream, method, **METHODS[method])
        with pytest.raises(RuntimeError, match=f"Missing key.*{min(gone)}"):
            again.load_state_dict(less)
        with starting(again), pytest.raises(RuntimeError, match=f"Missing key.*{min(gone)}"):
            again.load_state_dict(less)
    with pytest.raises(RuntimeError, match="Missing key.*tuned.1"):
        front_end(upstream, method, (0, 1, 2), **METHODS[method]).load_state_dict(state)


OTHERS = {
    "method": ("dora", {"rank": 4}),
    "method_conf": ("lora", {"rank": 4, "alpha": 32}),
}


@pytest.mark.parametrize("key", OTHERS)
def test_a_state_that_was_tuned_otherwise_is_refused(upstream, key):
    state = front_end(upstream, "lora", rank=4).state_dict()
    method, conf = OTHERS[key]
    other = front_end(upstream, method, **conf)
    for name, value in other.state_dict().items():
        state.setdefault(name, value)
    with pytest.raises(UserError, match=rf"tuned otherwise \(finetune.{key}: .*, now "):
        other.load_state_dict(state)
    with pytest.raises(UserError, match="tuned otherwise .*now 'full'"):
        front_end(upstream).set_extra_state(state["_extra_state"])


def test_what_acts_in_training_alone_may_differ_and_an_earlier_version_said_neither(upstream):
    state = front_end(upstream, "lora", rank=4).state_dict()
    front_end(upstream, "lora", rank=4, dropout=0.5).load_state_dict(state)
    for key in ("method", "method_conf"):
        del state["_extra_state"][key]
    front_end(upstream, "lora", rank=4).load_state_dict(state)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "prompts"])
def test_a_method_begins_at_the_model_that_was_loaded(upstream, method):
    learnt = moved(front_end(upstream, learn="all"))
    assert not torch.allclose(states_of(learnt), states_of(front_end(upstream)), atol=0.1)
    front = front_end(upstream, method, **METHODS[method])
    with pytest.raises(RuntimeError, match="Missing key"):
        front.load_state_dict(learnt.state_dict())
    with starting(front):
        front.load_state_dict(learnt.state_dict())
    torch.testing.assert_close(states_of(front), states_of(learnt), rtol=1e-4, atol=1e-5)


def test_magnitudes_that_learnt_are_taken_as_they_are(upstream):
    learnt = moved(front_end(upstream, "dora"))
    again = front_end(upstream, "dora")
    with starting(again):
        again.load_state_dict(learnt.state_dict())
    for (name, one), (_, two) in zip(
        learnt.tuned.named_parameters(), again.tuned.named_parameters(), strict=True
    ):
        assert torch.equal(one, two), name
