"""MLAAD in small: a lone quote in a text, names of models, M-AILABS apart with files of macOS."""

from antispoof.data.tables import read_table

LIST = "fake/ja/kokoro/meta.csv"
SETS = {"eval": (3, 6)}
FACTORS = {"eval": ["language", "architecture"]}
HEADER = "path|original_file|language|is_original_language|model_name|architecture|transcript"
MODELS = {
    "en/vits--neon": ("tts_models/en/ljspeech/vits--neon", "vits", 22050),
    "ja/kokoro": ("hexgrad Kokoro-82M", "kokoro", 24000),
    "zh-cn/x": ("x tts.v2", "xtts", 16000),
}


def build(tree):
    """Write fake/ and M-AILABS/."""
    for folder, (model, architecture, rate) in MODELS.items():
        language, lines = folder.partition("/")[0], [HEADER]
        for number in range(2):
            path = f"fake/{folder}/text_{number}.wav"
            text = '"No", he said: "no' if number == 0 else "a text, with a comma"
            lines.append(
                f"{path}|./en_US/a_{number}.wav|{language}|True|{model}|{architecture}|{text}"
            )
            tree.sound(path, "spoof", rate=rate, seconds=0.02 if language == "en" else 1)
        tree.lines(f"fake/{folder}/meta.csv", lines)
    for number in range(3):
        tree.sound(f"M-AILABS/en/book/wavs/a_{number}.wav")
    tree.file("M-AILABS/en/book/wavs/._a_0.wav").write_bytes(b"AppleDouble")


def a_lone_quote_is_text(out, said):
    """No line is lost; models are named by the list."""
    attacks, languages = (read_table(out / f"eval/utt2{n}") for n in ("attack", "language"))
    for number in range(2):
        assert attacks[f"fake-ja-kokoro-text_{number}"] == "hexgrad_Kokoro-82M"
    assert attacks["en-book-wavs-a_0"] == "-"
    assert not (out / "eval/missing").exists()  # files of macOS are no sounds
    assert sorted(set(languages.values())) == ["-", "en", "ja", "zh-cn"]
    assert "bona fide 3, spoof 6 / 456000 (how many bona fide are expected is not known)" in said


TRAPS = {
    "a lone quote in a text": (None, a_lone_quote_is_text),
    "no bona fide speech": (
        lambda tree: tree.move("M-AILABS", "elsewhere"),
        "bona fide speech comes apart; name its folder: --m-ailabs DIR",
    ),
    "a list with other columns": (
        lambda tree: tree.replace(LIST, "model_name", "model"),
        "wanted 'model_name' once",
    ),
}
