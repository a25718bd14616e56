"""Another file under the same name is noticed: before it is read, and at the next extraction."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from any_upstream import make
from made_up import ROOT

from antispoof.config import UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl.families import BY_PACKAGE, FAMILIES, PUBLISHED, family_named
from antispoof.ssl.s3prl import find_upstream
from antispoof.ssl.upstream import load_upstream_config, open_upstream


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def config_of(package, place, **more):
    return {**UPSTREAM, "name": BY_PACKAGE[package].local[0], "checkpoint": str(place), **more}


@pytest.mark.parametrize("package", ["apc", "hubert"])
def test_a_checkpoint_of_another_sum_is_refused_before_it_is_read(tmp_path, package):
    place = make(package, tmp_path)
    right = digest(place)
    model, _ = open_upstream(config_of(package, place, sha256=right))
    assert model.weight_sums == {"model.pt": right}
    place.write_bytes(b"no checkpoint of anything")
    wanted = (
        f"model.pt: its SHA-256 is {digest(place)}, wanted {right} .'sha256' of the config.; br"
    )
    with pytest.raises(UserError, match=wanted) as said:
        open_upstream(config_of(package, place, sha256=right))
    assert "\n" not in str(said.value)


def test_a_sum_is_of_one_file(tmp_path):
    place = make("vggish", tmp_path)
    model, _ = open_upstream(config_of("vggish", place))
    assert model.weight_sums == {path.name: digest(path) for path in place.iterdir()}
    first = digest(sorted(place.iterdir())[0])
    with pytest.raises(
        UserError, match="'sha256' is of one file, and these are read: vggish-.*pca"
    ):
        open_upstream(config_of("vggish", place, sha256=first))


@pytest.mark.parametrize("name", ["hubert_base", "apc"])
def test_a_download_is_compared_before_it_is_read(tmp_path, monkeypatch, name):
    """hubert_base: with what is published; apc: with what the config states."""
    place = tmp_path / "x.pt"
    place.write_bytes(b"what somebody else put there")
    module = sys.modules[find_upstream(name).__module__]
    for source in (sys.modules["s3prl.util.download"], module):
        for attribute in ("urls_to_filepaths", "_urls_to_filepaths"):
            monkeypatch.setattr(source, attribute, lambda *_, **__: str(place), raising=False)
    stated = "" if name in PUBLISHED else "0" * 64
    wanted = PUBLISHED.get(name, stated)
    with pytest.raises(UserError, match=f"x.pt: its SHA-256 is {digest(place)}, wanted {wanted} "):
        open_upstream({**UPSTREAM, "name": name, "sha256": stated})


@pytest.mark.parametrize("text", ["abc", "A" * 64, "g" * 64])
def test_what_is_no_sum_is_refused(tmp_path, text):
    (tmp_path / "x.yaml").write_text(f"name: fbank\nsha256: {text}\n")
    with pytest.raises(UserError, match=f"x.yaml: 'sha256' is '{text}', wanted 64 digits"):
        load_upstream_config(tmp_path / "x.yaml")


def test_published_sums_are_of_names_that_download_one_file():
    for name, wanted in PUBLISHED.items():
        assert len(wanted) == 64 and family_named(name).transformer, name
    assert set(PUBLISHED) >= {"hubert_base", "wavlm_large"} and len(FAMILIES) > 30


@pytest.fixture
def extract(tmp_path, monkeypatch):
    """Extract features of one utterance as the set NAME."""
    spec = importlib.util.spec_from_file_location("extract_ssl", ROOT / "steps/extract_ssl.py")
    worker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    wave = np.random.default_rng(0).standard_normal(8000).astype(np.float32) / 10
    soundfile.write(tmp_path / "a.wav", wave, 16000)
    (tmp_path / "wav.scp").write_text(f"a {tmp_path}/a.wav\n")
    (tmp_path / "utt2dur").write_text("a 0.5\n")
    (tmp_path / "x.yaml").write_text(f"name: apc_local\ncheckpoint: {tmp_path}/model.pt\n")

    def run(name, config="x.yaml"):
        place = tmp_path / "dump" / name
        argv = ["extract_ssl.py", tmp_path / config, tmp_path, place, "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", [str(word) for word in argv])
        worker.main()
        return place

    return run


def test_features_of_another_file_are_not_mixed_with_those_there(tmp_path, extract, capsys):
    """The next run of a set, and another set of the same upstream, say so."""
    place = make("apc", tmp_path)
    line = f"{digest(place)}  model.pt\n"
    assert (extract("train") / "weights.sha256").read_text() == line
    assert line in capsys.readouterr().out
    extract("train")
    state = torch.load(place, weights_only=True)
    torch.save({**state, "more": 1}, place)
    for name in ("train", "eval"):
        with pytest.raises(UserError, match="train/weights.sha256: its features were made") as said:
            extract(name)
        assert digest(place) in str(said.value) and line.strip() in str(said.value)
    assert not (tmp_path / "dump/eval/weights.sha256").exists()
    (tmp_path / "y.yaml").write_text((tmp_path / "x.yaml").read_text() + "layers: [0]\n")
    extract("other", "y.yaml")  # another config may read another file


def test_an_upstream_without_weights_records_none(tmp_path, extract):
    (tmp_path / "z.yaml").write_text("name: fbank\n")
    assert not (extract("train", "z.yaml") / "weights.sha256").exists()
