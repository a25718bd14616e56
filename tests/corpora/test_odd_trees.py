"""Lists and trees that are odd: each is read for what it is, or refused in one line."""

import os
import re

import pytest
from corpus_runs import LINES, PLAIN, run, three_sounds
from miniature import grow, prepare

from antispoof.corpora import Folders, Lists, Protocol, Set
from antispoof.errors import UserError

NAMED = Protocol("list.txt", {"utt": "id", "label": "is", "kind": "kind"}, folders="wav", sep=",")
HEAD = "id,is,kind"


@pytest.fixture
def tree(tmp_path):
    return three_sounds(tmp_path)


def refused(tree, one, words, *options):
    with pytest.raises(UserError, match=re.escape(words)):
        run(tree, one, *options)
    assert not (tree.root.parent / "data").exists()


def test_an_id_that_stands_there_for_two_speakers_is_refused(tree):
    tree.append("list.txt", "u2 s2 A01 spoof")
    refused(tree, Set(PLAIN), "list.txt:4: 'u2' stands here a second time", "--allow-partial")


@pytest.mark.parametrize("protocol", [PLAIN, NAMED])
def test_a_list_of_blank_lines_is_empty(tree, protocol):
    tree.lines("list.txt", ["", " ", ""])
    refused(tree, Set(protocol), "list.txt: is empty; wanted lines of")


@pytest.mark.parametrize(
    ("lines", "one"),
    [
        ([HEAD], Set(NAMED)),
        (LINES, Set(Protocol("list.txt", PLAIN.columns, where={"attack": "A09"}))),
        (LINES, Set(Protocol("list.txt", PLAIN.columns, {"bonafide": None, "spoof": None}))),
    ],
)
def test_a_set_without_an_utterance_is_not_passed_over(tree, lines, one):
    tree.lines("list.txt", lines)
    refused(tree, one, "eval: ")
    refused(tree, one, "list.txt: found no utterance; wanted at least one", "--allow-partial")


@pytest.mark.parametrize(("word", "shown"), [("third", "third"), ("", "-")])
def test_a_word_that_is_no_list_of_trials_is_refused_with_its_place(tree, word, shown):
    tree.lines("list.txt", [HEAD, "u1,bonafide,first", f"u2,spoof,{word}"])
    lists = Lists("kind", {"first": None, "second": None})
    words = f"list.txt:3: found the kind '{shown}', wanted 'first', 'second'"
    refused(tree, Set(NAMED, lists=lists), words, "--allow-partial")


@pytest.mark.parametrize("path", ["{utt}.flac", "{utt}.*", "**/{utt}.flac", "**/{utt}.*"])
def test_a_suffix_in_capitals_is_the_same(tree, path):
    tree.move("wav/u2.flac", "wav/u2.FLAC")
    tree.lines("wav/u1.txt", ["what is said"])  # no sound
    protocol = Protocol("list.txt", PLAIN.columns, folders="wav", path=path)
    tables, _, _ = run(tree, Set(protocol, (1, 2)))
    assert tables["wav.scp"]["s1-u2"] == str(tree.root / "wav/u2.FLAC")
    assert tables["wav.scp"]["s1-u1"] == str(tree.root / "wav/u1.flac")


@pytest.mark.parametrize("path", ["{utt}", "**/{utt}"])
def test_a_sound_may_have_no_suffix(tree, path):
    tree.move("wav/u2.flac", "wav/U2")
    tree.lines("list.txt", ["U2 s1 A01 spoof"])
    protocol = Protocol("list.txt", PLAIN.columns, folders="wav", path=path)
    tables, _, _ = run(tree, Set(protocol))
    assert tables["wav.scp"] == {"s1-U2": str(tree.root / "wav/U2")}


def test_a_list_may_have_whole_paths(tree):
    tree.lines("list.txt", [HEAD, *(f"{tree.root}/wav/u{n}.flac,spoof,x" for n in (1, 2))])
    tables, _, _ = run(tree, Set(NAMED))
    assert sorted(tables["wav.scp"].values()) == [f"{tree.root}/wav/u{n}.flac" for n in (1, 2)]


def test_a_name_that_is_no_text_is_one_line(tree, capsys):
    name = os.fsencode(tree.root) + b"/wav/\xe9.flac"
    with open(name, "wb") as stream:
        stream.write((tree.root / "wav/u1.flac").read_bytes())
    _, said, _ = run(tree, Set(PLAIN))
    print(*said)
    assert "1 files that no list names left out, as " in capsys.readouterr().out
    with pytest.raises(UserError, match=r"/wav/\\udce9.flac: found a name that is not UTF-8"):
        run(tree, Set(Folders("wav/{stem}", fixed={"label": "spoof"})))


def test_a_link_to_a_folder_above_is_not_followed(tree):
    (tree.root / "wav/again").symlink_to("..")
    (tree.root / "copy").symlink_to("wav")
    tables, _, _ = run(tree, Set(Folders("**/{stem}", fixed={"label": "spoof"})))
    names = [f"{folder}-u{number}" for folder in ("copy", "wav") for number in (1, 2, 3)]
    assert list(tables["wav.scp"]) == names
    protocol = Protocol("list.txt", PLAIN.columns, path="**/{utt}.flac", folders="wav")
    run(tree, Set(protocol, (1, 2)))


def test_seconds_may_be_in_one_of_two_lists(tree):
    tree.lines("list.txt", LINES[:1])
    tree.lines("more.txt", [f"{line} 0.25" for line in LINES[1:]])
    more = Protocol("more.txt", f"{PLAIN.columns} seconds", folders="wav")
    tables, _, _ = run(tree, Set([PLAIN, more]))
    assert tables["utt2dur"] == {"s1-u1": "0.2000", "s1-u2": "0.25", "s2-u3": "0.25"}


def test_what_a_recipe_cannot_mean_is_one_line(tree):
    of_table = Protocol("list.txt", "utt dur attack label", folders="wav")
    refused(tree, Set(of_table), "list.txt:1: utt2dur is no factor; wanted another name, or _dur")
    nowhere = Protocol("list.txt", PLAIN.columns, path="{folder}/{utt}.flac")
    refused(tree, Set(nowhere), "wanted 'folder' of the path {folder}/{utt}.flac")


def test_sounds_in_a_folder_of_a_folder_are_found_for_the_message(tree):
    tree.move("wav", "corpus/wav")
    refused(tree, Set(PLAIN), f"there is no wav, which is in {tree.root}/corpus: put lists and")


def test_a_list_outside_the_corpus_has_its_digest(tmp_path):
    tree = grow("add2022", tmp_path / "corpus")
    tree.move("eval_track1", "../track 1")
    words = ["--allow-partial", "--sets", "eval_track1", "--track1", tmp_path / "track 1"]
    status, _, error = prepare("add2022", tree, tmp_path / "data", *words)
    assert status == 0, error
    text = (tmp_path / "data/eval_track1/PROVENANCE").read_text()
    assert f"  {tmp_path}/track 1/label.txt\n" in text
