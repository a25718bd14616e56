"""Whole chains give the LLR of a detector: from the waveform on, cropped as their config says."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import torch
from made_up import ROOT, refused, worker
from onnx import TensorProto
from onnx_cases import opened, uneven
from own_upstreams import fetched

from antispoof import Detector
from antispoof.errors import UserError
from antispoof.evaluation.fusion import Calibration, Fusion
from antispoof.export.detector import export_detector
from antispoof.export.upstreams import window_starts
from antispoof.scoring.build import build_system
from antispoof.ssl import fetch
from antispoof.ssl.encoder import windows
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

MHFA = "model: mhfa\nmodel_conf: {heads: 4, compression: 16, embedding: 16, layers: 2, dim: 200}\n"
DISTILLMOS = f"upstream: distillmos\nlayers: [1, 7]\n{MHFA}"
MEL = "feats: cached\nupstream: mel\nmodel: mel_cnn\n"
SMALL = "model_conf: {widths: [4, 4, 8, 8], front_end: cached}\n"
LISTENER = "model: wavlm_aasist\nmodel_conf: {size: 8, widths: [4, 4, 8, 8]}\n"
CONFIGS = {
    "cached_full": f"feats: cached\n{DISTILLMOS}crop: {{test: full, seconds: 1.5, pad: none}}\n",
    "cached_centre": f"feats: cached\n{DISTILLMOS}"
    "crop: {test: centre, seconds: 1.0, pad: zero}\n",
    "ssl_first": f"feats: ssl\n{DISTILLMOS}crop: {{test: first, seconds: 1.0, pad: none}}\n",
    "listener": f"feats: ssl\nupstream: distillmos\nlayers: [3]\n{LISTENER}"
    "crop: {test: centre, seconds: 1.0, pad: tile}\n",
    "mel": f"{MEL}{SMALL}crop: {{test: full, seconds: 1.0, pad: tile}}\n",
    "wave": "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 4, 8, 8]}\n"
    "crop: {test: centre, seconds: 0.8, pad: tile}\n",
}
REFUSED = {
    "windows": "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 4, 8, 8]}\n"
    "crop: {test: windows, seconds: 0.8, pad: none}\n",
    "fbank": "feats: cached\nupstream: fbank\nmodel: mhfa\n"
    "model_conf: {heads: 4, compression: 16, embedding: 16, layers: 1, dim: 240}\n",
}


def make(name, text):
    """An experiment of random weights, with a calibration."""
    with open(f"{name}.yaml", "w") as stream:
        stream.write(text)
    config = claim(f"exp/{name}", load_experiment(f"{name}.yaml", 1))
    torch.manual_seed(0)
    save_checkpoint(f"exp/{name}/best.pt", {"model": uneven(build_system(config)).state_dict()})
    learnt = Calibration.fit(np.array([0.0, 2, 1, 3]), np.array([0, 0, 1, 1]), (name,))
    learnt.save(f"exp/{name}/calibration.json")


def fuse(name, systems, rule="logistic"):
    """A fusion of experiments, learnt from made-up scores."""
    rng = np.random.default_rng(0)
    answers = np.arange(40) % 2
    scores = rng.standard_normal((40, len(systems))) + answers[:, None]
    Path("exp", name).mkdir()
    learnt = Fusion.fit(scores, answers.astype(bool), systems, rule=rule)
    learnt.save(f"exp/{name}/fusion.json")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with experiments of random weights."""
    folder = tmp_path_factory.mktemp("detectors")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(fetch, "weights_in_package", fetched(folder))
        for name, text in {**CONFIGS, **REFUSED}.items():
            make(name, text)
        fuse("fusion", ("mel", "wave"))
        fuse("nested", ("wave", "fusion"))
        fuse("ranked", ("mel", "wave"), "rank")
        yield folder


def sounds():
    """Sounds of several lengths, with a tone and zeros at the end of one."""
    rng = np.random.default_rng(0)
    waves = []
    for count in (21234, 9600, 16000, 30001):
        tone = np.sin(np.arange(count) * (0.03 + count % 7 * 0.1)) * 0.1 * (count % 3)
        waves.append((0.05 * rng.standard_normal(count) + tone).astype(np.float32))
    waves[2][-1700:] = 0
    return waves


def padded(waves):
    """(x, lengths) with what is no sound beyond each."""
    x = np.full((len(waves), max(map(len, waves))), 7, np.float32)
    for row, wave in zip(x, waves, strict=True):
        row[: len(wave)] = wave
    return x, np.array([len(wave) for wave in waves])


@pytest.mark.parametrize("name", [*CONFIGS, "fusion", "nested"])
def test_llrs_are_those_of_the_detector(place, name):
    detector, model = Detector.load(f"exp/{name}", "cpu"), export_detector(f"exp/{name}")
    run, waves = opened(model), sounds()
    expected = [detector((wave, 16000), windows=False).llr for wave in waves]
    alone = [float(run(wave[None], [len(wave)])["llr"][0]) for wave in waves]
    assert np.ptp(expected) > 5e-4
    assert alone == pytest.approx(expected, abs=min(1e-4, np.ptp(expected) / 20))
    assert run(*padded(waves))["llr"] == pytest.approx(alone, abs=1e-6)
    known = {entry.key: entry.value for entry in model.metadata_props}
    assert (known["name"], known["sample_rate"], known["reads"]) == (name, "16000", "waveform")
    assert known["direction"] == "higher = more bona fide"
    assert json.loads(known["calibration"])["offset"] == detector.system.mapping.offset


def test_a_sound_longer_than_the_positional_table_is_scored_the_same(place):
    wave = 0.05 * np.random.default_rng(1).standard_normal(20 * 16000).astype(np.float32)
    expected = Detector.load("exp/cached_full", "cpu")((wave, 16000), windows=False).llr
    found = opened(export_detector("exp/cached_full"))(wave[None], [len(wave)])["llr"]
    assert found == pytest.approx([expected], abs=1e-4)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 12, 13, 20, 41])
def test_windows_lie_where_the_upstream_has_them(count):
    expected = windows(count, 8)
    starts, window = window_starts(torch.tensor(count), 8)
    assert starts.tolist() == [each.start for each in expected]
    owners = [n for n, each in enumerate(expected) for _ in range(each.first, each.end)]
    assert window.tolist() == owners


def test_a_system_without_calibration_gives_its_score(place):
    kept = (place / "exp/wave/calibration.json").read_text()
    (place / "exp/wave/calibration.json").unlink()
    try:
        model = export_detector("exp/wave")
    finally:
        (place / "exp/wave/calibration.json").write_text(kept)
    both = opened(export_detector("exp/wave"))(*padded(sounds()))
    found = opened(model)(*padded(sounds()))
    assert list(found) == ["score"]
    assert found["score"] == pytest.approx(both["score"])
    learnt = Calibration.load("exp/wave/calibration.json")
    assert learnt(both["score"]) == pytest.approx(both["llr"], abs=1e-5)


@pytest.mark.parametrize("name", ["cached_centre", "fbank", "ssl_first"])
def test_the_back_end_alone_reads_features(place, name):
    model = export_detector(f"exp/{name}", features=True)
    (layers, dim) = (1, 240) if name == "fbank" else (2, 200)
    x = torch.randn(3, layers, 50, dim, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([50, 31, 44])
    detector = Detector.load(f"exp/{name}", "cpu")
    whole = detector.system.systems[0].model
    with torch.no_grad():
        logits = getattr(whole, "back_end", whole)(x, lengths)
    found = opened(model)(x, lengths)
    assert found["score"] == pytest.approx((logits[:, 1] - logits[:, 0]).numpy(), abs=1e-4)
    assert {e.key: e.value for e in model.metadata_props}["reads"] == "features"


REASONS = {
    ("windows", False): "found crop.test 'windows', which ONNX has no form of, wanted first",
    ("fbank", False): "upstream fbank: cannot be exported from the waveform on, wanted distillmos",
    ("ranked", False): "found the rule 'rank', which ONNX has no form of",
    ("fusion", True): "exp/fusion: found a fusion, wanted one system with --features",
    ("wave", True): "exp/wave: its model reads the waveform, and has no features",
    ("listener", True): "exp/listener: its model reads the waveform, and has no features",
    ("nowhere", False): "exp/nowhere/config.yaml: no such experiment",
}


@pytest.mark.parametrize(("name", "features"), REASONS)
def test_what_cannot_be_exported_is_refused_in_one_line(place, name, features):
    with pytest.raises(UserError, match=REASONS[name, features]) as caught:
        export_detector(f"exp/{name}", features)
    assert len(str(caught.value).splitlines()) == 1


def test_eight_bits_are_for_weights_and_not_for_transforms(place):
    def wide(model):
        loop = next(node for node in model.graph.node if node.op_type == "Loop")
        (row,) = (attribute.g for attribute in loop.attribute if attribute.name == "body")
        return {entry.name.rpartition(".")[2]: entry.data_type for entry in row.initializer}

    found = wide(export_detector("exp/cached_full", int8=True))
    assert found["kernels"] == TensorProto.DOUBLE
    assert TensorProto.INT8 in found.values()
    assert TensorProto.INT8 not in wide(export_detector("exp/cached_full")).values()


def test_int8_is_smaller_and_near(place):
    exact, small = export_detector("exp/cached_full"), export_detector("exp/cached_full", int8=True)
    assert small.ByteSize() < exact.ByteSize()
    a, b = (opened(model)(*padded(sounds()))["llr"] for model in (exact, small))
    assert not np.array_equal(a, b)
    assert b == pytest.approx(a, abs=0.5)
    assert {e.key: e.value for e in small.metadata_props}["weights"] == "int8"


def test_the_worker_writes_a_model_or_one_line(place):
    done = worker("steps/export_onnx.py", "exp/wave", "out/wave.onnx", cwd=place)
    assert done[0] == 0, done
    assert done[1].startswith("out/wave.onnx: x, lengths -> score, llr; ")
    onnx.checker.check_model(onnx.load(place / "out/wave.onnx"))
    line = refused("steps/export_onnx.py", "exp/windows", "out/windows.onnx", cwd=place)
    assert "export the back end alone" in line
    assert not (place / "out/windows.onnx").exists()


def test_the_example_of_the_page_runs(place, capsys):
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs/onnx.md").read_text(), re.DOTALL)[1]
    assert len(code.splitlines()) <= 12
    (wave, *_) = sounds()
    soundfile.write(place / "call.wav", wave, 16000, subtype="FLOAT")
    (place / "fusion.onnx").write_bytes(export_detector("exp/fusion").SerializeToString())
    exec(compile(code, "docs/onnx.md", "exec"), {})
    expected = Detector.load("exp/fusion", "cpu")("call.wav").llr
    assert float(capsys.readouterr().out.split()[-1]) == pytest.approx(expected, abs=1e-3)
