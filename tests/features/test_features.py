"""Cached features: the same bytes whatever the number of jobs and wherever a job was killed."""

import signal
import subprocess
import sys

import kaldiio
import numpy as np
import pytest
from made_up import ROOT, worker
from sounds import make_corpus, make_data, sound

from antispoof.config import UPSTREAM
from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.features.archive import ShareWriter, join_shares
from antispoof.ssl.upstream import DTYPES, FrozenUpstream, claim_dump, load_upstream_config

EXTRACT = "steps/extract_ssl.py"
UTTS = [f"utt{number:02d}" for number in range(9)]
LAYERS = [0, 7]


def made_up(utt):
    """{layer: (T, D)} of an utterance."""
    rng = np.random.default_rng(int(utt[3:]))
    frames = 5 + int(utt[3:]) % 4
    return {layer: rng.standard_normal((frames, 6 + layer), np.float32) for layer in LAYERS}


def write(folder, jobs, stop_before=None, kind="two_byte", only=None):
    """Write all shares of UTTS, or up to an utterance; joins what is there."""
    for job in only or range(1, jobs + 1):
        writer = ShareWriter(folder, job, jobs, LAYERS, DTYPES[kind])
        if writer.complete:
            continue
        for utt in UTTS[len(UTTS) * (job - 1) // jobs : len(UTTS) * job // jobs]:
            if utt == stop_before:
                return
            if utt not in writer.finished:
                writer.write(utt, made_up(utt))
        writer.finish()
    join_shares(folder, jobs, UTTS)


def frozen(name, **departures):
    """The config of an upstream."""
    return {**UPSTREAM, "name": name, **departures}


def matrices(folder, layer):
    """{utterance: the bytes of its matrix} by layer/feats.scp."""
    table = read_table(folder / f"layer{layer:02d}" / "feats.scp")
    return {utt: read_entry(place, utt, MATRIX).tobytes() for utt, place in table.items()}


def files(folder):
    """{name: bytes} of what extraction leaves; feats.scp is told from its folder's name."""
    return {
        str(path.relative_to(folder)): path.read_bytes().replace(bytes(folder), b"DUMP")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".log"
    }


@pytest.mark.parametrize("jobs", [2, 3, 9])
def test_any_number_of_jobs_gives_the_same_matrices(tmp_path, jobs):
    write(tmp_path / "one", 1)
    write(tmp_path / "more", jobs)
    for layer in LAYERS:
        assert matrices(tmp_path / "more", layer) == matrices(tmp_path / "one", layer)
    for table in ("utt2sum", "utt2num_frames"):
        assert (tmp_path / "more" / table).read_bytes() == (tmp_path / "one" / table).read_bytes()


@pytest.mark.parametrize("kind", DTYPES)
def test_what_is_stored_is_what_kaldi_reads(tmp_path, kind):
    write(tmp_path, 2, kind=kind)
    tolerance = {"float32": 0, "two_byte": 1e-3, "one_byte": 0.2}[kind]
    for layer in LAYERS:
        table = read_table(tmp_path / f"layer{layer:02d}" / "feats.scp")
        assert list(table) == UTTS
        for utt, place in table.items():
            stored = kaldiio.load_mat(place)
            np.testing.assert_allclose(stored, made_up(utt)[layer], atol=tolerance)


def cut(path, count):
    path.write_bytes(path.read_bytes()[:-count])


def append(path, data):
    path.write_bytes(path.read_bytes() + data)


DAMAGE = {
    "nothing": lambda notes, ark: None,
    "half a note": lambda notes, ark: cut(notes, 7),
    "a note without its end": lambda notes, ark: cut(notes, 1),
    "all notes": lambda notes, ark: notes.write_bytes(b""),
    "the notes' file": lambda notes, ark: notes.unlink(),
    "half a matrix": lambda notes, ark: append(ark, b"utt05 \0BCM2\0\0"),
    "an archive shorter than its notes": lambda notes, ark: cut(ark, 200),
    "an archive": lambda notes, ark: ark.unlink(),
    "a torn page of zeros": lambda notes, ark: append(notes, bytes(20) + b"\n"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_killed_job_continues_and_ends_in_the_same_bytes(tmp_path, kind):
    write(tmp_path / "undisturbed", 1)
    dump = tmp_path / "killed"
    write(dump, 1, stop_before="utt05")
    assert not join_shares(dump, 1, UTTS)
    DAMAGE[kind](dump / "shares/.1of1.part", dump / "layer07/.feats.1.ark.part")
    write(dump, 1)
    assert files(dump) == files(tmp_path / "undisturbed")


def test_another_number_of_jobs_starts_anew(tmp_path):
    write(tmp_path / "undisturbed", 2)
    write(tmp_path / "dump", 3, only=[1, 3])
    write(tmp_path / "dump", 3, only=[2], stop_before="utt04")
    write(tmp_path / "dump", 2)
    for layer in LAYERS:
        assert matrices(tmp_path / "dump", layer) == matrices(tmp_path / "undisturbed", layer)


def test_a_dump_holds_one_config(tmp_path):
    (tmp_path / "a.yaml").write_text("name: fbank\n")
    (tmp_path / "b.yaml").write_text("name: fbank\ndtype: float32\n")
    claim_dump(tmp_path / "dump", load_upstream_config(tmp_path / "a.yaml"))
    claim_dump(tmp_path / "dump", load_upstream_config(tmp_path / "a.yaml"))
    with pytest.raises(UserError, match="config.yaml: holds features of another config; remove "):
        claim_dump(tmp_path / "dump", load_upstream_config(tmp_path / "b.yaml"))


@pytest.mark.parametrize("name", ["fbank", "mel"])
def test_a_frozen_upstream_gives_the_same_bytes_whenever_asked(name):
    upstream, again = FrozenUpstream(frozen(name)), FrozenUpstream(frozen(name))
    waves = [sound(utt, 0.7, 0.1).astype(np.float32) for utt in ("a", "b")]
    (layer,) = upstream.layer_indices
    first = [upstream([wave], "u")[0][layer].tobytes() for wave in waves]
    assert [upstream([wave], "u")[0][layer].tobytes() for wave in reversed(waves)] == first[::-1]
    assert [again([wave], "u")[0][layer].tobytes() for wave in waves] == first
    assert not upstream.model.training


def test_what_an_upstream_cannot_do_is_said(tmp_path):
    with pytest.raises(UserError, match=r"upstream fbank fails \(.*\) on samples of u1 20"):
        FrozenUpstream(frozen("fbank"))([np.zeros(20, np.float32)], ["u1"])
    with pytest.raises(UserError, match=r"upstream fbank: has layers 0 to 0, wanted \[3\]"):
        FrozenUpstream(frozen("fbank", layers=[3]))
    (tmp_path / "x.yaml").write_text("nam: fbank\n")
    with pytest.raises(UserError, match="unknown key 'nam', did you mean 'name'?"):
        load_upstream_config(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text("name: fbank\ndtype: two_bytes\n")
    with pytest.raises(UserError, match="did you mean 'two_byte'"):
        load_upstream_config(tmp_path / "x.yaml")


KILLED = """
import os, runpy, signal, sys
from antispoof.features.archive import ShareWriter
write = ShareWriter.write
def write_or_die(self, utt, features):
    if utt == "train_005":
        for stream in self.streams.values():
            stream.write(b"train_005 half of a mat")
            stream.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, utt, features)
ShareWriter.write = write_or_die
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 8}))
    (folder / "fbank.yaml").write_text("name: fbank\n")
    assert worker(EXTRACT, "fbank.yaml", "data/train", "undisturbed", cwd=folder)[0] == 0
    return folder


def test_extraction_killed_in_a_matrix_ends_in_the_same_bytes(place):
    call = [str(ROOT / EXTRACT), "fbank.yaml", "data/train", "killed"]
    done = subprocess.run([sys.executable, "-c", KILLED, *call], cwd=place, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert not list((place / "killed").rglob("feats.scp"))
    status, out, _ = worker(EXTRACT, *call[1:], cwd=place)
    assert status == 0
    assert "8 utterances, 3 were there already" in out  # shortest first
    assert {
        name: data.replace(b"killed/", b"undisturbed/")
        for name, data in files(place / "killed").items()
    } == files(place / "undisturbed")


def test_one_job_and_four_give_the_same_bytes_for_each_matrix(place):
    call = [
        "JOB=1:4",
        "four.{job}.log",
        EXTRACT,
        "--share",
        "{job}/{jobs}",
        "fbank.yaml",
        "data/train",
    ]
    status, _, error = worker("utils/run.py", "--slots", 4, *call, "four", cwd=place)
    assert status == 0, error
    for table in ("utt2sum", "utt2num_frames"):
        assert (place / "four" / table).read_bytes() == (place / "undisturbed" / table).read_bytes()
    stored = []
    for dump in ("four", "undisturbed"):
        (layer,) = (place / dump).glob("layer*")
        scp = read_table(layer / "feats.scp")
        stored.append({u: read_entry(f"{place}/{p}", u, MATRIX).tobytes() for u, p in scp.items()})
    assert stored[0] == stored[1]
    assert len(list((place / "four").rglob("*.ark"))) == 4


@pytest.mark.parametrize(("name", "nearest"), [("fbnak", "fbank"), ("os", "")])
def test_an_upstream_that_is_not_there_names_the_nearest(name, nearest):
    with pytest.raises(UserError) as caught:
        FrozenUpstream(frozen(name))
    assert f"'name' is '{name}', wanted a known one, did you mean '{nearest}" in str(caught.value)
