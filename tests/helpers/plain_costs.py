"""Small models whose cost is counted by hand, and the config of one."""

import torch

from antispoof.config import EXPERIMENT
from antispoof.models.back_end import BackEnd


class Small(BackEnd):
    """A convolution over (B, S), its mean, and two layers, of which the first does not learn."""

    def __init__(self, width=3):
        super().__init__()
        self.filters = torch.nn.Conv1d(1, width, 5, stride=2, bias=False)
        self.parts = torch.nn.ModuleList([torch.nn.Linear(width, 4), torch.nn.Linear(4, 2)])
        self.bias = torch.nn.Parameter(torch.zeros(2))
        self.parts[0].requires_grad_(False)

    def forward(self, x, lengths):
        x = self.filters(x[:, None]).mean(2)
        weight = torch.ones(2, 2)  # a product of the model's own
        return self.parts[1](self.parts[0](x)) @ weight + self.bias


class Reader(BackEnd):
    """Reads cached layers (B, L, T, D) of one width, which it says."""

    shaped_by = ("layers", "dim")

    def __init__(self, layers=2, dim=6):
        super().__init__()
        self.head = torch.nn.Linear(dim, 2)

    def forward(self, x, lengths):
        return self.head(x.mean((1, 2)))


class Fixed(BackEnd):
    """A head for one count of frames, unless it adapts."""

    def __init__(self, frames=201, pooling="fixed"):
        super().__init__()

    @classmethod
    def takes_one_length(cls, conf):
        return conf.get("pooling", "fixed") == "fixed"


SAMPLES = 48  # 3 ms: (48 - 5) // 2 + 1 = 22 steps of the convolution


def config(**departures):
    crop = {**EXPERIMENT["crop"], "seconds": SAMPLES / 16000}
    return {**EXPERIMENT, "feats": "wave", "model": "small", "crop": crop, "seed": 0, **departures}


SMALL_MODELS = {"small": Small, "reader": Reader, "fixed": Fixed}
