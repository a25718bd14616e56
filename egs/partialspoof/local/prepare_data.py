#!/usr/bin/env python3
"""Stage 1 of PartialSpoof: from its lists to data/eval, or train and dev too.

A line of PartialSpoof.LA.cm.eval.trl.txt is `LA_0079 CON_T_0000029 - CON spoof` or `LA_0098
LA_T_9497115 - - bonafide`, with speaker, utterance, -, attack, class. An utterance with any spoofed
segment is spoof. Sounds are database/eval/con_wav/<utt>.wav. Labels of frames of 10 ms, in
segment_labels/eval_seglab_0.01.npy, become data/eval/segments where the file is there.

example:
  local/prepare_data.py --corpus PartialSpoof --out data --sets train,dev,eval
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, FrameLabels, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options


def part(name, counts):
    """One of the three sets."""
    file = f"protocols/PartialSpoof_LA_cm_protocols/PartialSpoof.LA.cm.{name}.trl.txt"
    protocol = Protocol(
        (f"database/{file}", file),
        columns="speaker utt - attack label",
        path="{utt}.wav",
        folders=(f"database/{name}/con_wav", f"{name}/con_wav"),
    )
    labels = f"segment_labels/{name}_seglab_0.01.npy"
    return Set(protocol, counts, frames=FrameLabels((f"database/{labels}", labels), 0.01))


CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 5766198",
    sets={
        "train": part("train", (2580, 22800)),
        "dev": part("dev", (2548, 22296)),
        "eval": part("eval", (7355, 63882)),
    },
    usual=("eval",),
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/partialspoof/local/prepare_data.py"):
        main()
