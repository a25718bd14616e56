"""steps/audit.py: which sets teach, which lists are judged, whose speakers, and what is printed."""

import json

import numpy as np
import pytest
from made_up import refused
from plain_corpus import run_main, write_set
from plain_metrics import plain_auc

from antispoof.audit import audit
from antispoof.data.tables import read_table, write_table

CUES = ("duration", "silence", "level", "bandwidth")
SIZES = {"a": (30, 50), "b": (40, 30), "c": (25, 35)}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Three sets whose sounds need no reading; returns (root, rows of each, cues of each)."""
    rng = np.random.default_rng(0)
    rows, found = {}, {}
    for number, (name, (nb, ns)) in enumerate(SIZES.items()):
        rows[name] = write_set(tmp_path, name, seed=number, nb=nb, ns=ns)
        labels = np.array([row[0] for row in rows[name].values()])
        write_table(tmp_path / "data" / name / "utt2dur", dict.fromkeys(rows[name], "1.00"))
        shift = {cue: 0.6 * n for n, cue in enumerate(CUES)}
        found[name] = {
            cue: rng.normal(0, 1, (len(labels), 1)) + shift[cue] * labels[:, None] for cue in CUES
        }

    def measure(tables, progress, allow):
        name = next(iter(tables["wav.scp"])).split("_")[0]
        for _ in tables["wav.scp"]:
            progress.advance()
        digests = {utt: f"{name}{n // 2}" for n, utt in enumerate(tables["wav.scp"])}
        words = np.array(["flac"] * len(digests))
        return {**{cue: own.copy() for cue, own in found[name].items()}, "format": words}, digests

    monkeypatch.setattr(audit, "measure", measure)
    monkeypatch.chdir(tmp_path)
    return tmp_path, rows, found


def run_audit(place, monkeypatch, capsys, *arguments):
    run_main("steps/audit.py", monkeypatch, *arguments, "--out", "audit.json")
    return json.loads((place[0] / "audit.json").read_text()), capsys.readouterr().out


def labels_of(rows):
    return np.array([row[0] for row in rows.values()])


def test_each_set_is_judged_on_each_list_by_what_all_others_teach(place, monkeypatch, capsys):
    root, rows, found = place
    result, _ = run_audit(place, monkeypatch, capsys, "data/a", "data/b", "data/c")
    assert list(result["across"]) == result["sets"] == ["data/a", "data/b", "data/c"]
    for name, own in rows.items():
        others = [other for other in rows if other != name]
        learnt = np.concatenate([labels_of(rows[other]) for other in others])
        labels = labels_of(own)
        listed = (root / "data" / name / "trials/some").read_text().split()
        masks = {"all": labels >= 0, "some": np.array([utt in listed for utt in own])}
        for cue in CUES:
            train = np.vstack([found[other][cue] for other in others])
            scores = audit.separate(train, learnt, found[name][cue])
            got = result["across"][f"data/{name}"][cue]
            assert set(got) == set(masks)
            for title, mask in masks.items():
                wanted = plain_auc(scores[mask & labels], scores[mask & ~labels])
                assert got[title]["auc"] == pytest.approx(wanted)


def test_folds_keep_speakers_together_and_unknown_speakers_apart(place, monkeypatch, capsys):
    root, rows, _ = place
    path, seen = root / "data/b/utt2spk", []
    speakers = {utt: "-" if n % 3 else s for n, (utt, s) in enumerate(read_table(path).items())}
    write_table(path, speakers)

    def within(cues, bonafide, people):
        seen.append((bonafide.tolist(), people.tolist()))
        return {"level": 0.5}

    monkeypatch.setattr(audit, "within", within)
    result, _ = run_audit(place, monkeypatch, capsys, "data/a", "data/b")
    wanted = {name: [row[1] for row in rows[name].values()] for name in "ab"}
    wanted["b"] = [utt if s == "-" else s for utt, s in speakers.items()]
    assert seen == [(labels_of(rows[n]).tolist(), wanted[n]) for n in "ab"]
    assert result["within"] == {"data/a": {"level": 0.5}, "data/b": {"level": 0.5}}


def test_within_is_that_of_the_cross_validation(place, monkeypatch, capsys):
    _, rows, found = place
    result, _ = run_audit(place, monkeypatch, capsys, "data/c")
    assert result["across"] == {} and result["shared"] == {}
    people = np.array([row[1] for row in rows["c"].values()])
    wanted = audit.within(found["c"], labels_of(rows["c"]), people)
    assert {cue: result["within"]["data/c"][cue] for cue in CUES} == wanted


def test_the_limit_is_the_border_of_a_finding(place, monkeypatch, capsys):
    values = {"level": 0.9, "silence": 0.8, "duration": 0.75, "bandwidth": 0.7}
    monkeypatch.setattr(audit, "within", lambda *_: values)
    for limit, count in ((None, 3), (0.75, 2), (0.8, 1), (0.9, 0), (0.5, 4), (1, 0)):
        options = () if limit is None else ("--limit", limit)
        result, text = run_audit(place, monkeypatch, capsys, "data/c", *options)
        assert result["limit"] == (limit or 0.7)
        assert len(result["findings"]) == count == text.count("  shortcut")
        assert text.count("  fair") == 4 - count
        assert text.endswith(f"\n{count} findings, limit AUC {limit or 0.7:g}\n")
        assert ("nothing found: no shortcut, nothing shared" in text) is (count == 0)


def test_pairs_of_sets_share_what_each_pair_has(place, monkeypatch, capsys):
    root, rows, _ = place
    path = root / "data/c/utt2spk"
    write_table(path, dict.fromkeys(read_table(path), "nobody"))
    result, text = run_audit(place, monkeypatch, capsys, "data/a", "data/b", "data/c")
    pairs = ["data/a and data/b", "data/a and data/c", "data/b and data/c"]
    assert sorted(result["shared"]) == pairs
    common = {r[1] for r in rows["a"].values()} & {r[1] for r in rows["b"].values()}
    assert result["shared"][pairs[0]]["speakers"] == sorted(common) and common
    assert result["shared"][pairs[1]] == {"ids": [], "speakers": [], "sounds": []}
    assert f"shared by data/a and data/b: {len(common)} speakers, e.g. {min(common)}" in text


def test_the_table_has_a_column_for_each_way_to_judge(place, monkeypatch, capsys):
    result, text = run_audit(place, monkeypatch, capsys, "data/b", "data/a")
    lines = text.splitlines()
    assert lines[:6] == [
        "[1] data/b, cross-validated",
        "[2] data/a, cross-validated",
        "[3] data/b (all), learnt on the others",
        "[4] data/b (some), learnt on the others",
        "[5] data/a (all), learnt on the others",
        "[6] data/a (some), learnt on the others",
    ]
    assert lines[6].split() == ["AUC", "by", "one", "cue", *(f"[{n}]" for n in range(1, 7))]
    for cue in CUES:
        row = next(line for line in lines[7:] if line.startswith(f"{cue} "))
        values = [result["within"][f"data/{name}"][cue] for name in "ba"]
        for name in "ba":
            values += [result["across"][f"data/{name}"][cue][t]["auc"] for t in ("all", "some")]
        word = "shortcut" if max(values) > 0.7 else "fair"
        assert row.split() == [cue, *(f"{value:.3f}" for value in values), word]


def test_a_set_of_one_class_neither_teaches_alone_nor_is_judged(place, monkeypatch, capsys):
    root, rows, _ = place
    for table, value in (("utt2label", "bonafide"), ("utt2attack", "-")):
        write_table(root / "data/c" / table, dict.fromkeys(rows["c"], value))
    result, _ = run_audit(place, monkeypatch, capsys, "data/a", "data/c")
    assert result["across"] == {} and list(result["within"]) == ["data/a", "data/c"]
    result, _ = run_audit(place, monkeypatch, capsys, "data/a", "data/b", "data/c")
    assert sorted(result["across"]) == ["data/a", "data/b"]
    assert result["within"]["data/c"] == {}


@pytest.mark.parametrize("limit", [0.49, 1.01])
def test_limits_that_are_no_auc_are_refused(place, limit):
    line = refused("steps/audit.py", "data/a", "--limit", limit, cwd=place[0])
    assert f"--limit: found {limit}, wanted an AUC of 0.5 to 1" in line
