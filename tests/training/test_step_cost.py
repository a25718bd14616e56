"""What a step of training costs, said beforehand: by hand for small models."""

import pytest
from plain_costs import Small, config
from torch import nn

from antispoof.config import EXPERIMENT
from antispoof.models import MODELS
from antispoof.models.back_end import BackEnd, FrameBackEnd, Frames
from antispoof.training.step_cost import describe_steps, step_cost


class Deep(BackEnd):
    """Products of 256 x 256 with a ReLU behind each, over frames of a waveform."""

    def __init__(self, depth=4):
        super().__init__()
        self.layers = nn.Sequential(
            *[nn.Sequential(nn.Linear(256, 256), nn.ReLU()) for _ in range(depth)]
        )
        self.last = nn.Linear(256, 2)

    def forward(self, x, lengths):
        return self.last(self.layers(x.unflatten(1, (-1, 256))).mean(1))


SECONDS = 256 * 200 / 16000  # 200 frames of 256
FRAMES = 4 * 200 * 256  # bytes of an utterance's frames


@pytest.fixture(autouse=True)
def models(monkeypatch):
    monkeypatch.setitem(MODELS, "deep", Deep)
    monkeypatch.setitem(MODELS, "small", Small)


def cost(**departures):
    own = config(model="deep", **departures)
    own["crop"] = {**own["crop"], "seconds": SECONDS}
    return step_cost(own, rounds=1)


def test_memory_is_what_backward_keeps_with_weights_and_moments():
    found = cost(batch_size=8, optimizer="adam")
    parameters = 4 * (256 * 256 + 256) + 256 * 2 + 2
    assert found["parameters"] == found["trainable"] == parameters
    moments = 8 * parameters + 4 * 10  # two a parameter, and a count for each of ten tensors
    assert found["memory"] - cost(batch_size=8, optimizer="sgd")["memory"] == moments
    # the output of each ReLU at the end of forward; gradients come while these go
    least = 4 * parameters + moments + 8 * 4 * FRAMES
    assert least < found["memory"] < least + 4 * parameters + 8 * 4 * FRAMES


def test_memory_follows_the_utterances_at_once_and_their_length():
    whole, half = cost(batch_size=8), cost(batch_size=8, accum_grad=2)
    assert (whole["utterances"], half["utterances"]) == (8, 4)
    assert cost(batch_size=9, accum_grad=2)["utterances"] == 5
    one = cost(batch_size=1)["memory"]
    two = cost(batch_size=2)["memory"]
    assert whole["memory"] == two + 6 * (two - one)
    assert half["memory"] == two + 2 * (two - one)
    assert 4 * FRAMES <= two - one <= 8 * FRAMES


def test_a_moving_average_and_a_step_uphill_take_memory_too():
    plain = cost(batch_size=8)
    size = 4 * plain["parameters"]
    assert cost(batch_size=8, select={**EXPERIMENT["select"], "ema": 0.9})["memory"] == (
        plain["memory"] + size
    )
    found = cost(batch_size=8, sharpness={"rho": 0.05, "adaptive": False})["memory"]
    # the weights as they were, and the gradients of the first pass, while the second is run
    assert found >= plain["memory"] + 1.9 * size
    assert found <= plain["memory"] + 3 * size


class Framed(FrameBackEnd):
    """Frames of 160 samples, a small layer for the utterance, and a large one for frames alone."""

    resolutions = (0.01,)

    def __init__(self):
        super().__init__()
        self.whole = nn.Linear(160, 2)
        self.own = nn.Sequential(nn.Linear(160, 2000), nn.Linear(2000, 2))

    def localise(self, x, lengths):
        x = x.unflatten(1, (-1, 160))
        return [Frames(0.01, self.own(x), lengths // 160)], self.whole(x.mean(1))


def test_a_model_of_frames_has_gradients_of_their_loss(monkeypatch):
    monkeypatch.setitem(MODELS, "framed", Framed)
    own = config(model="framed", batch_size=2)
    own["crop"] = {**own["crop"], "seconds": 0.1, "pad": "none"}
    found = step_cost(own, rounds=1)
    assert found["memory"] > 1.9 * 4 * found["parameters"]


def test_wave_models_have_one_row():
    own = config(batch_size=2)
    (row,) = describe_steps(own, rounds=1)
    assert row["name"] == "this config"
    assert row["step"] > 0
