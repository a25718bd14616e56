"""A model of frames: it learns where spoofs are, is scored by frames, and is judged by seconds."""

import csv
import json
import shutil

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
from antispoof.losses.frame_loss import labels_from
from antispoof.metrics.localisation import labels_at
from antispoof.scoring.inputs import open_inputs
from antispoof.training.experiment import load_experiment
from antispoof.training.frames import segment_eer
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
    result = json.loads((trained / "exp/x_seed1/localisation_eval.json").read_text())
    shutil.copytree(trained / "exp/x_seed1", trained / "exp/x_seed2")
    result["seconds"]["spoof"] += 1
    (trained / "exp/x_seed2/localisation_eval.json").write_text(json.dumps(result))
    line = refused(*words.replace("x_seed1", "x_seed1 exp/x_seed2").split(), cwd=trained)
    assert "x_seed2/localisation_eval.json: is of other sounds or frames than exp/x_seed1" in line
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
        ("augment=[trim]", "augment has 'trim', which moves frames"),
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


def test_segments_that_contradict_the_classes_teach_nothing(tmp_path):
    place = make_partial(tmp_path, {"train": 4, "dev": 4})
    (place / "train_x.yaml").write_text(CONFIG)
    path = place / "data/train/segments"
    path.write_text(path.read_text().replace(" spoof", " bonafide"))
    config = load_experiment(place / "train_x.yaml", 1)
    data = (str(place / "data/train"), str(place / "data/dev"))
    with pytest.raises(UserError, match="make it bonafide, utt2label says spoof"):
        train(config, *data, "dump", tmp_path / "exp", torch.device("cpu"), print)


def learned(place, *overrides):
    """The rows of the curve of a short training, and what it chose."""
    (place / "train_x.yaml").write_text(CONFIG)
    config = load_experiment(place / "train_x.yaml", 1, overrides)
    data, exp = (str(place / "data/train"), str(place / "data/dev")), place / "exp/short"
    train(config, *data, "dump", exp, torch.device("cpu"), lambda line: None)
    with open(exp / "curve.csv", encoding="utf-8") as stream:
        return list(csv.DictReader(stream)), json.loads((exp / "selection.json").read_text())[0]


def test_the_scale_of_class_weights_changes_nothing(tmp_path):
    """They count against each other: in frames, in the branch, in what a batch is divided by."""
    place, found = make_partial(tmp_path, {"train": 8, "dev": 4}), {}
    for weights in ("[1.0, 1.0]", "[2.0, 2.0]", "[1.0, 4.0]"):
        rows, _ = learned(place, "epochs=1", f"class_weights={weights}")
        found[weights] = float(rows[0]["train_loss"])
        shutil.rmtree(place / "exp/short")
    assert found["[2.0, 2.0]"] == pytest.approx(found["[1.0, 1.0]"], rel=1e-5)
    assert abs(found["[1.0, 4.0]"] - found["[1.0, 1.0]"]) > 0.01


def test_dev_picks_an_epoch_by_its_frames_where_the_config_says_so(tmp_path):
    """The segment EER of dev is that of steps/localise.py, in the mean over resolutions."""
    place = make_partial(tmp_path, {"train": 16, "dev": 8})
    select = "select={metric: dev_segment_eer}"
    rows, chosen = learned(place, select, "epochs=4", "optimizer_conf.lr=0.002")
    eers = [float(row["dev_segment_eer"]) for row in rows]
    assert len(set(eers)) > 1
    assert chosen["epochs"] == [1 + eers.index(min(eers))]
    (place / "exp/short/config.yaml").write_text(f"{CONFIG}seed: 1\n")
    for words in (
        "steps/score.py --device cpu exp/short data/dev exp/scores",
        "steps/localise.py data/dev exp/scores.frames exp/found.json --bootstrap 0",
    ):
        status, _, error = worker(*words.split(), cwd=place)
        assert status == 0, error
    cells = json.loads((place / "exp/found.json").read_text())["segment"]
    own = [cell["eer"] for cell in cells if cell["model"] == cell["at"]]
    assert min(eers) == pytest.approx(sum(own) / 2, abs=1e-6)


def test_frames_that_are_all_alike_are_no_better_than_chance():
    spans = [[(0.0, 0.4, "bonafide"), (0.4, 1.0, "spoof")]]
    assert segment_eer({0.2: [np.zeros(5)]}, spans) == 0.5
    good = {0.2: [np.array([1.0, 1, 0, 0, 0])], 0.4: [np.zeros(3)]}
    assert segment_eer(good, spans) == 0.25


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model=mel_cnn", "'select.metric: dev_segment_eer' needs a model of frames, as mel_fr"),
        ("crop.test=centre", "crop.test is centre; a model of frames scores whole sounds"),
    ],
)
def test_what_cannot_be_chosen_by_frames_is_refused(tmp_path, override, said):
    place = make_partial(tmp_path, {"train": 8, "dev": 4})
    conf = ("model_conf={}",) if override.startswith("model=") else ()
    with pytest.raises(UserError, match=said):
        learned(place, "select={metric: dev_segment_eer}", override, *conf)


def test_dev_without_segments_chooses_by_no_frame(tmp_path):
    place = make_partial(tmp_path, {"train": 4, "dev": 4})
    (place / "data/dev/segments").unlink()
    with pytest.raises(UserError, match="data/dev/segments: is missing"):
        learned(place, "select={metric: dev_segment_eer}")


def test_frames_of_sounds_that_are_cropped_are_not_scored(trained):
    config = trained / "exp/x_seed1/config.yaml"
    before = config.read_text()
    config.write_text(before.replace("test: full", "test: centre"))
    line = refused("steps/score.py", "exp/x_seed1", "data/eval", "exp/s", cwd=trained)
    config.write_text(before)
    assert "crop.test is centre; a model of frames scores whole sounds" in line
