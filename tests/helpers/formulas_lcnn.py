"""LFCC-LCNN from its publications: Lavrentyeva et al. 2019, Wang and Yamagishi 2021."""

import torch
from formulas_nets import half

# channels after the max-feature-map, kernel, max-pool, batch norm
STAGES = (
    *((32, 5, 1, 0), (32, 1, 0, 1), (48, 3, 1, 1), (48, 1, 0, 1), (64, 3, 1, 0)),
    *((64, 1, 0, 1), (32, 3, 0, 1), (32, 1, 0, 1), (32, 3, 1, 0)),
)


def bare_norm(plain, name, x):
    """Batch norm without scale and shift."""
    channels = torch.ones(x.shape[1], dtype=x.dtype)
    plain.state.update({f"{name}.weight": channels, f"{name}.bias": 0 * channels})
    return plain.norm(name, x)


def lstm(state, suffix, x):
    """One direction of a layer over x (B, T, D) -> (B, T, H)."""
    names = [f"recurrent.{n}_{suffix}" for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    into, again, bias, more = (state[name] for name in names)
    hidden = cell = torch.zeros(len(x), again.shape[1]).to(x)
    steps = []
    for t in range(x.shape[1]):
        gates = x[:, t] @ into.t() + bias + hidden @ again.t() + more
        enter, forget, new, leave = gates.chunk(4, 1)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
        hidden = torch.sigmoid(leave) * torch.tanh(cell)
        steps.append(hidden)
    return torch.stack(steps, 1)


def lfcc_lcnn(plain, features):
    """(B, D, T) -> (B, 2)."""
    maps = features[:, None]
    for i, (width, kernel, pools, norms) in enumerate(STAGES):
        both = plain.conv(f"stages.{i}.conv", maps, padding=kernel // 2)
        assert both.shape[1] == 2 * width
        maps = torch.maximum(both[:, :width], both[:, width:])
        maps = half(maps) if pools else maps
        maps = bare_norm(plain, f"stages.{i}.norm", maps) if norms else maps
    maps = plain.drop("dropout", maps)
    rows = maps.reshape(len(maps), -1, maps.shape[3]).transpose(1, 2)
    seen = rows
    for layer in (0, 1):
        ahead = lstm(plain.state, f"l{layer}", seen)
        back = lstm(plain.state, f"l{layer}_reverse", seen.flip(1)).flip(1)
        seen = torch.cat([ahead, back], 2)
    return plain.linear("output", (rows + seen).mean(1))
