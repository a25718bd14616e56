"""Pre-training: it learns, only from bona fide speech, and a kill leaves no trace in its bytes."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import torch
from made_up import ROOT
from tiny_pretraining import TINY, tiny, tune

from antispoof.data.tables import write_table
from antispoof.errors import UserError
from antispoof.pretraining import pretrain as training
from antispoof.pretraining.hubert import build_hubert, in_s3prl_form, predict, settings_of
from antispoof.pretraining.kmeans_units import find_units, mfcc
from antispoof.pretraining.pretrain import COLUMNS, Pretrainer, draw_batches, pretrain
from antispoof.ssl import load_local, summarise
from antispoof.ssl.conventions import frame_count
from antispoof.ssl.local import read_local

WORKER = ROOT / "steps/pretrain_hubert.py"
CONFIGS = sorted([*ROOT.glob("conf/pretrain_*.yaml"), *ROOT.glob("egs/*/conf/pretrain_*.yaml")])
WRITTEN = ("units.pt", "curve.csv", "upstream.pt", "last.pt")


def curve_of(folder):
    header, *rows = (folder / "curve.csv").read_text().splitlines()
    assert header == ",".join(COLUMNS)
    return np.array([[float(value) for value in row.split(",")] for row in rows])


def test_the_loss_falls(place):
    config = tiny(place, "epochs=20")
    pretrain(config, place / "data", place / "longer", [].append)
    curve = curve_of(place / "longer")
    first, last = (dict(zip(COLUMNS, row, strict=True)) for row in (curve[0], curve[-1]))
    for name in ("loss", "heard_loss", "held_out_heard_loss"):  # which note is hidden is chance
        assert last[name] < first[name] - 0.1, name
    assert last["heard_accuracy"] > 2 / 6


def test_a_run_that_was_killed_ends_in_the_same_bytes(place, undisturbed):
    folder = place / "killed"
    command = [sys.executable, WORKER, "--config", place / "tiny.yaml", "--seed", "1"]
    command += ["--train", place / "data", folder]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (folder / "last.pt").exists() and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    said = []
    pretrain(tiny(place), place / "data", folder, said.append)
    assert any(line.startswith("continuing after epoch") for line in said)
    for name in WRITTEN:
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes(), name


def test_the_upstream_loads_and_gives_finite_states(place, undisturbed):
    upstream = load_local(undisturbed / "upstream.pt")
    waves = [torch.from_numpy(tune(seed)).float() for seed in (40, 41)]
    with torch.no_grad():
        states = upstream(waves)["hidden_states"]
    assert len(states) == TINY["layers"] + 1
    for state in states:
        assert state.shape == (2, frame_count(max(map(len, waves))), TINY["dim"])
        assert state.dtype == torch.float32
        assert torch.isfinite(state).all()
    summary = summarise(read_local(undisturbed / "upstream.pt"), "upstream.pt")
    assert (summary.family, summary.dtypes) == ("hubert", ("float16",))


def test_a_prediction_is_the_one_of_s3prl(place):
    model = build_hubert(tiny(place)).eval()
    waves = torch.stack([torch.from_numpy(tune(seed)[:16000]).float() for seed in (1, 3)])
    units = torch.randint(0, 6, (2, frame_count(16000)), generator=torch.Generator().manual_seed(1))
    hidden = torch.zeros(units.shape, dtype=torch.bool)
    hidden[0, 5:25] = hidden[1, 11:31] = True

    def hide(x, *_):
        return torch.where(hidden[..., None], model.mask_emb, x), hidden

    model.apply_mask = hide
    losses, right, chosen, energy = predict(model, waves, units)
    theirs = model(waves, [units], torch.zeros(waves.shape, dtype=torch.bool))
    for frames, found in ((hidden, theirs["logit_m_list"]), (~hidden, theirs["logit_u_list"])):
        truth = torch.zeros(len(found[0]), dtype=torch.long)
        expected = torch.nn.functional.cross_entropy(found[0], truth, reduction="none")
        torch.testing.assert_close(losses[frames], expected, atol=1e-4, rtol=1e-4)
        assert torch.equal(right[frames], found[0].argmax(1) == 0)
    assert chosen is hidden
    torch.testing.assert_close(energy, theirs["features_pen"])


@pytest.mark.parametrize("samples", [400, 719, 720, 879, 880, 16000, 20801])
def test_each_frame_has_a_target(samples):
    wave = np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    assert mfcc(wave).shape == (frame_count(samples), 39)


def test_a_target_belongs_to_its_frame_wherever_a_cut_begins():
    wave = tune(8).astype(np.float32)
    np.testing.assert_allclose(mfcc(wave)[20:30, :13], mfcc(wave[20 * 320 :])[:10, :13], atol=1e-3)


def test_batches_hold_every_utterance_once_and_no_padding():
    frames = {f"utt{number:03d}": 30 + number * 7 % 90 for number in range(150)}
    seen = []
    for places, count in draw_batches(frames, 99, 8, np.random.default_rng(1)):
        assert count == min(99, *(frames[utt] for utt, _ in places))
        assert all(0 <= first <= frames[utt] - count for utt, first in places)
        seen += [utt for utt, _ in places]
    assert sorted(seen) == sorted(frames)


def test_short_utterances_are_left_out(place):
    wavs = {f"utt{number:02d}": str(place / f"utt{number:02d}.flac") for number in (1, 3, 5, 7)}
    seconds = {utt: soundfile.info(path).duration for utt, path in wavs.items()}
    assert set(seconds.values()) == {1.1, 1.3}
    units = find_units(wavs, tiny(place, "min_seconds=1.2"), place / "short_units.pt")
    assert list(units) == ["utt03", "utt07"]
    with pytest.raises(UserError, match="wanted more than the 6 clusters"):
        find_units(wavs, tiny(place, "min_seconds=9"), place / "no_units.pt")


def test_targets_of_other_utterances_are_refused(place, undisturbed):
    wavs = {"utt01": "utt01.flac"}
    with pytest.raises(UserError, match="other utterances; remove"):
        find_units(wavs, tiny(place), undisturbed / "units.pt")


def test_a_loss_that_is_not_finite_stops_the_run(place):
    with pytest.raises(UserError, match="the loss is .*lower lr"):
        pretrain(tiny(place, "lr=1e30"), place / "data", place / "nan", [].append)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("cluster=5", "did you mean 'clusters'"),
        ("epochs=0", "'epochs' is 0"),
        ("heads=3", "'dim' must be a multiple"),
        ("min_seconds=0.2", "fewer frames than two spans"),
    ],
)
def test_a_config_that_cannot_be_run_is_refused(place, override, words):
    with pytest.raises(UserError, match=words):
        tiny(place, override)


def test_a_set_without_bona_fide_speech_is_refused(place):
    write_table(place / "spoofed/wav.scp", {"utt00": "nowhere.flac"})
    write_table(place / "spoofed/utt2label", {"utt00": "spoof"})
    with pytest.raises(UserError, match="holds no bonafide utterance"):
        pretrain(tiny(place), place / "spoofed", place / "none", [].append)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_committed_config_learns_from_one_batch(place, path):
    config = training.load_pretraining(path, 1)
    units = torch.zeros(2, 49, dtype=torch.long)
    learner = Pretrainer(config, {}, {}, 1)
    waves = torch.stack([torch.from_numpy(tune(seed)[:16000]).float() for seed in (1, 3)])
    before = [parameter.clone() for parameter in learner.model.parameters()]
    np.random.seed(1)
    (loss, _, hidden), (_, _, heard) = learner.step(waves, units, True, 1)
    assert np.isfinite(loss)
    assert hidden + heard == units.numel()
    after = list(learner.model.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_weights_kept_here_are_of_the_config_that_made_them(path):
    config = training.load_pretraining(path, 1)
    kept = path.parent / "upstream" / f"{path.stem.removeprefix('pretrain_')}.pt"
    assert kept.stat().st_size <= 5_000_000
    checkpoint = read_local(kept)
    assert (checkpoint["task_cfg"], checkpoint["model_cfg"]) == settings_of(config)
    expected = in_s3prl_form(build_hubert(config), config)["model_weight"]
    assert {n: t.shape for n, t in checkpoint["model_weight"].items()} == {
        n: t.shape for n, t in expected.items()
    }
    curve = np.genfromtxt(kept.with_suffix(".csv"), delimiter=",", names=True)
    assert curve["held_out_loss"][-1] < curve["held_out_loss"][0]
    with torch.no_grad():
        states = load_local(kept)([torch.from_numpy(tune(1)).float()])["hidden_states"]
    assert all(torch.isfinite(state).all() for state in states)
