"""The benchmark of detection: which models it covers, and that its table comes out."""

import runpy
import subprocess
import sys
from pathlib import Path

import soundfile
from made_up import ROOT
from tiny_detector import MODEL, voice

PROGRAM = ROOT / "benchmarks/detect.py"


def test_every_system_that_a_recipe_trains_is_benchmarked():
    found = [Path(path) for path in runpy.run_path(str(PROGRAM))["defaults"]()]
    assert all(path.is_file() for path in found)
    own = {path.stem.removeprefix("train_") for path in found}
    assert own >= {"aasist_l", "rawnet2", "lfcc_lcnn", "mel_cnn"} and len(own) == len(found) == 7
    assert own >= {"distillmos_mhfa", "mel_cnn_mini", "mean_pool_mini"}


def test_a_config_is_benchmarked_with_random_weights_in_each_form(tmp_path):
    soundfile.write(tmp_path / "one.wav", voice(1.0), 16000)
    config = tmp_path / "train_tiny.yaml"
    config.write_text(f"{MODEL}crop: {{test: full, seconds: 1.0}}\n")
    command = [sys.executable, PROGRAM, config, "--rounds", "1", "--sounds", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if "tiny" in line]
    assert [line[:2] for line in lines] == [
        ["tiny", form] for form in ("PyTorch", "ONNX float32", "ONNX int8")
    ]
    assert all(float(line[2]) > 0 and float(line[8]) < 0.05 for line in lines)
