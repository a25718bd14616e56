"""ASVspoof 2019 LA in small: enrolment in the folders, bona fide speakers of dev, ASV scores."""

LIST = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.eval.trl.txt"
SETS = {"train": (8, 8), "dev": (8, 8), "eval": (6, 8)}
FACTORS = {name: [] for name in SETS}
EIGHT = "A01 A02 A03 A04 A05 A06 A01 A02"
FOUR = "A07 A08 A11 A19"
ROWS = {  # set: letter, list, {speaker: (bona fide, attacks)}
    "train": ("T", "train.trn", {"LA_0079": (4, EIGHT[:15]), "LA_0080": (4, EIGHT[16:])}),
    "dev": ("D", "dev.trl", {"LA_0069": (4, EIGHT), "LA_0099": (4, "")}),
    "eval": ("E", "eval.trl", {"LA_0039": (3, FOUR), "LA_0040": (3, FOUR)}),
}


def build(tree):
    """Write the folder LA."""
    number = 1138214
    for name, (letter, form, speakers) in ROWS.items():
        lines, folder = [], f"ASVspoof2019_LA_{name}/flac"
        for speaker, (bonafide, attacks) in speakers.items():
            for attack in ["-"] * bonafide + attacks.split():
                number += 7
                utt, label = f"LA_{letter}_{number}", "bonafide" if attack == "-" else "spoof"
                lines.append(f"{speaker} {utt} - {attack} {label}")
                tree.sound(f"{folder}/{utt}.flac", label)
        tree.lines(f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{form}.txt", lines)
        tree.lines(f"ASVspoof2019_LA_{name}/LICENSE.txt", ["ODC-By"])
    tree.sound("ASVspoof2019_LA_eval/flac/LA_E_A0000001.flac")  # enrolment
    tree.sound("ASVspoof2019_LA_dev/flac/LA_D_A0000002.flac")
    for name, attacks in (("dev", EIGHT[:11].split()), ("eval", FOUR.split())):
        scores = [f"bonafide target {12.9 + n}" for n in range(6)]
        scores += [f"bonafide nontarget {-4.2 + n}" for n in range(6)]
        scores += [f"{attack} spoof {3.4 + n}" for n in range(3) for attack in attacks]
        folder = "ASVspoof2019_LA_asv_scores"
        tree.lines(f"{folder}/ASVspoof2019.LA.asv.{name}.gi.trl.scores.txt", scores)
        for sex in ("female", "male"):
            for form in ("trn", "trl"):
                tree.lines(
                    f"ASVspoof2019_LA_asv_protocols/ASVspoof2019.LA.asv.{name}.{sex}.{form}.txt",
                    ["LA_0069 LA_D_A0000002,LA_D_A0000003"],
                )
    tree.lines("README.LA.txt", ["ASVspoof 2019 LA"])


def one_part_asks_for_trl(tree):
    """The list of train under the name that others have."""
    folder = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train"
    tree.move(f"{folder}.trn.txt", f"{folder}.trl.txt")


def enrolment_is_left_out(out, said):
    """No utterance of it; and it is counted."""
    ids = (out / "eval/utt2id").read_text().split()
    assert not [utt for utt in ids if utt.startswith("LA_E_A")]
    assert "eval: 1 files that no list names left out" in said
    assert "/ASVspoof2019_LA_eval/flac/LA_E_A0000001.flac" in said


def speakers_without_spoofs_are_there(out, said):
    """Of dev."""
    text = (out / "dev/spk2utt").read_text()
    assert text.count("LA_0099-LA_D_") == 4


def asv_scores_join_by_class(out, said):
    """A table of them, without ids."""
    lines = (out / "eval/asv_scores").read_text().splitlines()
    assert lines[0] == "kind attack score"
    assert lines[1] == "target - 12.9"
    assert "spoof A07 3.4" in lines
    assert len(lines) == 1 + 24
    assert "eval: ASV scores: 24 trials" in said


TRAPS = {
    "the list of train under the name of the others": (
        one_part_asks_for_trl,
        "looked for ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt",
    ),
    "columns 3 and 4 swapped, as the README lists them": (
        lambda tree: tree.replace(LIST, "- A07 spoof", "A07 - spoof"),
        "found spoofed speech without an attack, '-'",
    ),
    "enrolment": (None, enrolment_is_left_out),
    "speakers of dev with bona fide speech alone": (None, speakers_without_spoofs_are_there),
    "ASV scores without ids": (None, asv_scores_join_by_class),
}
