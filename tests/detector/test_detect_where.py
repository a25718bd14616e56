"""Where a sound is spoofed: the time line of a model of frames in lines, JSON and the picture."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from ssl_models import jolt
from tiny_detector import make_experiment, voice

from antispoof import Detector
from antispoof.data.frame_scores import read_frames
from antispoof.detector.command import detect
from antispoof.evaluation.fusion import Calibration
from antispoof.scoring.build import build_system
from antispoof.scoring.frames import FrameScores
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import score
from antispoof.systems.where import timeline
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

CONFIG = """
feats: wave
model: mel_frames
model_conf: {widths: [4, 8], hidden: 8, scales: 2, dropout: 0.0}
crop: {train: random, test: full, seconds: 1.0, pad: none}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """exp/frames_seed1, a model of frames of random weights, and two sounds."""
    place = tmp_path_factory.mktemp("where")
    with contextlib.chdir(place):
        Path("train.yaml").write_text(CONFIG)
        config = claim("exp/frames_seed1", load_experiment("train.yaml", 1))
        torch.manual_seed(0)
        state = {"model": jolt(build_system(config)).state_dict(), "epoch": 1}
        save_checkpoint("exp/frames_seed1/best.pt", state)
        scores, labels = np.array([0.0, 2, 1, 3]), np.array([0, 0, 1, 1])
        calibration = Calibration.fit(scores, labels, ("frames_seed1",))
        calibration.save(Path("exp/frames_seed1/calibration.json"))
    for number, seconds in enumerate((1.3, 0.9)):
        soundfile.write(place / f"{number}.wav", voice(seconds, seed=number), 16000)
    return place


def found(place, capsys, *options, model="frames_seed1"):
    names = [str(place / f"{number}.wav") for number in (0, 1)]
    model = ["--model", str(place / "exp" / model), "--device", "cpu"]
    assert detect("detect", [*model, *options, *names]) == 0
    return capsys.readouterr().out


def test_a_time_line_is_what_the_frames_say():
    line = timeline(0.02, np.array([1.0, -1, -2, 3, -0.5]), 0.1)
    assert line.scores == (1.0, -1.0, -2.0, 3.0, -0.5)
    assert line.spoofed == ((0.02, 0.06), (0.08, 0.1))
    assert timeline(0.02, np.array([1.0]), 0.02).spoofed == ()


@pytest.mark.parametrize(("length", "end"), [(0.093, 0.093), (0.108, 0.108), (0.08, None)])
def test_what_is_spoofed_ends_with_the_sound_and_not_behind_it(length, end):
    spoofed = timeline(0.02, np.array([1.0, 1, 1, 1, -0.5]), length).spoofed
    assert spoofed == (((0.08, end),) if end else ())


def test_json_has_the_frames_that_scoring_writes(place, capsys, tmp_path):
    records = [json.loads(line) for line in found(place, capsys, "--json").splitlines()]
    data = tmp_path / "data"
    data.mkdir()
    (data / "wav.scp").write_text(f"a {place}/0.wav\nb {place}/1.wav\n")
    config = load_experiment(place / "train.yaml", 1)
    system = Detector.load(place / "exp/frames_seed1", "cpu").system.systems[0]
    frames = FrameScores((0.02, 0.04))
    inputs = open_inputs(config, str(data), "dump")
    score(system.model, inputs, 1, torch.device("cpu"), frames=frames)
    frames.write(tmp_path / "frames", inputs.utts)
    wanted = read_frames(tmp_path / "frames/20ms.scp", ["a", "b"])
    for record, own, seconds in zip(records, wanted, (1.3, 0.9), strict=True):
        assert record["frames"]["seconds"] == 0.02
        assert len(record["frames"]["scores"]) == len(own) == int(seconds * 50 + 0.5)
        np.testing.assert_allclose(record["frames"]["scores"], own, atol=2e-3)
        assert all(0 <= a < b <= seconds for a, b in record["frames"]["spoofed"])


def test_the_table_says_which_seconds(place, capsys):
    records = [json.loads(line) for line in found(place, capsys, "--json").splitlines()]
    lines = found(place, capsys).splitlines()
    said = [line.partition("spoofed: ")[2] for line in lines if "spoofed: " in line]
    for record, own in zip(records, said, strict=True):
        spans = [f"{a:.2f} to {b:.2f} s" for a, b in record["frames"]["spoofed"]]
        assert own == (", ".join(spans) or "no frame")


def test_a_model_of_whole_utterances_says_nothing_of_frames(place, capsys):
    make_experiment(place, "whole_seed1", "{test: full}")
    assert "frames" not in found(place, capsys, "--json", model="whole_seed1")
    assert "spoofed:" not in found(place, capsys, model="whole_seed1")


def test_the_picture_has_a_row_of_frames(place, tmp_path):
    from matplotlib.image import imread

    from antispoof.explain.picture import draw

    own = Detector.load(place / "exp/frames_seed1", "cpu").explain(place / "0.wav", draws=1)
    assert len(own.frames.scores) == 65
    shapes = []
    for name, shown in (("with", own), ("without", None)):
        with open(tmp_path / f"{name}.png", "wb") as stream:
            draw(own if shown else replaced(own), stream)
        shapes.append(imread(tmp_path / f"{name}.png").shape)
    assert shapes[0][0] > shapes[1][0]


def replaced(own):
    """The same explanation without its time line."""
    from dataclasses import replace

    return replace(own, frames=None)
