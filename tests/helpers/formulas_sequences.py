"""Back ends that read frames in their order, from their definitions alone: conformers and Mambas.

Rosello et al. (Interspeech 2023), Truong et al. (Interspeech 2024), Gu and Dao (2023), Xiao and Das
(2024), arXiv 2508.09294 and 2505.13930. Each takes a `Plain` of weights and a batch without
padding; every frame and every pair of tokens is a step of its own.
"""

import math

import torch
from formulas_graph import residual
from torch.nn import functional as F


def swish(x):
    return x / (1 + (-x).exp())


def layer_norm(plain, name, x):
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * plain.state[f"{name}.weight"] + plain.state[f"{name}.bias"]


def rms_norm(plain, name, x):
    root = ((x**2).sum(-1, keepdim=True) / x.shape[-1] + 1e-5).sqrt()
    return x / root * plain.state[f"{name}.weight"]


def without_bias(plain, name, x):
    return x @ plain.state[f"{name}.weight"].t()


def linear(plain, x, conf):
    """AntiDeepfake's: (B, 1, T, D) -> (B, 2)."""
    return plain.linear("output", x[:, 0].sum(1) / x.shape[2])


def projected(plain, x):
    """(B, 1, T, D) -> (B, T, width)."""
    x = plain.linear("project.linear", x[:, 0])
    return F.selu(plain.norm("project.norm", x[:, None])[:, 0])


def mamba(plain, name, u):
    """(B, T, D) -> the same, frame by frame."""
    inner = plain.state[f"{name}.skip"].shape[0]
    joined = without_bias(plain, f"{name}.enter", u)
    x, gate = joined[..., :inner], joined[..., inner:]
    kernel, bias = plain.state[f"{name}.conv.weight"][:, 0], plain.state[f"{name}.conv.bias"]
    states = plain.state[f"{name}.log_decay"].shape[1]
    rank = plain.state[f"{name}.step.weight"].shape[1]
    decay, held, out = -plain.state[f"{name}.log_decay"].exp(), 0, []
    for t in range(u.shape[1]):
        taps = range(kernel.shape[1])
        last = [(t - k, kernel[:, -1 - k]) for k in taps if t - k >= 0]
        now = swish(bias + sum(x[:, at] * weight for at, weight in last))
        chosen = without_bias(plain, f"{name}.select", now)
        r, b, c = chosen.split([rank, states, states], 1)
        step = (1 + plain.linear(f"{name}.step", r).exp()).log()
        held = (step[..., None] * decay).exp() * held + (step * now)[..., None] * b[:, None]
        y = (held * c[:, None]).sum(2) + plain.state[f"{name}.skip"] * now
        out.append(without_bias(plain, f"{name}.leave", y * swish(gate[:, t])))
    return torch.stack(out, 1)


def pooled(plain, name, x):
    weights = plain.linear(f"{name}.score", x).exp()
    return (weights * x).sum(1) / weights.sum(1)


def xlsr_mamba(plain, x, conf):
    """(B, 1, T, D) -> (B, 2)."""
    frames = plain.drop("dropout_in", projected(plain, x))
    means = []
    for number, way in enumerate(("onward", "backward_")):
        given = frames.flip(1) if number else frames
        residual_, hidden = 0, given
        for block in range(conf["depth"]):
            residual_ = residual_ + hidden
            normed = rms_norm(plain, f"{way}.{block}.norm", residual_)
            hidden = mamba(plain, f"{way}.{block}.mamba", normed)
        if conf.get("final") == "released":
            hidden = frames  # what went into the column, in the order of time
        means.append(pooled(plain, f"pools.{number}", rms_norm(plain, "norm", residual_ + hidden)))
    hidden = plain.drop("dropout", plain.linear("hidden", torch.cat(means, 1)))
    return plain.linear("output", hidden)


def fake_mamba(plain, x, conf):
    """(B, 1, T, D) -> (B, 2)."""
    x = projected(plain, x)
    for number in range(conf["depth"]):
        at = f"blocks.{number}"
        normed = layer_norm(plain, f"{at}.norm_in", x)
        back = mamba(plain, f"{at}.mamba", normed.flip(1)).flip(1)
        mixed = layer_norm(plain, f"{at}.norm", mamba(plain, f"{at}.mamba", normed) + back)
        wide = plain.linear(f"{at}.wide", mixed)
        x = x + plain.linear(f"{at}.narrow", wide * 0.5 * (1 + torch.erf(wide / math.sqrt(2))))
    return plain.linear("output", pooled(plain, "pool", x))


def bicross_mamba(plain, x, conf):
    """(B, 1, T, D) -> (B, 2)."""
    x = plain.linear("project", x[:, 0]).abs().transpose(1, 2)[:, None]
    x = F.selu(plain.norm("norm_in", F.max_pool2d(x, 3)))
    for number in range(6):
        x = residual(plain, f"encoder.{number}", x)
    x = F.selu(plain.norm("norm_out", x))
    scores = plain.norm("map_norm", F.selu(plain.conv("map", x, 1)))
    weights = plain.conv("map_out", scores).exp()
    weights = weights / weights.sum((2, 3), keepdim=True)
    both = [(x * weights).sum(axis).transpose(1, 2) for axis in (3, 2)]
    for number in range(2):
        for layer in range(conf["depth"]):
            both[number] = both_ways(plain, f"readers.{number}.{layer}", both[number])
    means = []
    for number in range(2):
        at, one, other = f"cross.{number}", both[number], both[1 - number]
        query, key = plain.linear(f"{at}.query", one), plain.linear(f"{at}.key", other)
        weights = torch.einsum("bnd,bmd->bnm", query, key).div(math.sqrt(64)).softmax(2)
        found = plain.linear(f"{at}.leave", weights @ plain.linear(f"{at}.value", other))
        crossed = layer_norm(plain, f"{at}.norm", one + found)
        means.append(pooled(plain, f"pools.{number}", rms_norm(plain, f"norms.{number}", crossed)))
    return plain.linear("output", torch.cat(means, 1))


def both_ways(plain, at, x):
    normed, found = rms_norm(plain, f"{at}.norm_in", x), []
    for number, one in enumerate((normed, normed.flip(1))):
        one = one + mamba(plain, f"{at}.mambas.{number}", one)
        found.append(rms_norm(plain, f"{at}.norms.{number}", one))
    return plain.linear(f"{at}.join", torch.cat([found[0], found[1].flip(1)], 2))


def xlsr_conformer(plain, x, conf):
    """(B, 1, T, D) -> (B, 2)."""
    return conformer(plain, projected(plain, x), conf, relative_attention)


def xlsr_conformer_tcm(plain, x, conf):
    """(B, 1, T, D) -> (B, 2)."""
    frames = projected(plain, x)
    places = torch.zeros_like(frames[0])
    for place in range(frames.shape[1]):
        for i in range(frames.shape[2]):
            angle = place / 10000 ** (2 * (i // 2) / frames.shape[2])
            places[place, i] = math.cos(angle) if i % 2 else math.sin(angle)
    return conformer(plain, frames + places, conf, head_token_attention)


def conformer(plain, frames, conf, attention):
    x = torch.cat([plain.state["token"].expand(len(frames), 1, -1), frames], 1)
    for number in range(conf["depth"]):
        at = f"blocks.{number}"
        x = x + feed_forward(plain, f"{at}.first", x) / 2
        normed = layer_norm(plain, f"{at}.attention_norm", x)
        x = x + attention(plain, f"{at}.attention", normed, conf["heads"])
        x = x + convolution(plain, f"{at}.conv", x)
        x = layer_norm(plain, f"{at}.norm", x + feed_forward(plain, f"{at}.second", x) / 2)
    return plain.linear("output", x[:, 0])


def feed_forward(plain, at, x):
    wide = plain.linear(f"{at}.wide", layer_norm(plain, f"{at}.norm", x))
    return plain.linear(f"{at}.narrow", swish(wide))


def convolution(plain, at, x):
    wide = plain.linear(f"{at}.wide", layer_norm(plain, f"{at}.norm_in", x))
    half = wide.shape[2] // 2
    x = (wide[..., :half] * torch.sigmoid(wide[..., half:])).transpose(1, 2)
    x = plain.conv(f"{at}.conv", x, 15, groups=half)
    return plain.linear(f"{at}.narrow", swish(plain.norm(f"{at}.norm", x)).transpose(1, 2))


def each_head(plain, at, x, heads):
    """Query, key and value of every head."""
    qkv = without_bias(plain, f"{at}.qkv", x)
    dim = x.shape[2]
    width = dim // heads
    for head in range(heads):
        cut = slice(head * width, (head + 1) * width)
        yield tuple(qkv[..., part * dim : (part + 1) * dim][..., cut] for part in range(3))


def relative_attention(plain, at, x, heads):
    table, count, found = plain.state[f"{at}.table"], x.shape[1], []
    apart = [[min(max(i - j, -512), 512) + 512 for j in range(count)] for i in range(count)]
    for query, key, value in each_head(plain, at, x, heads):
        logits = query @ key.transpose(1, 2)
        logits = logits + torch.einsum("bid,ijd->bij", query, table[torch.tensor(apart)])
        found.append((logits / math.sqrt(query.shape[2])).softmax(2) @ value)
    return plain.linear(f"{at}.join", torch.cat(found, 2))


def head_token_attention(plain, at, x, heads):
    count, width = x.shape[1], x.shape[2] // heads
    tokens = []
    for head in range(heads):
        mean = x[..., head * width : (head + 1) * width].sum(1) / count
        parts = plain.linear(f"{at}.spread", mean).split(width, 1)
        normed = [F.gelu(layer_norm(plain, f"{at}.norm", part)) for part in parts]
        tokens.append(torch.cat(normed, 1) + plain.state[f"{at}.own"][head])
    x, found = torch.cat([x, torch.stack(tokens, 1)], 1), []
    for query, key, value in each_head(plain, at, x, heads):
        found.append((query @ key.transpose(1, 2) / math.sqrt(width)).softmax(2) @ value)
    x = plain.linear(f"{at}.join", torch.cat(found, 2))
    first = x[:, 0] + x[:, count:].mean(1) + x[:, 1:count].mean(1)
    return torch.cat([first[:, None], x[:, 1:count]], 1)
