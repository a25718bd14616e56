"""A finished recipe: what each worker opened is what its job rests on; touching it is noticed."""

import re
import shlex
import shutil

import pytest
from laws import record
from made_up import ROOT
from recipes import SYSTEMS, Recipe, only, succeed

from antispoof.launcher.reads import rests_on

# Read, but decided by what a job rests on: the config that a training wrote for itself, ids that
# stand in the scores too, archives and counts of frames whose sums are in utt2sum, an upstream's
# config whose sum is in dump/<upstream>/<set>/.done, and own outputs.
DECIDED = {
    "train": r"dump/fbank/\w+/(config.yaml|utt2num_frames|layer00/.*)|.*/conf/upstream/fbank.yaml",
    "score": r"dump/fbank/\w+/(config.yaml|utt2num_frames|layer00/.*)|exp/\w+/config.yaml",
    "novelty": r"dump/fbank/\w+/(config.yaml|utt2num_frames|layer00/.*)|exp/\w+/config.yaml",
    "extract_ssl": r"dump/.*",
    "evaluate": r"data/eval/wav.scp",
    "compare": r"data/eval/wav.scp",
    "report": r"data/eval/wav.scp",
}


def blocks(recipe):
    """(worker, command, files opened) of every job that ran."""
    for block in re.split(r"^# ", (recipe.folder / "opened").read_text(), flags=re.M)[1:]:
        command, *files = block.splitlines()
        yield command.split()[0].partition("/")[2].removesuffix(".py"), command, files


def stamps(recipe):
    """{command as it was recorded: files with their sums} of everything that is done."""
    for path in sorted(recipe.folder.rglob("*.done")):
        command, *lines = path.read_text().splitlines()
        yield path, command, [line.split("  ", 1)[1] for line in lines]


def plain(command):
    """Words of a command without the share, which is no part of what is recorded."""
    words = re.sub(r"--nj (\d+|\{nj\})", "--nj N", command.replace("'", "")).split()
    return " ".join(re.sub(r"^(\{job\}|\d+)/(\{jobs\}|\d+)$", "SHARE", word) for word in words)


def test_every_file_that_a_worker_opens_is_rested_on(undisturbed):
    recipe, _ = undisturbed
    rests = {plain(command): files for _, command, files in stamps(recipe)}
    ran = set()
    for worker, command, files in blocks(recipe):
        known = rests[plain(command)]
        ran.add(worker)
        own = (f"{worker}.py", ".tmp", ".part")
        for file in files:
            if file.endswith(own) or re.fullmatch(DECIDED.get(worker, "-"), file):
                continue
            assert any(file.endswith(path) for path in known), (command, file)
    assert ran >= {"validate_data_dir", "extract_ssl", "train", "score", "calibrate", "fuse"}
    assert ran >= {"novelty", "evaluate", "compare", "describe_model", "rank", "report"}


UNREAD = {  # rested on though this recipe's workers do not open it
    "train": r"dump/.*/(utt2sum|\.done)",  # stand for the archives
    "score": r"dump/.*/(utt2sum|\.done)",
    "novelty": r"dump/.*/(utt2sum|\.done)",
    "rank": r"exp/.*/(calibration|selection|result).json|/.*",
    "report": r".*",
    "evaluate": r"data/eval/(utt2\w+|trials/known)",
    "compare": r"data/eval/(utt2\w+|trials/known)",
}


def test_no_worker_rests_on_what_it_does_not_open(undisturbed):
    recipe, _ = undisturbed
    opened = {}
    for _, command, files in blocks(recipe):
        opened.setdefault(plain(command), set()).update(files)
    for _, command, rests in stamps(recipe):
        if plain(command) not in opened:
            assert command.startswith("local/prepare_data.py ")
            continue
        worker = command.split()[0].partition("/")[2].removesuffix(".py")
        for path in rests:
            if re.fullmatch(UNREAD.get(worker, "-"), path):
                continue
            assert any(file.endswith(path) for file in opened[plain(command)]), (command, path)


def test_a_real_run_asks_what_the_recorder_wrote(undisturbed):
    """So that what tests/recipes/test_laws_wiring.py says of calls holds of runs."""
    recipe, _ = undisturbed
    own = ["--systems", " ".join(SYSTEMS), "--device", "cpu", "--corpus", recipe.corpus]
    launched, printed, _ = record(recipe.folder, *own)
    (recipe.folder / "recorded").unlink()
    assert len(printed) == 1
    for call in launched:
        for job in range(1, call.shares + 1):
            text = call.command.replace("{job}/{jobs}", f"{job}/{call.shares}")
            log = call.log.replace("{job}", str(job))
            line = (recipe.folder / log).read_text().splitlines()[0]
            assert shlex.split(line)[1:] == shlex.split(text)
    found = {str(path.relative_to(recipe.folder)) for path, *_ in stamps(recipe)}
    assert {call.done for call in launched} == found


@pytest.fixture
def copy(undisturbed, tmp_path):
    recipe, _ = undisturbed
    shutil.copytree(recipe.folder, tmp_path / "recipe")
    return Recipe(tmp_path / "recipe", recipe.corpus)


ON_DUMP = {f"dump/fbank/{name}/{file}" for name in ("dev", "eval") for file in ("utt2sum", ".done")}
TOUCHED = {  # of each stage, files that it rests on, one of each kind
    1: {"data/train/wav.scp", "data/dev/utt2spk", "data/eval/utt2dur", "data/eval/trials/known"},
    2: {"conf/upstream/fbank.yaml", "data/train/wav.scp", "data/eval/utt2dur"},
    3: {"conf/train_fbank_mhfa.yaml", "data/train/utt2label", "data/dev/utt2dur"}
    | {"dump/fbank/train/utt2sum", "data/dev/utt2label", "data/train/wav.scp"},
    4: {"exp/wave_cnn_seed1/best.pt", "data/dev/wav.scp", "data/eval/utt2dur"} | ON_DUMP,
    5: {"data/dev/utt2label", "data/train/wav.scp", "exp/wave_cnn_seed1/best.pt"}
    | {f"exp/{system}_seed1/{name}/scores" for system in SYSTEMS for name in ("dev", "eval")},
    6: {"data/eval/utt2label", "data/eval/utt2spk", "data/eval/trials/known"}
    | {"data/eval/trial_counts", "exp/fusion_seed1/eval/scores", "exp/wave_cnn_seed1/config.yaml"}
    | {"exp/wave_cnn_seed1/eval/llr/scores", "exp/wave_cnn_seed1/selection.json"},
}
RENEWED = {  # of stage 6: what is made again where that is touched
    "conf/rank.yaml": {"rank"},
    "exp/wave_cnn_seed1/calibration.json": {"rank", "report"},
    "exp/wave_cnn_seed1/curve.csv": {"report"},
}


@pytest.mark.parametrize("stage", TOUCHED)
def test_a_stage_stops_where_what_it_rests_on_was_touched(copy, stage):
    for name in sorted(TOUCHED[stage]):
        path = copy.file(name)
        before = path.read_bytes() if path.exists() else None
        roots = ROOT / name  # a config that the recipe has from there
        shown = roots.read_bytes() if before is None and roots.exists() else before
        path.write_bytes((shown or b"") + b"\n")
        status, out, error = copy.run(*only(stage))
        assert (status, len(error.splitlines())) == (1, 1), (name, out, error)
        assert re.search(
            rf" rests on another {re.escape(name)} than there is now; .* rm -r ", error
        )
        path.unlink() if before is None else path.write_bytes(before)
    assert "$ " not in succeed(copy.run(*only(stage)))


@pytest.mark.parametrize("name", RENEWED)
def test_what_only_reports_is_made_again(copy, name):
    path = copy.file(name)
    path.write_bytes(path.read_bytes() + b"\n")
    out = succeed(copy.run(*only(6)))
    assert set(re.findall(r"^\$ .*?steps/(\w+).py", out, re.M)) == RENEWED[name]


def test_a_page_of_claims_makes_the_report_again(copy):
    copy.file("CLAIMS.json").write_text("[]")
    out = succeed(copy.run(*only(6)))
    assert re.findall(r"^\$ .*?steps/(\w+).py", out, re.M) == ["report"]
    tracing = "exp/wave_cnn_seed1/eval/tracing.json"  # which a report shows too
    words = ["steps/report.py", "--set", "data/eval", "exp/wave_cnn_seed1", "--out", "x.html"]
    assert f"{tracing}*" in rests_on(words, lambda name: [name])


@pytest.mark.parametrize("stage", TOUCHED)
def test_a_stage_goes_on_where_anything_else_was_touched(copy, stage):
    """Every file of the recipe that no job of this stage rests on."""
    launched, *_ = record(copy.folder, *OPTIONS, "--corpus", copy.corpus, *only(stage))
    rests = {
        file for _, command, files in stamps(copy) for file in files if is_of(command, launched)
    }
    own = {path for path, command, _ in stamps(copy) if is_of(command, launched)}
    touched = []
    for path in sorted(copy.folder.rglob("*")):
        name = str(path.relative_to(copy.folder))
        code = name.startswith(("steps/", "utils/", "local/"))
        if path.is_file() and path not in own and name not in rests and not code:
            path.write_bytes(path.read_bytes() + b"\n")
            touched.append(name)
    assert len(touched) > 20
    out = succeed(copy.run(*only(stage)))
    assert "skip: " in out
    assert not re.findall(r"^\$ .*", out, re.M)


OPTIONS = ("--systems", " ".join(SYSTEMS), "--device", "cpu")


def is_of(command, launched):
    """Whether a recorded command is of one of these calls."""
    workers = {call.command.split()[0] for call in launched}
    return command.split()[0] in workers
