"""Dev picks, eval reports: what changes in a recipe where labels, scores or sounds change."""

import shutil

import pytest
import soundfile
from recipes import SYSTEMS, Recipe, only, succeed
from sounds import RATE, sound

from antispoof.data.tables import read_table, write_table

# What was learnt, chosen or computed on the way to results.
LEARNT = (
    "config.yaml",
    "best.pt",
    "curve.csv",
    "selection.json",
    "calibration.json",
    "novelty.npz",
    "fusion.json",
)
EXPERIMENTS = [f"{name}_seed1" for name in (*SYSTEMS, "fusion")]


@pytest.fixture
def copy(undisturbed, tmp_path):
    recipe, _ = undisturbed
    shutil.copytree(recipe.folder, tmp_path / "recipe")
    return Recipe(tmp_path / "recipe", recipe.corpus)


def contents(recipe, *names):
    """{path in exp/: bytes} of the files of these names."""
    exp = recipe.folder / "exp"
    files = [path for path in sorted(exp.rglob("*")) if path.name in names]
    return {str(path.relative_to(exp)): path.read_bytes() for path in files}


def changed(before, after):
    """Names whose bytes differ; both hold the same names."""
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def differing(before, after):
    """Utterances whose value differs in two tables of the same utterances."""
    assert before.keys() == after.keys()
    return {utt for utt in before if before[utt] != after[utt]}


def rotate(path, by=1):
    """Give each utterance of a table the value of the next."""
    table = read_table(path)
    values = list(table.values())
    write_table(path, dict(zip(table, values[by:] + values[:by], strict=True)))


def forget(recipe, *patterns):
    """Remove what matches, so that it is made again."""
    for pattern in patterns:
        found = list(recipe.folder.glob(pattern))
        assert found, pattern
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_nothing_is_learnt_from_labels_of_eval(copy):
    """With other labels on eval, all is trained, scored, calibrated and fused to the same bytes."""
    before = contents(copy, *LEARNT, "scores")
    for table in ("utt2label", "utt2attack", "utt2spk"):
        rotate(copy.folder / "data/eval" / table)
    forget(copy, "exp", "data/eval/valid.done")
    succeed(copy.run("--stop-stage", 5))
    assert len(before) == 4 * 2 + 2 + 2 + 1 + 4 * 2 + 4
    assert not changed(before, contents(copy, *LEARNT, "scores"))


def test_dev_labels_decide_which_epoch_is_kept_and_not_how_it_learnt(copy):
    before = [line.split(",") for line in curve(copy).splitlines()]
    weights = contents(copy, "best.pt")
    labels = copy.folder / "data/dev/utt2label"
    other = {"spoof": "bonafide", "bonafide": "spoof"}
    write_table(labels, {utt: other[label] for utt, label in read_table(labels).items()})
    forget(copy, "exp/wave_cnn_seed1")
    succeed(copy.run(*only(3), "--systems", "wave_cnn"))
    after = [line.split(",") for line in curve(copy).splitlines()]
    at = before[0].index("dev_eer")
    for old, new in zip(before[1:], after[1:], strict=True):
        assert float(new[at]) == pytest.approx(1 - float(old[at]), abs=1e-6)
        assert new[before[0].index("train_loss")] == old[before[0].index("train_loss")]
    assert changed(weights, contents(copy, "best.pt")) == {"wave_cnn_seed1/best.pt"}


def curve(recipe):
    return (recipe.folder / "exp/wave_cnn_seed1/curve.csv").read_text()


STAGE_5 = ("exp/*/calibration.json.done", "exp/fusion_seed1")


def test_dev_labels_teach_calibration_and_fusion(copy):
    before = contents(copy, "calibration.json", "fusion.json", "scores")
    rotate(copy.folder / "data/dev/utt2label")
    forget(copy, *STAGE_5)
    succeed(copy.run(*only(5)))
    found = changed(before, contents(copy, "calibration.json", "fusion.json", "scores"))
    ratios = {f"{exp}/{name}/llr/scores" for exp in EXPERIMENTS for name in ("dev", "eval")}
    learnt = {f"{system}_seed1/calibration.json" for system in SYSTEMS}
    fused = {f"fusion_seed1/{name}" for name in ("fusion.json", "dev/scores", "eval/scores")}
    assert found == ratios | learnt | fused


def test_dev_scores_of_one_system_teach_its_calibration_and_the_fusion(copy):
    before = contents(copy, "calibration.json", "fusion.json", "scores")
    rotate(copy.folder / "exp/wave_cnn_seed1/dev/scores")
    forget(copy, *STAGE_5)
    succeed(copy.run(*only(5)))
    found = changed(before, contents(copy, "calibration.json", "fusion.json", "scores"))
    own = {"dev/scores", "dev/llr/scores", "eval/llr/scores"}
    wanted = {f"wave_cnn_seed1/{name}" for name in own | {"calibration.json"}}
    assert found == wanted | {
        f"fusion_seed1/{name}" for name in own | {"eval/scores", "fusion.json"}
    }


def test_scores_of_eval_teach_nothing(copy):
    learnt = ("calibration.json", "fusion.json")
    before, scores = contents(copy, *learnt), contents(copy, "scores")
    utt = next(iter(read_table(copy.folder / "data/eval/utt2label")))
    path = copy.folder / "exp/wave_cnn_seed1/eval/scores"
    write_table(path, {**read_table(path), utt: "9.5"})
    ratios = {exp: copy.folder / f"exp/{exp}/eval/llr/scores" for exp in EXPERIMENTS}
    tables = {exp: read_table(path) for exp, path in ratios.items()}
    forget(copy, *STAGE_5)
    succeed(copy.run(*only(5)))
    assert not changed(before, contents(copy, *learnt))
    moved = {exp: differing(tables[exp], read_table(path)) for exp, path in ratios.items()}
    assert moved == {"fbank_mhfa_seed1": set(), "wave_cnn_seed1": {utt}, "fusion_seed1": {utt}}
    assert not {n for n in changed(scores, contents(copy, "scores")) if "/dev/" in n}


def test_a_sound_of_eval_moves_its_own_scores_alone(copy, tmp_path):
    data = copy.folder / "data/eval"
    utts = list(read_table(data / "wav.scp"))
    utt = utts[13]
    before = {exp: read_table(copy.folder / f"exp/{exp}/eval/scores") for exp in EXPERIMENTS}
    learnt = contents(copy, *LEARNT)
    length = soundfile.info(read_table(data / "wav.scp")[utt]).frames
    soundfile.write(tmp_path / "other.flac", sound("another", length / RATE, 0.3), RATE)
    write_table(data / "wav.scp", {**read_table(data / "wav.scp"), utt: tmp_path / "other.flac"})
    sums = read_table(copy.folder / "dump/fbank/eval/utt2sum")
    forget(copy, "data/eval/valid.done", "dump/fbank/eval", "exp/*/eval", *STAGE_5)
    succeed(copy.run("--stop-stage", 5))
    assert differing(sums, read_table(copy.folder / "dump/fbank/eval/utt2sum")) == {utt}
    for exp in EXPERIMENTS:
        after = read_table(copy.folder / f"exp/{exp}/eval/scores")
        assert differing(before[exp], after) == {utt}, exp
    assert not changed(learnt, contents(copy, *LEARNT))
