"""SAMO: scores by attractors, whose they are, when they are renewed, what is refused."""

import pytest
import torch
from embeds import Embeds
from plain_costs import config
from torch.nn.functional import cosine_similarity

from antispoof.data.tables import write_table
from antispoof.errors import UserError
from antispoof.losses.samo import Attractors
from antispoof.models import MODELS
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.learner import Learner
from antispoof.training.phases import phases_of
from antispoof.training.speakers import speakers_of

LABELS, OWNERS = torch.tensor([1, 0, 1, 1]), torch.tensor([0, -1, 1, 0])


class Sounds(list):
    """Utterances, as inputs give them."""

    utts, epoch = ("a", "b", "c", "d"), 0

    def __getitem__(self, index):
        return X[index], 8, index


X = torch.randn(4, 8, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def learner(monkeypatch):
    monkeypatch.setitem(MODELS, "embeds", Embeds)
    own = config(model="embeds", loss="samo", loss_conf={"speakers": 3, "every": 2}, epochs=4)
    made = Learner(own, Sounds("abcd"), LABELS, torch.device("cpu"), "x")
    made.speakers = OWNERS
    return made


def part(counts=True):
    return counts, X if counts else X.flip(0), torch.full((4,), 8), [0, 1, 2, 3]


def test_a_score_is_the_cosine_with_the_nearest_attractor_or_with_that_of_the_own_speaker():
    torch.manual_seed(0)
    layer, x = Attractors(6, 2, 3, 5.0), torch.randn(4, 6)
    layer.attractors.copy_(torch.randn(3, 6))
    cosines = torch.stack([cosine_similarity(x, one[None]) for one in layer.attractors], 1)
    nearest = 5 * cosines.amax(1)
    for mode in (True, False):
        layer.train(mode)
        torch.testing.assert_close(layer(x), torch.stack([torch.zeros(4), nearest], 1))
    layer.train().owners = OWNERS
    own = torch.stack([5 * cosines[0, 0], nearest[1], 5 * cosines[2, 1], 5 * cosines[3, 0]])
    torch.testing.assert_close(layer(x)[:, 1], own)
    assert layer.owners is None
    layer.columns = 1
    torch.testing.assert_close(layer.eval()(x), nearest[:, None])


def test_attractors_are_one_hot_then_means_of_bona_fide_embeddings(learner):
    layer = learner.attractors
    assert torch.equal(layer.attractors, torch.eye(6)[:3])
    with torch.no_grad():
        embeddings = learner.model.first(X).tanh()
    learner.step([part(), part(False)], range(4))
    layer.end_epoch(False, learner.team)
    assert torch.equal(layer.attractors, torch.eye(6)[:3])
    assert not layer.sums.any()
    assert not layer.counts.any()
    with torch.no_grad():
        embeddings = learner.model.first(X).tanh()
    learner.step([part(), part(False)], range(4))
    layer.end_epoch(True, learner.team)
    torch.testing.assert_close(layer.attractors[0], (embeddings[0] + embeddings[3]) / 2)
    torch.testing.assert_close(layer.attractors[1], embeddings[2])
    assert torch.equal(layer.attractors[2], torch.eye(6)[2]), "nobody's"


def test_they_are_renewed_every_so_many_epochs_and_stored(learner, monkeypatch):
    renewed = []
    monkeypatch.setattr(learner.attractors, "end_epoch", lambda renew, _: renewed.append(renew))
    monkeypatch.setattr("antispoof.training.learner.load", lambda *_: iter([part()[1:]] * 9))
    for epoch in (1, 2, 3, 4):
        learner.run_epoch(epoch)
    assert renewed == [False, True, False, True]
    state = learner.model.state_dict()
    stored = [name for name in state if name.startswith("last.")]
    assert stored == ["last.attractors", "last.known"]


def test_attractors_that_no_speaker_has_are_no_part_of_the_maximum():
    layer = Attractors(6, 1, 5, 20.0)
    layer.know(torch.tensor([2, -1, 0, 2]))
    spare = torch.eye(6)[[1, 3, 4]]
    for mode in (True, False):
        assert layer.train(mode)(spare).tolist() == [[0.0]] * 3
        assert layer(torch.eye(6)[[0, 2]]).tolist() == [[20.0]] * 2
    layer.know(torch.tensor([1]))
    assert layer(spare).tolist() == [[20.0], [0.0], [0.0]]


def test_of_an_earlier_version_those_count_that_were_renewed():
    layer, old = Attractors(6, 2, 3, 5.0), Attractors(6, 2, 3, 5.0).state_dict()
    del old["known"]
    layer.load_state_dict(old)
    assert layer.known.tolist() == [True] * 3, "none was renewed"
    old["attractors"][1] = torch.randn(6)
    layer.load_state_dict(old)
    assert layer.known.tolist() == [False, True, False]


def test_weights_of_another_set_bring_no_attractors(learner, tmp_path):
    other = {name: 2 * tensor for name, tensor in learner.model.state_dict().items()}
    other["last.attractors"], other["last.known"] = torch.randn(7, 6), torch.ones(7).bool()
    save_checkpoint(tmp_path / "best.pt", {"model": other})
    learner.attractors.know(OWNERS)
    learner.start_from(tmp_path / "best.pt", other_set=True)
    assert torch.equal(learner.model.first.weight, other["first.weight"])
    assert torch.equal(learner.attractors.attractors, torch.eye(6)[:3])
    assert learner.attractors.known.tolist() == [True, True, False]
    own = {**other, "last.attractors": torch.randn(3, 6), "last.known": torch.ones(3).bool()}
    save_checkpoint(tmp_path / "phase1.pt", {"model": own})
    learner.start_from(tmp_path / "phase1.pt")
    assert torch.equal(learner.attractors.attractors, own["last.attractors"]), "of a phase before"


def test_speakers_are_those_of_bona_fide_speech(tmp_path):
    conf = {"loss_conf": {"speakers": 2}}
    write_table(tmp_path / "utt2spk", {"a": "z", "b": "y", "c": "m", "d": "z"})
    found = speakers_of(tmp_path, ("a", "b", "c", "d"), LABELS, conf)
    assert found.tolist() == [1, -1, 0, 1]
    with pytest.raises(UserError, match="found 2 speakers of bona fide speech, wanted at most 1"):
        speakers_of(tmp_path, ("a", "b", "c", "d"), LABELS, {"loss_conf": {"speakers": 1}})
    write_table(tmp_path / "utt2spk", {"a": "-", "b": "y", "c": "m", "d": "z"})
    with pytest.raises(UserError, match="utt2spk: a: found no speaker, wanted one"):
        speakers_of(tmp_path, ("a", "b", "c", "d"), LABELS, conf)
    with pytest.raises(UserError, match="is not there, which 'loss: samo' needs"):
        speakers_of(tmp_path / "none", ("a",), LABELS[:1], conf)


WRONG = {
    **{"speakers=0": "0, wanted a whole number from 1 to 100,000"},
    **{"speakers=2.5": "2.5, wanted a whole number from 1 to 100,000"},
    **{"speakers=2000001": "2000001, wanted a whole number from 1 to 100,000"},
    **{"every=0": "0, wanted a whole number from 1 to 100,002"},
    **{"every=100003": "100003, wanted a whole number from 1 to 100,002"},
}


@pytest.mark.parametrize("given", WRONG)
def test_what_a_config_cannot_say(given):
    key, value = given.split("=")
    conf = {key: float(value)}
    with pytest.raises(UserError, match=f"'loss_conf.{key}' is {WRONG[given]}$"):
        phases_of(config(loss="samo", loss_conf=conf))
