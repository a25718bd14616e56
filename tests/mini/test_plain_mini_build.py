"""egs/mini: batches, the journal, what is missing, resuming; what is made is made up."""

import concurrent.futures
import io
import json
from pathlib import Path

import pytest
from plain_mini import recording, some

from antispoof.errors import UserError
from corpus import build, environment, index, missing, work
from corpus.request import Failure
from corpus.work import Outcome

COSTS = {"": 1, "festival": 4, "world": 6, "conversion": 7, "piper": 15, "lpcnet": 33, "kokoro": 97}
SIZES = {"festival": 40, "piper": 30, "hibari": 24, "kokoro": 9, "lpcnet": 10}


@pytest.mark.parametrize("system", [*COSTS, "hibari", "espeak"])
def test_a_batch_is_of_one_system_and_a_size_that_suits(system):
    size, cost = SIZES.get(system, 20), COSTS.get(system, 2)
    everyone = [some(system, n) for n in range(2 * size + 1)]
    found = build.batches(everyone)
    assert [len(batch) for batch in found] == [size, size, 1]
    assert [u for batch in found for u in batch] == everyone
    assert build.cost(everyone[:3]) == 3 * cost


def test_batches_are_the_dearest_first_and_festivals_of_one_voice():
    mixed = [some("festival", n, voice=f"v{n % 2}") for n in range(7)]
    mixed += [some("espeak", n, voice=f"v{n % 2}") for n in range(7)] + [some("kokoro")]
    found = build.batches(mixed)
    heard = [({u.cell.system for u in b}, {u.cell.voice for u in b}, build.cost(b)) for b in found]
    assert heard == [
        ({"kokoro"}, {"m1"}, 97),
        ({"festival"}, {"v0"}, 16),
        ({"espeak"}, {"v0", "v1"}, 14),
        ({"festival"}, {"v1"}, 12),
    ]


def test_notes_go_to_the_journal_the_log_and_the_user(capsys):
    journal, log, records, failures = io.StringIO(), io.StringIO(), {}, {}

    def note(utterance, record, reasons):
        outcome = Outcome(utterance, record, reasons)
        build.note(outcome, records, failures, journal, log)

    note(some(number=1), {"utt": "M_T_00001", "b": "é"}, (("s1", "r1"),))
    note(some(number=2), None, (("s2", "r2"), ("s3", "r3")))
    note(some(number=3), None, ())
    assert journal.getvalue() == '\n{"b": "é", "utt": "M_T_00001"}'
    assert log.getvalue() == ("M_T_00001 A01 s1: r1\nM_T_00002 A01 s2: r2\nM_T_00002 A01 s3: r3\n")
    assert records == {"M_T_00001": {"utt": "M_T_00001", "b": "é"}}
    assert failures == {"M_T_00002": "r3", "M_T_00003": "no material for it"}
    assert capsys.readouterr().err == (
        "M_T_00002: A01 espeak m1: r3\nM_T_00003: A01 espeak m1: no material for it\n"
    )


@pytest.mark.parametrize(("failed", "broken"), [(1, False), (2, True)])
def test_two_in_a_hundred_may_stay_out(failed, broken):
    everyone = [some(number=n) for n in range(50)] + [
        some("flite", 100 + n, "A07") for n in range(60)
    ]
    failures = {u.utt: f"why {u.utt}" for u in everyone[10 : 10 + failed]}
    found = missing.broken_attacks(everyone, failures)
    wanted = {"A01": f"espeak: {failed} of 50 failed: why M_T_00010"}
    assert found == (wanted if broken else {})


def test_a_batch_that_wholly_failed_names_its_last_reason():
    bad = [Outcome(some(number=n), None, (("a", f"r{n}"), ("b", f"s{n}"))) for n in range(3)]
    assert missing.wholly_failed(bad) == {"A01": "espeak m1: 3 failed at once: s0"}
    assert missing.wholly_failed([*bad, Outcome(some(), {"utt": "x"}, ())]) == {}
    assert missing.wholly_failed([Outcome(some(), None, ())]) == {
        "A01": "espeak m1: 1 failed at once: no material"
    }


def test_packages_that_are_missing_name_their_attacks(monkeypatch):
    def attacks(*gone):
        there = {p: ("1", Path("/")) for p in missing.design.PROGRAM_PACKAGES if p not in gone}
        monkeypatch.setattr(environment, "packages", lambda: there)
        return missing.missing_systems()

    assert attacks("espeak-ng").keys() == {"A01", "A10"}
    assert attacks("festival").keys() == {"A02", "A06", "A07"}
    assert attacks("festvox-czech-krb").keys() == {"A02"}
    assert attacks("libcodec2-1.0") == {
        "A08": "lpcnet: Debian package libcodec2-1.0 is not there; install it"
    }
    monkeypatch.setattr(environment, "packages", dict)
    assert missing.missing_systems() == {}  # the system's own: nobody knows yet


class Pool(concurrent.futures.ThreadPoolExecutor):
    """Stands for processes."""

    def __init__(self, count, mp_context, initializer, initargs):
        assert mp_context.get_start_method() == "spawn" and initializer is work.start
        self.count, self.args = count, initargs
        super().__init__(1)


def outcomes(batch):
    good = {u.utt: {"utt": u.utt} for u in batch if u.materials[0] != "bad"}
    return [Outcome(u, good.get(u.utt), () if u.utt in good else (("m", "why"),)) for u in batch]


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(work, "make", outcomes)


def test_a_run_makes_all_and_keeps_a_journal(pool, tmp_path):
    (tmp_path / index.JOURNAL).write_text('{"utt": "old"}\n{"utt": "cut')
    todo = [some(number=n, materials=("bad" if n == 3 else "a",)) for n in range(25)]
    records = {"kept": {}}
    failures = build.run(tmp_path, todo, 2, {}, records, False)
    assert failures == {"M_T_00003": "why"}
    made = {u.utt for u in todo} - {"M_T_00003"}
    assert records.keys() == {"kept"} | made
    assert index.read_records(tmp_path / index.JOURNAL).keys() == {"old"} | made
    assert (tmp_path / "build.log").read_text() == "M_T_00003 A01 m: why\n"


@pytest.mark.parametrize(
    ("count", "partial", "stops"), [(3, False, True), (2, False, False), (3, True, False)]
)
def test_a_system_that_fails_from_the_start_stops_the_run(pool, tmp_path, count, partial, stops):
    todo = [some(number=n, materials=("bad",)) for n in range(count)]
    if stops:
        with pytest.raises(UserError, match="A01 .espeak m1: 3 failed at once: why"):
            build.run(tmp_path, todo, 1, {}, {}, partial)
    else:
        assert len(build.run(tmp_path, todo, 1, {}, {}, partial)) == count


def record(folder, utterance):
    path = folder / f"wav/{utterance.cell.split}/{utterance.utt}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(utterance.utt.encode())
    row = {"utt": utterance.utt, "split": utterance.cell.split}
    return row | {"bytes": path.stat().st_size, "sha256": index.sha256_file(path)}


def test_a_build_makes_what_is_not_there_and_whole(monkeypatch, tmp_path):
    everyone = [some(number=n) for n in range(6)] + [some("flite", 6, "A07")]
    rows = {u.utt: record(tmp_path, u) for u in everyone}
    (tmp_path / index.INDEX).write_text(json.dumps(rows["M_T_00000"]) + "\n")
    lines = [json.dumps(rows[u.utt]) for u in everyone[1:4]]
    (tmp_path / index.JOURNAL).write_text("\n".join(lines))
    (tmp_path / "wav/train/M_T_00002.flac").write_bytes(b"M_T_0000X")  # damaged
    (tmp_path / "wav/train/.M_T_00009.flac.tmp").touch()
    calls = []

    def run(folder, todo, nj, shapes, records, allow_partial):
        assert not list(Path(folder).glob("wav/*/.*")) and (nj, shapes) == (3, "shapes")
        calls.append(([u.utt for u in todo], sorted(records)))
        records.update({u.utt: rows[u.utt] for u in todo[:-1]})
        return {todo[-1].utt: "why"}

    monkeypatch.setattr(build, "collect", lambda: "recordings")
    monkeypatch.setattr(build, "make_plan", lambda found, size: everyone if size == "small" else [])
    monkeypatch.setattr(build, "missing_systems", lambda: {"A07": "flite"})
    monkeypatch.setattr(build, "noise_shapes", lambda found: "shapes")
    monkeypatch.setattr(build, "run", run)
    with pytest.raises(UserError, match="A07"):
        build.build(tmp_path, "small", 3, False)
    assert calls == []
    build.build(str(tmp_path), "small", 3, True)
    assert calls == [([f"M_T_0000{n}" for n in (2, 4, 5)], [f"M_T_0000{n}" for n in (0, 1, 3)])]
    found, gone = (
        json.loads((tmp_path / index.MISSING).read_text()),
        index.read_records(tmp_path / index.INDEX),
    )
    assert found == {"A01": "espeak: 1 of 6 failed: why", "A07": "flite"} and gone == {}


def test_noise_has_the_shape_of_sixty_people_of_its_own_split(monkeypatch):
    def speak(requests):
        heard = [request.path for request in requests]
        return [(request, Failure("x") if n == 1 else heard) for n, request in enumerate(requests)]

    monkeypatch.setattr(work, "speak", speak)
    monkeypatch.setattr("corpus.channel.noise_shapes", lambda waves: waves)
    found = {}
    for split in ("train", "dev", "eval"):
        people = [
            some("", n, "-", "", split, (recording("r", f"/{split}/{n}"),)) for n in range(62)
        ]
        people[1:1] = [some("world", 99, "A03", "", split, (recording("r"),))]
        found[split] = people
    shapes = build.noise_shapes([*found["eval"], *found["dev"], *found["train"]])
    for split in found:
        heard = [f"/{split}/{n}" for n in range(60)]
        assert shapes[split] == [heard] * 59


def test_the_builders_options_are_those_of_the_build(monkeypatch):
    calls = []
    monkeypatch.setattr(build, "die_with_parent", lambda: calls.append("die"))
    monkeypatch.setattr(build, "build", lambda *arguments: calls.append(arguments))
    for more in ([], ["--allow-partial"]):
        monkeypatch.setattr("sys.argv", ["build.py", "/f", "small", "3", *more])
        build.main()
    assert calls == ["die", ("/f", "small", 3, False), "die", ("/f", "small", 3, True)]
