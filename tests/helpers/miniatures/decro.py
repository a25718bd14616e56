"""DECRO in small: sources in the column of attacks, blanks, a last line without an end."""

from antispoof.data.tables import read_table

LIST = "en_eval.txt"
SETS = {"eval_en": (3, 4), "eval_ch": (3, 4), "train_en": (2, 2)}
FACTORS = {name: ["source"] for name in SETS}
LOCAL = ["--sets", "eval_en,eval_ch,train_en"]


def build(tree):
    """Write en_eval/, en_eval.txt, ..."""
    for name, (bonafide, spoofs) in SETS.items():
        part = "_".join(reversed(name.split("_")))
        lines = []
        for number in range(bonafide):
            utt = f"T0055G0019S042{number}"
            lines.append(f"G0019 {utt} - aidatatang bonafide  ")
            tree.sound(f"{part}/{utt}.wav")
        for number in range(spoofs):
            lines.append(f"unknown 2003212{number} - {('baidu', 'fs2')[number % 2]} spoof")
            tree.sound(f"{part}/2003212{number}.wav", "spoof")
        tree.lines(f"{part}.txt", lines, last=part != "ch_eval")


def sources_are_no_attacks(out, said):
    """Bona fide speech has -, and its source is kept; the last line is there."""
    attacks, sources = (read_table(out / f"eval_ch/utt2{name}") for name in ("attack", "source"))
    assert (attacks["G0019-T0055G0019S0420"], sources["G0019-T0055G0019S0420"]) == (
        "-",
        "aidatatang",
    )
    assert (attacks["20032123"], sources["20032123"]) == ("fs2", "-")
    assert read_table(out / "eval_ch/utt2spk")["20032123"] == "-"


TRAPS = {
    "the source of bona fide speech, and a last line without an end": (
        None,
        sources_are_no_attacks,
    ),
    "the tree one folder below": (
        lambda tree: [
            tree.move(p.name, f"petrichorwq-DECRO-dataset-6fc9884/{p.name}")
            for p in list(tree.root.iterdir())
        ],
        sources_are_no_attacks,
    ),
    "a spoof without a system": (
        lambda tree: tree.replace(LIST, "- baidu spoof", "- - spoof"),
        "found spoofed speech without an attack, '-'",
    ),
}
