"""The page of steps/demo.py around a small model, here or as a program, and sounds to give it."""

import contextlib
import http.client
import json
import re
import subprocess
import sys
import threading
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
import torch
from made_up import ROOT

from antispoof.data.sounds import read_sound
from antispoof.data.tables import read_table
from antispoof.demo.serve import address_of, listen, make_server
from antispoof.evaluation.fusion import Calibration
from antispoof.scoring.build import build_system
from antispoof.systems.system import System
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

CONFIG = """feats: wave
model: mel_cnn
model_conf: {widths: [4, 8, 16, 32]}
crop: {test: random, seconds: 1.0, pad: tile}
"""


def embedded_speech(folder):
    """{utterance: path} of eval of the small embedded corpus, which is built once, in the cache."""
    command = [sys.executable, "local/prepare_data.py", "--size", "small", "--out", folder]
    done = subprocess.run(command, cwd=ROOT / "egs/mini", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return read_table(folder / "eval/wav.scp")


def convert(path, out, *options):
    """Write the sound `path` as FFmpeg makes it; returns `out`."""
    command = ["ffmpeg", "-v", "error", "-y", "-i", path, *options, out]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return out


def make_model(folder, wavs):
    """An experiment of random weights, calibrated on sounds so that their LLRs have both signs."""
    folder.mkdir(parents=True)
    (folder / "tiny.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = claim("exp/tiny_seed1", load_experiment("tiny.yaml", 1))
    exp = folder / "exp/tiny_seed1"
    torch.manual_seed(0)
    model = build_system(config)
    save_checkpoint(exp / "best.pt", {"model": model.state_dict(), "epoch": 1})
    scores = System(exp, torch.device("cpu"), {}).scores([read_sound(path) for path in wavs])
    order = np.argsort(scores)
    labels = np.arange(len(order)) >= len(order) // 2
    labels[len(order) // 2 - 1 : len(order) // 2 + 1] = True, False  # so that the classes overlap
    labels = labels[np.argsort(order)].astype(int)
    Calibration.fit(scores, labels, ("tiny_seed1",)).save(exp / "calibration.json")
    return exp


@contextlib.contextmanager
def served(app):
    """The address of `app`, which a thread serves as steps/demo.py does."""
    with listen(0) as listening:
        server = make_server(app)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield address_of(listening)
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def program(model):
    """(address, process) of steps/demo.py with its messages on a pipe."""
    command = [sys.executable, ROOT / "steps/demo.py", "--model", model, "--port", "0"]
    with subprocess.Popen([*command, "--device", "cpu"], stderr=subprocess.PIPE, text=True) as demo:
        lines = []
        for line in demo.stderr:
            lines.append(line)
            if found := re.search(r"the page is (\S+) ", line):
                break
        try:
            yield found[1], demo
        finally:
            demo.terminate()


def ask(address, method="GET", path="/", body=None, **headers):
    """(status, headers, text) of an answer."""
    link = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    with contextlib.closing(link):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request(method, path, body, names)
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def score(address, body, name="x.wav"):
    """(status, record) of a sound that is sent to the page."""
    status, _, text = ask(address, "POST", f"/detect?name={quote(name)}", body)
    return status, json.loads(text)
