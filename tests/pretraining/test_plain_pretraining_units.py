"""The config, the model and the targets of a pre-training, each against its plain form."""

import math

import numpy as np
import pytest
import sklearn.cluster
import soundfile
import torch
import torchaudio
import yaml

from antispoof.data.tables import write_table
from antispoof.errors import UserError
from antispoof.pretraining.hubert import build_hubert, in_s3prl_form, predict, settings_of
from antispoof.pretraining.kmeans_units import bonafide_waves, find_units, mfcc
from antispoof.pretraining.pretrain import PRETRAINING, load_pretraining

BOUNDS = {
    "clusters": ([2], [1]),
    "held_out": ([2], [1, 0]),
    "layers": ([1], [0]),
    "epochs": ([1], [0]),
    "batch_size": ([1], [0]),
    "heads": ([1, 8], [5, 7]),
    "conv_pos_groups": ([16, 64], [9, 5]),
    "min_seconds": ([0.41], [0.4]),  # twenty frames are 400 + 19 x 320 samples, 0.405 s
    "crop_seconds": ([0.41], [0.4]),
    "mask_length": ([12], [13]),  # 0.5 s are 24 frames
}


@pytest.mark.parametrize("key", BOUNDS)
def test_every_bound_of_a_pre_training_from_both_sides(tmp_path, key):
    path = tmp_path / "p.yaml"
    good, bad = BOUNDS[key]
    path.write_text(yaml.safe_dump({}))
    for value in good:
        assert load_pretraining(path, 5, [f"{key}={value}"])[key] == value
    for value in bad:
        with pytest.raises(UserError):
            load_pretraining(path, 5, [f"{key}={value}"])
    assert load_pretraining(path, "5") == {**PRETRAINING, "seed": 5}


CONFIG = {**PRETRAINING, "seed": 5, "clusters": 4, "min_seconds": 0.1, "kmeans_frames": 11}
SIZES = {"layers": 1, "dim": 32, "ffn_dim": 48, "heads": 2, "conv_channels": 8, "final_dim": 16}


def test_the_settings_of_s3prls_model_are_the_configs():
    config = {**CONFIG, **SIZES, "dropout": 0.25, "mask_prob": 0.5, "mask_length": 7}
    task, model = settings_of(config)
    assert task == {"label_rate": 50.0, "sample_rate": 16000, "normalize": False}
    shapes = [(8, 10, 5), *[(8, 3, 2)] * 4, (8, 2, 2), (8, 2, 2)]  # Baevski et al. 2020
    assert model == {
        "label_rate": 50.0, "conv_feature_layers": str(shapes), "encoder_layers": 1,
        "encoder_embed_dim": 32, "encoder_ffn_embed_dim": 48, "encoder_attention_heads": 2,
        "attention_dropout": 0.0, "conv_pos": 64, "conv_pos_groups": 16, "final_dim": 16,
        "dropout": 0.25, "mask_prob": 0.5, "mask_length": 7,
    }  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return build_hubert({**CONFIG, **SIZES})


def test_a_hubert_is_drawn_from_its_seed_with_centred_clusters(model):
    torch.manual_seed(1)
    again = build_hubert({**CONFIG, **SIZES})
    other = build_hubert({**CONFIG, **SIZES, "seed": 6})
    name = "feature_extractor.conv_layers.0.0.weight"
    first, same, differs = (m.state_dict()[name] for m in (model, again, other))
    assert torch.equal(first, same)
    assert not torch.equal(first, differs)
    clusters = model.label_embs_concat.detach()
    assert clusters.shape == (4, 16)
    assert 20 < int((clusters < 0).sum()) < 44  # of 64 from a normal distribution
    assert 0.7 < float(clusters.std()) < 1.3
    assert len(model.encoder.layers) == 1


def test_the_form_of_s3prl_holds_half_of_every_number(model):
    found = in_s3prl_form(model, {**CONFIG, **SIZES})
    assert list(found) == ["task_cfg", "model_cfg", "model_weight", "dictionaries_symbols"]
    assert (found["task_cfg"], found["model_cfg"]) == settings_of({**CONFIG, **SIZES})
    assert found["dictionaries_symbols"] == [["0", "1", "2", "3"]]
    state = model.state_dict()
    assert list(found["model_weight"]) == list(state)
    for name, value in found["model_weight"].items():
        assert value.dtype == torch.float16
        assert torch.equal(value, state[name].half())
        assert not value.requires_grad


def test_a_prediction_is_a_softmax_over_cosines_of_a_tenth(model):
    """Hsu et al. 2021, equation 3: exp(cos(A o, e_c) / 0.1) over the sum of all clusters."""
    model.eval()
    model.encoder.train(False)
    generator = torch.Generator().manual_seed(2)
    waves = 0.1 * torch.randn(2, 4000, generator=generator)
    wanted = torch.randint(0, 4, (2, 12), generator=generator)
    seen = []
    original = model.final_proj.register_forward_hook(lambda *args: seen.append(args[2]))
    np.random.seed(3)
    try:
        losses, right, hidden, energy = predict(model, waves, wanted)
    finally:
        original.remove()
    clusters, frames = model.label_embs_concat.tolist(), seen[0].tolist()
    for row in range(2):
        for frame in range(12):
            found = frames[row][frame]
            cosines = [
                sum(a * b for a, b in zip(found, other, strict=True))
                / math.hypot(*found) / math.hypot(*other)
                for other in clusters
            ]  # fmt: skip
            powers = [math.exp(cosine / 0.1) for cosine in cosines]
            expected = -math.log(powers[wanted[row, frame]] / sum(powers))
            assert losses[row, frame].item() == pytest.approx(expected, rel=1e-3, abs=1e-4)
            best = cosines.index(max(cosines)) == wanted[row, frame]
            assert bool(right[row, frame]) == bool(best)
    assert 0 < int(hidden.sum()) < 24
    features = model.feature_extractor(waves)
    assert energy.item() == pytest.approx(float((features**2).mean()), rel=1e-5)


def test_what_is_hidden_is_not_seen(model):
    """Where all frames are hidden, other sounds give the same prediction."""
    model.eval()
    everything = torch.ones(1, 12, dtype=torch.bool)
    original = model.apply_mask
    try:
        model.apply_mask = lambda x, *_: (x * 0 + model.mask_emb, everything)
        found = [predict(model, torch.randn(1, 4000), torch.zeros(1, 12).long()) for _ in range(2)]
    finally:
        model.apply_mask = original
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][2] is everything


def plain_deltas(rows):
    """Regression over two frames to each side; the first and last are repeated beyond the ends."""
    count, found = len(rows), np.zeros_like(rows)
    for t in range(count):
        for n in (1, 2):
            ahead, behind = rows[min(t + n, count - 1)], rows[max(t - n, 0)]
            found[t] += n * (ahead - behind) / (2 * (1**2 + 2**2))
    return found


def test_targets_rest_on_mfccs_and_two_orders_of_deltas_of_every_second_frame():
    wave = np.random.default_rng(1).normal(size=4000).astype(np.float32)
    static = torchaudio.compliance.kaldi.mfcc(
        torch.from_numpy(wave)[None], sample_frequency=16000.0, num_ceps=13,
        frame_length=25.0, frame_shift=10.0, dither=0.0,
    ).numpy()  # fmt: skip
    assert static.shape == (1 + (4000 - 400) // 160, 13)
    whole = [static, plain_deltas(static), plain_deltas(plain_deltas(static))]
    expected = np.concatenate(whole, 1)[::2]
    np.testing.assert_allclose(mfcc(wave), expected, rtol=1e-3, atol=1e-3)


def test_only_bona_fide_sounds_are_learnt_from(tmp_path):
    write_table(tmp_path / "wav.scp", {"a": "a.wav", "b": "b.wav", "c": "c.wav"})
    write_table(tmp_path / "utt2label", {"a": "bonafide", "b": "spoof", "c": "bonafide"})
    assert bonafide_waves(tmp_path) == {"a": "a.wav", "c": "c.wav"}
    write_table(tmp_path / "utt2label", {"a": "bonafide", "b": "spoof"})
    with pytest.raises(UserError, match="'c' is missing"):
        bonafide_waves(tmp_path)


@pytest.fixture
def wavs(tmp_path):
    """Four sounds, of which the second is one sample too short."""
    found = {}
    for number, samples in enumerate((1600, 1599, 4000, 2500)):
        path = tmp_path / f"{number}.wav"
        wave = np.random.default_rng(number).normal(size=samples).astype(np.float32)
        soundfile.write(path, wave * 0.1, 16000, subtype="FLOAT")
        found[f"utt{number}"] = str(path)
    return found


def test_a_unit_is_the_nearest_centroid_of_the_frames_own(wavs, tmp_path):
    found = find_units(wavs, CONFIG, tmp_path / "units.pt")
    kept = torch.load(tmp_path / "units.pt", weights_only=True)
    assert list(found) == kept["kept"] == ["utt0", "utt2", "utt3"]
    assert kept["utterances"] == list(wavs)
    assert kept["centroids"].shape == (4, 39)
    for utt, unit in found.items():
        frames = mfcc(soundfile.read(wavs[utt], dtype="float32")[0])
        gaps = [
            [float(((row - c) ** 2).sum()) for c in kept["centroids"].numpy()] for row in frames
        ]
        assert unit.dtype == torch.int16
        assert unit.tolist() == [row.index(min(row)) for row in gaps]
    again = find_units(wavs, {**CONFIG, "clusters": 3}, tmp_path / "units.pt")
    assert all(torch.equal(again[utt], found[utt]) for utt in found), "what is kept is returned"


def test_clusters_are_learnt_from_frames_that_the_seed_draws(wavs, tmp_path, monkeypatch):
    calls = []

    class Means:
        cluster_centers_ = np.zeros((4, 39))

        def __init__(self, *args, **options):
            calls.append((args, options))

        def fit(self, frames):
            calls.append(frames)
            return self

        def predict(self, frames):
            return np.arange(len(frames))

    monkeypatch.setattr(sklearn.cluster, "MiniBatchKMeans", Means)
    found = find_units(wavs, CONFIG, tmp_path / "units.pt")
    assert calls[0] == ((4,), {"random_state": 5, "batch_size": 10000, "n_init": 5})
    sounds = [soundfile.read(wavs[f"utt{n}"], dtype="float32")[0] for n in (0, 2, 3)]
    frames = np.concatenate([mfcc(wave) for wave in sounds])
    drawn = np.random.default_rng(5).permutation(len(frames))[:11]
    assert calls[1].tolist() == frames[drawn].tolist()
    ends = np.cumsum([len(units) for units in found.values()])
    assert [units.tolist() for units in found.values()] == [
        part.tolist() for part in np.split(np.arange(len(frames)), ends[:-1])
    ]


def test_as_many_frames_as_clusters_are_enough(wavs, tmp_path):
    one = {"utt0": wavs["utt0"]}  # four frames: (1,600 - 400) // 320 + 1
    assert len(find_units(one, CONFIG, tmp_path / "four.pt")["utt0"]) == 4
    with pytest.raises(UserError, match="found 4 frames in 1 utterances of 0.1 s or more"):
        find_units(one, {**CONFIG, "clusters": 5}, tmp_path / "five.pt")
    with pytest.raises(UserError, match="four.pt: is of other utterances"):
        find_units(wavs, CONFIG, tmp_path / "four.pt")


def test_defaults_of_a_pre_training():
    """Hsu et al. 2021 hide spans of 10 frames that begin so often that 80 % would be hidden."""
    wanted = {"mask_prob": 0.8, "mask_length": 10, "heard_weight": 0.5, "features_penalty": 10.0}
    wanted |= {"clusters": 100, "dropout": 0.1, "weight_decay": 0.01, "grad_clip": 1.0}
    assert {key: PRETRAINING[key] for key in wanted} == wanted
