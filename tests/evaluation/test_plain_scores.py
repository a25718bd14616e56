"""Score files column by column: reading, joining with labels, and each challenge's form."""

import re

import numpy as np
import pytest
from plain_results import call

from antispoof.errors import UserError
from antispoof.evaluation import score_files
from antispoof.evaluation.scores import join, read_labels, read_scores

EXPORT = "steps/export_scores.py"
# utterance: label, attack, score; no two columns are in one order
ROWS = {
    "Zoe_1": ("bonafide", "-", 0.125),
    "a_2": ("spoof", "A10", -3.5),
    "a_10": ("spoof", "A09", 1e-05),
    "b_1": ("bonafide", "-", 12345678.25),
    "é_1": ("spoof", "A09", 0.1 + 0.2),
}
ORDER = ["Zoe_1", "a_10", "a_2", "b_1", "é_1"]  # of bytes in UTF-8
PART = ["a_10", "b_1", "é_1"]


def write(place, name, column=None, rows=ROWS):
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{utt} {rows[utt][column]}" if column is not None else utt for utt in sorted(rows))
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def place(tmp_path):
    write(tmp_path, "data/utt2label", 0)
    write(tmp_path, "data/utt2attack", 1)
    write(tmp_path, "data/wav.scp", 2)
    write(tmp_path, "data/trials/part", rows={utt: ROWS[utt] for utt in PART})
    write(tmp_path, "scores", 2)
    return tmp_path


def test_labels_and_scores_are_of_their_utterance(place):
    assert read_scores(place / "scores") == {utt: ROWS[utt][2] for utt in ORDER}
    assert read_labels(place / "data") == {utt: ROWS[utt][0] == "bonafide" for utt in ORDER}
    assert list(read_scores(place / "scores")) == ORDER


@pytest.mark.parametrize("name", [None, "part"])
def test_a_join_keeps_scores_with_their_labels(place, name):
    found = join(place / "data", place / "scores", name)
    wanted = PART if name else ORDER
    assert found.ids == wanted
    assert found.scores.tolist() == [ROWS[utt][2] for utt in wanted]
    assert found.is_bonafide.tolist() == [ROWS[utt][0] == "bonafide" for utt in wanted]
    for values in (None, np.arange(len(wanted)) * 10.0):
        bonafide, spoof = found.split(values)
        column = found.scores if values is None else values
        parts = {"bonafide": [], "spoof": []}
        for utt, value in zip(wanted, column.tolist(), strict=True):
            parts[ROWS[utt][0]].append(value)
        assert (bonafide.tolist(), spoof.tolist()) == (parts["bonafide"], parts["spoof"])


@pytest.mark.parametrize("name", [None, "part"])
def test_levels_of_a_factor_are_those_of_each_trial(place, name):
    trials = join(place / "data", place / "scores", name)
    names, index = trials.factor("attack")
    assert names == ["-", "A09", "A10"]  # of the whole table
    assert [names[i] for i in index] == [ROWS[utt][1] for utt in trials.ids]
    (place / "data/utt2attack").write_text("Zoe_1 -\na_2 A10\nb_1 -\n")
    with pytest.raises(UserError, match=r"utt2attack: 'a_10' is missing \(2 trials in"):
        trials.factor("attack")
    with pytest.raises(UserError, match=r"utt2lang: no such table; there are utt2\{attack,label\}"):
        trials.factor("lang")


def test_a_trial_list_may_leave_a_factor_out_of_what_it_does_not_hold(place):
    (place / "data/utt2codec").write_text("a_10 gsm\nb_1 none\né_1 gsm\n")
    names, index = join(place / "data", place / "scores", "part").factor("codec")
    assert [names[i] for i in index] == ["gsm", "none", "gsm"]


@pytest.mark.parametrize("name", [None, "part"])
@pytest.mark.parametrize("side", ["scores", "data/utt2label"])
def test_a_join_wants_the_same_utterances_whichever_list_is_asked_for(place, name, side):
    path = place / side
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[1:]))  # Zoe_1 is not of the list
    with pytest.raises(UserError, match=f"{side}: 'Zoe_1' is missing, though"):
        join(place / "data", place / "scores", name)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("all 2 3\n", None, None),
        ("all 3 2\n", None, "found 2 bona fide and 3 spoof trials, wanted 3 and 2"),
        ("all 2 4\n", None, "wanted 2 and 4"),
        ("part 1 2\n", "part", None),
        ("part 2 1\n", "part", "part: found 1 bona fide and 2 spoof trials, wanted 2 and 1"),
        ("all 9 9\npart 1 2\n", "part", None),
        ("all 2 3\npart 9 9\n", None, None),
    ],
)
def test_counts_of_a_list_are_those_of_its_name(place, text, name, words):
    (place / "data/trial_counts").write_text(text)
    if words is None:
        join(place / "data", place / "scores", name)
    else:
        with pytest.raises(UserError, match=words):
            join(place / "data", place / "scores", name)


def test_a_list_of_one_class_and_scores_that_are_equal_within_it(place):
    for utts in (["a_10", "a_2"], ["Zoe_1", "b_1"]):
        write(place, "data/trials/odd", rows=dict.fromkeys(utts))
        own = 2 if "b_1" in utts else 0
        words = f"trials/odd: found {own} bona fide and {2 - own} spoof trials, wanted both"
        with pytest.raises(UserError, match=words):
            join(place / "data", place / "scores", "odd")
    same = {utt: (*row[:2], 7.5 if utt in PART else row[2]) for utt, row in ROWS.items()}
    write(place, "scores", 2, same)
    with pytest.raises(UserError, match=r"found one score, 7.5, for all 3 trials"):
        join(place / "data", place / "scores", "part")


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1e400", "high"])
def test_the_score_that_is_no_number_is_named(place, word):
    write(place, "scores", 2, {**ROWS, "b_1": ("", "", word), "é_1": ("", "", "inf")})
    words = f"scores: b_1: found the score '{word}', wanted a finite number$"
    with pytest.raises(UserError, match=words):
        read_scores(place / "scores")


@pytest.mark.parametrize("word", ["Bonafide", "bona-fide", "1"])
def test_the_label_that_is_none_is_named(place, word):
    write(place, "data/utt2label", 0, {**ROWS, "b_1": (word,)})
    with pytest.raises(UserError, match=f"b_1: found the label '{word}', wanted .*bonafide"):
        read_labels(place / "data")


def line_of(form, utt):
    label, attack, score = ROWS[utt]
    if form == "2019":
        return f"{utt} {attack} {label} {score!r}"
    return f"{utt}{chr(9) if form == 'asvspoof5' else ' '}{score!r}"


FORMS = ("2019", "2021", "asvspoof5", "utt_score")


@pytest.mark.parametrize("name", [None, "part"])
@pytest.mark.parametrize("form", FORMS)
def test_an_exported_file_is_that_of_its_challenge_line_by_line(place, form, name, capsys):
    options = ("--trials", name) if name else ()
    call(EXPORT, "--form", form, *options, "data", "scores", "o/out", cwd=place)
    head = ["filename\tcm-score"] if form == "asvspoof5" else []
    wanted = [*head, *(line_of(form, utt) for utt in (PART if name else ORDER))]
    assert (place / "o/out").read_bytes().decode() == "".join(f"{line}\n" for line in wanted)
    count = len(wanted) - len(head)
    assert capsys.readouterr().out == f"o/out: {count} scores in the form {form}\n"
    call(EXPORT, "--form", form, *options, "--check", "data", "o/out", cwd=place)
    assert capsys.readouterr().out == f"o/out: {count} scores in the form {form}\n"


def read(form, lines, labels=None):
    """What the strict reader makes of lines below the header of the form."""
    head = [score_files.FORMS[form].header] if score_files.FORMS[form].header else []
    known = {utt: row[0] for utt, row in ROWS.items()}
    attacks = {utt: row[1] for utt, row in ROWS.items()}
    text = "".join(f"{line}\n" for line in [*head, *lines])
    return score_files.read_text(form, text, "f", known if labels is None else labels, attacks)


@pytest.mark.parametrize("form", FORMS)
def test_only_the_order_of_a_leaderboard_matters(form):
    lines = [line_of(form, utt) for utt in reversed(ORDER)]
    if form == "utt_score":
        with pytest.raises(UserError, match="f: is out of order"):
            read(form, lines)
    else:
        assert read(form, lines) == {utt: row[2] for utt, row in ROWS.items()}


@pytest.mark.parametrize("form", FORMS)
def test_the_reader_names_the_line_and_what_is_wrong_with_it(form):
    lines, first = [line_of(form, utt) for utt in ORDER], 2 if form == "asvspoof5" else 1
    blank = "\t" if form == "asvspoof5" else " "
    last = lines[2].rsplit(blank, 1)[0]
    for line, words in (
        (f"{last}{blank}+1.5", "a_2: found the score '+1.5'"),
        (f"{last}{blank}.5", "a_2: found the score '.5'"),
        (f"{last}{blank}5.", "a_2: found the score '5.'"),
        (f"{last}{blank}1e999", "found the score '1e999'"),
        (f"{last}{blank}", "one (tab|blank) between"),
        (f"{last}", "one (tab|blank) between"),
        (f"{lines[2]} ", "one (tab|blank) between"),
        (f"{lines[2]}{blank}1.0", "one (tab|blank) between"),
        (lines[1], "'a_10' stands here a second time"),
        (lines[2].replace("a_2", "a_3"), "found 'a_3', which is no trial"),
    ):
        words = re.escape(words).replace(r"\(tab\|blank\)", "(tab|blank)")
        with pytest.raises(UserError, match=f"f:{first + 2}: .*{words}"):
            read(form, [*lines[:2], line, *lines[3:]])
    with pytest.raises(UserError, match=r"f: 'a_2' is missing \(2 in all\)"):
        read(form, [*lines[:2], lines[4]])
    for number in ("0", "-0.0", "1e5", "-2.5e-300", "7.25e+10"):
        found = read(form, [*lines[:2], f"{last}{blank}{number}", *lines[3:]])
        assert found["a_2"] == float(number)


@pytest.mark.parametrize(
    ("line", "found"),
    [("a_2 A09 spoof 1.0", "A09 spoof"), ("a_2 A10 bonafide 1.0", "A10 bonafide")],
)
def test_key_and_attack_of_2019_are_those_of_the_set(line, found):
    lines = [line_of("2019", utt) for utt in ORDER]
    with pytest.raises(UserError, match=f"f:3: a_2: found '{found}', wanted 'A10 spoof'"):
        read("2019", [*lines[:2], line, *lines[3:]])


def test_an_export_wants_every_utterance_even_of_a_list(place):
    (place / "scores").write_text("".join(f"{utt} 0.5\n" for utt in PART))
    with pytest.raises(UserError, match="scores: 'Zoe_1' is missing, though"):
        call(EXPORT, "--form", "2021", "--trials", "part", "data", "scores", "o", cwd=place)
    for files in (("scores",), ("scores", "o", "p"), ("--check", "scores", "o")):
        with pytest.raises(UserError, match="wanted DATA_DIR"):
            call(EXPORT, "--form", "2021", "data", *files, cwd=place)


def test_digits_of_another_script_are_no_score():
    lines = [line_of("2021", utt) for utt in ORDER]
    with pytest.raises(UserError, match="f:3: a_2: found the score '\u0663.\u0665'"):
        read("2021", [*lines[:2], "a_2 \u0663.\u0665", *lines[3:]])


def test_bytes_that_are_no_text_are_not_passed_over(place):
    text = "".join(f"{line_of('2021', utt)}\n" for utt in ORDER).encode()
    (place / "o").write_bytes(text.replace(b"a_2", b"a\xff_2"))
    with pytest.raises(UserError, match="o:3: found 'a\ufffd_2', which is no trial of the set"):
        call(EXPORT, "--form", "2021", "--check", "data", "o", cwd=place)


def test_attacks_are_read_for_the_form_that_names_them_alone(place):
    (place / "data/utt2attack").unlink()
    call(EXPORT, "--form", "utt_score", "data", "scores", "o", cwd=place)
    with pytest.raises(FileNotFoundError):
        call(EXPORT, "--form", "2019", "data", "scores", "p", cwd=place)
