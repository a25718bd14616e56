"""A random checkpoint of any family in s3prl's hub, and s3prl's own reading of it."""

import functools

import pytest
import torch
from random_upstreams import MAKERS, VGGISH, part, vggish
from ssl_models import hugging_face


def transformer(kind, folder):
    """A model of the five families that are wav2vec 2.0's kind, converted from transformers'."""
    from antispoof.ssl import convert, save

    (folder / "hf").mkdir()
    hugging_face(kind, folder / "hf")
    save(convert(folder / "hf")[0], folder / "model.pt")
    return folder / "model.pt"


def hf_folder(kind, folder):
    (folder / "hf").mkdir()
    hugging_face(kind, folder / "hf")
    return folder / "hf"


TRANSFORMERS = {
    **{"wav2vec2": "wav2vec2_large", "hubert": "hubert_base", "wavlm": "wavlm_base"},
    **{"unispeech_sat": "wavlm_large", "data2vec": "data2vec"},
}
FOLDERS = {
    "vggish": vggish,
    "hf_hubert": functools.partial(hf_folder, "hubert_base"),
    "hf_wav2vec2": functools.partial(hf_folder, "wav2vec2_base"),
}
# names without weights: options
SIGNAL = {
    **{name: {} for name in ("fbank", "fbank_no_cmvn", "mel", "mfcc", "linear", "spectrogram")},
    "baseline_local": {"model_config": "baseline/mfcc.yaml"},
    "stft_mag": {"model_config": "log_stft/log_stft_mag.yaml"},
}
# of those that are large
OPTIONS = {
    "passt": {"stride_secs": 0.5},
    "byol_s_cvt": {"window_secs": 0.2, "hop_secs": 0.1},
    "ast": {"window_secs": 1.0, "stride_secs": 1.0, "feature_selection": "hidden_states"},
}
HOPS = {"ast": 1600, "passt": 8000}  # samples, with these options


def where_installed(packages):
    """Names of families or of the hub, of which a test skips those whose package is not here."""
    from antispoof.ssl.families import BY_LOCAL, BY_PACKAGE
    from antispoof.ssl.foreign import lacking

    reasons = {name: lacking(BY_PACKAGE.get(name) or BY_LOCAL[name]) for name in packages}
    return [
        pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=reason or "all is here"))
        for name, reason in reasons.items()
    ]


def make(package, folder):
    """A random checkpoint of a family in `folder`: its path."""
    if package in TRANSFORMERS:
        return transformer(TRANSFORMERS[package], folder)
    if package in FOLDERS:
        return FOLDERS[package](folder)
    torch.manual_seed(4)
    torch.save(MAKERS[package](), folder / "model.pt")
    return folder / "model.pt"


def judge(package, place, name=""):
    """The family's upstream by s3prl alone, which reads the file as it likes."""
    from antispoof.ssl.guard import read_inert

    expert = part(f"{package}.expert").UpstreamExpert
    if package == "byol_a":
        return expert(place, part("byol_a").__path__[0] + "/config.yaml", 512)
    if package == "byol_s":
        kind = name.removeprefix("byol_s_") or "default"
        return expert(ckpt=place, model_name=kind, **OPTIONS.get(name, {}))
    if package == "ssast":
        return expert(place, "base_p" if name == "ssast_patch_base" else "base_f")
    if package == "ast":
        return expert(place, **OPTIONS["ast"])
    if package == "vggish":
        files = [read_inert(f"{place}/{name}") for name in VGGISH]
        return expert(dict(zip(("vggish", "pca"), files, strict=True)))
    if package == "passt":
        helpers = part("passt.hear21passt.models.helpers.vit_helpers")
        download, helpers.urls_to_filepaths = helpers.urls_to_filepaths, lambda _: place
        try:
            return expert("base", **OPTIONS["passt"])
        finally:
            helpers.urls_to_filepaths = download
    return expert(place)
