"""SpAArSIST-lite: what each substitution saves, and that it is AASIST without them."""

import pytest
import torch
from test_models_graph import FRAMES, macs, parameters

from antispoof.models import build_model

TAKEN_BACK = {
    "separable": False,
    "time_pool": 1,
    "attention_width": 128,
    "scorer": "learned",
}


@pytest.mark.parametrize(
    ("conf", "wanted"),
    [({}, 433762), (TAKEN_BACK, 611784 - 512)],  # 512: norms that the published code never uses
)
def test_parameters(conf, wanted):
    model = build_model("spaarsist_lite", **conf)
    assert parameters(model) - parameters(model.classifier) == wanted


@pytest.mark.parametrize(
    ("conf", "wanted"),
    [
        ({}, 127317248),
        ({"time_pool": 1}, 207062400),
        (TAKEN_BACK, 710080960),
        ({**TAKEN_BACK, "separable": True}, 241651264),
        ({**TAKEN_BACK, "time_pool": 2}, 389316608),
        ({**TAKEN_BACK, "attention_width": 32}, 675502528),
        ({**TAKEN_BACK, "scorer": "magnitude"}, 710070528),
    ],
)
def test_operations_that_each_substitution_saves(conf, wanted):
    model = build_model("spaarsist_lite", **conf).eval()
    model.classifier = None
    assert macs(model, torch.randn(1, 1, FRAMES, 1024), torch.tensor([FRAMES])) == wanted


def test_lite_with_every_substitution_taken_back_is_ssl_aasist():
    torch.manual_seed(0)
    full = build_model("ssl_aasist", dim=16, embedding=8).eval()
    state = {k: v for k, v in full.state_dict().items() if ".unused." not in k}
    lite = build_model("spaarsist_lite", dim=16, embedding=8, classifier="linear", **TAKEN_BACK)
    lite.eval().load_state_dict(state)
    x, lengths = torch.randn(2, 1, 40, 16), torch.tensor([40, 40])
    with torch.inference_mode():
        torch.testing.assert_close(lite(x, lengths), full(x, lengths))
