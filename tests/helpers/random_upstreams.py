"""Random checkpoints of each family in s3prl's hub, in the form that s3prl reads.

s3prl's own classes make them, as small as their config allows. Where a class has one size, the
file is `thin`.
"""

import dataclasses
import functools
from types import SimpleNamespace

import torch
from ssl_models import jolt
from upstream_parts import empty, part, thin

CONV = "[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16, 2, 2)] * 2"
AUDIO = {"feat_type": "fbank", "feat_dim": 20}
MEL = {"input": {"feat_type": "mel", "channel": 0, "log": True, "delta": 2, "cmvn": True}}
PASST = "passt-s-f128-p16-s10-ap.476-swa.pt"
VGGISH = ("vggish-10086976.pth", "vggish_pca_params-970ea276.pth")


def apc(vq=None):
    paras = {"hidden_size": 16, "num_layers": 3, "dropout": 0.1, "residual": True, "vq": vq}
    model = jolt(part("apc.apc").APC(20, **paras)).state_dict()
    return {"config": {"data": {"audio": dict(AUDIO)}, "model": {"paras": paras}}, "model": model}


def npc():
    paras = {
        **{"hidden_size": 16, "n_blocks": 2, "dropout": 0.1, "residual": True},
        **{"kernel_size": 15, "mask_size": 5},
    }
    model = jolt(part("npc.npc").NPC(20, **paras)).state_dict()
    return {"config": {"data": {"audio": dict(AUDIO)}, "model": {"paras": paras}}, "model": model}


def mockingjay(share=False):
    settings = {
        **{"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2},
        **{"hidden_act": "gelu", "intermediate_size": 32, "hidden_dropout_prob": 0.1},
        **{"attention_probs_dropout_prob": 0.1, "initializer_range": 0.02},
        **{"layer_norm_eps": 1e-12, "share_layer": share, "pre_layer_norm": False},
    }
    audio = {"win_ms": 25, "hop_ms": 10, "n_freq": 201, "n_mels": 20, "n_mfcc": 13, **MEL}
    code = part("mockingjay.model")
    model = jolt(code.TransformerModel(code.TransformerConfig(settings), 60))
    config = {
        **{"transformer": settings, "task": {"sequence_length": 1500}},
        "audio": {**audio, "target_level": -25},
    }
    return {"Config": {}, "Upstream_Config": config, "Transformer": model.state_dict()}


def distiller():
    settings = {
        **{"extractor_conv_feature_layers": CONV, "conv_pos": 8, "conv_pos_groups": 2},
        **{"encoder_layers": 2, "encoder_embed_dim": 16, "encoder_ffn_embed_dim": 32},
        **{"encoder_attention_heads": 2, "final_dim": 16, "n_tasks": 3},
        **{"pred_layer_id": [4, 8, 12], "task_emb_type": "expand-last"},
    }
    code = part("distiller.model")
    model = jolt(code.DistillerModel(code.DistillerConfig(settings)))
    return {"Config": {"distiller": settings}, "Distiller": model.state_dict()}


def cpc():
    config = {"hiddenEncoder": 16, "hiddenGar": 16}
    settings = part("cpc.cpc_default_config").get_default_cpc_config()
    vars(settings).update(config)
    loader = part("cpc.feature_loader")
    model = part("cpc.model").CPCModel(loader.getEncoder(settings), loader.getAR(settings))
    return {"config": config, "weights": jolt(model).state_dict()}


def wav2vec(vq="none"):
    settings = {
        **{"infonce": True, "prediction_steps": 2, "skip_connections_agg": True},
        **{"conv_feature_layers": "[(16, 10, 5), (16, 8, 4), (16, 4, 2), (16, 4, 2), (16, 4, 2)]"},
        **{"conv_aggregator_layers": "[(16, 3, 1)] * 3", "vq_type": vq, "vq_vars": 4},
        **{"vq_groups": 2, "vq_temp": (2.0, 0.5, 0.9)},
    }
    code = part("wav2vec.wav2vec_model")
    model = jolt(code.Wav2VecModel(code.Wav2VecConfig(**settings)))
    return {
        "task_cfg": {"normalize": False},
        "model_cfg": settings,
        "model_weight": model.state_dict(),
    }


def multires_hubert():
    settings = {
        **{"label_rate": 50.0, "label_rate_ratios": [1, 2], "encoder_layers": 1},
        **{"encoder_embed_dim": 16, "encoder_ffn_embed_dim": 32, "encoder_attention_heads": 2},
        **{"conv_feature_layers": CONV, "conv_pos": 8, "conv_pos_groups": 2, "final_dim": 8},
    }
    task = {"label_rate": 50.0, "label_rate_ratios": [1, 2], "normalize": False}
    code, symbols = part("multires_hubert.hubert_model"), [["a", "b"], ["a", "b"]]
    model = code.MultiresHubertModel(
        code.MultiresHubertConfig(**settings),
        code.MultiresHubertPretrainingConfig(**task),
        symbols,
    )
    weights = {"model_weight": jolt(model).state_dict(), "dictionaries_symbols": symbols}
    return {"task_cfg": task, "model_cfg": settings, **weights}


def lighthubert():
    code = part("lighthubert.lighthubert")
    settings = {"_name": "hubert_pruner", "pruner_supernet": "small.yaml", "supernet_type": "small"}
    settings |= {"encoder_embed_dim": 512, "encoder_ffn_embed_dim": 2048}
    settings |= {"encoder_attention_heads": 8, "conv_feature_layers": CONV}
    model = code.LightHuBERT(code.LightHuBERTConfig(settings)).state_dict()
    return {"cfg": {"model": settings}, "model": thin(model)}


def mae_ast(patch=2):
    code, tasks = part("mae_ast.mae_ast"), part("mae_ast.load_model")
    chan = 128 if patch == 2 else patch
    settings = _defaults(code.MAE_AST_Config) | {
        **{"encoder_layers": 2, "encoder_embed_dim": 16, "encoder_ffn_embed_dim": 32},
        **{"encoder_attention_heads": 2, "decoder_embed_dim": 16, "decoder_layers": 1},
        **{"ast_kernel_size_chan": chan, "ast_kernel_size_time": patch},
        **{"ast_kernel_stride_chan": chan, "ast_kernel_stride_time": patch},
        **{"enc_sine_pos": True, "dec_sine_pos": True, "max_token_length": 2000},
    }
    task = {"feature_dim": 128, "feature_rate": 100, "feature_type": "fbank"}
    task = _defaults(tasks.MAE_AST_Pretraining_Config) | task
    model = jolt(code.MAE_AST(SimpleNamespace(**settings), SimpleNamespace(**task)))
    return {"cfg": {"model": settings, "task": task}, "model": model.state_dict()}


def _defaults(config):
    found = {field.name: field.default for field in dataclasses.fields(config)}
    return {n: v for n, v in found.items() if v is None or type(v) in (int, float, bool, str)}


def passt():
    code = part("passt.hear21passt.models.passt")
    settings = {"n_classes": 527, "fstride": 10, "tstride": 10, "in_channels": 1}
    return thin(code.get_model("passt_s_swa_p16_128_ap476", False, **settings).state_dict())


def ssast(shape=(128, 2)):
    """Frames of 128 x 2, patches of 16 x 16: in pre-training they do not overlap."""
    sizes = dict(zip(("fshape", "tshape", "fstride", "tstride"), shape * 2, strict=True))
    model = part("ssast.ast_models").ASTModel(**sizes, model_size="base", pretrain_stage=True)
    return {f"module.{name}": tensor for name, tensor in thin(model.state_dict()).items()}


def ast():
    model = part("ast.ast_models").ASTModel(imagenet_pretrain=False, verbose=False)
    return {f"module.{name}": tensor for name, tensor in thin(model.state_dict()).items()}


def byol_a():
    model = empty(lambda: part("byol_a.byol_a").AudioNTT2020(d=512))
    return {f"module.{name}": tensor for name, tensor in thin(model).items()}


def byol_s_cvt():
    settings = {f"s{n}_{k}": v for n in (1, 2, 3) for k, v in (("depth", 1), ("mlp_mult", 4))}
    settings |= {"s1_emb_dim": 64, "s2_emb_dim": 256, "s3_emb_dim": 512, "pool": "mean+max"}
    return thin(part("byol_s.byol_a.models.cvt").CvT(**settings).state_dict())


def byol_s_resnetish34():
    return thin(part("byol_s.byol_a.models.resnetish").resnetish34().state_dict())


def byol_s():
    return thin(
        empty(lambda: part("byol_s.byol_a.models.audio_ntt").AudioNTT2020(n_mels=64, d=2048))
    )


def vggish(folder):
    code = part("vggish.vggish")
    state = empty(lambda: code.VGG(code.make_layers()))
    torch.save(thin(state), folder / VGGISH[0])
    generator = torch.Generator().manual_seed(0)
    pca = {
        "pca_eigen_vectors": torch.randn(128, 128, generator=generator).numpy(),
        "pca_means": torch.randn(128, generator=generator).numpy(),
    }
    torch.save(pca, folder / VGGISH[1])
    return folder


def decoar():
    return {"model": thin(empty(part("decoar.decoar").Decoar))}


def decoar2():
    return {"model": thin(empty(part("decoar2.decoar2").Decoar2))}


MAKERS = {
    "apc": apc,
    "vq_apc": functools.partial(
        apc, {"codebook_size": [4], "code_dim": [16], "gumbel_temperature": 0.5}
    ),
    "npc": npc,
    "mockingjay": mockingjay,
    "tera": mockingjay,
    "audio_albert": functools.partial(mockingjay, share=True),
    "distiller": distiller,
    "cpc": cpc,
    "wav2vec": wav2vec,
    "vq_wav2vec": functools.partial(wav2vec, "kmeans"),
    "multires_hubert": multires_hubert,
    "lighthubert": lighthubert,
    "mae_ast": mae_ast,
    "passt": passt,
    "ssast": ssast,
    "ast": ast,
    "byol_a": byol_a,
    "byol_s": byol_s,
    "decoar": decoar,
    "decoar_layers": decoar,
    "decoar2": decoar2,
}
# name: its checkpoint, where a family has more than one kind
VARIANTS = {
    "byol_s_cvt": byol_s_cvt,
    "byol_s_resnetish34": byol_s_resnetish34,
    "mae_ast_local": functools.partial(mae_ast, 16),
    "vq_wav2vec_gumbel": functools.partial(wav2vec, "gumbel"),
    "ssast_patch_base": functools.partial(ssast, (16, 16)),
}
