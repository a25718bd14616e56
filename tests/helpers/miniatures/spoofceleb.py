"""SpoofCeleb in small: a class that is an attack, one name in several folders."""

from antispoof.data.tables import read_table

LIST = "metadata/evaluation.csv"
SETS = {"dev": (2, 3), "eval": (3, 5)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", "dev,eval"]


def build(tree):
    """Write flac/, metadata/ and protocol/."""
    for name, (bonafide, spoofs) in SETS.items():
        part = {"dev": "development", "eval": "evaluation"}[name]
        rows = [("a00", n) for n in range(bonafide)]
        rows += [(f"a{(5, 23)[n % 2]:02d}", n // 2) for n in range(spoofs)]
        lines = ["file,speaker,attack"]
        for attack, number in rows:
            path = f"{attack}/id10318/YYsxcZ5saac-00002-00{number}.flac"
            lines.append(f"{path},id10318,{attack}")
            tree.sound(f"flac/{part}/{path}", "bonafide" if attack == "a00" else "spoof")
        tree.lines(f"metadata/{part}.csv", lines)
        tree.lines(f"protocol/sasv_{part}_evaluation_protocol.csv", ["id10318,a,target"])


def ids_have_the_path(out, said):
    """So that one name in three folders is three utterances."""
    labels = read_table(out / "eval/utt2label")
    utts = [f"id10318-{a}-id10318-YYsxcZ5saac-00002-000" for a in ("a00", "a05", "a23")]
    assert [labels[utt] for utt in utts] == ["bonafide", "spoof", "spoof"]
    assert read_table(out / "eval/utt2attack")[utts[0]] == "-"
    assert read_table(out / "eval/utt2id")[utts[0]] == "a00/id10318/YYsxcZ5saac-00002-000"


def one_folder_above(tree):
    """As the archive unpacks."""
    for name in ("flac", "metadata", "protocol"):
        tree.move(name, f"spoofceleb/{name}")


TRAPS = {
    "the same name in several folders": (None, ids_have_the_path),
    "a tree in a folder of its name": (one_folder_above, ids_have_the_path),
    "an attack that nobody knows": (
        lambda tree: tree.replace(LIST, ",a05", ",a24"),
        "found the label 'a24', wanted 'a00', 'a01'",
    ),
    "a list without its header": (
        lambda tree: tree.replace(LIST, "file,speaker,attack\n", ""),
        "wanted 'file' once",
    ),
}
