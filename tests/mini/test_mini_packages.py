"""egs/mini: what is read from the packages, kept in the cache, and written as data directories."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from mini_packages import sound, write_table

from antispoof.data.tables import read_table
from antispoof.errors import UserError
from corpus import datadir, design, environment, index, missing, recordings, texts
from corpus.locks import locked

LOCAL = Path(__file__).resolve().parents[2] / "egs/mini/local"
STAMPS = "tuxpaint-stamps-default/usr/share/tuxpaint/stamps/animals"
SCRIPT = "fillets-ng-data/usr/share/games/fillets-ng/script/cave/dialogs_cs.lua"
GAME = "fillets-ng-data-cs/usr/share/games/fillets-ng/sound/cave/cs"
LINES = """
dialogId("cave-m-a", "font_small", "Look, a \\\\"cave\\\\" of stone.")
dialogStr("Hele, jeskyně z kamene.")


dialogId("cave-v-b", "font_big", "Nobody is at home.")
dialogStr("Nikdo není doma.")

dialogId("cave-x-c", "font_dragon", "I am a third role.")
dialogStr("Jsem třetí úloha.")
""".replace('\\\\"cave\\\\"', "cave")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Packages with five recordings worth having, and what is to be left out."""
    stamps = tmp_path / STAMPS
    sound(stamps / "cat_desc_fr.ogg", seed=1)
    sound(stamps / "tom_desc_fr.ogg", seed=2)  # says what cat does
    sound(stamps / "dog_desc_fr.ogg", seed=3, rate=8000)
    sound(stamps / "cow_desc_xx.ogg", seed=4)
    (stamps / "cat.txt").write_text("A black cat.\nfr.utf8=Un chat noir.\nel.utf8=Γάτα.\n")
    (stamps / "tom.txt").write_text("A tomcat.\nfr.utf8=Un chat  noir !\n")
    (tmp_path / SCRIPT).parent.mkdir(parents=True)
    (tmp_path / SCRIPT).write_text(LINES, encoding="utf-8")
    for number, line in enumerate(("cave-m-a", "cave-v-b", "cave-x-c", "cave-none")):
        sound(tmp_path / GAME / f"{line}.ogg", seed=10 + number)
    for lang, name in (("en", "goodbye"), ("es", "hello"), ("en", "beep"), ("en", "silence/1")):
        folder = tmp_path / f"asterisk-core-sounds-{lang}-g722/usr/share/asterisk/sounds/{lang}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.g722").write_bytes(f"{lang} {name}".encode() * 2000)
    (tmp_path / "festvox-ru").mkdir()
    folders = {package: tmp_path / package for package in (*design.DATA_PACKAGES, "festvox-ru")}
    write_table(tmp_path / "table", folders)
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path / "table"))
    yield tmp_path
    environment.packages.cache_clear()


def test_recordings_of_every_kind_are_found_once(tree):
    found = {r.name.rsplit("/", 1)[-1]: r for r in recordings.collect()}
    assert sorted(found) == [
        *("cat_desc_fr.ogg", "cave-m-a.ogg", "cave-v-b.ogg", "goodbye.g722", "hello.g722"),
    ]
    assert found["goodbye.g722"].speaker == found["hello.g722"].speaker == "ast_allison"
    assert found["cave-m-a.ogg"].speaker == "fil_cs_small"
    assert found["cave-m-a.ogg"].text == "Hele, jeskyně z kamene."
    assert found["cat_desc_fr.ogg"].text == "Un chat noir."
    assert found["cat_desc_fr.ogg"].seconds == pytest.approx(1.5)
    assert [r.name for r in recordings.collect()] == sorted(r.name for r in recordings.collect())


def test_equal_bytes_are_one_recording(tree):
    stamps = tree / STAMPS
    (stamps / "a_desc_ca.ogg").write_bytes((stamps / "cat_desc_fr.ogg").read_bytes())
    names = [r.name for r in recordings.collect() if r.package == "tuxpaint-stamps-default"]
    assert len(names) == 1


def test_a_package_that_is_not_there_is_named(tree):
    write_table(tree / "table", {"fillets-ng-data": tree})
    with pytest.raises(UserError, match="tuxpaint-stamps-default"):
        recordings.collect()


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("Hele, jeskyně z kamene.", True),
        ("Can't you see how nervous it is?", True),
        ("Short.", False),
        ("A US 25 cent piece, called a quarter.", False),
        ("A coin ($.25) of some old country.", False),
        ("A sentence that goes on and on until nobody would want to hear it.", False),
        ("http slash slash and so on: //x", False),
    ],
)
def test_only_plain_words_are_read(text, readable):
    assert texts.is_readable(text) == readable


def test_a_text_belongs_to_the_split_of_who_reads_it(tree):
    splits = {"train": {("a", "cs")}, "eval": {("fil_cs_small", "cs"), ("b", "en")}}
    chosen = texts.by_split(recordings.collect(), splits)
    assert "Hele, jeskyně z kamene." in chosen["eval"]["cs"]
    assert chosen["train"]["cs"] == []
    assert chosen["eval"]["en"] == [
        "I am a third role.",
        "Look, a cave of stone.",
        "Nobody is at home.",
    ]


def test_missing_packages_name_the_attacks_that_need_them(tree):
    folders = dict.fromkeys([*design.DATA_PACKAGES, *design.PROGRAM_PACKAGES], tree)
    write_table(tree / "table", folders)
    assert missing.missing_systems() == {}
    del folders["flite"], folders["festvox-ru"]
    write_table(tree / "table", folders)
    found = missing.missing_systems()
    assert sorted(found) == ["A06", "A07"]
    assert "flite" in found["A07"]
    assert "install" in found["A07"]


def test_a_missing_attack_stops_unless_allowed_and_people_always_do():
    missing.stop_if({}, False)
    missing.stop_if({"A07": "flite"}, True)
    with pytest.raises(UserError, match="A07.*--allow-partial"):
        missing.stop_if({"A07": "flite"}, False)
    with pytest.raises(UserError):
        missing.stop_if({"-": "no recordings"}, True)


def record(folder, utt, split="train", attack="-"):
    row = {"utt": utt, "split": split, "attack": attack, "speaker": "s", "lang": "fr"}
    row |= {"codec": "none", "source": "package/a b.ogg", "seconds": 1.5, "text": ""}
    path = index.wav_path(folder, row)
    sound(path, seed=int(utt[-1]))
    return row | {"bytes": path.stat().st_size, "sha256": index.sha256_file(path)}


def test_an_index_is_finished_only_when_every_sound_is_whole(tmp_path):
    rows = {utt: record(tmp_path, utt) for utt in ("M_T_1", "M_T_2", "M_T_3")}
    assert index.finished(tmp_path) is None
    index.finish(tmp_path, rows, {"A10": "why"})
    assert index.finished(tmp_path) == (rows, {"A10": "why"})
    path = index.wav_path(tmp_path, rows["M_T_2"])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1  # same length, another sound
    path.write_bytes(data)
    assert index.finished(tmp_path) is None
    assert sorted(index.whole(tmp_path, rows)) == ["M_T_1", "M_T_3"]
    index.wav_path(tmp_path, rows["M_T_1"]).unlink()
    assert sorted(index.whole(tmp_path, rows)) == ["M_T_3"]


def test_a_line_cut_short_is_no_record(tmp_path):
    lines = [json.dumps({"utt": utt, "bytes": 1}) for utt in ("a", "b")]
    (tmp_path / "journal").write_text("\n".join(lines)[:-5], encoding="utf-8")
    assert list(index.read_records(tmp_path / "journal")) == ["a"]
    assert index.read_records(tmp_path / "none") == {}


def test_data_directories_hold_every_table(tmp_path):
    rows = [record(tmp_path, "M_T_1"), record(tmp_path, "M_D_2", "dev", "A01")]
    rows += [record(tmp_path, f"M_E_{n}", "eval", a) for n, a in enumerate(("-", "A02", "A09"))]
    digests = datadir.write_sets(tmp_path / "data", tmp_path, {r["utt"]: r for r in rows})
    assert set(digests) == set(design.SPLITS)
    out = tmp_path / "data/eval"
    assert read_table(out / "utt2label") == {
        "s-M_E_0": "bonafide",
        "s-M_E_1": "spoof",
        "s-M_E_2": "spoof",
    }
    assert read_table(out / "utt2source")["s-M_E_1"] == "package/a b.ogg"
    assert Path(read_table(out / "wav.scp")["s-M_E_0"]).is_absolute()
    assert (out / "trials/known").read_text() == "s-M_E_0\ns-M_E_1\n"
    assert (out / "trials/unknown").read_text() == "s-M_E_0\ns-M_E_2\n"
    assert (out / "sha256").read_text() == digests["eval"] + "\n"
    datadir.write_missing(tmp_path / "missing", {"A10": "why so"})
    assert read_table(tmp_path / "missing") == {"A10": "why so"}
    datadir.write_missing(tmp_path / "missing", {})
    assert not (tmp_path / "missing").exists()


HOLD = "from corpus.locks import locked\nimport sys\nwith locked(sys.argv[1], 'it'):\n print('got')"


def test_the_second_run_waits_and_says_so(tmp_path):
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(LOCAL)!r})\n{HOLD}"]
    with locked(lock, "it"):
        second = subprocess.Popen([*command, str(lock)], stdout=-1, stderr=-1, text=True)
        time.sleep(1)
        assert second.poll() is None
    out, words = second.communicate(timeout=30)
    assert out == "got\n"
    assert words == "waits for another run that makes it\n"
