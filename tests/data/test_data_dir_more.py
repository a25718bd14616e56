"""What a data directory may not hold, by table and line; and what Kaldi's own tools ask of one."""

import os
import unicodedata

import pytest
from made_up import make_set, refused, worker
from sounds import make_corpus, make_data

from antispoof.data import tables
from antispoof.data.data_dir import read_data_dir, read_trials, utts_of_speakers, write_tables
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError, printable

VALIDATE = "utils/validate_data_dir.py"
NO_ID = [*"\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000", *"\0\x1b\x7f\x9b"]
NO_VALUE = [*"\0\x07\x0b\x0c\x1b\x1c\x7f\x85\x9b\u2028\u2029"]


@pytest.fixture
def data(tmp_path):
    return make_set(tmp_path, "eval", bonafide=6, spoof=3)


def put(path, before, after):
    """Change text in a file as it stands, in all its places."""
    text = path.read_bytes().decode()
    assert before in text
    path.write_bytes(text.replace(before, after).encode())


@pytest.mark.parametrize("character", NO_ID, ids=ascii)
def test_an_id_with_a_blank_of_any_script_is_refused_with_its_line(data, character):
    for table in data.rglob("*"):
        if table.is_file() and "eval_B_003" in table.read_text():
            put(table, "eval_B_003", f"eval_B{character}003")
    with pytest.raises(UserError) as caught:
        read_data_dir(data)
    message = str(caught.value)
    number = 1 + list(read_table_lines(data / "wav.scp")).index("eval_B_002") + 1
    assert message.startswith(f"{data}/wav.scp:{number}: found ")
    assert len(message.splitlines()) == 1
    assert message == printable(message)


def read_table_lines(path):
    for line in path.read_bytes().decode().split("\n"):
        yield line.partition(" ")[0]


def test_validation_says_so_before_any_sound(data):
    put(data / "utt2spk", "eval_B_003", "eval_B\u2028003")
    line = refused(VALIDATE, data, cwd=data)
    assert f"{data}/utt2spk:" in line
    assert "found 'eval_B\\u2028003', wanted a name without blank or control character" in line


@pytest.mark.parametrize("character", NO_VALUE, ids=ascii)
@pytest.mark.parametrize("name", ["utt2attack", "utt2codec", "wav.scp"])
def test_a_value_with_a_control_character_is_refused(data, character, name):
    utt, value = list(read_table(data / name).items())[9]
    put(data / name, f"{utt} {value}", f"{utt} {value}{character}[31mx")
    with pytest.raises(UserError) as caught:
        read_data_dir(data)
    assert str(caught.value).startswith(f"{data}/{name}:10: found ")
    assert str(caught.value) == printable(caught.value)


def test_no_reader_takes_a_character_that_another_refuses(tmp_path):
    path = tmp_path / "table"
    for code in [*range(0x100), 0x1680, *range(0x2000, 0x2070), 0x3000, 0xFEFF, 0xE000, 0x1F600]:
        character = chr(code)
        control = unicodedata.category(character) in ("Cc", "Zl", "Zp")
        for key, value, fine in (
            (f"a{character}b", "1", not (control or character.isspace())),
            ("a", f"1{character}2", not control),
        ):
            if character not in " \n":
                path.write_bytes(f"{key} {value}\n".encode())
                assert (tables._read_sound(path.read_bytes()) is not None) == fine, (code, key)
                if not fine:
                    with pytest.raises(UserError, match="table:1: found "):
                        read_table(path)


@pytest.mark.parametrize("table", [{"a\xa0b": "1"}, {"a": "1\x1b2"}, {"a\x85": "1"}])
def test_the_writer_refuses_what_no_reader_takes(tmp_path, table):
    with pytest.raises(UserError, match="table: found "):
        write_table(tmp_path / "table", table)
    assert not list(tmp_path.iterdir())


def test_lines_of_trials_end_in_a_line_feed_alone(data):
    path = data / "trials/known"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(UserError, match="known:1: ends in CR LF, wanted LF"):
        read_trials(data, "known")
    assert "known:1: ends in CR LF" in refused(VALIDATE, "--no-sound", data, cwd=data)
    for end in ("\x0b", "\x85", "\u2028"):
        path.write_bytes(f"eval_B_000{end}eval_B_001\n".encode())
        assert "known:1: " in refused(VALIDATE, "--no-sound", data, cwd=data)
    path.write_bytes("eval_B_000\n".encode("utf-16"))
    assert "known: is not UTF-8 text" in refused(VALIDATE, "--no-sound", data, cwd=data)


@pytest.mark.parametrize("nj", ["0", "-3"])
def test_no_process_at_all_is_one_line(data, nj):
    assert f"--nj: found {nj}, wanted 1 or more" in refused(VALIDATE, "--nj", nj, data, cwd=data)


def test_more_processes_than_sounds_are_not_started(tmp_path):
    make_corpus(tmp_path / "corpus", {"train": 3})
    data = make_data(tmp_path / "data", tmp_path / "corpus") / "train"
    assert worker(VALIDATE, "--nj", 10**20, data, cwd=data)[0] == 0


def test_segments_are_refused(data):
    (data / "segments").write_text("a eval_B_000 0.0 1.0\n")
    assert f"{data}/segments: sounds are read whole" in refused(VALIDATE, data, cwd=data)


def test_a_table_that_is_a_fifo_is_refused(data):
    os.mkfifo(data / "utt2place")
    line = refused(VALIDATE, "--no-sound", data, cwd=data)
    assert f"{data}/utt2place: is not a regular file" in line


def test_spk2utt_is_utt2spk_turned_round(tmp_path):
    utt2spk = {"a": "s2", "b": "s1", "c": "s2", "B": "s2"}
    assert utts_of_speakers(utt2spk) == {"s2": "B a c", "s1": "b"}
    write_tables(tmp_path, {"utt2spk": utt2spk, "utt2lang": dict.fromkeys(utt2spk, "en")})
    assert (tmp_path / "spk2utt").read_text() == "s1 b\ns2 B a c\n"
    assert (tmp_path / "utt2spk").read_text() == "B s2\na s2\nb s1\nc s2\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spk2utt", "utt2lang", "utt2spk"]


def test_ids_that_begin_with_their_speaker_are_in_kaldis_order(tmp_path):
    utt2spk = {f"{speaker}-{n}": speaker for speaker in ("b", "A", "a2", "a10") for n in range(3)}
    write_tables(tmp_path, {"utt2spk": utt2spk})
    back = ""  # as Kaldi's spk2utt_to_utt2spk.pl turns it round, and validate_data_dir.sh compares
    for line in (tmp_path / "spk2utt").read_text().splitlines():
        speaker, *utts = line.split()
        back += "".join(f"{utt} {speaker}\n" for utt in utts)
    assert back == (tmp_path / "utt2spk").read_text()


def test_a_spk2utt_that_says_otherwise_is_refused(data):
    write_table(data / "spk2utt", utts_of_speakers(read_table(data / "utt2spk")))
    assert "spk2utt" not in read_data_dir(data)
    text = (data / "spk2utt").read_text()
    (data / "spk2utt").write_text(text.replace("eval_B_001", "eval_B_007"))
    line = refused(VALIDATE, "--no-sound", data, cwd=data)
    assert f"{data}/spk2utt: 'eval_human_1' has other utterances than utt2spk says" in line
    (data / "spk2utt").write_text(text + "zz eval_B_001\n")
    line = refused(VALIDATE, "--no-sound", data, cwd=data)
    assert f"{data}/spk2utt: 'zz' has other utterances than utt2spk says" in line


def test_an_error_never_commands_the_terminal(tmp_path):
    line = refused(VALIDATE, "\x1b[31m", cwd=tmp_path)
    assert "\\x1b[31m: no such data directory" in line
