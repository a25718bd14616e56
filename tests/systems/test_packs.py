"""A pack detects as the experiments do that it was made of, elsewhere and without them."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from made_up import ROOT, refused, worker
from small_packs import make_sounds, make_systems, parts_of

from antispoof import Detector
from antispoof.errors import UserError
from antispoof.systems.pack import make_pack
from antispoof.systems.training_data import training_data, without_folders
from antispoof.torch_utils.tensors import load_tensors, save_tensors

PROGRAM = "utils/pack_model.py"
NAMES = ("wave_seed1", "cached_seed1", "tuned_seed1", "fusion_seed1")


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    """A folder of experiments, one of which has a result, and a front end of their own."""
    folder = make_systems(tmp_path_factory.mktemp("packs") / "a recipe")
    result = {
        "set": "eval",
        "counts": {"bonafide": 40, "spoof": 60, "trials": 100},
        "pooled": {"eer": 0.125, "min_dcf": 0.5, "act_dcf": None, "cllr": 0.75},
        "intervals": {"eer": {"iid": [0.1, 0.2], "speaker": [0.05, 0.25]}, "cllr": {}},
        "by": {"attack": {"A02": {}, "A01": {}}},
    }
    (folder / "fusion_seed1/eval").mkdir()
    (folder / "fusion_seed1/eval/result.json").write_text(json.dumps(result))
    np.savez(folder / "fusion_seed1/novelty.npz", np.ones(1))
    (folder / "fusion_seed1/novelty.npz~").write_text("an editor's copy")
    (folder / "fusion_seed1/novelty.old.pt").write_text("kept for now")
    valid = folder.parent / "data/train/valid"
    valid.parent.mkdir(parents=True)
    valid.write_text("data/train: 7 utterances: valid\n")
    (valid.parents[1] / "PROVENANCE").write_text("Speech of X\n  into /srv/one/corpus\n")
    (folder / "wave_seed1/run.sh").write_text("exec train.py --train data/train exp/x\n")
    return folder


@pytest.fixture(scope="module")
def pack(exp, tmp_path_factory):
    """The pack of the fusion, its front end in it."""
    path = tmp_path_factory.mktemp("made") / "fusion.zip"
    options = ("--front-end-licence", "MIT")
    done = worker(PROGRAM, exp / "fusion_seed1", path, *options, cwd=path.parent)
    assert (done[0], done[2]) == (0, ""), done
    assert done[1].startswith(f"{path}: fusion_seed1, ")
    return path


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return make_sounds(tmp_path_factory.mktemp("sounds"))


def llrs(place, sounds):
    return [found.llr for found in Detector.load(place, "cpu")(sounds, windows=False)]


@pytest.mark.parametrize("name", NAMES)
def test_llrs_of_a_pack_are_those_of_its_experiment(exp, sounds, tmp_path, name):
    make_pack(exp / name, tmp_path / "x.zip", front_end_licence="MIT")
    found = llrs(tmp_path / "x.zip", sounds)
    assert found == llrs(exp / name, sounds)
    assert np.ptp(found) > 1e-4


def test_a_pack_detects_where_nothing_else_is(pack, exp, sounds, tmp_path):
    shutil.copytree(ROOT / "antispoof", tmp_path / "library/antispoof")  # no conf/, egs/, steps/
    shutil.copy(pack, tmp_path / "x.zip")
    words = "from antispoof.detector.command import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", words, "detect", "--model", "x.zip", "--json", *map(str, sounds)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "library"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)["llr"] for line in done.stdout.splitlines()]
    assert found == pytest.approx(llrs(exp / "fusion_seed1", sounds), rel=1e-5, abs=1e-5)
    assert {path.name for path in tmp_path.iterdir()} <= {"library", "x.zip", ".cache"}


def test_a_pack_holds_all_that_the_issue_names(pack, exp):
    parts = parts_of(pack)
    members = {f"exp/{name}" for name in NAMES[:3]}
    for place in members:
        assert {f"{place}/model.safetensors", f"{place}/config.yaml"} <= parts.keys()
    assert "exp/fusion_seed1/fusion.json" in parts
    novelty = {name: part for name, part in parts.items() if "novelty" in name}
    place = "fusion_seed1/novelty.npz"
    assert novelty == {f"exp/{place}": (exp / place).read_bytes()}
    assert json.loads(parts["exp/fusion_seed1/eval/result.json"])["pooled"]["eer"] == 0.125
    assert parts["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert "front_ends/small.safetensors" in parts
    config = yaml.safe_load(parts["exp/tuned_seed1/config.yaml"])
    assert config["upstream_conf"]["name"] == "wavlm_local"
    assert "upstream_checkpoint" not in config
    assert config["model_conf"]["heads"] == 4 and config["optimizer_conf"]["lr"] > 0
    text = (
        b"wave_seed1 was trained on data/train: 7 utterances: valid\nSpeech of X\n  into corpus\n"
    )
    assert parts["training_data.txt"] == text


def test_the_model_card_is_in_the_form_of_the_hub(pack):
    head, _, body = parts_of(pack)["README.md"].decode().removeprefix("---\n").partition("\n---\n")
    stated = yaml.safe_load(head)
    assert (stated["license"], stated["library_name"]) == ("apache-2.0", "antispoof")
    (results,) = (entry["results"] for entry in stated["model-index"])
    values = {metric["type"]: metric["value"] for metric in results[0]["metrics"]}
    assert values == {"eer": 12.5, "min_dcf": 0.5, "cllr": 0.75}
    assert "| eval | 40 | 60 | 12.50 [5.00, 25.00] | 0.500 | - | 0.750 |" in body
    for words in (
        *("## Training data", "Speech of X", "eval, by attack: A01, A02.", "Not tested: "),
        *("## Intended use", "## How to read the score", "higher = more bona fide", "-0.642"),
        "fusion_seed1 is calibrated on the set `dev`: 2 bona fide and 2 spoofed trials.",
        "| tuned_seed1 | mhfa | small (MIT): in the pack |",
    ):
        assert words in body, words


def test_the_same_experiment_gives_the_same_bytes(pack, exp, tmp_path):
    stated = exp.parent / "data/PROVENANCE"
    make_pack(exp / "fusion_seed1", tmp_path / "b.zip", front_end_licence="MIT", provenance=stated)
    assert (tmp_path / "b.zip").read_bytes() == pack.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_a_front_end_that_may_not_be_shared_is_found_by_its_sha256(
    exp, sounds, tmp_path, monkeypatch
):
    monkeypatch.setenv("ANTISPOOF_CACHE", str(tmp_path / "cache"))
    make_pack(exp / "tuned_seed1", tmp_path / "x.zip")
    assert not [name for name in parts_of(tmp_path / "x.zip") if name.startswith("front_ends/")]
    place = tmp_path / "cache/upstreams/model.pt"
    with pytest.raises(
        UserError, match="upstreams/model.pt: no such file, .* SHA-256 [0-9a-f]{64}"
    ):
        Detector.load(tmp_path / "x.zip", "cpu")
    place.parent.mkdir(parents=True)
    shutil.copy(exp.parent / "model.pt", place)
    assert llrs(tmp_path / "x.zip", sounds) == llrs(exp / "tuned_seed1", sounds)
    place.write_bytes(place.read_bytes() + b"x")
    with pytest.raises(UserError, match="its SHA-256 is"):
        Detector.load(tmp_path / "x.zip", "cpu")


def test_what_cannot_be_packed_is_one_line(exp, tmp_path):
    assert "wanted the name of a .zip" in refused(PROGRAM, exp / NAMES[0], "x.tar", cwd=tmp_path)
    with pytest.raises(UserError, match="no such experiment"):
        make_pack(exp / "none", tmp_path / "x.zip")
    with pytest.raises(UserError, match="wanted its text too, by --licence-file"):
        make_pack(exp / NAMES[0], tmp_path / "x.zip", licence="cc-by-4.0")
    assert list(tmp_path.iterdir()) == []


def test_what_no_detector_would_read_is_not_written(exp, tmp_path):
    """The same is said when the pack is made that its reader would say."""
    (tmp_path / "terms").write_bytes(b"caf\xe9\n")
    with pytest.raises(UserError, match=f"{NAMES[0]}: gives a pack that no .*LICENSE: is no text"):
        make_pack(exp / NAMES[0], tmp_path / "x.zip", "other", tmp_path / "terms")
    assert [path.name for path in tmp_path.iterdir()] == ["terms"]


LINES = {
    "file=/srv/me/x.txt": "file=x.txt",
    'list "/srv/my own/two words.txt" and': 'list "two words.txt" and',
    "from '/srv/it/' on": "from 'it' on",
    "into /srv/my own corpora/one two/list.txt 3": "into list.txt 3",
    "file:///srv/me/x.flac, ~/me/corpora/y": "x.flac, y",
    "(/srv/me/x)": "(x)",
    "C:\\Users\\me\\x.txt": "x.txt",
    "a: /srv/me/k, b:/srv/me/l": "a: k, b:l",
    "see https://host/a, found / expected: 3 / 4": "see https://host/a, found / expected: 3 / 4",
    "data/train: 24/24, 1/2 and/or ./x/y": "data/train: 24/24, 1/2 and/or ./x/y",
}


@pytest.mark.parametrize("line", LINES)
def test_where_the_training_data_lay_is_left_out(line):
    assert without_folders(line) == LINES[line]


def test_where_a_training_set_lay_is_left_out_too(tmp_path):
    place, data = tmp_path / "exp/x_seed1", tmp_path / "my_data/train"
    for folder in (place, data):
        folder.mkdir(parents=True)
    (place / "run.sh").write_text(f"exec train.py --train {data} exp/x\n")
    (data / "valid").write_text(f"{data}: 7 utterances: valid\n")
    assert training_data([place]) == "x_seed1 was trained on train: 7 utterances: valid\n"


def test_a_licence_of_ones_own_goes_in(exp, tmp_path):
    (tmp_path / "terms").write_text("Be kind.\n")
    make_pack(exp / NAMES[0], tmp_path / "x.zip", "other", tmp_path / "terms")
    parts = parts_of(tmp_path / "x.zip")
    assert parts["LICENSE"] == b"Be kind.\n" and b"\nlicense: other\n" in parts["README.md"][:40]


def test_tensors_and_plain_values_come_back(tmp_path):
    import torch

    state = {
        "a": torch.arange(6).reshape(2, 3).T,
        "b": {"c": torch.ones(2, dtype=torch.float16), "d": [1, "x", None], "e": {}},
        "f": 0.1,
    }
    save_tensors(tmp_path / "x.safetensors", state)
    found = load_tensors(tmp_path / "x.safetensors")
    assert torch.equal(found["a"], state["a"]) and torch.equal(found["b"]["c"], state["b"]["c"])
    assert found["b"]["c"].dtype == torch.float16
    assert {**found["b"], "c": 0} == {**state["b"], "c": 0} and found["f"] == 0.1
    with pytest.raises(UserError, match="wanted tensors and plain values"):
        save_tensors(tmp_path / "y.safetensors", {"x": object()})
    (tmp_path / "z.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(UserError, match="is no whole file of safetensors"):
        load_tensors(tmp_path / "z.safetensors")
