"""Every committed config is built and runs one batch, through the code that training runs."""

import pytest
import torch
from made_up import ROOT
from sounds import make_corpus, make_data

from antispoof.audio import read_wave
from antispoof.data import Inputs, batches
from antispoof.experiment import load_experiment
from antispoof.features.archive import ShareWriter, join_shares
from antispoof.features.upstream import DTYPES, FrozenUpstream, load_upstream_config
from antispoof.tables import read_table
from antispoof.trainer import Learner, read_labels

CONFIGS = sorted([*ROOT.glob("conf/**/*.yaml"), *ROOT.glob("egs/*/conf/**/*.yaml")])
NAMES = [str(path.relative_to(ROOT)) for path in CONFIGS]
EXPERIMENTS = [name for name in NAMES if "/train_" in name]
UPSTREAMS = [name for name in NAMES if "/upstream/" in name]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data/train of four sounds; features are cached in its dump/ when asked."""
    folder = tmp_path_factory.mktemp("configs")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 4}))
    return folder


def extract(place, config_path):
    """Cache the features of data/train by an upstream's config; returns them as {utt: {layer}}."""
    config = load_upstream_config(config_path)
    dump = place / "dump" / config_path.stem / "train"
    upstream = FrozenUpstream(config["name"], config["layers"])
    wavs = read_table(place / "data/train/wav.scp")
    found = {utt: upstream(read_wave(path, utt), utt) for utt, path in wavs.items()}
    writer = ShareWriter(dump, 1, 1, upstream.layer_indices, DTYPES[config["dtype"]])
    if not writer.complete:
        for utt, features in found.items():
            writer.write(utt, features)
        writer.finish()
    join_shares(dump, 1, list(wavs))
    return found


def test_no_config_is_of_an_unknown_kind():
    assert sorted(EXPERIMENTS + UPSTREAMS) == NAMES
    assert EXPERIMENTS
    assert UPSTREAMS


@pytest.mark.parametrize("name", UPSTREAMS)
def test_an_upstream_gives_finite_frames(place, name):
    for features in extract(place, ROOT / name).values():
        for matrix in features.values():
            assert matrix.ndim == 2
            assert abs(len(matrix) - 100) < 50  # sounds of 1.0 to 1.3 s, a frame each 10 ms
            assert torch.isfinite(torch.from_numpy(matrix)).all()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_trains_on_one_batch(place, name, monkeypatch):
    monkeypatch.chdir(ROOT / name.partition("/conf/")[0] if name.startswith("egs") else ROOT)
    config = load_experiment(ROOT / name, 1)
    if config["feats"] == "cached":
        own = ROOT / name
        own = own.with_name("upstream") / f"{config['upstream']}.yaml"
        extract(place, own if own.exists() else ROOT / f"conf/upstream/{config['upstream']}.yaml")
    data = place / "data/train"
    inputs = Inputs(config, str(data), str(place / "dump"), train=True)
    learner = Learner(config, inputs, read_labels(data), torch.device("cpu"), name)
    (first,) = batches(inputs, range(4), 4)
    learner.model.train()
    before = [parameter.clone() for parameter in learner.model.parameters()]
    assert 0 < learner.step(*first) < 10
    after = list(learner.model.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
