"""What else is asked of a trained model, each with its definition and what it can say.

All are of the model in eval mode, its loss being the cross-entropy of an input. MEANINGS holds a
sentence on each, for reports.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from sklearn.metrics import davies_bouldin_score
from torch import nn
from torch.nn.functional import cross_entropy

from ..errors import UserError

MEANINGS = {
    "hessian": "mean curvature of the loss in the parameters. It changes with the scale of weights "
    "that a norm takes out: it compares a model with itself, not with another design",
    "relative": "the same, each tensor's part times the mean square of its weights: scales that a "
    "norm takes out are gone, so that it compares designs; kinks have no curvature here either",
    "loss_gap": "loss on dev less loss on training data: what is learnt by heart, of known attacks",
    "gradient_snr": "|mean gradient|² over the total variance of the gradients of single inputs: "
    "near 0 at the end of training, where inputs pull in opposite directions; of these data alone",
    "weight_norm": "Euclidean norm of all trainable weights: how far training went, and little of "
    "that where norms follow",
    "davies_bouldin": "mean spread of the two classes over their distance, before the last layer: "
    "0 = points apart; of the classes at hand alone",
    "ece": "mean gap between P(bona fide) and the share of bona fide, in 15 bins; of known attacks",
    "nonlinearity": "|loss(x + d) - loss(x) - d·gradient| over |d·gradient|, d random, 1 % of x: "
    "0 = linear around the inputs; nothing of the directions that an attacker would choose",
}
STEP = 0.01  # |d| / |x|


class Clips:
    """Inputs of both classes, one by one: x (1, ...), length (1,), label (1,) on the device."""

    def __init__(self, model: nn.Module, clips: Sequence[tuple], device: torch.device) -> None:
        self.model = model.to(device).eval()
        self.clips = [tuple(part.to(device) for part in clip) for clip in clips]
        self.parameters = [p for p in model.parameters() if p.requires_grad]

    def loss(self, index: int, x: torch.Tensor | None = None) -> torch.Tensor:
        """The cross-entropy of a clip, or of `x` in its place."""
        own, length, label = self.clips[index]
        return cross_entropy(self.model(own if x is None else x, length).float(), label)

    def mean_loss(self) -> float:
        with torch.no_grad():
            return float(np.mean([float(self.loss(index)) for index in range(len(self.clips))]))

    def gradients(self) -> Iterator[torch.Tensor]:
        """The gradient (P,) of each clip."""
        for index in range(len(self.clips)):
            parts = torch.autograd.grad(self.loss(index), self.parameters, allow_unused=True)
            yield torch.cat(
                [
                    (torch.zeros_like(p) if g is None else g).flatten()
                    for p, g in zip(self.parameters, parts, strict=True)
                ]
            )


def gradient_snr(gradients: Iterable[torch.Tensor]) -> float | None:
    """|mean|² / sum of variances over N gradients (P,), less what N draws add to |mean|².

    1 / N of the variance is in |mean|² by chance; what is left is at least 0. None where gradients
    do not differ.
    """
    count, mean, square = 0, torch.zeros(()), 0.0
    for gradient in gradients:
        count += 1
        mean = mean + (gradient - mean) / count
        square += float(gradient.square().sum(dtype=torch.float64))
    length = float(mean.square().sum(dtype=torch.float64))
    variance = (square - count * length) / (count - 1)
    if variance <= 0:
        return None
    return max(0.0, length - variance / count) / variance


def weight_norm(parameters: Iterable[torch.Tensor]) -> float:
    """The Euclidean norm of all of them together."""
    return float(
        sum(float(p.detach().square().sum(dtype=torch.float64)) for p in parameters) ** 0.5
    )


def penultimate(model: nn.Module, clips: Clips) -> np.ndarray:
    """(N, D): what the last layer reads of each clip; of a model that names none, its last Linear.

    Of a layer that is called several times, the mean over its calls.
    """
    back_end = getattr(model, "back_end", model)
    name = getattr(back_end, "last_layer", None)
    layers = [part for part in back_end.modules() if isinstance(part, nn.Linear)]
    place = back_end.get_submodule(name) if name else layers[-1]
    seen: list[torch.Tensor] = []
    handle = place.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    rows = []
    try:
        with torch.no_grad():
            for x, length, _ in clips.clips:
                seen.clear()
                model(x, length)
                rows.append(torch.stack([part.flatten() for part in seen]).mean(0).cpu().numpy())
    finally:
        handle.remove()
    return np.stack(rows)


def davies_bouldin(features: np.ndarray, labels: Sequence[int]) -> float | None:
    """Of two classes: (mean distance to the own centre, summed) / distance of the centres.

    None where all features are alike. Raises UserError where one is not finite.

    Source: Davies and Bouldin (1979), doi:10.1109/TPAMI.1979.4766909.
    """
    if not np.isfinite(features).all():
        raise UserError("found features that are not finite, wanted a model that was trained well")
    if not np.ptp(features, axis=0).any():
        return None
    return float(davies_bouldin_score(features, labels))


def nonlinearity(clips: Clips, draws: int = 5, seed: int = 0) -> float:
    """Median over clips and random d, |d| = STEP |x|, of what the gradient does not explain.

    |loss(x + d) - loss(x) - d·g| / |d·g|.
    """
    generator, found = torch.Generator().manual_seed(seed), []
    for index, (x, _, _) in enumerate(clips.clips):
        given = x.clone().requires_grad_()
        loss = clips.loss(index, given)
        (gradient,) = torch.autograd.grad(loss, given)
        for _ in range(draws):
            step = torch.randn(x.shape, generator=generator).to(x)
            step *= STEP * x.norm() / step.norm()
            with torch.no_grad():
                moved = float(clips.loss(index, x + step)) - float(loss)
            along = float((step * gradient).sum())
            if along:
                found.append(abs(moved - along) / abs(along))
    return float(np.median(found)) if found else 0.0
