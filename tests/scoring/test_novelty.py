"""steps/novelty.py learns what a system was trained on, and a detector warns of what is not."""

import numpy as np
import pytest
import soundfile
import torch
from made_up import refused, worker
from sounds import make_corpus, make_data
from tiny_detector import make_experiment

from antispoof import Detector
from antispoof.data.sounds import read_sound
from antispoof.data.tables import read_table
from antispoof.models import build_model
from antispoof.scoring.novelty import Descriptions, can_describe

CROPS = {
    "full": "{test: full, seconds: 0.5, pad: none}",
    "windows": "{test: windows, seconds: 0.3, pad: none}",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data and experiments that have learnt their distances."""
    folder = tmp_path_factory.mktemp("novelty")
    make_data(folder / "data", make_corpus(folder / "corpus", {"train": 40, "dev": 30}))
    for name, crop in CROPS.items():
        make_experiment(folder, name, crop)
        options = ("--train", "data/train", "--dev", "data/dev", f"exp/{name}")
        done = worker("steps/novelty.py", *options, cwd=folder)
        assert done[0] == 0, done
        assert done[1] == f"exp/{name}/novelty.npz: 40 training utterances, 30 of dev\n"
    return folder


@pytest.mark.parametrize("name", CROPS)
def test_a_detector_warns_of_what_is_new_and_not_of_dev(place, name):
    detector = Detector.load(place / "exp" / name, "cpu")
    paths = list(read_table(place / "data/dev/wav.scp").values())
    odd = [str(place / f"odd{number}.wav") for number in range(5)]
    for number, path in enumerate(odd):
        wave = np.sin(np.cumsum(np.linspace(0.01, 0.1 + number, 16000)))
        soundfile.write(path, 0.1 * wave, 16000)
    far = np.zeros(len(paths))
    detector.system.scores([read_sound(path) for path in paths], far)
    assert np.sort(far)[-2] <= 1 < np.max(far) * 1.001  # 99 % keep within
    warned = [any("unlike" in word for word in each.warnings) for each in detector([*paths, *odd])]
    assert sum(warned[:30]) <= 1 and all(warned[30:])
    assert "times as far" in detector(odd[0]).warnings[-1]


def test_scores_and_batches_do_not_depend_on_it(place):
    detector = Detector.load(place / "exp/windows", "cpu")
    sounds = [read_sound(path) for path in read_table(place / "data/dev/wav.scp").values()]
    far, alone = np.zeros(len(sounds)), np.zeros(1)
    assert np.array_equal(detector.system.scores(sounds, far), detector.system.scores(sounds))
    detector.system.scores(sounds[7:8], alone)
    assert alone[0] == pytest.approx(far[7], rel=1e-4)
    plain = Detector.load(make_experiment(place, "plain", CROPS["full"]), "cpu")
    plain.system.scores(sounds, far[:])
    assert plain(str(place / "odd0.wav")).warnings == (
        "no speech found: it is as steady as a tone",
    )


def test_a_system_that_cannot_be_described_is_passed_over_by_a_line(place):
    """One that reads the same of every sound: its weights are 0."""
    exp = make_experiment(place, "flat", CROPS["full"])
    state = torch.load(exp / "best.pt", weights_only=True)
    state["model"] = {name: torch.zeros_like(x) for name, x in state["model"].items()}
    torch.save(state, exp / "best.pt")
    options = ("--train", "data/train", "--dev", "data/dev", "exp/flat")
    status, out, error = worker("steps/novelty.py", *options, cwd=place)
    assert (status, error) == (0, "")
    reason = "it reads the same of all utterances of the training set"
    assert out.startswith(f"exp/flat: is passed over: {reason}; ") and len(out.splitlines()) == 1
    with np.load(exp / "novelty.npz") as arrays:
        assert {name: bytes(arrays[name]).decode() for name in arrays.files} == {"reason": reason}
    found = Detector.load(exp, "cpu")(str(next(iter((place / "corpus").rglob("*.flac")))))
    assert not any("unlike" in word for word in found.warnings)


def test_no_more_utterances_are_described_than_there_is_room_for(place):
    options = ("--train", "data/train", "--dev", "data/dev", "--most", 7, "exp/full")
    out = place / "few.npz"
    done = worker("steps/novelty.py", *options, "--out", out, cwd=place)
    assert done[1] == f"{out}: 7 training utterances, 7 of dev\n"


def test_a_set_to_report_on_teaches_nothing(place):
    (place / "data/eval").symlink_to("dev")
    options = ("--train", "data/train", "--dev", "data/eval", "exp/full")
    line = refused("steps/novelty.py", *options, cwd=place)
    assert "--dev data/eval: a set to report on selects nothing" in line


def test_features_and_the_last_layer_of_waveforms_can_be_compared():
    assert can_describe(build_model("mhfa", dim=8, heads=2, compression=4, embedding=4))
    assert can_describe(build_model("mel_cnn", widths=[4, 8, 16, 32]))


def test_a_description_does_not_depend_on_padding():
    model = build_model("mhfa", dim=8, heads=2, compression=4, embedding=4).eval()
    x = torch.randn(2, 1, 20, 8, generator=torch.Generator().manual_seed(0))
    found = []
    for frames in (20, 12):
        with Descriptions(model, 2).watching() as descriptions, torch.no_grad():
            model(x[:, :, :frames], torch.tensor([12, 9]))
            descriptions.take(torch.tensor([1, 0]))
        found.append(descriptions.found())
    assert found[0] == pytest.approx(found[1])
    part = x[0, 0, :12].double().numpy()
    assert found[0][1] == pytest.approx(np.concatenate([part.mean(0), part.std(0)]), abs=1e-5)
