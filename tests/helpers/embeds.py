"""A model of 8 samples whose last layer a loss may take the place of."""

from torch import nn

from antispoof.models.back_end import BackEnd


class Embeds(BackEnd):
    """An embedding of 8 samples, and a layer of two logits."""

    last_layer = "last"

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(8, 6), nn.Linear(6, 2)

    def forward(self, x, lengths):
        return self.last(self.first(x).tanh())
