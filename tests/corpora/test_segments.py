"""Deepfake-Eval-2024 in two forms that are never one: files, and segments of four seconds."""

import runpy
from argparse import Namespace
from dataclasses import replace

import pytest
from made_up import ROOT
from miniature import grow, prepare, sources, validate

from antispoof.corpora import Corpus
from antispoof.corpora import prepare as preparing
from antispoof.data.data_dir import read_data_dir, read_durations
from antispoof.data.tables import read_table
from antispoof.errors import UserError

PIECES = runpy.run_path(str(ROOT / "egs/deepfake_eval_2024/local/prepare_data.py"))["PIECES"]


@pytest.fixture
def said(tmp_path, monkeypatch):
    """(the tree, what preparation says of it by segments)."""
    sources()
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    tree = grow("deepfake_eval_2024", tmp_path / "corpus")
    words = ("--allow-partial", "--nj", 2)
    status, text, error = prepare("deepfake_eval_2024", tree, tmp_path / "data", *words)
    assert status == 0, error
    return tree, text


def test_segments_are_a_set_of_another_name(said, tmp_path):
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"eval", "eval_segments"}
    data = tmp_path / "data/eval_segments"
    tables, seconds = read_data_dir(data), read_durations(data)
    long = [utt for utt in seconds if utt.startswith("long-")]
    assert long == ["long-00000", "long-00001", "long-00002"]
    assert [seconds[utt] for utt in long][:2] == [4.0, 4.0]
    assert 1 <= seconds[long[2]] < 4
    assert len(seconds) == 2 + 3
    assert len(set(tables["wav.scp"].values())) == len(seconds)
    assert read_table(data / "utt2finetuning")["long-00002"] == "train"
    assert not (data / "segments").exists()
    assert "eval_segments: bona fide 3 / 36658, spoof 2 / 19823" in said[1]
    assert "eval_segments: 6 rows 'shorter than 1 s' left out" in said[1]
    status, _, error = validate(data)
    assert status == 0, error


def test_counts_of_segments_are_asserted(said, tmp_path):
    """Also where the list is as long as it is to be."""
    one = replace(PIECES, counts=9)
    options = Namespace(corpus=said[0].root, out=tmp_path / "x", nj=1, cache=None, allow_partial=0)
    corpus = Corpus("x", "x", "x", "x", {"eval_segments": one})
    with pytest.raises(UserError, match="eval_segments: segments: bona fide 3 / 36658, spoof 2 / "):
        preparing(corpus, options, print)
    preparing(replace(corpus, sets={"y": replace(one, segment_counts=(3, 2))}), options, print)


def test_files_are_the_other_set(said, tmp_path):
    seconds = read_durations(tmp_path / "data/eval")
    assert len(seconds) == 9
    assert 9 < seconds["long"] < 11
