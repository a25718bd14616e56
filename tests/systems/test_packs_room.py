"""A pack takes no more disk and memory than it says, and a machine that has less says so."""

import io
import resource
import subprocess
import sys

import numpy as np
import pytest
from made_up import ROOT
from small_disks import mounter
from small_packs import listed, make_systems, parts_of, zipped

from antispoof import Detector
from antispoof.errors import UserError
from antispoof.systems import packed
from antispoof.systems.pack import make_pack

NAME = "wave_seed1"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """A pack that loads."""
    folder = tmp_path_factory.mktemp("good")
    make_pack(make_systems(folder, (NAME,)) / NAME, folder / "x.zip")
    return folder / "x.zip"


@pytest.fixture
def parts(pack):
    return parts_of(pack)


def refusal(path):
    """The one line with which loading refuses."""
    with pytest.raises(UserError) as caught:
        Detector.load(path, "cpu")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


SMALL_DISK = """
set -eu
mount -t tmpfs -o size="$1" none "$2"
cd "$2"; shift 2
TMPDIR=$PWD "$@"
"""


@pytest.mark.skipif(mounter() is None, reason="mounting is not permitted here")
def test_a_disk_that_fills_up_is_named_and_the_pack_is_not_blamed(parts, tmp_path):
    data = np.random.default_rng(0).bytes(1 << 18)
    more = {f"exp/{NAME}/more{number}.safetensors": data for number in range(8)}
    path, disk = zipped(tmp_path / "x.zip", listed({**parts, **more})), tmp_path / "disk"
    disk.mkdir()
    words = (sys.executable, ROOT / "steps/detect.py", "--model", path, "a.wav")
    done = subprocess.run(
        [*mounter(), "bash", "-c", SMALL_DISK, "x", "1m", disk, *words],
        capture_output=True,
        text=True,
    )
    assert done.stderr == (
        f"steps/detect.py: {disk}: disk full, while {path} was unpacked there; free some space, "
        "or set TMPDIR to another folder\n"
    )
    assert (done.returncode, list(disk.iterdir())) == (1, [])


def test_a_file_that_may_not_grow_is_no_fault_of_the_pack(pack, monkeypatch):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(UserError, match="File too large, while .* set TMPDIR to another fold"):
            Detector.load(pack, "cpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_machine_without_a_place_for_temporary_files_is_one_line(pack, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(pack / "none"))
    with pytest.raises(UserError, match="Not a directory, while .* was unpacked there; set TMPDIR"):
        Detector.load(pack, "cpu")


def test_arrays_that_unpack_to_too_much_are_refused(parts, tmp_path, monkeypatch):
    found = io.BytesIO()
    np.savez(found, *np.zeros((2, 1000), np.float32))
    more = {f"exp/{name}/novelty.npz": found.getvalue() for name in (NAME, "more")}
    path = zipped(tmp_path / "x.zip", listed({**parts, **more}))
    monkeypatch.setattr(packed, "NUMBERS", 3999)
    assert ".npz hold 4000 numbers, wanted 3999 at most" in refusal(path)
    monkeypatch.setattr(packed.array_files, "NUMBERS", 1999)
    assert "novelty.npz: holds no arrays of numbers (found 2000 numbers" in refusal(path)
    monkeypatch.setattr(packed.array_files, "BYTES", 8000)
    assert "would unpack to 8256 bytes, wanted 8000 at most" in refusal(path)
