"""The files that tell of each epoch."""

import time

import events
import pytest

from antispoof.errors import UserError
from antispoof.report.figures import read_curve
from antispoof.report.plots import training
from antispoof.training import curve


def test_a_number_that_an_epoch_lacks_is_empty(tmp_path):
    row = {"lr": 0.5, "train_loss": 0.25, "dev_loss": 0.5, "dev_eer": 0.125, "phase": 1}
    rows = [{"epoch": 1, **row}, {"epoch": 2, **row, "watch_eval_eer": 0.5}]
    curve.write_curve(tmp_path / "curve.csv", rows)
    assert (tmp_path / "curve.csv").read_text() == (
        "epoch,lr,train_loss,dev_loss,dev_eer,watch_eval_eer\n"
        "1,0.5,0.25,0.5,0.125,\n2,0.5,0.25,0.5,0.125,0.5\n"
    )
    curve.write_curve(tmp_path / "curve.csv", rows, several_phases=True)
    assert (
        (tmp_path / "curve.csv").read_text().startswith("epoch,lr,train_loss,dev_loss,dev_eer,ph")
    )
    svg = training([read_curve(tmp_path / "curve.csv")], "x")
    assert ">eval<" in svg
    assert ">dev<" in svg
    curve.draw_curve(tmp_path / "one.png", rows, "x")
    curve.draw_curve(tmp_path / "two.png", rows, "x")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


ROW = {"phase": 1, "lr": 0.5, "train_loss": 0.25}


def test_tensorboard_reads_every_scalar_at_its_step_and_in_this_year(tmp_path):
    path = curve.write_events(tmp_path, [])
    assert events.read(path) == {}
    for epoch, more in ((1, {}), (300, {"watch_eval_eer": 0.125})):
        curve.append_event(path, {"epoch": epoch, **ROW, **more})
    found = events.read(path.parent)  # of the folder, as `tensorboard --logdir` does
    wanted = {"lr": 0.5, "train_loss": 0.25}
    assert events.scalars(path) == {1: wanted, 300: {**wanted, "watch_eval_eer": 0.125}}
    years = {time.gmtime(wall_time).tm_year for wall_time, _ in found.values()}
    assert years <= {time.gmtime().tm_year, time.gmtime(time.time() - 60).tm_year}


def test_a_run_that_continues_keeps_the_times_of_its_epochs_and_drops_what_it_does_again(
    tmp_path, monkeypatch
):
    now = [1.7e9]
    monkeypatch.setattr(curve.time, "time", lambda: now[0])
    path = curve.write_events(tmp_path, [])
    rows = [{"epoch": epoch, **ROW} for epoch in (1, 2, 3)]
    for row in rows[:2]:
        now[0] += 60
        curve.append_event(path, row)
    whole = path.read_bytes()
    now[0] += 3600
    assert curve.write_events(tmp_path, rows[:2]).read_bytes() == whole
    path.write_bytes(whole[:-5])  # killed while it wrote the second
    curve.write_events(tmp_path, rows[:2])
    assert [at for at, _ in events.read(path).values()] == [1.7e9 + 60, now[0]]
    path.write_bytes(whole)
    curve.write_events(tmp_path, rows[:1])  # killed before last.pt: the second epoch comes again
    now[0] += 60
    curve.append_event(path, rows[1])
    assert {step: at for step, (at, _) in events.read(path).items()} == {1: 1.7e9 + 60, 2: now[0]}
    path.write_bytes(b"no events")
    assert events.scalars(curve.write_events(tmp_path, rows)) == {
        row["epoch"]: {"lr": 0.5, "train_loss": 0.25} for row in rows
    }


@pytest.mark.parametrize("data", [b"epoch,lr\n1,\xff\n", b"lr\n0.1\n", b"epoch\n1\0\n"])
def test_a_curve_that_is_none_is_one_line(tmp_path, data):
    (tmp_path / "curve.csv").write_bytes(data)
    with pytest.raises(UserError, match=r"curve.csv: is no table of numbers"):
        read_curve(tmp_path / "curve.csv")
