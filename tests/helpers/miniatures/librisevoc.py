"""LibriSeVoc in small: one stem in seven folders, 24 kHz, floats, lists from elsewhere."""

from antispoof.data.tables import read_table

LIST = "test.txt"
VOCODERS = ("diffwave", "melgan", "parallel_wave_gan", "wavegrad", "wavenet", "wavernn")
SETS = {"dev": (1, 6), "eval": (2, 12)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", "dev,eval"]


def build(tree):
    """Write gt/, the vocoders' folders, and lists."""
    for name, stems in (
        ("dev", ["19_198_000000_000000"]),
        ("test", ["27_123349_00_0", "32_21_0_0"]),
    ):
        for stem in stems:
            whole = {"rate": 16000} if stem.startswith("32") else {"rate": 24000}
            tree.sound(f"gt/{stem}.wav", "bonafide", **whole)
            for number, vocoder in enumerate(VOCODERS):
                form = {"subtype": ("FLOAT", "PCM_16")[number % 2]}
                tree.sound(f"{vocoder}/{stem}_gen.wav", "spoof", **whole, **form)
        tree.lines(f"{name}.txt", [f"{stem}.wav" for stem in stems])


def one_stem_is_seven_utterances(out, said):
    """By their folders; attacks are vocoders."""
    attacks = read_table(out / "eval/utt2attack")
    assert attacks["27-gt-27_123349_00_0"] == "-"
    for vocoder in VOCODERS:
        assert attacks[f"27-{vocoder}-27_123349_00_0"] == vocoder
    assert read_table(out / "eval/utt2id")["27-gt-27_123349_00_0"] == "gt/27_123349_00_0"
    assert (out / "eval/wav.scp").read_text().count("/cache/") == 7


TRAPS = {
    "one stem in seven folders, at another rate": (None, one_stem_is_seven_utterances),
    "no lists": (
        lambda tree: [
            tree.move(f"{name}.txt", f"elsewhere/far/away/{name}") for name in ("dev", "test")
        ],
        ": looked for test.txt, found ",
    ),
    "a vocoder that is not unpacked": (
        lambda tree: tree.move("wavenet", "elsewhere"),
        "/wavenet/27_123349_00_0_gen.wav",
    ),
}
