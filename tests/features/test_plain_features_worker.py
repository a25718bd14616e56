"""steps/extract_ssl.py with a plain upstream in place of s3prl's: what each option changes."""

import sys
import types

import numpy as np
import pytest
import torch
from sounds import make_corpus, make_data

from antispoof.config import UPSTREAM, load_config
from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.features import extraction, plan
from antispoof.ssl import upstream
from antispoof.torch_utils import device
from steps import extract_ssl

UTTS = [f"train_{number:03d}" for number in range(6)]  # of 1.0, 1.1, 1.2, 1.3, 1.0 and 1.1 s
BY_LENGTH = [UTTS[n] for n in (0, 4, 1, 5, 2, 3)]
COPIES = "copies: {count: 2, augment: [{mu_law: {bits: 4}}]}\n"


class Fake:
    """An upstream of layers 2 and 7: the loudest sample, and the number of samples in tenths."""

    kind, any_lengths, made = "cpu", True, []

    def __init__(self, config, device):
        self.config, self.name, self.calls = config, config["name"], []
        self.asked, self.device = device, torch.device(self.kind)
        self.layer_indices, self.dim, self.frame_rate = [2, 7], 2, 50
        self.batches, self.weight_sums = self.any_lengths, {}
        self.made.append(self)

    def __call__(self, waves, utts):
        self.calls.append(list(utts))
        frames = [np.float32([[abs(w).max(), len(w) / 10]] * (len(w) // 320)) for w in waves]
        return [{2: matrix, 7: -matrix} for matrix in frames]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worker")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 6}))
    return folder / "data/train"


@pytest.fixture
def run(data, tmp_path, monkeypatch, capsys):
    """Run the worker; returns the upstream that it made and what it printed."""
    monkeypatch.setattr(upstream, "FrozenUpstream", Fake)
    monkeypatch.setattr(Fake, "made", [])
    monkeypatch.chdir(tmp_path)

    def call(*options, dump="dump", config="", source=data):
        (tmp_path / "x.yaml").write_text(f"name: fbank\n{config}")
        argv = ["extract_ssl.py", *options, "x.yaml", str(source), dump]
        monkeypatch.setattr(sys, "argv", argv)
        extract_ssl.main()
        return Fake.made[-1], capsys.readouterr().out.splitlines()

    return call


def matrices(dump, layer):
    places = read_table(f"{dump}/layer{layer:02d}/feats.scp")
    return {utt: read_entry(place, utt, MATRIX) for utt, place in places.items()}


def test_everything_is_written_with_what_was_planned_and_done_said(run, data):
    _, said = run(config="dtype: float32\n")
    planned = sum(2 * (40 + 2 * 9 + int(s * 50) * 2 * 4) for s in (1.0, 1.1, 1.2, 1.3, 1.0, 1.1))
    assert said[0].startswith("dump: 6 utterances, 2 layers of 2, float32: ")
    assert f", {planned / 1000:.1f} kB in all, {planned / 1000:.1f} kB to write, " in said[0]
    there = "share 1/1: 6 utterances, {} were there already"
    assert said[1:] == ["dump: 6 utterances joined", there.format(0)]
    for layer, sign in ((2, 1), (7, -1)):
        found = matrices("dump", layer)
        assert list(found) == UTTS
        for utt, seconds in zip(UTTS, (1.0, 1.1, 1.2, 1.3, 1.0, 1.1), strict=True):
            assert found[utt].shape == (int(seconds * 50), 2)
            assert set(found[utt][:, 1]) == {sign * np.float32(seconds * 1600)}
    config = {**UPSTREAM, "name": "fbank", "dtype": "float32"}
    assert load_config("dump/config.yaml", UPSTREAM) == config
    again, said = run(config="dtype: float32\n")
    assert again.calls == []
    assert said[-1] == there.format(6)
    with pytest.raises(UserError, match="holds features of another config"):
        run(config="dtype: two_byte\n")


@pytest.mark.parametrize(("dtype", "code"), [
    ("float32", b"FM "), ("two_byte", b"CM2"), ("one_byte", b"CM3"),
])  # fmt: skip
def test_numbers_are_stored_as_the_config_says(run, tmp_path, dtype, code):
    run(config=f"dtype: {dtype}\n")
    data = (tmp_path / "dump/layer02/feats.1.ark").read_bytes()
    assert data.startswith(b"train_000 \0B" + code)


BATCHES = {
    (): [BY_LENGTH],  # six times 1.3 s are less than 8 s
    ("--batch-seconds", "3.6"): [BY_LENGTH[:3], BY_LENGTH[3:5], BY_LENGTH[5:]],
    ("--batch-seconds", "0"): [[utt] for utt in BY_LENGTH],
}


@pytest.mark.parametrize("options", BATCHES)
def test_batches_hold_no_more_sound_than_wanted(run, options):
    assert run(*options)[0].calls == BATCHES[options]


def test_the_default_is_larger_on_a_gpu_and_one_at_a_time_where_lengths_matter(run, monkeypatch):
    limits, true = [], plan.plan_batches
    monkeypatch.setattr(
        plan, "plan_batches", lambda seconds, limit: limits.append(limit) or true(seconds, limit)
    )
    run(dump="a")
    monkeypatch.setattr(Fake, "kind", "cuda")
    run(dump="b")
    run("--batch-seconds", "5", dump="c")
    monkeypatch.setattr(Fake, "any_lengths", False)
    made, _ = run("--batch-seconds", "5", dump="d")
    assert limits == [8.0, 32.0, 5.0, 0.0]
    assert made.calls == [[utt] for utt in BY_LENGTH]


def test_windows_decide_what_is_planned(run):
    window = "window: {policy: first, samples: 16000, pad: none}\n"
    made, said = run("--batch-seconds", "2", config=window)
    assert made.calls == [UTTS[:2], UTTS[2:4], UTTS[4:]]  # all of one second
    assert {len(matrix) for matrix in matrices("dump", 2).values()} == {50}
    assert f"{6 * 2 * (40 + 18 + 50 * 2 * 2) / 1000:.1f} kB in all" in said[0]


@pytest.mark.parametrize("jobs", [2, 3])
def test_every_job_takes_its_share_of_the_batches_and_the_last_one_joins(run, tmp_path, jobs):
    for job in range(jobs, 0, -1):
        made, said = run("--share", f"{job}/{jobs}", "--batch-seconds", "0")
        own = BY_LENGTH[job - 1 :: jobs]
        assert made.calls == [[utt] for utt in own]
        assert ("dump: 6 utterances joined" in said) is (job == 1)
        assert said[-1] == f"share {job}/{jobs}: {len(own)} utterances, 0 were there already"
    run("--batch-seconds", "0", dump="one")
    assert (tmp_path / "dump/utt2sum").read_bytes() == (tmp_path / "one/utt2sum").read_bytes()


def test_copies_are_made_where_they_are_wanted_and_only_there(run, tmp_path):
    made, said = run(config=COPIES, dump="dev")
    assert made.calls == [BY_LENGTH]
    assert not (tmp_path / "dev/copy01").exists()
    assert "copies" not in said[0]
    made, said = run("--copies", config=COPIES)
    assert made.calls == [BY_LENGTH] * 3
    assert "6 utterances and 2 copies of each, " in said[0]
    assert said[1:] == [
        *(f"{dump}: 6 utterances joined" for dump in ("dump", "dump/copy01", "dump/copy02")),
        "share 1/1: 18 utterances, 0 were there already",
    ]
    loud = {name: matrices(f"dump/{name}", 2)["train_000"][0, 0] for name in ("", "copy01")}
    assert loud[""] != loud["copy01"]
    _, said = run("--copies", config=COPIES)
    assert said[-1] == "share 1/1: 18 utterances, 18 were there already"
    planned = 3 * sum(2 * (40 + 2 * 9 + frames * 2 * 2) for frames in (50, 55, 60, 65, 50, 55))
    left = planned - sum(path.stat().st_size for path in (tmp_path / "dump").rglob("*.ark"))
    assert f", {left} B to write, " in said[0]


def test_options_reach_what_they_are_for(run, monkeypatch):
    chosen, given = [], []
    monkeypatch.setattr(device, "choose_device", lambda name: chosen.append(name) or f"<{name}>")
    monkeypatch.setattr(extraction, "extract", lambda *args: given.append(args[5:7]))
    for options in ((), ("--device", "cuda", "--workers", "3")):
        made, _ = run("--copies", *options, config=COPIES)
        assert made.asked == f"<{chosen[-1]}>"
    assert chosen == ["auto", "cuda"]
    assert given == [(workers, copy) for workers in (0, 3) for copy in (0, 1, 2)]
    assert torch.get_num_threads() == 1


def test_what_cannot_fit_or_does_not_agree_is_said_before_a_sound_is_read(
    run, data, tmp_path, monkeypatch
):
    durations = read_table(data / "utt2dur")
    (tmp_path / "data").mkdir()
    write_table(tmp_path / "data/wav.scp", read_table(data / "wav.scp"))
    write_table(tmp_path / "data/utt2dur", dict(list(durations.items())[1:]))
    with pytest.raises(UserError, match="data/utt2dur: 'train_000' is missing"):
        run(source="data")
    usage = types.SimpleNamespace(total=1, used=1, free=100)
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="dump: 6 utterances, .*cannot fit; what would fit"):
        run()
    assert Fake.made[-1].calls == []


@pytest.mark.parametrize("share", ["0/2", "3/2", "2", "1/", "/2", "a/2", "-1/2", "1/2/3"])
def test_shares_that_there_are_not_are_refused(share, capsys):
    with pytest.raises(SystemExit) as caught:
        extract_ssl.parse([f"--share={share}", "x.yaml", "data", "dump"])
    assert caught.value.code == 2
    assert f"--share {share}: wanted JOB/N with 1 <= JOB <= N" in capsys.readouterr().err


def test_the_last_share_of_all_is_one():
    args = extract_ssl.parse(["--share", "3/3", "x.yaml", "data", "dump"])
    assert (args.job, args.jobs, args.copies, args.batch_seconds) == (3, 3, False, None)


@pytest.mark.parametrize("option", ["--workers=-1", "--batch-seconds=-1", "--batch-seconds=nan"])
def test_options_of_extraction_out_of_range_are_refused(run, capsys, option):
    with pytest.raises(SystemExit):
        run(option)
    assert f"{option.partition('=')[0]} " in capsys.readouterr().err.splitlines()[-1]
