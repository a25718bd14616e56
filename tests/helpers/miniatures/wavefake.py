"""WaveFake in small: ten folders with the same ids, one more folder in some, LJSpeech apart."""

from antispoof.data.tables import read_table

LIST = ""
SETS = {"eval": (4, 11)}
FACTORS = {"eval": []}
FOLDERS = [
    *("ljspeech_melgan", "ljspeech_melgan_large", "ljspeech_full_band_melgan"),
    *("ljspeech_multi_band_melgan", "ljspeech_parallel_wavegan", "ljspeech_waveglow"),
    *("ljspeech_hifiGAN", "jsut_multi_band_melgan", "jsut_parallel_wavegan"),
    "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech",
]


def build(tree):
    """Write generated_audio/ and LJSpeech-1.1/."""
    for number, folder in enumerate(FOLDERS):
        inner = "generated" if folder.startswith("common") else "."
        rate = 22050 if number else 16000
        tree.sound(f"generated_audio/{folder}/{inner}/LJ001-0001_gen.wav", "spoof", rate=rate)
    tree.sound("generated_audio/ljspeech_waveglow/LJ001-0002.wav", "spoof")
    for number in range(4):
        tree.sound(f"LJSpeech-1.1/wavs/LJ001-000{number + 1}.wav", rate=22050 if number else 16000)


def one_id_stands_in_every_folder(out, said):
    """Which is its attack; inner folders are part of the id."""
    attacks = read_table(out / "eval/utt2attack")
    assert set(attacks.values()) == {"-", *FOLDERS}
    assert attacks["ljspeech_melgan-LJ001-0001_gen"] == "ljspeech_melgan"
    assert attacks[f"{FOLDERS[-1]}-generated-LJ001-0001_gen"] == FOLDERS[-1]
    assert attacks["LJ001-0002"] == "-"


TRAPS = {
    "one id in every folder": (None, one_id_stands_in_every_folder),
    "no bona fide speech": (
        lambda tree: tree.move("LJSpeech-1.1", "elsewhere"),
        "bona fide speech comes apart; name its folder: --ljspeech DIR",
    ),
    "a vocoder that is not unpacked": (
        lambda tree: tree.move("generated_audio/ljspeech_waveglow", "elsewhere"),
        "/generated_audio/ljspeech_waveglow; unpack it there",
    ),
}
