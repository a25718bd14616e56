"""Front ends on a GPU: the states of a CPU, in batches too. Skipped where there is none."""

import numpy as np
import pytest
import torch
from own_upstreams import write_distillmos
from ssl_models import small_upstream

from antispoof.ssl import fetch
from antispoof.ssl.upstream import FrozenUpstream
from antispoof.torch_utils.device import choose_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")


@pytest.mark.parametrize("name", ["distillmos", "fbank", "mel", "wavlm_base_plus", "hubert_base"])
def test_what_is_cached_is_what_a_cpu_gives(name, tmp_path, root, monkeypatch):
    write_distillmos(tmp_path / "weights.pt")
    monkeypatch.setattr(fetch, "weights_in_package", lambda _: tmp_path / "weights.pt")
    config = small_upstream(tmp_path, root / f"conf/upstream/{name}.yaml")
    generator = np.random.default_rng(0)
    waves = [generator.standard_normal(n).astype(np.float32) / 10 for n in (16_000, 12_345, 16_000)]
    wanted = [FrozenUpstream(config)([wave], ["x"])[0] for wave in waves]
    upstream = FrozenUpstream(config, choose_device("cuda"))
    every = [[upstream([wave], ["x"])[0] for wave in waves]]
    if name not in ("fbank", "mel"):  # which are computed one by one
        every.append(upstream(waves, ["x"] * 3))
    for found in every:
        for one, other in zip(found, wanted, strict=True):
            assert one.keys() == other.keys()
            for layer, states in other.items():
                np.testing.assert_allclose(one[layer], states, rtol=1e-3, atol=1e-4)
    torch.use_deterministic_algorithms(False)
