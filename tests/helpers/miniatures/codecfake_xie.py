"""Codecfake in small: speech in several conditions, codecs by name or number."""

from antispoof.data.tables import read_table

LIST = "label/C7.txt"
SETS = {f"eval_c{n}": (2, 2) for n in range(1, 7)} | {"eval_a2": (2, 2), "eval_a3": (2, 2)}
SETS |= {"eval_a1": (3, 3), "dev": (2, 2), "eval_c7": (3, 4)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", ",".join(SETS)]


def build(tree):
    """Write C1/ to A3/, dev/ and label/."""
    for name, (real, fake) in SETS.items():
        part = name if name == "dev" else name.removeprefix("eval_").upper()
        lines = [f"SSB1365005{n}.wav real 0" for n in range(real)]
        lines += [
            f"F0{7 if part == 'C7' else 1}_SSB1365005{n}.wav fake {n + 1}" for n in range(fake)
        ]
        if part == "A1":
            lines[-1:] = ["valle_p225_003.wav fake 6"]
        for line in lines:
            file, label, _ = line.split()
            tree.sound(f"{part}/{file}", "bonafide" if label == "real" else "spoof")
        tree.lines(f"label/{part}.txt", lines)


def attacks_and_speakers_are_found(out, said):
    """By name, or else by number."""
    attacks = read_table(out / "eval_a1/utt2attack")
    assert attacks["SSB1365-F01_SSB13650050"] == "F01"
    assert attacks["p225-valle_p225_003"] == "class_6"
    assert attacks["SSB1365-SSB13650050"] == "-"
    assert set(read_table(out / "eval_c7/utt2attack").values()) == {"-", "F07"}


TRAPS = {
    "codecs by name, and by number": (None, attacks_and_speakers_are_found),
    "a list whose name says more": (
        lambda tree: tree.move("label/A1.txt", "label/eval_A1_label.txt"),
        attacks_and_speakers_are_found,
    ),
    "a condition that is not there": (
        lambda tree: tree.move("C7", "elsewhere"),
        "eval_c7: found 0 / expected 7 sounds; no ",
    ),
    "another class": (
        lambda tree: tree.replace(LIST, " real ", " bonafide "),
        "found the label 'bonafide', wanted 'real', 'fake'",
    ),
}
