"""utils/run.py on a real Slurm: what other schedulers do otherwise, or do not know."""

from launching import ONCE, began, begin, finish, launch, script, settings

CALL = ["--cluster", "slurm"]


def test_a_folder_in_which_slurm_would_look_for_output_elsewhere_is_refused(slurm, tmp_path):
    folder = tmp_path / "a\\b"
    folder.mkdir()
    status, _, error = launch(folder, *CALL, "log/x.log", "true")
    assert (status, len(error.splitlines())) == (1, 1)
    assert "wanted a folder without a backslash in its name" in error
    assert list(folder.glob("log/*")) == []


def test_a_task_whose_place_others_take_is_done_again_whatever_its_retries(slurm, tmp_path):
    call = [*settings(tmp_path, slurm, "queue: low"), "--retries", 0, "--done", "x.done", "x.log"]
    process = begin(tmp_path, *call, script(tmp_path, ONCE))
    began(tmp_path)
    others = ["--nodes=3", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1"]
    slurm.call("sbatch", *others)
    status, _, error = finish(process)
    assert (status, "submits 1 again that were lost" in error) == (0, True), error
    assert "the scheduler says PREEMPTED" in error
    assert len((tmp_path / "ran").read_text().splitlines()) == 2
    assert (tmp_path / "x.done").exists()


def test_a_task_that_exceeds_its_memory_says_so(slurm, tmp_path):
    text = "import time\nprint('begins', flush=True)\nx = b'1' * 400_000_000\ntime.sleep(30)\n"
    work = script(tmp_path, text, "work.py")
    status, _, error = launch(tmp_path, *CALL, "--mem", "150M", "x.log", work)
    assert status == 1
    said = (
        "it exceeded its memory; ask for more with defaults.mem of conf/cluster/NAME.yaml, or --mem"
    )
    assert error.startswith(f"1 / 1 failed: x.log: {said} ")
    assert "    begins" in error


def test_a_site_s_own_file_says_what_differs_and_a_wrong_word_is_refused(slurm, tmp_path):
    (tmp_path / "conf/cluster").mkdir(parents=True)
    site = tmp_path / "conf/cluster/site.yaml"
    site.write_text("base: slurm.yaml\nqueue: none\n")
    status, _, error = launch(tmp_path, "--cluster", "site", "x.log", "true")
    assert (status, "invalid partition specified: none" in error) == (1, True)
    site.write_text("base: slurm.yaml\nqueue: main\n")
    assert launch(tmp_path, "x.log", "true", ANTISPOOF_CLUSTER="site")[0] == 0
    site.write_text("base: slurm.yaml\nquue: main\n")
    error = launch(tmp_path, "--cluster", str(site), "x.log", "true")[2]
    assert "unknown key 'quue', did you mean 'queue'?" in error
    site.write_text("scheduler: slurm\n")
    error = launch(tmp_path, "--cluster", "site", "--mem", "1G", "x.log", "true")[2]
    assert "'options.mem' is empty, wanted the words that ask for mem 1024" in error


def test_a_task_whose_time_limit_comes_says_so(slurm, tmp_path):
    work = script(tmp_path, "echo $$ > .pid && mv .pid pid; exec sleep 200")
    process = begin(tmp_path, *CALL, "--time", "0:00:05", "x.log", work)
    began(tmp_path)
    job, limit = slurm.call("squeue", "-h", "-o", "%A|%l").strip().split("|")
    assert limit == "1:00"  # Slurm counts whole minutes: this one ends sooner
    slurm.call("scontrol", "update", f"jobid={job}", "EndTime=now+1")
    status, _, error = finish(process, 120)
    assert status == 1
    said = (
        "its time limit came; ask for more with defaults.time of conf/cluster/NAME.yaml, or --time "
    )
    assert error.startswith(f"1 / 1 failed: x.log: {said}of utils/run.py\n")
