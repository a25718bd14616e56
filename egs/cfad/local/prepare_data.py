#!/usr/bin/env python3
"""Stage 1 of CFAD: from folders of CORPUS/CFAD to data/eval_{clean,noisy,codec}, or more.

CFAD/noisy_version/test_seen_noise/fake_noise/<method>/*.wav: names of versions and folders differ
(noisy, noise). real_* is bona fide and its folder the source, fake_* spoof and its folder the
attack. Names end in _<noise>_snr<N>, or in _<codec>: utt2noise, utt2snr, utt2codec.

example:
  local/prepare_data.py --corpus CFAD --out data --sets eval_clean,dev_clean
"""

import argparse
import re

from antispoof.about import about
from antispoof.corpora import Corpus, Folders, Lists, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

SUFFIX = {"clean": "clean", "noisy": "noise", "codec": "codec"}
TESTS = Lists("part", {"test_seen": None, "test_unseen": None})


def parts(row):
    """Class, attack and source by folders; what was done to the sound by its name."""
    row["label"] = row["_class"].partition("_")[0]
    real = row["label"] == "real"
    row["source"], row["attack"] = (row["_method"], "-") if real else ("-", row["_method"])
    noise = re.search(r"_([^_]+)_snr(-?\d+)$", row["_stem"])
    row["noise"], row["snr"] = noise.groups() if noise else ("-", "-")
    coded = row["_version"] == "codec"
    row["codec"] = row["_stem"].rpartition("_")[2] if coded else "-"


def part(name, version, folders):
    """One set of a version."""
    words = "|".join(folders)
    reader = Folders(
        f"CFAD/{{_version:{version}}}_version/{{part:{words}}}_{SUFFIX[version]}/{{_class}}/{{_method}}/{{stem}}",
        labels={"real": "bonafide", "fake": "spoof"},
        edit=parts,
    )
    test = name == "eval"
    return Set(
        reader, (21000, 42000) if test and version == "clean" else None, TESTS if test else None
    )


FOLDERS = {"eval": ("test_seen", "test_unseen"), "train": ("train",), "dev": ("dev",)}
CORPUS = Corpus(
    **about(__file__),
    version="clean, noisy and codec",
    sets={f"{n}_{v}": part(n, v, folders) for n, folders in FOLDERS.items() for v in SUFFIX},
    usual=[f"eval_{version}" for version in SUFFIX],
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/cfad/local/prepare_data.py"):
        main()
