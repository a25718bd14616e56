"""utils/settings.py, and run.sh through it: configs are read as training reads them."""

import subprocess
import sys

import pytest
from laws import house, of, record
from made_up import ROOT, worker

PROGRAM = "utils/settings.py"


@pytest.fixture
def place(tmp_path):
    """A recipe with one front end of each name that configs below use."""
    folder = house(tmp_path / "house")
    for name in ("xls_r_300m", "wav2vec2-base"):
        path = folder / f"conf/upstream/{name}.yaml"
        path.write_text("# copies: of nothing\nname: fbank\n")
    return folder


def settings(place, *arguments):
    """{(name, key): value} of the lines that it prints."""
    status, out, error = worker(PROGRAM, *arguments, cwd=place)
    assert (status, error) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    return {(name, key): value for name, key, value in rows}


WRITTEN = {
    'feats: cached\nupstream: "xls_r_300m"\n': "xls_r_300m",
    "feats: cached\nupstream: 'xls_r_300m'   # upstream: mel\n": "xls_r_300m",
    "upstream: wav2vec2-base # feats: wave\n": "wav2vec2-base",
    "{feats: cached, upstream: mel}\n": "mel",
    '"feats": "cached"\n"upstream" : mel\n': "mel",
    "upstream:\n  mel\n": "mel",
    "model: mhfa\n? upstream\n: >-\n  mel\n": "mel",
}


@pytest.mark.parametrize(("text", "upstream"), WRITTEN.items())
def test_a_front_end_is_computed_and_rested_on_however_the_config_is_written(place, text, upstream):
    (place / "conf/train_x.yaml").write_text(text)
    assert settings(place, "x")["x", "feats"] == f"dump/{upstream}"
    launched, *_ = record(place, "--systems", "x", "--stage", 2, "--stop-stage", 4)
    dumps = [call.command.split()[-1] for call in of(launched, "steps/extract_ssl.py")]
    assert dumps == [f"dump/{upstream}/{name}" for name in ("train", "dev", "eval")]
    for call in of(launched, "steps/extract_ssl.py"):
        assert f"conf/upstream/{upstream}.yaml" in call.reads
        assert "--copies" not in call.command
    (train,) = of(launched, "steps/train.py")
    assert {f"dump/{upstream}/{name}/.done" for name in ("train", "dev")} < train.reads


@pytest.mark.parametrize(
    ("system", "override", "dump"),
    [
        ("cached", "upstream=mel", "mel"),
        ("cached", "upstream='mel'", "mel"),
        ("tuned", "feats=cached", "mel"),
        ("wave", 'feats="cached"', "own"),
        ("wave", "feats=cached upstream=mel upstream=wav2vec2-base", "wav2vec2-base"),
        ("cached", "feats=wave", None),
        ("cached", "feats='ssl'", None),
    ],
)
def test_an_override_decides_what_stage_2_computes_and_training_rests_on(
    place, system, override, dump
):
    call = ["--systems", system, "--tag", "x", "--override", override]
    launched, *_ = record(place, *call, "--stage", 2, "--stop-stage", 3)
    made = {c.command.split()[-1] for c in launched if "steps/extract_ssl.py" in c.command}
    assert made == ({f"dump/{dump}/{name}" for name in ("train", "dev", "eval")} if dump else set())
    (train,) = of(launched, "steps/train.py")
    rests = {file.split("/")[1] for file in train.reads if file.startswith("dump/")}
    assert rests == ({dump} if dump else set())


def test_every_value_is_that_of_the_config_the_defaults_and_the_overrides(place):
    (place / "conf/train_empty.yaml").write_text("{}\n")
    found = settings(
        place, "--override", "upstream=own", "--override", "init_from=a b/{seed}", "empty"
    )
    assert found == {
        ("empty", "feats"): "dump/own",
        ("empty", "start"): "a b/{seed}/best.pt",
        ("empty", "without"): "",
        ("upstream/own", "copies"): "1",
        ("*", "allow"): "",
    }
    (place / "conf/upstream/own.yaml").write_text("{name: x_local, checkpoint: 'my {x}.pt'}\n")
    found = settings(place, "cached", "wave", "tuned")
    assert found["upstream/own", "copies"] == "0"
    assert (found["wave", "feats"], found["wave", "start"]) == ("", "")
    assert found["tuned", "feats"] == "conf/upstream/mel.yaml"
    assert found["tuned", "start"] == "exp/start_seed{seed}/best.pt"
    call = ("--systems", "cached", "--stage", 2, "--stop-stage", 2)
    for extract in of(record(place, *call)[0], "steps/extract_ssl.py"):
        assert {"conf/upstream/own.yaml", "my {x}.pt"} < extract.reads


@pytest.mark.parametrize(
    ("cached", "wave", "found"),
    [
        (["resample", "mixdown"], ["mixdown", "resample"], "mixdown resample"),
        (["resample", "mixdown"], ["resample"], "resample"),
        (["mixdown"], ["resample"], ""),
        (["mixdown"], [], ""),
    ],
)
def test_sounds_may_be_what_every_system_converts(place, cached, wave, found):
    """A system of cached features hears them through its front end."""
    (place / "conf/train_x.yaml").write_text(f"upstream: mel\nallow: {wave}\n")
    (place / "conf/upstream/mel.yaml").write_text(f"name: fbank\nallow: {cached}\n")
    (place / "conf/train_y.yaml").write_text(f"feats: wave\nallow: {wave}\n")
    assert settings(place, "x", "y")["*", "allow"] == found
    launched, *_ = record(place, "--systems", "x y", "--stop-stage", 1)
    for call in of(launched, "utils/validate_data_dir.py"):
        asked = call.command.partition(" --allow ")[2].partition(" --out")[0]
        assert asked == found


BAD = {
    "upstream: [mel\n": "conf/train_x.yaml: is not YAML: ",
    "- mel\n": "conf/train_x.yaml: wanted lines of `key: value`",
    "upstraem: mel\n": "conf/train_x.yaml: unknown key 'upstraem', did you mean 'upstream'?",
    "feats: chached\n": "conf/train_x.yaml: 'feats' is 'chached', wanted one of ",
    "feats: cached\n": "conf/train_x.yaml: 'feats: cached' needs 'upstream'",
    "upstream: 7\n": "conf/train_x.yaml: 'upstream' is 7, wanted str",
    "upstream: ../mel\n": "conf/train_x.yaml: 'upstream' is '../mel', wanted a name in ",
    "upstream: a b\n": "conf/train_x.yaml: 'upstream' is 'a b', wanted a name in ",
    "upstream: gone\n": "conf/upstream/gone.yaml: no such file",
    "upstream: broken\n": "conf/upstream/broken.yaml: unknown key 'nmae'",
    '{feats: wave, init_from: "a\\tb"}\n': "conf/train_x.yaml: found 'a\\tb/best.pt', ",
}


@pytest.mark.parametrize(("text", "words"), BAD.items())
def test_a_bad_config_stops_run_sh_in_one_line_before_anything_runs(place, text, words):
    (place / "conf/train_x.yaml").write_text(text)
    (place / "conf/upstream/broken.yaml").write_text("nmae: fbank\n")
    for stage in (1, 6):
        launched, printed, said = record(place, "--systems", "cached x", "--stage", stage, status=1)
        assert not launched
        assert not printed
        (line,) = said.splitlines()
        assert line.startswith(f"utils/settings.py: {words}")


def test_nothing_in_a_config_is_run_by_the_shell(place, tmp_path):
    text = "feats: wave\ninit_from: 'exp/$(touch ran) `touch ran` \"; touch ran #'\n"
    (place / "conf/train_x.yaml").write_text(text)
    launched, *_ = record(place, "--systems", "x", "--stage", 3, "--stop-stage", 3)
    (train,) = of(launched, "steps/train.py")
    assert 'exp/$(touch ran) `touch ran` "; touch ran #/best.pt' in train.reads
    assert not list(tmp_path.rglob("ran"))


def test_settings_are_read_without_torch(place):
    text = (
        "import runpy, sys\nsys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\nprint('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", text, ROOT / PROGRAM, "cached", "tuned", "wave"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
