"""An upstream's name says what runs, and its tolerance what autocast may change."""

import pytest
import torch
from made_up import ROOT
from ssl_models import hugging_face

from antispoof.config import UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl import FAMILIES, convert, save
from antispoof.ssl.families import BY_LOCAL
from antispoof.ssl.upstream import FrozenUpstream, load_upstream_config, open_upstream


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """{family: a checkpoint of random weights in s3prl's form}"""
    folder, found = tmp_path_factory.mktemp("upstreams"), {}
    for family, kind in (("wavlm", "wavlm_base"), ("hubert", "hubert_base")):
        (folder / family).mkdir()
        hugging_face(kind, folder / family)
        found[family] = str(folder / f"{family}.pt")
        save(convert(folder / family)[0], found[family])
    return found


NEAREST = {
    "wavlm_base_plus": "wavlm",
    "fbank": "",
    "": "",
    "wavlm": "wavlm",
    "bert_local": "hubert",
}


@pytest.mark.parametrize("name", NEAREST)
def test_a_name_beside_a_checkpoint_is_that_of_a_family(tmp_path, name):
    path = tmp_path / "x.yaml"
    path.write_text(f"name: '{name}'\ncheckpoint: other.pt\n")
    with pytest.raises(UserError) as caught:
        load_upstream_config(path)
    line = (
        f"{path}: 'name' is '{name}', but what runs is 'checkpoint: other.pt'; wanted a name of "
        "docs/upstreams.md that takes one, as '"
    )
    assert str(caught.value).startswith(line)
    near, rest = str(caught.value).removeprefix(line).split("'")
    assert rest == ", or no checkpoint"
    assert near == f"{NEAREST[name]}_local" if NEAREST[name] else near in BY_LOCAL


@pytest.mark.parametrize("family", FAMILIES)
def test_the_name_of_a_family_wants_a_checkpoint(tmp_path, family):
    path = tmp_path / "x.yaml"
    path.write_text(f"name: {family}_local\n")
    with pytest.raises(UserError, match=f"'name: {family}_local' needs a 'checkpoint'"):
        load_upstream_config(path)
    path.write_text(f"name: {family}_local\ncheckpoint: x.pt\n")
    assert load_upstream_config(path)["checkpoint"] == "x.pt"


def test_a_checkpoint_of_another_family_is_refused(checkpoints):
    for family, other in (("wavlm", "hubert"), ("hubert", "wavlm"), ("hubert", "data2vec")):
        with pytest.raises(UserError) as caught:
            open_upstream({**UPSTREAM, "name": f"{other}_local", "checkpoint": checkpoints[family]})
        assert str(caught.value) == (
            f"{checkpoints[family]}: is not of the family that 'name: {other}_local' says; wanted "
            f"'name: {family}_local'"
        )
        open_upstream({**UPSTREAM, "name": f"{family}_local", "checkpoint": checkpoints[family]})


def test_every_config_of_the_tree_is_taken():
    for path in ROOT.glob("conf/upstream/*.yaml"):
        assert load_upstream_config(path)["name"]


def test_autocast_beyond_its_tolerance_is_refused(checkpoints):
    config = {**UPSTREAM, "name": "wavlm_local", "checkpoint": checkpoints["wavlm"]}
    frozen = FrozenUpstream({**config, "autocast": "bf16", "tolerance": 1e-5})
    frozen.require_tolerance()  # without autocast there is no difference
    frozen.amp = torch.bfloat16  # as on a GPU
    with pytest.raises(UserError) as caught:
        frozen.require_tolerance()
    line = str(caught.value)
    assert line.startswith("upstream wavlm_local: layer ")
    assert "with 'autocast: bf16' from float32, wanted 'tolerance' 1e-05 at most" in line
    difference = float(line.split("differs by ")[1].split()[0])
    assert difference > 1e-4  # seven bits of mantissa
    assert frozen.amp == torch.bfloat16
    frozen.config["tolerance"] = 1e9
    frozen.require_tolerance()
    frozen.config["tolerance"] = 0.9 * difference
    with pytest.raises(UserError, match="differs by"):
        frozen.require_tolerance()


def test_a_gpu_with_autocast_is_compared_before_it_is_used(checkpoints, monkeypatch):
    asked = []
    monkeypatch.setattr(FrozenUpstream, "require_tolerance", lambda self: asked.append(self.amp))
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, *_: self)
    monkeypatch.setattr(FrozenUpstream, "_hidden", lambda self, _: [torch.zeros(1, 49, 32)])
    config = {**UPSTREAM, "name": "wavlm_local", "checkpoint": checkpoints["wavlm"]}
    FrozenUpstream(config, "cuda")
    assert asked == []
    FrozenUpstream({**config, "autocast": "bf16", "tolerance": 0.1}, "cuda")
    assert asked == [torch.bfloat16]
