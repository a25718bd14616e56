"""LoRA, DoRA, experts, adapters and prompts in small models: what learns, what is unchanged."""

import own_upstreams
import pytest
import torch
from ssl_models import hugging_face, sounds
from torch import nn

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl import convert, fetch, save
from antispoof.ssl.finetuned import FrontEnd
from antispoof.ssl.matrices import MATRICES
from antispoof.ssl.tuning import merge_into
from antispoof.ssl.upstream import open_upstream

KINDS = ("wavlm_large", "wav2vec2_base", "hubert_large", "whisper")
ALL = list(MATRICES)
CASES = {
    "lora": {"matrices": ALL},
    "dora": {"matrices": ALL},
    "moe_lora": {"matrices": ALL, "experts": 3},
    "adapter": {"width": 8},
    "conv_adapter": {"width": 8},
    "prompts": {"dropout": 0.0},
}
EQUAL = {"rtol": 1e-4, "atol": 1e-5}
LENGTHS = (3200, 1700, 2403)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """kind -> the config of a small random upstream of its kind."""
    folder = tmp_path_factory.mktemp("tuning")
    configs = {"whisper": {**UPSTREAM, "name": "whisper_tiny_en"}}
    for kind in KINDS[:-1]:
        (folder / kind).mkdir()
        hugging_face(kind, folder / kind)
        save(convert(folder / kind)[0], folder / f"{kind}.pt")
        name = f"{kind.partition('_')[0]}_local"
        configs[kind] = {**UPSTREAM, "name": name, "checkpoint": str(folder / f"{kind}.pt")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "weights_in_package", own_upstreams.fetched(folder))
        yield configs


@pytest.fixture(params=KINDS)
def config(made, request):
    return made[request.param]


def front_end(config, method="full", learn="all", **conf):
    torch.manual_seed(5)
    upstream = open_upstream(config)[0]
    finetune = {**EXPERIMENT["finetune"], "layers": learn}
    finetune |= {"method": method, "method_conf": conf}
    return FrontEnd(upstream, config, [1, 2, 3], finetune)


def batch():
    return nn.utils.rnn.pad_sequence(sounds(*LENGTHS), batch_first=True), torch.tensor(LENGTHS)


def states_of(front):
    with torch.no_grad():
        return front.eval()(*batch())[0]


def near(found, expected):
    """Whether all numbers are equal to 1e-5 of the largest: a random Whisper's reach hundreds."""
    return (found - expected).abs().max() <= 1e-5 * expected.abs().max().clamp(min=1)


def learn(front, steps=2):
    """Some steps of a gradient, in training mode."""
    parameters = [p for p in front.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        front.train()(*batch())[0].square().mean().backward()
        optimizer.step()
    return front


@pytest.mark.parametrize("method", [m for m in CASES if m != "prompts"])
def test_before_a_step_the_output_is_the_frozen_models(config, method):
    frozen = states_of(front_end(config, learn="none"))
    assert near(states_of(front_end(config, method, **CASES[method])), frozen)


@pytest.mark.parametrize("method", CASES)
def test_it_learns_in_every_place_and_changes_the_output_of_its_layers(config, method):
    front = front_end(config, method, [1, 2], **CASES[method])
    upstream = {n: p.clone() for n, p in front.upstream.named_parameters()}
    first = {n: p.detach().clone() for n, p in front.tuned.named_parameters()}
    before = states_of(front)
    after = states_of(learn(front))
    unchanged = [n for n, p in front.tuned.named_parameters() if torch.equal(p, first[n])]
    assert unchanged == []
    assert all(torch.equal(p, upstream[n]) for n, p in front.upstream.named_parameters())
    assert torch.equal(after[:, 0], before[:, 0]), "the output of layer 0, which is not tuned"
    assert not torch.allclose(after[:, 1], before[:, 1], **EQUAL)
    assert not torch.allclose(after[:, 2], before[:, 2], **EQUAL)


@pytest.mark.parametrize("method", CASES)
def test_padding_and_neighbours_change_nothing(config, method):
    front = learn(front_end(config, method, **CASES[method]))
    together = states_of(front)
    for row, length in enumerate(LENGTHS):
        alone = front(sounds(*LENGTHS)[row][None], torch.tensor([length]))[0][0]
        assert near(together[row, :, : alone.shape[1]], alone)


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_merged_weights_alone_give_the_same(config, method):
    front = learn(front_end(config, method, matrices=ALL))
    expected = states_of(front)
    changed = merge_into(front.parts, front.tuned, front.finetune)
    assert len(changed) == 3 * (4 if config["name"] == "whisper_tiny_en" else 6)
    plain = front_end(config, learn="none")
    plain.upstream.load_state_dict(front.upstream.state_dict())
    assert near(states_of(plain), expected)


@pytest.mark.parametrize("method", ["moe_lora", "adapter", "conv_adapter", "prompts"])
def test_what_no_weights_equal_is_not_merged(made, method):
    front = front_end(made["wav2vec2_base"], method, **CASES[method])
    with pytest.raises(UserError, match=f"'finetune.method: {method}' cannot be merged"):
        merge_into(front.parts, front.tuned, front.finetune)


@pytest.mark.parametrize("method", CASES)
def test_a_state_holds_what_was_added_alone(config, method):
    front = learn(front_end(config, method, [0, 2], **CASES[method]))
    state = front.state_dict()
    tensors = {name for name, value in state.items() if isinstance(value, torch.Tensor)}
    buffers = {name for name, _ in front.named_buffers()}
    assert tensors - buffers == {f"tuned.{name}" for name, _ in front.tuned.named_parameters()}
    assert {name.split(".")[1] for name in tensors - buffers} == {"0", "2"}
    again = front_end(config, method, [0, 2], **CASES[method])
    again.load_state_dict(state)
    assert torch.equal(states_of(again), states_of(front))


@pytest.mark.parametrize("method", CASES)
def test_checkpointing_changes_no_gradient_of_what_is_added(made, method):
    found = []
    for checkpointing in (False, True):
        front = front_end(made["wavlm_large"], method, **CASES[method])
        front.finetune["checkpointing"] = checkpointing
        learn(front, 1)
        found.append({n: p.grad for n, p in front.tuned.named_parameters()})
    for name, gradient in found[0].items():
        torch.testing.assert_close(gradient, found[1][name], rtol=1e-4, atol=1e-8)


def test_the_penalty_is_the_mean_over_matrices_times_its_weight(made):
    front = front_end(made["wav2vec2_base"], "moe_lora", [1], orthogonality=0.25)
    one, other = front.tuned["1"].values()
    torch.testing.assert_close(front.penalty(), 0.25 * (one.penalty() + other.penalty()) / 2)
    assert front_end(made["wav2vec2_base"], "moe_lora").penalty() is None
    assert front_end(made["wav2vec2_base"], "lora").penalty() is None


def test_dropout_falls_in_training_alone(made):
    for method, conf in {"lora": {"dropout": 0.5}, "prompts": {"dropout": 0.5}}.items():
        front = learn(front_end(made["wavlm_large"], method, **conf)).train()
        assert not torch.equal(front(*batch())[0], front(*batch())[0])
        assert torch.equal(states_of(front), states_of(front))
        assert not any(module.training for module in front.upstream.modules())


def test_a_rank_above_that_of_the_matrix_is_refused(made):
    front_end(made["wav2vec2_base"], "lora", rank=32)
    with pytest.raises(UserError, match="'rank' is 33, wanted at most 32, the least side of matr"):
        front_end(made["wav2vec2_base"], "lora", rank=33)
