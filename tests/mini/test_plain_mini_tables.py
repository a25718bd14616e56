"""egs/mini: the index, the data directories, their digests, PROVENANCE, and stage 1's command."""

import hashlib
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from plain_mini import ROOT

from antispoof.data.tables import read_table
from antispoof.errors import UserError
from corpus import credits, datadir, design, index, packages, provenance, store

ROWS = [
    ("M_T_1", "train", "-", "fr", 1.23456, "none"), ("M_T_2", "train", "A02", "cs", 2.5, "mp3"),
    ("M_T_3", "train", "A02", "cs", 3.0, "none"), ("M_D_1", "dev", "A05", "nl", 1.0, "opus"),
    ("M_E_2", "eval", "A11", "ru", 1.1, "none"), ("M_E_1", "eval", "-", "ru", 1.2, "g722"),
    ("M_E_4", "eval", "A01", "en", 1.3, "none"), ("M_E_3", "eval", "A06", "es", 1.4, "none"),
]  # fmt: skip


@pytest.fixture
def records():
    names = ("utt", "split", "attack", "lang", "seconds", "codec")
    rows = [dict(zip(names, row, strict=True)) for row in ROWS]
    for row in rows:
        row |= {"sha256": f"sha of {row['utt']}", "source": f"p/{row['utt']} x.ogg", "bytes": 3}
        row["speaker"] = f"who_{row['utt'][2]}"
    return {row["utt"]: row for row in rows}


def test_tables_hold_what_the_records_say(records, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digests = datadir.write_sets("data", ".", records)
    for split in ("train", "dev", "eval"):
        rows = {f"who_{u[2]}-{u}": row for u, row in records.items() if row["split"] == split}
        out = tmp_path / "data" / split
        columns = {"utt2spk": "speaker", "utt2attack": "attack", "utt2lang": "lang"}
        columns |= {"utt2codec": "codec", "utt2source": "source"}
        for table, column in columns.items():
            assert read_table(out / table) == {utt: row[column] for utt, row in rows.items()}
        assert read_table(out / "utt2dur") == {u: f"{r['seconds']:.3f}" for u, r in rows.items()}
        assert read_table(out / "utt2label") == {
            utt: "spoof" if row["attack"][0] == "A" else "bonafide" for utt, row in rows.items()
        }
        wav = tmp_path.resolve() / "wav" / split
        assert read_table(out / "wav.scp") == {
            utt: f"{wav}/{row['utt']}.flac" for utt, row in rows.items()
        }
        lines = "".join(f"{utt} sha of {rows[utt]['utt']}\n" for utt in sorted(rows))
        assert digests[split] == hashlib.sha256(lines.encode()).hexdigest()
        assert (out / "sha256").read_text() == f"{digests[split]}\n"
        assert (out / "trials").exists() == (split == "eval")
    trials = tmp_path / "data/eval/trials"
    assert (trials / "known").read_text() == "who_E-M_E_1\nwho_E-M_E_4\n"
    assert (trials / "unknown").read_text() == "who_E-M_E_1\nwho_E-M_E_2\nwho_E-M_E_3\n"


def test_ids_in_order_are_speakers_in_order(records, tmp_path):
    for utt, speaker in (("M_T_1", "b"), ("M_T_2", "a_b"), ("M_T_3", "a")):
        records[utt]["speaker"] = speaker
    datadir.write_sets(tmp_path, ".", records)
    lines = (tmp_path / "train/utt2spk").read_text().splitlines()
    assert lines == ["a-M_T_3 a", "a_b-M_T_2 a_b", "b-M_T_1 b"]


def test_an_index_is_written_in_order_and_ends_the_journal(records, tmp_path):
    (tmp_path / "journal.jsonl").write_text("x")
    index.finish(tmp_path, records, {"A02": "b", "A01": "a"})
    lines = (tmp_path / "index.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [records[utt] for utt in sorted(records)]
    assert list(json.loads((tmp_path / "missing.json").read_text())) == ["A01", "A02"]
    assert not (tmp_path / "journal.jsonl").exists()
    assert index.finished(tmp_path) is None  # there are no sounds


def test_the_last_record_of_an_utterance_counts_and_sizes_are_looked_at(tmp_path):
    row = {"utt": "u", "split": "dev", "bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
    lines = [json.dumps({**row, "bytes": 9}), "", '{"utt": "u', json.dumps(row)]
    (tmp_path / "journal.jsonl").write_text("\n".join(lines))
    assert index.read_records(tmp_path / "journal.jsonl") == {"u": row}
    path = tmp_path / "wav/dev/u.flac"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"abc")
    assert index.whole(tmp_path, {"u": row}) == {"u": row}
    assert index.whole(tmp_path, {"u": {**row, "bytes": 4}}) == {}
    assert index.whole(tmp_path, {"u": {**row, "sha256": "0"}}) == {}
    assert index.whole(tmp_path, {"u": {**row, "split": "eval"}}) == {}


def test_provenance_counts_credits_and_names_what_is_missing(records):
    versions = {package: f"{n}.0" for n, package in enumerate(credits.PACKAGES)}
    del versions["flite"]
    pins = "# a note\nG722==1.2\n\nnumpy==2  # why\nsoundfile==3\nscipy==4\n"
    digests = {"train": "t1", "dev": "d1", "eval": "e1"}
    missing = {"A09": "no wheel", "A07": "no flite"}
    text = provenance.provenance("cmd", "/folder", records, missing, versions, pins, digests)
    parts = text.removesuffix("\n").split("\n\n")
    assert parts[0] == "Built by\n  cmd\n  into /folder"
    debian = parts[1].splitlines()[1:]
    assert debian == [
        f"  {p} {versions.get(p, 'MISSING')}; {licence}; {thanks}"
        for p, (licence, thanks) in credits.PACKAGES.items()
    ]
    assert parts[2].splitlines()[1:] == [
        "  G722==1.2; public domain; Maksym Sobolyev",
        "  soundfile==3; BSD-3-Clause; Bastian Bechtold, libsndfile: LGPL-2.1",
        "  and numpy==2, scipy==4",
    ]
    assert parts[3].splitlines()[1:] == [
        *("  train bonafide 1: - 1", "  train spoof 2: A02 2"),
        *("  dev bonafide 0: ", "  dev spoof 1: A05 1"),
        *("  eval bonafide 1: - 1", "  eval spoof 3: A01 1, A06 1, A11 1"),
        *("  train bonafide 1: fr 1", "  train spoof 2: cs 2"),
        *("  dev bonafide 0: ", "  dev spoof 1: nl 1"),
        *("  eval bonafide 1: ru 1", "  eval spoof 3: en 1, es 1, ru 1"),
    ]
    attacks = parts[4].splitlines()[1:]
    assert attacks[:11] == [f"  {attack} {words}" for attack, words in design.ATTACKS.items()]
    assert attacks[11:] == ["  A07 IS MISSING: no flite", "  A09 IS MISSING: no wheel"]
    assert parts[5].splitlines()[1:] == ["  train t1", "  dev d1", "  eval e1"]


def test_everything_that_is_fetched_has_a_licence():
    fetched = {*design.DATA_PACKAGES, *design.PROGRAM_PACKAGES}
    assert set(credits.PACKAGES) == fetched
    assert all(licence and thanks for licence, thanks in credits.PACKAGES.values())
    languages = {f"asterisk-core-sounds-{lang}-g722" for lang in ("en", "es", "fr", "it", "ru")}
    assert set(design.DATA_PACKAGES) - languages == {
        *("fillets-ng-data", "fillets-ng-data-cs", "fillets-ng-data-nl"),
        "tuxpaint-stamps-default",
    }


@pytest.fixture
def debian(monkeypatch):
    """tools/debian.sh, made up: [(arguments, status, output)] answers its calls in turn."""
    answers = []

    def run(command, **more):
        arguments, status, out = answers.pop(0)
        script = str(ROOT / "tools/debian.sh")
        assert command == ["bash", script, "--cache", "/c", *arguments]
        assert more["stdin"] == subprocess.DEVNULL
        return subprocess.CompletedProcess(command, status, out)

    monkeypatch.setattr(packages.subprocess, "run", run)
    return answers


PROGRAMS, DATA = list(design.PROGRAM_PACKAGES), ["--data", *design.DATA_PACKAGES]


def test_versions_are_looked_up_without_fetching(debian):
    debian += [(["--look", *PROGRAMS], 0, "flite 2.2 /\n"), (["--look", *DATA], 1, "x 1:1 /a b\n")]
    assert packages.versions("/c") == {"flite": "2.2", "x": "1:1"}


@pytest.mark.parametrize(("programs", "data", "partial", "words"), [
    (0, 0, False, None), (1, 0, True, None), (1, 0, False, "synthesisers.*--allow-partial"),
    (0, 1, True, "recordings"),
])  # fmt: skip
def test_recordings_must_be_there_and_programs_unless_allowed(
    debian, tmp_path, programs, data, partial, words
):
    debian += [
        (["--print", *PROGRAMS], programs, "z 1 /\n"),
        (["--print", *DATA], data, "a 2 /x y\n"),
    ]
    table = tmp_path / "table"
    if words:
        with pytest.raises(UserError, match=words):
            packages.fetch("/c", table, partial)
    else:
        packages.fetch("/c", table, partial)
    assert table.exists() == (not words)
    assert words or table.read_text() == "a 2 /x y\nz 1 /\n"


@pytest.fixture
def stage(monkeypatch, tmp_path, records, capsys):
    """Stage 1 with a store that is made up: (what it was asked, what was printed)."""

    def call(*arguments, missing=None):
        asked = []

        def obtain(*values):
            asked.append(values)
            return tmp_path / "built", records, missing or {}, {"flite": "2.2"}

        monkeypatch.setattr(store, "obtain", obtain)
        monkeypatch.setattr(sys, "argv", ["prepare_data.py", *arguments])
        monkeypatch.chdir(tmp_path)
        runpy.run_path(str(ROOT / "egs/mini/local/prepare_data.py"), run_name="__main__")
        return asked, capsys.readouterr().out

    return call


def test_stage_1_writes_everything_and_says_so(stage, tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2})
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    asked, out = stage()
    assert asked == [(Path("/c/antispoof"), "full", 3, False)]
    assert out == "data: 8 utterances in train, dev and eval; data/PROVENANCE says of what\n"
    words = (tmp_path / "data/PROVENANCE").read_text()
    assert f"Built by\n  local/prepare_data.py\n  into {tmp_path}/built\n" in words
    assert "  flite 2.2; " in words and "numpy==" in words
    assert f"  eval {(tmp_path / 'data/eval/sha256').read_text()}" in words
    assert not (tmp_path / "data/missing_attacks").exists()


def test_stage_1_names_what_is_left_out(stage, tmp_path):
    options = ("--out", "d e", "--size", "small", "--cache", "c", "--nj", "1", "--allow-partial")
    asked, out = stage(*options, missing={"A09": "no wheel", "A07": "no flite"})
    assert asked == [(tmp_path / "c", "small", 1, True)]
    assert out.splitlines()[1:] == ["d e: without A07: no flite", "d e: without A09: no wheel"]
    assert read_table(tmp_path / "d e/missing_attacks") == {"A09": "no wheel", "A07": "no flite"}
    words = (tmp_path / "d e/PROVENANCE").read_text()
    assert (
        "  local/prepare_data.py --out 'd e' --size small --cache c --nj 1 --allow-partial" in words
    )
    assert "A07 IS MISSING: no flite" in words


def test_fewer_than_one_process_is_refused(stage):
    with pytest.raises(SystemExit, match="--nj: found 0, wanted 1 or more"):
        stage("--nj", "0")
