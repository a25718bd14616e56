"""Intervals of source tracing: of speakers without a name, of few, of sources that are known."""

import json

import numpy as np
import pytest
from made_up import worker
from traced_sets import CLASSES, DEV, TRAIN, make_place, traced

from antispoof.data.tables import read_table, write_table
from antispoof.evaluation.tracing import Sources, dev_threshold
from antispoof.evaluation.tracing_result import judge_tracing

UNKNOWN = [f"A{n}" for n in range(11, 18)]


def made(names, speakers, spread=1.8):
    """A set of these sources, by these speakers."""
    truth = [CLASSES.index(n) if n in CLASSES else -1 for n in names]
    return Sources(traced(names, 3, spread=spread), np.array(names), np.array(truth), speakers)


def judged(own, classes=CLASSES, **how):
    how = {"replicates": 100, **how}
    return judge_tracing(classes, TRAIN.traced, DEV, own, **how)


def width(found, metric, kind):
    low, high = found["intervals"][metric][kind]
    return high - low


def test_each_source_by_voices_of_its_own_has_an_interval_of_some_width():
    """Drawn within sources of one set of voices each, all voices would come in every draw."""
    names = [*CLASSES, "A07"] * 24
    own = made(names, np.array([f"{n}{k // 8 % 3}" for k, n in enumerate(names)]))
    found = judged(own)
    assert width(found, "macro_f1", "speaker") > 0.02 and found["refused"] == {}


def test_one_voice_for_each_source_is_no_interval_and_it_is_said():
    names = [*CLASSES, *UNKNOWN] * 16
    found = judged(made(names, np.array(names)))
    assert "found trials of one kind by a single speaker" in found["refused"]["speaker"]
    assert {kind for kinds in found["intervals"].values() for kind in kinds} == {"iid", "crossed"}


@pytest.mark.parametrize("count", [None, 4])
def test_fewer_than_five_speakers_are_no_interval_and_it_is_said(count):
    names = [*CLASSES, "A07"] * 16
    spoken = None if count is None else np.arange(64) // 4 % count
    found = judged(made(names, spoken))
    assert found["speakers"] == count
    assert set(found["intervals"]["macro_f1"]) == {"iid"}
    said = "no speaker with a name" if count is None else "found 4 speakers, wanted 5 or more"
    assert said in found["refused"]["speaker"]


def test_trials_without_a_speaker_are_not_of_one_person(tmp_path):
    place, call = make_place(tmp_path), ("exp/x_seed1", "--out", "out", "--bootstrap", 50)
    sets = ("--train", "data/train", "--dev", "data/dev", "data/eval")
    path = place / "data/eval/utt2spk"
    table = read_table(path)
    sourced = read_table(place / "data/eval/utt2attack")
    for every in (2, 1):
        own = {u: "-" if n % every == 0 else s for n, (u, s) in enumerate(table.items())}
        write_table(path, own)
        kept = [s for u, s in own.items() if sourced[u] != "-"]
        speakers = kept.count("-") + len({*kept} - {"-"}) if every == 2 else None
        status, out, error = worker("steps/evaluate_tracing.py", *sets, *call, cwd=place)
        assert status == 0, error
        found = json.loads((place / "exp/x_seed1/eval/tracing.json").read_text())
        assert found["speakers"] == speakers
        if speakers:
            assert width(found, "macro_f1", "speaker") > 0.02
    assert "out: no intervals by speaker: found no speaker with a name" in out


def test_an_unknown_source_by_one_voice_leaves_the_intervals_of_speakers():
    """Unknown sources are one class: a draw may lose some of them."""
    names = [*CLASSES, *UNKNOWN] * 16
    spoken = [n if n in UNKNOWN else f"s{k % 7}" for k, n in enumerate(names)]
    found = judged(made(names, np.array(spoken)))
    assert found["refused"] == {}
    assert width(found, "eer_nsd", "speaker") > 0.05


def test_the_crossed_interval_draws_unknown_sources_and_no_known_one():
    names = [*CLASSES, *UNKNOWN] * 12
    spoken = np.arange(len(names)) % 13
    found = judged(made(names, spoken), replicates=2)
    assert found["crossed"] == {
        "over": "speakers and unknown sources",
        "units": "13 speakers and 7 unknown sources; for these 3 known sources alone",
    }
    few = judged(made([n for n in names if n not in UNKNOWN[:3]], spoken[:84]), replicates=2)
    assert few["crossed"]["units"] == (
        "13 speakers; for these 4 unknown sources alone; for these 3 known sources alone"
    )
    assert few["crossed"]["over"] == "speakers"
    alone = judged(made([n for n in names if n in CLASSES], spoken[:36]), replicates=2)
    assert "crossed" not in alone


def test_which_known_source_a_trial_is_of_moves_no_crossed_interval():
    """They are not drawn: the same scores, with the known sources dealt out in another way."""
    names = [*CLASSES, *UNKNOWN] * 12
    own = made(names, np.arange(len(names)) % 13)
    known = np.flatnonzero(own.known)
    other = own.names.copy()
    other[known] = np.sort(own.names[known])
    first, second = (
        judged(Sources(own.traced, of, own.truth, own.speakers), replicates=2)
        for of in (own.names, other)
    )
    for name in ("eer_nsd", "eer_energy"):
        assert first["intervals"][name]["crossed"] == second["intervals"][name]["crossed"]


def test_more_than_63_sources_are_judged():
    names = [*CLASSES, *(f"S{n:02d}" for n in range(80))] * 6
    spoken = np.arange(len(names)) % 40
    found = judged(made(names, spoken), replicates=10)
    assert found["counts"] == {"known": 18, "unknown": 480}
    assert width(found, "eer_nsd", "speaker") > 0


def test_what_is_rejected_at_the_eer_of_dev_is_not_accepted_by_its_threshold():
    """Scores that saturate: all that are tied at the threshold of the EER are rejected ones."""
    scores = np.array([1.0, 1, 1, 0.5, 0.2, 1, 0.9, 0.1, 0.0, 0.0])
    known = np.array([True] * 5 + [False] * 5)
    threshold, _ = dev_threshold(scores, known)
    rejected = np.mean(scores[known] < threshold), np.mean(scores[~known] >= threshold)
    assert rejected == (0.4, 0.4) or abs(rejected[0] - rejected[1]) <= 0.2
    assert threshold not in scores
