"""A system that is not calibrated gives its raw score, and says so; published weights do too."""

import csv
import io
import json
import math

import numpy as np
import pytest
from made_up import ROOT, worker
from small_packs import make_sounds, make_systems

from antispoof import Detector
from antispoof.data.tables import read_table, write_table
from antispoof.detector.command import detect
from antispoof.detector.raw import NOT_CALIBRATED
from antispoof.detector.stream import Stream
from antispoof.errors import UserError
from antispoof.scoring.published import import_published
from antispoof.systems.pack import make_pack
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim

NAME = "wave_seed1"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a system that is not calibrated, published weights, a pack and sounds."""
    folder = tmp_path_factory.mktemp("raw")
    make_systems(folder, (NAME,))
    (folder / f"exp/{NAME}/calibration.json").unlink()
    config, model = import_published(ROOT / "tests/weights/aasist/AASIST-L.pth")
    claim(folder / "exp/published", config)  # as tools/import_checkpoint.py does
    save_checkpoint(folder / "exp/published/best.pt", {"model": model.state_dict(), "epoch": 0})
    make_pack(folder / "exp/published", folder / "x.zip")
    sounds = make_sounds(folder)
    write_table(folder / "data/wav.scp", {path.stem: path for path in sounds})
    done = worker("steps/score.py", "exp/published", "data", "published.scores", cwd=folder)
    assert done[0] == 0, done
    return folder


@pytest.mark.parametrize("name", ["exp/published", "x.zip"])
def test_the_score_is_that_of_the_recipe_and_there_is_no_llr(place, name):
    wavs = read_table(place / "data/wav.scp")
    expected = read_table(place / "published.scores")
    found = Detector.load(place / name, "cpu")(list(wavs.values()), windows=False)
    scores = [each.score for each in found]
    assert scores == pytest.approx([float(expected[utt]) for utt in wavs], rel=1e-5, abs=1e-5)
    assert np.ptp(scores) > 1e-3
    for each in found:
        assert math.isnan(each.llr) and math.isnan(each.p_spoof) and math.isnan(each.threshold)
        assert each.decision == "none" and each.warnings[-1] == NOT_CALIBRATED
        assert "run steps/calibrate.py" in NOT_CALIBRATED


def test_a_threshold_on_the_score_decides(place):
    (first, second, _) = make_sounds(place)
    exp = place / "exp" / NAME
    scores = [each.score for each in Detector.load(exp, "cpu")([first, second])]
    detector = Detector.load(exp, "cpu", threshold=max(scores))
    found = [each.decision for each in detector([first, second])]
    assert sorted(found) == ["bonafide", "spoof"]
    assert found[int(np.argmax(scores))] == "bonafide"
    assert all(math.isnan(each.llr) for each in detector([first, second]))


def test_windows_have_scores(place):
    (path, *_) = make_sounds(place)
    found = Detector.load(place / "exp" / NAME, "cpu")(path)
    assert len(found.windows) == 3
    assert all(each.llr is None and math.isfinite(each.score) for each in found.windows)


def test_every_form_of_output_says_so(place, capsys, monkeypatch):
    monkeypatch.chdir(place)

    def out(*options):
        assert detect("antispoof detect", ["--model", f"exp/{NAME}", "0.wav", *options]) == 0
        return capsys.readouterr()[0]

    record = json.loads(out("--json"))
    score = record["score"]
    assert math.isfinite(score)
    assert (record["llr"], record["p_spoof"], record["threshold"]) == (None, None, None)
    assert (record["decision"], record["warnings"][-1]) == ("none", NOT_CALIBRATED)
    head, names, line = out().splitlines()
    assert head == "score: higher = more bona fide; not calibrated: no LLR and no P(spoof)"
    assert names.split()[0] == "score"
    assert line.split()[:3] == [f"{score:.3f}", "-", "none"]
    assert "[not calibrated]  0.wav" in line
    (row,) = csv.DictReader(io.StringIO(out("--csv")))
    assert (row["llr"], row["decision"]) == ("", "none")
    assert row["warnings"].endswith(NOT_CALIBRATED)
    assert float(row["score"]) == pytest.approx(score, rel=1e-6)


def test_a_stream_needs_llrs(place):
    with pytest.raises(UserError, match="needs LLRs, .* run steps/calibrate.py"):
        Stream(Detector.load(place / "exp" / NAME, "cpu"))
