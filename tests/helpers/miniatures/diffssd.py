"""DiffSSD in small: 0 is real, folders that the list writes otherwise, one stem in many folders."""

from antispoof.data.tables import read_table

LIST = "train_val_test_splits.csv"
SETS = {"eval": (2, 4), "whole": (4, 8)}
FACTORS = {name: ["part"] for name in SETS}
SUM = {"whole": {"train": (1, 2), "dev": (1, 2), "eval": (2, 4)}}
LOCAL = ["--sets", "whole,eval"]
REAL = ("librispeech/train-clean-360/100/1/100-1-0", "ljspeech/LJ001-0001")


def build(tree):
    """Write generated_speech/, LibriSpeech/, LJSpeech-1.1/ and the list."""
    lines = ["filename,label,set"]
    for number, part in enumerate(("train", "val", "test", "test")):
        real = f"{REAL[number % 2]}{number}"
        suffix = ".flac" if number % 2 == 0 else ".wav"
        lines.append(f"{real}{suffix},0,{part}")
        place = real.replace("librispeech", "LibriSpeech").replace("ljspeech", "LJSpeech-1.1/wavs")
        tree.sound(f"{place}{suffix}", rate=16000 if number % 2 == 0 else 22050)
        for generator, rate in (("wavegrad2", 22050), ("xtts/speaker_1", 16000)):
            lines.append(f"{generator}/a.b_{number}.wav,1,{part}")
            tree.sound(f"generated_speech/{generator}/a.b_{number}.wav", "spoof", rate=rate)
    tree.lines(LIST, lines)


def real_speech_is_found(out, said):
    """Of the folders as they are on disk; 0 is real."""
    attacks = read_table(out / "whole/utt2attack")
    assert attacks["LibriSpeech-train-clean-360-100-1-100-1-00"] == "-"
    assert attacks["LJSpeech-1.1-wavs-LJ001-00011"] == "-"
    assert attacks["wavegrad2-a.b_3"] == "wavegrad2"
    assert attacks["xtts-speaker_1-a.b_3"] == "xtts"
    assert len(read_table(out / "eval/wav.scp")) == 6


def with_folder(tree):
    """The list writes the folder of the generators too."""
    path = tree.root / LIST
    path.write_text(path.read_text().replace("\nxtts", "\ngenerated_speech/xtts"))


TRAPS = {
    "folders that the list writes otherwise": (None, real_speech_is_found),
    "a list with the generators' folder": (with_folder, real_speech_is_found),
    "no real speech": (
        lambda tree: tree.move("LibriSpeech", "elsewhere"),
        "/LibriSpeech/train-clean-360/100/1/100-1-00.*",
    ),
    "another set": (
        lambda tree: tree.replace(LIST, ",val", ",dev"),
        "found the part 'dev', wanted 'train', 'val', 'test'",
    ),
    "another class": (
        lambda tree: tree.replace(LIST, ",0,train", ",2,train"),
        "found the label '2', wanted '0', '1'",
    ),
}
