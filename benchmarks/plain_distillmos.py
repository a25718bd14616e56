"""Distill-MOS by its package's own code: hidden states of one utterance, for `extract.py`."""

import torch
from torch import nn

from antispoof.errors import UserError


class Package:
    """The package's network: `package(wave (S,)) -> [(T, 200)] * 8`, the waveform unpadded."""

    def __init__(self, device):
        try:
            from distillmos.sqa import ConvTransformerSQAModel
        except ImportError as error:
            raise UserError(
                f"distillmos: found no package {error.name}, wanted what Distill-MOS needs; run "
                "pip install --no-deps -r benchmarks/requirements_distillmos.txt"
            ) from None
        model = ConvTransformerSQAModel(load_weights=True).eval().to(device)
        self.convolutions, self.head, self.states = model.cnn, model.transformer_pool_attn, []
        transformer = self.head.transformer
        transformer.position_encoding = _CutTable(transformer.position_encoding.pe)
        layers = transformer.transformer_encoder.layers
        layers[0].register_forward_pre_hook(lambda _, given: self.states.append(given[0]))
        for layer in layers:
            layer.register_forward_hook(lambda _, __, found: self.states.append(found))

    def __call__(self, wave):
        self.states = []
        x = self.convolutions(wave[None] / (wave.abs().max() + 1e-8))
        self.head(x.permute(0, 2, 1))
        return [state[0] for state in self.states]


class _CutTable(nn.Module):
    """The positional table cut to T frames, where the package pads to 384."""

    def __init__(self, table):
        super().__init__()
        self.table = table

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.table[:, : x.shape[1]]
