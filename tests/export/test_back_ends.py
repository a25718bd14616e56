"""Back ends of every config give the same in ONNX Runtime, at lengths and batches of any size."""

import copy

import numpy as np
import pytest
import torch
from made_up import ROOT
from model_cases import CASES, build
from onnx_cases import CONFIGS, SMALL, compare, resolved, small

from antispoof.models import MODELS
from antispoof.torch_utils.tracing import is_traceable, share_of, traceable

WITHOUT = {"wavlm_aasist": "reads the waveform next to an upstream's states"}
NAMES = [str(path.relative_to(ROOT)) for path in CONFIGS]


def test_every_model_of_a_config_has_a_small_form_or_a_reason():
    used = {resolved(path)["model"] for path in CONFIGS}
    assert used == set(SMALL) | set(WITHOUT)
    assert set(MODELS) - used == {"nes2net"}  # as nes2net_x, which the configs name


@pytest.mark.parametrize("name", NAMES)
def test_a_back_end_gives_what_pytorch_gives(name):
    config = resolved(ROOT / name)
    if config["model"] in WITHOUT:
        assert MODELS[config["model"]].reads == "both"  # test_detectors.py has its whole chain
        return
    expected, alone, together = compare(config)
    spread = np.ptp(expected)
    assert spread > 1e-4
    limit = min(1e-4, spread / 100)
    assert alone == pytest.approx(expected, abs=limit)
    assert together == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_traceable_form_gives_what_the_usual_one_gives(name):
    model, make = build(name)
    x = make(77)[None]
    lengths = torch.tensor([x.shape[1 if x.ndim == 2 else 2]])
    with torch.no_grad():
        expected = model(x, lengths)
        with traceable():
            assert is_traceable()
            found = model(x, lengths)
    assert not is_traceable()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_share_of_a_tensor_is_that_of_a_number(share):
    counts = range(1, 400)
    expected = [max(int(count * share), 1) for count in counts]
    assert [share_of(count, share) for count in counts] == expected
    assert [int(share_of(torch.tensor(count), share)) for count in counts] == expected


def test_a_trace_leaves_its_model_as_it_was():
    config = resolved(ROOT / "conf/train_mel_cnn.yaml")
    model, make, lengths = small(config)
    x, before = make(lengths[0])[None], copy.deepcopy(model.state_dict())
    from antispoof.export.pieces import Scorer, trace

    trace(Scorer(model), x, 1)
    assert type(model.front_end.mel.spectrogram).__name__ == "Spectrogram"
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
