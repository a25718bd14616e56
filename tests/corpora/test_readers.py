"""The readers of lists and of folders: what they take, and what they refuse with its place."""

import re

import pytest
from corpus_runs import LINES, PLAIN, run, three_sounds

from antispoof.corpora import Folders, Protocol, Set
from antispoof.errors import UserError


@pytest.fixture
def tree(tmp_path):
    return three_sounds(tmp_path)


def test_a_whole_corpus_is_written_with_what_was_expected(tree):
    tables, said, data = run(tree, Set(PLAIN, (1, 2)))
    assert said == ["eval: bona fide 1 / 1, spoof 2 / 2"]
    assert tables["utt2spk"] == {"s1-u1": "s1", "s1-u2": "s1", "s2-u3": "s2"}
    assert tables["utt2attack"] == {"s1-u1": "-", "s1-u2": "A01", "s2-u3": "A02"}
    assert tables["utt2dur"] == dict.fromkeys(("s1-u1", "s1-u2", "s2-u3"), "0.2000")
    assert tables["utt2id"] == {"s1-u1": "u1", "s1-u2": "u2", "s2-u3": "u3"}
    assert tables["wav.scp"]["s2-u3"] == str(tree.root / "wav/u3.flac")
    assert (data / "spk2utt").read_text() == "s1 s1-u1 s1-u2\ns2 s2-u3\n"
    assert not (data / "missing").exists()
    assert (data / "trial_counts").read_text() == "all 1 2\n"


WORDS = [line.split() for line in LINES]
NAMED = {"utt": "id", "speaker": "who", "attack": "what", "label": "is"}
NUMBERED = {"utt": 4, "speaker": 5, "attack": 2, "label": 1}
FORMS = {  # what a list looks like: its lines, and what is said of it
    "names": (["id,who,what,is", *map(",".join, WORDS)], {"sep": ",", "columns": NAMED}),
    "numbers behind a header": (
        ["is|what|more|id|who", *("|".join([w[3], w[2], '"a', w[0], w[1]]) for w in WORDS)],
        {"sep": "|", "header": True, "columns": NUMBERED},
    ),
    "tabs": (["x\ty\tz\tw", *map("\t".join, WORDS)], {"sep": "\t", "header": True}),
    "numbers": (
        [f"{line} more words" for line in LINES],
        {"columns": {"utt": 1, "speaker": 2, "attack": 3, "label": 4}},
    ),
    "blanks at the end": ([f"{line}  " for line in LINES], {}),
    "a mark of UTF-8, empty lines": (["\ufeff" + LINES[0], *LINES[1:], "", ""], {}),
    "a part": (
        ["x.wav s9 - bonafide other", *(f"{w[0]}.flac {' '.join(w[1:])} mine" for w in WORDS)],
        {"columns": "utt speaker attack label _part", "where": {"_part": "mine"}},
    ),
    "words": (
        ["u1 s1 - Real", "u2 s1 A01 1", "u3 s2 A02 1", "u9 s9 - ?"],
        {"labels": {"Real": "bonafide", "1": "spoof", "?": None}},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_lists_of_many_forms_give_the_same_tables(tree, form):
    lines, changes = FORMS[form]
    wanted, _, _ = run(tree, Set(PLAIN))
    tree.lines("other.txt", lines)
    options = {"columns": PLAIN.columns, "folders": "wav", **changes}
    found, said, _ = run(tree, Set(Protocol("other.txt", **options)))
    assert found == wanted
    assert ("eval: 1 rows '?' left out" in said) == ("labels" in changes)


def test_quoted_fields_hold_commas_and_a_stray_quote_is_refused(tree):
    protocol = Protocol(
        "list.csv",
        columns={"utt": "File", "label": "Truth", "_note": "Note"},
        sep=",",
        labels={"Real": "bonafide", "Fake": "spoof"},
        folders="wav",
    )
    rows = ['u1,"a, ""b""",Real', "u2,plain,Fake"]
    tree.lines("list.csv", ["File,Note,Truth", *rows])
    tables, _, _ = run(tree, Set(protocol))
    assert tables["utt2label"] == {"u1": "bonafide", "u2": "spoof"}
    assert tables["utt2attack"] == {"u1": "-", "u2": "unknown"}
    assert tables["utt2spk"] == {"u1": "-", "u2": "-"}
    assert "utt2id" not in tables
    tree.lines("list.csv", ["File,Note,Truth", rows[0], 'u2,"a" b,Fake'])
    with pytest.raises(UserError, match=r"list\.csv:3: "):
        run(tree, Set(protocol))
    tree.lines("list.csv", ["File,Truth,Truth", "u1,Real,Real"])
    with pytest.raises(UserError, match=r"list\.csv:1: found the header .*, wanted 'Truth' once"):
        run(tree, Set(protocol))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("u3 s2 A02 Spoof", "list.txt:3: found the label 'Spoof', wanted 'bonafide', 'spoof'"),
        ("u3 s2 A02", "list.txt:3: found 3 columns, wanted 4: utt speaker attack label"),
        ("u3 s2 A02 spoof x", "list.txt:3: found 5 columns, wanted 4"),
        ("u3 s2 - spoof", "list.txt:3: found spoofed speech without an attack, '-'"),
        ("u3 s2 A02 bonafide", "list.txt:3: found bona fide speech with the attack 'A02'"),
        ("u2 s1 A02 spoof", "list.txt:3: 'u2' stands here a second time"),
    ],
)
@pytest.mark.parametrize("allowed", [[], ["--allow-partial"]])
def test_a_line_that_is_wrong_is_refused_with_its_place(tree, line, words, allowed):
    tree.lines("list.txt", [*LINES[:2], line])
    with pytest.raises(UserError, match=re.escape(words)):
        run(tree, Set(PLAIN), *allowed)
    assert not (tree.root.parent / "data").exists()


def test_a_list_that_is_empty_or_no_text_is_refused(tree):
    tree.file("list.txt").write_bytes(b"")
    with pytest.raises(UserError, match=r"list\.txt: is empty"):
        run(tree, Set(PLAIN))
    tree.file("list.txt").write_bytes(b"u1 s1 - \xff\n")
    with pytest.raises(UserError, match=r"list\.txt: is not UTF-8 text"):
        run(tree, Set(PLAIN))


def test_several_lists_and_folders_make_one_set(tree):
    for name in ("one", "two"):
        tree.lines(f"fake/{name}/meta.csv", ["path|model", f"fake/{name}/x.wav|model {name}"])
        tree.sound(f"fake/{name}/x.wav", "spoof", seconds=0.2)
    tree.sound("real/en/x.wav", seconds=0.2)
    tree.file("real/en/._x.wav").write_bytes(b"no sound")
    fakes = Protocol("fake/*/meta.csv", columns={"utt": "path", "attack": "model"}, sep="|",
                     header=True, fixed={"label": "spoof"}, path="{utt}.wav")  # fmt: skip
    reals = Folders("real/{language}/{stem}", fixed={"label": "bonafide"})
    tables, _, _ = run(tree, Set([fakes, reals], (1, 2)))
    assert tables["utt2attack"] == {
        "en-x": "-",
        "fake-one-x": "model_one",
        "fake-two-x": "model_two",
    }
    assert tables["utt2language"] == {"en-x": "en", "fake-one-x": "-", "fake-two-x": "-"}
    assert tables["utt2id"]["fake-one-x"] == "fake/one/x"


def test_folders_say_class_and_attack_and_the_same_name_may_stand_in_two(tree):
    for label, attack in (("real", "human"), ("fake", "hifi gan"), ("fake", "melgan")):
        for name in ("a.b (1) x.wav", "b.WAV"):
            word = "bonafide" if label == "real" else "spoof"
            tree.sound(f"set/train/{label}/{attack}/{name}", word, seconds=0.2, format="WAV")
    tree.file("set/train/fake/melgan/._c.wav").write_bytes(b"")
    tree.file("set/train/fake/melgan/notes.txt").write_text("none")
    tree.sound("set/test/real/human/d.wav", seconds=0.2)
    reader = Folders("set/train/{label}/{attack}/{stem}", no_attack=("human",),
                     labels={"real": "bonafide", "fake": "spoof"})  # fmt: skip
    tables, _, _ = run(tree, Set(reader, (2, 4)))
    assert list(tables["utt2attack"].items()) == [
        ("fake-hifi_gan-a.b_(1)_x", "hifi_gan"),
        ("fake-hifi_gan-b", "hifi_gan"),
        ("fake-melgan-a.b_(1)_x", "melgan"),
        ("fake-melgan-b", "melgan"),
        ("real-human-a.b_(1)_x", "-"),
        ("real-human-b", "-"),
    ]
    assert tables["utt2id"]["fake-melgan-b"] == "fake/melgan/b"
    tree.sound("set/train/other/melgan/e.wav", seconds=0.2)
    with pytest.raises(UserError, match=r"other/melgan/e\.wav: found the label 'other', wanted"):
        run(tree, Set(reader))
    with pytest.raises(UserError, match=r"looked for sounds nothing/\{label\}/\{stem\}\{"):
        run(tree, Set(Folders("nothing/{label}/{stem}")), "--allow-partial")


def test_two_sounds_that_would_have_one_id_are_refused(tree):
    for name in ("a/b c.wav", "a/b_c.wav"):
        tree.sound(f"x/{name}", seconds=0.2)
    with pytest.raises(UserError, match=r"'a/b_c' stands here a second time"):
        run(tree, Set(Folders("x/**/{stem}", fixed={"label": "bonafide"})))


def test_a_list_with_other_suffixes_finds_its_sounds_by_their_stems(tree):
    tree.lines("list.txt", ["u1.mp3 s1 - bonafide", "u2.x.mp3 s1 A01 spoof"])
    tree.move("wav/u2.flac", "wav/u2.x.wav")
    protocol = Protocol("list.txt", columns=PLAIN.columns, folders="wav", path="{utt}.*")
    tables, _, _ = run(tree, Set(protocol))
    assert [path.rpartition("/")[2] for path in tables["wav.scp"].values()] == [
        "u1.flac",
        "u2.x.wav",
    ]
    tree.sound("wav/u1.wav", seconds=0.2)
    with pytest.raises(UserError, match=r"found u1\.flac and u1\.wav, wanted one file u1\.\*"):
        run(tree, Set(protocol))


def test_a_hint_says_what_a_file_is_that_is_there_instead(tree):
    tree.move("list.txt", "lists/old.txt")
    with pytest.raises(UserError, match=r"lists/old\.txt: the list of the first year"):
        run(tree, Set(PLAIN), hints={"old.*": "the list of the first year"})
