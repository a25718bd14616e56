"""Frames that do not stand where segments say are refused: another rate, a window, other speeds."""

import shutil
from pathlib import Path

import pytest
import torch
from made_up import ROOT, worker
from partial_sounds import make_partial

from antispoof.augment.chain import names_in
from antispoof.data.frame_scores import read_frames, tables_in
from antispoof.errors import UserError
from antispoof.models import build_model
from antispoof.scoring.frame_times import check_times
from antispoof.scoring.frames import FrameScores, frame_scores
from antispoof.scoring.inputs import UpstreamWaveforms, open_inputs
from antispoof.training.experiment import load_experiment
from antispoof.training.frames import FrameTask

UPSTREAMS = {  # of log-mels, a frame each 10 ms
    "mel": "copies: {count: 1, augment: [time_mask]}",
    "fast": "copies: {count: 1, augment: [{group: {of: [{speed: {}}]}}]}",
}
CONFIG = """
feats: cached
upstream: NAME
model: gmlp_frames
model_conf: {dim: 80, scales: 2, blocks: 1, table: 400, frame_seconds: SECONDS}
crop: {train: random, test: full, seconds: 0.8, pad: none}
epochs: 1
batch_size: 4
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Four partial sounds, and their mels by each of the upstreams."""
    place = make_partial(tmp_path_factory.mktemp("times"), {"train": 4})
    for name, more in UPSTREAMS.items():
        (place / f"{name}.yaml").write_text(f"name: mel\nlayers: last\n{more}\n")
        words = ("--copies", f"{name}.yaml", "data/train", f"dump/{name}/train")
        done = worker("steps/extract_ssl.py", *words, cwd=place)
        assert done[0] == 0, done[2]
    return place


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)


def opened(name, seconds, train=True):
    """A model of frames, and what it reads of mels."""
    path = Path(f"train_{name}_{seconds}.yaml")
    path.write_text(CONFIG.replace("NAME", name).replace("SECONDS", str(seconds)))
    config = load_experiment(path, 1)
    inputs = open_inputs(config, "data/train", "dump", train=train)
    return build_model(config["model"], **config["model_conf"]), inputs


def test_features_of_the_models_own_rate_are_taken():
    FrameTask(*opened("mel", 0.01), loss=None)
    check_times(*opened("mel", 0.01, train=False))


def test_features_of_another_rate_are_refused():
    with pytest.raises(UserError, match="frames, 2.4[0-9]* s at the model's 0.02 s each, wanted"):
        FrameTask(*opened("mel", 0.02), loss=None)
    with pytest.raises(UserError, match="at the model's 0.0125 s each, wanted the"):
        model, inputs = opened("mel", 0.0125, train=False)
        frame_scores(model, inputs.config, "exp/x", inputs)


@pytest.mark.parametrize("policy", ["centre", "first", "random"])
def test_features_of_a_window_are_refused(policy):
    """Also where the window happens to hold every sound whole."""
    shutil.copytree("dump/mel", f"dump/{policy}", dirs_exist_ok=True)
    made = Path(f"dump/{policy}/train/config.yaml")
    made.write_text(made.read_text().replace("policy: full", f"policy: {policy}"))
    for train in (True, False):
        with pytest.raises(UserError, match=f"window.policy is {policy}; a model of frames reads "):
            check_times(*opened(policy, 0.01, train))


def test_an_experiment_that_says_its_window_needs_no_folder_to_be_refused():
    model, inputs = opened("mel", 0.01)
    window = {"window": {"policy": "centre"}, "copies": {"augment": []}}
    inputs.config = {**inputs.config, "upstream_conf": window}
    with pytest.raises(UserError, match="config: the upstream's window.policy is centre"):
        check_times(model, inputs)


def test_copies_of_another_speed_are_refused_where_they_are_read():
    with pytest.raises(UserError, match="copies.augment has 'speed', which moves frames away"):
        FrameTask(*opened("fast", 0.01), loss=None)
    check_times(*opened("fast", 0.01, train=False))


def test_an_upstream_in_the_model_has_frames_of_20_ms():
    Path("ssl.yaml").write_text("feats: ssl\nupstream: hubert_mini\nmodel: gmlp_frames\n")
    config = load_experiment("ssl.yaml", 1)
    inputs = UpstreamWaveforms(config, "data/train", "dump", train=True)
    check_times(build_model("gmlp_frames", dim=4, scales=1), inputs)
    with pytest.raises(UserError, match="a frame lasts 0.02 s, the model takes 0.01 s"):
        check_times(build_model("gmlp_frames", dim=4, scales=1, frame_seconds=0.01), inputs)


def test_the_committed_config_reads_whole_sounds():
    config = load_experiment(ROOT / "conf/train_gmlp_frames.yaml", 1)
    text = (ROOT / f"conf/upstream/{config['upstream']}.yaml").read_text()
    assert "window: {policy: full}" in text


def test_names_of_a_chain_are_those_of_its_groups_too():
    chain = ["trim", {"group": {"of": ["mu_law", {"speed": {"p": 0.1}}]}}, {"group": None}]
    assert list(names_in(chain)) == ["trim", "group", "mu_law", "speed", "group"]


def test_a_resolution_of_half_milliseconds_is_read_as_it_was_written(tmp_path):
    frames = FrameScores((0.0125, 0.025, 0.64))
    frames.found[0] = [torch.ones(count).numpy() for count in (8, 4, 1)]
    frames.write(tmp_path, ["a"])
    tables = tables_in(tmp_path)
    assert list(tables) == [0.0125, 0.025, 0.64]
    assert [path.name for path in tables.values()] == ["12.5ms.scp", "25ms.scp", "640ms.scp"]
    assert [len(read_frames(path, ["a"])[0]) for path in tables.values()] == [8, 4, 1]
