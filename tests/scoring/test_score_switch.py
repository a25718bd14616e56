"""What is trained one way may be scored another: the switches of steps/score.py --override."""

import numpy as np
import pytest
import torch
from made_up import refused, worker

from antispoof.data.tables import read_table, write_table
from antispoof.features.archive import ShareWriter, join_shares
from antispoof.models import build_model
from antispoof.scoring.build import build_system
from antispoof.training.experiment import claim, load_experiment
from antispoof.training.trainer import save_checkpoint

CONFIG = """
feats: cached
upstream: small
model: spaarsist
model_conf: {dim: 16, embedding: 8, classifier: linear}
crop: {test: full, pad: none}
batch_size: 2
"""
UTTS = {"a": 60, "b": 41, "c": 60}  # frames


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """exp/x of random weights, data/set of three utterances and their cached features."""
    folder = tmp_path_factory.mktemp("switch")
    (folder / "train_x.yaml").write_text(CONFIG)
    config = load_experiment(folder / "train_x.yaml", 1)
    claim(folder / "exp/x", config)
    torch.manual_seed(0)
    state = build_system(config).state_dict()
    save_checkpoint(folder / "exp/x/best.pt", {"model": state, "epoch": 1})
    write_table(folder / "data/set/wav.scp", {utt: f"{utt}.wav" for utt in UTTS})
    write_table(folder / "data/set/utt2dur", {utt: n / 50 for utt, n in UTTS.items()})
    writer, rng = ShareWriter(folder / "dump/small/set", 1, 1, [0], None), np.random.default_rng(0)
    features = {u: rng.standard_normal((n, 16)).astype(np.float32) for u, n in UTTS.items()}
    for utt, matrix in features.items():
        writer.write(utt, {0: matrix})
    writer.finish()
    join_shares(folder / "dump/small/set", 1, list(UTTS))
    return folder, features, state


SWITCHES = [
    {},
    {"k_infer": 0.1},
    {"scorer": "magnitude", "k_infer": 0.3},
    {"scorer": "magnitude", "aggregation": "released_mean"},
    {"aggregation": "node_mean"},
]


@pytest.mark.parametrize("switch", SWITCHES)
def test_scores_are_those_of_the_switched_model(place, switch, tmp_path):
    folder, features, state = place
    options = [part for k, v in switch.items() for part in ("--override", f"model_conf.{k}={v}")]
    out = tmp_path / "scores"
    status, said, error = worker("steps/score.py", *options, "exp/x", "data/set", out, cwd=folder)
    assert status == 0, error
    assert all(option in said for option in options[1::2])
    model = build_model("spaarsist", dim=16, embedding=8, classifier="linear", **switch).eval()
    model.load_state_dict(state)
    for utt, score in read_table(out).items():
        x = torch.from_numpy(features[utt])[None, None]
        with torch.inference_mode():
            spoof, bonafide = model(x, torch.tensor([len(features[utt])]))[0].tolist()
        assert float(score) == pytest.approx(bonafide - spoof, abs=1e-5)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("crop.seconds=1", "wanted model_conf.KEY=VALUE"),
        ("model_conf.k=0.1", "did you mean 'k_infer'|did you mean"),
        ("model_conf.scorer=mean", "model_conf.scorer"),
        ("model_conf.embedding=9", "does not fit its config.yaml: model_conf.embedding=9"),
    ],
)
def test_switches_that_do_not_exist(place, override, message):
    line = refused(
        "steps/score.py", "--override", override, "exp/x", "data/set", "out", cwd=place[0]
    )
    assert any(part in line for part in message.split("|")), line
