"""The readers by themselves: what a pattern, a path and a count may say."""

import argparse

import pytest
from miniature import Tree
from miniature import run as program

from antispoof.corpora import Corpus, Folders, Protocol, Set, prepare
from antispoof.corpora.counting import fits, shown
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.options import add_corpus_options

SPOOF = {"label": "spoof"}
PATTERN = "made/{attack:vits|x.tts}/**/{stem}"


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path / "corpus")
    for name in ("made/vits/1/a.wav", "made/x.tts/a.wav", "made/notes/a.wav", "real/a.wav"):
        tree.sound(name)
    return tree


def run(tree, sets, *words, **more):
    """Prepare a corpus of these sets next to it; what is said."""
    said = []
    options = add_corpus_options(argparse.ArgumentParser()).parse_args(
        ["--corpus", str(tree.root), "--out", str(tree.root.parent / "data"), *words]
    )
    prepare(Corpus("x", "1", "none", "here", sets, **more), options, said.append)
    return said


def table(tree, name, of="eval"):
    return read_table(tree.root.parent / f"data/{of}/utt2{name}")


def test_a_pattern_may_name_the_folders_that_it_takes(tree):
    run(tree, {"eval": Set(Folders(PATTERN, fixed=SPOOF))})
    assert table(tree, "attack") == {"vits-1-a": "vits", "x.tts-a": "x.tts"}


def test_a_folder_that_a_pattern_names_and_that_is_not_there_makes_a_set_partial(tree):
    tree.move("made/x.tts", "made/xxtts")
    with pytest.raises(
        UserError, match=r"eval: no folder .*/made/x\.tts; unpack it there; --allow"
    ):
        run(tree, {"eval": Set(Folders(PATTERN, fixed=SPOOF))})
    said = run(tree, {"eval": Set(Folders(PATTERN, fixed=SPOOF))}, "--allow-partial")
    assert "partial: eval: no folder " in said[0]
    assert list(table(tree, "attack")) == ["vits-1-a"]


def test_folders_may_be_anywhere(tree, tmp_path):
    elsewhere = Tree(tmp_path / "elsewhere")
    elsewhere.sound("deep/b.wav")
    real = Folders("**/{stem}", fixed={"label": "bonafide"}, folders=str(elsewhere.root))
    run(tree, {"eval": Set([Folders(PATTERN, fixed=SPOOF), real], (1, 2))})
    assert table(tree, "label")["deep-b"] == "bonafide"
    paths = read_table(tmp_path / "data/eval/wav.scp")
    assert paths["deep-b"] == str(elsewhere.root / "deep/b.wav")


def test_a_folder_elsewhere_that_is_missing_is_explained(tree):
    real = Folders("**/{stem}", folders="REAL", hint="name it: --real DIR")
    with pytest.raises(UserError, match=r"/REAL: no such folder; .* in it; name it: --real DIR"):
        run(tree, {"eval": Set(real)})


def test_a_sound_may_be_in_any_folder_below(tree):
    tree.lines("list.txt", ["a"])
    run(
        tree,
        {
            "eval": Set(
                Protocol("list.txt", "utt", fixed=SPOOF, path="**/{utt}.wav", folders="real")
            )
        },
    )
    assert table(tree, "label") == {"a": "spoof"}
    wide = Protocol("list.txt", "utt", fixed=SPOOF, path="**/{utt}.*", folders="made")
    with pytest.raises(UserError, match=r"found .*notes/a.wav and .*, wanted one a\.\*"):
        run(tree, {"eval": Set(wide)})


def test_a_list_of_several_sets_refuses_a_word_that_is_none(tree):
    tree.lines("list.txt", ["a test", "a vali"])
    protocol = Protocol(
        "list.txt", "utt part", fixed=SPOOF, words={"part": {"test": "eval", "val": "dev"}},
        where={"part": "eval"}, path="{utt}.wav", folders="real",
    )  # fmt: skip
    with pytest.raises(UserError, match=r"list.txt:2: found the part 'vali', wanted 'test', 'val'"):
        run(tree, {"eval": Set(protocol)})
    tree.lines("list.txt", ["a test", "b val"])
    run(tree, {"eval": Set(protocol)})
    assert table(tree, "part") == {"a": "eval"}


def test_one_list_of_many_is_found_one_folder_below(tree, tmp_path):
    tree.lines("made/vits/meta.txt", ["a"])
    outer = Tree(tmp_path / "outer")
    outer.root.mkdir()
    tree.root.rename(outer.root / "inner")
    with pytest.raises(UserError, match=r"it is in .*/outer/inner: --corpus .*/outer/inner"):
        run(outer, {"eval": Set(Protocol("made/*/meta.txt", "utt", fixed=SPOOF))})


@pytest.mark.parametrize(
    ("wanted", "right", "words"),
    [
        ((2, 3), True, "bona fide 2 / 2, spoof 3 / 3"),
        (
            (None, 3),
            True,
            "bona fide 2, spoof 3 / 3 (how many bona fide are expected is not known)",
        ),
        (
            (None, 4),
            False,
            "bona fide 2, spoof 3 / 4 (how many bona fide are expected is not known)",
        ),
        ((2, None), True, "bona fide 2 / 2, spoof 3 (how many spoof are expected is not known)"),
        ((1, None), False, "bona fide 2 / 1, spoof 3 (how many spoof are expected is not known)"),
        (5, True, "bona fide 2, spoof 3, together 5 / 5"),
        (6, False, "bona fide 2, spoof 3, together 5 / 6"),
        (None, True, "bona fide 2, spoof 3 (how many are expected is not known)"),
    ],
)
def test_a_count_may_be_known_of_one_class_alone(wanted, right, words):
    assert fits((2, 3), wanted) is right
    assert shown((2, 3), wanted) == words


def test_the_usual_sets_are_prepared_and_others_by_name(tree, tmp_path):
    one = Set(Folders(PATTERN, fixed=SPOOF))
    sets = {"train": Set(Protocol("missing.txt", "utt")), "dev": one, "eval": one}
    run(tree, sets, usual=("eval",))
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["eval"]
    run(tree, sets, "--sets", "dev,eval", usual=("eval",))
    assert table(tree, "label", "dev")
    with pytest.raises(UserError, match="looked for missing.txt"):
        run(tree, sets)
    with pytest.raises(UserError, match="--sets: found 'test', wanted some of train,dev,eval"):
        run(tree, sets, "--sets", "eval,test")


def test_a_dev_set_of_the_corpus_itself_is_not_replaced_by_that_of_a_model(tree, tmp_path):
    for name in ("dev/scores", "best.pt", "config.yaml"):
        tree.file(f"../exp/mine_seed1/{name}").write_bytes(b"x")
    run(tree, {"dev": Set(Folders(PATTERN, fixed=SPOOF))})
    (tmp_path / "data").rename(tmp_path / "theirs")
    words = ["--dev", tmp_path / "theirs/dev", tmp_path / "exp/mine_seed1", tmp_path / "exp/taken/"]
    assert program("utils/take_model.py", *words)[0] == 0  # none is there
    assert program("utils/take_model.py", *words)[0] == 0  # that of the same model
    run(tree, {"dev": Set(Folders("real/{stem}", fixed=SPOOF))})
    before = (tmp_path / "data/dev/utt2label").read_bytes()
    status, _, error = program("utils/take_model.py", *words)
    assert status == 1
    assert "data/dev: holds another set than " in error and "(--sets)" in error
    assert (tmp_path / "data/dev/utt2label").read_bytes() == before


def test_what_is_unlike_its_training_set_comes_with_a_model(tmp_path):
    (tmp_path / "exp/mine_seed1").mkdir(parents=True)
    for name in ("best.pt", "config.yaml", "novelty.npz"):
        (tmp_path / "exp/mine_seed1" / name).write_bytes(b"x")
    assert program("utils/take_model.py", tmp_path / "exp/mine_seed1", tmp_path / "taken/")[0] == 0
    assert (tmp_path / "taken/novelty.npz").read_bytes() == b"x"
