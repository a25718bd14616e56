"""A model of frames: it learns where spoofs are, is scored by frames, and is judged by seconds."""

import json

import numpy as np
import pytest
import torch
from made_up import refused, worker
from partial_sounds import make_partial

from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.data_dir import read_durations
from antispoof.data.segments import read_segments
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.metrics.localisation import labels_at
from antispoof.models.frame_loss import labels_from
from antispoof.scoring.inputs import open_inputs
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import train

CONFIG = """
feats: wave
model: mel_frames
model_conf: {widths: [8, 8], hidden: 16, scales: 2, dropout: 0.0}
crop: {train: random, test: full, seconds: 0.8, pad: none}
epochs: 6
batch_size: 8
optimizer_conf: {lr: 1e-2}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small model of frames, trained by the worker, scored and judged on eval."""
    place = make_partial(tmp_path_factory.mktemp("frames"))
    (place / "train_x.yaml").write_text(CONFIG)
    for words in (
        "steps/train.py --config train_x.yaml --seed 1 --train data/train --dev data/dev "
        "--device cpu exp/x_seed1",
        "steps/score.py --device cpu exp/x_seed1 data/eval exp/x_seed1/eval/scores",
        "steps/evaluate.py data/eval exp/x_seed1/eval/scores exp/x_seed1/eval/result.json "
        "--bootstrap 50",
    ):
        status, _, error = worker(*words.split(), cwd=place)
        assert status == 0, error
    return place


def localised(place, *more):
    """What steps/localise.py prints and writes."""
    words = "data/eval exp/x_seed1/eval/scores.frames exp/x_seed1/localisation_eval.json"
    status, out, error = worker("steps/localise.py", *words.split(), *more, cwd=place)
    assert status == 0, error
    return out, json.loads((place / "exp/x_seed1/localisation_eval.json").read_text())


def test_it_learns_where_and_is_judged_by_segments_and_seconds(trained):
    out, found = localised(trained, "--bootstrap", 100)
    fine, coarse = found["range"]
    assert fine["eer"] < 0.1
    assert coarse["eer"] < 0.25
    assert [(c["model"], c["at"]) for c in found["segment"]] == [
        (0.02, 0.02), (0.02, 0.04), (0.04, 0.02), (0.04, 0.04)
    ]  # fmt: skip
    low, high = fine["intervals"]["utterance"]
    assert low <= fine["eer"] <= high
    assert set(fine["intervals"]) == {"utterance", "speaker"}
    spans = read_segments(trained / "data/eval", read_durations(trained / "data/eval"))
    spoofed = sum(b - a for own in spans.values() for a, b, kind in own if kind == "spoof")
    assert found["seconds"]["spoof"] == pytest.approx(spoofed)
    assert f"{100 * fine['eer']:8.2f}  by utterance" in out


def test_frames_are_written_next_to_scores_and_cover_each_sound(trained):
    folder, durations = (
        trained / "exp/x_seed1/eval/scores.frames",
        read_durations(trained / "data/eval"),
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        *("20ms.ark", "20ms.scp", "40ms.ark", "40ms.scp")
    ]
    table = read_table(folder / "20ms.scp")
    assert table.keys() == durations.keys()
    for utt, place in table.items():
        found = read_entry(str(trained / place), utt, MATRIX)
        assert found.shape == ((round(durations[utt] * 16000) // 160 + 1) // 2, 1)


def test_the_report_shows_where(trained):
    localised(trained, "--bootstrap", 20)
    words = "steps/report.py --set data/eval exp/x_seed1 --out exp/report.html"
    assert worker(*words.split(), cwd=trained)[0] == 0
    text = (trained / "exp/report.html").read_text()
    assert "Segment EER %, x" in text
    assert "range EER %" in text
    (trained / "exp/x_seed1/localisation_eval.json").write_text('{"set": "eval"}')
    assert "lacks" in refused(*words.split(), cwd=trained)


def test_a_crop_says_where_it_begins_and_labels_follow(tmp_path):
    """The tone of a crop is where the labels from its start say."""
    place = make_partial(tmp_path, {"train": 12}, tone=0.9)
    (place / "train_x.yaml").write_text(CONFIG)
    config = load_experiment(place / "train_x.yaml", 1)
    inputs = open_inputs(config, str(place / "data/train"), "dump", train=True)
    inputs.tells_start, inputs.epoch = True, 3
    spans = read_segments(place / "data/train", read_durations(place / "data/train"))
    starts = set()
    for x, length, index, start in (inputs[n] for n in range(len(inputs))):
        wanted = labels_from(spans[inputs.utts[index]], start / 16000, 0.02)[: length // 320]
        loud = x.numpy()[: length // 320 * 320].reshape(-1, 320).std(1) > 0.3
        assert np.abs(loud.astype(int) - (1 - wanted)[: len(loud)]).sum() <= 2
        starts.add(start)
        assert inputs.drawn(index)["start"] == start
    assert len(starts) > 6
    whole = spans[inputs.utts[1]]
    assert labels_from(whole, 0.0, 0.02).tolist() == labels_at(whole, 0.02).tolist()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("crop.pad=tile", "crop.pad is tile, which repeats frames"),
        ("augment=[{speed: {}}]", "augment has 'speed', which moves frames"),
        ("augment=[{group: {of: [{trim: {}}]}}]", "augment has 'trim', which moves frames"),
    ],
)
def test_what_moves_frames_is_refused(tmp_path, override, said):
    place = make_partial(tmp_path, {"train": 4, "dev": 4})
    (place / "train_x.yaml").write_text(CONFIG)
    config = load_experiment(place / "train_x.yaml", 1, [override])
    data = (str(place / "data/train"), str(place / "data/dev"))
    with pytest.raises(UserError, match=said):
        train(config, *data, "dump", tmp_path / "exp", torch.device("cpu"), print)


def test_a_set_without_segments_teaches_no_frames(tmp_path):
    place = make_partial(tmp_path, {"train": 4, "dev": 4})
    (place / "train_x.yaml").write_text(CONFIG)
    (place / "data/train/segments").unlink()
    words = "--seed 1 --train data/train --dev data/dev --device cpu exp/x"
    line = refused("steps/train.py", "--config", "train_x.yaml", *words.split(), cwd=place)
    assert "data/train/segments: is missing; a model of frames needs it" in line


def test_frames_of_sounds_that_are_cropped_are_not_scored(trained):
    config = trained / "exp/x_seed1/config.yaml"
    before = config.read_text()
    config.write_text(before.replace("test: full", "test: centre"))
    line = refused("steps/score.py", "exp/x_seed1", "data/eval", "exp/s", cwd=trained)
    config.write_text(before)
    assert "crop.test is centre; a model of frames scores whole sounds" in line
