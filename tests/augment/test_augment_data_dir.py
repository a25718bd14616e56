"""A data directory of augmented sounds: valid, logged, the same whatever the jobs and the kills."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import soundfile
from launching import paused
from made_up import ROOT, refused, worker
from partial_sounds import make_partial
from sounds import make_corpus, make_data

from antispoof.augment.chain import Chain
from antispoof.augment.data_dir import Share, load_augmentation
from antispoof.data.audio import read_wave
from antispoof.data.data_dir import read_data_dir, read_durations, read_trials
from antispoof.data.segments import read_segments
from antispoof.data.tables import read_table, write_table
from antispoof.progress import Progress

AUGMENT, VALIDATE = "steps/augment_data_dir.py", "utils/validate_data_dir.py"
CONFIG = """
augment:
  - speed: {factors: [0.9, 1.1], p: 0.5}
  - rawboost: {algo: 4}
  - codec: {of: {alaw: [], mp3: [16]}, p: 0.8}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data/eval of 10 utterances, conf.yaml, and data/out made of them by one job."""
    folder = tmp_path_factory.mktemp("augmented")
    make_data(folder / "data", make_corpus(folder / "corpus", {"eval": 10}))
    utts = read_table(folder / "data/eval/wav.scp")
    write_table(folder / "data/eval/utt2codec", dict.fromkeys(utts, "gsm"))
    (folder / "conf.yaml").write_text(CONFIG)
    (folder / "data/eval/PROVENANCE").write_text("corpus: X\nset: test\n")
    status, out, error = augment(folder, "data/out")
    assert status == 0, error
    assert "data/out: 10 utterances, suffix _aug7" in out
    return folder


def augment(folder, out, *options, seed=7):
    options = ["--config", "conf.yaml", "--seed", seed, *options]
    return worker(AUGMENT, *options, "data/eval", out, cwd=folder)


def bytes_of(folder):
    """{name: digest} of sounds, tables and draws, paths in wav.scp aside."""
    paths = [*folder.glob("sounds/*"), *folder.glob("utt2*"), folder / "draws.jsonl"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_what_comes_out_is_a_valid_data_directory(place):
    status, out, error = worker(VALIDATE, "data/out", cwd=place)
    assert status == 0, error
    assert "10 utterances, 5 bona fide, 5 spoof" in out
    said = (place / "data/out/PROVENANCE").read_text()
    assert said == "corpus: X\nset: test\nmade of: eval\n"
    before, after = read_data_dir(place / "data/eval"), read_data_dir(place / "data/out")
    for name in ("utt2label", "utt2spk", "utt2attack"):
        assert after[name] == {f"{utt}_aug7": value for utt, value in before[name].items()}
    known = read_trials(place / "data/eval", "known")
    assert read_trials(place / "data/out", "known") == [f"{utt}_aug7" for utt in known]


def test_tables_and_log_say_what_was_done(place):
    tables = read_data_dir(place / "data/out")
    lines = (place / "data/out/draws.jsonl").read_text().splitlines()
    notes = {note["utt"]: note for note in map(json.loads, lines)}
    assert list(notes) == list(tables["wav.scp"])
    assert len(set(tables["utt2codec"].values())) > 1
    for utt, note in notes.items():
        names = [entry["name"] for entry in note["drawn"]]
        assert tables["utt2augment"][utt] == "+".join(names)
        codec = next((e["codec"] for e in note["drawn"] if e["name"] == "codec"), None)
        wanted = {None: "gsm", "alaw": "gsm+alaw", "mp3": "gsm+mp3_16k"}[codec]
        assert tables["utt2codec"][utt] == wanted
        assert note["from"] + "_aug7" == utt


def test_a_sound_is_what_the_chain_gives(place):
    chain = Chain(load_augmentation(place / "conf.yaml")["augment"])
    for utt, path in read_table(place / "data/eval/wav.scp").items():
        wanted, _ = chain(read_wave(path, utt), utt, 7)
        found, _ = soundfile.read(place / f"data/out/sounds/{utt}_aug7.flac")
        np.testing.assert_allclose(found, wanted / max(1, np.abs(wanted).max()), atol=1e-4)


def test_jobs_and_kills_change_nothing(place, monkeypatch):
    assert augment(place, "data/jobs", "--share", "2/3")[0] == 0
    assert not (place / "data/jobs/wav.scp").exists()
    monkeypatch.chdir(place)
    tables = read_data_dir("data/eval")
    settings = {"from": "data/eval", **load_augmentation("conf.yaml"), "seed": 7, "suffix": "_aug7"}
    share, made = Share(tables, "data/jobs", settings, 1, 3), []
    make = share.make

    def killed(utt):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(utt)
        return make(utt)

    share.make = killed
    with pytest.raises(KeyboardInterrupt):
        share.run(Progress(4, "", ""))
    part = place / "data/jobs/shares/.1of3.part"
    with open(part, "a", encoding="utf-8") as stream:
        stream.write('{"utt": "eval_006", "seco')  # torn
    status, out, _ = augment(place, "data/jobs", "--share", "1/3")
    assert status == 0
    assert "4 utterances, 2 were there already" in out
    assert augment(place, "data/jobs", "--share", "3/3")[0] == 0
    assert bytes_of(place / "data/jobs") == bytes_of(place / "data/out")
    assert "10 were there already" in augment(place, "data/jobs")[1]


def test_a_share_that_another_process_works_on_is_left_to_it(place):
    call = [AUGMENT, "--config", "conf.yaml", "--seed", 7, "data/eval", "data/twice"]
    with paused(call, place, place / "data/twice/shares/.1of1.part") as first:
        status, _, error = augment(place, "data/twice")
        assert (status, len(error.splitlines())) == (1, 1)
        assert "another process works on the same share; wait for it, or end it" in error
    assert first.returncode == 0
    assert augment(place, "data/twice")[0] == 0
    assert bytes_of(place / "data/twice") == bytes_of(place / "data/out")


def test_another_seed_is_another_folder(place):
    line = refused(
        AUGMENT, "--config", "conf.yaml", "--seed", 8, "data/eval", "data/out", cwd=place
    )
    assert "augment.yaml: holds sounds of other settings; remove data/out" in line
    assert augment(place, "data/other", "--suffix", "_b", seed=8)[0] == 0
    one, other = (next((place / f"data/{n}/sounds").iterdir()) for n in ("out", "other"))
    assert one.read_bytes() != other.read_bytes()


def test_segments_go_along_unless_seconds_move(tmp_path):
    """A training set of a model of frames stays one, by the new names."""
    place = make_partial(tmp_path, {"train": 4})
    (place / "same.yaml").write_text("augment: [rawboost, {group: {of: [mu_law]}}]")
    (place / "moved.yaml").write_text("augment: [mu_law, {group: {of: [trim]}}]")
    said = {}
    for name in ("same", "moved"):
        words = ("--config", f"{name}.yaml", "--seed", 7, "data/train", f"data/{name}")
        status, said[name], error = worker(AUGMENT, *words, cwd=place)
        assert status == 0, error
    before = read_segments(place / "data/train", read_durations(place / "data/train"))
    after = read_segments(place / "data/same", read_durations(place / "data/same"))
    assert after == {f"{utt}_aug7": spans for utt, spans in before.items()}
    read_data_dir(place / "data/same")
    assert not (place / "data/moved/segments").exists()
    assert "data/moved: has no segments: speed and trim move what they say" in said["moved"]
    assert "segments" not in said["same"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("augment: []", "'augment' is empty"),
        ("augment: [rawbost]", "did you mean 'rawboost'?"),
        ("argument: [trim]", "unknown key 'argument', did you mean 'augment'?"),
    ],
)
def test_a_bad_config_is_one_line(place, text, words):
    (place / "bad.yaml").write_text(text)
    arguments = ["--config", "bad.yaml", "--seed", "1", "data/eval", "data/bad"]
    assert words in refused(AUGMENT, *arguments, cwd=place)


def test_a_bad_sound_is_named(place):
    tables = read_table(place / "data/eval/wav.scp")
    write_table(place / "data/hurt/wav.scp", {**tables, "eval_003": "/nowhere/x.flac"})
    for name in ("utt2label", "utt2spk", "utt2attack", "utt2dur"):
        (place / "data/hurt" / name).write_bytes((place / "data/eval" / name).read_bytes())
    arguments = ["--config", "conf.yaml", "--seed", "7", "data/hurt", "data/hurt_out"]
    assert "/nowhere/x.flac: eval_003: no such file" in refused(AUGMENT, *arguments, cwd=place)


@pytest.mark.parametrize("path", sorted(ROOT.glob("conf/augment_*.yaml")), ids=lambda p: p.stem)
def test_committed_configs_run(path):
    chain = Chain(load_augmentation(path)["augment"], path)
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype(np.float32)
    for seed in range(5):
        out, drawn = chain(wave, "utt", seed)
        assert np.isfinite(out).all()
        assert drawn


def test_an_utterance_that_left_the_set_leaves_the_augmented_one_too(place, tmp_path):
    shutil.copytree(place / "data", tmp_path / "data")
    shutil.copy(place / "conf.yaml", tmp_path)
    data = tmp_path / "data/eval"
    gone, *kept = read_table(data / "wav.scp")
    (data / "spk2utt").unlink(missing_ok=True)
    shutil.rmtree(data / "trials")
    for path in (data / "wav.scp", *data.glob("utt2*")):
        table = read_table(path)
        write_table(path, {utt: table[utt] for utt in kept})
    for share in ("1/2", "2/2"):  # what one job noted of all is still there
        status, _, error = augment(tmp_path, "data/out", "--share", share)
        assert status == 0, error
    found = read_data_dir(tmp_path / "data/out")["wav.scp"]
    assert list(found) == [f"{utt}_aug7" for utt in kept]
    assert gone not in kept
