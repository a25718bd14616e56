"""Finds the experiments that were trained without an attack, and checks that they were."""

from pathlib import Path

from ..data.attacks import attacks_of
from ..data.data_dir import refuse_reported
from ..errors import UserError
from ..evaluation.fusion import Fusion
from ..evaluation.unseen import learn_unseen
from ..paths import system_and_seed
from .experiment import complete, read_experiment

MAY_DIFFER = ("without_attacks", "seed")


def learn_from(
    folder: str,
    data_dir: str | Path,
    dev_set: str,
    exp_dirs: list[Path],
    prior: float,
    kind: type[Fusion] = Fusion,
) -> Fusion:
    """`learn_unseen` of systems, from the experiments that the template `folder` names.

    Raises UserError where one of them is no such experiment, for any attack of the dev set.
    """
    for name in (data_dir, dev_set):
        refuse_reported("--data", name)
    experiments = find_unseen(folder, exp_dirs, attacks_of(data_dir))
    return learn_unseen(data_dir, dev_set, exp_dirs, experiments, prior, kind)


def find_unseen(folder: str, exp_dirs: list[Path], attacks: list[str]) -> dict[str, list[Path]]:
    """{attack: of each system, the experiment that was trained without it}.

    folder: its name, in which {system} stands for that of a system without `_seed<n>`, {attack} for
    an attack, and {seed} for the system's seed. Raises UserError where one was trained otherwise.
    """
    wanted = ["{attack}"] + ["{system}"] * (len(exp_dirs) > 1)
    rest = folder.replace("{seed}", "").replace("{attack}", "").replace("{system}", "")
    if "{" in rest or "}" in rest or not all(word in folder for word in wanted):
        raise UserError(
            f"--unseen: found '{folder}', wanted a folder with {' and '.join(wanted)} in its name, "
            "e.g. exp/{system}_without_{attack}_seed1"
        )
    return {attack: [_without(folder, exp, attack) for exp in exp_dirs] for attack in attacks}


def _without(folder, exp_dir, attack):
    """The experiment for one system and attack, checked by its config."""
    system, seed = system_and_seed(exp_dir)
    values = {"{system}": system, "{attack}": attack, "{seed}": "" if seed is None else str(seed)}
    for word, value in values.items():
        folder = folder.replace(word, value)
    require_without(exp_dir, folder, attack)
    return Path(folder)


def require_without(whole_dir: str | Path, exp_dir: str | Path, attack: str) -> None:
    """Raise UserError unless `exp_dir` is `whole_dir` trained without the attack.

    The seed may be another; nothing else of its config.yaml may.
    """
    whole, found = read_experiment(whole_dir), read_experiment(exp_dir)
    for place, config, wanted in ((whole_dir, whole, []), (exp_dir, found, [attack])):
        if config["without_attacks"] != wanted:
            raise UserError(
                f"{place}/config.yaml: found 'without_attacks' {config['without_attacks']}, wanted "
                f"{wanted}; name another folder, or train it so"
            )
    if _differing(whole, found):  # one may be of an earlier version, which says less
        whole, found = complete(whole), complete(found)
    if key := _differing(whole, found):
        raise UserError(
            f"{exp_dir}/config.yaml: found '{key}' {found.get(key)!r}, wanted {whole.get(key)!r} "
            f"as in {whole_dir}; train it with the same config"
        )


def _differing(whole, found):
    """The first key of which two configs say something else, or nothing."""
    keys = [key for key in {**whole, **found} if key not in MAY_DIFFER]
    return next((key for key in keys if whole.get(key) != found.get(key)), "")
