"""The section of claims shows each verdict, where claims were judged on the data at hand."""

import json
import re

import pytest
from test_page_diagnostics import words_of

from antispoof.errors import UserError
from antispoof.report.claims import claims


def test_a_verdict_is_shown_next_to_its_claim(tmp_path):
    assert claims(tmp_path / "data") == ""
    own = {"claim": "a <ViT> is worse", "verdict": "held", "of_these_attacks": "cannot tell"}
    own |= {"effects": [{"text": "ViT − CNN: +7 [+5, +9]"}, {"text": "so & so"}]}
    lacking = {"claim": "b", "verdict": "not run", "effects": [], "note": "0 of 9", "lacks": "c"}
    (tmp_path / "CLAIMS.json").write_text(json.dumps([own, lacking]))
    text = claims(tmp_path / "data")
    assert "CLAIMS.md says what was run" in words_of(text) and "<ViT>" not in text
    rows = re.findall('<tr>(<th scope="row">.*?</th>)(.*?)</tr>', text, re.DOTALL)
    assert [words_of(heading) for heading, _ in rows] == [  # its words wrap, a number's do not
        "a <ViT> is worse ViT − CNN: +7 [+5, +9] so & so",
        "b 0 of 9 c",
    ]
    assert [words_of(cells) for _, cells in rows] == ["held cannot tell", "not run -"]
    (tmp_path / "CLAIMS.json").write_text('[{"name": "x"}]')
    with pytest.raises(UserError, match="CLAIMS.json: lacks '.*claim'; run steps/claims.py again"):
        claims(tmp_path / "data")
