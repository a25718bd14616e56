"""Laws of the metrics over random sets full of ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_metrics import plain_eer, plain_least

from antispoof import metrics

SCORES = st.lists(st.integers(-4, 4), min_size=1, max_size=30)
SETS = st.tuples(SCORES, SCORES).filter(lambda parts: len({*parts[0], *parts[1]}) > 1)


@given(SETS)
@settings(max_examples=150, deadline=None)
def test_the_official_walk(parts):
    assert metrics.eer(*parts) == plain_eer(*parts)[0]
    assert metrics.min_dcf(*parts) == pytest.approx(plain_least(*parts, 1.9, 1), abs=1e-12)


@given(SETS)
@settings(max_examples=100, deadline=None)
def test_rising_maps_change_no_rank(parts):
    mapped = [np.exp(np.array(part) / 2) * 7 - 3 for part in parts]
    for metric in (metrics.eer, metrics.min_dcf, metrics.auc, metrics.min_cllr):
        assert metric(*mapped) == pytest.approx(metric(*parts), abs=1e-12)


@given(SETS)
@settings(max_examples=100, deadline=None)
def test_the_least_is_no_more_than_the_actual(parts):
    assert metrics.min_dcf(*parts) <= metrics.act_dcf(*parts) + 1e-12
    assert metrics.min_cllr(*parts) <= min(metrics.cllr(*parts), 1) + 1e-12
    assert metrics.min_dcf(*parts) <= 1
    assert 0 <= metrics.ece(*(1 / (1 + np.exp(-np.array(part))) for part in parts)) <= 1


@given(SETS)
@settings(max_examples=100, deadline=None)
def test_areas_of_the_two_classes_add_up(parts):
    both = metrics.auc(*parts) + metrics.auc(*parts[::-1])
    assert both == pytest.approx(1)


@given(SETS)
@settings(max_examples=100, deadline=None)
def test_tandem_costs_are_costs(parts):
    asv = (np.arange(20) + 8.0, np.arange(20) - 8.0, np.arange(20) + 0.0)
    for value in (metrics.tdcf_2019(*parts, *asv), metrics.tdcf_2021(*parts, *asv)):
        assert 0 <= value <= 1 + 1e-12
    assert metrics.tdcf_asvspoof5(*parts) <= 1 + 1e-12


def test_the_pooled_value_is_not_the_mean_of_the_cells():
    # two codecs, each without an error, at different levels: pooled, half of each class errs
    quiet, loud = ([1, 2], [-1, 0]), ([4, 5], [2.5, 3])
    assert metrics.eer(*quiet) == metrics.eer(*loud) == 0
    pooled = [*quiet[0], *loud[0]], [*quiet[1], *loud[1]]
    assert metrics.eer(*pooled) == 0.5  # 1 and 2 lie below 2.5 and 3
    order = [5, 1, 4, 2], [3, 0, 2.5, -1]
    assert metrics.eer(*order) == metrics.eer(*pooled)
