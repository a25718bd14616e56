"""ASVspoof 2015 in small: `human`, enrolment among the sounds, a list of ids alone."""

LIST = "CM_protocol/cm_evaluation.ndx"
SETS = {"train": (2, 4), "dev": (2, 4), "eval": (4, 6)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", "train,dev,eval"]
PARTS = {
    "train": ("cm_train.trn", "T"),
    "dev": ("cm_develop.ndx", "D"),
    "eval": ("cm_evaluation.ndx", "E"),
}


def build(tree):
    """Write wav/ and CM_protocol/."""
    for name, (file, letter) in PARTS.items():
        lines = []
        for number in range(sum(SETS[name])):
            human = number < SETS[name][0]
            speaker = f"{letter}{number % 2 + 1}"
            utt = f"{speaker}_{1000001 + number}"
            method = "human" if human else f"S{number % 10 + 1}"
            lines.append(f"{speaker} {utt} {method} {'human' if human else 'spoof'}")
            tree.sound(f"wav/{speaker}/{utt}.wav", "bonafide" if human else "spoof")
        tree.lines(f"CM_protocol/{file}", lines)
    tree.sound("wav/E1/EN10001.wav")


def enrolment_is_left_out(out, said):
    """And counted."""
    assert "eval: 1 files that no list names left out" in said
    assert "EN10001" not in (out / "eval/wav.scp").read_text()


TRAPS = {
    "enrolment": (None, enrolment_is_left_out),
    "a list of ids alone": (
        lambda tree: tree.lines(LIST, ["E1000001"]),
        ":1: found 1 columns, wanted 4: speaker utt attack label",
    ),
    "another word of bona fide speech": (
        lambda tree: tree.replace(LIST, "human human", "human genuine"),
        "found the label 'genuine', wanted 'human', 'spoof'",
    ),
    "human speech with a method": (
        lambda tree: tree.replace(LIST, "human human", "S3 human"),
        "found bona fide speech with the attack 'S3', wanted human",
    ),
}
