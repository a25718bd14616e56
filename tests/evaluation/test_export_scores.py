"""steps/export_scores.py: forms that other tools read, and a reader that misses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import make_scores, make_set, refused, worker

from antispoof.errors import UserError
from antispoof.evaluation.score_files import FORMS, read_text, to_text
from antispoof.evaluation.scores import join, read_scores

PROGRAM = "steps/export_scores.py"


@pytest.fixture
def place(tmp_path):
    make_scores(make_set(tmp_path, "eval"), tmp_path / "scores")
    return tmp_path


def export(place, form, *options):
    command = ("--form", form, *options, "data/eval", "scores", "out.txt")
    status, out, error = worker(PROGRAM, *command, cwd=place)
    assert (status, error) == (0, "")
    return (place / "out.txt").read_text(), out


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("2019", "eval_A01_000 A01 spoof "),
        ("2021", "eval_A01_000 "),
        ("asvspoof5", "filename\tcm-score\neval_A01_000\t"),
        ("utt_score", "eval_A01_000 "),
    ],
)
def test_each_form_as_its_reader_wants_it(place, form, start):
    text, out = export(place, form)
    assert text.startswith(start)
    assert out == f"out.txt: 160 scores in the form {form}\n"
    wanted = read_scores(place / "scores")
    rows = [line.split() for line in text.splitlines()]
    assert {row[0]: float(row[-1]) for row in rows if row[0] != "filename"} == wanted
    assert ("eval_B_000 - bonafide " in text) == (form == "2019")
    command = ("--form", form, "--check", "data/eval", "out.txt")
    assert worker(PROGRAM, *command, cwd=place)[0] == 0


def test_a_named_list(place):
    text, _ = export(place, "2021", "--trials", "known")
    assert len(text.splitlines()) == 110


@pytest.mark.parametrize(
    ("form", "change", "words"),
    [
        ("2021", lambda t: t[:-1], "cut off"),
        ("2021", lambda t: t.split("\n", 1)[1], "'eval_A01_000' is missing (1 in all)"),
        ("2021", lambda t: t + t.split("\n")[0] + "\n", "out.txt:161: 'eval_A01_000' stands"),
        ("2021", lambda t: "x 1.0\n" + t, "out.txt:1: found 'x', which is no trial"),
        ("2021", lambda t: t.replace(" ", "  ", 1), "one blank between"),
        ("2021", lambda t: t.replace(" ", "\t", 1), "one blank between"),
        ("2021", lambda t: t.replace("\n", "\r\n", 1), "one blank between"),
        ("2021", lambda t: t.replace(" ", " nan", 1), "wanted a finite number"),
        ("2021", lambda t: "eval_A01_000 inf\n" + t.split("\n", 1)[1], "'inf', wanted a finite"),
        ("2021", lambda t: "eval_A01_000 1e999\n" + t.split("\n", 1)[1], "wanted a finite"),
        ("2021", lambda t: "eval_A01_000 1_0\n" + t.split("\n", 1)[1], "wanted a finite"),
        ("2021", lambda t: "\n" + t, "out.txt:1: found ''"),
        ("2019", lambda t: t.replace("A01 spoof", "A01 bonafide", 1), "wanted 'A01 spoof'"),
        ("asvspoof5", lambda t: t.split("\n", 1)[1], "wanted the header"),
        ("asvspoof5", lambda t: t.replace("\t", " "), "wanted the header"),
        (
            "utt_score",
            lambda t: "".join(sorted(t.splitlines(keepends=True), reverse=True)),
            "order",
        ),
    ],
)
def test_what_the_reader_refuses(place, form, change, words):
    text, _ = export(place, form)
    (place / "out.txt").write_bytes(change(text).encode())
    assert words in refused(PROGRAM, "--form", form, "--check", "data/eval", "out.txt", cwd=place)


def test_refusals_of_the_worker(place):
    assert "wanted DATA_DIR" in refused(PROGRAM, "--form", "2021", "data/eval", "x", cwd=place)
    lines = (place / "scores").read_text().splitlines(keepends=True)
    (place / "scores").write_text("".join(lines[1:]))
    line = refused(PROGRAM, "--form", "2021", "data/eval", "scores", "o", cwd=place)
    assert "is missing, though" in line
    assert not (place / "o").exists()


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text("abcXYZ019_-.", min_size=1, max_size=8)


@given(st.dictionaries(WORDS, NUMBERS, min_size=1), st.sampled_from(sorted(FORMS)))
def test_every_number_reads_back_as_it_was(scores, form):
    labels, attacks = dict.fromkeys(scores, "spoof"), dict.fromkeys(scores, "A1")
    text = to_text(form, scores, labels, attacks)
    assert read_text(form, text, "file", labels, attacks) == scores


@pytest.mark.parametrize("form", sorted(FORMS))
def test_lines_are_in_the_order_of_bytes_whatever_the_order_of_scores(form):
    scores = {"b": 1.0, "é": 2.0, "B": 3.0, "a_10": 4.0, "a_2": 5.0}
    words = dict.fromkeys(scores, "word")
    lines = to_text(form, scores, words, words).splitlines()[-5:]
    assert [line.split()[0] for line in lines] == ["B", "a_10", "a_2", "b", "é"]
    assert [float(line.split()[-1]) for line in lines] == [3, 4, 5, 1, 2]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_reader_wants_the_header_and_the_last_line_feed(form):
    words = {"a": "word"}
    text = to_text(form, {"a": 1.5}, words, words)
    assert read_text(form, text, "f", words, words) == {"a": 1.5}
    with pytest.raises(UserError, match="f: does not end in a line feed"):
        read_text(form, text[:-1], "f", words, words)
    if FORMS[form].header:
        with pytest.raises(UserError, match="f:1: found 'filename.*, wanted the header"):
            read_text(form, text.replace("cm-score", "score"), "f", words, words)


def test_a_trial_without_a_label_is_named_in_a_line(place):
    for table, line in (("wav.scp", "z_1 x.wav\n"), ("trials/known", "z_1\n")):
        with open(place / "data/eval" / table, "a") as stream:
            stream.write(line)
    words = "data/eval/trials/known: 'z_1' is not in data/eval/utt2label"
    command = ("--form", "2021", "--trials", "known", "data/eval", "scores", "out")
    assert words in refused(PROGRAM, *command, cwd=place)
    with pytest.raises(UserError, match="trials/known: 'z_1' is not in .*utt2label"):
        join(place / "data/eval", place / "scores", "known")


def test_an_utterance_without_an_attack_is_named_in_a_line(place):
    path = place / "data/eval/utt2attack"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    command = ("--form", "2019", "data/eval", "scores", "out")
    assert "utt2attack: 'eval_A01_000' is missing" in refused(PROGRAM, *command, cwd=place)


@pytest.fixture
def published(place):
    """The same set, whose corpus has other ids."""
    lines = (place / "data/eval/utt2label").read_text().splitlines()
    ids = {line.split()[0]: f"E_{999 - number}" for number, line in enumerate(lines)}
    (place / "data/eval/utt2id").write_text("".join(f"{u} {i}\n" for u, i in ids.items()))
    return place, ids


@pytest.mark.parametrize("form", [form for form in FORMS if form != "df_arena"])  # test_boards.py
def test_files_of_others_have_published_ids_both_ways(published, form):
    place, ids = published
    wanted = read_scores(place / "scores")
    text, _ = export(place, form)
    rows = [line.split() for line in text.splitlines() if not line.startswith("filename")]
    assert {row[0]: float(row[-1]) for row in rows} == {ids[utt]: s for utt, s in wanted.items()}
    command = ("--form", form, "--import", "data/eval", "out.txt", "again")
    status, _, error = worker(PROGRAM, *command, cwd=place)
    assert (status, error) == (0, "")
    assert (place / "again").read_bytes() == (place / "scores").read_bytes()


def test_a_published_id_that_stands_twice_is_refused(published):
    place, _ = published
    path = place / "data/eval/utt2id"
    path.write_text(path.read_text().replace("E_998\n", "E_999\n"))
    line = refused(PROGRAM, "--form", "2021", "data/eval", "scores", "out.txt", cwd=place)
    assert "data/eval/utt2id: found 'E_999' for " in line
