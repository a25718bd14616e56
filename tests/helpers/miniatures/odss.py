"""ODSS in small: one path in three folders, a source without natural speech."""

from antispoof.data.tables import read_table

LIST = ""
SETS = {"eval": (4, 10)}
FACTORS = {"eval": ["source"]}


def build(tree):
    """Write odss/."""
    for number in range(4):
        path = f"{('hui-de', 'slr-es')[number % 2]}/speaker 1/text (0.{number}).wav"
        for folder in ("natural", "vits", "fastpitch-hifigan"):
            tree.sound(f"odss/{folder}/{path}", "bonafide" if folder == "natural" else "spoof")
    for number in range(2):
        tree.sound(f"odss/vits/vctk/p225_00{number}.wav", "spoof")
    tree.lines("odss/README.txt", ["ODSS"])


def one_path_is_three_utterances(out, said):
    """With one source."""
    attacks, sources = (read_table(out / f"eval/utt2{name}") for name in ("attack", "source"))
    for folder in ("natural", "vits", "fastpitch-hifigan"):
        utt = f"{folder}-hui-de-speaker_1-text_(0.0)"
        assert attacks[utt] == ("-" if folder == "natural" else folder)
        assert sources[utt] == "hui-de"
    assert sources["vits-vctk-p225_001"] == "vctk"


TRAPS = {
    "one path in three folders": (None, one_path_is_three_utterances),
    "a system that is not unpacked": (
        lambda tree: tree.move("odss/vits", "elsewhere"),
        "/odss/vits; unpack it there",
    ),
}
