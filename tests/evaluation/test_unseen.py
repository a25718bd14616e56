"""--unseen: a map that is learnt from models which have not seen an attack, and what is refused."""

import json
import math
import shutil

import numpy as np
import pytest
from made_up import make_scores, make_set, refused, worker
from plain_metrics import plain_cllr

from antispoof.config import read_yaml, write_config
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation.fusion import Calibration, Fusion, learn
from antispoof.evaluation.logistic import EFFECTIVE_PRIOR
from antispoof.evaluation.scores import read_scores
from antispoof.evaluation.unseen import fit_unseen, learn_unseen
from antispoof.training.experiment import load_experiment

CALIBRATE, FUSE = "steps/calibrate.py", "steps/fuse.py"
SYSTEMS = ("one", "two")
FOLDER = "exp/{system}_without_{attack}_seed1"
DEV = ("--data", "data/dev", "--unseen", FOLDER)
COUNTS = {"A01": 12, "A02": 40, "A03": 25}  # spoofs of each attack in dev


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two systems with a seed 2, and of each, with a seed 1, one that was trained without A0n."""
    root = tmp_path_factory.mktemp("unseen")
    sets = [make_set(root, "dev", attacks=tuple(COUNTS), spoof=40), make_set(root, "eval")]
    for attack, count in COUNTS.items():
        keep(sets[0], lambda utt, a=attack, n=count: f"_{a}_" not in utt or int(utt[-3:]) < n)
    (root / "train_x.yaml").write_text("{feats: wave, model: mel_cnn}")
    for index, system in enumerate(SYSTEMS):
        for attack in (None, *COUNTS):
            name = f"{system}_without_{attack}_seed1" if attack else f"{system}_seed2"
            exp, hard = root / "exp" / name, 0.4 * len(attack or "") + index
            changes = [f"without_attacks=[{attack}]"] if attack else []
            changes.append(f"epochs={5 + index}")
            config = load_experiment(root / "train_x.yaml", 1 if attack else 2, changes)
            write_config(exp / "config.yaml", config)
            for data in sets[: 1 if attack else 2]:
                seed = sum(name.encode())
                make_scores(
                    data, exp / data.name / "scores", gap=4 - hard, seed=seed, scale=3**index
                )
    return root


def keep(data, wanted):
    """Keep to some utterances of a data directory's tables."""
    for path in data.glob("*2*"):
        write_table(path, {utt: v for utt, v in read_table(path).items() if wanted(utt)})
    path = data / "wav.scp"
    write_table(path, {utt: v for utt, v in read_table(path).items() if wanted(utt)})


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made, tmp_path / "place")
    return tmp_path / "place"


def pooled(place, systems=SYSTEMS):
    """[(scores, whether bona fide, attack that the models lack)] of all that is learnt on."""
    attacks, rows = read_table(place / "data/dev/utt2attack"), []
    for out in COUNTS:
        exps = [place / f"exp/{system}_without_{out}_seed1/dev/scores" for system in systems]
        tables = [read_scores(exp) for exp in exps]
        for utt, attack in attacks.items():
            if attack in ("-", out):
                rows.append(([table[utt] for table in tables], attack == "-", out))
    return rows


def slopes(rows, weights, offset, prior):
    """Derivatives of the cost by each weight and the offset, row by row."""
    bonafide = sum(own for _, own, _ in rows) // len(COUNTS)
    total, logit = np.zeros(len(weights) + 1), math.log(prior / (1 - prior))
    for scores, own, attack in rows:
        z = sum(w * s for w, s in zip(weights, scores, strict=True)) + offset + logit
        mass = prior / bonafide if own else (1 - prior) / COUNTS[attack]
        gap = 1 / (1 + math.exp(-z)) - own
        total += mass / len(COUNTS) * gap * np.array([*scores, 1.0])
    return total


def run(place, program, *words):
    status, out, error = worker(program, *words, cwd=place)
    assert status == 0, error
    return out


def test_a_fusion_keeps_dev_s_weights_at_the_optimum_of_the_pooled_rows(place):
    run(place, FUSE, *DEV, "--out", "exp/joint", "exp/one_seed2", "exp/two_seed2")
    found = json.loads((place / "exp/joint/fusion.json").read_text())
    weights, offset = found["weights"], found["offset"]
    usual = learn(place / "data/dev", "dev", [place / f"exp/{s}_seed2" for s in SYSTEMS])
    scale = weights[0] / usual.weights[0]
    assert scale > 0 and scale != pytest.approx(1)
    np.testing.assert_allclose(weights, np.multiply(usual.weights, scale))  # the order stays dev's
    rows = pooled(place)
    joint = [([np.dot(usual.weights, s)], own, attack) for s, own, attack in rows]
    assert np.abs(slopes(joint, [scale], offset, EFFECTIVE_PRIOR)).max() < 1e-7
    costs = []
    for out in COUNTS:
        own = [(np.dot(weights, s) + offset, b) for s, b, attack in rows if attack == out]
        costs.append(plain_cllr([z for z, b in own if b], [z for z, b in own if not b]))
    assert found["dev_cllr"] == pytest.approx(sum(costs) / len(costs))
    assert (found["n_bonafide"], found["n_spoof"]) == (60, sum(COUNTS.values()))
    assert found["systems"] == ["one_seed2", "two_seed2"]
    assert found["unseen"] == {a: [f"{s}_without_{a}_seed1" for s in SYSTEMS] for a in COUNTS}
    for name in ("dev", "eval"):  # it is applied to the systems that know every attack
        tables = [read_scores(place / f"exp/{system}_seed2/{name}/scores") for system in SYSTEMS]
        llrs = read_scores(place / f"exp/joint/{name}/llr/scores")
        for utt, llr in llrs.items():
            assert llr == pytest.approx(np.dot(weights, [t[utt] for t in tables]) + offset)
    assert Fusion.load(place / "exp/joint/fusion.json").unseen == found["unseen"]


def test_a_calibration_is_at_the_optimum_of_the_pooled_rows(place):
    run(place, CALIBRATE, *DEV, "--prior", "0.3", "exp/two_seed2")
    found = Calibration.load(place / "exp/two_seed2/calibration.json")
    assert np.abs(slopes(pooled(place, ["two"]), found.weights, found.offset, 0.3)).max() < 1e-7
    assert found.unseen == {attack: [f"two_without_{attack}_seed1"] for attack in COUNTS}
    assert (place / "exp/two_seed2/eval/llr/scores").is_file()


def test_one_attack_of_models_that_know_it_is_the_usual_map(place):
    keep(place / "data/dev", lambda utt: "_A02_" not in utt and "_A03_" not in utt)
    exps = [place / f"exp/{system}_seed2" for system in SYSTEMS]
    for exp in exps:
        scores = read_table(exp / "dev/scores")
        known = read_table(place / "data/dev/wav.scp")
        write_table(exp / "dev/scores", {utt: scores[utt] for utt in known})
    usual = learn(place / "data/dev", "dev", exps)
    own = learn_unseen(place / "data/dev", "dev", exps, {"A01": exps})
    np.testing.assert_allclose(own.weights, usual.weights)
    assert own.offset == pytest.approx(usual.offset)
    assert own.dev_cllr == pytest.approx(usual.dev_cllr)
    assert usual.unseen is None


def test_classes_that_no_attack_mixes_are_learnt_with_softened_answers():
    parts = {a: (np.array([3.0, 4.0, 1.0]), np.array([True, True, False])) for a in "ab"}
    parts = {a: (scores[:, None], own) for a, (scores, own) in parts.items()}
    found = fit_unseen(parts, {}, ("s",), np.ones(1))
    assert found.smoothed
    assert found.weights[0] > 0


def edit(place, name, **changes):
    path = place / f"exp/{name}/config.yaml"
    write_config(path, {**read_yaml(path), **changes})


REFUSED = {
    "a model that knows the attack": (
        lambda p: edit(p, "one_without_A02_seed1", without_attacks=[]),
        r"exp/one_without_A02_seed1/config.yaml: found 'without_attacks' [], wanted ['A02']",
    ),
    "a model without another": (
        lambda p: edit(p, "two_without_A02_seed1", without_attacks=["A01"]),
        "exp/two_without_A02_seed1/config.yaml: found 'without_attacks' ['A01'], wanted ['A02']",
    ),
    "a model without two": (
        lambda p: edit(p, "two_without_A02_seed1", without_attacks=["A01", "A02"]),
        "found 'without_attacks' ['A01', 'A02'], wanted ['A02']",
    ),
    "a system that itself lacks one": (
        lambda p: edit(p, "two_seed2", without_attacks=["A02"]),
        "exp/two_seed2/config.yaml: found 'without_attacks' ['A02'], wanted []",
    ),
    "another config": (
        lambda p: edit(p, "one_without_A03_seed1", epochs=99),
        "exp/one_without_A03_seed1/config.yaml: found 'epochs' 99, wanted 5 as in exp/one_seed2",
    ),
    "an experiment that is gone": (
        lambda p: shutil.rmtree(p / "exp/one_without_A03_seed1"),
        "exp/one_without_A03_seed1/config.yaml: no such experiment",
    ),
    "scores that are gone": (
        lambda p: (p / "exp/one_without_A03_seed1/dev/scores").unlink(),
        "exp/one_without_A03_seed1/dev/scores: no such file",
    ),
    "a score that is missing": (
        lambda p: write_table(
            p / "exp/two_without_A01_seed1/dev/scores",
            dict(list(read_table(p / "exp/two_without_A01_seed1/dev/scores").items())[1:]),
        ),
        "'dev_A01_000' is missing, though data/dev/utt2label has it",
    ),
    "a set without attacks": (
        lambda p: (p / "data/dev/utt2attack").unlink(),
        "data/dev/utt2attack: no such table",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_experiments_that_do_not_fit_are_refused(place, what):
    change, words = REFUSED[what]
    change(place)
    line = refused(FUSE, *DEV, "--out", "exp/joint", "exp/one_seed2", "exp/two_seed2", cwd=place)
    assert words in line
    assert not (place / "exp/joint").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--unseen", "exp/{system}_seed1"), "wanted a folder with {attack} and {system}"),
        (("--unseen", "exp/x_{attack}"), "wanted a folder with {attack} and {system}"),
        (("--unseen", "exp/{system}_{attack}_{x}"), "wanted a folder with {attack} and {system}"),
        (("--unseen", FOLDER, "--rule", "mean"), "--unseen: found --rule mean, wanted logistic"),
        (("--unseen", FOLDER, "--prior", "2"), "--prior: found 2.0"),
    ],
)
def test_options_that_do_not_fit_are_refused(place, words, said):
    fixed = ("--data", "data/dev", "--out", "exp/joint", "exp/one_seed2", "exp/two_seed2")
    assert said in refused(FUSE, *words, *fixed, cwd=place)


def test_eval_teaches_nothing_and_its_labels_are_not_read(place):
    systems = ("exp/one_seed2", "exp/two_seed2")
    usual = ("--out", "exp/joint", *systems)
    for data, name in (("data/eval", "dev"), ("data/dev", "eval"), ("data/eval", "eval")):
        words = ("--data", data, "--dev-set", name, "--unseen", FOLDER, *usual)
        assert "a set to report on selects nothing" in refused(FUSE, *words, cwd=place)
        with pytest.raises(UserError, match="a set to report on selects nothing"):
            learn_unseen(place / data, name, systems, {"A01": systems})
    (place / "data/link").symlink_to("eval")
    words = ("--data", "data/link", "--dev-set", "dev", "--unseen", FOLDER, *usual)
    assert "a set to report on selects nothing" in refused(FUSE, *words, cwd=place)
    shutil.rmtree(place / "data/eval")
    run(place, FUSE, *DEV, *usual)


def test_the_seed_of_a_system_can_name_its_models(place):
    for attack in COUNTS:
        (place / f"exp/one_without_{attack}_seed1").rename(place / f"exp/one_{attack}_seed2")
    words = ("--data", "data/dev", "--unseen", "exp/{system}_{attack}_seed{seed}")
    run(place, CALIBRATE, *words, "exp/one_seed2")
