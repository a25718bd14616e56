"""DFADD in small: one name in several folders, WAV and FLAC, a folder that is not there."""

from antispoof.data.tables import read_table

LIST = ""
SETS = {"dev": (2, 5), "eval": (3, 10)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", "dev,eval"]
GENERATORS = ("GradTTS", "MatchaTTS", "NaturalSpeech2", "PflowTTS", "StyleTTS2")


def build(tree):
    """Write DATASET_*."""
    for name, (real, spoofs) in SETS.items():
        part = {"dev": "valid", "eval": "test"}[name]
        for number in range(real):
            tree.sound(f"DATASET_VCTK_BONAFIDE/{part}/p226_00{number}.flac")
        for number in range(spoofs):
            generator = GENERATORS[number % 5]
            suffix = ("wav", "flac")[number % 2]
            tree.sound(f"DATASET_{generator}/{part}/p226_00{number // 5}.{suffix}", "spoof")
    tree.file("DATASET_StyleTTS2/test/._p226_000.wav").write_bytes(b"AppleDouble")
    tree.lines("DATASET_StyleTTS2/test/notes.txt", ["no sound"])


def one_name_is_several_utterances(out, said):
    """By their folders."""
    attacks = read_table(out / "eval/utt2attack")
    for generator in GENERATORS:
        assert attacks[f"DATASET_{generator}-test-p226_000"] == generator
    assert attacks["DATASET_VCTK_BONAFIDE-test-p226_000"] == "-"


def the_rest_is_written(out, said):
    """And what is not there is named."""
    assert "partial: eval: no folder " in said
    assert "/DATASET_MatchaTTS/test; unpack it there" in said
    assert len(read_table(out / "eval/utt2label")) == 11
    assert "/DATASET_MatchaTTS/test" in (out / "eval/PROVENANCE").read_text()


TRAPS = {
    "one name in several folders": (None, one_name_is_several_utterances),
    "a generator that is not unpacked": (
        lambda tree: tree.move("DATASET_MatchaTTS", "elsewhere"),
        "/DATASET_MatchaTTS/test; unpack it there",
    ),
    "a generator that is not unpacked, if allowed": (
        lambda tree: tree.move("DATASET_MatchaTTS", "elsewhere"),
        the_rest_is_written,
    ),
}
