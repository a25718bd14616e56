"""Jobs on several nodes, without a training: what they are given, when they fail, and refusals."""

import json
import subprocess

import pytest
from launching import RUN, launch, script
from made_up import ROOT

from antispoof.errors import UserError
from antispoof.launcher.cluster import load_cluster
from antispoof.launcher.job import Request
from antispoof.torch_utils.torchrun import read_processes, start_team

CALL = ["--cluster", "slurm", "--nodes", 2]
# The node of number 0 listens at the port where torchrun would; the other one goes there.
MEET = """import os, socket, time
node, port = os.environ["PET_NODE_RANK"], int(os.environ["PET_MASTER_PORT"])
place = os.environ["PET_MASTER_ADDR"], port
if node == "0":
    with socket.create_server(place) as server:
        server.settimeout(60)
        server.accept()[0].sendall(b"welcome")
        time.sleep(2)
for _ in range(600 if node == "1" else 0):
    try:
        said = socket.create_connection(place).recv(99).decode()
        break
    except OSError:
        time.sleep(0.1)
if node == "1":
    print(said, os.environ["SLURMD_NODENAME"], port, os.environ["PET_NNODES"], flush=True)
"""


def test_two_nodes_meet_at_a_port_that_no_other_job_of_the_first_has(slurm, tmp_path):
    call = [*CALL, "--slots", 2, "JOB=1:2", "{job}.log", script(tmp_path, MEET, "meet.py")]
    status, _, error = launch(tmp_path, *call)
    logs = [(tmp_path / f"{job}.log").read_text() for job in "12"]
    assert status == 0, (error, logs)
    said = [line.split() for log in logs for line in log.splitlines() if line[:1] not in "#"]
    assert [words[0] for words in said] == ["welcome"] * 2
    assert {words[3] for words in said} == {"2"}
    assert len({words[2] for words in said}) == 2, "one port for two jobs"


def test_where_the_command_fails_on_the_second_node_alone_the_job_has_failed(slurm, tmp_path):
    work = script(tmp_path, 'echo "at $SLURM_NODEID"\n[ "$SLURM_NODEID" = 0 ] || exit 3')
    status, _, error = launch(tmp_path, *CALL, "--retries", 2, "x.log", work)
    assert status == 1
    assert error.startswith("1 / 1 failed: x.log: status 3 on ")
    log = (tmp_path / "x.log").read_text()
    assert "at 0\n" in log and "at 1\n" in log and log.count("# started ") == 1
    assert slurm.queue() == []


@pytest.mark.parametrize("cluster", ["local", "sge"])
def test_elsewhere_than_on_slurm_a_job_has_one_node(tmp_path, cluster):
    for call in (["x.log", "true"], ["--queue"]):
        more = ["--nodes", "2"] if call[0] == "x.log" else []
        done = subprocess.run(
            [*RUN, "--cluster", cluster, *more, *call],
            input=json.dumps({"words": ["true", "x/"], "nodes": 2}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        said = f"utils/run.py: --nodes 2: found --cluster {cluster}, where a job runs on one node; "
        assert (done.returncode, done.stderr.startswith(said)) == (1, True), done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_words_of_slurm_for_several_nodes():
    flags = load_cluster(f"{ROOT}/conf/cluster/slurm.yaml").flags(Request(nodes=3, gpu=2))
    assert flags == [
        *("--cpus-per-task=1", "--gres=gpu:2"),
        *("--nodes=3", "--ntasks=3", "--ntasks-per-node=1"),
    ]


def test_what_resumes_makes_a_folder(tmp_path):
    done = subprocess.run(
        [*RUN, "--queue"],
        input=json.dumps({"words": ["true", "out"], "resumes": True}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    said = "utils/run.py: queue:1: out resumes, wanted a folder, as its last.pt is read\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_how_many_processes_on_how_many_nodes(monkeypatch):
    assert [read_processes(text) for text in ("1", "4", "1x4", "12x8")] == [
        *((1, 1), (1, 4), (1, 4), (12, 8))
    ]
    for text in ("", "0", "x4", "2x", "2x0", "-1", "2x4x1", "two"):
        with pytest.raises(UserError, match=f"^--processes {text}: wanted e.g. 4, or 2x4 for 4 on"):
            read_processes(text)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    for there, text in ((None, "2x1"), ("2", "4"), ("2", "1"), ("3", "2x4")):
        monkeypatch.delenv("PET_NNODES", raising=False)
        if there:
            monkeypatch.setenv("PET_NNODES", there)
        with pytest.raises(
            UserError, match=f"^--processes {text}: found a job on {there or 1} node"
        ):
            start_team(text, ["train.py"])
