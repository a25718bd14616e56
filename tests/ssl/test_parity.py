"""Parity: the same weights give the same hidden states everywhere, alone and in a padded batch."""

import pytest
import torch
import torch.nn.functional as F
from ssl_models import KINDS, hugging_face, sounds

from antispoof.errors import UserError
from antispoof.ssl import conventions, convert, load_local, save
from antispoof.ssl.conventions import frame_count, make_batch_exact, set_final_norm
from antispoof.ssl.cpu_convolutions import use_matrix_products
from antispoof.ssl.s3prl import find_upstream

PRE_NORM = ("wav2vec2_large", "hubert_large", "wavlm_large")
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """kind -> (the model in transformers, its s3prl upstream, fresh at each call)."""
    models = {}

    def make(kind):
        if kind not in models:
            folder = tmp_path_factory.mktemp(kind)
            model = hugging_face(kind, folder / "hf")
            save(convert(folder / "hf")[0], folder / "model.pt")
            models[kind] = model, folder / "model.pt"
        model, path = models[kind]
        return model, load_local(path)

    return make


def states(upstream, waves):
    with torch.no_grad():
        return upstream(waves)["hidden_states"]


def reference(model, waves, **options):
    with torch.no_grad():
        return model(waves, output_hidden_states=True, **options)


def worst(ours, theirs):
    assert len(ours) == len(theirs)
    assert all(a.shape == b.shape for a, b in zip(ours, theirs, strict=True))
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


def batch_error(upstream, waves):
    """The largest difference of a padded batch from its utterances one by one, all layers."""
    together, error = states(upstream, waves), 0.0
    for index, wave in enumerate(waves):
        count = frame_count(len(wave))
        alone = [state[0] for state in states(upstream, [wave])]
        error = max(error, worst([state[index, :count] for state in together], alone))
    return error


@pytest.mark.parametrize("samples", [400, 16001])
@pytest.mark.parametrize("kind", KINDS)
def test_every_hidden_state_is_that_of_transformers(made, kind, samples):
    model, upstream = made(kind)
    waves = sounds(samples)
    theirs = reference(model, torch.stack(waves))
    ours = states(upstream, waves)
    assert len(ours) == 4  # three layers: their inputs, and the output of the last
    assert worst(ours[:-1], theirs.hidden_states[:-1]) < TOLERANCE
    assert worst(ours[-1:], [theirs.last_hidden_state]) < TOLERANCE
    set_final_norm(upstream, "before")
    assert worst(states(upstream, waves), theirs.hidden_states) < TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_the_final_norm_is_what_stands_between_the_two_last_states(made, kind):
    _, upstream = made(kind)
    after = states(upstream, sounds(8000))[-1]
    set_final_norm(upstream, "after")
    assert torch.equal(states(upstream, sounds(8000))[-1], after)
    set_final_norm(upstream, "before")
    before = states(upstream, sounds(8000))[-1]
    assert conventions.has_final_norm(upstream) is (kind in PRE_NORM)
    if kind in PRE_NORM:
        assert (before - after).abs().max() > 0.1
        before = upstream.model.encoder.layer_norm(before)
    assert torch.allclose(before, after, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_waveform_is_normalised_by_itself(made, kind):
    _, upstream = made(kind)
    quiet = sounds(8000, 9000, amplitude=0.01)
    by_hand = [(w - w.mean()) / torch.sqrt(w.var(unbiased=False) + 1e-5) for w in quiet]
    raw, wanted = states(upstream, quiet), states(upstream, by_hand)
    conventions.set_waveform_norm(upstream, True)
    assert worst(states(upstream, quiet), wanted) < TOLERANCE
    conventions.set_waveform_norm(upstream, False)
    assert worst(states(upstream, quiet), raw) == 0


def test_transformers_adds_less_to_the_variance(made):
    """1e-7 against 1e-5: at amplitude 0.01 the waveforms differ by some 5 %."""
    import transformers

    wave = 0.01 * F.layer_norm(sounds(8000)[0], (8000,))
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    theirs = torch.as_tensor(extractor(wave.numpy(), sampling_rate=16000).input_values[0])
    ours = F.layer_norm(wave, wave.shape)
    assert float(theirs.std() / ours.std()) == pytest.approx((1 + 1e-5 / 1e-4) ** 0.5, rel=1e-3)


@pytest.mark.parametrize("lengths", [(8000, 4500, 6173, 7999), (401, 8000), (8000, 7840)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_padded_batch_equals_one_by_one(made, kind, lengths):
    _, upstream = made(kind)
    assert make_batch_exact(upstream)
    assert batch_error(upstream, sounds(*lengths)) < TOLERANCE
    conventions.set_waveform_norm(upstream, True)
    set_final_norm(upstream, "before")
    assert batch_error(upstream, sounds(*lengths)) < TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_exact_batches_change_nothing_for_one_utterance(made, kind):
    _, upstream = made(kind)
    before = [states(upstream, sounds(n)) for n in (400, 5000, 16000)]
    make_batch_exact(upstream)
    after = [states(upstream, sounds(n)) for n in (400, 5000, 16000)]
    assert all(worst(a, b) == 0 for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_what_s3prl_does_with_a_padded_batch_by_itself(made, kind):
    """Only wav2vec 2.0 with layer-norm convolutions is exact; the rest has a rule each."""
    _, upstream = made(kind)
    exact = kind == "wav2vec2_large"
    assert conventions.batch_exact(upstream) is exact
    assert (batch_error(upstream, sounds(8000, 4500)) < TOLERANCE) is exact
    assert batch_error(upstream, sounds(4500, 4500)) < TOLERANCE  # equal in samples: all
    equal_in_frames = batch_error(upstream, sounds(8079, 7760))
    assert frame_count(8079) == frame_count(7760)
    assert (equal_in_frames < TOLERANCE) is not kind.endswith("_base")


@pytest.mark.parametrize("kind", PRE_NORM)
def test_a_padded_batch_is_that_of_transformers_with_its_mask(made, kind):
    model, upstream = made(kind)
    make_batch_exact(upstream)
    set_final_norm(upstream, "before")
    waves = sounds(8000, 5000)
    padded = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    mask = torch.arange(8000) < torch.tensor([[8000], [5000]])
    theirs = reference(model, padded, attention_mask=mask.long()).hidden_states
    count = frame_count(5000)
    ours = [state[1, :count] for state in states(upstream, waves)]
    assert worst(ours, [state[1, :count] for state in theirs]) < TOLERANCE


def test_upstreams_of_other_families_are_left_alone():
    fbank = find_upstream("fbank")()
    assert not make_batch_exact(fbank)
    set_final_norm(fbank, "after")
    with pytest.raises(UserError, match="no final LayerNorm"):
        set_final_norm(fbank, "before")
    with pytest.raises(UserError, match="no such setting"):
        conventions.set_waveform_norm(fbank, True)
    with pytest.raises(UserError, match="'middle'"):
        set_final_norm(fbank, "middle")


@pytest.mark.parametrize("kind", KINDS)
def test_convolutions_as_matrix_products_are_the_same_convolutions(made, kind):
    _, upstream = made(kind)
    make_batch_exact(upstream)
    waves = [*sounds(33000), *sounds(400), *sounds(7001)]
    before = states(upstream, waves)
    assert use_matrix_products(upstream)
    after = states(upstream, waves)
    for index, wave in enumerate(waves):
        count = frame_count(len(wave))
        ours, theirs = ([layer[index, :count] for layer in found] for found in (after, before))
        assert worst(ours, theirs) < 1e-4
    assert max(float((a - b).abs().max()) for a, b in zip(after, before, strict=True)) > 0
    assert batch_error(upstream, waves) < TOLERANCE


def test_convolutions_of_an_unknown_form_are_left_alone(made):
    _, upstream = made("wav2vec2_large")
    upstream.model.feature_extractor.conv_layers[3][0] = torch.nn.Conv1d(16, 16, 3, 2, groups=2)
    forward = upstream.model.feature_extractor.forward
    assert not use_matrix_products(upstream)
    assert upstream.model.feature_extractor.forward == forward
