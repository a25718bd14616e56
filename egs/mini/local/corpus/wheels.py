"""The Python environment of the synthesisers: pinned wheels in the cache, built once.

It also holds numpy, scipy and soundfile, and the builder runs in it: whatever the project's own
environment holds, the same versions make the samples.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from antispoof.errors import UserError
from antispoof.files import atomic_open

from .locks import locked, say

REQUIREMENTS = Path(__file__).resolve().parents[2] / "conf/synthesisers.txt"


def interpreter(cache):
    """The python of the environment, which is made where it is not there yet."""
    pins = REQUIREMENTS.read_text(encoding="utf-8")
    version = "{}.{}".format(*sys.version_info)
    key = hashlib.sha256(f"{version}\n{sys.base_prefix}\n{pins}".encode()).hexdigest()[:12]
    home = Path(cache) / "wheels" / f"python{version}-{key}"
    python, done = home / "bin/python", home / ".done"
    if not done.exists():
        with locked(home.with_name(f".{home.name}.lock"), f"the environment {home}"):
            if not done.exists():
                _make(home, python)
                with atomic_open(done) as stream:
                    stream.write(pins)
    return python


def _make(home, python):
    """Make the environment in its place (one that is moved is broken)."""
    say(f"makes the synthesisers' environment {home}")
    shutil.rmtree(home, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(home)], "make an environment")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--no-input", "--no-deps", "-r", str(REQUIREMENTS)], "install the wheels")


def _run(command, what):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in words if line.startswith("ERROR")] or words or ["no message"]
        raise UserError(f"{REQUIREMENTS.name}: cannot {what}: {errors[-1]} ({' '.join(command)})")
