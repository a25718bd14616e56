"""Small random self-supervised models of every family, as each program that makes them saves them.

Two or three layers of width 32: parity is a property of the arithmetic, not of the size. Every
parameter is moved off its initial value, so that a mistaken name or a skipped norm shows.
"""

import json

import torch

torch.set_num_threads(1)  # several would spend their time waiting for each other on such sizes

CONV_WIDTH, WIDTH = 16, 32
_SHAPE = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": [CONV_WIDTH] * 7,
    "num_conv_pos_embedding_groups": 4,
    "vocab_size": 8,
}
_BASE = {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False}
_LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
# name: (class in transformers, config class, departures)
_KINDS = {
    "wav2vec2_base": ("Wav2Vec2Model", "Wav2Vec2Config", _BASE),
    "wav2vec2_large": ("Wav2Vec2Model", "Wav2Vec2Config", _LARGE),
    "hubert_base": ("HubertModel", "HubertConfig", _BASE),
    "hubert_large": ("HubertModel", "HubertConfig", _LARGE),
    "wavlm_base": ("WavLMModel", "WavLMConfig", _BASE),
    "wavlm_large": ("WavLMModel", "WavLMConfig", {**_LARGE, "conv_bias": False}),
    "data2vec": ("Data2VecAudioModel", "Data2VecAudioConfig", {"num_conv_pos_embeddings": 3}),
}
KINDS = tuple(_KINDS)
# names of s3prl that only a network can bring: (kind, layers of what stands in for it, true width)
DOWNLOADED = {
    "xls_r_300m": ("wav2vec2_large", 24, 1024),
    "xlsr_53": ("wav2vec2_large", 24, 1024),
    "wav2vec2_large_960": ("wav2vec2_base", 24, 1024),
    "wavlm_base_plus": ("wavlm_base", 12, 768),
    "wavlm_large": ("wavlm_large", 24, 1024),
    "hubert_base": ("hubert_base", 12, 768),
    "hubert_large_ll60k": ("hubert_large", 24, 1024),
    "data2vec_large_ll60k": ("data2vec", 24, 1024),
}


def jolt(model, seed=0):
    """`model` in eval mode, every parameter moved off its initial value, reproducibly."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def hugging_face(kind, folder, *, normalize=False, **departures):
    """A random model of `kind`, saved in `folder` as transformers does; returns the model."""
    import transformers

    model_class, config_class, style = _KINDS[kind]
    positions = {} if kind == "data2vec" else {"num_conv_pos_embeddings": 16}
    config = getattr(transformers, config_class)(**{**_SHAPE, **positions, **style, **departures})
    torch.manual_seed(1)
    model = jolt(getattr(transformers, model_class)(config))
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": normalize}))
    return model


def small_upstream(folder, path):
    """The config of an upstream; a random model of its family and depth stands in for a download.

    The models are kept in `folder`.
    """
    from antispoof.ssl import convert, save
    from antispoof.ssl.upstream import load_upstream_config

    config = load_upstream_config(path)
    if config["name"] not in DOWNLOADED:
        return config
    kind, layers, _ = DOWNLOADED[config["name"]]
    place = folder / f"{kind}_{layers}.pt"
    if not place.exists():
        made = folder / f"hf_{kind}_{layers}"
        made.mkdir()
        hugging_face(kind, made, num_hidden_layers=layers, hidden_size=64)  # 8 x 8 parts
        save(convert(made)[0], place)
    return {**config, "checkpoint": str(place)}


def fairseq_settings(**departures):
    """What a fairseq config says of a small pre-norm wav2vec 2.0 model like XLS-R, and more."""
    return {
        "_name": "wav2vec2",
        "extractor_mode": "layer_norm",
        "encoder_layers": 2,
        "encoder_embed_dim": WIDTH,
        "encoder_ffn_embed_dim": 48,
        "encoder_attention_heads": 4,
        "layer_norm_first": True,
        "conv_feature_layers": "[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16,2,2)] + [(16,2,2)]",
        "conv_bias": True,
        "quantize_targets": True,
        "final_dim": 24,
        "latent_vars": 5,
        "latent_groups": 2,
        "latent_temp": (2.0, 0.1, 0.999995),
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "a_setting_of_another_year": "unknown to s3prl",
        **departures,
    }


def fairseq_weights(settings, family="wav2vec2", symbols=()):
    """A random state dict under fairseq's names: s3prl's models are fairseq's own."""
    from antispoof.ssl.s3prl import find_upstream

    find_upstream(f"{family}_local")
    from s3prl.upstream.hubert import hubert_model
    from s3prl.upstream.utils import merge_with_parent
    from s3prl.upstream.wav2vec2 import wav2vec2_model

    torch.manual_seed(2)
    if family == "wav2vec2":
        config = merge_with_parent(wav2vec2_model.Wav2Vec2Config, settings)
        model = wav2vec2_model.Wav2Vec2Model(config)
    elif family == "hubert":
        config = merge_with_parent(hubert_model.HubertConfig, {**settings, "label_rate": 50.0})
        task = hubert_model.HubertPretrainingConfig()
        model = hubert_model.HubertModel(config, task, list(symbols))
    else:
        from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig

        model = WavLM(WavLMConfig(settings))
    return jolt(model).state_dict()


def sounds(*lengths, seed=3, amplitude=0.1):
    """Waveforms of `lengths` samples: noise with a tone, not centred, no two alike."""
    generator = torch.Generator().manual_seed(seed)
    return [
        amplitude
        * (
            torch.randn(n, generator=generator)
            + torch.sin(torch.arange(n) * (0.05 + 0.01 * i))
            + 0.2
        )
        for i, n in enumerate(lengths)
    ]
