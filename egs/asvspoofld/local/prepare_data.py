#!/usr/bin/env python3
"""Stage 1 of ASVspoofLD: from its five lists to data/eval, with trials by condition.

protocols/ASVspoofLauneredDatabase_Reverberation.txt (so misspelt) has six columns, the fifth the
class. The others are taken as those of ASVspoof 2019, of which the corpus is made, `speaker utt -
attack label -`, unless --columns says otherwise. The condition is in no id, so it is put before it.

example:
  local/prepare_data.py --corpus ASVspoofLD --out data --columns speaker,utt,-,attack,label,level
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Lists, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

CONDITIONS = ("Noise_Addition", "Reverberation", "Resampling", "Recompression", "Filtering")
COLUMNS = "speaker,utt,-,attack,label,-"


def reader(condition, columns):
    """The list of one condition."""

    def name(row):
        row["_file"] = row["utt"]
        row["utt"] = f"{condition}/{row['utt']}"

    file = f"protocols/ASVspoofLauneredDatabase_{condition}.txt"
    return Protocol(
        (file, f"ASVspoofLD/{file}"),
        columns=columns.replace(",", " "),
        path="{_file}.*",
        folders=(f"ASVspoofLD/{condition}/flac", f"{condition}/flac"),
        fixed={"condition": condition},
        edit=name,
    )


def corpus(columns):
    """With the columns that the user names."""
    readers = [reader(condition, columns) for condition in CONDITIONS]
    lists = Lists("condition", dict.fromkeys(CONDITIONS))
    return Corpus(
        **about(__file__),
        version="five conditions",
        sets={"eval": Set(readers, (213295, 1852578), lists)},
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--columns", default=COLUMNS, help=f"of the lists; default: {COLUMNS}")
    args = add_corpus_options(parser).parse_args()
    prepare(corpus(args.columns), args, print)


if __name__ == "__main__":
    with one_line_errors("egs/asvspoofld/local/prepare_data.py"):
        main()
