"""LlamaPartialSpoof in small: what ids say, a part with spoofs alone, columns unexplained."""

from antispoof.data.tables import read_table

LIST = "label_R01TTS.0.a.txt"
SETS = {"eval": (3, 6), "eval_a": (3, 3)}
FACTORS = {name: ["extent", "part"] for name in SETS}
LOCAL = ["--sets", "eval,eval_a"]
COUNTED = False
SPOOFS = ("cosyvoice-partial-cp", "xttsv2", "newtts-partial")


def build(tree):
    """Write two parts."""
    for letter in "ab":
        lines = [
            f"dev-clean_1462_170145_00002{n}_0 x bonafide 0 1"
            for n in range(3 if letter == "a" else 0)
        ]
        lines += [f"dev01-{s}_1272_{letter}_{n} x spoof 0" for n, s in enumerate(SPOOFS)]
        for line in lines:
            utt, _, label, *_ = line.split()
            folder = "inner/" if letter == "b" else ""
            tree.sound(f"R01TTS.0.{letter}/{folder}{utt}.wav", label)
        tree.lines(f"label_R01TTS.0.{letter}.txt", lines)


def ids_are_read(out, said):
    """System, extent and speaker."""
    tables = [read_table(out / f"eval/utt2{name}") for name in ("attack", "extent", "part")]
    assert [t["1272-dev01-cosyvoice-partial-cp_1272_b_0"] for t in tables] == [
        "cosyvoice",
        "partial",
        "b",
    ]
    assert [t["1272-dev01-xttsv2_1272_a_1"] for t in tables] == ["xttsv2", "-", "a"]
    assert [t["1272-dev01-newtts-partial_1272_a_2"] for t in tables] == ["unknown", "partial", "a"]
    assert [t["1462-dev-clean_1462_170145_000020_0"] for t in tables] == ["-", "-", "a"]


TRAPS = {
    "what ids say, and sounds in folders": (None, ids_are_read),
    "a part without its list": (
        lambda tree: tree.move("label_R01TTS.0.b.txt", "elsewhere/far/away/list"),
        "looked for label_R01TTS.0.b.txt",
    ),
    "another class": (
        lambda tree: tree.replace(LIST, " bonafide ", " real "),
        ":1: found the label 'real', wanted 'bonafide', 'spoof'",
    ),
    "one name in two folders": (
        lambda tree: tree.sound("R01TTS.0.a/copy/dev-clean_1462_170145_000020_0.wav"),
        "wanted one dev-clean_1462_170145_000020_0.wav",
    ),
}
