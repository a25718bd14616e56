"""A power cut takes no finished work: bytes, then names, then what says that they are there."""

import errno
import fcntl
import json
import os

import pytest
import torch
from plain_archives import FRAMES, LAYERS, features
from syncing import Order

from antispoof.data.json_files import write_json
from antispoof.errors import UserError
from antispoof.features import archive
from antispoof.launcher.stamps import Stamp
from antispoof.torch_utils.checkpoint import load_checkpoint, save_checkpoint


def begun(folder):
    """A job that has noted every utterance and has not ended."""
    writer = archive.ShareWriter(folder, 1, 1, LAYERS, None)
    for utt in FRAMES:
        if utt not in writer.finished:
            writer.write(utt, features(utt))
    return writer


def test_archives_are_on_the_disk_before_their_names_and_both_before_the_note(
    tmp_path, monkeypatch
):
    writer = begun(tmp_path)
    order = Order(monkeypatch, tmp_path)
    writer.finish()
    named = [order.of(f"layer{layer:02d}/feats.1.ark") for layer in LAYERS]
    assert max(synced for _, synced in named) < order.of("shares/1of1")[0]


def test_checkpoints_stamps_and_results_are_on_the_disk_before_their_names(tmp_path, monkeypatch):
    (tmp_path / "x").write_text("x")
    order = Order(monkeypatch, tmp_path)
    save_checkpoint(tmp_path / "exp/last.pt", {"model": {"w": torch.ones(2)}})
    write_json(tmp_path / "exp/dev/result.json", {"eer": 1})
    Stamp(tmp_path / "exp/dev/.done", "a command", [str(tmp_path / "x")]).write()
    for name in ("exp/last.pt", "exp/dev/result.json", "exp/dev/.done"):
        order.of(name)
    made = [("fsync", "."), ("fsync", "exp")]  # the folders exp and exp/dev are new
    assert [line for line in order.lines if line in made][:1] == made[:1]
    assert order.lines.index(made[0]) < order.of("exp/last.pt")[0]
    assert load_checkpoint(tmp_path / "exp/last.pt")["model"]["w"].sum() == 2
    assert json.loads((tmp_path / "exp/dev/result.json").read_text()) == {"eer": 1}


def test_what_is_written_is_put_on_the_disk_from_time_to_time(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SYNC_SECONDS", -1.0)
    writer = archive.ShareWriter(tmp_path, 1, 1, LAYERS, None)
    order = Order(monkeypatch, tmp_path)
    writer.write("u2", features("u2"))
    files = [line[1] for line in order.lines if line[1] != os.path.dirname(line[1])]
    arks = [f"layer{layer:02d}/.feats.1.ark.part" for layer in LAYERS]
    assert [name for name in files if name.endswith(".part")] == [*arks, "shares/.1of1.part"]
    monkeypatch.setattr(archive, "SYNC_SECONDS", 1000.0)
    order.lines.clear()
    writer.write("u10", features("u10"))
    assert order.lines == []  # not after each utterance


@pytest.mark.parametrize("lost", ["the bytes of the last entry", "all bytes of one archive"])
def test_bytes_that_a_power_cut_made_zeros_are_written_again(tmp_path, lost):
    begun(tmp_path / "cut")
    whole = begun(tmp_path / "whole")
    whole.finish()
    part = tmp_path / "cut/layer02/.feats.1.ark.part"
    data = part.read_bytes()
    kept = len(data) - 20 if lost.startswith("the bytes") else 0
    part.write_bytes(data[:kept] + bytes(len(data) - kept))
    again = archive.ShareWriter(tmp_path / "cut", 1, 1, LAYERS, None)
    assert list(again.finished) == (list(FRAMES)[:-1] if kept else [])
    del again
    begun(tmp_path / "cut").finish()
    for name in ("layer02/feats.1.ark", "layer07/feats.1.ark", "shares/1of1"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_two_writers_of_one_share_that_no_lock_keeps_apart_spoil_nothing(tmp_path):
    earlier = archive.ShareWriter(tmp_path, 1, 1, LAYERS, None)
    for utt in list(FRAMES)[:2]:
        earlier.write(utt, features(utt))
    later = begun(tmp_path)  # in one process, a lock keeps nobody away
    earlier.write("ü", {layer: 0 * matrix for layer, matrix in features("ü").items()})
    with pytest.raises(UserError, match=r"\.part: another process took this share over; leave it"):
        earlier.finish()
    later.finish()
    assert archive.join_shares(tmp_path, 1, list(FRAMES))
    begun(tmp_path / "alone").finish()
    for layer in LAYERS:
        name = f"layer{layer:02d}/feats.1.ark"
        assert (tmp_path / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_a_file_system_without_locks_keeps_nobody_from_work(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)  # as NFS does whose server has none
    begun(tmp_path)
    begun(tmp_path).finish()
    assert archive.join_shares(tmp_path, 1, list(FRAMES))
