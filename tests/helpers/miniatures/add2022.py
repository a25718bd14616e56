"""ADD 2022 in small: `genuine`, a third column of attacks, sounds whose folder nobody publishes."""

from antispoof.data.tables import read_table

LIST = "eval_track1/label.txt"
SETS = {"train": (2, 3), "eval_track3_r2": (2, 3), "eval_track1": (2, 4)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", ",".join(SETS)]
PLACES = {
    "train": ("ADD_train_dev/label/train_label.txt", "ADD_train_dev/train"),
    "eval_track3_r2": ("track3_R2_label.txt", "track3_R2"),
    "eval_track1": ("eval_track1/label.txt", "eval_track1/wav"),
}


def build(tree):
    """Write lists, and sounds somewhere below."""
    for name, (genuine, fakes) in SETS.items():
        file, folder = PLACES[name]
        letter = {"train": "T", "eval_track1": "E", "eval_track3_r2": "R"}[name]
        lines = []
        for number in range(genuine + fakes):
            word = "genuine" if number < genuine else "fake"
            attack = f" {number % 3}" if letter == "R" else ""
            lines.append(f"ADD_{letter}_0000000{number}.wav {word}{attack}")
            label = "bonafide" if word == "genuine" else "spoof"
            tree.sound(f"{folder}/ADD_{letter}_0000000{number}.wav", label)
        tree.lines(file, lines)


def sounds_are_found(out, said):
    """Anywhere below; the third column is the attack of fakes alone."""
    assert len(read_table(out / "eval_track1/wav.scp")) == 6
    attacks = read_table(out / "eval_track3_r2/utt2attack")
    assert [attacks[f"ADD_R_0000000{number}"] for number in range(4)] == ["-", "-", "2", "0"]


TRAPS = {
    "sounds anywhere, and attacks by number": (None, sounds_are_found),
    "sounds next to the list": (
        lambda tree: [
            tree.move(f"eval_track1/wav/{p.name}", f"eval_track1/{p.name}")
            for p in list((tree.root / "eval_track1/wav").iterdir())
        ],
        sounds_are_found,
    ),
    "another class": (
        lambda tree: tree.replace(LIST, " genuine", " real"),
        ":1: found the label 'real', wanted 'genuine', 'fake'",
    ),
    "a list with attacks where none are expected": (
        lambda tree: tree.replace(LIST, " genuine", " genuine 0"),
        ":1: found 3 columns, wanted 2: utt label",
    ),
}
