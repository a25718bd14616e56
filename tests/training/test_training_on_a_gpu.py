"""Training on a GPU: the same bytes twice, and after a kill. Skipped where there is none."""

import pytest
import torch
from sounds import make_corpus, make_data

from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.torch_utils.device import choose_device
from antispoof.training import trainer
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
CONFIG = """
feats: wave
model: MODEL
model_conf: CONF
crop: {train: random, test: full, seconds: 1.0, pad: tile}
augment:
  - rawboost: {algo: 5}
epochs: 2
batch_size: 8
optimizer_conf: {lr: 3e-3}
"""
MODELS = {"mel_cnn": "{widths: [4, 4, 8, 8]}", "aasist_l": "{}"}


class KilledError(Exception):
    """Stands for a kill."""


@pytest.fixture(params=MODELS)
def place(tmp_path, request, monkeypatch):
    make_data(tmp_path / "data", make_corpus(tmp_path / "corpus", {"train": 20, "dev": 12}))
    text = CONFIG.replace("MODEL", request.param).replace("CONF", MODELS[request.param])
    (tmp_path / "train_x.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    torch.use_deterministic_algorithms(False)


def fit(exp):
    exp.mkdir(exist_ok=True)
    config = load_experiment("train_x.yaml", 1, ())
    train(config, "data/train", "data/dev", "dump", exp, choose_device("cuda"), lambda line: None)
    return load_checkpoint(exp / "best.pt", "cpu")["model"]


def equal(one, two):
    assert one.keys() == two.keys()
    return all(torch.equal(one[key], two[key]) for key in one)


def test_twice_the_same_and_after_a_kill_too(place, monkeypatch):
    whole = fit(place / "one")
    assert equal(fit(place / "two"), whole)
    with monkeypatch.context() as patch:
        write, calls = trainer.write_curve, []

        def killed(*args, **kwargs):
            calls.append(1)
            if len(calls) == 2:  # the first epoch's last.pt is written
                raise KilledError
            return write(*args, **kwargs)

        patch.setattr(trainer, "write_curve", killed)
        with pytest.raises(KilledError):
            fit(place / "three")
    assert equal(fit(place / "three"), whole)
