"""CVoiceFake in small: MP3s, five languages, vocoders as folders."""

from antispoof.data.tables import read_table

LIST = ""
LANGUAGES = ("DE", "EN", "FR", "IT", "CN")
SETS = {"eval": (5, 10)}
FACTORS = {"eval": ["language"]}
SUM = {"eval": dict.fromkeys(LANGUAGES, (1, 2))}
CACHED = True
FORM = {"format": "MP3", "subtype": "MPEG_LAYER_III"}


def build(tree):
    """Write a folder for each language."""
    for language in LANGUAGES:
        tree.sound(f"{language}/Bonafide/common_voice_{language}_1.mp3", **FORM)
        for vocoder in ("melgan", "griffin_lim"):
            name = f"{language}/{vocoder}_generated/common_voice_{language}_1_Gen.mp3"
            tree.sound(name, "spoof", **FORM)


def vocoders_are_attacks(out, said):
    """And each language is a list of trials."""
    attacks = read_table(out / "eval/utt2attack")
    assert attacks["EN-griffin_lim_generated-common_voice_EN_1_Gen"] == "griffin_lim"
    assert attacks["EN-Bonafide-common_voice_EN_1"] == "-"
    assert len((out / "eval/trials/EN").read_text().split()) == 3


TRAPS = {
    "vocoders and languages by folders": (None, vocoders_are_attacks),
    "an MP3 that is cut": (
        lambda tree: tree.cut("EN/Bonafide/common_voice_EN_1.mp3"),
        "/EN/Bonafide/common_voice_EN_1.mp3",
    ),
    "a language that is not there": (
        lambda tree: tree.move("CN", "elsewhere"),
        "/CN; unpack it there",
    ),
    "a folder that is no class": (
        lambda tree: tree.move("EN/melgan_generated", "EN/melgan"),
        "found the label 'melgan', wanted 'Bonafide', 'generated'",
    ),
}
