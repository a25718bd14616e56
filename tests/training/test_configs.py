"""Every committed config is built and runs one batch, through the code that training runs."""

from functools import partial

import numpy as np
import pytest
import torch
from made_up import ROOT
from own_upstreams import fetched
from sounds import make_corpus, make_data
from ssl_models import DOWNLOADED, small_upstream

from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.data_dir import read_durations
from antispoof.data.segments import write_segments
from antispoof.data.tables import read_table
from antispoof.features.archive import ShareWriter, join_shares, layer_name
from antispoof.features.extraction import extract as run
from antispoof.progress import Progress
from antispoof.scoring.batches import batches
from antispoof.scoring.inputs import open_inputs
from antispoof.scoring.score import read_labels
from antispoof.ssl import fetch
from antispoof.ssl.s3prl import find_upstream
from antispoof.ssl.upstream import DTYPES, FrozenUpstream, load_upstream_config
from antispoof.training.experiment import load_experiment
from antispoof.training.learner import Learner
from antispoof.training.phases import phases_of

CONFIGS = sorted([*ROOT.glob("conf/**/*.yaml"), *ROOT.glob("egs/*/conf/**/*.yaml")])
NAMES = [str(path.relative_to(ROOT)) for path in CONFIGS]
EXPERIMENTS = [name for name in NAMES if "/train_" in name]
UPSTREAMS = [name for name in NAMES if "/upstream/" in name]
PRETRAININGS = [name for name in NAMES if "/pretrain_" in name]  # of test_pretraining.py
RANKINGS = [name for name in NAMES if name.endswith("/rank.yaml")]  # of test_rank.py
CLAIMS = [name for name in NAMES if "/claims" in name]  # of tests/claims
AUGMENTATIONS = [name for name in NAMES if "/augment_" in name]  # of test_augment_data_dir.py
CLUSTERS = [name for name in NAMES if "/cluster/" in name]  # of test_cluster.py


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data/train of four sounds; features are cached in its dump/ when asked."""
    folder = tmp_path_factory.mktemp("configs")
    data = make_data(folder / "data", make_corpus(folder / "corpus", {"train": 4})) / "train"
    labels, seconds = read_table(data / "utt2label"), read_durations(data)
    write_segments(data, {utt: [(0.0, seconds[utt], labels[utt])] for utt in labels})
    return folder


@pytest.fixture(autouse=True)
def own(tmp_path_factory, monkeypatch):
    """Random weights stand in for those of packages."""
    folder = tmp_path_factory.getbasetemp() / "own_upstreams"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(fetch, "weights_in_package", fetched(folder))


class AsWide(FrozenUpstream):
    """An upstream whose states are as wide as those of what it stands in for."""

    def _frames(self, states, wave, utt):
        frames = super()._frames(states, wave, utt)
        *_, width = DOWNLOADED.get(self.name, [frames.shape[1]])
        return np.tile(frames, (1, width // frames.shape[1]))


def extract(place, config_path):
    """Cache the features of data/train by an upstream's config; returns them as {utt: {layer}}."""
    config = small_upstream(place, config_path)
    dump = place / "dump" / config_path.stem / "train"
    upstream = AsWide(config)
    wavs = read_table(place / "data/train/wav.scp")
    writer = ShareWriter(dump, 1, 1, upstream.layer_indices, DTYPES[config["dtype"]])
    if not writer.complete:
        run(upstream, [[utt] for utt in wavs], wavs, writer, Progress(len(wavs), "", ""))
    join_shares(dump, 1, list(wavs))
    tables = {i: read_table(dump / layer_name(i) / "feats.scp") for i in upstream.layer_indices}
    return {u: {i: read_entry(t[u], u, MATRIX) for i, t in tables.items()} for u in wavs}


def test_no_config_is_of_an_unknown_kind():
    known = EXPERIMENTS + UPSTREAMS + PRETRAININGS + AUGMENTATIONS + CLUSTERS + RANKINGS
    assert sorted(known + CLAIMS) == NAMES
    assert EXPERIMENTS
    assert UPSTREAMS


@pytest.mark.parametrize("name", UPSTREAMS)
def test_an_upstream_gives_finite_frames(place, name):
    config = load_upstream_config(ROOT / name)
    if config["name"] not in fetch.OWN:
        find_upstream(config["name"])  # s3prl knows the name
    learnt = config["name"] in (*DOWNLOADED, *fetch.OWN) or config["checkpoint"]
    window, rate = config["window"], 50 if learnt else 100
    seconds = 1.15 if window["policy"] == "full" else window["samples"] / 16000
    for features in extract(place, ROOT / name).values():
        if isinstance(config["layers"], list):
            assert list(features) == config["layers"]
        for matrix in features.values():
            assert matrix.ndim == 2
            assert abs(len(matrix) / rate - seconds) < 0.2  # sounds of 1.0 to 1.3 s
            assert np.isfinite(matrix).all()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_trains_on_one_batch(place, name, monkeypatch):
    monkeypatch.chdir(ROOT / name.partition("/conf/")[0] if name.startswith("egs") else ROOT)
    monkeypatch.setattr(
        "antispoof.scoring.build.load_upstream_config", partial(small_upstream, place)
    )
    config = load_experiment(ROOT / name, 1)
    if config["feats"] == "cached":
        own = ROOT / name
        own = own.with_name("upstream") / f"{config['upstream']}.yaml"
        extract(place, own if own.exists() else ROOT / f"conf/upstream/{config['upstream']}.yaml")
    data = place / "data/train"
    for phase in phases_of(config):
        inputs = open_inputs(phase, str(data), str(place / "dump"), train=True)
        learner = Learner(phase, inputs, read_labels(data), torch.device("cpu"), name)
        (first,) = batches(inputs, range(4), 4)
        learner.model.train()
        before = [parameter.clone() for parameter in learner.model.parameters()]
        assert 0 < learner.step([(True, *first)], first[2]) < 10
        after = list(learner.model.parameters())
        assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
