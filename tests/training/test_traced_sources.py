"""Source tracing through the trainer: classes of a table, K logits, and what is traced of a set."""

import csv
import json

import numpy as np
import pytest
import torch
from made_up import refused, worker
from sounds import make_corpus, make_data

from antispoof.config import read_yaml
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation.tracing import Traced
from antispoof.files import sha256_file
from antispoof.losses.losses import Loss
from antispoof.losses.sources import use_sources
from antispoof.metrics.sources import confusion, macro_f1
from antispoof.models import MODELS, build_model
from antispoof.torch_utils.checkpoint import read_weights
from antispoof.training.experiment import load_experiment
from antispoof.training.selection import dev_metrics
from antispoof.training.sources import keep_for, with_sources

CONFIG = """
feats: wave
model: aasist
model_conf: {widths: [8, 8, 12, 12, 12, 12], nodes: [12, 16]}
crop: {train: random, test: full, seconds: 0.5, pad: none}
epochs: 2
batch_size: 4
trace: {labels: attack}
select: {metric: dev_f1_error}
"""
TRAIN = ("--config", "train_x.yaml", "--seed", "1", "--device", "cpu")
ONE_LOGIT = ("mel_cnn", "mel_multiscale", "mel_vit", "wavlm_aasist", "wavlm_cnn")
SETS = ("--train", "data/train", "--dev", "data/dev")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A recipe's folder with an experiment exp/x that was trained by the worker."""
    folder = tmp_path_factory.mktemp("sources")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 24, "dev": 16, "eval": 12}))
    (folder / "train_x.yaml").write_text(CONFIG)
    done = worker("steps/train.py", *TRAIN, *SETS, "exp/x", cwd=folder)
    assert done[0] == 0, done
    (folder / "said").write_text(done[1])
    return folder


def test_the_classes_are_those_of_the_training_set_and_stand_in_the_experiment(place):
    config = read_yaml(place / "exp/x/config.yaml")
    assert config["trace"] == {"labels": "attack", "classes": ["A01", "A02", "A03"]}
    said = (place / "said").read_text()
    assert (
        "data/train: sources are 4 of A01, 4 of A02, 4 of A03; 12 utterances are left out" in said
    )
    last = read_weights(place / "exp/x/best.pt")["out.weight"]
    assert last.shape[0] == 3


def test_dev_chooses_by_macro_f1_of_its_sources(place):
    with open(place / "exp/x/curve.csv") as stream:
        rows = list(csv.DictReader(stream))
    errors = [float(row["dev_f1_error"]) for row in rows]
    (chosen,) = json.loads((place / "exp/x/selection.json").read_text())
    assert chosen["epochs"] == [1 + errors.index(min(errors))]
    worker("steps/trace.py", "--device", "cpu", "exp/x", "data/dev", "dev.npz", cwd=place)
    found, attacks = Traced.load(place / "dev.npz"), read_table(place / "data/dev/utt2attack")
    own = found.keep(np.array([attacks[utt] != "-" for utt in found.utts.tolist()]))
    truth = np.array([int(attacks[utt][2]) - 1 for utt in own.utts.tolist()])
    wanted = 1 - macro_f1(confusion(truth, own.logits.argmax(1), 3))
    assert chosen["dev_f1_error"] == pytest.approx(wanted)
    z = own.logits  # and its loss is the cross-entropy of three classes
    loss = np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), truth])
    assert chosen["dev_loss"] == pytest.approx(loss, rel=1e-5)


def test_a_second_run_says_what_the_first_did(place):
    before = (place / "exp/x/best.pt").read_bytes()
    assert worker("steps/train.py", *TRAIN, *SETS, "exp/x", cwd=place)[0] == 0
    assert (place / "exp/x/best.pt").read_bytes() == before


def test_an_embedding_is_what_the_last_layer_makes_logits_of(place):
    call = ("steps/trace.py", "--device", "cpu", "exp/x", "data/eval", "eval.npz")
    status, out, error = worker(*call, cwd=place)
    assert status == 0, error
    assert "eval.npz: 12 utterances, 3 sources" in out
    found, weights = Traced.load(place / "eval.npz"), read_weights(place / "exp/x/best.pt")
    assert found.model == sha256_file(place / "exp/x/best.pt")
    assert found.utts.tolist() == list(read_table(place / "data/eval/wav.scp"))
    made = found.embeddings @ weights["out.weight"].double().numpy().T
    assert made + weights["out.bias"].double().numpy() == pytest.approx(found.logits, abs=1e-4)


def test_an_experiment_that_traces_gives_no_scores_and_one_that_detects_no_sources(place):
    line = refused("steps/score.py", "--device", "cpu", "exp/x", "data/eval", "s", cwd=place)
    assert "exp/x: tells sources apart by utt2attack, wanted one that detects spoofs" in line
    override = ("--override", "trace.labels=''", "--override", "select.metric=dev_eer")
    done = worker("steps/train.py", *TRAIN, *override, *SETS, "exp/plain", cwd=place)
    assert done[0] == 0, done
    line = refused("steps/trace.py", "--device", "cpu", "exp/plain", "data/eval", "s", cwd=place)
    assert "exp/plain: detects spoofs, wanted one that traces sources" in line
    status, _, error = worker("steps/score.py", "exp/plain", "data/eval", "s", cwd=place)
    assert status == 0, error


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "select.metric=dev_eer",
            "'select.metric' is 'dev_eer'; with 'trace.labels', wanted dev_f",
        ),
        ("loss=focal", "'loss' is 'focal'; with 'trace.labels', wanted cross_entropy"),
        ("class_weights=[1,2]", "'class_weights' is [1, 2]"),
        ("without_attacks=[A01]", "'without_attacks' is ['A01']"),
        ("trace.labels=''", "'select.metric: dev_f1_error' needs 'trace.labels'"),
        ("trace.labels=vocoder", "utt2vocoder: no such table; 'trace.labels' may be one of attack"),
        ("trace.classes=[A01,A09]", "utt2attack: found no 'A09', wanted two or more of A01, A02"),
        ("trace.classes=[A01]", "utt2attack: found 1 source, wanted two or more of"),
        ("model=sls", "does not end in a linear layer of two logits"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(place, override, words, monkeypatch):
    monkeypatch.chdir(place)
    more = ["feats=cached", "upstream=x", "model_conf={}"] if override == "model=sls" else []
    with pytest.raises(UserError) as caught:
        config = load_experiment("train_x.yaml", 1, [override, *more])
        config = with_sources(config, "data/train")
        use_sources(build_model(config["model"]), 3)
    assert words in str(caught.value)


def test_watched_sets_have_no_eer_to_be_watched(place):
    words = ("--watch", "data/eval", *SETS, "exp/y")
    assert "--watch: a set is watched by its EER" in refused(
        "steps/train.py", *TRAIN, *words, cwd=place
    )


def test_some_classes_leave_the_others_out_and_dev_must_have_each(place, monkeypatch):
    monkeypatch.chdir(place)
    config = {"trace": {"labels": "attack", "classes": ["A01", "A03"]}}
    kept = keep_for(config, "data/train")
    attacks = list(read_table("data/train/utt2attack").values())
    assert [attacks[index] for index in kept.indices] == [
        config["trace"]["classes"][label] for label in kept.labels.tolist()
    ]
    assert len(kept.indices) == 8
    table = read_table("data/dev/utt2attack")
    write_table("small/utt2attack", {u: "A01" if a == "A03" else a for u, a in table.items()})
    write_table("small/wav.scp", read_table("data/dev/wav.scp"))
    with pytest.raises(UserError, match="small/utt2attack: found no 'A03', wanted utterances of"):
        keep_for(config, "small")


def test_the_loss_of_sources_is_the_mean_cross_entropy_whatever_their_number():
    config = {"loss": "cross_entropy", "loss_conf": {}, "class_weights": [1.0, 1.0]}
    loss = Loss({**config, "trace": {"labels": "vocoder", "classes": list("abcd")}})
    z, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 3, 1])
    wanted = torch.nn.functional.cross_entropy(z, labels)
    assert loss.total(z, labels) / loss.denominator(labels) == pytest.approx(wanted.item())
    assert loss.of_scores(z.numpy(), labels) == pytest.approx(wanted.item())
    assert dev_metrics(z.numpy(), labels.numpy(), []).keys() == {"dev_f1_error"}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_back_end_gives_a_logit_for_each_source_or_says_that_it_cannot(name):
    model = build_model(name)
    try:
        use_sources(model, 7)
    except UserError as error:
        assert "two logits" in str(error)
        assert name in ONE_LOGIT or not model.last_layer
    else:
        inside = model.get_submodule(model.last_layer).modules()
        assert [m for m in inside if isinstance(m, torch.nn.Linear)][-1].out_features == 7
