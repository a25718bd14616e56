"""PartialSpoof in small: utterances that were put together, next to those of 2019."""

import numpy as np

from antispoof.data.tables import read_table

FOLDER = "database/protocols/PartialSpoof_LA_cm_protocols/PartialSpoof.LA.cm"
LIST = f"{FOLDER}.eval.trl.txt"
SETS = {"train": (2, 3), "eval": (3, 4)}
FACTORS = {name: [] for name in SETS}
LOCAL = ["--sets", "train,eval"]


def build(tree):
    """Write database/."""
    for name, (bonafide, spoofs) in SETS.items():
        lines = [f"LA_0098 LA_{name[0].upper()}_949711{n} - - bonafide" for n in range(bonafide)]
        lines += [f"LA_0079 CON_{name[0].upper()}_000002{n} - CON spoof" for n in range(spoofs)]
        for line in lines:
            _, utt, _, _, label = line.split()
            tree.sound(f"database/{name}/con_wav/{utt}.wav", label)
        tree.lines(f"{FOLDER}.{name}.trl.txt", lines)
        labels = {line.split()[1]: frames_of(line.split()[4]) for line in lines}
        path = tree.file(f"database/segment_labels/{name}_seglab_0.01.npy")
        np.save(path, labels)
    tree.sound("database/eval/con_wav/CON_E_9999999.wav", "spoof")


def frames_of(label):
    """A label for each 10 ms of a second; of a spoof, 0.25 to 0.6 s are spoofed."""
    return ["0" if label == "spoof" and 25 <= n < 60 else "1" for n in range(100)]


def labels_of(tree, change):
    """Write the labels of eval again, after a change."""
    path = tree.root / "database/segment_labels/eval_seglab_0.01.npy"
    lines = (tree.root / LIST).read_text().splitlines()
    labels = {line.split()[1]: frames_of(line.split()[4]) for line in lines}
    change(labels)
    np.save(path, labels)


def a_sound_of_no_list_is_left_out(out, said):
    """And labels of frames become segments."""
    segments = (out / "eval/segments").read_text().splitlines()
    assert [line for line in segments if "CON_E_0000020" in line] == [
        "LA_0079-CON_E_0000020 0.000000 0.250000 bonafide",
        "LA_0079-CON_E_0000020 0.250000 0.600000 spoof",
        "LA_0079-CON_E_0000020 0.600000 1.000000 bonafide",
    ]
    assert "LA_0098-LA_E_9497110 0.000000 1.000000 bonafide" in segments
    assert "eval: 1 files that no list names left out" in said
    attacks = read_table(out / "eval/utt2attack")
    assert attacks["LA_0079-CON_E_0000020"] == "CON"
    assert attacks["LA_0098-LA_E_9497110"] == "-"


def there_are_no_segments(out, said):
    """Then whole utterances are judged, as before."""
    assert "eval: no labels of segments" in said
    assert not (out / "eval/segments").exists()
    assert (out / "train/segments").exists()


def bona_fide_speech_without_labels_is_whole(out, said):
    """What was put together has to have some."""
    line = "LA_0098-LA_E_9497110 0.000000 1.000000 bonafide\n"
    assert line in (out / "eval/segments").read_text()


TRAPS = {
    "no labels of segments": (
        lambda tree: (tree.root / "database/segment_labels/eval_seglab_0.01.npy").unlink(),
        there_are_no_segments,
    ),
    "bona fide speech without labels": (
        lambda tree: labels_of(tree, lambda labels: labels.pop("LA_E_9497110")),
        bona_fide_speech_without_labels_is_whole,
    ),
    "a spoof without labels": (
        lambda tree: labels_of(tree, lambda labels: labels.pop("CON_E_0000020")),
        "'CON_E_0000020' is missing; wanted labels of every spoof",
    ),
    "labels of another length": (
        lambda tree: labels_of(tree, lambda labels: labels.update(CON_E_0000021=["0"] * 50)),
        "'CON_E_0000021': found labels of 0.5 s, the sound has 1 s",
    ),
    "labels that are none": (
        lambda tree: labels_of(tree, lambda labels: labels.update(CON_E_0000021=["2"] * 100)),
        "wanted a list of '0' and '1'",
    ),
    "a sound of no list": (None, a_sound_of_no_list_is_left_out),
    "the folder database itself": (
        lambda tree: [
            tree.move(f"database/{name}", name)
            for name in ("eval", "train", "protocols", "segment_labels")
        ],
        a_sound_of_no_list_is_left_out,
    ),
    "the name that the list has in 2019": (
        lambda tree: tree.move(f"{FOLDER}.train.trl.txt", f"{FOLDER}.train.trn.txt"),
        f"looked for {FOLDER}.train.trl.txt",
    ),
    "bona fide speech that was put together": (
        lambda tree: tree.replace(LIST, "CON spoof", "CON bonafide"),
        "found bona fide speech with the attack 'CON'",
    ),
}
