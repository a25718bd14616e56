"""CFAD in small: noisy and noise, one stem in several folders, noise and codec by name."""

from antispoof.data.tables import read_table

LIST = ""
SETS = {"eval_clean": (2, 4), "eval_noisy": (2, 4), "eval_codec": (2, 4), "train_clean": (1, 2)}
FACTORS = {name: ["part", "source", "noise", "snr", "codec"] for name in SETS}
SUM = {name: {"test_seen": (1, 2), "test_unseen": (1, 2)} for name in SETS if name[0] == "e"}
LOCAL = ["--sets", ",".join(SETS)]
ENDS = {"clean": ("clean", ""), "noisy": ("noise", "_babble_snr-5"), "codec": ("codec", "_mp3")}


def build(tree):
    """Write CFAD/."""
    for name in SETS:
        kind, version = name.split("_")
        suffix, end = ENDS[version]
        for part in ("test_seen", "test_unseen") if kind == "eval" else (kind,):
            above = f"CFAD/{version}_version/{part}_{suffix}"
            tree.sound(f"{above}/real_{suffix}/aishell3/SSB0001{end}.wav")
            for method in ("hifigan", "lpcnet"):
                tree.sound(f"{above}/fake_{suffix}/{method}/SSB0001{end}.wav", "spoof")


def names_say_what_was_done(out, said):
    """And one stem in several folders is several utterances."""
    found = {}
    for version in ENDS:
        utts = read_table(out / f"eval_{version}/utt2label")
        utt = next(utt for utt in utts if "test_seen" in utt and "lpcnet" in utt)
        tables = ("attack", "source", "noise", "snr", "codec")
        found[version] = [read_table(out / f"eval_{version}/utt2{name}")[utt] for name in tables]
    assert found["clean"] == ["lpcnet", "-", "-", "-", "-"]
    assert found["noisy"] == ["lpcnet", "-", "babble", "-5", "-"]
    assert found["codec"] == ["lpcnet", "-", "-", "-", "mp3"]
    assert "aishell3" in read_table(out / "eval_clean/utt2source").values()


TRAPS = {
    "what was done to a sound, by its name": (None, names_say_what_was_done),
    "a test that is not unpacked": (
        lambda tree: tree.move("CFAD/noisy_version/test_unseen_noise", "elsewhere"),
        "/noisy_version/test_unseen_noise; unpack it there",
    ),
    "a folder that is no class": (
        lambda tree: tree.move(
            "CFAD/clean_version/train_clean/real_clean", "CFAD/clean_version/train_clean/bona_clean"
        ),
        "found the label 'bona', wanted 'real', 'fake'",
    ),
}
