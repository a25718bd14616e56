"""What every test needs around it: the environment of path.sh, here and in what it starts."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ["PYTHONPATH"] = str(ROOT)
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ["PYTHONSAFEPATH"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # small models; more threads only wait for each other
os.environ["LC_ALL"] = "C.UTF-8"
os.environ.pop("ANTISPOOF_PROGRESS", None)
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT
