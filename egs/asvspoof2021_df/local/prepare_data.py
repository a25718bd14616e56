#!/usr/bin/env python3
"""Stage 1 of ASVspoof 2021, deepfake: from the key in CORPUS to data/eval.

CORPUS holds keys/ and ASVspoof2021_DF_eval/flac, or the four folders ASVspoof2021_DF_eval_part00 to
part03 with that in each. A line of the key is `LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof
notrim progress traditional_vocoder - - - -`: speaker, utterance, compression, source, attack (- for
bona fide), class, trimmed or not, subset, vocoder, task, team, gender pair, language.

example:
  local/prepare_data.py --corpus CORPUS --out data
"""

import argparse

from antispoof.about import about
from antispoof.corpora import Corpus, Lists, Protocol, Set, prepare
from antispoof.errors import one_line_errors
from antispoof.options import add_corpus_options

PARTS = {f"ASVspoof2021_DF_eval_part0{n}": 152958 - 3 * (n == 0) for n in range(4)}
NEURAL = ("neural_vocoder_autoregressive", "neural_vocoder_nonautoregressive")
OTHERS = ("traditional_vocoder", "waveform_concatenation", "unknown")
WORDS = {
    "subset": {word: word for word in ("eval", "progress", "hidden")} | {"hidden_track": "hidden"},
    "vocoder": {word: word for word in (*NEURAL, *OTHERS)}
    | {"bonafide": "-"},  # bona fide speech has none
}
KEYS = ("keys/DF/CM", "keys/CM", "ASVspoof2021_DF_eval/keys/DF/CM", "DF-keys-full/keys/DF/CM")
KEY = Protocol(
    [f"{key}/trial_metadata.txt" for key in (*KEYS, "ASVspoof2021_DF_eval", ".")],
    columns="speaker utt codec source attack label trim subset vocoder task team gender language",
    words=WORDS,
    folders=("ASVspoof2021_DF_eval/flac", *(f"{p}/ASVspoof2021_DF_eval/flac" for p in PARTS),
             *(f"{p}/flac" for p in PARTS), "flac"),
    sha256="70e0e7d5964562cb",
)  # fmt: skip
LISTS = Lists("subset", {"eval": (14869, 519059), "progress": 59325, "hidden": 18576}, "eval")
CORPUS = Corpus(
    **about(__file__),
    version="Zenodo 4835108, four archives; keys DF-keys-full of asvspoof.org",
    sets={"eval": Set(KEY, (22617, 589212), LISTS, archives=PARTS)},
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    prepare(CORPUS, add_corpus_options(parser).parse_args(), print)


if __name__ == "__main__":
    with one_line_errors("egs/asvspoof2021_df/local/prepare_data.py"):
        main()
