"""A whole recipe as tasks of Slurm and of Grid Engine ends in the results of this machine."""

import re

import pytest
from looking import assert_it_was_seen, looking
from recipes import Recipe, succeed
from slurm_cluster import NODES

from benchmarks.killing import plain

MEASURED = ("cost.json", "rank.json")  # hold the speed of this machine
BEGUN = re.compile(r"^# started .*, job antispoof-\w+ task \d+, attempt 1$", re.MULTILINE)


def results(recipe):
    """{name: what it holds} of all that does not say where and when it was made."""
    found = {str(path.relative_to(recipe.folder)): path for path in recipe.folder.rglob("*.json")}
    found = {n: plain(path) * (path.name not in MEASURED) for n, path in found.items()}
    return {**recipe.outputs(), **found}


@pytest.mark.parametrize("name", ["slurm", "sge"])
def test_a_recipe_on_a_cluster_ends_in_the_results_of_this_machine(
    undisturbed, request, tmp_path, monkeypatch, name
):
    daemons, (whole, _) = request.getfixturevalue(name), undisturbed
    recipe = Recipe(tmp_path / "ein Rezept, été Ж", whole.corpus).write()
    monkeypatch.setenv("ANTISPOOF_CLUSTER", name)
    with looking(recipe.folder) as seen:
        out = succeed(recipe.run("--nj", len(NODES)))
    assert_it_was_seen(recipe.folder, seen)
    wanted, found = results(whole), results(recipe)
    assert found.keys() == wanted.keys()
    assert [path for path in wanted if found[path] != wanted[path]] == []
    logs = [path.read_text() for path in recipe.folder.rglob("*.log")]
    assert len(logs) >= out.count("\n$ ") > 20
    assert all(map(BEGUN.search, logs)), "every job is a task of the cluster"
    left = [*recipe.folder.rglob(".jobs"), *recipe.folder.rglob("*.log.job")]
    assert (left, daemons.queue()) == ([], [])
    if name == "slurm":
        said = (daemons.folder / "log/slurmctld.log").read_text()
        assert set(re.findall(r"Allocate JobId=.* NodeList=(n\d)\b", said)) == {*NODES}
