"""Every model keeps the contract; sizes are in test_models_*.py."""

import pytest
import torch
from model_cases import CASES, batch, build

from antispoof import LABELS
from antispoof.config import EXPERIMENT
from antispoof.errors import UserError
from antispoof.models import MODELS, build_model
from antispoof.models.back_end import BackEnd, FrameBackEnd


@pytest.fixture(params=CASES)
def case(request):
    return build(request.param)


def test_every_model_is_in_a_case():
    assert {name for name, _, _ in CASES.values()} == set(MODELS)


SAYS = {  # reads, shaped_by, last_layer
    "waveform": "aasist:out aasist_l:out lfcc_lcnn:output mel_cnn:head mel_multiscale:head "
    "mel_frames:None mel_vit:head rawnet2:output",
    "features": "aasist3:None bicross_mamba:output ca_mhfa:classifier fake_mamba:output "
    "gmlp_frames:None linear:output mean_pool:classifier mhfa:classifier nes2net:output "
    "nes2net_x:output sls:None spaarsist:classifier spaarsist_lite:classifier ssl_aasist:out "
    "wavlm_cnn:head xlsr_conformer:output xlsr_conformer_tcm:output xlsr_mamba:output",
    "both": "wavlm_aasist:fusion",
}
ONE_LENGTH = ("sls", "aasist3")
SHAPED = {
    "layers dim": "ca_mhfa gmlp_frames mean_pool mhfa sls",
    "": SAYS["waveform"].replace(":", " "),
}


def test_back_ends_say_what_they_are():
    for reads, pairs in SAYS.items():
        for name, last in (pair.split(":") for pair in pairs.split()):
            model = build_model(name)
            assert isinstance(model, BackEnd)
            assert (model.reads, str(model.last_layer)) == (reads, last), name
            shaped = [k for k, names in SHAPED.items() if name in names.split()] or ["dim"]
            assert model.shaped_by == tuple(shaped[0].split()), name
            assert model.takes_one_length({}) == (name in ONE_LENGTH)
    assert not MODELS["sls"].takes_one_length({"pooling": "adaptive"})
    assert build_model("mel_cnn", front_end="cached").reads == "features"


def test_logits_in_the_order_of_the_labels(case):
    model, make = case
    logits = model(*batch([make(120), make(90)], 0))
    assert logits.shape == (2, len(LABELS))
    assert torch.isfinite(logits).all()
    assert LABELS[1] == "bonafide"


def test_padding_and_neighbours_change_nothing(case):
    model, make = case
    items = [make(frames) for frames in (77, 200, 131, 96)]
    with torch.inference_mode():
        alone = torch.cat([model(*batch([item], 0)) for item in items])
        for beyond in (0, 3):
            together = model(*batch(items, beyond))
            torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
        repeated = model(*batch([items[0], items[0]], 0))
    torch.testing.assert_close(repeated[0], repeated[1], rtol=1e-5, atol=1e-6)


def test_every_parameter_learns(case):
    model, make = case
    model.train()
    given = batch([make(120) for _ in range(4)], 0)
    loss = torch.nn.functional.cross_entropy(model(*given), torch.tensor([0, 1, 1, 0]))
    if isinstance(model, FrameBackEnd):  # learns by its frames
        loss = loss + sum(own.logits.square().sum() for own in model.localise(*given)[0])
    loss.backward()
    lacking = [name for name, p in model.named_parameters() if p.grad is None]
    # what a publication counts and does not use has that name
    assert [name for name in lacking if ".unused." not in name] == []


def test_names_and_arguments_that_no_model_has():
    with pytest.raises(UserError, match="did you mean 'mhfa'"):
        build_model("mhfaa")
    with pytest.raises(UserError, match="'model_conf' is 'head', .* did you mean 'heads'"):
        build_model("mhfa", head=3)
    assert EXPERIMENT["model_conf"] == {}  # their defaults live in __init__
