"""Which parts of a sound are spoofed: the table, what it refuses, its frames, and RTTM."""

import pytest
from made_up import make_set, refused, worker
from partial_sounds import make_partial

from antispoof.data.data_dir import read_data_dir
from antispoof.data.rttm import read_rttm, write_rttm
from antispoof.data.segments import (
    merged,
    read_segments,
    until,
    whole_label,
    write_segments,
)
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError

VALIDATE = "utils/validate_data_dir.py"


@pytest.fixture
def data(tmp_path):
    """A set whose spoofs hold one spoofed second, 1.0 to 2.0, of three."""
    data = make_set(tmp_path, "eval", bonafide=4, spoof=1)
    write_segments(data, made(data))
    return data


def made(data):
    middle = [(0.0, 1.0, "bonafide"), (1.0, 2.0, "spoof"), (2.0, 3.0, "bonafide")]
    labels = read_table(data / "utt2label")
    return {u: middle if k == "spoof" else [(0.0, 3.0, k)] for u, k in labels.items()}


def lengths(data):
    return dict.fromkeys(read_table(data / "wav.scp"), 3.0)


def change(data, before, after):
    path = data / "segments"
    text = path.read_text()
    assert text.count(before) >= 1
    path.write_text(text.replace(before, after, 1))


def test_segments_are_read_as_they_were_written(data):
    assert read_segments(data, lengths(data)) == made(data)
    assert "segments" not in read_data_dir(data)
    assert worker(VALIDATE, "--no-sound", data, cwd=data)[0] == 0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (" 1.000000 2.000000 spoof", " 1.000000 2.000000 fake", "is 'fake', wanted spoof or"),
        (" 1.000000 2.000000", " 1.100000 2.000000", "begins at 1.1 s, wanted 1 s"),
        (" 1.000000 2.000000", " 0.900000 2.000000", "begins at 0.9 s, wanted 1 s"),
        (" 1.000000 2.000000", " 1.000000 1.000000", "wanted seconds, upwards"),
        (" 1.000000 2.000000", " 1.000000 nan", "wanted seconds, upwards"),
        (
            " 0.000000 3.000000",
            " 0.000000 2.900000",
            "segment is from 0 to 2.9 s, the sound ends at 3",
        ),
        (" 2.000000 spoof", " 2.000000 bonafide", "make it bonafide, utt2label says spoof"),
        ("eval_B_000 0.", "eval_B_0000 0.", "is not in wav.scp"),
        (" 0.000000 3.000000 bona", "  0.000000 3.000000 bona", "wanted `utt start end label`"),
        ("eval_B_000 0.000000 3.000000 bonafide\n", "", "'eval_B_000' is missing"),
    ],
)
def test_validation_refuses_segments_that_do_not_go_together(data, before, after, said):
    change(data, before, after)
    line = refused(VALIDATE, "--no-sound", data, cwd=data)
    assert f"{data}/segments:" in line
    assert said in line


def test_segments_out_of_order_are_refused_with_their_line(data):
    lines = (data / "segments").read_text().splitlines(keepends=True)
    (data / "segments").write_text("".join([lines[-1], *lines[:-1]]))
    with pytest.raises(UserError, match="is out of order"):
        read_segments(data, lengths(data))


def test_a_segment_ends_with_its_sound(data):
    """By utt2dur; what begins behind the end is refused."""
    change(data, " 2.000000 3.000000", " 2.000000 3.040000")
    assert read_segments(data, lengths(data)) == made(data)
    change(data, " 2.000000 3.040000", " 2.000000 2.960000")
    assert read_segments(data, lengths(data)) == made(data)
    change(data, " 2.000000 2.960000", " 2.000000 3.010000")
    first = (data / "segments").read_text().splitlines()[2]
    assert first.endswith(" 2.000000 3.010000 bonafide")
    change(data, f"{first}\n", f"{first}\n{first.split()[0]} 3.010000 3.030000 spoof\n")
    with pytest.raises(UserError, match="segment is from 3.01 to 3.03 s, the sound ends at 3 s"):
        read_segments(data, lengths(data))


def test_segments_that_were_cut_off_are_refused(data):
    path = data / "segments"
    path.write_text(path.read_text()[:-1])
    with pytest.raises(UserError, match="segments: does not end in a line feed; was it cut off"):
        read_segments(data, lengths(data))


def test_rttm_comes_back_as_the_same_segments(data, tmp_path):
    write_rttm(tmp_path / "a.rttm", made(data))
    first = (tmp_path / "a.rttm").read_text().splitlines()[0]
    assert first == "SPEAKER eval_A01_000 1 0.000000 1.000000 <NA> <NA> bonafide <NA> <NA>"
    assert read_rttm(tmp_path / "a.rttm", lengths(data)) == made(data)


def test_the_worker_takes_rttm_in_and_gives_it_back(data, tmp_path):
    assert worker("utils/rttm.py", "--to", tmp_path / "a.rttm", data, cwd=data)[0] == 0
    before = (data / "segments").read_bytes()
    (data / "segments").unlink()
    assert worker("utils/rttm.py", "--from", tmp_path / "a.rttm", data, cwd=data)[0] == 0
    assert (data / "segments").read_bytes() == before


def test_rttm_whose_classes_contradict_the_utterance_is_refused(data, tmp_path):
    write_rttm(tmp_path / "a.rttm", {utt: [(0.0, 3.0, "bonafide")] for utt in made(data)})
    line = refused("utils/rttm.py", "--from", tmp_path / "a.rttm", data, cwd=data)
    assert "its segments make it bonafide, utt2label says spoof" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SPEAKER u 1 0 1 <NA> <NA> bonafide <NA> <NA>\n", "'v' has no line"),
        ("SPEAKER u 1 0 x <NA> <NA> bonafide\n", "wanted `SPEAKER utt channel"),
        ("LEXEME u 1 0 1 <NA> <NA> bonafide <NA> <NA>\n", "wanted `SPEAKER utt channel"),
        ("SPEAKER v 1 0 1 <NA> <NA> real <NA> <NA>\n", "is 'real', wanted"),
        (
            "SPEAKER v 1 0 1 <NA> <NA> spoof <NA> <NA>\n"
            "SPEAKER v 1 1.1 1 <NA> <NA> bonafide <NA> <NA>\n",
            "begins at 1.1 s, wanted 1 s",
        ),
        ("", "'v' has no line"),
        ("SPEAKER u 1 0 1 <NA> <NA> klaus <NA> <NA>\n", "'v' has no line"),
        (";; a comment\nSPKR-INFO v 1 <NA> <NA> <NA> unknown v <NA>\n", "'v' has no line"),
    ],
)
def test_rttm_of_another_form_is_refused(tmp_path, text, said):
    (tmp_path / "a.rttm").write_text(text)
    with pytest.raises(UserError, match=said):
        read_rttm(tmp_path / "a.rttm", {"v": 2.1})


@pytest.mark.parametrize(
    ("start", "length", "said"),
    [
        ("1.0", "9.0", "'u': its last segment is from 1 to 10 s, the sound ends at 2 s"),
        ("1.0", "0.9", "'u': its last segment is from 1 to 1.9 s, the sound ends at 2 s"),
        ("0.9999998", "0.0000006", "'u': a segment ends at 1 s, wanted an end after 1 s"),
        ("0.999", "0.0005", "'u': a segment ends at 0.9995 s, wanted an end after 1 s"),
    ],
)
def test_rttm_is_checked_against_the_sound(tmp_path, start, length, said):
    line = "SPEAKER u 1 {} {} <NA> <NA> {} <NA> <NA>\n"
    last = line.format(start, length, "spoof")
    (tmp_path / "a.rttm").write_text(line.format("0.000", "1.000", "bonafide") + last)
    with pytest.raises(UserError, match=said):
        read_rttm(tmp_path / "a.rttm", {"u": 2.0})


def test_lengths_of_rttm_are_of_ascii_digits(tmp_path):
    (tmp_path / "a.rttm").write_text("SPEAKER u 1 0 1_0 <NA> <NA> spoof <NA> <NA>\n")
    with pytest.raises(UserError, match="a.rttm:1: found 'SPEAKER u 1 0 1_0 .*, wanted"):
        read_rttm(tmp_path / "a.rttm", {"u": 10.0})


def test_no_segment_is_shorter_than_it_can_be_written(tmp_path):
    line = "SPEAKER u 1 {} {} <NA> <NA> {} <NA> <NA>\n"
    last = line.format("1.999999", "0.000001", "spoof")
    (tmp_path / "a.rttm").write_text(line.format("0", "1.999999", "bonafide") + last)
    assert read_rttm(tmp_path / "a.rttm", {"u": 2.0})["u"][-1] == (1.999999, 2.0, "spoof")
    with pytest.raises(UserError, match="'u': its last segment is from 2 to 2 s, the sound ends"):
        read_rttm(tmp_path / "a.rttm", {"u": 1.9999994})


def test_the_worker_writes_no_segments_that_are_longer_than_the_sound(data, tmp_path):
    before = (data / "segments").read_bytes()
    write_rttm(tmp_path / "a.rttm", made(data))
    text = (tmp_path / "a.rttm").read_text()
    (tmp_path / "a.rttm").write_text(text.replace(" 2.000000 1.000000 ", " 2.000000 9.000000 "))
    line = refused("utils/rttm.py", "--from", tmp_path / "a.rttm", data, cwd=data)
    assert "a.rttm: 'eval_A01_000': its last segment is from 2 to 11 s, the sound ends" in line
    assert (data / "segments").read_bytes() == before


def test_rounded_times_of_neighbours_are_joined(tmp_path):
    line = "SPEAKER u 1 {} {} <NA> <NA> {} <NA> <NA>\n"
    text = line.format("0.000", "0.333", "bonafide") + line.format("0.334", "0.300", "spoof")
    (tmp_path / "a.rttm").write_text(text)
    assert read_rttm(tmp_path / "a.rttm", {"u": 0.64}) == {
        "u": [(0.0, 0.333, "bonafide"), (0.333, 0.64, "spoof")]
    }


def test_neighbours_of_one_class_are_one():
    spans = [(0.0, 1.0, "spoof"), (1.0, 2.0, "spoof"), (2.0, 3.0, "bonafide")]
    assert merged(spans) == [(0.0, 2.0, "spoof"), (2.0, 3.0, "bonafide")]


def test_a_part_of_a_set_keeps_the_segments_of_its_utterances(data, tmp_path):
    words = ("--count", 3, "--seed", 1, data, tmp_path / "part")
    status, _, error = worker("utils/subset_data_dir.py", *words, cwd=tmp_path)
    assert status == 0, error
    utts = read_table(tmp_path / "part/wav.scp")
    found = read_segments(tmp_path / "part", dict.fromkeys(utts, 3.0))
    assert found == {utt: made(data)[utt] for utt in utts}


def test_a_clip_has_the_class_that_its_segments_say(tmp_path, monkeypatch):
    """Spoofs begin with bona fide speech: cut before the spoofed part, they are bona fide."""
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    place = make_partial(tmp_path, {"train": 8})
    labels = read_table(place / "data/train/utt2label")
    cuts = {utt: "spoof_cut" if labels[utt] == "spoof" else "none" for utt in labels}
    write_table(place / "data/train/utt2splice", cuts)
    write_table(place / "data/train/utt2lang", dict.fromkeys(labels, "en"))
    words = ("--seconds", 0.3, "data/train", "data/short")
    status, out, error = worker("utils/subset_data_dir.py", *words, cwd=place)
    assert status == 0, error
    before, after = read_data_dir(place / "data/train"), read_data_dir(place / "data/short")
    spans = read_segments(place / "data/short", dict.fromkeys(after["wav.scp"], 0.3))
    labels = {utt: whole_label(own) for utt, own in spans.items()}
    assert after["utt2label"] == labels
    turned = [utt for utt in labels if labels[utt] != before["utt2label"][utt]]
    assert 0 < len(turned) < 4
    assert {after["utt2attack"][utt] for utt in turned} == {"-"}
    assert (
        f"{len(turned)} spoofs have no spoofed part in their first 0.3 s: bona fide; utt2splice "
        in out
    )
    assert f"{4 + len(turned)} bona fide, {4 - len(turned)} spoof" in out


def test_segments_of_the_first_seconds():
    spans = [(0.0, 1.0, "bonafide"), (1.0, 2.0, "spoof"), (2.0, 3.0, "bonafide")]
    assert until(spans, 1.5) == [(0.0, 1.0, "bonafide"), (1.0, 1.5, "spoof")]
    assert until(spans, 1.0) == [(0.0, 1.0, "bonafide")]
    assert until(spans, 3.01) == [*spans[:2], (2.0, 3.01, "bonafide")]
