"""A whole recipe: every stage alone, what is skipped, what stops it, and what to remove then."""

import json
import re
import resource
import shlex
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from recipes import STAGES, SYSTEMS, Recipe, only, succeed

from antispoof import Detector, metrics
from antispoof.data.tables import read_table, write_table
from antispoof.evaluation.scores import join


@pytest.fixture
def copy(undisturbed, tmp_path):
    """A copy of the finished recipe, to be changed."""
    recipe, _ = undisturbed
    shutil.copytree(recipe.folder, tmp_path / "recipe")
    return Recipe(tmp_path / "recipe", recipe.corpus)


def test_it_ends_in_results_and_a_report(undisturbed):
    recipe, _ = undisturbed
    for name in (*SYSTEMS, "fusion"):
        for trials, count in (("eval", 24), ("eval_known", 16)):
            result = json.loads(
                (recipe.folder / f"exp/{name}_seed1/{trials}/result.json").read_text()
            )
            assert result["counts"]["trials"] == count
            assert 0 <= result["pooled"]["eer"] <= 1
    page = (recipe.folder / "exp/report.html").read_text()
    for section in ("results", "comparisons", "costs", "order", "training"):
        assert f'<section id="{section}">' in page
    compared = json.loads((recipe.folder / "exp/compare/eval_known/wave_cnn.json").read_text())
    assert compared["systems"] == ["fusion", "wave_cnn"]
    assert compared["counts"] == {"bonafide": 12, "spoof": 4}


def test_its_model_warns_of_what_is_unlike_its_training_set(undisturbed, tmp_path):
    recipe, _ = undisturbed
    for name in SYSTEMS:
        log = (recipe.folder / f"exp/{name}_seed1/novelty.npz.log").read_text()
        assert f"exp/{name}_seed1/novelty.npz: 24 training utterances, 16 of dev\n" in log
    sweep = np.sin(np.cumsum(np.linspace(0.01, 3, 16000)))
    soundfile.write(tmp_path / "sweep.wav", 0.1 * sweep, 16000)
    detector = Detector.load(recipe.folder / "exp/fusion_seed1", "cpu")
    wavs = list(read_table(recipe.folder / "data/dev/wav.scp").values())
    found = detector([*wavs, str(tmp_path / "sweep.wav")])
    new = [any(word.startswith("unlike the training set: ") for word in x.warnings) for x in found]
    assert sum(new[:-1]) <= len(SYSTEMS) and new[-1]  # of dev, the farthest of each


def test_what_each_of_three_systems_brings(copy):
    """The fusion of three is compared with itself without each of them, over the seeds."""
    config = copy.file("conf/train_third.yaml")
    config.write_text(SYSTEMS["wave_cnn"].replace("epochs: 4", "epochs: 1"))
    call = ["--stage", 3, "--systems", "wave_cnn fbank_mhfa third", "--seeds", "1 2"]
    shutil.rmtree(copy.folder / "exp/fusion_seed1")
    succeed(copy.run(*call))
    result = copy.folder / "exp/compare/eval/without_third.json"
    found = json.loads(result.read_text())
    assert found["systems"] == ["fusion", "without_third"]
    assert found["seeds"] == ["1", "2"]
    assert "mixed" in found["metrics"]["eer"]
    order = json.loads((copy.folder / "exp/rank.json").read_text())
    assert order["baseline"] == "wave_cnn"  # the first that was named
    assert set(order["parts"]) == {"wave_cnn", "fbank_mhfa", "third", "fusion"}
    assert "skip: steps/report.py" in succeed(copy.run(*call))


def test_swapped_labels_give_one_minus_the_eer(copy):
    data, eer = copy.folder / "data/eval", {}
    scores = copy.folder / "exp/fbank_mhfa_seed1/eval/scores"
    for turn in ("right", "swapped"):
        trials = join(data, scores)
        eer[turn] = metrics.eer(*trials.split())
        other = {"spoof": "bonafide", "bonafide": "spoof"}
        labels = {utt: other[label] for utt, label in read_table(data / "utt2label").items()}
        write_table(data / "utt2label", labels)
    assert eer["swapped"] == pytest.approx(1 - eer["right"], abs=1e-12)


def test_a_rerun_skips_everything_in_under_three_seconds(undisturbed):
    recipe, _ = undisturbed
    before, outputs = resource.getrusage(resource.RUSAGE_CHILDREN), recipe.outputs()
    lines = succeed(recipe.run()).splitlines()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 3  # of the processor: others may use this machine too
    assert [line for line in lines if line.startswith("== Stage")] == [
        line for line in lines if re.match(r"== Stage [1-6]: \w", line)
    ]
    assert not [line for line in lines if line.startswith("$ ")]
    per_stage = "\n".join(lines).split("== Stage ")[1:]
    assert all("skip: " in text for text in per_stage)
    assert len(per_stage) == len(STAGES)
    assert recipe.outputs() == outputs


def stopped(result):
    """The one line that says why; asserts that the run failed."""
    status, _, error = result
    assert status == 1, error
    lines = [line for line in error.splitlines() if re.match(r"\s*(utils|steps)/\w+\.py: ", line)]
    assert len(lines) == 1, error
    assert "Traceback" not in error
    return lines[0]


def test_a_changed_input_stops_it_and_names_what_to_remove(copy):
    attacks = copy.folder / "data/eval/utt2attack"
    text = attacks.read_text()
    attacks.write_text(text.replace("A01", "A09"))
    line = stopped(copy.run())
    assert (
        "rests on another data/eval/utt2attack than there is now; to make it again: rm -r " in line
    )
    line = stopped(copy.run(*only(6)))
    assert "data/eval/utt2attack" in line
    attacks.write_text(text)
    config = copy.folder / "conf/train_wave_cnn.yaml"
    config.write_text(SYSTEMS["wave_cnn"] + "class_weights: [1.0, 2.0]\n")
    assert "exp/wave_cnn_seed1/.done: rests on another conf/train_wave_cnn.yaml" in stopped(
        copy.run()
    )
    config.write_text(SYSTEMS["wave_cnn"])
    succeed(copy.run())


def test_what_is_named_is_enough_to_go_on(copy):
    """A table changes and changes back: what is to be removed in between is named each time."""
    before, labels = copy.outputs(), copy.folder / "data/dev/utt2label"
    text = labels.read_text()
    other = text.replace("spoof", "x").replace("bonafide", "spoof").replace("x", "bonafide")
    for now in (other, text):
        labels.write_text(now)
        removed = 0
        while (done := copy.run(*only(5)))[0]:
            (remove,) = re.findall(r"rm -r .*", stopped(done))
            subprocess.run(shlex.split(remove), cwd=copy.folder, check=True)
            removed += 1
        assert removed == len(SYSTEMS) + 1
        found = copy.outputs()
        assert any(found[name] != before[name] for name in found) == (now != text)
    succeed(copy.run())
    assert copy.outputs() == before


def test_another_command_stops_it(copy):
    line = stopped(copy.run(*only(4), "--device", "auto"))
    assert "exp/fbank_mhfa_seed1/dev/scores.done: was made by another command" in line
    assert "--device cpu" in line
    assert "now steps/score.py --device auto" in line


def test_a_folder_that_holds_another_experiment_stops_it(copy):
    (copy.folder / "exp/wave_cnn_seed1/.done").unlink()
    before = copy.outputs()
    config = copy.folder / "conf/train_wave_cnn.yaml"
    config.write_text(SYSTEMS["wave_cnn"].replace("epochs: 4", "epochs: 5"))
    line = stopped(copy.run(*only(3)))
    assert "exp/wave_cnn_seed1/config.yaml: holds another experiment (epochs: 4, now 5)" in line
    config.write_text(SYSTEMS["wave_cnn"].replace("epochs: 4", "epoch: 5"))
    line = stopped(copy.run(*only(3)))
    assert "conf/train_wave_cnn.yaml: unknown key 'epoch', did you mean 'epochs'?" in line
    config.write_text(SYSTEMS["wave_cnn"])
    succeed(copy.run(*only(3)))
    assert copy.outputs() == before


def test_an_override_has_a_name_of_its_own(copy):
    call = [*only(3), "--systems", "wave_cnn", "--tag", "short"]
    line = stopped(copy.run(*call, "--override", "epoch=1"))
    assert "unknown key 'epoch', did you mean 'epochs'?" in line
    assert not (copy.folder / "exp/wave_cnn_short_seed1/config.yaml").exists()
    succeed(copy.run(*call, "--override", "epochs=1 crop.seconds=0.5"))
    config = (copy.folder / "exp/wave_cnn_short_seed1/config.yaml").read_text()
    assert "epochs: 1\n" in config
    assert "seconds: 0.5\n" in config


def test_a_stage_waits_for_the_one_before(copy):
    (copy.folder / "dump/fbank/dev/.done").unlink()
    line = stopped(copy.run(*only(3)))
    assert "dump/fbank/dev/.done: no such file" in line


def test_an_unwritten_part_of_a_finished_stage_is_made_again(copy):
    shutil.rmtree(copy.folder / "exp/fusion_seed1")
    before = copy.outputs()
    succeed(copy.run(*only(5)))
    assert before.keys() < copy.outputs().keys()


def test_a_set_is_watched_and_chooses_nothing(copy):
    watched = ["--systems", "fbank_mhfa", "--tag", "watched", "--override", "epochs=2"]
    several = "--processes 2 --watch data/eval --workers 1 --keep-epochs"
    succeed(copy.run(*only(3), *watched, "--train-options", several))
    assert (copy.folder / "exp/fbank_mhfa_watched_seed1/epochs/2.pt").exists()
    curve = (copy.folder / "exp/fbank_mhfa_watched_seed1/curve.csv").read_text()
    assert curve.splitlines()[0].endswith(",dev_eer,watch_eval_eer,watch_eval_known_eer")
    assert (copy.folder / "exp/fbank_mhfa_watched_seed1/curve.png").exists()
    result = json.loads((copy.folder / "exp/fbank_mhfa_seed1/eval/result.json").read_text())
    (choice,) = result["selection"]
    assert (choice["metric"], choice["keep"]) == ("dev_eer", "best")
    status, _, error = copy.run(*only(3), "--eval-sets", "eval dev")
    assert status == 2
    assert "--eval-sets: 'dev' is to report on; nothing is learnt or chosen on it" in error
