#!/usr/bin/env python3
"""Stage 1 of NAME: from CORPUS/metadata.csv to data/{train,dev,eval}.

The first line of metadata.csv is `path,label,set,speaker,attack`; another is
`clips/a.wav,spoof,train,anna,A01`. The sound is CORPUS/clips/a.wav.

The contract: run.sh calls this as `local/prepare_data.py --nj N --corpus DIR [LOCAL OPTIONS] --out
data`, in egs/NAME. It writes a data directory for each of SETS: wav.scp, utt2label (bonafide or
spoof), utt2spk (- where it is not known), utt2attack (- for bona fide), utt2dur, and a utt2<factor>
for each further column. It reads the list, not the folder; a word that no table has, an id that
stands twice, a sound that is missing and another count than `counts` end it in one line. Sounds
stay as they are; `Set(..., allow=CONVERSIONS)` converts them, once, into the cache.

example:
  local/prepare_data.py --corpus CORPUS --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options


def part(name):
    """The lines of one set. What else a list may look like: CONTRIBUTING.md, Add a corpus."""
    return Protocol(
        "metadata.csv",
        columns={
            "utt": "path",
            "label": "label",
            "_set": "set",
            "speaker": "speaker",
            "attack": "attack",
        },
        labels={"bonafide": "bonafide", "spoof": "spoof"},  # {word of the list: ours}
        path="{utt}.*",  # of any suffix
        sep=",",
        where={"_set": name},
    )


CORPUS = Corpus(
    **about(__file__),
    version="WHICH",
    sets={  # counts: (bona fide, spoof) as published, asserted; None where nobody says
        "train": Set(part("train"), counts=None),
        "dev": Set(part("dev"), counts=None),
        "eval": Set(part("eval"), counts=None),
    },
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/NAME/local/prepare_data.py"):
        main()
