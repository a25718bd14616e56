"""What the folder of an experiment holds, and where: the one place that knows these names.

`<exp>/<set>/scores` and `<exp>/<set>/llr/scores` are tables of scores and of LLRs;
`<exp>/<set>[_<list>]/result.json` is what they come to; `<exp>/calibration.json` says how LLRs
are made of scores. An experiment that has a `fusion.json` is a fusion, whatever its name.
"""

from pathlib import Path

from ..data.data_dir import ALL, trial_counts, trial_lists


def scores_path(exp_dir: str | Path, set_name: str) -> Path:
    """The scores of an experiment on a set."""
    return Path(exp_dir) / set_name / "scores"


def llr_path(exp_dir: str | Path, set_name: str) -> Path:
    """The LLRs of an experiment on a set."""
    return Path(exp_dir) / set_name / "llr" / "scores"


def result_path(exp_dir: str | Path, folder: str) -> Path:
    """The result in a folder of an experiment: `<set>`, or `<set>_<list>`."""
    return Path(exp_dir) / folder / "result.json"


def of_list(path: str | Path, name: str) -> Path:
    """What is written of a list of trials, where `path` is of every trial of a set.

    `exp/x/eval/result.json` -> `exp/x/eval_<list>/result.json`.
    """
    path = Path(path).absolute() if Path(path).parent == Path() else Path(path)
    return path.parent.with_name(f"{path.parent.name}_{name}") / path.name


def outputs_of(
    data_dir: str | Path, out: str | Path | None, trials: str | None = None, every: bool = False
) -> dict[str | None, Path | None]:
    """{list of trials, None for every trial: what is written of it} of the options of a worker.

    trials: the list that was asked for; None: that which `trial_counts` calls published, or all.
    every: every trial, and each list into the folder of `of_list`.
    """
    if trials is None and not every:
        trials = trial_counts(data_dir)[1]
    own = Path(out) if out else None
    found: dict[str | None, Path | None] = {None if trials == ALL else trials: own}
    if every and own:
        found |= {name: of_list(own, name) for name in trial_lists(data_dir)}
    return found


def result_paths(exp_dir: str | Path) -> list[Path]:
    """Every result of an experiment, sorted."""
    return sorted(Path(exp_dir).glob("*/result.json"))


def experiments_below(folder: str | Path) -> list[Path]:
    """The folders in `folder` that hold results, sorted."""
    return sorted({path.parent.parent for path in Path(folder).glob("*/*/result.json")})


def calibration_path(exp_dir: str | Path) -> Path:
    """What calibration learned."""
    return Path(exp_dir) / "calibration.json"


def fusion_path(exp_dir: str | Path) -> Path:
    """What fusion learned; only a fusion has it."""
    return Path(exp_dir) / "fusion.json"


def novelty_path(exp_dir: str | Path) -> Path:
    """What says how far a sound is from the training set of a system."""
    return Path(exp_dir) / "novelty.npz"


def cost_path(exp_dir: str | Path) -> Path:
    """What a system costs."""
    return Path(exp_dir) / "cost.json"


def diagnostics_path(exp_dir: str | Path) -> Path:
    """What steps/diagnose.py measured of a model."""
    return Path(exp_dir) / "diagnostics.json"


def is_fusion(exp_dir: str | Path) -> bool:
    """Whether an experiment is a fusion of others: its folder says so, its name does not."""
    return fusion_path(exp_dir).is_file()
