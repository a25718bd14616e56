"""Logistic calibration against its objective written down term by term, softened or not."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from antispoof.evaluation import logistic
from antispoof.evaluation.logistic import SeparableError, fit_logistic


def trials(seed, count, systems, shift=1.0):
    """Scores of very unlike scales and centres; twice as many spoof as bona fide."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3 == 0
    scores = rng.normal(0, 1, (count, systems)) + shift * labels[:, None]
    return scores * 10.0 ** np.arange(systems) - 5 * np.arange(1, systems + 1), labels


def plain_cost(x, scores, labels, prior, smooth):
    """p mean(softplus(-z)) of bona fide + (1 - p) mean(softplus(z)) of spoof, z with the prior."""
    nb = sum(labels)
    ns = len(labels) - nb
    logit, total = math.log(prior / (1 - prior)), 0.0
    for row, is_bonafide in zip(scores, labels, strict=True):
        z = float(row @ x[:-1]) + x[-1] + logit
        yes, no = np.logaddexp(0, -z), np.logaddexp(0, z)
        answer = float(is_bonafide)
        if smooth:
            answer = (nb + 1) / (nb + 2) if is_bonafide else 1 / (ns + 2)
        mass = prior / nb if is_bonafide else (1 - prior) / ns
        total += mass * (answer * yes + (1 - answer) * no)
    return total


@pytest.mark.parametrize("systems", [1, 2])
@pytest.mark.parametrize("prior", [None, 0.2, 0.97])
@pytest.mark.parametrize("smooth", [False, True])
def test_no_step_from_the_solution_costs_less(systems, prior, smooth):
    scores, labels = trials(3, 31, systems)
    options = {} if prior is None else {"prior": prior}
    weights, offset = fit_logistic(scores, labels, smooth=smooth, **options)
    found = np.append(weights, offset)
    p = prior or 0.95 / (0.95 + 0.5)
    least = plain_cost(found, scores, labels, p, smooth)
    size = np.append(10.0 ** -np.arange(systems), 1)
    for direction in (*np.eye(systems + 1), np.ones(systems + 1)):
        for step in (-1e-3, 1e-3):
            moved = plain_cost(found + step * direction * size, scores, labels, p, smooth)
            assert least < moved


@pytest.mark.parametrize("prior", [0.3, 0.8])
@pytest.mark.parametrize("upside_down", [False, True])
def test_softened_answers_are_those_of_platt(prior, upside_down):
    """On scores that part the classes, with unequal numbers: the optimum of the softened cost."""
    scores = np.array([[1.0], [2.5], [3], [4], [6], [7.5], [7]]) * (-1 if upside_down else 1)
    labels = np.array([False, False, False, False, True, True, True])
    with pytest.raises(SeparableError, match="part 3 bona fide from 4 spoof"):
        fit_logistic(scores, labels, prior)
    weights, offset = fit_logistic(scores, labels, prior, smooth=True)
    options = {"method": "Nelder-Mead", "options": {"xatol": 1e-9, "fatol": 1e-15}}
    other = minimize(plain_cost, [0.0, 0.0], (scores, labels, prior, True), **options)
    assert [weights[0], offset] == pytest.approx(list(other.x), abs=1e-5)


def test_a_vector_is_one_system_and_labels_may_be_numbers():
    scores, labels = trials(4, 40, 1)
    wanted = fit_logistic(scores, labels, 0.4)
    got = fit_logistic(scores[:, 0], labels.astype(int), 0.4)
    assert got[0].tolist() == wanted[0].tolist() and got[1] == wanted[1]
    assert got[0].shape == (1,) and type(got[1]) is float


def test_the_effective_prior_is_that_of_the_standard_costs():
    assert pytest.approx(0.95 * 1 / (0.95 * 1 + 0.05 * 10)) == logistic.EFFECTIVE_PRIOR
    scores, labels = trials(5, 40, 2)
    wanted = fit_logistic(scores, labels, logistic.EFFECTIVE_PRIOR)
    assert fit_logistic(scores, labels)[1] == wanted[1]
    assert fit_logistic(scores, labels, 0.5)[1] != wanted[1]


@pytest.mark.parametrize("prior", [0, 1, -0.1, 1.2])
def test_priors_of_certainty_are_refused(prior):
    scores, labels = trials(6, 20, 1)
    with pytest.raises(ValueError, match=f"prior {prior}, wanted 0 < prior < 1"):
        fit_logistic(scores, labels, prior)


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        (np.zeros((4, 0)), [0, 1, 0, 1], r"\(4, 0\)"),
        (np.zeros((2, 2, 2)), [0, 1], r"\(2, 2, 2\)"),
        ([1.0, 2, 3], [[0], [1], [1]], r"labels \(3, 1\)"),
        ([1.0, 2, 3], [0, 0, 0], "0 bona fide and 3 spoof"),
        ([1.0, 2, 3], [1, 1, 1], "3 bona fide and 0 spoof"),
        ([[1.0, 2], [2, np.inf], [3, 1]], [0, 1, 1], "system 2: scores: found 0 NaN and 1 inf"),
        ([[4.0, 2], [4, 3], [4, 1]], [0, 1, 1], "system 1: found 1 distinct score among 3"),
    ],
)
def test_what_cannot_be_fitted_is_refused(scores, labels, words):
    with pytest.raises(ValueError, match=words) as caught:
        fit_logistic(scores, labels)
    assert not isinstance(caught.value, SeparableError)


def test_one_trial_on_the_wrong_side_is_enough_for_an_optimum():
    scores, labels = np.array([1.0, 2, 3.1, 3, 4, 5]), np.array([0, 0, 0, 1, 1, 1])
    weights, offset = fit_logistic(scores, labels)
    gap = 1 / (1 + np.exp(-(weights[0] * scores + offset + math.log(0.95 / 0.5)))) - labels
    mass = np.where(labels, 0.95, 0.5) / 3
    assert abs(mass @ gap) < 1e-12 and abs((mass * scores) @ gap) < 1e-11
    scores[2] = 3  # a tie on the border parts them
    with pytest.raises(SeparableError):
        fit_logistic(scores, labels)
