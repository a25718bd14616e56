"""Segment and range EER: cases by hand, against a grid of milliseconds, and intervals by unit."""

import itertools

import numpy as np
import pytest

from antispoof.errors import UserError
from antispoof.metrics import eer
from antispoof.metrics.localisation import (
    Pieces,
    labels_at,
    least_of,
    range_pieces,
    segment_pieces,
    unit_intervals,
    weighted_eer,
)

HALF = [(0.0, 0.5, "bonafide"), (0.5, 1.0, "spoof")]


def value(pieces):
    return float(weighted_eer(pieces)[0])


def drawn(seed, count=12, own=0.02):
    """Scores of frames that know something, and segments on milliseconds, of some utterances."""
    rng = np.random.default_rng(seed)
    scores, spans = [], []
    for _ in range(count):
        cuts = np.unique(np.concatenate([[0], rng.integers(1, 900, 3), [rng.integers(901, 1400)]]))
        names = ["spoof", "bonafide"] if rng.random() < 0.5 else ["bonafide", "spoof"]
        own_spans = [
            (a / 1000, b / 1000, names[n % 2]) for n, (a, b) in enumerate(itertools.pairwise(cuts))
        ]
        labels = labels_at(own_spans, own)
        scores.append(np.round(labels + rng.normal(0, 0.7, len(labels)), 1))
        spans.append(own_spans)
    return scores, spans


def test_the_range_eer_of_one_utterance_by_hand():
    """Frames end at 0.4 and 0.8 s. Rejected up to 1: 0.1 s of 0.5 s bona fide, no spoof is left."""
    found = range_pieces([np.array([2.0, 1.0, -1.0])], [HALF], 0.4)
    assert found.weights.round(9).tolist() == [0.4, 0.1, 0.3, 0.2]
    assert found.scores.tolist() == [2, 1, 1, -1]
    assert found.bonafide.tolist() == [True, True, False, False]
    assert value(found) == pytest.approx((0.2 + 0.0) / 2)


def test_the_segment_eer_of_one_utterance_by_hand():
    """Scores 3 1 2 0, classes b b s s at 0.25 s: after 0 and 1, one of two bona fide is rejected,
    and one of two spoofs is accepted.
    """
    scores = [np.array([3.0, 1.0, 2.0, 0.0])]
    assert value(segment_pieces(scores, [HALF], 0.25, 0.25)) == 0.5
    # windows of 0.5 s: least scores 1 and 0, which are in order
    coarse = segment_pieces(scores, [HALF], 0.25, 0.5)
    assert coarse.scores.tolist() == [1, 0]
    assert coarse.bonafide.tolist() == [True, False]
    assert value(coarse) == 0.0
    fine = segment_pieces(scores, [HALF], 0.25, 0.125)
    assert fine.scores.tolist() == [3, 3, 1, 1, 2, 2, 0, 0]
    assert fine.bonafide.sum() == 4


def test_a_segment_has_the_least_label_of_the_finest_frames_whatever_the_model():
    """Spoof from 0.1 to 0.75 s: rounded at 0.64 s, the first of two frames would be bona fide."""
    spans = [[(0.0, 0.1, "bonafide"), (0.1, 0.75, "spoof"), (0.75, 2.56, "bonafide")]]
    scores = {0.02: np.zeros(128), 0.64: np.zeros(4)}
    for own, values in scores.items():
        found = segment_pieces([values], spans, own, 0.64, 0.02)
        assert found.bonafide.tolist() == [False, False, True, True], own


def test_what_is_left_over_of_a_coarser_window_is_a_segment():
    scores = [np.array([3.0, 1.0, 2.0])]
    spans = [[(0.0, 0.4, "bonafide"), (0.4, 0.6, "spoof")]]
    found = segment_pieces(scores, spans, 0.2, 0.4)
    assert found.scores.tolist() == [1, 2]
    assert found.bonafide.tolist() == [True, False]


def test_a_frame_is_spoofed_by_rounded_ends_and_the_last_one_is_begun():
    spans = [(0.0, 0.049, "bonafide"), (0.049, 0.11, "spoof"), (0.11, 0.205, "bonafide")]
    # 0.049 / 0.02 = 2.45 rounds to 2, 0.11 / 0.02 = 5.5 to 6; 0.205 s are 11 frames
    assert labels_at(spans, 0.02).tolist() == [1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    # 0.049 / 0.04 = 1.225 to 1, 0.11 / 0.04 = 2.75 to 3; 6 frames
    assert labels_at(spans, 0.04).tolist() == [1, 0, 0, 1, 1, 1]


def test_a_window_has_its_least_value_and_the_rest_is_one():
    assert least_of(np.array([1, 1, 0, 1, 1, 1, 1]), 2).tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("seed", range(6))
def test_the_segment_eer_is_the_official_one_of_all_segments(seed):
    scores, spans = drawn(seed)
    found = segment_pieces(scores, spans, 0.02, 0.04)
    bona, spoof = [], []
    for own, segments in zip(scores, spans, strict=True):
        labels = labels_at(segments, 0.02)
        for first in range(0, len(own), 2):
            kind = bona if labels[first : first + 2].min() == 1 else spoof
            kind.append(own[first : first + 2].min())
    assert value(found) == eer(np.array(bona), np.array(spoof))


def plain_range_eer(scores, spans, own):
    """The same of a grid of milliseconds, threshold by threshold."""
    trials = []
    for values, segments in zip(scores, spans, strict=True):
        for label_start, label_end, label in segments:
            for tick in range(round(label_start * 1000), round(label_end * 1000)):
                frame = min(tick // round(own * 1000), len(values) - 1)
                trials.append((values[frame], label == "bonafide"))
    kinds = np.array([b for _, b in trials])
    points = np.array([s for s, _ in trials])
    rates = [(0.0, 1.0)]
    for t in np.unique(points):
        rates.append((np.mean(points[kinds] <= t), np.mean(points[~kinds] > t)))
    gaps = [round(abs(a - b), 12) for a, b in rates]
    return sum(rates[int(np.argmin(gaps))]) / 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("own", [0.02, 0.16])
def test_the_range_eer_is_that_of_every_millisecond(seed, own):
    scores, spans = drawn(seed, own=own)
    found = value(range_pieces(scores, spans, own))
    assert found == pytest.approx(plain_range_eer(scores, spans, own), abs=1e-9)
    assert 0.05 < found < 0.45


def test_the_last_frame_lasts_to_the_end_and_frames_beyond_it_count_nothing():
    spans = [[(0.0, 0.1, "spoof"), (0.1, 1.0, "bonafide")]]
    short = range_pieces([np.array([0.0, 1.0])], spans, 0.1)
    assert short.weights.round(9).tolist() == [0.1, 0.9]
    long = range_pieces([np.arange(20.0)], spans, 0.1)
    assert long.scores.max() == 9


def test_scores_turned_round_give_the_rest_of_the_range_eer():
    scores, spans = drawn(3)
    found = range_pieces(scores, spans, 0.02)
    turned = range_pieces([-own for own in scores], spans, 0.02)
    assert value(found) + value(turned) == pytest.approx(1, abs=0.06)
    assert value(found) < 0.5


def test_a_replicate_counts_an_utterance_as_often_as_it_was_drawn():
    scores, spans = drawn(5)
    found = range_pieces(scores, spans, 0.02)
    times = np.array([[2, 0, 1] + [1] * 9, [1] * 12], float)
    chosen = [0, 0, 2, *range(3, 12)]
    again = range_pieces([scores[n] for n in chosen], [spans[n] for n in chosen], 0.02)
    assert weighted_eer(found, times) == pytest.approx([value(again), value(found)])


def test_intervals_hold_the_value_and_those_of_speakers_are_wider():
    scores, spans = drawn(7, count=60)
    for n in range(20):  # one speaker of three is upside down
        scores[n] = -scores[n]
    found = segment_pieces(scores, spans, 0.02, 0.02)
    ways = {"utterance": np.arange(60), "speaker": np.arange(60) // 20, "one": np.zeros(60)}
    by = unit_intervals(found, ways, replicates=400)
    assert by["utterance"][0] < value(found) < by["utterance"][1]
    assert np.ptp(by["speaker"]) > np.ptp(by["utterance"])
    assert by["one"] is None
    assert by == unit_intervals(found, ways, replicates=400)


def test_resolutions_that_are_no_multiples_are_refused():
    with pytest.raises(UserError, match="wanted a multiple of one another"):
        segment_pieces([np.zeros(5)], [HALF], 0.2, 0.3)


def test_one_class_alone_is_refused():
    found = segment_pieces([np.zeros(5)], [[(0.0, 1.0, "spoof")]], 0.2, 0.2)
    with pytest.raises(ValueError, match="one class alone"):
        weighted_eer(found)


@pytest.mark.parametrize("together", [True, False])
def test_intervals_sort_their_pieces_once(monkeypatch, together):
    """And are those of pieces that each block of replicates sorts."""
    scores, spans = drawn(2)
    make = range_pieces if together else lambda *words: segment_pieces(*words, 0.02)
    pieces, calls, sort = make(scores, spans, 0.02), [], np.lexsort
    monkeypatch.setattr(np, "lexsort", lambda keys: calls.append(keys) or sort(keys))
    units = {"utterance": np.arange(12), "half": np.arange(12) % 6}
    found = unit_intervals(pieces, units, replicates=200)
    assert len(calls) == 1
    rng = np.random.default_rng(0)
    values = [
        value_of
        for _ in range(4)
        for value_of in weighted_eer(pieces, rng.multinomial(12, np.full(12, 1 / 12), 64) * 1.0)
    ]
    assert found["utterance"] == pytest.approx(np.percentile(values[:200], [2.5, 97.5]))


def test_no_error_is_none_and_not_less():
    """Sums of 150 seconds, one by one and in pairs, differ by a rounding."""
    values = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        bonafide = np.arange(300) >= 150
        scores = np.where(bonafide, 1.0, -1.0) + rng.random(300) / 10
        own = Pieces(scores, rng.random(300), bonafide, np.zeros(300, int), True)
        values.append(weighted_eer(own)[0])
    assert min(values) == 0.0 and max(values) < 1e-12


def test_frames_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="1 frame scores not finite"):
        range_pieces([np.array([0.0, np.nan])], [HALF], 0.5)
