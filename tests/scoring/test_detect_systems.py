"""A detector scores as steps/score.py does, whatever feeds the model and however it crops."""

import numpy as np
import pytest
import torch
from made_up import worker
from sounds import make_corpus, make_data
from ssl_models import hugging_face, jolt

from antispoof import Detector
from antispoof.data.tables import read_table
from antispoof.evaluation.fusion import Calibration
from antispoof.scoring.build import build_system
from antispoof.ssl import convert, save
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

UPSTREAM = "name: wavlm_local\ncheckpoint: model.pt\nlayers: all\ndtype: one_byte\n"
MHFA = "model: mhfa\nmodel_conf: {heads: 4, compression: 16, embedding: 16, layers: 2, dim: 32}\n"
STATES = f"upstream: small\nlayers: [1, 3]\n{MHFA}"
WAVE = "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 8, 16, 32]}\n"
CONFIGS = {
    "cached_centre": f"feats: cached\n{STATES}crop: {{test: centre, seconds: 0.62, pad: tile}}\n",
    "cached_full": f"feats: cached\n{STATES}crop: {{test: full, seconds: 0.5, pad: none}}\n",
    "cached_windows": f"feats: cached\n{STATES}crop: {{test: windows, seconds: 0.4, pad: none}}\n",
    "ssl_full": f"feats: ssl\n{STATES}crop: {{test: full, seconds: 0.5, pad: none}}\n",
    "ssl_first": f"feats: ssl\n{STATES}crop: {{test: first, seconds: 0.5, pad: tile}}\n",
    "wave_random": f"{WAVE}crop: {{test: random, seconds: 0.5, pad: tile}}\n",
    "wave_windows": f"{WAVE}crop: {{test: windows, seconds: 0.3, pad: zero}}\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with sounds, features of a random upstream, and experiments of random weights."""
    folder = tmp_path_factory.mktemp("systems")
    make_data(folder / "data", make_corpus(folder / "corpus", {"eval": 8}))
    (folder / "model").mkdir()
    hugging_face("wavlm_large", folder / "model")
    save(convert(folder / "model")[0], folder / "model.pt")
    (folder / "conf/upstream").mkdir(parents=True)
    (folder / "conf/upstream/small.yaml").write_text(UPSTREAM)
    extract = ("conf/upstream/small.yaml", "data/eval", "dump/small/eval")
    assert worker("steps/extract_ssl.py", *extract, cwd=folder)[0] == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, text in CONFIGS.items():
            (folder / f"{name}.yaml").write_text(text)
            config = claim(f"exp/{name}", load_experiment(f"{name}.yaml", 1))
            torch.manual_seed(0)
            state = {"model": jolt(build_system(config)).state_dict(), "epoch": 1}
            save_checkpoint(f"exp/{name}/best.pt", state)
            learnt = Calibration.fit(np.array([0.0, 2, 1, 3]), np.array([0, 0, 1, 1]), (name,))
            learnt.save(f"exp/{name}/calibration.json")
        yield folder


@pytest.mark.parametrize("name", CONFIGS)
def test_scores_are_those_of_the_worker(place, name):
    done = worker("steps/score.py", f"exp/{name}", "data/eval", f"{name}/scores", cwd=place)
    assert done[0] == 0, done
    scores = np.array([float(value) for value in read_table(place / name / "scores").values()])
    detector = Detector.load(place / "exp" / name, "cpu")
    found = detector(list(read_table(place / "data/eval/wav.scp").values()), windows=False)
    learnt = Calibration.load(place / "exp" / name / "calibration.json")
    slack = 1e-5 * max(1.0, learnt.weights[0])
    assert [each.llr for each in found] == pytest.approx(list(learnt(scores)), abs=slack)
    assert np.ptp(scores) > 50 * 1e-5
