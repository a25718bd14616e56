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
from antispoof.detector.pack import make_pack
from antispoof.detector.raw import NOT_CALIBRATED
from antispoof.detector.stream import Stream
from antispoof.errors import UserError

PROGRAM, NAME = "steps/detect.py", "wave_seed1"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a system that is not calibrated, published weights, a pack and sounds."""
    folder = tmp_path_factory.mktemp("raw")
    make_systems(folder, (NAME,))
    (folder / f"exp/{NAME}/calibration.json").unlink()
    weights = ROOT / "tests/weights/aasist/AASIST-L.pth"
    assert worker("tools/import_checkpoint.py", weights, "exp/published", cwd=folder)[0] == 0
    make_pack(folder / "exp/published", folder / "x.zip")
    sounds = make_sounds(folder)
    write_table(folder / "data/wav.scp", {path.stem: path for path in sounds})
    for name in (NAME, "published"):
        done = worker("steps/score.py", f"exp/{name}", "data", f"{name}.scores", cwd=folder)
        assert done[0] == 0, done
    return folder


@pytest.mark.parametrize("name", [NAME, "published", "x.zip"])
def test_the_score_is_that_of_the_recipe_and_there_is_no_llr(place, name):
    wavs = read_table(place / "data/wav.scp")
    expected = read_table(place / f"{'published' if name == 'x.zip' else name}.scores")
    found = Detector.load(place / name if name == "x.zip" else place / "exp" / name, "cpu")(
        list(wavs.values()), windows=False
    )
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


def test_every_form_of_output_says_so(place):
    command = (PROGRAM, "--model", f"exp/{NAME}", "0.wav")
    status, out, error = worker(*command, "--json", cwd=place)
    assert (status, error) == (0, "")
    record = json.loads(out)
    score = record["score"]
    assert math.isfinite(score)
    assert (record["llr"], record["p_spoof"], record["threshold"]) == (None, None, None)
    assert (record["decision"], record["warnings"][-1]) == ("none", NOT_CALIBRATED)
    head, names, line = worker(*command, cwd=place)[1].splitlines()
    assert head == "score: higher = more bona fide; not calibrated: no LLR and no P(spoof)"
    assert names.split()[0] == "score"
    assert line.split()[:3] == [f"{score:.3f}", "-", "none"]
    assert line.endswith(f"{NOT_CALIBRATED})")
    (row,) = csv.DictReader(io.StringIO(worker(*command, "--csv", cwd=place)[1]))
    assert (row["llr"], row["decision"]) == ("", "none")
    assert row["warnings"].endswith(NOT_CALIBRATED)
    assert float(row["score"]) == pytest.approx(score, rel=1e-6)


def test_a_stream_needs_llrs(place):
    with pytest.raises(UserError, match="needs LLRs, .* run steps/calibrate.py"):
        Stream(Detector.load(place / "exp" / NAME, "cpu"))
