"""SONAR in small: MP3 inside .wav, dots and blanks in stems, real called fake."""

from antispoof.data.audio import read_wave
from antispoof.data.tables import read_table

LIST = ""
SETS = {"eval": (4, 9)}
FACTORS = {"eval": []}
SYSTEMS = ("OpenAI", "xTTS", "FlashSpeech", "VoiceBox", "AudioGen", "VALLE", "NaturalSpeech3",
           "PromptTTS2")  # fmt: skip
MP3 = "OpenAI/hello v1.5 (2).wav"


def build(tree):
    """Write nine folders, and one that is not read."""
    for number in range(4):
        tree.sound(f"real_samples/84_121.{number}.wav")
    for number, system in enumerate(SYSTEMS):
        rate = (16000, 22050, 24000)[number % 3]
        tree.sound(f"{system}/84_121.0.wav", "spoof", rate=rate)
    tree.sound(MP3, "spoof", format="MP3", subtype="MPEG_LAYER_III")
    tree.sound("seedtts/prompt.wav")
    tree.lines("seedtts.csv", ["seedtts/prompt.wav,fake"])
    tree.file("VALLE/._84_121.0.wav").write_bytes(b"AppleDouble")


def every_sound_is_ready(out, said):
    """Of names with dots and blanks, also an MP3; and none of seedtts."""
    wavs = read_table(out / "eval/wav.scp")
    utt = "OpenAI-hello_v1.5_(2)"
    assert len(read_wave(wavs[utt], utt)) > 15000
    assert read_table(out / "eval/utt2attack")[utt] == "OpenAI"
    assert "real_samples-84_121.3" in wavs
    assert not (out / "eval/missing").exists()  # files of macOS are no sounds
    assert "VALLE-84_121.0" in wavs
    assert not [utt for utt in wavs if "prompt" in utt]


TRAPS = {
    "an MP3 inside .wav, and names with dots": (None, every_sound_is_ready),
    "a system that is not there": (
        lambda tree: tree.move("VALLE", "elsewhere"),
        "/VALLE; unpack it there",
    ),
    "real speech moved among the fakes": (
        lambda tree: tree.move("seedtts/prompt.wav", "xTTS/prompt.wav"),
        "bona fide 4 / 2274, spoof 10 / 1674",
    ),
}
