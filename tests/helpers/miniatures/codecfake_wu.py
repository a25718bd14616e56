"""CodecFake in small: codecs in the names of files, any folder, VCTK apart, no counts at all."""

from antispoof.data.tables import read_table

LIST = ""
SETS = {"eval": (3, 6)}
FACTORS = {"eval": []}
COUNTED, ANYWHERE = False, True
CODECS = ("encodec_24khz", "dac_16k", "speech_tokenizer.x")


def build(tree):
    """Write sounds, in a folder or not, and VCTK/."""
    for number, codec in enumerate(CODECS):
        for text in ("103", "104"):
            folder = "part_1/" if number else ""
            tree.sound(f"{folder}{codec}+p272_{text}.wav", "spoof")
    for number in range(3):
        tree.sound(f"VCTK/wav48/p272/p272_10{number + 3}.flac", rate=48000 if number else 16000)


def codecs_are_attacks(out, said):
    """And speakers those of VCTK; how many are expected is not known, which is said."""
    attacks = read_table(out / "eval/utt2attack")
    assert set(attacks.values()) == {"-", *CODECS}
    assert attacks["p272-part_1-speech_tokenizer.x+p272_104"] == "speech_tokenizer.x"
    assert set(read_table(out / "eval/utt2spk").values()) == {"p272"}
    assert "eval: bona fide 3, spoof 6 (how many are expected is not known)" in said


TRAPS = {
    "codecs in the names of files": (None, codecs_are_attacks),
    "no bona fide speech": (
        lambda tree: tree.move("VCTK", "elsewhere"),
        "bona fide speech comes apart; name its folder: --vctk DIR",
    ),
}
