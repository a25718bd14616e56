"""A front end that is not in its pack is compared with its SHA-256, whatever the pack says."""

import hashlib
import inspect
import json
import re
import sys
from pathlib import Path

import pytest
from any_upstream import make
from small_packs import listed, make_systems, parts_of, zipped

from antispoof import Detector
from antispoof.config import UPSTREAM, write_config
from antispoof.errors import UserError
from antispoof.ssl.s3prl import find_upstream
from antispoof.ssl.upstream import open_upstream
from antispoof.systems.front_ends import RECORD, put, read_system, source_of
from antispoof.systems.pack import make_pack

NAMES = ("wave_seed1", "cached_seed1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with experiments and a cache, which holds the front end of a pack of theirs."""
    folder = tmp_path_factory.mktemp("packs")
    make_systems(folder, NAMES)
    place = folder / "cache/upstreams/model.pt"
    place.parent.mkdir(parents=True)
    place.write_bytes((folder / "model.pt").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTISPOOF_CACHE", str(folder / "cache"))
        make_pack(folder / "exp" / NAMES[1], folder / "x.zip")
        Detector.load(folder / "x.zip", "cpu")
        yield folder


@pytest.mark.parametrize("stated", ["", "0", "F" * 64, f"{'0' * 64} "])
def test_a_file_of_no_known_sum_is_refused(folder, stated):
    parts, name = parts_of(folder / "x.zip"), f"exp/{NAMES[1]}/{RECORD}"
    record = json.loads(parts[name]) | {"sha256": stated}
    path = zipped(folder / "y.zip", listed({**parts, name: json.dumps(record).encode()}))
    with pytest.raises(UserError, match=f"{name}: found the SHA-256 '{stated}' of the") as caught:
        Detector.load(path, "cpu")
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_each_of_several_files_that_are_downloaded_has_its_sum(tmp_path):
    made, kept = make("vggish", tmp_path), tmp_path / "kept"
    kept.mkdir()
    settings = {**UPSTREAM, "name": "vggish"}
    find_upstream("vggish")
    download = sys.modules["s3prl.util.download"]
    before = download.get_dir()
    download.set_dir(kept)  # s3prl's own cache: what is in it is not downloaded
    try:
        module = sys.modules[find_upstream("vggish").__module__]
        for address in re.findall(r"https://[^\s\"]+\.pth", inspect.getsource(module.vggish)):
            place = Path(module._urls_to_filepaths(address, download=False))
            place.write_bytes((made / Path(address).name).read_bytes())
        sums = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in made.glob("*.pth"))
        exp_dir = tmp_path / "pack/exp/vggish"
        exp_dir.mkdir(parents=True)
        source = source_of(settings)
        put(source, "vggish", exp_dir)
        said = {"feats": "cached", "upstream": "vggish", "upstream_conf": settings}
        write_config(exp_dir / "config.yaml", said)
        found = read_system(exp_dir)["upstream_conf"]
        assert found["sha256"].split() == sums and len(sums) == 2
        open_upstream(found)
        (last,) = kept.glob("*pca*.pth")
        last.write_bytes(last.read_bytes() + b"x")
        with pytest.raises(UserError, match="pca.*: its SHA-256 is .*, wanted "):
            open_upstream(found)
    finally:
        download.set_dir(before)
