"""A cluster for the tests of this room that need one."""

import pytest
import sge_cluster
import slurm_cluster


@pytest.fixture(scope="session")
def slurm_daemons():
    """A Slurm of three nodes; skips where a program is missing."""
    if slurm_cluster.MISSING:
        pytest.skip(f"Slurm cannot be started here: no {', '.join(slurm_cluster.MISSING)}")
    cluster = slurm_cluster.SlurmCluster()
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture
def slurm(slurm_daemons, monkeypatch):
    """That cluster with an empty queue, named by the environment."""
    slurm_daemons.reset()
    for name, value in slurm_daemons.environment.items():
        monkeypatch.setenv(name, value)
    return slurm_daemons


@pytest.fixture(scope="session")
def sge_daemons():
    """A Grid Engine of one host; skips where a program is missing."""
    if sge_cluster.MISSING:
        pytest.skip(f"Grid Engine cannot be started here: no {', '.join(sge_cluster.MISSING)}")
    cluster = sge_cluster.SgeCluster()
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture
def sge(sge_daemons, monkeypatch):
    """That cluster with an empty queue, named by the environment."""
    sge_daemons.reset()
    for name, value in sge_daemons.environment.items():
        monkeypatch.setenv(name, value)
    return sge_daemons
