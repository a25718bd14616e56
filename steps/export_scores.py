#!/usr/bin/env python3
"""Write scores in a form that other tools read; or check, or take over, a file of such a form."""

import argparse
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  steps/export_scores.py --form 2021 data/eval exp/mel_cnn_seed1/eval/scores submission.txt
  steps/export_scores.py --form 2021 --check data/eval submission.txt
  steps/export_scores.py --form 2021 --import data/eval published.txt exp/published/eval/scores
  steps/export_scores.py --form df_arena --protocol board.csv data/eval SCORES board.txt
  steps/export_scores.py --form spoof_bench data/eval exp/fusion_seed1/eval/scores scores.txt

Forms: 2019 (utt attack key score), 2021 (utt score), asvspoof5 (a header, tabs), utt_score (utt
score, in C order), df_arena (file_name score, for Speech DF Arena, with the names of --protocol),
spoof_bench (utterance_id score, for speech_spoof_bench; what a submission states is printed).
Higher is more bona fide in all of them; leaderboards' files of the other direction are refused.
What is written is read back by a strict reader before it is there; --check reads a file with it.
Ids in such files are those that the corpus publishes, DATA_DIR/utt2id, where that table is there.
"""


def main():
    options = parse()
    from antispoof.data.tables import read_table, require_same_keys, write_table
    from antispoof.evaluation import boards, score_files
    from antispoof.evaluation.scores import read_labelled_trials, read_scores
    from antispoof.files import atomic_open

    data, out = options.data_dir, options.files[-1]
    labels = read_table(data / "utt2label")
    attacks = read_table(data / "utt2attack") if options.form == "2019" else None
    if attacks is not None:
        require_same_keys(labels, attacks, data / "utt2label", data / "utt2attack")
    names = read_labelled_trials(data, options.trials, labels) if options.trials else labels
    ids = published_ids(data, labels)
    if options.form == "df_arena":
        names_of = {ids[utt]: labels[utt] for utt in names}
        files = boards.read_protocol(options.protocol, names_of)
        ids = {utt: files[ids[utt]] for utt in names}
    utts = {ids[utt]: utt for utt in names}
    wanted = {ids[utt]: labels[utt] for utt in names}
    if attacks is not None:
        attacks = {ids[utt]: attack for utt, attack in attacks.items()}
    if options.check or options.take:
        text = options.files[0].read_bytes().decode("utf-8", errors="replace")
    else:
        scores = read_scores(options.files[0])
        require_same_keys(labels, scores, data / "utt2label", options.files[0])
        kept = {own: scores[utt] for own, utt in utts.items()}
        text = score_files.to_text(options.form, kept, wanted, attacks)
    place = options.files[0] if options.take else out
    found = score_files.read_text(options.form, text, place, wanted, attacks)
    if options.form in boards.BOARDS:
        boards.require_direction(found, wanted, options.files[0])
    if options.take:
        write_table(out, {utts[own]: repr(score) for own, score in found.items()})
    elif not options.check:
        with atomic_open(out) as stream:
            stream.write(text)
    print(f"{out}: {len(found)} scores in the form {options.form}")
    if options.form in boards.BOARDS:
        print(*boards.statement(options.form, text, found, wanted), sep="\n")


def published_ids(data, labels):
    """{utterance: the id in files of others}, each once."""
    from antispoof.data.tables import read_table, require_same_keys

    path = data / "utt2id"
    if not path.is_file():
        return dict(zip(labels, labels, strict=True))
    ids = read_table(path)
    require_same_keys(labels, ids, data / "utt2label", path)
    known = {}
    for utt, own in ids.items():
        if known.setdefault(own, utt) != utt:
            raise UserError(f"{path}: found '{own}' for {known[own]} and {utt}, wanted one each")
    return ids


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    forms = ("2019", "2021", "asvspoof5", "utt_score", "df_arena", "spoof_bench")
    parser.add_argument("--form", choices=forms, required=True)
    parser.add_argument("--trials", metavar="NAME", help="only DATA_DIR/trials/NAME")
    parser.add_argument(
        "--protocol", type=Path, metavar="CSV", help="of df_arena: how it names the files"
    )
    parser.add_argument("--check", action="store_true", help="read FILE, write nothing")
    parser.add_argument(
        "--import", dest="take", action="store_true", help="read FILE, write its scores as a table"
    )
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="SCORES OUT, or FILE, or FILE SCORES"
    )
    options = parser.parse_args()
    if len(options.files) != (1 if options.check else 2):
        raise UserError("wanted DATA_DIR SCORES OUT, or with --check DATA_DIR FILE")
    if (options.form == "df_arena") != (options.protocol is not None):
        raise UserError(
            "--protocol: wanted with --form df_arena, and with it alone: the CSV of the board, "
            "which names the files"
        )
    if options.check and options.take:
        raise UserError("--import: found --check too, wanted one of them")
    return options


if __name__ == "__main__":
    with one_line_errors("steps/export_scores.py"):
        main()
