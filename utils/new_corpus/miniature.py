"""NAME in small: WHAT ITS LIST LOOKS LIKE, AND WHICH TRAPS IT HAS."""

LIST = "metadata.csv"
SETS = {"train": (8, 8), "dev": (4, 4), "eval": (4, 6)}
FACTORS = {name: [] for name in SETS}
LOCAL = []
COUNTED = False  # True where local/prepare_data.py asserts counts


def build(tree):
    """Write the corpus."""
    lines = ["path,label,set,speaker,attack"]
    for name, (bonafide, spoof) in SETS.items():
        for number in range(bonafide + spoof):
            label = "bonafide" if number < bonafide else "spoof"
            attack = "-" if label == "bonafide" else f"A0{1 + number % 2}"
            path = f"clips/{name}_{number:02d}.wav"
            tree.sound(path, label)
            lines.append(f"{path},{label},{name},{name}_person_{number % 3},{attack}")
    tree.lines(LIST, lines)


TRAPS = {  # a sentence: (what is changed, words of the refusal)
    "another word for a class is refused": (
        lambda tree: tree.replace(LIST, ",spoof,", ",fake,"),
        "found the label 'fake', wanted 'bonafide', 'spoof'",
    ),
}
