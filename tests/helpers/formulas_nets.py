"""Back ends that are no graphs, from their publications alone: what their tests compare with.

Zhang et al. (SLS, ACM MM 2024), Peng et al. (MHFA, SLT 2022; CA-MHFA, ICASSP 2025), Liu et al.
(Nes2Net, T-IFS 2025), and the CNNs over mel images. Each takes a `Plain` of weights and a batch
without padding; nothing comes from the models but a state dict.
"""

import math

import torch
from torch.nn import functional as F

ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def selu(x):
    return SCALE * torch.where(x > 0, x, ALPHA * (x.clamp(max=0).exp() - 1))


def relu(x):
    return torch.where(x > 0, x, torch.zeros_like(x))


def sls(plain, x, spans, adaptive=False):
    """(B, L, T, D) -> (B, 2)."""
    summed = 0
    for layer in range(x.shape[1]):
        gate = torch.sigmoid(plain.linear("gate", x[:, layer].sum(1) / x.shape[2]))
        summed = summed + gate[:, :, None] * x[:, layer]
    normed = selu(plain.norm("norm", summed[:, None]))[:, 0]
    rows, frames = [], x.shape[2]
    for span in range(spans):
        first, last = 3 * span, 3 * span + 3
        if adaptive:
            first, last = frames * span // spans, -(-frames * (span + 1) // spans)
        part = normed[:, first:last]
        columns = [part[..., 3 * c : 3 * c + 3].amax((1, 2)) for c in range(x.shape[3] // 3)]
        rows.append(torch.stack(columns, 1))
    hidden = selu(plain.linear("hidden", torch.cat(rows, 1)))
    return selu(plain.linear("output", hidden))


def layer_sum(plain, name, x):
    weights = plain.state[name].exp() / plain.state[name].exp().sum()
    return sum(weights[layer] * x[:, layer] for layer in range(x.shape[1]))


def mhfa(plain, x):
    """(B, L, T, D) -> (B, O)."""
    key = plain.linear("key", layer_sum(plain, "key_weights", x))
    value = plain.linear("value", layer_sum(plain, "value_weights", x))
    attention = plain.linear("attention", key).softmax(1)  # over time
    heads = [(attention[..., h, None] * value).sum(1) for h in range(attention.shape[2])]
    return plain.linear("project", torch.cat(heads, 1))


def ca_mhfa(plain, x):
    """(B, L, T, D) -> (B, O): the logit of frame t sees keys t - c/2 to t + c/2."""
    key = plain.linear("key", layer_sum(plain, "key_weights", x))
    value = plain.linear("value", layer_sum(plain, "value_weights", x))
    kernel = plain.state["attention.weight"]  # (G, C, context + 1)
    half, frames = kernel.shape[2] // 2, x.shape[2]
    logits = []
    for t in range(frames):
        near = [
            key[:, t + shift] @ kernel[:, :, shift + half].t()
            for shift in range(-half, half + 1)
            if 0 <= t + shift < frames
        ]
        logits.append(sum(near))
    attention = torch.stack(logits, 1).softmax(1)
    groups = [(attention[..., g, None] * value).sum(1) for g in range(attention.shape[2])]
    return plain.linear("project", torch.cat(groups, 1))


def attentive_statistics(plain, name, x):
    """(B, C, T) -> (B, 2C)."""
    weights = plain.conv(f"{name}.score", torch.tanh(plain.conv(f"{name}.squeeze", x))).softmax(2)
    mean = (weights * x).sum(2)
    variance = (weights * (x - mean[:, :, None]) ** 2).sum(2)
    least = torch.full_like(variance, 1e-7)  # a root of 0 would have no gradient
    return torch.cat([mean, torch.maximum(variance, least).sqrt()], 1)


def dilated(plain, name, x, dilation):
    """A convolution of three frames, `dilation` apart; zeros beyond the ends."""
    weight, bias = plain.state[f"{name}.weight"], plain.state[f"{name}.bias"]
    padded, frames = F.pad(x, (dilation, dilation)), x.shape[2]
    taps = [padded[:, :, k * dilation : k * dilation + frames] for k in range(3)]
    return (
        sum(torch.einsum("oc,bct->bot", weight[:, :, k], taps[k]) for k in range(3))
        + (bias[:, None])
    )


def res2net(plain, name, x, scale, dilation, nested):
    """(B, C, T) -> the same: convolutions of the parts, squeeze-and-excitation, residual."""
    spread = plain.norm(f"{name}.spread_norm", relu(plain.conv(f"{name}.spread", x)))
    width = x.shape[1] // scale
    parts = [spread[:, i * width : (i + 1) * width] for i in range(scale)]
    outputs, before, kept = [], 0, [parts[-1]]
    for i in range(scale - 1):
        norm, conv = f"{name}.norms.{i}", f"{name}.convs.{i}"
        if nested:
            batch = torch.cat([*kept, parts[i]])  # the norm sees all of them
            found = plain.norm(norm, relu(dilated(plain, conv, batch, dilation)))
            kept = list(found.split(len(x)))
            weights = plain.state[f"{name}.weights.{i}"]
            outputs.append(sum(weight * one for weight, one in zip(weights, kept, strict=True)))
        else:
            before = plain.norm(norm, relu(dilated(plain, conv, before + parts[i], dilation)))
            outputs.append(before)
    joined = torch.cat([*outputs, parts[-1]], 1)
    joined = plain.norm(f"{name}.join_norm", relu(plain.conv(f"{name}.join", joined)))
    squeezed = relu(plain.linear(f"{name}.excite.0", joined.mean(2)))
    gates = torch.sigmoid(plain.linear(f"{name}.excite.2", squeezed))
    return x + joined * gates[:, :, None]


def nes2net(plain, x, conf):
    """(B, 1, T, D) -> (B, 2). conf: splits, scale, dilation, pooling, nested."""
    x = x[:, 0].transpose(1, 2)
    width = x.shape[1] // conf["splits"]
    outputs, before = [], 0
    for i in range(conf["splits"] - 1):
        part = before + x[:, i * width : (i + 1) * width]
        block = res2net(plain, f"blocks.{i}", part, conf["scale"], conf["dilation"], conf["nested"])
        before = plain.norm(f"norms.{i}", relu(block))
        outputs.append(before)
    joined = relu(plain.norm("norm", torch.cat([*outputs, x[:, -width:]], 1)))
    pooled = joined.mean(2)
    if conf["pooling"] == "astp":
        pooled = attentive_statistics(plain, "pool", joined)
    return plain.linear("output", pooled)


def half(image):
    """The maximum of each two rows and frames; what is left over is left out."""
    rows, frames = image.shape[2] // 2, image.shape[3] // 2
    image = image[:, :, : 2 * rows, : 2 * frames]
    return image.reshape(*image.shape[:2], rows, 2, frames, 2).amax((3, 5))


def one_logit(plain, head, x, drop):
    """Linear - ReLU - dropout - Linear to a logit, next to a zero for spoof."""
    hidden = plain.drop(drop, relu(plain.linear(f"{head}.0", x)))
    logit = plain.linear(f"{head}.3", hidden)
    return torch.cat([0 * logit, logit], 1)


def mel_cnn(plain, image, blocks):
    """(B, C, D, T) -> (B, 2)."""
    for i in range(blocks):
        image = plain.conv(f"blocks.{i}.0", image, padding=1)
        image = half(relu(plain.norm(f"blocks.{i}.1", image)))
    return one_logit(plain, "head", image.mean((2, 3)), "head.2")


def mel_multiscale(plain, image, blocks, flat):
    """(B, 2, D, T) -> (B, 2)."""
    for i in range(blocks):
        name, branches = f"blocks.{i}", []
        for branch, (size, dilation) in enumerate(((3, 1), (5, 1), (7, 3))):
            weight, reach = plain.state[f"{name}.branches.{branch}.weight"], dilation * (size // 2)
            spread = torch.zeros(*weight.shape[:2], 2 * reach + 1, 2 * reach + 1).to(weight)
            spread[:, :, ::dilation, ::dilation] = weight
            branches.append(F.conv2d(image, spread, padding=reach))
        image = relu(plain.norm(f"{name}.norm", torch.cat(branches, 1)))
        squeezed = relu(plain.linear(f"{name}.excite.0", image.mean((2, 3))))
        gates = torch.sigmoid(plain.linear(f"{name}.excite.2", squeezed))
        image = half(image * gates[:, :, None, None])
    rows = image.reshape(len(image), -1, image.shape[3]) if flat else image.mean(2)
    return one_logit(plain, "head", attentive_statistics(plain, "pool", rows), "head.2")


def layer_norm(plain, name, x):
    centred = x - x.mean(-1, keepdim=True)
    normed = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return normed * plain.state[f"{name}.weight"] + plain.state[f"{name}.bias"]


def attend(plain, name, x, heads):
    """Softmax attention over all tokens (B, N, D), in `heads` parts of D."""
    query, key, value = plain.linear(f"{name}.queries_keys_values", x).chunk(3, 2)
    width, seen = x.shape[2] // heads, []
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        logits = query[..., own] @ key[..., own].transpose(1, 2) / math.sqrt(width)
        seen.append(logits.softmax(2) @ value[..., own])
    return plain.linear(f"{name}.join", torch.cat(seen, 2))


def mel_vit(plain, image, depth, heads):
    """(B, 2, 128, T) -> (B, 2): patches of 16 rows and 16 frames, zeros in the last."""
    weight = plain.state["patch.weight"]
    dim, columns = len(weight), -(-image.shape[3] // 16)
    image = F.pad(image, (0, 16 * columns - image.shape[3]))
    tokens = []
    for row in range(image.shape[2] // 16):
        for column in range(columns):
            own = image[:, :, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            angles = [column / 10000 ** (2 * i / dim) for i in range(dim // 2)]
            at = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            token = own.flatten(1) @ weight.flatten(1).t() + plain.state["patch.bias"]
            tokens.append(token + plain.state["row"][row, 0] + torch.tensor(at).to(token))
    x = torch.stack(tokens, 1)
    for i in range(depth):
        name = f"layers.{i}"
        x = x + attend(plain, name, layer_norm(plain, f"{name}.attention_norm", x), heads)
        wide = plain.linear(f"{name}.network.0", layer_norm(plain, f"{name}.norm", x))
        wide = wide * (1 + torch.erf(wide / math.sqrt(2))) / 2  # GELU
        x = x + plain.linear(f"{name}.network.2", wide)
    pooled = layer_norm(plain, "norm", x).mean(1)
    logit = plain.linear("head.1", plain.drop("head.0", pooled))
    return torch.cat([0 * logit, logit], 1)
