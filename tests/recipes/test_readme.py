"""Every command of the README, and the recipe of CONTRIBUTING, run in a copy of the tree.

The embedded corpus is the small one, and lands in the range that egs/mini/RESULTS.md promises.
"""

import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from made_up import ROOT

README, CONTRIBUTING = (ROOT / name for name in ("README.md", "CONTRIBUTING.md"))
RESULTS = ROOT / "egs/mini/RESULTS.md"


def commands():
    """The lines of README's sh blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    lines = (line.split("  #")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


LIST = "./run.sh --list"
RUNS = [
    line
    for line in commands()
    if line.startswith("./run.sh") and "/path/to" not in line and line != LIST
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The files of the tree elsewhere, and tools/venv, of which every file is a hard link."""
    folder = tmp_path_factory.mktemp("clone") / "antispoof"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    link = os.link if os.stat(ROOT).st_dev == os.stat(folder).st_dev else shutil.copy2
    shutil.copytree(ROOT / "tools/venv", folder / "tools/venv", symlinks=True, copy_function=link)
    shutil.copy2(ROOT / "tools/.done", folder / "tools/.done")
    return folder


def shell(line, folder):
    """Run one line as a user would type it; returns what it printed."""
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def ranges(size):
    """{(system, trials): (lowest, highest) EER in %} of a fresh run, as RESULTS.md promises."""
    found = {}
    for row in re.findall(rf"^\| {size} \| (.*) \|$", RESULTS.read_text(), re.MULTILINE):
        system, *cells = row.split(" | ")
        for trials, cell in zip(("known", "unknown", "all"), cells, strict=True):
            low, high = re.fullmatch(r"([\d.]+)–([\d.]+)", cell).groups()
            found[system, trials] = float(low), float(high)
    assert len(found) == 9
    return found


def eer(folder, system, trials):
    name = "eval" if trials == "all" else f"eval_{trials}"
    path = folder / f"egs/mini/exp/{system}_seed1/{name}/result.json"
    return 100 * json.loads(path.read_text())["pooled"]["eer"]


def test_the_first_lines_are_the_two_commands():
    assert commands()[:2] == ["./run.sh", "tests/run.sh"]


def test_every_command_is_run_here():
    """tests/run.sh runs this; `source` and recipes with a corpus have tests of their own."""
    assert LIST in commands()
    others = [line for line in commands() if line not in [*RUNS, LIST]]
    workers = ["steps/describe_model.py", "steps/train.py"]
    corpora = ["./run.sh", "./run.sh", "utils/new_corpus.py", "./run.sh"]
    programs = ["tests/run.sh", *corpora, *workers]
    assert [line.split()[0] for line in others] == programs


def test_the_commands_of_the_readme_in_their_order(tree):
    """The first of them on the small corpus lands where RESULTS.md says; the rest build on it."""
    assert "--tag small" in RUNS[-1]
    short = ["", "", "", " --seeds 1"]  # of the last, other settings, one of three alike
    outputs = [
        shell(f"{line} --local-options '--size small'{seeds}", tree)
        for line, seeds in zip(RUNS, short, strict=True)
    ]
    for (system, trials), (low, high) in ranges("small").items():
        assert low <= eer(tree, system, trials) <= high, (system, trials)
    assert "report: " in outputs[0]
    assert (tree / "egs/mini/exp/report.html").is_file()
    assert not re.search(r"^\$ ", outputs[1], re.MULTILINE)  # the same features for any --nj
    assert (tree / "egs/mini/exp/mel_cnn_mini_seed4/eval/result.json").is_file()
    assert (tree / "egs/mini/exp/mel_cnn_mini_small_seed1/eval/result.json").is_file()


def test_the_recorded_means_lie_in_the_promised_range():
    text = RESULTS.read_text()
    header = re.search(r"^\| system \| EER %, known \| EER %, unknown \| EER %, all", text, re.M)
    for (system, trials), (low, high) in ranges("full").items():
        row = re.search(rf"^\| {system} \| (.*) \|$", text[header.end() :], re.MULTILINE)[1]
        mean = row.split(" | ")[("known", "unknown", "all").index(trials)].split(" ± ")[0]
        assert 1 < low < float(mean) < high < 50 or trials == "unknown"


def test_a_corpus_of_ones_own_is_added_and_run_to_its_table(tree, tmp_path):
    """By the README's two lines, on its corpus in small; which the tests of corpora find too."""
    new, run = (line for line in commands() if "NAME" in line)
    made = shell(f"source path.sh && {new} && {new} --miniature '{tmp_path}/a corpus'", tree)
    for path in ("egs/NAME/run.sh", "egs/NAME/RESULTS.md", "tests/helpers/miniatures/NAME.py"):
        assert f"{tree}/{path}\n" in made
    run = run.replace("/path/to/corpus", f"'{tmp_path}/a corpus'")
    out = shell(f"{run} --seeds 1 --override 'epochs=1 batch_size=8' --tag small", tree)
    assert re.search(r"^mel_cnn_small +\d", out, re.MULTILINE), out
    assert "report: " in out
    result = json.loads((tree / "egs/NAME/exp/mel_cnn_small_seed1/eval/result.json").read_text())
    assert result["counts"] == {"bonafide": 4, "spoof": 6, "trials": 10}
    listed = shell(LIST, tree)
    assert "\nNAME: NAME\n" in listed or listed.startswith("NAME: NAME\n")
    test = "python -m pytest -q -p no:cacheprovider tests/corpora/test_miniatures.py -k NAME"
    assert re.search(r"\d\d passed", shell(f"source path.sh && {test}", tree))
    shutil.rmtree(tree / "egs/NAME")
    (tree / "tests/helpers/miniatures/NAME.py").unlink()


def test_the_recipe_of_contributing_runs(tree, made_up_corpus):
    text = CONTRIBUTING.read_text()
    files = ("python", "local/prepare_data.py"), ("bash", "run.sh"), ("yaml", "corpus.yaml")
    for kind, name in files:
        block = re.search(rf"^ +```{kind}\n(.*?)^ +```", text, re.DOTALL | re.MULTILINE)[1]
        path = tree / "egs/NAME" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(block))
        path.chmod(0o755)
    small = "--override 'epochs=1 batch_size=8' --tag small"
    (line,) = (line for line in commands() if line.startswith("./run.sh NAME"))
    line = line.replace("/path/to/corpus", f"'{made_up_corpus}'")
    assert "report: " in shell(f"{line} {small}", tree)
    assert (Path(tree) / "egs/NAME/exp/fusion_small_seed1/eval/result.json").is_file()


def test_a_worker_by_itself(tree):
    describe, train = (line for line in commands() if line.startswith("steps/"))
    assert "405,121" in shell(f"source path.sh && {describe}", tree)
    assert "example:" in shell(f"source path.sh && {train}", tree)
