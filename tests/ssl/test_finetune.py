"""An SSL model in the training loop: what is frozen stays, what learns is what was named."""

import pytest
import torch
from ssl_models import hugging_face, sounds
from torch import nn

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.models.mhfa import MHFA
from antispoof.ssl import convert, save
from antispoof.ssl.conventions import frame_count
from antispoof.ssl.finetuned import FineTuned, FrontEnd
from antispoof.ssl.upstream import FrozenUpstream, open_upstream

LAYERS = [0, 1, 2, 3]  # every hidden state of a model of three layers
SAMPLES = (8000, 5000, 6403)
KINDS = ("wavlm_large", "wav2vec2_base")  # pre-norm and post-norm, with a position bias or none


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """kind -> the config of a random upstream of its kind, with dropout of 0.1."""
    configs = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        hugging_face(kind, folder, hidden_dropout=0.1, attention_dropout=0.1)
        save(convert(folder)[0], folder / "model.pt")
        name = f"{kind.partition('_')[0]}_local"
        configs[kind] = {**UPSTREAM, "name": name, "checkpoint": str(folder / "model.pt")}
    return configs


@pytest.fixture(params=KINDS)
def config(made, request):
    return {**made[request.param], "layers": "all"}


def front_end(config, learn="none", read=LAYERS, **finetune):
    finetune = {**EXPERIMENT["finetune"], "layers": learn, **finetune}
    return FrontEnd(open_upstream(config)[0], config, read, finetune)


def batch(waves, beyond=0.0):
    """Stacked waveforms, the number `beyond` behind each, and their lengths."""
    x = nn.utils.rnn.pad_sequence(waves, batch_first=True, padding_value=beyond)
    return x, torch.tensor([len(wave) for wave in waves])


def gradients(front, seed=0):
    """{name: gradient} of one step in training mode."""
    torch.manual_seed(seed)
    front.train()
    front.zero_grad(set_to_none=True)
    states, _ = front(*batch(sounds(*SAMPLES)))
    if states.requires_grad:
        states.square().mean().backward()
    return {n: p.grad for n, p in front.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("frames", ["fairseq", "s3prl"])
@pytest.mark.parametrize("final_norm", ["before", "after"])
def test_it_gives_what_extraction_gives(config, frames, final_norm):
    config = {**config, "frames": frames, "final_norm": final_norm}
    waves = sounds(*SAMPLES)
    cached = FrozenUpstream(config)([wave.numpy() for wave in waves], "abc")
    with torch.no_grad():
        states, counts = front_end(config, "all").eval()(*batch(waves, beyond=3.0))
    assert states.shape[1] == len(LAYERS)
    assert counts.tolist() == [frame_count(len(wave), frames) for wave in waves]
    for item, count in enumerate(counts):
        for layer in LAYERS:
            torch.testing.assert_close(
                states[item, layer, :count], torch.from_numpy(cached[item][layer])
            )
        assert not states[item, :, count:].any()


@pytest.mark.parametrize("frames", ["fairseq", "s3prl"])
def test_padding_and_neighbours_change_no_logits(config, frames):
    config = {**config, "frames": frames}
    torch.manual_seed(0)
    system = FineTuned(front_end(config, "all"), MHFA(4, 32, heads=4)).eval()
    waves = sounds(*SAMPLES)
    with torch.inference_mode():
        alone = torch.cat([system(*batch([wave])) for wave in waves])
        for beyond in (0.0, 3.0):
            together = system(*batch(waves, beyond))
            torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert alone.shape == (3, 2)


def test_frozen_means_frozen(config):
    system = FineTuned(front_end(config), MHFA(4, 32, heads=4)).train()
    assert not any(module.training for module in system.front_end.upstream.modules())
    once, _ = system.front_end(*batch(sounds(*SAMPLES)))
    again, _ = system.front_end(*batch(sounds(*SAMPLES)))
    assert once.numpy().tobytes() == again.numpy().tobytes()
    assert not once.requires_grad
    learning = front_end(config, "all")
    once, again = (learning(*batch(sounds(*SAMPLES)))[0] for _ in range(2))
    assert not torch.equal(once, again), "the dropout that the frozen one is to be without"


def test_one_pass_gives_all_layers(config):
    front, calls = front_end(config, "all"), []
    front.upstream.model.feature_extractor.register_forward_hook(lambda *_: calls.append(1))
    front(*batch(sounds(*SAMPLES)))
    assert calls == [1]


@pytest.mark.parametrize("layers", [[1, 2], [1], [0]])
def test_the_named_layers_learn_and_nothing_else(config, layers):
    front = front_end(config, layers)
    learnt = gradients(front)
    assert {name.split(".")[4] for name in learnt} == {str(layer) for layer in layers}
    assert all(".encoder.layers." in name for name in learnt)
    assert set(learnt) == {n for n, p in front.named_parameters() if p.requires_grad}
    hidden = front.upstream(sounds(*SAMPLES))["hidden_states"]
    assert [state.requires_grad for state in hidden] == [above > layers[0] for above in LAYERS]
    modes = [layer.training for layer in front.upstream.model.encoder.layers]
    assert modes == [index in layers for index in range(3)]
    assert not front.upstream.model.encoder.training


def test_all_is_all_that_the_layers_rest_on(config):
    assert gradients(front_end(config)) == {}
    front = front_end(config, "all")
    unused = {n for n, _ in front.named_parameters()} - set(gradients(front))
    heads = ("mask_emb", "project_q", "final_proj")  # of pre-training
    assert all(name.split(".")[2] in heads for name in unused), unused
    assert unused == {n for n, p in front.named_parameters() if not p.requires_grad}
    lower = front_end(config, "all", [0, 2])
    assert lower.trained == [0, 1]
    assert set(gradients(lower)) == {n for n, p in lower.named_parameters() if p.requires_grad}


def test_layers_that_nothing_reads_are_not_run(config):
    whole, lower = front_end(config).eval(), front_end(config, read=[2, 1]).eval()
    top = lower.upstream.model.encoder.layers[2].fc1
    top.register_forward_hook(lambda *_: pytest.fail("it ran"))
    expected, _ = whole(*batch(sounds(*SAMPLES)))
    states, _ = lower(*batch(sounds(*SAMPLES)))
    torch.testing.assert_close(states, expected[:, [2, 1]], rtol=0, atol=0)


@pytest.mark.parametrize("scale", [0.1, 0.0])
def test_feature_grad_mult_scales_the_convolutions(config, scale):
    whole = gradients(front_end(config, "all"))
    scaled = gradients(front_end(config, "all", feature_grad_mult=scale))
    convolutions = {name for name in whole if ".feature_extractor." in name}
    assert convolutions
    assert set(scaled) == (set(whole) if scale else set(whole) - convolutions)
    for name, gradient in scaled.items():
        expected = whole[name] * (scale if name in convolutions else 1)
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("layers", ["all", [1, 2]])
def test_checkpointing_changes_no_gradient(config, layers):
    fronts = [front_end(config, layers, layer_drop=0.3, checkpointing=on) for on in (False, True)]
    calls = [0, 0]
    for number, front in enumerate(fronts):
        for layer in front.upstream.model.encoder.layers:

            def count(*_, number=number):
                calls[number] += 1

            layer.fc1.register_forward_hook(count)
    for seed in range(3):  # dropout, and another layer left out each time
        stored, computed = (gradients(front, seed) for front in fronts)
        assert set(stored) == set(computed)
        for name, gradient in stored.items():
            torch.testing.assert_close(gradient, computed[name], rtol=1e-5, atol=1e-9)
    assert calls[1] > calls[0]


def test_layer_drop_keeps_the_list(config):
    front = front_end({**config, "final_norm": "before"}, [1, 2], layer_drop=0.5)
    waves, dropped = sounds(*SAMPLES), torch.zeros(3)
    torch.manual_seed(0)
    for _ in range(100):
        hidden = front.upstream(waves[1:2])["hidden_states"]
        assert len(hidden) == len(LAYERS)
        dropped += torch.tensor([float(torch.equal(*hidden[i : i + 2])) for i in range(3)])
    assert dropped[0] == 0, "it is frozen"
    assert 30 < min(dropped[1:]) <= max(dropped[1:]) < 70
    front.eval()
    once, again = (front(*batch(waves))[0] for _ in range(2))
    assert torch.equal(once, again)
    assert not any(torch.equal(once[:, i], once[:, i + 1]) for i in range(3))


def test_a_first_layer_left_out_still_gives_the_position_bias(made):
    config = {**made["wavlm_large"], "layers": "all"}
    front = front_end(config, [0], layer_drop=0.999999)
    given = []
    front.upstream.model.encoder.layers[1].register_forward_pre_hook(
        lambda _, args, options: given.append(options["pos_bias"]), with_kwargs=True
    )
    hidden = front.upstream(sounds(8000))["hidden_states"]
    assert torch.equal(hidden[0], hidden[1])
    assert given[0] is not None


def count(module):
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def test_the_share_that_learns_of_a_small_model(made):
    config = {**made["wav2vec2_base"], "layers": "all"}
    width, inner = 32, 48
    layer = 4 * (width * width + width) + 2 * width * inner + inner + width + 2 * 2 * width
    assert [count(front_end(config, learn)) for learn in ("none", [1], [0, 2])] == [
        0,
        layer,
        2 * layer,
    ]
    convolutions = 16 * 10 + 2 * 16 + 4 * 16 * 16 * 3 + 2 * 16 * 16 * 2  # the first with a norm
    between = 2 * 16 + 16 * width + width + 2 * width  # norm, projection, the encoder's norm
    positions = 16 + width * width // 4 * 16 + width  # weight norm: gains, directions; bias
    assert count(front_end(config, "all")) == 3 * layer + convolutions + between + positions


def test_layers_that_there_are_not_or_that_could_not_learn(config):
    with pytest.raises(UserError, match="has layers 0 to 3, wanted \\[4\\]"):
        front_end(config, read=[4])
    with pytest.raises(UserError, match="finetune.layers: 2 cannot learn: .* up to 2, the output"):
        front_end(config, [1, 2], read=[2])
