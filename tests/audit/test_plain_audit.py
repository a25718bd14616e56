"""Folds, classifier and verdict of the audit against plain forms."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from plain_corpus import RATE, sound
from plain_metrics import plain_auc, plain_eer
from scipy.optimize import minimize

from antispoof.audit import audit
from antispoof.audit.cues import cues
from antispoof.errors import UserError


def plain_separate(train, labels, test):
    """Both classes weigh the same; squares and products; the ridge of scikit-learn's default."""

    def standard(x, by):
        return (x - by.mean(axis=0)) / np.where(by.std(axis=0) > 0, by.std(axis=0), 1)

    def products(x):
        pairs = [(i, j) for i in range(x.shape[1]) for j in range(i, x.shape[1])]
        return np.column_stack([x, *(x[:, i] * x[:, j] for i, j in pairs)])

    learn, judge = products(standard(train, train)), products(standard(test, train))
    learn, judge = standard(learn, learn), standard(judge, learn)
    sign = np.where(labels, 1, -1)
    weight = len(labels) / 2 / np.where(labels, labels.sum(), (~labels).sum())

    def cost(x):
        z = sign * (learn @ x[:-1] + x[-1])
        return weight @ np.logaddexp(0, -z) + x[:-1] @ x[:-1] / 2

    x = minimize(cost, np.zeros(learn.shape[1] + 1), tol=1e-9).x
    return judge @ x[:-1] + x[-1]


@pytest.mark.parametrize("columns", [1, 3])
def test_the_classifier_is_a_balanced_logistic_regression_with_products(columns):
    rng = np.random.default_rng(columns)
    labels = rng.random(90) < 0.2
    scale = np.array([1, 300, 0.01])[:columns]
    train = (rng.normal(0, 1, (90, columns)) + labels[:, None]) * scale + 7 * scale
    test = (rng.normal(0.5, 1, (40, columns))) * scale + 7 * scale
    got = audit.separate(train, labels, test)
    np.testing.assert_allclose(got, plain_separate(train, labels, test), atol=5e-3)


def spy(monkeypatch, scores):
    """Let the classifier answer `scores` {row: score}; returns what it learnt from and judged."""
    seen = []

    def separate(train, labels, test):
        seen.append((train[:, 0].astype(int).tolist(), labels.tolist(), test[:, 0].astype(int)))
        return np.array([scores[row] for row in seen[-1][2]])

    monkeypatch.setattr(audit, "separate", separate)
    return seen


def corpus(bonafide, spoof, seed=0, count=120):
    """Labels, speakers (so many of each class, who spoke no other) and scores of rows."""
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.3
    people = [f"b{rng.integers(bonafide)}" if own else f"s{rng.integers(spoof)}" for own in labels]
    return labels, np.array(people), np.round(rng.normal(labels, 1.0), 1)


@pytest.mark.parametrize("speakers", [(10, 10), (14, 11), (9, 9), (9, 30), (30, 9)])
def test_every_row_is_judged_once_by_rows_of_other_speakers(monkeypatch, speakers):
    labels, people, scores = corpus(*speakers)
    seen = spy(monkeypatch, scores)
    found = audit.within({"cue": np.arange(120)[:, None]}, labels, people)
    aucs = []
    for learn, taught, judge in seen:
        assert sorted([*learn, *judge]) == list(range(120))
        assert taught == labels[learn].tolist()
        shared = {people[row] for row in learn} & {people[row] for row in judge}
        assert bool(shared) is (min(speakers) < 10)  # 9 are too few for 5 folds without sharing
        good, bad = ([scores[r] for r in judge if labels[r] == own] for own in (True, False))
        aucs.append(plain_auc(good, bad))
    assert len(seen) == 5 and sorted(r for *_, judge in seen for r in judge) == list(range(120))
    assert found == {"cue": pytest.approx(sum(aucs) / 5)}


def test_folds_are_the_same_for_every_cue_and_each_cue_has_its_own_value(monkeypatch):
    labels, people, scores = corpus(12, 12, seed=1)
    seen = spy(monkeypatch, scores)
    rows = np.arange(120)[:, None]
    found = audit.within({"one": rows, "two": rows}, labels, people)
    assert [s[0] for s in seen[:5]] == [s[0] for s in seen[5:]]
    assert list(found) == ["one", "two"] and found["one"] == found["two"]


def test_folds_without_speakers_are_drawn_and_have_the_share_of_both_classes(monkeypatch):
    labels = np.arange(100) < 30
    seen = spy(monkeypatch, np.arange(100.0))
    audit.within({"cue": np.arange(100)[:, None]}, labels, np.array(["x"] * 100))
    for _, _, judge in seen:
        good = [row for row in judge if labels[row]]
        assert (len(good), len(judge)) == (6, 20)
        assert good != list(range(good[0], good[0] + 6))  # no block of the table


@pytest.mark.parametrize(("few", "wanted"), [(4, set()), (5, {"cue"})])
@pytest.mark.parametrize("which", [True, False])
def test_a_class_of_fewer_than_five_has_no_folds(monkeypatch, few, wanted, which):
    labels = np.arange(60) < few
    labels = labels if which else ~labels
    spy(monkeypatch, np.arange(60.0))
    found = audit.within({"cue": np.arange(60)[:, None]}, labels, np.array(["x"] * 60))
    assert set(found) == wanted


def test_across_sets_each_list_is_judged_by_itself():
    rng = np.random.default_rng(2)
    learnt, labels = rng.random(80) < 0.4, rng.random(50) < 0.3
    train = {name: rng.normal(0, 1, (80, 1)) + 0.8 * learnt[:, None] for name in ("p", "q")}
    test = {name: rng.normal(0, 1, (50, 1)) + 0.5 * labels[:, None] for name in ("p", "q")}
    some = rng.random(50) < 0.6
    trials = {"all": np.ones(50, bool), "some": some, "bona": labels, "spoof": ~labels}
    found = audit.across(train, learnt, test, labels, trials)
    assert list(found) == ["p", "q"]
    for name, lists in found.items():
        assert list(lists) == ["all", "some"]  # the others hold one class
        scores = audit.separate(train[name], learnt, test[name])
        for title, own in lists.items():
            parts = scores[trials[title] & labels], scores[trials[title] & ~labels]
            assert own["auc"] == pytest.approx(plain_auc(*parts))
            assert own["eer"] == pytest.approx(plain_eer(*parts)[0])


def test_rates_are_chance_where_all_is_one_tie_and_fair_where_some_is():
    assert audit.rates(np.zeros(3), np.zeros(5)) == {"eer": 0.5, "auc": 0.5}
    rng = np.random.default_rng(3)
    bonafide, spoof = rng.normal(0.5, 1, 31), rng.normal(-0.5, 1, 47)
    found = audit.rates(bonafide, spoof)
    assert found["eer"] == plain_eer(bonafide, spoof)[0]
    assert found["auc"] == pytest.approx(plain_auc(bonafide, spoof))
    # 1 of 4 bona fide above a tie of all others: the official walk would say 3/4
    bonafide, spoof = np.r_[np.zeros(300), np.ones(100)], np.zeros(400)
    found = audit.rates(bonafide, spoof)
    assert found["auc"] == pytest.approx(0.625)
    assert found["eer"] == pytest.approx(3 / 7, abs=0.05)  # 3/4 t = 1 - t on the line of the tie
    assert found == audit.rates(bonafide, spoof)


def tables(**values):
    """Tables of utterances: {utt: speaker}."""
    return {"wav.scp": dict.fromkeys(values, "x"), "utt2spk": values}


def test_sets_share_ids_speakers_and_sounds():
    first = tables(u3="c", u1="a", u2="-", u9="b")
    second = tables(u9="-", u4="b", u3="a", u5="z")
    one = {"u1": "11", "u2": "22", "u3": "33", "u9": "99"}
    two = {"u3": "99", "u4": "11", "u5": "11", "u9": "00"}
    assert audit.shared(first, second, one, two) == {
        "ids": ["u3", "u9"],
        "speakers": ["a", "b"],
        "sounds": ["u1 u4", "u1 u5", "u9 u3"],
    }
    nothing = audit.shared(tables(a="-"), tables(b="-"), {"a": "1"}, {"b": "2"})
    assert nothing == {"ids": [], "speakers": [], "sounds": []}


def test_the_verdict_is_of_the_worst_list_and_the_worst_comes_first():
    within = {"data/a": {"level": 0.71, "silence": 0.9}, "data/b": {"level": 0.7}}
    lists = {"all": {"auc": 0.65, "eer": 0.1}, "known": {"auc": 0.8}, "unknown": {"auc": 0.72}}
    across = {"data/b": {"level": lists, "format": {"all": {"auc": 0.7}}}}
    common = {"a and b": {"ids": [], "speakers": ["s1", "s2"], "sounds": ["u v"]}}
    assert audit.verdict(within, across, common, 0.7) == [
        "shortcut: silence: AUC 0.900 in data/a, cross-validated",
        "shortcut: level: AUC 0.800 in data/b on known, learnt on the other sets",
        "shortcut: level: AUC 0.710 in data/a, cross-validated",
        "shared by a and b: 2 speakers, e.g. s1",
        "shared by a and b: 1 sounds, e.g. u v",
    ]
    assert len(audit.verdict(within, across, {}, 0.85)) == 1
    assert audit.verdict(within, across, {}, 0.9) == []


def test_formats_become_columns_of_all_sets_and_trivial_cues_stand_together():
    rng = np.random.default_rng(4)
    names = ("duration", "silence", "level", "bandwidth", "crest_factor")
    sizes = (1, 2, 1, 4, 1)
    sets = [
        {
            **{n: rng.normal(0, 1, (3, d)) for n, d in zip(names, sizes, strict=True)},
            "format": np.array(w),
        }
        for w in (["flac", "wav", "wav"], ["ogg", "wav", "ogg"])
    ]
    audit.encode_formats(sets)
    assert sets[0]["format"].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]  # flac, ogg, wav
    assert sets[1]["format"].tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 0]]
    for table in sets:
        parts = [table[n] for n in ("duration", "silence", "level", "bandwidth", "format")]
        assert table["together"].tolist() == np.concatenate(parts, axis=1).tolist()


class Progress:
    count = 0

    def advance(self):
        self.count += 1


def test_measure_reads_every_sound_in_its_order(tmp_path):
    waves = {"u2": sound(1, 4000), "u1": sound(2, 5000), "u3": sound(1, 4000)}
    paths = {utt: str(tmp_path / f"{utt}.wav") for utt in waves}
    for utt, wave in waves.items():
        soundfile.write(paths[utt], wave, RATE, subtype="FLOAT" if utt == "u1" else "PCM_16")
    progress = Progress()
    found, digests = audit.measure({"wav.scp": paths}, progress)
    assert progress.count == 3
    assert found["duration"].tolist() == [[0.25], [0.3125], [0.25]]
    assert found["format"].tolist() == [f"WAV {c} 16000 1" for c in ("PCM_16", "FLOAT", "PCM_16")]
    assert found["bandwidth"].shape == (3, 4) and found["silence"].shape == (3, 2)
    for row, utt in enumerate(waves):
        assert found["level"][row] == pytest.approx(cues(soundfile.read(paths[utt])[0])["level"])
    assert list(digests) == list(waves)
    assert digests["u2"] == digests["u3"] != digests["u1"]
    soundfile.write(paths["u1"], np.zeros(900), RATE)
    with pytest.raises(UserError, match="u1: found 900 samples, wanted 1600 or more; too short"):
        audit.measure({"wav.scp": paths})
    Path(paths["u3"]).write_bytes(b"no sound")
    with pytest.raises(UserError, match="u3.wav: u3: "):
        audit.measure({"wav.scp": {"u3": paths["u3"]}})


def test_a_file_without_a_header_is_of_the_format_of_its_ending(tmp_path):
    for path, wanted in ((f"{tmp_path}/a.raw.ark:123", ".ark"), ("/no/file.mp9", ".mp9")):
        assert audit.file_format(path) == wanted
    assert audit.file_format(str(Path(tmp_path, "name"))) == "none"
    soundfile.write(tmp_path / "s.flac", np.zeros((50, 2)), 8000)
    assert audit.file_format(str(tmp_path / "s.flac")) == "FLAC PCM_16 8000 2"


def test_sounds_are_converted_where_that_is_allowed(tmp_path):
    path = str(tmp_path / "x.wav")
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (44100, 2)), 44100)
    with pytest.raises(UserError, match="u1: found 2 channels"):
        audit.measure({"wav.scp": {"u1": path}})
    found, _ = audit.measure({"wav.scp": {"u1": path}}, None, ["mixdown", "resample"])
    assert found["duration"].tolist() == [[1.0]]
    assert found["format"].tolist() == ["WAV PCM_16 44100 2"]
