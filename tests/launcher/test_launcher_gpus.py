"""utils/run.py --gpu: one job on each GPU, with a made-up nvidia-smi and real jobs."""

import os
import subprocess
import sys

import pytest
from launching import RUN, launch, script
from made_up import ROOT

from antispoof.errors import UserError
from antispoof.launcher import jobs

SMI = 'echo "$*" >>asked\n[ "$*" = -L ] || exit 9\ncat devices'
# Each job writes what it sees and when it was at work, by the clock of all.
WORK = """import os, sys, time
seen = os.environ.get("CUDA_VISIBLE_DEVICES", "none")
began = time.monotonic()
time.sleep(float(sys.argv[2]))
with open(f"at.{sys.argv[1]}", "w") as stream:
    stream.write(f"{seen}|{began}|{time.monotonic()}")
"""
EIGHT = "".join(f"GPU {n}: NVIDIA H100 80GB HBM3 (UUID: GPU-{n}a-{n})\n" for n in range(8))
MIG = (
    "GPU 0: NVIDIA A100 (UUID: GPU-1)\n  MIG 1g.10gb  Device 0: (UUID: MIG-a)\n"
    "  MIG 1g.10gb  Device 1: (UUID: MIG-b)\n"
)

pytestmark = pytest.mark.alone  # jobs of less than a second have to run at the same time


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder with a job and an nvidia-smi that lists the lines of `devices`."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin", SMI, "nvidia-smi")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    script(tmp_path, WORK, "work.py")
    return tmp_path


def run(machine, *options, values="1:6", seconds=0.3, **environment):
    """Run jobs; returns {job: (GPUs that it saw, begin, end)}."""
    call = [*options, f"JOB={values}", "{job}.log", "./work.py", "{job}", seconds]
    status, _, error = launch(machine, *call, **environment)
    assert status == 0, error
    found = {}
    for path in machine.glob("at.*"):
        seen, began, ended = path.read_text().split("|")
        found[path.suffix[1:]] = (seen, float(began), float(ended))
        path.unlink()
    return found


def most_at_once(times):
    """The largest number of jobs that were at work at the same moment."""
    return max(sum(b <= began < e for _, b, e in times) for _, began, _ in times)


def test_two_gpus_have_one_job_each_whatever_the_slots(machine):
    (machine / "devices").write_text("".join(EIGHT.splitlines(True)[:2]))
    for slots in (1, 6):
        found = run(machine, "--slots", slots, "--gpu", 1)
        assert len(found) == 6
        assert {seen for seen, *_ in found.values()} == {"0", "1"}
        for gpu in "01":
            assert most_at_once([times for times in found.values() if times[0] == gpu]) == 1
        assert most_at_once(list(found.values())) == 2
    assert (machine / "asked").read_text() == "-L\n-L\n"


def test_jobs_that_ask_for_no_gpu_run_by_slots_and_nobody_looks_for_one(machine):
    (machine / "devices").write_text(EIGHT)
    found = run(machine, "--slots", 3, values="1:3", seconds=0.8)
    assert {seen for seen, *_ in found.values()} == {"none"}
    assert most_at_once(list(found.values())) == 3
    assert not (machine / "asked").exists()


@pytest.mark.parametrize(
    ("listed", "given", "gpus"),
    [
        (EIGHT, "3", {"3"}),
        (EIGHT, "5, GPU-1a-1,MIG-x", {"5", "GPU-1a-1", "MIG-x"}),
        (EIGHT, "2,-1,3", {"2"}),
        (EIGHT, "4,4", {"4"}),
        (MIG, None, {"MIG-a", "MIG-b"}),
        ("", "0,1", {"0", "1"}),
    ],
)
def test_devices_are_those_of_the_environment_or_those_that_are_listed(
    machine, listed, given, gpus
):
    (machine / "devices").write_text(listed)
    environment = {} if given is None else {"CUDA_VISIBLE_DEVICES": given}
    found = run(machine, "--gpu", 1, values="1:3", seconds=0.8, **environment)
    assert {seen for seen, *_ in found.values()} == gpus
    assert most_at_once(list(found.values())) == len(gpus)
    assert (machine / "asked").exists() == (given is None)


@pytest.mark.parametrize("given", [None, "", "-1"])
def test_without_a_gpu_jobs_run_by_slots_as_those_of_a_cpu(machine, given):
    (machine / "devices").write_text("No devices were found\n" if given is None else EIGHT)
    environment = {} if given is None else {"CUDA_VISIBLE_DEVICES": given}
    found = run(machine, "--slots", 3, "--gpu", 1, values="1:4", seconds=0.8, **environment)
    assert {seen for seen, *_ in found.values()} <= {"none", given}
    assert most_at_once(list(found.values())) == 3


def test_a_machine_without_nvidia_smi_has_no_gpu(machine, monkeypatch):
    (machine / "bin/nvidia-smi").unlink()
    monkeypatch.setenv("PATH", str(machine / "bin"))
    assert run(machine, "--gpu", 1, values="1:2", seconds=0)["1"][0] == "none"
    script(machine / "bin", "echo 'NVIDIA-SMI has failed'; exit 9", "nvidia-smi")
    assert jobs.gpus() == []


def test_processes_that_train_together_have_as_many_gpus(machine, monkeypatch):
    (machine / "devices").write_text("".join(EIGHT.splitlines(True)[:5]))
    found = run(machine, "--gpu", 2, values="1:4")
    assert {seen for seen, *_ in found.values()} == {"0,1", "2,3"}  # one is left over
    assert most_at_once(list(found.values())) == 2
    monkeypatch.chdir(machine)
    with pytest.raises(UserError, match="--gpu 6: found 5 "):
        jobs.places(6, 1)  # a launcher without a place for any job would wait for one
    call = ["--gpu", "6", "x.log", "./work.py", "1", "0"]
    status, _, error = launch(machine, *call)
    assert status == 1
    assert error.startswith("utils/run.py: --gpu 6: found 5 (0,1,2,3,4), wanted a GPU for each ")
    assert len(error.splitlines()) == 1
    assert not (machine / "x.log").exists()


def test_a_failed_job_gives_its_gpu_back_and_an_ended_launcher_none(machine):
    (machine / "devices").write_text(EIGHT.splitlines()[0])
    work = script(machine, 'echo "$CUDA_VISIBLE_DEVICES" >>seen\n[ "$1" != 2 ]')
    call = ["--gpu", 1, "--done", "{job}.done", "JOB=1:3", "{job}.log", work, "{job}"]
    assert launch(machine, *call)[0] == 1
    assert launch(machine, *call)[0] == 1
    assert (machine / "seen").read_text().split() == ["0"] * 3
    assert [path.name for path in machine.glob("*.done")] == ["1.done"]


def test_what_is_done_does_not_rest_on_gpus(machine):
    (machine / "devices").write_text(EIGHT)
    call = ["--done", ".done", "x.log", "./work.py", "1", "0"]
    assert launch(machine, "--gpu", 2, *call)[1].startswith("$ ")
    assert launch(machine, *call)[1].startswith("skip: ")
    assert launch(machine, "--gpu", 9, *call)[1].startswith("skip: ")


def test_the_launcher_knows_gpus_without_torch(machine):
    text = "import sys; from antispoof.launcher import jobs\n"
    text += "print(jobs.gpus(), 'torch' in sys.modules)"
    (machine / "devices").write_text(MIG)
    done = subprocess.run([sys.executable, "-c", text], cwd=machine, capture_output=True, text=True)
    assert done.stdout == "['MIG-a', 'MIG-b'] False\n"
    assert RUN[1] == f"{ROOT}/utils/run.py"
