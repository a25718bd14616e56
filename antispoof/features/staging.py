"""Archives copied to a disk of this machine, for as long as a process reads them.

    FOLDER/antispoof-<user>-<hash>/<upstream>/<set>/...   as in the dump, the layers that are read
    FOLDER/antispoof-<user>-<hash>.lock                   held by each process that reads them

The first process copies, and compares every matrix with its checksum; others of this machine wait
for that, and share the copy. The last one removes it. A local disk has locks, and those of a killed
process end with it: what it left is removed by the next that stages there.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..data.tables import read_table, write_table
from ..errors import UserError
from .archive import copy_folder, copy_folders, layer_name
from .plan import human
from .whole import archives_of, read_sums, require_whole

DONE = ".done"
TABLES = ("config.yaml", "utt2num_frames")


def staged_for(
    folder: str | None,
    config: dict[str, Any],
    dump: str,
    sets: Iterable[str],
    train: str | None = None,
) -> contextlib.AbstractContextManager[str]:
    """`dump`, or with a `folder` on a local disk, a copy there of what an experiment reads.

    sets: data directories; train: that to learn on, whose augmented copies are read too. Of sounds,
    nothing is copied.
    """
    upstream = config["upstream"]
    if not folder or config["feats"] != "cached":
        return contextlib.nullcontext(dump)
    places = copied_sets(dump, upstream, train, train=True) if train else []
    places += [place for data_dir in sets for place in copied_sets(dump, upstream, data_dir)]
    return staged(folder, dump, list(dict.fromkeys(places)), config["layers"])


@contextlib.contextmanager
def staged(
    folder: str | Path,
    dump: str | Path,
    sets: Iterable[str | Path],
    layers: Sequence[int],
) -> Iterator[str]:
    """A dump to read `layers` of the `sets` from, `<upstream>/<set>[/copy01]`, below `folder`.

    Raises UserError where a matrix is damaged, or the disk is too small.
    """
    places, layers = [Path(place) for place in sets], sorted(set(layers))
    start = f"antispoof-{os.getuid()}-"
    Path(folder).mkdir(parents=True, exist_ok=True)
    home = Path(folder).absolute() / f"{start}{_key_of(Path(dump), places, layers)}"
    for lock in Path(folder).absolute().glob(f"{start}*.lock"):
        if lock != _lock_of(home):
            with contextlib.suppress(OSError), open(lock, "a") as stream:
                _remove(stream, lock.with_suffix(""))
    stream = _claim(home, lambda: _fill(home, Path(dump), places, layers))
    try:
        yield str(home)
    finally:
        _remove(stream, home)
        stream.close()


def copied_sets(dump: str | Path, upstream: str, data_dir: str, train: bool = False) -> list[Path]:
    """What is to be staged of a set: its folder below `dump`; in training, its copies too."""
    place = Path(upstream, data_dir.rstrip("/").split("/")[-1])
    copies = range(1 + (len(copy_folders(Path(dump, place))) if train else 0))
    return [copy_folder(place, copy) for copy in copies]


def _key_of(dump, places, layers):
    """A hash of the dump's place, and of the tables and archives to be copied."""
    digest = hashlib.sha256(str(dump.resolve()).encode())
    for place in places:
        for layer in layers:
            folder = dump / place / layer_name(layer)
            digest.update(f"\n{place} {layer}\n".encode() + (folder / "feats.scp").read_bytes())
            for path in archives_of(folder):
                with contextlib.suppress(FileNotFoundError):  # it is named when it is copied
                    found = os.stat(path)
                    digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _lock_of(home):
    return home.with_name(f"{home.name}.lock")


def _claim(home, fill):
    """An open lock, shared, on the copy `home`, which `fill` makes where it is not there."""
    while True:
        stream = open(_lock_of(home), "a")  # noqa: SIM115 - the caller closes it
        fcntl.flock(stream, fcntl.LOCK_SH)  # waits for one that copies
        try:
            if _is_named(stream, _lock_of(home)) and not (home / DONE).exists():
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_named(stream, _lock_of(home)) and not (home / DONE).exists():
                    fill()
                fcntl.flock(stream, fcntl.LOCK_SH)
            if _is_named(stream, _lock_of(home)) and (home / DONE).exists():
                return stream  # or another process removed it between two locks
        except BlockingIOError:  # another is about to copy
            time.sleep(0.02)
        except BaseException:
            _remove(stream, home)
            stream.close()
            raise
        stream.close()


def _is_named(stream, path):
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    return False


def _remove(stream, home):
    """Remove the copy `home` whose lock is `stream`, unless another process reads it."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_named(stream, _lock_of(home)):
            shutil.rmtree(home, ignore_errors=True)
            _lock_of(home).unlink()


def _fill(home, dump, places, layers):
    """Copy and check, and say that it is done."""
    shutil.rmtree(home, ignore_errors=True)  # what a killed process began
    found = {(p, n): archives_of(dump / p / layer_name(n)) for p in places for n in layers}
    wanted = sum(os.stat(path).st_size for paths in found.values() for path in paths)
    free = shutil.disk_usage(home.parent).free
    if wanted > free:
        raise UserError(
            f"{home.parent}: the archives to be staged are {human(wanted)}, found {human(free)} "
            "free; name a larger disk, or leave --stage-to out"
        )
    for place in places:
        own = home / place
        own.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            if (dump / place / name).is_file():
                shutil.copyfile(dump / place / name, own / name)
        for layer in layers:
            _copy_layer(dump / place, own, layer, found[place, layer])
        if (dump / place / "utt2sum").is_file():
            sums, _ = read_sums(dump / place)
            kept = [sums[dump / place / layer_name(layer)] for layer in layers]
            write_table(own / "utt2sum", {u: " ".join(table[u] for table in kept) for u in kept[0]})
        try:
            require_whole(own, layers)
        except UserError as error:
            raise UserError(
                f"{dump / place}: its copy is not what stage 2 wrote ({error}); to see whether "
                f"that is: utils/check_feats.py {dump / place}"
            ) from None
    (home / DONE).touch()


def _copy_layer(source, own, layer, archives):
    """Copy the archives of a layer, and its table with the places that they have now."""
    folder = own / layer_name(layer)
    folder.mkdir()
    names = {path: folder / f"{number}.{Path(path).name}" for number, path in enumerate(archives)}
    for path, name in names.items():
        shutil.copyfile(path, name)
    table = {}
    for utt, place in read_table(source / layer_name(layer) / "feats.scp").items():
        path, _, offset = place.rpartition(":")
        table[utt] = f"{names[path]}:{offset}"
    write_table(folder / "feats.scp", table)
