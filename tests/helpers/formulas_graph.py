"""The graph back ends from their publications alone: what the tests of the models compare with.

Jung et al. (AASIST, ICASSP 2022), Tak et al. (RawGAT-ST 2021; SSL_Anti-spoofing, Odyssey 2022),
SpAArSIST (arXiv 2606.11674). Everything is plain: every pair of nodes is written out, and nothing
comes from the models but a state dict, under the names that they give to their weights.
"""

import zlib

import torch
from torch.nn import functional as F


class Plain:
    """Weights by name, and whether the model trains.

    state: name -> tensor. drop: whether each dropout multiplies by the numbers of `fixed_mask`.
    prefix: what stands before the names of dropouts. moved: running statistics after a step.
    """

    def __init__(self, state, training=False, drop=False, prefix=""):
        self.state, self.training, self.drops, self.moved = state, training, drop, {}
        self.prefix = prefix

    def linear(self, name, x):
        return x @ self.state[f"{name}.weight"].t() + self.state[f"{name}.bias"]

    def conv(self, name, x, padding=0, groups=1):
        convolution = F.conv1d if x.dim() == 3 else F.conv2d
        bias = self.state.get(f"{name}.bias")
        return convolution(x, self.state[f"{name}.weight"], bias, 1, padding, 1, groups)

    def norm(self, name, x):
        """Batch norm of x (B, C, ...): eps 1e-5; running statistics move by a tenth."""
        shape = (1, -1, *[1] * (x.dim() - 2))
        mean, var = self.state[f"{name}.running_mean"], self.state[f"{name}.running_var"]
        if self.training:
            rows = x.transpose(0, 1).flatten(1)
            count = rows.shape[1]
            own_mean = rows.sum(1) / count
            own_var = (rows - own_mean[:, None]).square().sum(1) / count
            unbiased = own_var * count / (count - 1)
            self.moved[f"{name}.running_mean"] = (0.9 * mean + 0.1 * own_mean).detach()
            self.moved[f"{name}.running_var"] = (0.9 * var + 0.1 * unbiased).detach()
            mean, var = own_mean, own_var
        x = (x - mean.view(shape)) / (var.view(shape) + 1e-5).sqrt()
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return x * weight.view(shape) + bias.view(shape)

    def node_norm(self, name, x):
        """Batch norm of nodes (B, N, C), each a row of its own."""
        return self.norm(name, x.reshape(-1, x.shape[2])).view_as(x)

    def drop(self, name, x):
        return x * fixed_mask(self.prefix + name, x) if self.drops else x


def fixed_mask(name, x):
    """Numbers in the place of those that a dropout draws, other ones for each name and position."""
    at = torch.arange(x[0].numel(), dtype=x.dtype) + zlib.crc32(name.encode()) % 1000
    return (1 + 0.6 * torch.cos(1.7 * at)).view(x.shape[1:])


def graph_attention(plain, name, nodes, temperature):
    """Nodes (B, N, D) -> (B, N, D')."""
    nodes = plain.drop(f"{name}.dropout", nodes)
    pairs = torch.tanh(plain.linear(f"{name}.pair", nodes[:, :, None] * nodes[:, None]))
    logits = (pairs @ plain.state[f"{name}.score"])[..., 0] / temperature
    attended = torch.einsum("bij,bjd->bid", logits.softmax(2), nodes)
    out = plain.linear(f"{name}.attended", attended) + plain.linear(f"{name}.own", nodes)
    return F.selu(plain.node_norm(f"{name}.norm", out))


def stacking(plain, name, one, two, master, temperature, aggregation):
    """Nodes of two kinds and the stack node -> the same, through one heterogeneous layer."""
    first = one.shape[1]
    nodes = torch.cat([plain.linear(f"{name}.type1", one), plain.linear(f"{name}.type2", two)], 1)
    own_master = plain.linear(f"{name}.own_master", master)
    if aggregation == "released_mean":
        out = plain.linear(f"{name}.own", nodes)
        return out[:, :first], out[:, first:], own_master.expand(len(out), 1, -1)
    nodes = plain.drop(f"{name}.dropout", nodes)
    pairs = torch.tanh(plain.linear(f"{name}.pair", nodes[:, :, None] * nodes[:, None]))
    rows = []
    for i in range(nodes.shape[1]):
        row = []
        for j in range(nodes.shape[1]):
            kind = "12" if (i < first) != (j < first) else "11" if i < first else "22"
            row.append(pairs[:, i, j] @ plain.state[f"{name}.score{kind}"][:, 0])
        rows.append(torch.stack(row, 1))
    weights = (torch.stack(rows, 1) / temperature).softmax(2)
    if aggregation == "node_mean":
        gathered = nodes.sum(1, keepdim=True) / nodes.shape[1]
    else:
        logits = torch.tanh(plain.linear(f"{name}.pair_master", nodes * master))
        logits = (logits @ plain.state[f"{name}.score_master"]) / temperature
        gathered = (logits.softmax(1) * nodes).sum(1, keepdim=True)
    master = plain.linear(f"{name}.attended_master", gathered) + own_master
    out = plain.linear(f"{name}.attended", weights @ nodes) + plain.linear(f"{name}.own", nodes)
    out = F.selu(plain.node_norm(f"{name}.norm", out))
    return out[:, :first], out[:, first:], master


def pool(plain, name, nodes, k, scorer):
    """The int(N k) nodes of the highest score, at least one; k: (in training, in evaluation)."""
    seen = plain.drop(f"{name}.dropout", nodes)
    if scorer == "learned":
        scores = torch.sigmoid(plain.linear(f"{name}.scorer", seen))[..., 0]
    else:
        scores = (seen * seen).sum(2)
    count = max(int(nodes.shape[1] * k[0 if plain.training else 1]), 1)
    kept = []
    for own, score in zip(nodes, scores, strict=True):
        order = sorted(range(len(own)), key=lambda i, s=score: -float(s[i].detach()))
        if count < len(own):
            assert score[order[count - 1]] - score[order[count]] > 1e-9, "a tie shows nothing"
        order = order[:count]
        kept.append(own[order] * score[order, None] if scorer == "learned" else own[order])
    return torch.stack(kept)


def readout(plain, spectral, temporal, conf):
    """Nodes (B, S, D), (B, T, D) -> (B, 5 E). conf: ks, temperatures, scorer, aggregation."""
    ks, temperatures = conf["ks"], conf["temperatures"]
    spectral = spectral + plain.state["graph.position"]
    spectral = graph_attention(plain, "graph.spectral", spectral, temperatures[0])
    spectral = pool(plain, "graph.pool_spectral", spectral, ks[0], conf["scorer"])
    temporal = graph_attention(plain, "graph.temporal", temporal, temperatures[1])
    temporal = pool(plain, "graph.pool_temporal", temporal, ks[1], conf["scorer"])
    ways = []
    for number in (0, 1):
        name, how = f"graph.branches.{number}", conf["aggregation"]
        master = plain.state[f"{name}.master"]
        t, s, m = stacking(plain, f"{name}.first", temporal, spectral, master, temperatures[2], how)
        t = pool(plain, f"{name}.pool_temporal", t, ks[2], conf["scorer"])
        s = pool(plain, f"{name}.pool_spectral", s, ks[2], conf["scorer"])
        more = stacking(plain, f"{name}.second", t, s, m, temperatures[3], how)
        both = zip((t, s, m), more, strict=True)
        ways.append([plain.drop(f"{name}.dropout", before + after) for before, after in both])
    t, s, m = (torch.maximum(a, b) for a, b in zip(*ways, strict=True))
    parts = [t.abs().amax(1), t.mean(1), s.abs().amax(1), s.mean(1), m[:, 0]]
    return plain.drop("graph.dropout", torch.cat(parts, 1))


def residual(plain, name, x, pooled=1):
    """conv (2, 3) - BN - SELU - conv (2, 3), added to the input; then the max of `pooled` frames.

    Where the width changes, the input goes through a conv (1, 3).
    """
    hidden = F.selu(plain.norm(f"{name}.norm", plain.conv(f"{name}.conv1", x, (1, 1))))
    out = plain.conv(f"{name}.conv2", hidden, (0, 1))
    wider = out.shape[1] != x.shape[1]
    out = out + (plain.conv(f"{name}.shortcut", x, (0, 1)) if wider else x)
    return F.max_pool2d(out, (1, pooled))


def separable(plain, name, x, pooled=1):
    """`residual`, whose convolutions are one of each channel by itself and one across channels."""
    hidden = plain.conv(f"{name}.conv1.0", x, (1, 1), groups=x.shape[1])
    hidden = F.selu(plain.norm(f"{name}.norm", plain.conv(f"{name}.conv1.1", hidden)))
    out = plain.conv(f"{name}.conv2.0", hidden, (0, 1), groups=hidden.shape[1])
    out = plain.conv(f"{name}.conv2.1", out)
    wider = out.shape[1] != x.shape[1]
    out = out + (plain.conv(f"{name}.shortcut", x) if wider else x)
    return F.max_pool2d(out, (1, pooled))


def attention_map(plain, name, x):
    """Image (B, C, F, T) -> nodes of the rows (B, F, C) and of the columns (B, T, C)."""
    hidden = plain.norm(f"{name}.norm", F.selu(plain.conv(f"{name}.wide", x)))
    weights = plain.conv(f"{name}.narrow", hidden)
    rows = (x * weights.softmax(3)).sum(3).transpose(1, 2)
    return rows, (x * weights.softmax(2)).sum(2).transpose(1, 2)


def aasist(plain, waves, filters, conf):
    """Waveforms (B, S) -> logits (B, 2)."""
    bands = F.conv1d(waves[:, None], filters[:, None]).abs()
    x = F.selu(plain.norm("norm", F.max_pool2d(bands[:, None], (3, 3))))
    for number in range(6):
        x = residual(plain, f"encoder.{number}", x, 3)
    spectral, temporal = x.abs().amax(3).transpose(1, 2), x.abs().amax(2).transpose(1, 2)
    return plain.linear("out", readout(plain, spectral, temporal, conf))


def ssl_image(plain, x):
    """Projected frames (B, T, 128) -> an image (B, 64, 42, T // 3), or as `conf` of lite says."""
    x = F.max_pool2d(x.transpose(1, 2)[:, None], (3, 3))
    x = F.selu(plain.norm("norm_in", x))
    for number in range(6):
        lite = f"encoder.{number}.conv1.0.weight" in plain.state
        pooled = plain.time_pool if number == 1 else 1
        x = (separable if lite else residual)(plain, f"encoder.{number}", x, pooled)
    return F.selu(plain.norm("norm_out", x))


def ssl_aasist(plain, x, conf):
    """States (B, T, D) -> the embedding, or logits where the model has no classifier."""
    plain.time_pool = conf.get("time_pool", 1)
    x = plain.linear("project", x) if "project.weight" in plain.state else x
    spectral, temporal = attention_map(plain, "attention", ssl_image(plain, x))
    return plain.linear("out", readout(plain, spectral, temporal, conf))


def feed_forward(plain, x):
    """dim - 512 - BN - ReLU - 256 - BN - ReLU - 2."""
    x = F.relu(plain.norm("classifier.1", plain.linear("classifier.0", x)))
    x = F.relu(plain.norm("classifier.4", plain.linear("classifier.3", x)))
    return plain.linear("classifier.6", x)
