"""Logistic calibration against its objective, its laws, and what has no optimum."""

import numpy as np
import pytest
from scipy.optimize import minimize

from antispoof import metrics
from antispoof.evaluation.logistic import EFFECTIVE_PRIOR, SeparableError, fit_logistic, pav


def trials(n=400, systems=2, seed=0):
    rng = np.random.default_rng(seed)
    is_bonafide = rng.random(n) < 0.3
    means = np.where(is_bonafide[:, None], 1.0, -0.5)
    return (means + rng.normal(0, 1, (n, systems))) * np.logspace(0, 2, systems), is_bonafide


def objective(solution, scores, is_bonafide, prior):
    z = scores @ solution[:-1] + solution[-1] + np.log(prior / (1 - prior))
    bonafide, spoof = np.logaddexp(0, -z[is_bonafide]), np.logaddexp(0, z[~is_bonafide])
    return prior * bonafide.mean() + (1 - prior) * spoof.mean()


def test_effective_prior():
    assert pytest.approx(0.6551724137931034) == EFFECTIVE_PRIOR


@pytest.mark.parametrize("systems", [1, 2, 4])
@pytest.mark.parametrize("prior", [EFFECTIVE_PRIOR, 0.5, 0.05])
def test_is_the_least_of_its_objective(systems, prior):
    scores, is_bonafide = trials(systems=systems)
    weights, offset = fit_logistic(scores, is_bonafide, prior)
    assert weights.shape == (systems,)
    found = np.append(weights, offset)
    size = np.append(scores.std(axis=0), 1)
    z = scores @ weights + offset + np.log(prior / (1 - prior))
    p = 1 / (1 + np.exp(-z))
    mass = np.where(is_bonafide, prior / is_bonafide.sum(), (1 - prior) / (~is_bonafide).sum())
    gradient = np.column_stack([scores, np.ones(len(z))]).T @ (mass * (p - is_bonafide)) / size
    assert np.abs(gradient).max() < 1e-14
    other = minimize(lambda x: objective(x / size, scores, is_bonafide, prior), found * 0)
    assert objective(found, scores, is_bonafide, prior) <= other.fun + 1e-12


def test_same_as_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    scores, is_bonafide = trials(systems=3)
    weights, offset = fit_logistic(scores, is_bonafide)
    p = EFFECTIVE_PRIOR
    mass = np.where(is_bonafide, p / is_bonafide.mean(), (1 - p) / (~is_bonafide).mean())
    model = linear_model.LogisticRegression(C=np.inf, tol=1e-14, solver="newton-cholesky")
    size = scores.std(axis=0)
    model.fit(scores / size, is_bonafide, sample_weight=mass)
    np.testing.assert_allclose(weights, model.coef_[0] / size, rtol=0, atol=1e-11)
    wanted = model.intercept_[0] - np.log(p / (1 - p))
    assert offset == pytest.approx(wanted, abs=1e-11)


def test_laws():
    scores, is_bonafide = trials(systems=1)
    weights, offset = fit_logistic(scores, is_bonafide)
    llr = scores @ weights + offset
    again, rest = fit_logistic(llr, is_bonafide)  # what is calibrated stays as it is
    assert again[0] == pytest.approx(1, abs=1e-9)
    assert rest == pytest.approx(0, abs=1e-9)
    slope, shift = fit_logistic(5 * scores - 3, is_bonafide)
    np.testing.assert_allclose((5 * scores - 3) @ slope + shift, llr, atol=1e-9)
    assert weights[0] > 0
    assert fit_logistic(-scores, is_bonafide)[0][0] == pytest.approx(-weights[0])
    parts = llr[is_bonafide], llr[~is_bonafide]
    assert metrics.min_cllr(*parts) <= metrics.cllr(*parts) < 1
    raw = 30 * scores[:, 0]
    assert metrics.cllr(*parts) < metrics.cllr(raw[is_bonafide], raw[~is_bonafide])


def test_same_bytes_each_time():
    scores, is_bonafide = trials(systems=3)
    first, second = (fit_logistic(scores, is_bonafide) for _ in range(2))
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1] == second[1]


def test_systems_that_repeat_each_other_share_the_weight():
    scores, is_bonafide = trials(systems=1)
    weights, offset = fit_logistic(scores, is_bonafide)
    both, same = fit_logistic(np.hstack([scores, scores]), is_bonafide)
    np.testing.assert_allclose(both, weights[0] / 2, rtol=1e-9)
    assert same == pytest.approx(offset)


@pytest.mark.parametrize(
    "scores",
    [
        [1.0, 2, 3, 4],  # parted
        [1.0, 2, 2, 3],  # parted but for a tie on the border
        [-1.0, -2, -3, -4],  # parted upside down
        [[1.0, 0], [0, 1], [1, 1], [2, 0.5]],  # parted by a sum only
    ],
)
def test_separable_scores_are_told_and_can_be_softened(scores):
    scores, is_bonafide = np.array(scores), np.array([False, False, True, True])
    with pytest.raises(SeparableError, match="2 bona fide from 2 spoof"):
        fit_logistic(scores, is_bonafide)
    weights, offset = fit_logistic(scores, is_bonafide, smooth=True)
    llr = scores.reshape(4, -1) @ weights + offset
    assert np.isfinite(llr).all()
    assert metrics.eer(llr[is_bonafide], llr[~is_bonafide]) in (0, 0.25, 0.5)
    assert metrics.cllr(llr[is_bonafide], llr[~is_bonafide]) < 1


def test_almost_separable_scores_converge():
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(30, 1, 3000), rng.normal(-30, 1, 3000), [-1.0, 1.0]])
    is_bonafide = np.repeat([True, False, True, False], [3000, 3000, 1, 1])
    weights, offset = fit_logistic(scores, is_bonafide)
    p = 1 / (
        1 + np.exp(-(scores * weights + offset + np.log(EFFECTIVE_PRIOR / (1 - EFFECTIVE_PRIOR))))
    )
    gap = p - is_bonafide
    mass = np.where(is_bonafide, EFFECTIVE_PRIOR, 1 - EFFECTIVE_PRIOR) / 3001
    assert abs(mass @ gap) < 1e-13
    assert abs((mass * scores) @ gap) < 1e-12


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([1, 2, 3], [1, 1, 1], "3 bona fide and 0 spoof"),
        ([1, np.nan, 3], [0, 1, 1], "1 NaN"),
        ([2, 2, 2], [0, 1, 1], "system 1: found 1 distinct"),
        ([[1, 5], [2, 5], [3, 5]], [0, 1, 1], "system 2: found 1 distinct"),
        ([1, 2, 3], [0, 1], "labels"),
    ],
)
def test_bad_input_is_refused(scores, labels, words):
    with pytest.raises(ValueError, match=words):
        fit_logistic(scores, labels)
    with pytest.raises(ValueError, match="prior"):
        fit_logistic([1, 3, 2, 4], [0, 0, 1, 1], prior=1.0)


def test_pav_by_hand():
    thresholds, llr = pav(np.array([2.0, 3, 5]), np.array([1.0, 3, 4]))
    # blocks {1}, {2 3 3 4}, {5}; the middle one holds 2/3 of each class
    np.testing.assert_array_equal(thresholds, [1, 2, 5])
    np.testing.assert_array_equal(llr, [-np.inf, 0, np.inf])


def test_pav_is_the_best_monotone_calibration():
    rng = np.random.default_rng(2)
    bonafide, spoof = np.round(rng.normal(1, 1, 300), 1), np.round(rng.normal(0, 1, 500), 1)
    thresholds, llr = pav(bonafide, spoof)
    assert (np.diff(llr) > 0).all()
    parts = [llr[thresholds.searchsorted(part, side="right") - 1] for part in (bonafide, spoof)]
    cost = [
        np.log2(1 + np.exp(sign * part)).mean() for sign, part in zip((-1, 1), parts, strict=True)
    ]
    assert metrics.min_cllr(bonafide, spoof) == pytest.approx(sum(cost) / 2)
