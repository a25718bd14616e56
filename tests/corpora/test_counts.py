"""What is written of a corpus: counts against what is expected, and what is missing."""

import pytest
from corpus_runs import LINES, PLAIN, run, three_sounds

from antispoof.corpora import Lists, Protocol, Set
from antispoof.data.data_dir import trial_counts
from antispoof.data.tables import read_table
from antispoof.errors import UserError


@pytest.fixture
def tree(tmp_path):
    return three_sounds(tmp_path)


def test_counts_are_asserted_by_class_and_by_list(tree):
    lists = Lists("attack_kind", {"first": (1, 1), "second": 1}, "first")
    tree.lines(
        "list.txt",
        [f"{line} {kind}" for line, kind in zip(LINES, ["first", "first", "second"], strict=True)],
    )
    protocol = Protocol("list.txt", columns="utt speaker attack label attack_kind", folders="wav",
                        words={"attack_kind": {"first": "first", "second": "second"}})  # fmt: skip
    _, said, data = run(tree, Set(protocol, (1, 2), lists))
    assert said == [
        "eval: bona fide 1 / 1, spoof 2 / 2; first: bona fide 1 / 1, spoof 1 / 1; "
        "second: bona fide 0, spoof 1, together 1 / 1"
    ]
    assert trial_counts(data) == ({"all": (1, 2), "first": (1, 1), "second": (0, 1)}, "first")
    assert (data / "trials/second").read_text() == "s2-u3\n"
    wrong = Lists("attack_kind", {"first": (2, 0), "second": 1})
    with pytest.raises(UserError, match=r"eval: first has bona fide 1 / 2, spoof 1 / 0"):
        run(tree, Set(protocol, (1, 2), wrong))
    with pytest.raises(UserError, match=r"its list has bona fide 1 / 2, spoof 2 / 1 \(found / exp"):
        run(tree, Set(protocol, (2, 1), lists))


def test_what_an_earlier_preparation_left_is_gone(tree):
    (tree.root / "wav/u3.flac").unlink()
    _, _, data = run(tree, Set(PLAIN), "--allow-partial")
    assert read_table(data / "missing") == {"s2-u3": str(tree.root / "wav/u3.flac")}
    (data / "utt2old").write_text("s1-u1 x\n")
    tree.sound("wav/u3.flac", "spoof", seconds=0.2)
    tables, _, _ = run(tree, Set(PLAIN))
    assert "utt2old" not in tables
    assert not (data / "missing").exists()


def test_an_empty_sound_counts_as_missing(tree):
    (tree.root / "wav/u2.flac").write_bytes(b"")
    with pytest.raises(UserError, match=r"found 2 / expected 3 sounds; no .*u2\.flac"):
        run(tree, Set(PLAIN))
    _, _, data = run(tree, Set(PLAIN), "--allow-partial")
    assert "the file is empty" in read_table(data / "missing")["s1-u2"]


def test_an_archive_alone_is_recognised_by_its_count(tree):
    (tree.root / "wav/u3.flac").unlink()
    one = Set(PLAIN, (1, 2), archives={"a.tar": 2, "b.tar": 1})
    with pytest.raises(UserError, match=r"as many as a\.tar alone; the archives hold a\.tar 2, b"):
        run(tree, one)
