"""Losses of two classes. All but two are functions of the score z alone, higher = more bona fide.

z = logit of bona fide - logit of spoof, and t = z for a bona fide utterance, -z for a spoof one:

    cross_entropy   log(1 + e^-t), weighted mean: divided by the sum of the class weights
    bce             the same, divided by the number of utterances (BCE with logits on z)
    focal           (1 - p)^gamma log(1 + e^-t), p = 1 / (1 + e^-t)         Lin et al., ICCV 2017
    am_softmax      log(1 + e^(s m - t)), z = s (cos_bonafide - cos_spoof)  Wang et al., SPL 2018
    oc_softmax      log(1 + e^(s m_bonafide - z)) or log(1 + e^(z - s m_spoof)), z = s cos(w, e)
                                                                            Zhang et al., SPL 2021
    samo            the same, the cosine with attractors of speakers        Ding et al., ICASSP 2023
    aam_softmax     log(1 + e^(s (c_o - cos(theta_y + m))))                 Deng et al., CVPR 2019
    p2sgrad         mean over both classes of (c_j - [j = y])^2            X. Wang, Yamagishi, 2021

c_y is the cosine with the own class, cos(theta_y), and c_o that with the other one. Where theta_y
and m pass pi, c_y - m sin(m) stands for cos(theta_y + m). The last five want cosines:
`cosine` and `samo` put them in the place of a model's last layer. p2sgrad's
published score is the cosine with bona fide; here it is z = c_bonafide - c_spoof, like all others.

Of scores alone (dev_loss) the last two cannot be computed whole. There aam_softmax is without its
margin, and p2sgrad is (t - 1)^2 / 4, what z decides of it: the rest is (c_y + c_o - 1)^2 / 4.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy as softmax_loss
from torch.nn.functional import softplus

from ..config import one_of
from ..config.sources import sources_of
from ..errors import UserError


def cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    return softmax_loss(logits, labels, weight=weights, reduction="sum")


def bce(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return (weights[labels] * softplus(-_toward(logits, labels))).sum()


def focal(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, gamma: float = 2.0
) -> torch.Tensor:
    t = _toward(logits, labels)
    return (weights[labels] * torch.sigmoid(-t) ** gamma * softplus(-t)).sum()


def am_softmax(
    logits: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    scale: float = 20.0,
    margin: float = 0.2,
) -> torch.Tensor:
    return (weights[labels] * softplus(scale * margin - _toward(logits, labels))).sum()


def oc_softmax(
    logits: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    scale: float = 20.0,
    margin_bonafide: float = 0.9,
    margin_spoof: float = 0.2,
) -> torch.Tensor:
    margins = torch.where(labels == 1, margin_bonafide, -margin_spoof)
    return (weights[labels] * softplus(scale * margins - _toward(logits, labels))).sum()


def samo(
    logits: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    scale: float = 20.0,
    margin_bonafide: float = 0.7,
    margin_spoof: float = 0.0,
    speakers: float = 20.0,
    every: float = 3.0,
) -> torch.Tensor:
    """speakers, at most so many of bona fide speech, and every, epochs, are of `samo`."""
    return oc_softmax(logits, labels, weights, scale, margin_bonafide, margin_spoof)


def aam_softmax(
    logits: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    scale: float = 32.0,
    margin: float = 0.2,
) -> torch.Tensor:
    own = logits.gather(1, labels[:, None])[:, 0] / scale
    other = logits.gather(1, 1 - labels[:, None])[:, 0]
    sine = (1 - own.square()).clamp(min=1e-12).sqrt()
    moved = own * math.cos(margin) - sine * math.sin(margin)
    moved = torch.where(own > -math.cos(margin), moved, own - margin * math.sin(margin))
    return (weights[labels] * softplus(other - scale * moved)).sum()


def p2sgrad(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    wanted = torch.stack([1 - labels, labels], 1).to(logits.dtype)
    return (weights[labels] * (logits - wanted).square().mean(1)).sum()


def _toward(logits, labels):
    """(B, 2) -> (B,): how far each score is on its own class's side."""
    return (logits[:, 1] - logits[:, 0]) * (2 * labels - 1)


LOSSES = {
    "cross_entropy": cross_entropy,
    "bce": bce,
    "focal": focal,
    "am_softmax": am_softmax,
    "oc_softmax": oc_softmax,
    "samo": samo,
    "aam_softmax": aam_softmax,
    "p2sgrad": p2sgrad,
}
# how many directions each learns
COSINES = {"am_softmax": 2, "oc_softmax": 1, "aam_softmax": 2, "p2sgrad": 2}
BOTH = ("aam_softmax", "p2sgrad")  # whose logits are the cosines themselves, times the scale


def loss_settings(name: str, conf: Mapping[str, Any]) -> dict[str, float]:
    """The arguments of the loss `name`: `conf` over its defaults. Raises UserError."""
    one_of("config", "loss", name, LOSSES)
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    settings = {p.name: p.default for p in parameters if p.default is not p.empty}
    for key, value in conf.items():
        if key not in settings:
            has = ", ".join(settings) or "none"
            raise UserError(f"config: loss '{name}' has no argument '{key}'; it has {has}")
        if type(value) not in (int, float) or not abs(value) < 1e300:
            raise UserError(f"config: loss_conf.{key} is {value!r}, wanted a number")
        settings[key] = float(value)
    return settings


class Loss:
    """The loss of a resolved experiment config, in sums that add up over the parts of a batch.

    The loss of a batch is the sum of `total` over its parts, divided by its `denominator`.
    """

    def __init__(self, config: dict[str, Any], device: torch.device | str = "cpu") -> None:
        self.name, self.settings = (
            config["loss"],
            loss_settings(config["loss"], config["loss_conf"]),
        )
        weights = [1.0] * len(sources_of(config)) or config["class_weights"]
        self.weights = torch.tensor(weights, device=device)

    def total(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """(B, 2), or (B, K) of K sources, and (B,) -> the sum over utterances."""
        return LOSSES[self.name](logits, labels, self.weights, **self.settings)

    def denominator(self, labels: torch.Tensor) -> float:
        """What the sum over utterances of `labels` (B,) is to be divided by, as a number."""
        if self.name == "cross_entropy":
            return self.weights.cpu()[labels.cpu()].sum().item()
        return len(labels)

    def of_scores(self, scores: np.ndarray, labels: torch.Tensor) -> float:
        """The loss of scores (N,), or logits (N, K), of a NumPy array, labels (N,)."""
        z = torch.from_numpy(scores).to(self.weights.device)
        if z.ndim == 2:
            logits = z
        elif self.name == "p2sgrad":
            logits = torch.stack([(1 - z) / 2, (1 + z) / 2], 1)
        else:
            logits = torch.stack([torch.zeros_like(z), z], 1)
        name = "bce" if self.name == "aam_softmax" else self.name
        settings = {} if name != self.name else self.settings
        total = LOSSES[name](logits, labels.to(z.device), self.weights, **settings)
        return (total / self.denominator(labels)).item()
