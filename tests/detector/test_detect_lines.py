"""Results in a file that grows, folders of any size, and readers that go away."""

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
from made_up import ROOT, worker
from tiny_detector import make_experiment, voice

from antispoof import Detector
from antispoof.detector import places
from antispoof.detector.journal import Journal, settings_of
from antispoof.detector.lines import record_of
from antispoof.detector.places import sounds_below
from antispoof.errors import UserError

PROGRAM = "steps/detect.py"
CROP = "{test: windows, seconds: 0.5, pad: none}"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_experiment(tmp_path_factory.mktemp("tiny"), "x", CROP)


@pytest.fixture(scope="module")
def detector(model):
    return Detector.load(model, "cpu")


@pytest.fixture
def folder(tmp_path):
    """Six short sounds, some with odd names."""
    (tmp_path / "in").mkdir()
    for number, name in enumerate(["a b", "c\nd", "é Ж", "e", "f", "g"]):
        soundfile.write(tmp_path / f"in/{name}.wav", voice(0.7, seed=number), 16000)
    return tmp_path


def detect(model, folder, *options):
    return worker(PROGRAM, "--model", model, "--json", *options, "in", cwd=folder)


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def same(path, whole):
    """The lines of `path` are those of `whole`, to what the size of a batch rounds."""
    for row, line in zip(records(path), whole.splitlines(), strict=True):
        expected = json.loads(line)
        for key in ("llr", "p_spoof"):
            assert row.pop(key) == pytest.approx(expected.pop(key), abs=1e-5)
        assert row == expected


def fill(path, detector, folder, windows=False):
    """The lines of a journal of a folder, written in this process; how many were there."""
    with Journal(path, detector, windows) as journal:
        files = [file for file in sounds_below(folder) if not journal.has(file)]
        for _, found in detector.each(files, windows):
            journal.write(found)
        return journal.added, journal.skipped


def test_lines_go_on_where_they_ended(model, detector, folder):
    out = folder / "x.jsonl"
    status, text, error = detect(model, folder, "--out", out)
    assert (status, text) == (0, "") and "6 lines added, 0 files stood there" in error
    whole = out.read_bytes()
    out.write_bytes(whole[: len(whole) // 2])  # within a line
    kept = whole[: len(whole) // 2].count(b"\n")
    status, _, error = detect(model, folder, "--out", out)
    assert status == 0 and f"{6 - kept} lines added, {kept} files stood there" in error
    same(out, whole)
    printed = record_of(detector(folder / "in/e.wav"))
    assert set(printed) == set(records(out)[0]) - {"bytes", "mtime", "settings"}
    assert {row["file"] for row in records(out)} == {
        f"in/{name}.wav" for name in ("a b", "c\nd", "é Ж", "e", "f", "g")
    }


def test_a_file_that_changed_is_judged_again(detector, folder):
    out = folder / "x.jsonl"
    assert fill(out, detector, folder / "in") == (6, 0)
    soundfile.write(folder / "in/e.wav", voice(0.9, seed=9), 16000)
    os.utime(folder / "in/f.wav", (1, 1))
    assert fill(out, detector, folder / "in") == (2, 4)
    assert fill(out, detector, folder / "in") == (0, 6)
    assert [row["file"][-5:] for row in records(out)[6:]] == ["e.wav", "f.wav"]


@pytest.mark.parametrize("end", range(0, 60, 7))
def test_a_last_line_that_is_half_is_taken_away(detector, folder, end):
    out = folder / "x.jsonl"
    fill(out, detector, folder / "in")
    whole = out.read_bytes()
    second = whole.index(b"\n") + 1
    out.write_bytes(whole[: second + end])
    assert fill(out, detector, folder / "in") == (5, 1)
    same(out, whole)


def test_lines_by_another_model_or_by_nobody_are_kept_and_refused(detector, model, folder):
    out = folder / "x.jsonl"
    fill(out, detector, folder / "in")
    whole = out.read_bytes()
    with pytest.raises(UserError, match=r"x.jsonl:1: found results by another model"):
        fill(out, Detector.load(model, "cpu", threshold=1.0), folder / "in")
    other = Detector.load(model, "cpu")
    other.system.systems[0].model.head[0].bias.data[0] += 1
    with pytest.raises(UserError, match="another model or other options"):
        fill(out, other, folder / "in")
    assert out.read_bytes() == whole
    for text in ("notes\n", "notes", '{"file": 1}\n', "[]\n"):
        out.write_text(text)
        with pytest.raises(UserError, match=r"x.jsonl:1: is no result of a file"):
            fill(out, detector, folder / "in")
        assert out.read_text() == text


def test_a_model_is_known_by_its_weights_and_not_by_where_they_lie(detector, monkeypatch):
    system, before = detector.system.systems[0], settings_of(detector, False)
    monkeypatch.setitem(system.config, "upstream_checkpoint", "/elsewhere/model.pt")
    assert settings_of(detector, False) == before
    front_end = SimpleNamespace(weight_sums={"/elsewhere/model.pt": "a sum"})
    monkeypatch.setattr(system, "upstream", front_end)
    other = settings_of(detector, False)
    front_end.weight_sums = {"model.pt": "another sum"}
    assert len({before, other, settings_of(detector, False)}) == 3


def test_a_file_that_is_named_twice_or_cannot_be_read_takes_no_place(detector, folder):
    (folder / "in/d.wav").write_text("no sound")
    with Journal(folder / "x.jsonl", detector, False) as journal:
        files = [folder / "in" / f"{name}.wav" for name in ("e", "e", "d", "f")]
        for file, found in detector.each([file for file in files if not journal.has(file)]):
            if isinstance(found, UserError):
                journal.forget(file)
            else:
                journal.write(found)
        assert journal.pending == {}
    assert [Path(row["file"]).name for row in records(folder / "x.jsonl")] == ["e.wav", "f.wav"]


def test_a_file_that_cannot_be_read_is_tried_again_where_it_is_named_again(model, folder):
    (folder / "bad.wav").write_text("no sound")
    (folder / "many").mkdir()
    for number in range(80):  # more than are in memory at once
        os.link(folder / "in/e.wav", folder / f"many/{number}.wav")
    places = ("bad.wav", "many", "bad.wav")
    out = folder / "x.jsonl"
    done = worker(PROGRAM, "--model", model, "--json", "--out", out, *places, cwd=folder)
    assert done[0] == 2 and "80 lines added, 0 files" in done[2]
    assert done[2].count("bad.wav: bad: cannot be decoded") == 2


def test_two_processes_do_not_write_to_one_file(detector, folder):
    refusal = pytest.raises(UserError, match="another process writes to it")
    with Journal(folder / "x.jsonl", detector, False), refusal:
        Journal(folder / "x.jsonl", detector, False)
    assert fill(folder / "x.jsonl", detector, folder / "in") == (6, 0)


def test_a_folder_is_sorted_with_a_few_names_in_memory(tmp_path, monkeypatch):
    for name in ("b", "a/d", "a", "c"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        for number in range(7):
            (tmp_path / name / f"{number}.WAV").touch()
    (tmp_path / "a/link").symlink_to(tmp_path / "b")
    (tmp_path / "x.mkv").touch()
    (tmp_path / "x.txt").touch()
    expected = ["x.mkv", *(f"{n}/{k}.WAV" for n in ("a", "a/d", "b", "c") for k in range(7))]
    for names in (1, 2, 7, 8, 1000):
        monkeypatch.setattr(places, "NAMES", names)
        found = [str(path.relative_to(tmp_path)) for path in sounds_below(tmp_path)]
        assert found == expected


def test_a_folder_of_many_files_takes_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "NAMES", 100)
    peaks = []
    for count in (1000, 8000):
        for number in range(count):
            (tmp_path / f"{number:05d}.wav").touch()
        tracemalloc.start()
        assert sum(1 for _ in places._names(tmp_path, os.path.isfile)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] < 1 << 20


def test_a_reader_that_goes_away_ends_a_stream_without_a_word(model, folder):
    def until_the_first_line(words):
        command = [sys.executable, str(ROOT / PROGRAM), "--model", str(model), *words]
        text = " ".join(f"'{word}'" for word in command)
        line = f"cat /dev/urandom | {text} | head -n 1; echo ${{PIPESTATUS[@]}}"
        done = ["bash", "-c", line if "--stream" in words else line.partition(" | ")[2]]
        return subprocess.run(done, cwd=folder, capture_output=True, text=True, timeout=120)

    found = until_the_first_line(["--stream"])
    assert found.stdout.splitlines()[-1].split()[1:] == ["0", "0"]
    assert len(found.stderr.splitlines()) == 1
    found = until_the_first_line(["in", "in", "in"])
    assert found.stderr == "" and found.stdout.splitlines()[-1] == "0 0"


BAD = {
    "--out: wanted --json": ["--out", "x.jsonl", "a.wav"],
    "reads standard input alone": ["--stream", "a.wav"],
    "wanted --stream with them": ["--rate", "8000", "a.wav"],
    "found no file": ["--json"],
    "--share 0/3: wanted JOB/N": ["--share", "0/3", "a.wav"],
}


@pytest.mark.parametrize("words", BAD)
def test_options_that_do_not_go_together_are_refused(tmp_path, words):
    status, out, error = worker(PROGRAM, "--model", tmp_path, *BAD[words], cwd=tmp_path)
    assert (status, out) == (2, "") and words in error.splitlines()[-1]


@pytest.mark.parametrize(("given", "kept"), [({}, "16"), ({"capacity": "7"}, "7")])
def test_few_lengths_are_prepared_for_at_a_time(model, folder, given, kept):
    """Else memory grows with files whose lengths differ; who sets a number keeps it."""
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    code = "import os; from antispoof.detector.command import detect; "
    code += f"detect('x', ['--model', {str(model)!r}, 'in/e.wav']); print(os.environ[{name!r}])"
    around = {key: value for key, value in os.environ.items() if key != name}
    around |= {name: given["capacity"]} if given else {}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=around, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == kept, done.stderr
