"""A folder of one's own: by a list or by folders, with sets or without, holdouts, refusals."""

import pytest
from miniature import Tree, run

from antispoof.data.audio import read_wave
from antispoof.data.data_dir import read_data_dir

HEAD = "path,label,set,speaker,attack"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    tree = Tree(tmp_path / "my sounds")
    tree.root.mkdir()
    tree.wave("bonafide")  # the sources are looked for in the user's own cache
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    return tree


def prepare(tree, out, *words):
    status, said, error = run(
        "egs/custom/local/prepare_data.py", "--corpus", tree.root, "--out", out, *words
    )
    assert len(error.splitlines()) <= 1
    return status, said, error


def sets_of(tree, out, *words):
    """{set: its tables}."""
    status, _, error = prepare(tree, out, *words)
    assert status == 0, error
    return {path.name: read_data_dir(path) for path in out.iterdir()}


def write_list(tree, *sets):
    """metadata.csv with two bona fide and two spoofed sounds of each set."""
    lines = [HEAD]
    for name in sets:
        for number in range(4):
            label = ("bonafide", "Spoof")[number % 2].lower()
            attack = "" if label == "bonafide" else f"A0{number}"
            tree.sound(f"clips/{name} {number}.wav", label)
            lines.append(f"clips/{name} {number}.wav,{label},{name},anna {number},{attack}")
    tree.lines("metadata.csv", lines)


def test_a_list_says_sets_speakers_and_attacks(tree, tmp_path):
    write_list(tree, "train", "dev", "eval", "polished", "unpolished")
    sets = sets_of(tree, tmp_path / "data")
    assert set(sets) == {"train", "dev", "eval", "eval_polished", "eval_unpolished"}
    train = sets["train"]
    key = "anna_1-clips-train_1"
    assert train["utt2label"][key] == "spoof"
    assert train["utt2attack"][key] == "A01"
    assert train["utt2spk"][key] == "anna_1"
    assert list(train["utt2label"].values()).count("bonafide") == 2


def test_folders_say_sets_classes_and_attacks(tree, tmp_path):
    for name in ("train", "dev", "eval", "unpolished"):
        tree.sound(f"{name}/bonafide/a.b (1).wav")
        tree.sound(f"{name}/spoof/a.b (1).wav", "spoof")
        tree.sound(f"{name}/spoof/vits/deep/er/a.wav", "spoof")
        tree.sound(f"{name}/bonafide/._a.wav")
    sets = sets_of(tree, tmp_path / "data")
    assert set(sets) == {"train", "dev", "eval", "eval_unpolished"}
    assert sets["dev"]["utt2attack"] == {
        "dev-bonafide-a.b_(1)": "-",
        "dev-spoof-a.b_(1)": "unknown",
        "dev-spoof-vits-deep-er-a": "vits",
    }
    ids = [set(tables["utt2label"]) for tables in sets.values()]
    assert sum(map(len, ids)) == len(set.union(*ids))  # train and dev must be apart


@pytest.mark.parametrize("listed", [True, False])
def test_without_sets_each_is_drawn_by_its_name_alone(tree, tmp_path, listed):
    lines = ["path,label,speaker"]
    for number in range(60):
        label, person = ("real", "fake")[number % 2], number // 4
        path = f"{label}/{person}_{number}.wav"
        tree.sound(path, seconds=0.1)
        lines.append(f"{path},{label},speaker{person}")
    if listed:
        tree.lines("metadata.csv", lines)
    sets = sets_of(tree, tmp_path / "data")
    assert set(sets) == {"train", "dev", "eval"}
    ids = [set(tables["utt2label"]) for tables in sets.values()]
    assert sum(map(len, ids)) == len(set.union(*ids)) == 60
    assert len(sets["train"]["utt2label"]) >= 20
    if listed:
        people = [set(tables["utt2spk"].values()) for tables in sets.values()]
        assert sum(map(len, people)) == len(set.union(*people)) == 15


def test_sounds_of_any_form_are_converted_where_that_is_asked_for(tree, tmp_path):
    write_list(tree, "train", "dev", "eval")
    tree.sound("clips/train 0.wav", rate=44100, channels=2)
    tree.move("clips/train 1.wav", "clips/was.wav")
    tree.sound("clips/train 1.mp3", rate=44100, channels=2, format="MP3")
    wavs = sets_of(tree, tmp_path / "data", "--convert")["train"]["wav.scp"]
    assert sum(path.startswith(str(tmp_path / "cache")) for path in wavs.values()) == 2
    for utt, path in wavs.items():
        read_wave(path, utt)


def refused(tree, tmp_path):
    status, said, error = prepare(tree, tmp_path / "data")
    assert (status, said) == (1, ""), error
    return error


def test_what_is_no_such_folder_is_one_line(tree, tmp_path):
    tree.lines("notes.txt", ["nothing"])
    error = refused(tree, tmp_path)
    assert "looked for metadata.csv or train or dev or eval" in error
    assert "found notes.txt" in error
    write_list(tree, "train", "dev", "eval")
    tree.replace("metadata.csv", ",dev,", ",development,")
    assert ":6: found the set 'development', wanted train, dev, eval" in refused(tree, tmp_path)
    tree.replace("metadata.csv", ",development,", ",dev,")
    tree.replace("metadata.csv", ",spoof,", ",spoofed,")
    assert "found the label 'spoofed', wanted 'bonafide', 'spoof'" in refused(tree, tmp_path)
    tree.replace("metadata.csv", ",spoofed,", ",spoof,")
    tree.replace("metadata.csv", "path,", "file,")
    assert "wanted 'path' once" in refused(tree, tmp_path)


def test_blanks_after_commas_hide_no_column(tree, tmp_path):
    write_list(tree, "train", "dev", "eval")
    text = (tree.root / "metadata.csv").read_text()
    (tree.root / "metadata.csv").write_text(text.replace(",", ", "))
    sets = sets_of(tree, tmp_path / "data")
    assert set(sets) == {"train", "dev", "eval"}
    assert set(sets["dev"]["utt2spk"].values()) == {f"anna_{number}" for number in range(4)}


def test_lists_and_folders_that_say_nothing_are_one_line(tree, tmp_path):
    tree.lines("metadata.csv", [HEAD])
    assert "metadata.csv: found no utterance; wanted at least one" in refused(tree, tmp_path)
    tree.file("metadata.csv").write_bytes(f"{HEAD}\nclips/\xe9.wav".encode("latin-1"))
    assert "metadata.csv: is not UTF-8 text" in refused(tree, tmp_path)
    (tree.root / "metadata.csv").unlink()
    for name in ("train/bonafide", "train/spoof", "spoof"):
        tree.sound(f"{name}/a.wav")
    assert "found folders of sets and of classes, train, spoof; wanted" in refused(tree, tmp_path)
