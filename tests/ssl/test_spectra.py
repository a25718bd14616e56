"""What a front end of s3prl does not give is not computed, and what it gives keeps every bit."""

import pytest
import torch
from torchaudio.transforms import MFCC

from antispoof.ssl.fetch import make_upstream
from antispoof.ssl.upstream import load_upstream_config, open_upstream


@pytest.mark.parametrize("name", ["mel", "linear", "fbank", "mfcc"])
@torch.inference_mode()
def test_spectra_keep_every_bit_without_what_nobody_reads(name, tmp_path):
    (tmp_path / "x.yaml").write_text(f"name: {name}\n")
    found = open_upstream(load_upstream_config(tmp_path / "x.yaml"))[0]
    plain = make_upstream(name).eval()
    generator = torch.Generator().manual_seed(0)
    waves = [torch.randn(count, generator=generator) for count in (800, 1599, 16000, 16161)]
    waves.append(torch.cat([waves[2], torch.zeros(3000)]))  # s3prl cuts the zeros at the end
    for wave in waves:
        own, wanted = found([wave])["hidden_states"][0], plain([wave])["hidden_states"][0]
        assert own.equal(wanted) and own.isfinite().all()


@pytest.mark.parametrize("name", ["mel", "linear"])
def test_no_mfcc_and_no_phase_is_computed_for_a_spectrum(name, tmp_path, monkeypatch):
    (tmp_path / "x.yaml").write_text(f"name: {name}\n")
    found = open_upstream(load_upstream_config(tmp_path / "x.yaml"))[0]
    monkeypatch.setattr(torch.Tensor, "angle", None)
    assert not any(isinstance(module, MFCC) for module in found.modules())
    assert found([torch.ones(16000)])["hidden_states"][0].shape[1] == 101
