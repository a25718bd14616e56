"""A front end that learns: what it holds, what a state dict keeps, and what it is refused for."""

import math
import zlib

import pytest
import torch
from ssl_models import hugging_face, sounds
from torch import nn

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.models.back_end import BackEnd
from antispoof.ssl import convert, finetuned, save
from antispoof.ssl.finetuned import FineTuned, FrontEnd
from antispoof.ssl.upstream import open_upstream

SAMPLES = (4000, 6403, 2511)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """kind -> the config of a random upstream of three layers."""
    configs = {}
    for kind in ("wavlm_large", "hubert_base"):
        folder = tmp_path_factory.mktemp(kind)
        hugging_face(kind, folder)
        save(convert(folder)[0], folder / "model.pt")
        name = f"{kind.partition('_')[0]}_local"
        configs[kind] = {**UPSTREAM, "name": name, "checkpoint": str(folder / "model.pt")}
    return configs


def front_end(config, learn="none", read=(1, 3), **finetune):
    finetune = {**EXPERIMENT["finetune"], "layers": learn, **finetune}
    return FrontEnd(open_upstream(config)[0], config, read, finetune)


def batch():
    waves = sounds(*SAMPLES)
    x = nn.utils.rnn.pad_sequence(waves, batch_first=True, padding_value=2.0)
    return x, torch.tensor(SAMPLES)


@pytest.mark.parametrize("frames", ["fairseq", "s3prl"])
def test_layers_stand_in_the_order_of_the_list_each_with_its_own_frames(made, frames):
    config = {**made["wavlm_large"], "frames": frames}
    front = front_end(config, read=[3, 0, 2]).eval()
    states, counts = front(*batch())
    wanted = [1 + (n - 400) // 320 if frames == "fairseq" else math.ceil(n / 320) for n in SAMPLES]
    assert counts.tolist() == wanted
    assert states.shape == (3, 3, max(wanted), 32)
    assert counts.dtype == torch.long
    upstream = open_upstream(config)[0]
    for item, wave in enumerate(sounds(*SAMPLES)):
        with torch.no_grad():
            alone = upstream([wave])["hidden_states"]
        for place, layer in enumerate([3, 0, 2]):
            rows = [alone[layer][0][min(t, 1 + (len(wave) - 400) // 320 - 1)]
                    for t in range(wanted[item])]  # fmt: skip
            found = states[item, place]
            torch.testing.assert_close(found[: wanted[item]], torch.stack(rows))
            assert not found[wanted[item] :].any()


def test_a_back_end_gets_states_and_frames_and_the_waveform_where_it_asks(made):
    class Reads(BackEnd):
        def forward(self, *given):
            return given

    class Hears(Reads):
        reads = "both"

    front, (x, lengths) = front_end(made["wavlm_large"]), batch()
    states, frames = front(x, lengths)
    for back_end, more in ((Reads(), ()), (Hears(), (x, lengths))):
        given = FineTuned(front, back_end)(x, lengths)
        assert len(given) == 2 + len(more)
        assert all(torch.equal(a, b) for a, b in zip(given, (states, frames, *more), strict=True))


def test_gradients_are_kept_only_where_something_learns_and_they_are_wanted(made):
    for learn, wanted in (("none", False), ([0], True), ("all", True)):
        front = front_end(made["wavlm_large"], learn)
        assert front(*batch())[0].requires_grad is wanted
        with torch.no_grad():
            assert not front(*batch())[0].requires_grad
        assert front.training is True
        assert front.eval().training is False
        assert not any(module.training for module in front.upstream.modules())


def test_the_checksum_is_of_names_and_numbers_in_the_order_of_names():
    module = nn.ModuleDict({"b": nn.Linear(2, 3), "a": nn.Linear(3, 1)})
    number = 0
    for name in ("a.bias", "a.weight", "b.bias", "b.weight"):
        values = module.get_parameter(name).detach().numpy().tobytes()
        number = zlib.crc32(values, zlib.crc32(name.encode(), number))
    assert finetuned.checksum_of(module) == number
    with torch.no_grad():
        module["b"].weight[2, 1] += 1e-6
    assert finetuned.checksum_of(module) != number
    assert finetuned.checksum_of(module.to("meta")) == 0


@pytest.mark.parametrize("kind", ["wavlm_large", "hubert_base"])
@pytest.mark.parametrize("learn", ["none", [1], [0, 2], "all"])
def test_a_state_dict_holds_what_learns_and_how_it_is_read(made, kind, learn):
    front = front_end({**made[kind], "frames": "s3prl"}, learn)
    state = front.state_dict(prefix="x.")
    extra = state.pop("x._extra_state")
    learning = {f"x.{name}" for name, p in front.named_parameters() if p.requires_grad}
    buffers = {f"x.{name}" for name, _ in front.named_buffers()}
    assert set(state) - buffers == learning
    wanted = {"checksum": finetuned.checksum_of(front.upstream), "layers": [1, 3]}
    wanted |= {"name": made[kind]["name"], "waveform_norm": "as_trained"}
    assert extra == {**wanted, "final_norm": "after", "frames": "s3prl"}


def test_a_state_is_taken_back_and_what_it_changed_stays_in_the_next_one(made):
    config = made["wavlm_large"]
    first = front_end(config, [1])
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(parameter.requires_grad * 0.05)
    state = first.state_dict()
    second = front_end(config, [2])
    second.load_state_dict(state)
    for (name, a), (_, b) in zip(first.named_parameters(), second.named_parameters(), strict=True):
        assert torch.equal(a, b), name
    kept = second.state_dict()
    assert {n.split(".")[4] for n in kept if ".layers." in n} == {"1", "2"}
    torch.testing.assert_close(first.eval()(*batch())[0], second.eval()(*batch())[0])


OTHERS = {
    "checksum": 7,
    "layers": [3, 1],
    "name": "hubert_local",
    "waveform_norm": True,
    "final_norm": "before",
    "frames": "s3prl",
}


@pytest.mark.parametrize("key", OTHERS)
def test_a_state_of_another_front_end_is_refused_by_what_differs(made, key):
    front = front_end(made["wavlm_large"])
    state = front.get_extra_state()
    front.set_extra_state(state)
    with pytest.raises(UserError, match=rf"trained with another one \({key}: .*, now "):
        front.set_extra_state({**state, key: OTHERS[key]})


LEARNS = [  # final norm, layers read, whether the encoder's norm learns with `all`: pre-, post-norm
    ("after", [3], (True, True)),
    ("before", [3], (False, True)),
    ("after", [2], (False, True)),
    ("after", [1, 3], (True, True)),
]


@pytest.mark.parametrize(("norm", "read", "learns"), LEARNS)
def test_the_encoders_norm_learns_where_what_is_read_rests_on_it(made, norm, read, learns):
    for kind, wanted in zip(("wavlm_large", "hubert_base"), learns, strict=True):
        front = front_end({**made[kind], "final_norm": norm}, "all", read)
        modules = front.upstream.model
        assert modules.encoder.layer_norm.weight.requires_grad is wanted
        assert front.trained == list(range(max(read)))
        for module in (modules.layer_norm, modules.encoder.pos_conv, modules.post_extract_proj):
            assert all(parameter.requires_grad for parameter in module.parameters())
        assert not modules.mask_emb.requires_grad


@pytest.mark.parametrize(("mult", "learn", "found"), [
    (0.5, "all", 0.5), (0.0, "all", 0.0), (0.5, [1], 0.0), (0.5, "none", 0.0),
])  # fmt: skip
def test_the_convolutions_learn_only_with_all_and_a_factor(made, mult, learn, found):
    front = front_end(made["wavlm_large"], learn, feature_grad_mult=mult)
    model = front.upstream.model
    assert model.feature_grad_mult == found
    assert all(p.requires_grad is bool(found) for p in model.feature_extractor.parameters())
    assert model.feature_extractor.training is bool(found)
    assert model.encoder.training is (learn == "all")
    assert model.dropout_input.training is (learn == "all")


def test_layers_are_left_out_in_training_alone_and_only_where_they_learn(made):
    front = front_end(made["hubert_base"], [1], read=[0, 1, 2, 3], layer_drop=1.0)
    hidden = front(*batch())[0]
    assert [torch.equal(hidden[:, n], hidden[:, n + 1]) for n in range(3)] == [False, True, False]
    hidden = front.eval()(*batch())[0]
    assert not any(torch.equal(hidden[:, n], hidden[:, n + 1]) for n in range(3))
