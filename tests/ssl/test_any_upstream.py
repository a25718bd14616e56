"""Every family of s3prl's hub: random weights in s3prl's form are cached and read back.

The other judge is s3prl itself, which is given the same file and reads it in its own way.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from any_upstream import (
    FOLDERS,
    HOPS,
    OPTIONS,
    SIGNAL,
    TRANSFORMERS,
    judge,
    make,
    where_installed,
)
from made_up import ROOT
from random_upstreams import MAKERS, VARIANTS
from ssl_models import sounds

from antispoof.config import EXPERIMENT, UPSTREAM
from antispoof.data.ark import MATRIX, read_entry
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.scoring.build import build_front_end
from antispoof.scoring.inputs import frame_rate
from antispoof.ssl.families import BY_LOCAL, BY_PACKAGE, FAMILIES
from antispoof.ssl.upstream import FrozenUpstream, load_upstream_config

FOREIGN = (*MAKERS, *FOLDERS)
TRIED = {*FOREIGN, *TRANSFORMERS, "baseline", "log_stft"}
HERE = where_installed(FOREIGN)
ROOM = Path(importlib.util.find_spec("s3prl").origin).parent / "upstream"
ATOL = {"ssast": 1e-4, "ast": 1e-4}  # of states up to 20, on one thread and on several
RTOL = 1e-5  # float32: another machine, another order of sums
SAMPLES = {"a": 20000, "b": 17300}


@pytest.fixture(scope="module")
def extract_ssl():
    """The worker of stage 2, in this process: a new one would import torch for each family."""
    spec = importlib.util.spec_from_file_location("extract_ssl", ROOT / "steps/extract_ssl.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data directory of two utterances."""
    import soundfile

    folder = tmp_path_factory.mktemp("data")
    waves = dict(zip(SAMPLES, sounds(*SAMPLES.values()), strict=True))
    for utt, wave in waves.items():
        soundfile.write(folder / f"{utt}.wav", wave.numpy(), 16000, subtype="FLOAT")
    (folder / "wav.scp").write_text("".join(f"{u} {folder / u}.wav\n" for u in SAMPLES))
    durations = "".join(f"{u} {n / 16000:.4f}\n" for u, n in SAMPLES.items())
    (folder / "utt2dur").write_text(durations)
    return folder


@pytest.fixture(scope="module")
def cached(extract_ssl, data, tmp_path_factory):
    """package -> (config, {layer: {utterance: (T, D)}}, upstream), by stage 2, once for each."""
    found = {}

    def one(package, name="", options=None):
        key = package, name, str(options)
        if key in found:
            return found[key]
        folder = tmp_path_factory.mktemp(package)
        config = {"name": name or BY_PACKAGE[package].local[0], "options": options or {}}
        if not name:
            config["checkpoint"] = str(make(package, folder))
        lines = [f"{key}: {value}\n" for key, value in config.items()]
        (folder / "x.yaml").write_text("".join(lines) + "layers: all\ndtype: float32\n")
        argv = [str(folder / "x.yaml"), str(data), str(folder / "dump")]
        upstreams = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["extract_ssl.py", *argv])
            write = extract_ssl.write
            patch.setattr(
                extract_ssl, "write", lambda *args: (upstreams.append(args[0]), write(*args))
            )
            extract_ssl.main()
        upstreams[0].model = None  # not all are kept in memory
        states = {}
        for scp in sorted(folder.glob("dump/layer*/feats.scp")):
            layer = int(scp.parent.name.removeprefix("layer"))
            places = read_table(scp)
            states[layer] = {u: read_entry(place, u, MATRIX) for u, place in places.items()}
        found[key] = load_upstream_config(folder / "x.yaml"), states, upstreams[0]
        return found[key]

    return one


def hidden(upstream, wave):
    with torch.no_grad():
        return [states[0].numpy() for states in upstream([wave])["hidden_states"]]


@pytest.mark.parametrize("package", HERE)
def test_what_is_cached_is_what_s3prl_gives_for_the_same_file(cached, package):
    config, states, _ = cached(package, options=OPTIONS.get(package))
    upstream = judge(package, config["checkpoint"]).eval()
    for utt, wave in zip(SAMPLES, sounds(*SAMPLES.values()), strict=True):
        wanted = hidden(upstream, wave)
        assert sorted(states) == list(range(len(wanted)))
        for layer, matrix in enumerate(wanted):
            atol = ATOL.get(package, 1e-5)
            np.testing.assert_allclose(states[layer][utt], matrix, RTOL, atol, err_msg=utt)
            assert len(np.unique(matrix)) > 1  # it is no constant


@pytest.mark.parametrize("name", where_installed(VARIANTS))
def test_other_kinds_of_a_family_give_what_s3prl_gives(tmp_path, name):
    torch.manual_seed(4)
    torch.save(VARIANTS[name](), tmp_path / "x.pt")
    place = str(tmp_path / "x.pt")
    config = {"name": name, "checkpoint": place, "options": OPTIONS.get(name, {})}
    frozen = FrozenUpstream({**UPSTREAM, **config, "layers": "all"})
    wave = sounds(8000)[0]
    package = BY_LOCAL[name].package
    wanted = hidden(judge(package, place, name).eval(), wave)
    (found,) = frozen([wave.numpy()], ["a"])
    for layer, matrix in enumerate(wanted):
        np.testing.assert_allclose(found[layer], matrix, RTOL, ATOL.get(package, 1e-5))
    rates = {"byol_s_cvt": 10, "byol_s_resnetish34": 21, "vq_wav2vec_gumbel": 98}
    rates["ssast_patch_base"] = 9
    assert frozen.frame_rate == pytest.approx(rates.get(name, 6.25), rel=0.02)


@pytest.mark.parametrize("package", TRANSFORMERS)
def test_the_transformers_are_cached_and_read_back(cached, package):
    config, states, _ = cached(package)
    frozen = FrozenUpstream(config)
    waves = [wave.numpy() for wave in sounds(*SAMPLES.values())]
    for utt, found in zip(SAMPLES, frozen(waves, list(SAMPLES)), strict=True):
        assert sorted(states) == sorted(found)
        for layer, matrix in found.items():
            np.testing.assert_allclose(states[layer][utt], matrix, RTOL, 1e-5)


@pytest.mark.parametrize("name", SIGNAL)
def test_signal_processing_is_cached_and_is_s3prls(cached, name):
    options = {key: str(ROOM / value) for key, value in SIGNAL[name].items()}
    _, states, _ = cached("baseline", name, options)
    from s3prl import hub

    upstream = getattr(hub, name)(**options).eval()
    for utt, wave in zip(SAMPLES, sounds(*SAMPLES.values()), strict=True):
        np.testing.assert_allclose(states[0][utt], hidden(upstream, wave)[0], RTOL, 1e-5)


@pytest.mark.parametrize("package", [*HERE, *TRANSFORMERS])
def test_frames_come_at_the_hop_of_the_table_and_bytes_are_planned(cached, package):
    _, states, upstream = cached(package, options=OPTIONS.get(package))
    hop = HOPS.get(package, BY_PACKAGE[package].hop)
    for utt, samples in SAMPLES.items():
        for matrix in states.values():
            assert -2.5 < len(matrix[utt]) - samples / hop <= 1.5
            assert abs(len(matrix[utt]) - int(samples / 16000 * upstream.frame_rate)) <= 2
            assert matrix[utt].shape[1] == upstream.dim


@pytest.mark.parametrize("package", [*HERE, *TRANSFORMERS])
def test_batches_and_fine_tuning_are_for_the_transformers_alone(cached, package):
    config, states, upstream = cached(package, options=OPTIONS.get(package))
    good = BY_PACKAGE[package].transformer
    assert (upstream.transformer, upstream.batches) == (good, good)
    if package in ("passt", "ssast", "ast", "decoar", "decoar_layers", "decoar2", "lighthubert"):
        return  # large: the refusal below knows no more than `transformer`
    experiment = {"upstream": "x", "upstream_conf": config, "layers": [max(states)]}
    experiment |= {"finetune": EXPERIMENT["finetune"]}
    experiment["upstream_checkpoint"] = config["checkpoint"]
    if good:
        front_end = build_front_end(experiment)
        found, frames = front_end(torch.zeros(1, 4000), torch.tensor([4000]))
        assert found.shape == (1, 1, frames.item(), upstream.dim)
    else:
        with pytest.raises(UserError, match="upstream x: 'feats: ssl' needs a wav2vec 2.0, HuB"):
            build_front_end(experiment)


def test_a_rate_below_one_is_found_on_ten_seconds(cached):
    config, _, _ = cached("byol_a")
    upstream = FrozenUpstream({**config, "options": {"window_secs": 5.0, "stride_secs": 5.0}})
    assert upstream.frame_rate == pytest.approx(1 / 9)
    (found,) = upstream([np.zeros(320000, np.float32)], ["a"])
    assert len(found[0]) == 4


def test_a_crop_of_few_frames_per_second_is_as_long_as_its_seconds(tmp_path):
    """VGGish gives 25 frames for 24 s; a rate to the next ten would take 40 frames for 4 s."""
    (tmp_path / "utt2dur").write_text("a 24.0\nb 24.0\n")
    for frames, rate in ((25, 25 / 24), (150, 6.25), (1176, 50), (2352, 100), (504, 20)):
        (tmp_path / "utt2num_frames").write_text(f"a {frames}\nb {frames}\n")
        assert frame_rate(tmp_path, tmp_path) == pytest.approx(rate)


def test_a_sound_too_short_for_a_frame_is_named(cached):
    config, _, _ = cached("vggish")
    with pytest.raises(UserError, match="upstream vggish fails .* samples of u1 8000; too short?"):
        FrozenUpstream(config)([np.zeros(8000, np.float32)], ["u1"])
    bank = FrozenUpstream({**UPSTREAM, "name": "spectrogram"})
    with pytest.raises(
        UserError, match="upstream spectrogram fails .* samples of u1 300; too short?"
    ):
        bank([np.zeros(300, np.float32)], ["u1"])


def test_every_family_is_tried_or_refused():
    tried = [f for f in FAMILIES if not f.refused and (f.local or not f.needs)]
    assert {f.package for f in tried} == TRIED
    assert {f.package for f in FAMILIES if f.refused or f.needs} >= {"ssast", "ast", "pase"}


@pytest.mark.parametrize("package", where_installed(["ast"]))
def test_a_state_for_each_window_of_ten_seconds_has_a_rate(cached, package):
    """AST gives AudioSet's classes: 10 s have as many states as 1 s, and a rate of 0 plans none."""
    config, _, _ = cached(package, options=OPTIONS[package])
    upstream = FrozenUpstream({**config, "options": {}, "layers": "all"})
    assert (upstream.layer_indices, upstream.dim, upstream.frame_rate) == ([0], 527, 0.1)
    (found,) = upstream([np.zeros(20 * 16000, np.float32)], ["a"])
    assert found[0].shape == (2, 527)
