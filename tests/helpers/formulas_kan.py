"""AASIST3 from its definition alone: splines by the recursion of Cox and de Boor."""

import torch
from formulas_graph import Plain, graph_attention, pool, residual, stacking
from torch.nn import functional as F

KNOTS = [-1.5 + number / 8 for number in range(25)]


def splines(x):
    """The 20 of degree 4 at the numbers x, from those of degree 0 on."""
    found = [((x >= KNOTS[k]) & (x < KNOTS[k + 1])).to(x.dtype) for k in range(24)]
    for degree in range(1, 5):
        before, found = found, []
        for k in range(24 - degree):
            left = (x - KNOTS[k]) / (KNOTS[k + degree] - KNOTS[k])
            right = (KNOTS[k + degree + 1] - x) / (KNOTS[k + degree + 1] - KNOTS[k + 1])
            found.append(left * before[k] + right * before[k + 1])
    return found


class PlainKan(Plain):
    """Weights by name, of which a linear layer may be a KAN."""

    def linear(self, name, x):
        if f"{name}.coefficients" not in self.state:
            return super().linear(name, x)
        own = {key: self.state[f"{name}.{key}"] for key in ("weight", "scale", "coefficients")}
        curved = torch.where(x < 0, self.state[f"{name}.slope"] * x, x) @ own["weight"].t()
        for k, spline in enumerate(splines(x)):
            curved = curved + spline @ (own["coefficients"][:, :, k] * own["scale"]).t()
        return curved


def aasist3(plain, x, conf, monkeypatch):
    """(B, 1, T, D) -> (B, 2)."""
    x = plain.linear("project", x[:, 0]).abs().transpose(1, 2)[:, None]
    x = F.selu(plain.norm("norm_in", F.max_pool2d(x, 3)))
    for number in range(6):
        x = residual(plain, f"encoder.{number}", x)
    rows, times = x.abs().amax(3).transpose(1, 2), x.abs().amax(2).transpose(1, 2)
    spectral = graph_attention(plain, "spectral", rows + plain.state["rows"], 2)
    temporal = graph_attention(plain, "temporal", times + plain.state["times"], 2)
    spectral = pool(plain, "pool_spectral", spectral, (0.5, 0.5), "learned")
    temporal = pool(plain, "pool_temporal", temporal, (0.7, 0.7), "learned")
    with monkeypatch.context() as patched:  # no activation in stacking layers
        patched.setattr(F, "selu", lambda x: x)
        ways = [branch(plain, f"branches.{number}", temporal, spectral) for number in range(4)]
    t, s, m = (torch.stack(nodes).amax(0) for nodes in zip(*ways, strict=True))
    parts = [t.abs().amax(1), t.mean(1), s.abs().amax(1), s.mean(1), m[:, 0]]
    return plain.linear("output", plain.drop("dropout", torch.cat(parts, 1)))


def branch(plain, at, temporal, spectral):
    master, how = plain.state[f"{at}.master"], "attention"
    t, s, m = stacking(plain, f"{at}.first", temporal, spectral, master, 100, how)
    t = pool(plain, f"{at}.pool_temporal", t, (0.5, 0.5), "learned")
    s = pool(plain, f"{at}.pool_spectral", s, (0.5, 0.5), "learned")
    more = stacking(plain, f"{at}.second", t, s, m, 100, how)
    both = zip((t, s, m), more, strict=True)
    return [plain.drop(f"{at}.dropout", before + after) for before, after in both]
