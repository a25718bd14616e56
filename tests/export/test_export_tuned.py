"""What a method of `finetune` adds has no form in ONNX: it is refused, and a plain one is not."""

import own_upstreams
import pytest
import torch

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.errors import UserError
from antispoof.export.pieces import FineTunedScorer
from antispoof.models.mhfa import MHFA
from antispoof.ssl import fetch
from antispoof.ssl.finetuned import FineTuned, FrontEnd
from antispoof.ssl.upstream import open_upstream


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "weights_in_package", own_upstreams.fetched(tmp_path))
    config = {**UPSTREAM, "name": "distillmos"}

    def front_end(**finetune):
        finetune = {**EXPERIMENT["finetune"], "layers": "all", **finetune}
        front = FrontEnd(open_upstream(config)[0], config, [1, 7], finetune)
        return FineTuned(front, MHFA(2, 200, heads=4)).eval()

    return front_end


def test_a_tuned_front_end_is_refused_with_what_to_do(build):
    model = build(method="lora", method_conf={"rank": 2})
    with pytest.raises(UserError, match="found 'finetune.method: lora', wanted full; steps/merge"):
        FineTunedScorer(model)
    plain = build()
    wave = 0.1 * torch.randn(1, 16000)
    with torch.no_grad():
        logits = plain(wave, torch.tensor([16000]))
        torch.testing.assert_close(FineTunedScorer(plain)(wave), logits[:, 1] - logits[:, 0])
