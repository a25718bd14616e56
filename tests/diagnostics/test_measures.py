"""Each diagnostic against a case worked out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from antispoof.diagnostics.diagnose import choose, diagnose
from antispoof.diagnostics.measures import (
    MEANINGS,
    Clips,
    davies_bouldin,
    gradient_snr,
    nonlinearity,
    penultimate,
    weight_norm,
)
from antispoof.diagnostics.relate import rank_correlation, sentence
from antispoof.errors import UserError
from antispoof.metrics.ranks import rho_interval


def vectors(*rows):
    return [torch.tensor(row, dtype=torch.float64) for row in rows]


def test_signal_to_noise_of_gradients_by_hand():
    # mean (2, 0), its square 4; variance ((-1)^2 + 1^2 + 0) / (3 - 1) = 1, a third of it by chance
    rows = vectors([1.0, 0.0], [3.0, 0.0], [2.0, 0.0])
    assert gradient_snr(rows) == pytest.approx((4 - 1 / 3) / 1)
    assert gradient_snr(vectors([1.0, 0.0], [1.0, 0.0])) is None
    assert gradient_snr(vectors([1.0, 0.0], [-1.0, 0.0])) == 0


def test_noise_alone_has_no_signal():
    rows = torch.randn(200, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert gradient_snr(rows) < 0.01
    assert gradient_snr(rows + 1) == pytest.approx(1, rel=0.1)  # |mean|^2 = 50, variance 50


def test_the_norm_of_weights_is_that_of_all_together():
    assert weight_norm(vectors([3.0, 0.0], [4.0])) == 5


def test_davies_bouldin_by_hand():
    features = np.array([[0.0, 0], [2, 0], [10, 0], [14, 0]])
    assert davies_bouldin(features, [0, 0, 1, 1]) == pytest.approx((1 + 2) / 11)


class Model(nn.Module):
    last_layer = "out"

    def __init__(self):
        super().__init__()
        self.inner, self.out = nn.Linear(2, 3), nn.Linear(3, 2)

    def forward(self, x, lengths):
        return self.out(self.inner(x))


def some_clips(model, count=4):
    generator = torch.Generator().manual_seed(2)
    given = [
        (torch.randn(1, 2, generator=generator), torch.tensor([2]), torch.tensor([n % 2]))
        for n in range(count)
    ]
    return Clips(model, given, torch.device("cpu"))


def test_davies_bouldin_of_features_that_are_alike_or_no_numbers():
    assert davies_bouldin(np.full((4, 3), 2.0), [0, 1, 0, 1]) is None
    assert davies_bouldin(np.array([[2.0, 0.0], [2.0, 1.0]] * 2), [0, 1] * 2) == 0
    with pytest.raises(UserError, match="features that are not finite"):
        davies_bouldin(np.array([[1.0], [np.nan]]), [0, 1])


def test_features_are_what_the_last_layer_reads():
    torch.manual_seed(4)
    model = Model()
    clips = some_clips(model)
    wanted = torch.cat([model.inner(x) for x, _, _ in clips.clips]).detach().numpy()
    assert np.allclose(penultimate(model, clips), wanted)
    model.last_layer = None
    assert np.allclose(penultimate(model, clips), wanted)


def test_a_loss_is_linear_where_steps_are_small_and_not_where_it_bends():
    torch.manual_seed(5)
    straight = some_clips(Model())
    assert nonlinearity(straight) < 0.05

    class Bent(Model):
        def forward(self, x, lengths):
            return self.out(self.inner(torch.sin(3000 * x)))

    assert nonlinearity(some_clips(Bent())) > 0.5


def test_a_quadratic_loss_departs_by_half_the_step():
    class Square(nn.Module):
        def forward(self, x, lengths):
            z = (x**2).sum(1)
            return torch.stack([z, -z], 1)

    clips = Clips(
        Square(),
        [(torch.full((1, 1), 5.0), torch.tensor([1]), torch.tensor([1]))],
        torch.device("cpu"),
    )  # log(1 + e^{2 x^2}) is 2 x^2 there: (x + d)^2 - x^2 - 2 x d = d^2, over 2 x d, d = 0.01 x
    assert nonlinearity(clips) == pytest.approx(0.005, rel=0.05)


def test_gradients_are_of_each_clip_and_the_loss_is_their_mean():
    torch.manual_seed(6)
    clips = some_clips(Model())
    rows = list(clips.gradients())
    assert len(rows) == 4 and rows[0].shape == (2 * 3 + 3 + 3 * 2 + 2,)
    total = sum(clips.loss(index) for index in range(4)) / 4
    whole = torch.autograd.grad(total, clips.parameters)
    assert torch.allclose(
        torch.cat([g.flatten() for g in whole]), torch.stack(rows).mean(0), atol=1e-6
    )
    assert clips.mean_loss() == pytest.approx(float(total.detach()))


def test_clips_are_drawn_of_each_class_and_the_same_for_a_seed():
    labels = torch.tensor([0, 1] * 10 + [1] * 20)
    found = choose(labels, 5, seed=1)
    assert len(set(found)) == 10 and labels[found].tolist() == [0] * 5 + [1] * 5
    assert found == choose(labels, 5, seed=1) != choose(labels, 5, seed=2)
    assert len(choose(labels, 15, seed=1)) == 25


def test_every_diagnostic_says_what_it_can_tell():
    assert all(len(text) > 40 for text in MEANINGS.values())


def test_a_rank_correlation_has_an_interval_that_narrows():
    rng = np.random.default_rng(7)
    x = rng.normal(size=200)
    y = x + rng.normal(size=200)
    rho, (low, high) = rank_correlation(x, y)
    assert low < rho < high and high - low < 0.25
    few, (lower, higher) = rank_correlation(x[:8], y[:8])
    assert higher - lower > 0.7 and lower <= few <= higher
    assert rank_correlation(x, np.exp(x))[0] == 1
    for size in (5, 24):
        nearly = 1 - 12 / (size * (size**2 - 1))  # where two neighbours are exchanged
        whole, less = rho_interval(1.0, size), rho_interval(nearly, size)
        assert less[0] == whole[0] < nearly < whole[1] == 1
        assert rho_interval(-1.0, size) == (-1, pytest.approx(-whole[0]))
    with pytest.raises(ValueError, match="found 4 experiments, wanted 5 or more"):
        rank_correlation(x[:4], y[:4])


def test_what_does_not_tell_is_said_so():
    assert "Whether ece tells the EER cannot be said here" in sentence(
        "ece", "the EER", 0.3, (-0.2, 0.7)
    )
    assert sentence("ece", "the EER", -0.6, (-0.9, -0.2)).startswith("The larger ece, the smaller")
    rho, interval = rank_correlation([1.0] * 6, range(6))
    assert "the same in all" in sentence("ece", "the EER", rho, interval)


def test_intervals_of_a_rank_correlation_hold_it():
    rng, held = np.random.default_rng(8), 0
    true = 6 / np.pi * np.arcsin(0.6 / 2)  # of two normal variables that correlate by 0.6
    for _ in range(400):
        x = rng.normal(size=20)
        y = 0.6 * x + 0.8 * rng.normal(size=20)
        _, (low, high) = rank_correlation(x, y)
        held += low <= true <= high
    assert 0.92 <= held / 400 <= 0.99


def test_the_gap_of_the_loss_is_that_on_dev_less_that_in_training():
    torch.manual_seed(9)
    dev, before = some_clips(Model(), 6), some_clips(Model(), 4)
    found = diagnose(dev, draws=2, seed=0, before=before)
    assert found["loss_gap"] == pytest.approx(dev.mean_loss() - before.mean_loss())
    assert found["loss"] == pytest.approx(dev.mean_loss())
    assert diagnose(dev, draws=2, seed=0)["loss_gap"] is None
