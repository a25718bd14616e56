"""Fetch the Debian packages of the corpus through tools/debian.sh."""

import subprocess
from pathlib import Path

from antispoof.errors import UserError
from antispoof.files import atomic_open

from .design import DATA_PACKAGES, PROGRAM_PACKAGES

DEBIAN = Path(__file__).resolve().parents[4] / "tools/debian.sh"


def versions(cache):
    """{package: version} that are there, or that `fetch` would get; unknown ones are left out."""
    lines = _debian(cache, "--look", *PROGRAM_PACKAGES)[0]
    lines += _debian(cache, "--look", "--data", *DATA_PACKAGES)[0]
    return dict(line.split(" ")[:2] for line in lines)


def fetch(cache, table, allow_partial):
    """Get all packages and write the `table` (package version folder) of `environment`.

    Raises UserError where recordings are missing, or programs without `allow_partial`; what it
    was is said by tools/debian.sh on standard error.
    """
    programs, complete = _debian(cache, "--print", *PROGRAM_PACKAGES)
    data, data_complete = _debian(cache, "--print", "--data", *DATA_PACKAGES)
    if not data_complete:
        raise UserError("packages of recordings cannot be had: see the lines above")
    if not complete and not allow_partial:
        raise UserError(
            "packages of synthesisers cannot be had: see the lines above, or go on without "
            "their attacks by --allow-partial"
        )
    with atomic_open(table) as stream:
        stream.writelines(f"{line}\n" for line in sorted(programs + data))


def _debian(cache, *arguments):
    """(lines of standard output, whether all went well) of tools/debian.sh."""
    command = ["bash", str(DEBIAN), "--cache", str(cache), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    return done.stdout.splitlines(), done.returncode == 0
