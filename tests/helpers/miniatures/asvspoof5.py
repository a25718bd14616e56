"""ASVspoof 5 in small: lists without header that are called .tsv, enrolment, codecs of eval."""

from antispoof.data.tables import read_table

LIST = "ASVspoof5.eval.track_1.tsv"
SETS = {"train": (8, 8), "dev": (8, 8), "eval": (8, 8)}
FACTORS = {name: ["gender", "codec", "codec_q", "codec_seed", "attack_tag"] for name in SETS}
FIRST = {
    "train": [
        "T_4850 T_0000000000 F - - - AC3 A05 spoof -",
        "T_3734 T_0000000011 F - - - - bonafide bonafide -",
    ],
    "dev": ["D_0461 D_0000000190 M - - - - bonafide bonafide -"],
    "eval": [
        "E_1607 E_0009538969 M C05 2 E_0009486171 AC1 A26 spoof -",
        "E_1607 E_0009486171 M - 0 - AC1 A26 spoof -",
        "E_1700 E_0001000000 F - 0 - - bonafide bonafide -",
    ],
}
FOLDERS = {"train": ("flac_T", "T"), "dev": ("flac_D", "D"), "eval": ("flac_E_eval", "E")}
ATTACKS = {"train": ("A01", "A08"), "dev": ("A09", "A16"), "eval": ("A17", "A32")}


def lines(name):
    """Of one list: those of FIRST, and more."""
    yield from FIRST[name]
    letter = FOLDERS[name][1]
    number = 2000000
    for label, total in zip(("bonafide", "spoof"), SETS[name], strict=True):
        have = sum(f" {label} -" in line for line in FIRST[name])
        for index in range(total - have):
            number += 3
            attack, tag = (
                ("bonafide", "-") if label == "bonafide" else (ATTACKS[name][index % 2], "AC1")
            )
            codec = "- - -"
            if name == "eval":
                codec = "- 0 -" if index % 2 else f"C1{index % 3 // 2} {index + 1} E_0009486171"
            sex = "FM"[index % 2]
            speaker = f"{letter}_{100 + index % 3:04d}"
            yield f"{speaker} {letter}_{number:010d} {sex} {codec} {tag} {attack} {label} -"


def build(tree):
    """Write the lists, and flac_T, flac_D and flac_E_eval."""
    for name, (folder, _) in FOLDERS.items():
        rows = list(lines(name))
        tree.lines(f"ASVspoof5.{name}.track_1.tsv", rows)
        for row in rows:
            words = row.split()
            tree.sound(f"{folder}/{words[1]}.flac", words[8])
    tree.sound("flac_E_eval/E_A0000000316.flac")
    tree.lines(
        "ASVspoof5.eval.track_2.enroll.tsv",
        ["E_1607 E_A0000000316,E_A0000000725,E_A0000000343", "E_1700 E_A0000000317"],
    )
    trials = ["E_1607 E_0009538969 M A26 spoof"]
    tree.lines("ASVspoof5.eval.track_2.trial.tsv", trials)
    tree.lines("ASVspoof5.codec.config.csv", ["codec,quality"])


def first_lines_survive(out, said):
    """Of each list."""
    for name, rows in FIRST.items():
        speaker, utt = rows[0].split()[:2]
        assert f"{speaker}-{utt}" in read_table(out / name / "utt2label"), name


def uncoded_speech_has_no_quality(out, said):
    """In eval, where the list has a 0; and what was coded is kept."""
    tables = {
        name: read_table(out / "eval" / f"utt2{name}")
        for name in ("codec", "codec_q", "codec_seed")
    }
    rows = ["E_1607-E_0009538969", "E_1607-E_0009486171"]
    found = [tuple(table[utt] for table in tables.values()) for utt in rows]
    assert found == [("C05", "2", "E_0009486171"), ("-", "-", "-")]


def enrolment_is_left_out(out, said):
    """No utterance of it; and it is counted."""
    assert "eval: 1 files that no list names left out" in said
    assert "E_A" not in (out / "eval/utt2id").read_text().replace("E_A-", "")


def error_rates_are_those_given_out(out, said):
    """There are no ASV scores."""
    assert (out / "eval/asv_scores").read_text() == "asvspoof5\n"


def lists_in_a_folder(tree):
    """As the archive of the lists unpacks."""
    for name in SETS:
        file = f"ASVspoof5.{name}.track_1.tsv"
        tree.move(file, f"ASVspoof5_protocols/{file}")


def lists_of_2024(tree):
    """Those of the challenge."""
    for name in SETS:
        tree.move(f"ASVspoof5.{name}.track_1.tsv", f"old/{name}")
    tree.lines("ASVspoof5.train.metadata.txt", ["T_4850 T_0000000000 F AC3 A05 spoof"])


TRAPS = {
    "the first line of each list": (None, first_lines_survive),
    "speech without a codec": (None, uncoded_speech_has_no_quality),
    "enrolment": (None, enrolment_is_left_out),
    "error rates in place of ASV scores": (None, error_rates_are_those_given_out),
    "lists in a folder": (lists_in_a_folder, first_lines_survive),
    "lists of the challenge": (
        lists_of_2024,
        "ASVspoof5.train.metadata.txt: is a list of the challenge of 2024, with 6 columns",
    ),
    "five columns, as the README says": (
        lambda tree: tree.lines(LIST, ["E_1607 E_0009538969 - A26 spoof"]),
        ":1: found 5 columns, wanted 10: speaker utt gender",
    ),
}
