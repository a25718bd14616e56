"""Deepfake-Eval-2024 in small: five containers, other endings in the list, long files, commas."""

import subprocess

from antispoof.data.audio import read_wave
from antispoof.data.tables import read_table

LIST = "audio-metadata-publish.csv"
SETS = {"eval": (5, 4), "eval_segments": (3, 2)}
FACTORS = {name: ["finetuning"] for name in SETS}
SUM = {"eval": {"train": (3, 2), "test": (2, 2)}, "eval_segments": {"train": (3, 2)}}
LOCAL = []
HEAD = "Filename,Date,Ground Truth,Comments,Finetuning Set"
ROWS = [  # stem, ending of the file, ending in the list, class, set, rate, channels
    ("a clip.1", "mp3", "mp3", "Real", "Train", 44100, 2),
    ("b", "mp3", "wav", "Fake", "Train", 16000, 1),
    ("c", "m4a", "mp4", "Real", "Test", 44100, 1),
    ("d", "mp4", "mp4", "fake", "Test", 48000, 2),
    ("e", "dat", "mp4", "Real", "Train", 44100, 2),
    ("f", "dat", "mp4", "Fake", "Test", 44100, 2),
    ("g", "wav", "wav", "real", "Test", 44100, 2),
    ("long", "mp3", "mp3", "Real", "Train", 16000, 1),
    ("nobody knows", "mp3", "mp3", "Unknown", "Test", 16000, 1),
    ("z", "wav", "wav", "Fake", "Train", 16000, 1),
]
MP4 = ["-f", "mp4", "-c:a", "aac"]


def build(tree):
    """Write the parts that are read, and one that is not."""
    lines = [HEAD]
    for stem, suffix, listed, label, part, rate, channels in ROWS:
        name = f"audio-data/{stem}.{suffix}"
        seconds = 1.2 if stem != "long" else 1.5
        kind = "bonafide" if label.lower() == "real" else "spoof"
        if suffix == "wav":
            tree.sound(name, kind, rate=rate, channels=channels, seconds=seconds)
        else:
            _code(tree, name, kind, rate, channels, seconds, repeat=6 if stem == "long" else 0)
        lines.append(f'{stem}.{listed},2024-01-02,{label},"a comment, ""quoted""",{part}')
    tree.lines(LIST, lines)
    tree.lines("video-metadata-publish-with-links.csv", ["Filename"])


def _code(tree, name, kind, rate, channels, seconds, repeat):
    """Encode a sound by FFmpeg, `repeat` more times one after the other."""
    tree.sound("source.wav", kind, rate=rate, channels=channels, seconds=seconds)
    form = [] if name.endswith(("mp3", "m4a")) else MP4
    source = ["-stream_loop", str(repeat), "-i", tree.root / "source.wav"]
    command = ["ffmpeg", "-y", "-v", "error", *source, *form, tree.file(name)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (tree.root / "source.wav").unlink()


def every_container_is_ready(out, said):
    """Mono at 16 kHz, so that a model reads it whose config allows nothing; WAVs may stay."""
    wavs = read_table(out / "eval/wav.scp")
    assert len(wavs) == 9
    for utt, path in wavs.items():
        assert len(read_wave(path, utt)) > 16000 // 4
    assert wavs["z"].endswith("/audio-data/z.wav")
    assert wavs["g"].endswith(".flac")
    assert "1 rows 'unknown' left out" in said


def a_dat_is_cut(tree):
    """The first half of it alone."""
    tree.cut("audio-data/e.dat")


TRAPS = {
    "every container is ready, and what is unknown is counted": (None, every_container_is_ready),
    "a container that is cut is named": (a_dat_is_cut, "audio-data/e.dat"),
    "two files of one stem are named": (
        lambda tree: tree.sound("audio-data/b.wav"),
        "found b.mp3 and b.wav, wanted one file b.*",
    ),
    "another class is refused": (
        lambda tree: tree.replace(LIST, ",Fake,", ",Faked,"),
        "found the label 'faked', wanted 'real', 'fake', 'unknown'",
    ),
}
