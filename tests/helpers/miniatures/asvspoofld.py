"""ASVspoofLD in small: lists that are misspelt, one id in all of them, columns as in 2019."""

from antispoof.data.tables import read_table

CONDITIONS = ("Noise_Addition", "Reverberation", "Resampling", "Recompression", "Filtering")
LIST = "protocols/ASVspoofLauneredDatabase_Reverberation.txt"
SETS = {"eval": (5, 10)}
FACTORS = {"eval": ["condition"]}
SUM = {"eval": dict.fromkeys(CONDITIONS, (1, 2))}
ROWS = (
    "LA_0039 LA_E_1 - - bonafide 0",
    "LA_0039 LA_E_2 - A07 spoof 5",
    "LA_0040 LA_E_3 - A19 spoof 10",
)


def build(tree):
    """Write ASVspoofLD/ and protocols/."""
    for condition in CONDITIONS:
        for row in ROWS:
            _, utt, _, _, label, _ = row.split()
            tree.sound(f"ASVspoofLD/{condition}/flac/{utt}.flac", label)
        tree.lines(f"protocols/ASVspoofLauneredDatabase_{condition}.txt", ROWS)


def one_id_stands_in_every_condition(out, said):
    """Which is put before it."""
    attacks = read_table(out / "eval/utt2attack")
    for condition in CONDITIONS:
        assert attacks[f"LA_0039-{condition}-LA_E_1"] == "-"
        assert attacks[f"LA_0040-{condition}-LA_E_3"] == "A19"
    assert len((out / "eval/trials/Filtering").read_text().split()) == 3


TRAPS = {
    "one id in every condition": (None, one_id_stands_in_every_condition),
    "a list whose name is spelt right": (
        lambda tree: tree.move(LIST, LIST.replace("Launered", "Laundered")),
        "looked for protocols/ASVspoofLauneredDatabase_Reverberation.txt",
    ),
    "the five columns of 2019": (
        lambda tree: tree.lines(LIST, [row.rpartition(" ")[0] for row in ROWS]),
        ":1: found 5 columns, wanted 6: speaker utt - attack label -",
    ),
    "columns in another order": (
        lambda tree: tree.lines(LIST, ["LA_0039 LA_E_2 A07 - spoof 5"]),
        "found spoofed speech without an attack, '-'",
    ),
}
