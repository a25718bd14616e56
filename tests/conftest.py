"""What every test needs around it: the environment of path.sh, here and in what it starts."""

import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ["PYTHONPATH"] = str(ROOT)
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ["PYTHONSAFEPATH"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # small models; more threads only wait for each other
os.environ["LC_ALL"] = "C.UTF-8"
os.environ.pop("ANTISPOOF_PROGRESS", None)
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@pytest.fixture(autouse=True)
def own_signals():
    """What a test does with signals ends with it: processes that are started later inherit it."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With -n: whole files to each process, and files that share a costly fixture together."""
    from side_by_side import SideBySide

    return SideBySide(config, log)


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def made_up_corpus(tmp_path_factory):
    """Sounds for whole recipes."""
    from sounds import make_corpus

    return make_corpus(tmp_path_factory.mktemp("a corpus") / "été Ж")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, made_up_corpus):
    """A recipe that ran stage by stage, and the seconds that each stage took; not to be changed."""
    import time

    from recipes import STAGES, Recipe, only, succeed

    folder = tmp_path_factory.mktemp("recipe") / "ein Rezept, été Ж"
    recipe = Recipe(folder, made_up_corpus).write().noting()
    seconds = {}
    for stage in STAGES:
        started = time.monotonic()
        out = succeed(recipe.run(*only(stage)))
        seconds[stage] = time.monotonic() - started
        assert f"== Stage {stage}: " in out
        assert out.count("== Stage ") == 1
        assert "skip:" not in out
    return recipe, seconds


@pytest.fixture(scope="session")
def daemons():
    """Starts a cluster where it is first asked for; skips where a program is missing."""
    import sge_cluster
    import slurm_cluster

    modules = {"slurm": slurm_cluster, "sge": sge_cluster}
    made = {}

    def start(name):
        module = modules[name]
        if module.MISSING:
            pytest.skip(f"--cluster {name} cannot be tried: no {', '.join(module.MISSING)}")
        if name not in made:
            made[name] = module.CLUSTER()
            made[name].start()
        return made[name]

    yield start
    for cluster in made.values():
        cluster.stop()


def ready(cluster, monkeypatch):
    """The cluster with an empty queue, named by the environment."""
    cluster.reset()
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return cluster


@pytest.fixture
def slurm(daemons, monkeypatch):
    """A Slurm of three nodes."""
    return ready(daemons("slurm"), monkeypatch)


@pytest.fixture
def sge(daemons, monkeypatch):
    """A Grid Engine of one host."""
    return ready(daemons("sge"), monkeypatch)


@pytest.fixture(params=["slurm", "sge"])
def cluster(request):
    """Each of them."""
    return request.getfixturevalue(request.param)
