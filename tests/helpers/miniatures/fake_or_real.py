"""FoR in small: one name in real and fake, dots in stems, files that cannot be read."""

from antispoof.data.tables import read_table

LIST = ""
SETS = {"dev": (2, 2), "eval": (4, 4)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", "dev,eval"]
NAME = "file{}.wav_16k.wav_norm.wav_mono.wav_silence.wav"


def build(tree):
    """Write for-norm/."""
    for name, (count, _) in SETS.items():
        part = {"dev": "validation", "eval": "testing"}[name]
        for number in range(count):
            for label in ("real", "fake"):
                path = f"for-norm/{part}/{label}/{NAME.format(1044 + number)}"
                tree.sound(path, "bonafide" if label == "real" else "spoof")
    tree.file(f"for-norm/testing/real/._{NAME.format(1)}").write_bytes(b"AppleDouble")


def names_keep_their_dots(out, said):
    """And stand in both classes."""
    labels = read_table(out / "eval/utt2label")
    stem = NAME.format(1044).removesuffix(".wav")
    assert (labels[f"real-{stem}"], labels[f"fake-{stem}"]) == ("bonafide", "spoof")
    assert "AppleDouble" not in said


def the_rest_is_written(out, said):
    """Without the file that cannot be read, which is named."""
    assert "found 7 / expected 8 sounds; no " in said
    assert "real-file1045" in (out / "eval/missing").read_text()


def a_file_cannot_be_read(tree):
    """It is empty."""
    path = tree.root / "for-norm/testing/real" / NAME.format(1045)
    path.write_bytes(b"")


TRAPS = {
    "one name in real and fake, with dots": (None, names_keep_their_dots),
    "a file that cannot be read": (a_file_cannot_be_read, "/real/file1045.wav_16k.wav"),
    "a file that cannot be read, if allowed": (a_file_cannot_be_read, the_rest_is_written),
    "a folder in a folder of its name, as on Kaggle": (
        lambda tree: [tree.move("for-norm", "x"), tree.move("x", "for-norm/for-norm")],
        "/for-norm: --corpus ",
    ),
    "a set without fakes": (
        lambda tree: tree.move("for-norm/testing/fake", "elsewhere"),
        "/for-norm/testing/fake; unpack it there",
    ),
}
