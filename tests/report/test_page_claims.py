"""The section of claims shows each verdict, where claims were judged on the data at hand."""

import json

import pytest
from test_page_diagnostics import words_of

from antispoof.errors import UserError
from antispoof.report.claims import claims


def test_a_verdict_is_shown_next_to_its_claim(tmp_path):
    assert claims(tmp_path / "data") == ""
    own = {"name": "vit_is_worse", "claim": "a <ViT> is worse", "verdict": "held"}
    (tmp_path / "CLAIMS.json").write_text(json.dumps([own]))
    text = claims(tmp_path / "data")
    assert "a <ViT> is worse held" in words_of(text)
    assert "CLAIMS.md says what was run" in words_of(text) and "<ViT>" not in text
    (tmp_path / "CLAIMS.json").write_text('[{"name": "x"}]')
    with pytest.raises(UserError, match="CLAIMS.json: lacks '.*claim'; run steps/claims.py again"):
        claims(tmp_path / "data")
