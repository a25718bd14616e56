"""In-the-Wild in small: `bona-fide`, names of people with blanks, floats, numbers as names."""

from antispoof.data.tables import read_table

LIST = "meta.csv"
SETS = {"eval": (6, 6)}
FACTORS = {"eval": []}
LOCAL = []


def build(tree):
    """Write the folder release_in_the_wild."""
    lines = ["file,speaker,label"]
    for number in range(12):
        label = ("spoof", "bona-fide")[number % 2]
        speaker = ("Alec Guinness", "Barack Obama", "Donald J. Trump")[number % 3]
        lines.append(f"{number}.wav,{speaker},{label}")
        tree.sound(f"{number}.wav", label.replace("-", ""), subtype="FLOAT")
    tree.lines("meta.csv", lines)
    tree.lines("attribution.txt", ["where each sound is from"])


def floats_are_read(out, said):
    """A reader that asks for 16 bits gets zeros; names are by number, in the order of text."""
    ids = read_table(out / "eval/utt2id")
    assert ids["Alec_Guinness-0"] == "0"
    assert len(set(read_table(out / "eval/utt2spk").values())) == 3
    assert "12" not in ids.values()  # nor is the header a trial: `file` is none
    assert "file" not in ids.values()


def a_file_is_missing(tree):
    """One that the list names."""
    (tree.root / "5.wav").unlink()


TRAPS = {
    "speakers have blanks, and the header is no trial": (None, floats_are_read),
    "a sound that is missing is named": (a_file_is_missing, "/5.wav"),
    "another class is refused": (
        lambda tree: tree.replace("meta.csv", "bona-fide", "bonafide"),
        "found the label 'bonafide', wanted 'bona-fide', 'spoof'",
    ),
    "a header that is missing is said": (
        lambda tree: tree.replace("meta.csv", "file,speaker,label\n", ""),
        "wanted 'file' once",
    ),
    "a list that stands among protocols is read": (
        lambda tree: tree.move("meta.csv", "protocols/meta.csv"),
        lambda out, said: read_table(out / "eval/utt2label"),
    ),
}
