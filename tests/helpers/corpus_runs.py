"""A corpus of three sounds, and its preparation by a description of it."""

import argparse

from miniature import Tree

from antispoof.corpora import Corpus, Protocol, prepare
from antispoof.data.data_dir import read_data_dir
from antispoof.options import add_corpus_options

PLAIN = Protocol("list.txt", columns="utt speaker attack label", folders="wav")
LINES = ["u1 s1 - bonafide", "u2 s1 A01 spoof", "u3 s2 A02 spoof"]


def three_sounds(folder):
    """The Tree of a corpus of three sounds, and its list."""
    tree = Tree(folder / "corpus")
    for name, label in (("u1", "bonafide"), ("u2", "spoof"), ("u3", "spoof")):
        tree.sound(f"wav/{name}.flac", label, seconds=0.2)
    tree.lines("list.txt", LINES)
    return tree


def run(tree, one, *options, hints=None):
    """({table: {id: value}} of the set, what is said, its folder) of a corpus with one set."""
    corpus = Corpus("a corpus", "1", "CC0", "nowhere", {"eval": one}, hints or {})
    out, said = tree.root.parent / "data", []
    words = ["--corpus", tree.root, "--out", out, *options]
    parser = add_corpus_options(argparse.ArgumentParser())
    prepare(corpus, parser.parse_args(list(map(str, words))), said.append)
    return read_data_dir(out / "eval"), said, out / "eval"
