"""Pictures of --explain: what is red and what is blue on them, where they go, what is printed."""

import io
import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from made_up import ROOT
from matplotlib.image import imread

from antispoof import Detector
from antispoof.data.sounds import Sound
from antispoof.detector.command import detect
from antispoof.errors import UserError
from antispoof.evaluation.fusion import Calibration
from antispoof.explain import picture
from antispoof.explain.insides import KeptNodes, LayerWeights
from antispoof.explain.occlusion import Curve, explain
from antispoof.explain.picture import colours, draw
from antispoof.explain.pictures import Pictures, summary
from antispoof.scoring.build import build_system
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment


class Low:
    """A detector of no parameter: the energy below 1 kHz, less that above 7 kHz."""

    seconds, systems, calibrated = 1.0, (), True

    def __init__(self, sign):
        self.sign = sign

    def scores(self, sounds, *_):
        found = []
        for sound in sounds:
            power = np.abs(np.fft.rfft(sound.wave)) ** 2
            eighth = len(power) // 8
            found.append(self.sign * np.log10(power[:eighth].sum() / power[-eighth:].sum()))
        return np.array(found)


@pytest.fixture(scope="module")
def found():
    wave = (0.1 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)
    return {sign: explain(Low(sign), Sound("x", wave, "a/x.wav"), 0.0, draws=2) for sign in (1, -1)}


def pixels(found):
    stream = io.BytesIO()
    draw(found, stream)
    return imread(io.BytesIO(stream.getvalue()))[:, :, :3]


def coloured(image):
    """(H, W) bool of red, and of blue."""
    red, green, blue = np.moveaxis(image, 2, 0)
    return (red > blue + 0.2) & (red > green + 0.2), (blue > red + 0.2) & (blue > green + 0.1)


def test_red_speaks_for_spoof_and_blue_for_bona_fide(found):
    assert found[1].effect[0].min() > 0 > found[1].effect[-1].max()
    for sign in (1, -1):
        image = pixels(found[sign])
        red, blue = coloured(image)
        height, width = red.shape
        sound = slice(int(0.1 * height), int(0.5 * height)), slice(int(0.1 * width), width // 2)
        middle = {
            name: np.flatnonzero(mask[sound].sum(1) > 20).mean()
            for name, mask in (("red", red), ("blue", blue))
        }
        # frequency goes up, rows of an image go down
        assert (middle["blue"] > middle["red"]) == (sign > 0)


def test_the_colours_are_those_of_the_signs():
    (red, blue), nothing = colours()([0.0, 1.0]), colours()(0.5)
    assert red[0] > 2 * red[2] and blue[2] > 2 * blue[0]
    assert nothing[3] < 0.01 and red[3] == blue[3] == pytest.approx(0.7)


def test_the_same_explanation_gives_the_same_bytes_and_all_parts_are_drawn(found):
    plain = pixels(found[1])
    assert np.array_equal(plain, pixels(found[1]))
    layers = tuple(LayerWeights("one", "gates", np.arange(9), np.full(9, 0.5)) for _ in range(2))
    kept, branches = np.arange(10) % 2 == 0, np.zeros((2, 10), bool)
    edges = np.linspace(0, 1, 11)
    nodes = (
        KeptNodes("one", "time", edges[:-1], edges[1:], kept, branches),
        KeptNodes("one", "frequency", 8e3 * edges[:-1], 8e3 * edges[1:], kept, branches),
    )
    more = pixels(replace(found[1], layers=layers, nodes=nodes))
    assert more.shape[0] > plain.shape[0]  # a row for the nodes
    red, green, blue = np.moveaxis(more, 2, 0)
    assert ((green > red + 0.1) & (green > blue + 0.1)).sum() > 500


def test_an_area_no_larger_than_by_chance_is_said(found):
    assert "What is marked moves the LLR more than" in summary(found[1])
    curve = found[1].deletion
    chance = Curve(curve.shares, curve.random.mean(0), curve.random, curve.direction)
    words = summary(replace(found[1], deletion=chance))
    assert words.endswith("no more than random patches do: do not rely on it.")
    against = Curve(np.array([0, 1]), np.array([0, -1]), np.array([[0, -2]]), 1)
    assert against.random_areas.max() < against.area < 0
    assert not replace(found[1], deletion=against).matters
    low, high = sorted(curve.random_areas)
    expected = f"deletion area {chance.area:.2f} (random {(low + high) / 2:.2f}, {low:.2f} to"
    assert words.startswith(f"0.00 to 1.00 s, {expected}")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an experiment of random weights, and sounds."""
    folder = tmp_path_factory.mktemp("explained")
    rng = np.random.default_rng(0)
    for name in ("a/one", "a/two", "b/one"):
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / f"{name}.wav", 0.1 * rng.standard_normal(8000), 16000)
    (folder / "a/text.wav").write_text("no sound")
    text = "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 4, 4, 4]}\ncrop: {test: full}\n"
    (folder / "wave.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = claim("exp", load_experiment("wave.yaml", 1))
        torch.manual_seed(0)
        save_checkpoint("exp/best.pt", {"model": build_system(config).state_dict(), "epoch": 1})
        learnt = Calibration.fit(np.array([0.0, 2, 1, 3]), np.array([0, 0, 1, 1]), ("exp",))
        learnt.save("exp/calibration.json")
        yield folder


def run(capsys, *options):
    status = detect("detect", ["--model", "exp", "--device", "cpu", *options])
    return status, *(text.splitlines() for text in capsys.readouterr())


def test_a_picture_of_one_file_has_the_name_that_is_asked_for(place, capsys):
    status, out, _ = run(capsys, "--explain", "why/call.png", "a/one.wav")
    assert status == 0
    assert out[-1].startswith("why/call.png: 0.00 to 0.50 s, deletion area ")
    assert imread(place / "why/call.png").shape[2] == 4
    assert [path.name for path in (place / "why").iterdir()] == ["call.png"]


def test_a_folder_has_a_picture_of_each_sound_that_could_be_read(place, capsys):
    status, out, error = run(capsys, "--json", "--explain", "all", "a", f"{place}/b/one.wav")
    assert status == 2
    assert [json.loads(line)["file"] for line in out][:2] == ["a/one.wav", "a/two.wav"]
    assert any("a/text.wav" in line for line in error)
    found = sorted(str(path.relative_to(place / "all")) for path in place.glob("all/**/*.png"))
    assert found == sorted(["a/one.wav.png", "a/two.wav.png", f"{place}/b/one.wav.png"[1:]])
    assert sum(": 0.00 to 0.50 s, deletion area " in line for line in error) == 3


@pytest.mark.parametrize("name", [b"$\\odd $.wav", b"new\nline.wav", b"\xff.wav"])
def test_a_sound_of_any_name_has_its_picture(place, name):
    shutil.copy(place / "a/one.wav", place / "b" / os.fsdecode(name))
    command = [sys.executable, ROOT / "steps/detect.py", "--model", "exp", "--explain", "names"]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}  # as in most locales
    path = b"b/" + name
    done = subprocess.run([*command, path], cwd=place, env=strict, capture_output=True)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    shown = path.replace(b"\n", b"\\n")
    assert done.stdout.splitlines()[-2].endswith(b"  " + shown)
    assert done.stdout.splitlines()[-1].startswith(b"names/" + shown + b".png: 0.00 to 0.50 s")
    assert imread(place / "names" / os.fsdecode(path + b".png")).shape[2] == 4


def test_one_picture_of_several_files_is_refused(place):
    with pytest.raises(UserError, match="--explain x.png: found the folder a, wanted one file"):
        run(None, "--explain", "x.png", "a")
    with pytest.raises(UserError, match="--explain x.png: found 2 files, wanted one file"):
        run(None, "--explain", "x.png", "a/one.wav", "a/two.wav")


def test_a_picture_never_leaves_its_folder(place):
    pictures = Pictures(Detector(Low(1)), place / "out", [place])
    for name in ("../../x.wav", "/a/../x.wav", "./x.wav", "x.wav"):
        path = pictures.path(type(place)(name))
        assert path.resolve().is_relative_to((place / "out").resolve())
    assert pictures.path(type(place)("../x.wav")) == place / "out/up/x.wav.png"


def test_a_model_that_draws_its_crop_is_refused(place, capsys):
    text = (place / "exp/config.yaml").read_text()
    assert "test: full" in text
    (place / "random").mkdir()
    for name in ("best.pt", "calibration.json"):
        (place / "random" / name).write_bytes((place / "exp" / name).read_bytes())
    (place / "random/config.yaml").write_text(text.replace("test: full", "test: random"))
    options = ["--model", "random", "--device", "cpu", "--explain", "x.png", "a/one.wav"]
    assert detect("detect", options) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("detect: a/one.wav: cannot be explained by exp, which scores a random")


def test_without_a_threshold_there_is_no_decision(found):
    found = found[1]
    title = picture._title(replace(found, threshold=math.nan, decision="none"))
    assert f"score {found.llr:.2f}, not calibrated: no LLR and no decision\n" in title
    assert "nan" not in title
    assert f"LLR {found.llr:.2f}: {found.decision} (bonafide from " in picture._title(found)
    wave = np.random.default_rng(1).normal(size=16000).astype(np.float32)
    assert explain(Low(1), Sound("a", wave, "a"), math.nan, draws=1).decision == "none"
