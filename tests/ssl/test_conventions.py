"""The three published conventions of layer, norm and frames, against the programs they are of."""

import pytest
import torch
from ssl_models import fairseq_settings, fairseq_weights, hugging_face, sounds

from antispoof.ssl import convert, load_local, save
from antispoof.ssl.conventions import frame_count, match_frames, set_final_norm, set_waveform_norm

SAMPLES = 64600  # four seconds and a bit: what these systems cut every utterance to
LAYERS = 3


@pytest.fixture(scope="module")
def xls_r(tmp_path_factory):
    """A function that makes the upstream of a small model like XLS-R, fresh at each call."""
    folder = tmp_path_factory.mktemp("xls_r")
    settings = fairseq_settings(encoder_layers=LAYERS)
    cfg = {"model": settings, "task": {"normalize": True}}
    torch.save({"cfg": cfg, "model": fairseq_weights(settings)}, folder / "xlsr2.pt")
    save(convert(folder / "xlsr2.pt")[0], folder / "model.pt")
    return lambda: load_local(folder / "model.pt")


def states(upstream, wave):
    with torch.no_grad():
        return [state[0] for state in upstream([wave])["hidden_states"]]


def fairseq_call(upstream, wave):
    """What `model(source, mask=False, features_only=True)` returns in fairseq's code."""
    with torch.no_grad():
        return upstream.model(wave[None], mask=False, features_only=True)


def test_sls_takes_all_layers_before_the_final_norm_of_a_raw_waveform(xls_r):
    upstream, wave = xls_r(), sounds(SAMPLES)[0]
    wanted = [result[0][:, 0] for result in fairseq_call(upstream, wave)["layer_results"]]
    set_waveform_norm(upstream, False)
    set_final_norm(upstream, "before")
    got = states(upstream, wave)[1:]
    assert len(got) == len(wanted) == LAYERS
    assert all(state.shape == (201, 32) for state in got)
    assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))


def test_ssl_anti_spoofing_takes_the_output_after_the_final_norm_of_a_raw_waveform(xls_r):
    upstream, wave = xls_r(), sounds(SAMPLES)[0]
    wanted = fairseq_call(upstream, wave)["x"][0]
    set_waveform_norm(upstream, False)
    set_final_norm(upstream, "after")
    got = states(upstream, wave)[-1]
    assert got.shape == (201, 32)
    assert torch.equal(got, wanted)
    set_final_norm(upstream, "before")
    assert not torch.allclose(states(upstream, wave)[-1], wanted, atol=0.1)


def test_spaarsist_takes_the_last_layer_before_the_norm_of_a_normalised_waveform(tmp_path):
    from torchaudio.models.wav2vec2.utils import import_huggingface_model
    from torchaudio.pipelines._wav2vec2.utils import _extend_model

    model = hugging_face("wav2vec2_large", tmp_path / "hf", normalize=True)
    pipeline = _extend_model(import_huggingface_model(model).eval(), normalize_waveform=True)
    wave = sounds(SAMPLES)[0]
    with torch.no_grad():
        features, _ = pipeline.extract_features(wave[None])
        pair, _ = pipeline.extract_features(torch.stack([wave, 10 * wave]))
    save(convert(tmp_path / "hf")[0], tmp_path / "model.pt")
    upstream = load_local(tmp_path / "model.pt")
    set_waveform_norm(upstream, True)
    set_final_norm(upstream, "before")
    got = states(upstream, wave)[-1]
    assert got.shape == (201, 32)
    assert torch.allclose(got, features[-1][0], atol=1e-4)
    # in a batch the pipeline normalises all utterances together, and the quiet one is another
    assert not torch.allclose(got, pair[-1][0], atol=0.1)


@pytest.mark.parametrize("samples", [399, 400, 719, 720, 16000, 64000, SAMPLES, 64640])
def test_frame_counts(xls_r, samples):
    """fairseq's: what the upstream gives; s3prl's: one for every 320 samples begun."""
    assert frame_count(samples) == max(0, (samples - 400) // 320 + 1)
    assert frame_count(samples, "s3prl") == len(range(0, samples, 320))
    if samples >= 400:
        assert len(states(xls_r(), sounds(samples)[0])[-1]) == frame_count(samples)


def test_the_published_numbers_of_frames():
    assert (frame_count(SAMPLES), frame_count(SAMPLES, "s3prl")) == (201, 202)


@pytest.mark.parametrize("samples", [16000, SAMPLES])
def test_s3prls_own_frames_are_the_last_one_repeated(tmp_path, samples):
    from antispoof.ssl.s3prl import find_upstream

    find_upstream("wav2vec2_local")
    from s3prl.nn.upstream import S3PRLUpstream

    hugging_face("wav2vec2_large", tmp_path / "hf")
    save(convert(tmp_path / "hf")[0], tmp_path / "model.pt")
    wrapped = S3PRLUpstream("wav2vec2_local", path_or_url=str(tmp_path / "model.pt")).eval()
    wave = sounds(samples)[0]
    with torch.no_grad():
        wanted, lengths = wrapped(wave[None], torch.tensor([samples]))
    count = frame_count(samples, "s3prl")
    assert int(lengths[-1]) == count
    for theirs, ours in zip(wanted, states(load_local(tmp_path / "model.pt"), wave), strict=True):
        assert torch.equal(theirs[0], match_frames(ours, count))
