"""egs/mini: the small corpus, really built (once, in the cache), used, hurt, resumed and mended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from antispoof.data.tables import read_table
from antispoof.paths import cache_folder
from corpus import design, environment, index, packages, store, wheels

ROOT = Path(__file__).resolve().parents[2]
SETS = design.SPLITS


def prepare(out, *arguments):
    """Stage 1 of egs/mini, as run.sh calls it."""
    command = [sys.executable, "local/prepare_data.py", "--out", str(out), "--size", "small"]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT / "egs/mini", capture_output=True, text=True, timeout=1800
    )


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """data/ of the small corpus; not to be changed."""
    out = tmp_path_factory.mktemp("mini") / "data"
    done = prepare(out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def own(small, tmp_path):
    """A cache of this test's own, with the corpus in it: (cache, folder of the corpus)."""
    cache, shared = tmp_path / "cache é", cache_folder()
    cache.mkdir()
    for name in ("debian", "wheels"):
        (cache / name).symlink_to(shared / name)
    first = next(iter(read_table(small / "dev/wav.scp").values()))
    built = Path(first).parents[2]
    return cache, Path(shutil.copytree(built, cache / "mini" / built.name))


def digests(data):
    return [(data / name / "sha256").read_text() for name in SETS]


def unfinish(folder, keep):
    """Make a finished corpus one of which only the records that `keep` chooses were built."""
    rows = index.read_records(folder / index.INDEX)
    (folder / index.INDEX).unlink()
    with open(folder / index.JOURNAL, "w", encoding="utf-8") as stream:
        for row in rows.values():
            if keep(row):
                stream.write(json.dumps(row) + "\n")
            else:
                index.wav_path(folder, row).unlink()
    return rows


def test_the_sets_are_valid(small):
    for name in SETS:
        command = [sys.executable, str(ROOT / "utils/validate_data_dir.py"), str(small / name)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    trials = small / "eval/trials"
    known, unknown = ((trials / n).read_text().split() for n in ("known", "unknown"))
    attacks = read_table(small / "eval/utt2attack")
    assert set(known) | set(unknown) == set(attacks)
    assert {attacks[utt] for utt in known} == {"-", *design.KNOWN}
    assert {attacks[utt] for utt in unknown} == {"-", *design.UNKNOWN}


def test_nothing_is_shared_between_sets(small):
    for table in ("utt2spk", "utt2source", "wav.scp"):
        values = [set(read_table(small / name / table).values()) for name in SETS]
        assert not values[0] & values[1], table
        assert not values[0] & values[2], table
        assert not values[1] & values[2], table


def test_sources_and_codecs_are_of_both_classes(small):
    for name in ("train", "eval"):
        labels = read_table(small / name / "utt2label")
        for table in ("utt2codec", "utt2lang"):
            values = read_table(small / name / table)
            count = Counter((values[utt], labels[utt]) for utt in labels)
            assert all(count[value, "spoof"] and count[value, "bonafide"] for value, _ in count)


def test_provenance_credits_everyone(small):
    text = (small / "PROVENANCE").read_text(encoding="utf-8")
    for package in (*design.DATA_PACKAGES, *design.PROGRAM_PACKAGES):
        line = next(line for line in text.splitlines() if line.startswith(f"  {package} "))
        assert "MISSING" not in line
        assert line.count("; ") == 2
    for name, digest in zip(SETS, digests(small), strict=True):
        assert f"  {name} {digest}" in text
    for line in wheels.REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or line.split()[0] in text


def test_a_second_call_takes_seconds(small, tmp_path):
    started = time.monotonic()
    done = prepare(tmp_path / "data")
    assert done.returncode == 0
    assert done.stderr == ""
    assert time.monotonic() - started < 10
    assert digests(tmp_path / "data") == digests(small)


def test_a_lost_and_a_damaged_sound_are_made_again(small, own, tmp_path):
    cache, folder = own
    rows = list(index.read_records(folder / index.INDEX).values())
    lost, damaged = (
        next(index.wav_path(folder, row) for row in rows if row["attack"] == attack)
        for attack in ("-", "A03")
    )
    lost.unlink()
    data = damaged.read_bytes()
    damaged.write_bytes(data[:-50] + bytes(50))
    done = prepare(tmp_path / "data", "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    assert damaged.read_bytes() == data
    assert digests(tmp_path / "data") == digests(small)


def test_killed_and_run_again_it_is_the_same(small, own, tmp_path):
    cache, folder = own
    unfinish(folder, lambda row: row["attack"] not in ("A01", "A03", "A05"))
    journal = folder / index.JOURNAL
    before = journal.stat().st_size
    command = [sys.executable, "local/prepare_data.py", "--out", str(tmp_path / "data")]
    command += ["--size", "small", "--cache", str(cache)]
    run = subprocess.Popen(command, cwd=ROOT / "egs/mini", stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while journal.stat().st_size == before and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not (tmp_path / "data/eval").exists()
    with open(journal, "a", encoding="utf-8") as stream:
        stream.write('{"utt": "M_T_0')  # as a line looks that was cut short
    time.sleep(1)
    assert [pid for pid in os.listdir("/proc") if pid.isdigit() and runs_in(pid, folder)] == []
    done = prepare(tmp_path / "data", "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "data") == digests(small)
    assert not journal.exists()


def runs_in(pid, folder):
    try:
        return str(folder).encode() in Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return False


def build_without(package, cache, folder, *arguments):
    """Run the builder on a machine that lacks `package`."""
    table = folder.parent / "packages"
    packages.fetch(cache, table, allow_partial=False)
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(x for x in lines if not x.startswith(f"{package} ")), encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(store.LOCAL), str(ROOT)])}
    env[environment.VARIABLE] = str(table)
    command = [str(wheels.interpreter(cache)), "-m", "corpus.build", str(folder), "small", "2"]
    return subprocess.run([*command, *arguments], env=env, capture_output=True, text=True)


def test_a_missing_synthesiser_stops_or_is_left_out(own):
    cache, folder = own
    rows = unfinish(folder, lambda row: row["attack"] != "A07")
    done = build_without("flite", cache, folder)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "A07" in line
    assert "flite" in line
    assert "--allow-partial" in line
    done = build_without("flite", cache, folder, "--allow-partial")
    assert done.returncode == 0, done.stderr
    found, missing = index.finished(folder)
    assert list(missing) == ["A07"]
    assert found == {utt: row for utt, row in rows.items() if row["attack"] != "A07"}
    assert store.usable(folder, allow_partial=True)
    assert store.usable(folder, allow_partial=False) is None


def test_bad_calls_are_refused(tmp_path):
    done = prepare(tmp_path, "--nj", "0")
    assert done.returncode == 1
    assert done.stderr == "egs/mini/local/prepare_data.py: --nj: found 0, wanted 1 or more\n"
    assert prepare(tmp_path, "--size", "huge").returncode == 2
