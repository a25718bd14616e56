"""The share of a published model that learns, counted on s3prl's own class without its numbers."""

import warnings

import torch

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.models import build_model
from antispoof.ssl import local
from antispoof.ssl.finetuned import FineTuned, FrontEnd
from antispoof.ssl.s3prl import find_upstream


def learning(module):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def test_the_share_that_learns_of_wavlm_large(monkeypatch):
    find_upstream("wavlm_local")
    from s3prl.upstream.wavlm import WavLM

    monkeypatch.setattr(WavLM, "init_bert_params", lambda module: None)  # they hold no numbers
    convolutions = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2"
    settings = {"extractor_mode": "layer_norm", "encoder_layers": 24, "encoder_embed_dim": 1024}
    settings |= {"encoder_ffn_embed_dim": 4096, "encoder_attention_heads": 16, "normalize": True}
    settings |= {"layer_norm_first": True, "gru_rel_pos": True, "num_buckets": 320}
    settings |= {"relative_position_embedding": True, "conv_feature_layers": convolutions}
    shares = [("none", 0), (range(12, 24), 151161120), (range(1, 24), 23 * 12596760)]
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")  # PyTorch's, of the weight norm that s3prl uses
        weights = WavLM.WavLM(WavLM.WavLMConfig(settings)).state_dict()
        for learn, expected in shares:
            upstream = local.build({"cfg": settings, "model": weights}, "nowhere")
            finetune = {**EXPERIMENT["finetune"], "layers": learn}
            front = FrontEnd(upstream, UPSTREAM, [24], finetune)
            assert learning(front) == expected
            with torch.device("cpu"):
                system = FineTuned(front, build_model("wavlm_aasist"))
            assert learning(system) == expected + 1144121
            assert sum(p.numel() for p in system.parameters()) == 316597241
