"""AntiDeepfake files, made up small: their front end and linear layer, and what they learnt on."""

import re

import pytest
import torch
import yaml
from made_up import ROOT, worker
from safetensors.torch import save_file
from ssl_models import fairseq_settings, fairseq_weights, sounds

from antispoof.errors import UserError
from antispoof.evaluation.contamination import note_training, warning_of
from antispoof.scoring import antideepfake
from antispoof.scoring.build import build_system
from antispoof.scoring.published import import_published
from antispoof.torch_utils.checkpoint import load_weights
from antispoof.training.experiment import read_experiment

DIM = 768  # heads are known by the published widths alone
LARGE = {"encoder_embed_dim": DIM, "encoder_attention_heads": 12, "encoder_layers": 1}
SMALL = {"extractor_mode": "default", "layer_norm_first": False, "conv_bias": False}
LISTED = (ROOT / "tools/trained_on_antideepfake.txt").read_text()
KINDS = {
    "large": ("wav2vec2", {}),
    "small": ("wav2vec2", SMALL),
    "hubert": ("hubert", {"_name": "hubert", "conv_bias": False}),
}


def made_up(kind):
    """(settings, weights under fairseq's names, the published state)."""
    family, more = KINDS[kind]
    settings = fairseq_settings(**LARGE, **more)
    weights = fairseq_weights(settings, family, [["a", "b"]] if family == "hubert" else ())
    torch.manual_seed(1)
    state = {f"m_ssl.model.{name}": tensor for name, tensor in weights.items()}
    state |= {"proj_fc.weight": torch.randn(2, DIM), "proj_fc.bias": torch.randn(2)}
    return settings, weights, state


def last_layer(kind, settings, weights, wave):
    """What fairseq gives for a wave that is normalised."""
    from s3prl.upstream.hubert.hubert_model import HubertConfig, HubertModel
    from s3prl.upstream.utils import merge_with_parent
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    wave = (wave - wave.mean()) / (wave.var(correction=0) + 1e-5).sqrt()
    with torch.no_grad():
        if kind != "hubert":
            model = Wav2Vec2Model(merge_with_parent(Wav2Vec2Config, settings)).eval()
            model.load_state_dict(weights)
            return model(wave[None], mask=False, features_only=True)["x"][0]
        from s3prl.upstream.hubert.hubert_model import HubertPretrainingConfig

        task = HubertPretrainingConfig()
        model = HubertModel(
            merge_with_parent(HubertConfig, {**settings, "label_rate": 50.0}), task, [None]
        ).eval()
        model.load_state_dict(weights, strict=False)
        return model(wave[None], mask=False, features_only=True)["x"][0]


@pytest.mark.parametrize("kind", KINDS)
def test_an_imported_model_gives_the_mean_and_linear_layer_of_its_own_front_end(kind, tmp_path):
    settings, weights, state = made_up(kind)
    if kind == "large":
        save_file(state, tmp_path / "in.safetensors")
        source = tmp_path / "in.safetensors"
    else:
        source = tmp_path / "in.ckpt"
        torch.save(state, source)
    config, model = import_published(source, "", tmp_path / "exp")
    assert (config["model"], config["layers"]) == ("linear", [1])
    assert config["crop"]["test"] == "full"
    assert config["upstream_conf"]["waveform_norm"] is True
    wave = sounds(9000)[0]
    with torch.no_grad():
        found = model.eval()(wave[None], torch.tensor([9000]))[0]
    states = last_layer(kind, settings, weights, wave)
    wanted = state["proj_fc.weight"] @ states.mean(0) + state["proj_fc.bias"]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_worker_writes_an_experiment_that_is_built_again_and_what_it_was_trained_on(tmp_path):
    _, _, state = made_up("large")
    torch.save(state, tmp_path / "in.ckpt")
    said = worker("tools/import_checkpoint.py", tmp_path / "in.ckpt", tmp_path / "exp", cwd=ROOT)[1]
    assert "model: linear" in said
    config = read_experiment(tmp_path / "exp")
    model = build_system(config)
    load_weights(model, tmp_path / "exp/best.pt", torch.device("cpu"))
    assert torch.equal(model.back_end.output.weight, state["proj_fc.weight"])
    assert (tmp_path / "exp/trained_on").read_text() == LISTED
    assert "ASVspoof 2021, deepfake: all\n" in LISTED


def test_what_is_no_such_file_is_refused_in_one_line(tmp_path):
    _, _, state = made_up("large")
    torch.save(state, tmp_path / "in.ckpt")
    with pytest.raises(UserError, match="--upstream: .* brings its own front end"):
        import_published(tmp_path / "in.ckpt", "xls_r_300m", tmp_path / "exp")
    for name, message in (
        ("m_ssl.model.encoder.layers.0.fc2.bias", "its weights are not those of .*fc2.bias"),
        ("m_ssl.model.encoder.pos_conv.0.weight_g", "its front end lacks .*weight_g"),
        ("m_ssl.model.layer_norm.weight", "its front end lacks 'layer_norm.weight'"),
    ):
        torch.save({n: t for n, t in state.items() if n != name}, tmp_path / "less.ckpt")
        with pytest.raises(UserError, match=message):
            import_published(tmp_path / "less.ckpt", "", tmp_path / "exp")
    torch.save({**state, "more": torch.zeros(1)}, tmp_path / "more.ckpt")
    with pytest.raises(UserError, match="as weights of AntiDeepfake, found more"):
        import_published(tmp_path / "more.ckpt", "", tmp_path / "exp")
    for end, shape in (("weight", (3, DIM)), ("weight", (2, DIM + 1)), ("bias", (1,))):
        torch.save({**state, f"proj_fc.{end}": torch.zeros(shape)}, tmp_path / "other.ckpt")
        found = re.escape(f"proj_fc.{end}: found the shape {shape}, wanted (2")
        with pytest.raises(UserError, match=found):
            import_published(tmp_path / "other.ckpt", "", tmp_path / "exp")
    assert not (tmp_path / "exp").exists()
    narrow = fairseq_weights(fairseq_settings())
    with pytest.raises(UserError, match="is 32 wide, wanted one of 768, 1024, 1280, 1920"):
        antideepfake.settings_of("wav2vec2", narrow, "x")


def data_dir(folder, corpus, name):
    (folder / name).mkdir(parents=True)
    (folder / name / "PROVENANCE").write_text(f"corpus: {corpus}\nversion: 1\n")
    return folder / name


def test_a_set_that_a_model_was_trained_on_is_named_and_another_is_not(tmp_path):
    exp = tmp_path / "exp"
    exp.mkdir()
    seen = data_dir(tmp_path / "a", "ASVspoof 2019, logical access", "eval")
    assert warning_of(exp, seen) == ""  # of a model of ours
    note_training(exp, "antideepfake")
    assert re.search("was trained on ASVspoof 2019, .* set 'eval'", warning_of(exp, seen))
    for corpus, name in (("ASVspoof 2019, logical access", "dev"), ("In-the-Wild", "eval")):
        assert warning_of(exp, data_dir(tmp_path / corpus / name, corpus, name)) == ""
    assert warning_of(exp, data_dir(tmp_path / "b", "DECRO", "eval_zh"))
    derived = data_dir(tmp_path / "c", "PartialSpoof, whole utterances", "eval")
    assert "was trained on speech of PartialSpoof, whole utterances, set 'eval' (made of ASV" in (
        warning_of(exp, derived)
    )
    for corpus in ("ASVspoofLD", "LibriSeVoc", "SONAR", "DFADD"):
        assert warning_of(exp, data_dir(tmp_path / "d" / corpus, corpus, "eval"))
    (tmp_path / "bare").mkdir()
    assert warning_of(exp, tmp_path / "bare") == ""


def test_the_corpora_of_the_list_are_named_as_their_recipes_name_them():
    known = {yaml.safe_load(p.read_text())["name"] for p in ROOT.glob("egs/*/corpus.yaml")}
    known |= {name.partition(",")[0] for name in known}
    named = {line.partition("; ")[0].rpartition(": ")[0] for line in LISTED.splitlines()}
    assert named - known == {"HABLA"}  # of which there is no recipe
