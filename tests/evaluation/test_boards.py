"""What public leaderboards read: names of trials, the direction of scores, what is stated."""

import hashlib

import pytest
from made_up import make_scores, make_set, refused, worker

from antispoof.errors import UserError
from antispoof.evaluation.boards import BOARDS, read_protocol, require_direction, statement
from antispoof.evaluation.scores import read_scores

PROGRAM = "steps/export_scores.py"
LABELS = {"1": "spoof", "2": "bonafide", "real-3": "bonafide"}
HEAD = "file_name,label\n"
ROWS = "/d/set/1.wav,spoof\n/d/2.flac,bonafide\n/d/real/3.wav,bonafide\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A set whose corpus has other ids, scores of it, and the Arena's protocol."""
    folder = tmp_path_factory.mktemp("boards")
    data = make_set(folder, "eval")
    make_scores(data, folder / "scores")
    utts = [line.split() for line in (data / "utt2label").read_text().splitlines()]
    ids = {utt: f"E_{number:03d}" for number, (utt, _) in enumerate(utts)}
    (data / "utt2id").write_text("".join(f"{utt} {own}\n" for utt, own in ids.items()))
    rows = [f"/far/away/{ids[utt]}.wav,{label}\n" for utt, label in reversed(utts)]
    (folder / "arena.csv").write_text(HEAD + "".join(rows))
    return folder, ids


def export(place, form, *options):
    command = ("--form", form, *options, "data/eval", "scores", f"{form}.txt")
    status, out, error = worker(PROGRAM, *command, cwd=place)
    assert (status, error) == (0, "")
    return (place / f"{form}.txt").read_text(), out.splitlines()


@pytest.fixture(scope="module")
def arena(place):
    return export(place[0], "df_arena", "--protocol", "arena.csv")


@pytest.fixture(scope="module")
def bench(place):
    return export(place[0], "spoof_bench")


def by_the_arena(text, protocol):
    """(file, score, label) of the protocol's rows, as the Arena joins the two files."""
    scores = dict(line.split(" ") for line in text.splitlines())
    rows = [line.split(",") for line in protocol.splitlines()[1:]]
    return [(name, float(scores.pop(name)), label) for name, label in rows], scores


def test_the_arena_finds_each_file_of_its_protocol(place, arena):
    folder, ids = place
    joined, left = by_the_arena(arena[0], (folder / "arena.csv").read_text())
    wanted = {f"/far/away/{ids[utt]}.wav": s for utt, s in read_scores(folder / "scores").items()}
    assert {name: score for name, score, _ in joined} == wanted and not left
    # the share of each class on the wrong side, where both are nearest
    bonafide = sorted(score for _, score, label in joined if label == "bonafide")
    spoof = sorted(score for _, score, label in joined if label == "spoof")
    pairs = [
        (sum(b < t for b in bonafide) / len(bonafide), sum(s >= t for s in spoof) / len(spoof))
        for t in [*bonafide, *spoof]
    ]
    miss, alarm = min(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    stated = float(arena[1][1].removeprefix("eer_percent: "))
    assert stated == pytest.approx(50 * (miss + alarm), abs=100 / 60)


def test_the_other_board_reads_ids_of_the_corpus_and_what_is_stated(place, bench):
    folder, ids = place
    text, (first, eer, *rest) = bench
    scores = {utt: float(score) for utt, score in map(str.split, text.splitlines())}
    assert scores == {ids[utt]: s for utt, s in read_scores(folder / "scores").items()}
    digest = hashlib.sha256((folder / "spoof_bench.txt").read_bytes()).hexdigest()
    assert first == "spoof_bench.txt: 160 scores in the form spoof_bench"
    assert rest == ["n_trials: 160", "n_skipped: 0", f"scores_sha256: {digest}"]
    assert 0 < float(eer.removeprefix("eer_percent: ")) < 50


def test_both_forms_are_taken_over_again(place, arena, bench):
    folder, _ = place
    for form, options in (("df_arena", ("--protocol", "arena.csv")), ("spoof_bench", ())):
        command = ("--form", form, *options, "--import", "data/eval", f"{form}.txt", "again")
        assert worker(PROGRAM, *command, cwd=folder)[0] == 0
        assert (folder / "again").read_bytes() == (folder / "scores").read_bytes()


def test_scores_of_the_other_direction_are_refused(place):
    folder, _ = place
    lines = (folder / "scores").read_text().splitlines()
    negated = (f"{utt} {-float(score)!r}\n" for utt, score in map(str.split, lines))
    (folder / "negated").write_text("".join(negated))
    line = refused(PROGRAM, "--form", "spoof_bench", "data/eval", "negated", "no.txt", cwd=folder)
    assert "negated: found an EER of 8" in line or "negated: found an EER of 9" in line
    assert "wanted higher = more bona fide; negate the scores" in line
    assert not (folder / "no.txt").exists()


def test_a_protocol_is_named_for_the_arena_and_for_it_alone(place):
    words = "--protocol: wanted with --form df_arena, and with it alone"
    assert words in refused(PROGRAM, "--form", "df_arena", "data/eval", "scores", "o", cwd=place[0])
    command = ("--form", "2021", "--protocol", "arena.csv", "data/eval", "scores", "o")
    assert words in refused(PROGRAM, *command, cwd=place[0])


def test_files_are_found_by_the_end_of_their_paths(tmp_path):
    (tmp_path / "p.csv").write_text(HEAD + ROWS)
    expected = {"1": "/d/set/1.wav", "2": "/d/2.flac", "real-3": "/d/real/3.wav"}
    assert read_protocol(tmp_path / "p.csv", LABELS) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "p.csv:1: found '', wanted the header 'file_name,label'"),
        ("file,label\n" + ROWS, "p.csv:1: found 'file,label', wanted the header"),
        (HEAD + ROWS + "/d/9.wav,spoof\n", "p.csv:5: found '/d/9.wav', which is no trial"),
        (HEAD + ROWS + "/e/1.wav,spoof\n", "p.csv:5: '1' stands here a second time"),
        (HEAD + ROWS.replace("1.wav,spoof", "1.wav,fake"), "p.csv:2: found '/d/set/1.wav,fake'"),
        (
            HEAD + ROWS.replace("1.wav,spoof", "1.wav,bonafide"),
            "1: found 'bonafide', wanted 'spoof'",
        ),
        (HEAD + ROWS.replace("/d/set/", "/d d/set/"), "wanted one without blanks or quotes"),
        (HEAD + ROWS.split("\n", 1)[1], r"p.csv: '1' is missing \(1 in all\)"),
        (HEAD + "/,spoof\n", "p.csv:2: found '/', which is no trial"),
        (HEAD + "\n" + ROWS, "p.csv:2: found ''"),
    ],
)
def test_what_is_no_protocol_of_the_set_is_one_line(tmp_path, text, words):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        read_protocol(tmp_path / "p.csv", LABELS)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_of_two_ids_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text(HEAD + "/d/real/3.wav,bonafide\n")
    with pytest.raises(UserError, match="which is 2 trials of the set, real-3 and 3; wanted one"):
        read_protocol(tmp_path / "p.csv", {"real-3": "bonafide", "3": "bonafide"})


def test_a_poor_system_is_let_through_and_one_class_says_nothing():
    labels = {f"{n}": "bonafide" if n < 10 else "spoof" for n in range(20)}
    scores = {name: float(int(name) % 10) + (int(name) >= 10) for name in labels}  # EER 55 %
    require_direction(scores, labels, "x")
    with pytest.raises(UserError, match="x: found an EER of 100.0 %: spoofs score higher"):
        require_direction({name: float(name) for name in labels}, labels, "x")
    spoofs = {name: label for name, label in labels.items() if label == "spoof"}
    require_direction(dict.fromkeys(spoofs, 1.0), spoofs, "x")
    for form in BOARDS:
        lines = statement(form, "", dict.fromkeys(spoofs, 1.0), spoofs)
        assert lines[:2] == ["n_trials: 10", "n_skipped: 0"]


def test_each_board_s_eer_is_by_its_own_definition():
    labels = {name: "bonafide" if name < "d" else "spoof" for name in "abcdefg"}
    scores = dict(zip("abcdefg", (0.0, 2.0, 3.0, -1.0, -2.0, 1.0, 2.5), strict=True))
    stated = {form: float(statement(form, "", scores, labels)[0].split()[1]) for form in BOARDS}
    # frr 1/3 from 1 to 2, where far falls from 1/2 to 1/4: the lines cross at 1/3, and the nearest
    # point is the second one
    assert stated["spoof_bench"] == pytest.approx(100 / 3)
    assert stated["df_arena"] == pytest.approx(50 * (1 / 3 + 1 / 4))
