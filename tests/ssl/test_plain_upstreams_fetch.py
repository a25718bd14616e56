"""From a name to an upstream: what is downloaded is read safely, and every failure is one line."""

import sys
import types
from urllib.error import URLError

import pytest
import torch
from ssl_models import hugging_face, sounds

from antispoof.config import UPSTREAM
from antispoof.errors import UserError
from antispoof.ssl import conventions, convert, fetch, load_local, s3prl, save
from antispoof.ssl.upstream import claim_dump

NAMES = ("xls_r_300m", "wavlm_large", "hubert_base", "data2vec_large_ll60k", "fbank", "mel")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small model that stands in for a download."""
    folder = tmp_path_factory.mktemp("small")
    hugging_face("wav2vec2_large", folder / "hf")
    save(convert(folder / "hf")[0], folder / "model.pt")
    return folder / "model.pt"


@pytest.fixture
def hub(monkeypatch):
    """Let s3prl's download be another function; returns the module that holds it."""
    module = sys.modules[fetch.find_upstream("xls_r_300m").__module__]

    def replace(function):
        monkeypatch.setattr(module, "_urls_to_filepaths", function)
        return module

    return replace


def test_what_is_downloaded_is_read_by_us_and_s3prls_function_comes_back(small, hub):
    asked = []

    def download(address, download=True):
        asked.append((address, download))
        return str(small)

    module = hub(download)
    found = fetch.make_upstream("xls_r_300m")
    assert module._urls_to_filepaths is download
    assert [download for _, download in asked] == [False, True]
    assert {address.rpartition("/")[2] for address, _ in asked} == {"xlsr2_300m.pt"}
    wanted = load_local(small)
    with torch.no_grad():
        for ours, theirs in zip(
            *(m(sounds(4000))["hidden_states"] for m in (found, wanted)), strict=True
        ):
            assert torch.equal(ours, theirs)


ERRORS = [OSError("no\nnetwork"), URLError("no network"), KeyError("no"), ValueError("no")]


@pytest.mark.parametrize("error", [*ERRORS, OSError(), OSError("x" * 500)])
def test_a_download_that_fails_says_how_to_fetch_it(hub, error):
    def download(address, download=True):
        if download:
            raise error
        return "CACHE/xlsr2.pt"

    module = hub(download)
    with pytest.raises(UserError, match="curl -L --create-dirs -o CACHE/xlsr2.pt https://") as said:
        fetch.make_upstream("xls_r_300m")
    reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
    assert f"cannot be fetched ({reason}); where" in str(said.value)
    assert module._urls_to_filepaths is download


def test_a_checkpoint_of_the_recipe_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert conventions.is_transformer(
        fetch.make_upstream("hubert_local", "conf/upstream/hubert_mini.pt")
    )


def test_a_checkpoint_of_ones_own_needs_no_download(small, hub, monkeypatch):
    hub(lambda *_args, **_options: pytest.fail("it was asked"))
    monkeypatch.chdir(small.parent)
    found = fetch.make_upstream("wav2vec2_local", "model.pt")
    assert conventions.has_final_norm(found)
    with pytest.raises(UserError, match="nowhere.pt: no such file"):
        fetch.make_upstream("wav2vec2_local", "nowhere.pt")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_the_hubs_own_function(name):
    from s3prl import hub

    assert s3prl.find_upstream(name) is getattr(hub, name)


def test_every_definition_that_the_hub_hides_is_hidden_here_too():
    """Where two parts of s3prl define a name, the hub has the last one's."""
    from s3prl import hub

    names = [n for n, f in vars(hub).items() if isinstance(f, types.FunctionType)]
    for name in [n for n in names if n.endswith("_local") or n in ("wav2vec2", "hubert", "wavlm")]:
        assert s3prl.find_upstream(name) is getattr(hub, name), name


@pytest.mark.parametrize("name", ["wav2vec2_loca", "os", "hubert("])
def test_a_name_that_is_no_upstream_is_refused_with_the_nearest(name):
    with pytest.raises(UserError, match="upstream: 'name' is .*wanted a known one, did you mean"):
        s3prl.find_upstream(name)


def test_without_s3prl_one_line_says_what_to_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3prl", None)
    with pytest.raises(UserError, match=r"upstream fbank: found no package s3prl.*tools/setup.sh"):
        s3prl.find_upstream("fbank")


@pytest.mark.parametrize("name", ["wav2vec2_custom", "hubert_url", "cpc_local", "hf_hubert_custom"])
def test_a_name_that_wants_arguments_is_refused_in_one_line(name):
    with pytest.raises(UserError, match=f"upstream {name}: needs arguments .*'ckpt'") as said:
        fetch.make_upstream(name)
    assert len(str(said.value).splitlines()) == 1


def test_a_name_that_wants_a_package_is_refused_in_one_line_before_it_fetches():
    with pytest.raises(UserError, match="wavlablm_ek_40k: s3prl imports the package espnet2 "):
        fetch.make_upstream("wavlablm_ek_40k")


def test_whatever_else_an_upstream_raises_is_one_line(monkeypatch):
    module = sys.modules[fetch.find_upstream("fbank").__module__]
    monkeypatch.delattr(module, "_UpstreamExpert")  # a part of it that is not there
    with pytest.raises(UserError, match="fbank: cannot be built .NameError: .*; name another"):
        fetch.make_upstream("fbank")


def test_stand_ins_fill_what_is_gone_and_nothing_else(monkeypatch):
    import torchaudio

    kept = object()
    for here in (False, True):
        for name in ("set_audio_backend", "sox_effects"):
            if here:
                monkeypatch.setattr(torchaudio, name, kept, raising=False)
            else:
                monkeypatch.delattr(torchaudio, name, raising=False)
        monkeypatch.delitem(sys.modules, "torchaudio.sox_effects", raising=False)
        s3prl._stand_in()
        if here:
            assert torchaudio.sox_effects is torchaudio.set_audio_backend is kept
            continue
        assert torchaudio.set_audio_backend("sox_io") is None
        for call in ("apply_effects_tensor", "apply_effects_file"):
            with pytest.raises(RuntimeError, match="sox_effects is gone since torchaudio 2.9"):
                getattr(sys.modules["torchaudio.sox_effects"], call)(1, effects=[])


def test_a_dump_keeps_the_config_that_made_it(tmp_path):
    config = {**UPSTREAM, "name": "fbank"}
    claim_dump(tmp_path / "dump", config)
    before = (tmp_path / "dump/config.yaml").stat()
    claim_dump(tmp_path / "dump", config)
    assert (tmp_path / "dump/config.yaml").stat().st_ino == before.st_ino  # not written again
    window = {**UPSTREAM["window"], "samples": 1}
    for other in ({"frames": "s3prl"}, {"window": window}, {"layers": "all"}):
        with pytest.raises(UserError, match="dump/config.yaml: holds features of another config"):
            claim_dump(tmp_path / "dump", {**config, **other})
