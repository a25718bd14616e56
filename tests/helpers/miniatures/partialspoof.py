"""PartialSpoof in small: utterances that were put together, next to those of 2019."""

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
        tree.file(f"database/segment_labels/{name}_seglab_0.01.npy").write_bytes(b"not read")
    tree.sound("database/eval/con_wav/CON_E_9999999.wav", "spoof")


def a_sound_of_no_list_is_left_out(out, said):
    """And segment labels are not looked at."""
    assert "eval: 1 files that no list names left out" in said
    attacks = read_table(out / "eval/utt2attack")
    assert attacks["LA_0079-CON_E_0000020"] == "CON"
    assert attacks["LA_0098-LA_E_9497110"] == "-"


TRAPS = {
    "a sound of no list": (None, a_sound_of_no_list_is_left_out),
    "the folder database itself": (
        lambda tree: [
            tree.move(f"database/{name}", name) for name in ("eval", "train", "protocols")
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
