"""A pack that somebody has changed is refused in one line, before anything in it is used."""

import io
import json
import pickle
import re
import stat
import struct
import zipfile

import numpy as np
import pytest
from made_up import refused
from small_packs import arrays_that_state, listed, make_systems, parts_of, zipped

from antispoof import Detector
from antispoof.errors import UserError
from antispoof.systems import packed
from antispoof.systems.pack import make_pack

NAME = "wave_seed1"
WEIGHTS, CONFIG = f"exp/{NAME}/model.safetensors", f"exp/{NAME}/config.yaml"


class Harmful:
    """What a pickle may hold: a call."""

    def __reduce__(self):
        return print, ("harm done",)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """A pack that loads."""
    folder = tmp_path_factory.mktemp("good")
    make_pack(make_systems(folder, (NAME,)) / NAME, folder / "x.zip")
    Detector.load(folder / "x.zip", "cpu")
    return folder / "x.zip"


@pytest.fixture
def parts(pack):
    return parts_of(pack)


def info(name, mode=0o100644):
    """The entry of a part, as zip writes it, with a mode of its own."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


def arrays(*found):
    """The bytes of a .npz."""
    stream = io.BytesIO()
    np.savez(stream, *found)
    return stream.getvalue()


def refusal(path):
    """The one line with which loading refuses."""
    with pytest.raises(UserError) as caught:
        Detector.load(path, "cpu")
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


CHANGES = {  # words of the refusal: the parts with something done to them
    "model.safetensors: its SHA-256 is .*, wanted": lambda p: {
        **p,
        WEIGHTS: p[WEIGHTS][:-1] + bytes([p[WEIGHTS][-1] ^ 1]),
    },
    "config.yaml: found .* bytes, wanted": lambda p: {**p, CONFIG: p[CONFIG] + b"\n"},
    "lacks 'exp/wave_seed1/model.safetensors', which manifest.json lists": lambda p: {
        name: data for name, data in p.items() if name != WEIGHTS
    },
    "found 'more.txt', which manifest.json does not list": lambda p: {**p, "more.txt": b"x"},
    "holds no manifest.json": lambda p: {n: d for n, d in p.items() if n != "manifest.json"},
    "manifest.json cannot be read": lambda p: {**p, "manifest.json": b"{"},
    "manifest.json: lacks 'parts'": lambda p: {**p, "manifest.json": b'{"format":1,"name":"x"}'},
    "found the format 2, wanted 1": lambda p: listed(p, format=2),
    "found the name 'other', of which it holds nothing": lambda p: listed(p, name="other"),
    "found the name '../exp/wave_seed1'": lambda p: listed(p, name=f"../exp/{NAME}"),
    r"'\.\./out.txt', a name that may lead out": lambda p: listed({**p, "../out.txt": b"x"}),
    r"'exp/\.\./\.\./out.txt', a name that may": lambda p: listed({**p, "exp/../../out.txt": b"x"}),
    "'/tmp.txt', a name that may lead out": lambda p: listed({**p, "/tmp.txt": b"x"}),
    r"'C:\\\\x.txt', a name that may lead out": lambda p: listed({**p, "C:\\x.txt": b"x"}),
    "'exp//x.txt', a name that may lead out": lambda p: listed({**p, "exp//x.txt": b"x"}),
    "'a/', which is a folder|'a/', a name that may": lambda p: {**p, "a/": b""},
    "'best.pt', a kind of file that packs do not have": lambda p: listed(
        {**p, "best.pt": pickle.dumps(Harmful())}
    ),
    "novelty.json: is no text": lambda p: listed(
        {**p, f"exp/{NAME}/novelty.json": pickle.dumps(Harmful(), 4)}
    ),
    "novelty.npz: holds no arrays of numbers .*holds a pickle": lambda p: listed(
        {**p, f"exp/{NAME}/novelty.npz": arrays(np.array([Harmful()], object))}
    ),
    "novelty.npz: holds no arrays": lambda p: listed(
        {**p, f"exp/{NAME}/novelty.npz": pickle.dumps(Harmful(), 4)}
    ),
    "arr_0.npy has 32 bytes, wanted 8000000000000": lambda p: listed(
        {**p, f"exp/{NAME}/novelty.npz": arrays_that_state(1000000000000, "arr_0")}
    ),
    "'other/config.yaml', wanted experiments below exp/": lambda p: listed(
        {**p, "other/config.yaml": p[CONFIG] + b"upstream_checkpoint: /etc/x.pt\n"}
    ),
    "'LICENSE', which is a folder too": lambda p: listed({**p, "LICENSE/more.txt": b"x"}),
    "'a{256}/x.txt', a name that may lead out": lambda p: listed({**p, f"{'a' * 256}/x.txt": b"x"}),
    "'long.txt', a text of 16777217 bytes": lambda p: listed(
        {**p, "long.txt": bytes((1 << 24) + 1)}
    ),
    "x.zip: exp/wave_seed1/config.yaml: model_conf asks for far more": lambda p: listed(
        {**p, CONFIG: p[CONFIG].replace(b"- 32\n", b"- 1000000\n")}
    ),
    "config.yaml: names files out of the pack": lambda p: listed(
        {**p, CONFIG: p[CONFIG] + b"upstream_checkpoint: /etc/x.pt\n"}
    ),
}


@pytest.mark.parametrize("words", CHANGES)
def test_changed_parts_are_refused(parts, tmp_path, capsys, words):
    line = refusal(zipped(tmp_path / "x.zip", CHANGES[words](parts)))
    assert re.search(words, line), line
    assert "harm done" not in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_a_pickle_in_place_of_the_weights_is_not_run(parts, tmp_path, capsys):
    data = pickle.dumps(Harmful(), 4)
    path = zipped(tmp_path / "x.zip", listed({**parts, WEIGHTS: data}))
    with pytest.raises(UserError, match="is no whole file of safetensors"):
        Detector.load(path, "cpu")
    assert "harm done" not in capsys.readouterr().out


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644])
def test_a_link_is_refused(parts, tmp_path, mode):
    parts = listed({**parts, "x.txt": b"/etc/passwd"})
    pairs = [(info(n, mode) if n == "x.txt" else n, d) for n, d in parts.items()]
    assert "'x.txt', which is a link" in refusal(zipped(tmp_path / "x.zip", pairs))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(parts, tmp_path):
    path = zipped(tmp_path / "x.zip", [*parts.items(), (CONFIG, parts[CONFIG])])
    assert "config.yaml' 2 times, wanted it once" in refusal(path)


def test_an_encrypted_part_is_refused(parts, tmp_path):
    path = zipped(tmp_path / "x.zip", parts)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of a part
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)
    assert "which is encrypted" in refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_pack_is_refused(pack, tmp_path, share):
    data = pack.read_bytes()
    (tmp_path / "x.zip").write_bytes(data[: int(share * len(data))])
    assert "is no whole zip" in refusal(tmp_path / "x.zip")


def test_a_pack_that_is_not_there_is_called_a_pack(tmp_path):
    with pytest.raises(UserError, match="none.zip: no such pack; make it with utils/pack_model.py"):
        Detector.load(tmp_path / "none.zip", "cpu")


def test_damage_in_a_part_is_refused(pack, tmp_path):
    data = bytearray(pack.read_bytes())
    data[data.index(b"crop:")] ^= 1
    (tmp_path / "x.zip").write_bytes(data)
    assert "config.yaml: cannot be read (Bad CRC-32" in refusal(tmp_path / "x.zip")


def never(*_args, **_kwargs):
    raise AssertionError("a byte of a part was read")


def test_a_zip_bomb_is_refused_before_it_is_read(parts, tmp_path, monkeypatch):
    bomb = listed({**parts, "x.npz": bytes(100 << 20)})
    path = zipped(tmp_path / "x.zip", bomb, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "open", never)
    assert "would unpack to 1" in refusal(path)


def test_a_size_that_is_a_lie_is_refused(parts, tmp_path):
    """The zip states few bytes, and more would come out of it."""
    path = zipped(tmp_path / "x.zip", parts, zipfile.ZIP_DEFLATED)
    data, manifest = path.read_bytes(), json.loads(parts["manifest.json"])
    true = struct.pack("<L", len(parts["LICENSE"]))
    assert data.count(true) == 2
    lied = zipped(tmp_path / "y.zip", parts, zipfile.ZIP_DEFLATED)
    lied.write_bytes(data.replace(true, struct.pack("<L", 10)))
    assert manifest["parts"]["LICENSE"]["size"] != 10
    assert "LICENSE: found 10 bytes, wanted" in refusal(lied)


def test_too_many_parts_or_bytes_are_refused(pack, monkeypatch):
    monkeypatch.setattr(packed, "PARTS", 2)
    assert "parts, wanted 2 at most" in refusal(pack)
    monkeypatch.undo()
    monkeypatch.setattr(packed, "BYTES", 100)
    assert "wanted" in refusal(pack) and "100 at most" in refusal(pack)
    monkeypatch.undo()
    monkeypatch.setattr(packed, "MANIFEST_BYTES", 10)
    assert "manifest.json has" in refusal(pack)


def test_the_worker_says_it_in_one_line(parts, tmp_path):
    zipped(tmp_path / "x.zip", {**parts, "more.txt": b"x"})
    line = refused("steps/detect.py", "--model", "x.zip", "a.wav", cwd=tmp_path)
    assert line.startswith("steps/detect.py: x.zip: found 'more.txt'")
