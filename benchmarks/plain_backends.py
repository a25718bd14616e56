"""Plain transcriptions of published formulas: what `backends.py` is measured against.

Every product of two nodes is written out as (B, N, N, D), images stay as they come (B, C, F, T),
and whatever the published networks compute is computed, used or not. The modules bear the names of
those in `antispoof/models/`, so that one state dict fits both.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from antispoof.features.sinc import sinc_filters


class PlainGraphAttention(nn.Module):
    """Nodes (B, N, in) -> (B, N, out)."""

    def __init__(self, dim, out, temperature, dropout=0.2):
        super().__init__()
        self.pair = nn.Linear(dim, out)
        self.score = nn.Parameter(torch.randn(out, 1))
        self.attended, self.own = nn.Linear(dim, out), nn.Linear(dim, out)
        self.norm = nn.BatchNorm1d(out)
        self.dropout, self.temperature = nn.Dropout(dropout), temperature

    def forward(self, x):
        x = self.dropout(x)
        count = x.shape[1]
        one = x.unsqueeze(2).expand(-1, -1, count, -1)
        pairs = torch.tanh(self.pair(one * one.transpose(1, 2)))  # (B, N, N, out)
        weights = (torch.matmul(pairs, self.score) / self.temperature).softmax(-2).squeeze(-1)
        x = self.attended(torch.matmul(weights, x)) + self.own(x)
        return F.selu(self.norm(x.reshape(-1, x.shape[-1])).view(x.shape))


class PlainStackingAttention(nn.Module):
    """Nodes (B, N, in), (B, M, in) and the stack node (B, 1, in) -> the same, of `out`."""

    def __init__(self, dim, out, temperature, dropout=0.2):
        super().__init__()
        self.type1, self.type2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.pair, self.pair_master = nn.Linear(dim, out), nn.Linear(dim, out)
        self.score11, self.score22, self.score12, self.score_master = (
            nn.Parameter(torch.randn(out, 1)) for _ in range(4)
        )
        self.attended, self.own = nn.Linear(dim, out), nn.Linear(dim, out)
        self.attended_master, self.own_master = nn.Linear(dim, out), nn.Linear(dim, out)
        self.norm = nn.BatchNorm1d(out)
        self.dropout, self.temperature = nn.Dropout(dropout), temperature

    def forward(self, x1, x2, master):
        first = x1.shape[1]
        x = self.dropout(torch.cat([self.type1(x1), self.type2(x2)], 1))
        count = x.shape[1]
        one = x.unsqueeze(2).expand(-1, -1, count, -1)
        pairs = torch.tanh(self.pair(one * one.transpose(1, 2)))
        board = torch.zeros_like(pairs[..., 0]).unsqueeze(-1)
        board[:, :first, :first] = torch.matmul(pairs[:, :first, :first], self.score11)
        board[:, first:, first:] = torch.matmul(pairs[:, first:, first:], self.score22)
        board[:, :first, first:] = torch.matmul(pairs[:, :first, first:], self.score12)
        board[:, first:, :first] = torch.matmul(pairs[:, first:, :first], self.score12)
        weights = (board / self.temperature).softmax(-2).squeeze(-1)
        pairs = torch.tanh(self.pair_master(x * master))
        stack = (torch.matmul(pairs, self.score_master) / self.temperature).softmax(-2)
        master = self.attended_master(torch.matmul(stack.transpose(1, 2), x)) + self.own_master(
            master
        )
        x = self.attended(torch.matmul(weights, x)) + self.own(x)
        x = F.selu(self.norm(x.reshape(-1, x.shape[-1])).view(x.shape))
        return x[:, :first], x[:, first:], master


class PlainPool(nn.Module):
    """The int(N ratio) nodes of the highest sigmoid(linear(node)), times it."""

    def __init__(self, dim, ratio, dropout=0.3):
        super().__init__()
        self.scorer, self.dropout, self.ratio = nn.Linear(dim, 1), nn.Dropout(dropout), ratio

    def forward(self, x):
        scores = torch.sigmoid(self.scorer(self.dropout(x)))
        index = scores.topk(max(int(x.shape[1] * self.ratio), 1), dim=1)[1]
        return (x * scores).gather(1, index.expand(-1, -1, x.shape[2]))


class PlainResidual(nn.Module):
    """Image (B, C, F, T) -> (B, C', F, T)."""

    def __init__(self, before, after, first):
        super().__init__()
        self.unused = None if first else nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, (2, 3), padding=(1, 1))
        self.norm = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, (2, 3), padding=(0, 1))
        self.shortcut = (
            nn.Conv2d(before, after, (1, 3), padding=(0, 1)) if before != after else None
        )

    def forward(self, x):
        if self.unused is not None:
            F.selu(self.unused(x))  # the published code computes this, and does not use it
        out = self.conv2(F.selu(self.norm(self.conv1(x))))
        return out + (x if self.shortcut is None else self.shortcut(x))


class PlainSslAasist(nn.Module):
    """(B, 1, T, D) -> logits (B, 2): SSL_Anti-spoofing's AASIST on cached features."""

    def __init__(self, dim=1024, ratio=0.5):
        super().__init__()
        self.project = nn.Linear(dim, 128)
        self.norm_in, self.norm_out = nn.BatchNorm2d(1), nn.BatchNorm2d(64)
        widths = [(1, 32), (32, 32), (32, 64), (64, 64), (64, 64), (64, 64)]
        self.encoder = nn.Sequential(
            *(PlainResidual(a, b, n == 0) for n, (a, b) in enumerate(widths))
        )
        layers = {"wide": nn.Conv2d(64, 128, 1), "selu": nn.SELU(), "norm": nn.BatchNorm2d(128)}
        self.attention = nn.Sequential(OrderedDict(layers, narrow=nn.Conv2d(128, 64, 1)))
        self.graph = PlainGraph(42, 64, 32, [ratio] * 3)
        self.out = nn.Linear(160, 2)

    def forward(self, x, lengths=None):
        x = self.project(x[:, 0]).transpose(1, 2).unsqueeze(1)
        x = F.selu(self.norm_in(F.max_pool2d(x, (3, 3))))
        x = F.selu(self.norm_out(self.encoder(x)))
        weights = self.attention(x)
        spectral = (x * weights.softmax(-1)).sum(-1).transpose(1, 2)
        temporal = (x * weights.softmax(-2)).sum(-2).transpose(1, 2)
        return self.out(self.graph(spectral, temporal))


class PlainGraph(nn.Module):
    """Spectral nodes (B, S, D), temporal nodes (B, T, D) -> (B, 5 E)."""

    def __init__(self, rows, dim, out, ratios, temperatures=(2.0, 2.0, 100.0, 100.0)):
        super().__init__()
        self.position = nn.Parameter(torch.randn(1, rows, dim))
        self.spectral = PlainGraphAttention(dim, dim, temperatures[0])
        self.temporal = PlainGraphAttention(dim, dim, temperatures[1])
        self.pool_spectral = PlainPool(dim, ratios[0])
        self.pool_temporal = PlainPool(dim, ratios[1])
        self.branches = nn.ModuleList(
            PlainBranch(dim, out, temperatures[2], ratios[2]) for _ in range(2)
        )
        self.dropout = nn.Dropout(0.5)

    def forward(self, spectral, temporal):
        spectral = self.pool_spectral(self.spectral(spectral + self.position))
        temporal = self.pool_temporal(self.temporal(temporal))
        both = [branch(temporal, spectral) for branch in self.branches]
        temporal, spectral, master = (torch.max(a, b) for a, b in zip(*both, strict=True))
        parts = [temporal.abs().amax(1), temporal.mean(1), spectral.abs().amax(1)]
        return self.dropout(torch.cat([*parts, spectral.mean(1), master.squeeze(1)], 1))


class PlainBranch(nn.Module):
    """Two stacking layers with a pool between them."""

    def __init__(self, dim, out, temperature, ratio):
        super().__init__()
        self.master = nn.Parameter(torch.randn(1, 1, dim))
        self.first = PlainStackingAttention(dim, out, temperature)
        self.pool_spectral, self.pool_temporal = PlainPool(out, ratio), PlainPool(out, ratio)
        self.second = PlainStackingAttention(out, out, temperature)
        self.dropout = nn.Dropout(0.2)

    def forward(self, temporal, spectral):
        temporal, spectral, master = self.first(temporal, spectral, self.master)
        spectral, temporal = self.pool_spectral(spectral), self.pool_temporal(temporal)
        more = self.second(temporal, spectral, master)
        before = (temporal, spectral, master)
        return [self.dropout(a + b) for a, b in zip(before, more, strict=True)]


class PlainAasist(nn.Module):
    """Waveforms (B, S) -> logits (B, 2): AASIST as published."""

    def __init__(self, widths=(32, 32, 64, 64, 64, 64), nodes=(64, 32), ks=(0.5, 0.7, 0.5)):
        super().__init__()
        self.register_buffer("filters", sinc_filters(70, 129).unsqueeze(1), persistent=False)
        self.norm = nn.BatchNorm2d(1)
        pairs = zip((1, *widths), widths, strict=False)
        self.encoder = nn.Sequential(
            *(PlainResidual(a, b, n == 0) for n, (a, b) in enumerate(pairs))
        )
        self.graph = PlainGraph(23, *nodes, ks)
        self.out = nn.Linear(5 * nodes[1], 2)

    def forward(self, x, lengths=None):
        x = F.conv1d(x.unsqueeze(1), self.filters).unsqueeze(1)
        x = F.selu(self.norm(F.max_pool2d(x.abs(), (3, 3))))
        for block in self.encoder:
            x = F.max_pool2d(block(x), (1, 3))
        spectral = x.abs().max(3)[0].transpose(1, 2)
        temporal = x.abs().max(2)[0].transpose(1, 2)
        return self.out(self.graph(spectral, temporal))


class PlainMHFA(nn.Module):
    """All layers (B, L, T, D) -> logits (B, 2): multi-head factorised attentive pooling."""

    def __init__(self, layers, dim, heads, compression, embedding):
        super().__init__()
        self.key_weights = nn.Parameter(torch.zeros(layers))
        self.value_weights = nn.Parameter(torch.zeros(layers))
        self.key, self.value = nn.Linear(dim, compression), nn.Linear(dim, compression)
        self.attention = nn.Linear(compression, heads)
        self.project = nn.Linear(heads * compression, embedding)
        self.classifier = nn.Sequential(nn.ReLU(), nn.Dropout(0.0), nn.Linear(embedding, 2))

    def forward(self, x, lengths=None):
        key = (x * self.key_weights.softmax(0).view(1, -1, 1, 1)).sum(1)
        value = (x * self.value_weights.softmax(0).view(1, -1, 1, 1)).sum(1)
        key, value = self.key(key), self.value(value)
        weights = self.attention(key).softmax(1)  # (B, T, H)
        pooled = (weights.unsqueeze(3) * value.unsqueeze(2)).sum(1)
        return self.classifier(self.project(pooled.flatten(1)))


class PlainSLS(nn.Module):
    """All layers (B, L, T, D) -> logits (B, 2): Sensitive Layer Selection."""

    def __init__(self, layers=24, dim=1024, frames=201):
        super().__init__()
        self.gate, self.norm = nn.Linear(dim, 1), nn.BatchNorm2d(1)
        self.hidden = nn.Linear((frames // 3) * (dim // 3), 1024)
        self.output = nn.Linear(1024, 2)

    def forward(self, x, lengths=None):
        gates = torch.sigmoid(self.gate(x.mean(2))).unsqueeze(2)
        x = F.selu(self.norm((x * gates).sum(1).unsqueeze(1)))
        x = F.max_pool2d(x, (3, 3)).flatten(1)
        return F.selu(self.output(F.selu(self.hidden(x))))
