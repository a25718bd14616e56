"""Where the programs and the data of the Debian packages lie.

The table named by `$CORPUS_PACKAGES` says it: `package version folder`, where the folder is the
root of an unpacked tree, or `/` where the system has the package. Without the variable everything
is taken from the system.
"""

import ctypes.util
import functools
import os
import sys
from pathlib import Path

from antispoof.errors import UserError

VARIABLE = "CORPUS_PACKAGES"
PROGRAM_PACKAGES = {"festival": "festival", "espeak-ng": "espeak-ng", "flite": "flite"}
CODEC2 = ("libcodec2-1.0", "libcodec2.so.1.0")  # package, soname
SAME_ARITHMETIC = {  # one order of summation on all processors with AVX2, whatever more they have
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL "
    "AVX512_SPR",
}


@functools.lru_cache(maxsize=1)
def packages():
    """{package: (version, root folder)} as the table says; {} without a table."""
    path = os.environ.get(VARIABLE)
    return read_packages(path) if path else {}


def read_packages(path):
    """Read a table of `package version folder` lines."""
    table = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        package, version, folder = line.split(" ", 2)
        table[package] = (version, Path(folder))
    return table


def folder(package):
    """Root under which the files of `package` lie: `folder(p) / "usr/share/..."`."""
    if not packages():
        return Path("/")
    if package not in packages():
        raise UserError(f"package {package}: is not there; install it, or see tools/debian.sh")
    return packages()[package][1]


def program(name):
    """(argv prefix, environment) with which to start 'festival', 'espeak-ng' or 'flite'."""
    root = folder(PROGRAM_PACKAGES[name])
    env = {**os.environ, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    if root == Path("/"):
        return [name], env
    libraries = sorted({str(path.parent) for path in root.glob("usr/lib/**/*.so*")})
    libraries += sorted({str(path.parent) for path in root.glob("lib/**/*.so*")})
    env["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    env["FESTDATADIR"] = str(root / "usr/share/festival")
    env["ESPEAK_DATA_PATH"] = str(next(root.glob("usr/lib/*/espeak-ng-data"), root).parent)
    return [str(root / "usr/bin" / name)], env


def codec2():
    """Path or soname of libcodec2, for ctypes."""
    package, soname = CODEC2
    root = folder(package)
    if root == Path("/"):
        return ctypes.util.find_library("codec2") or soname
    found = next(root.glob(f"usr/lib/*/{soname}"), None)
    if found is None:
        raise UserError(f"{root}: {soname} is not in it; remove the folder and run again")
    return str(found)


def python():
    """The interpreter that has the synthesiser wheels: the one that runs the builder."""
    return sys.executable
