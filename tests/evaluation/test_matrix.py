"""steps/matrix.py: systems by sets, with what training and test sets have in common."""

import json
import shutil
import struct

import numpy as np
import pytest
import soundfile
from made_up import experiment, make_scores, make_set, refused, worker

from antispoof.audit import overlap
from antispoof.audit.overlap import known_of, read_known
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation import matrix
from antispoof.evaluation.scores import join
from antispoof.metrics import eer

PROGRAM = "steps/matrix.py"
KNOWN = """
- models: "*/published*"
  sets: "far/*"
  why: learnt on all of far
  source: its README
"""


def sounds(data, seed):
    """Give a set short sounds of its own."""
    table = {}
    rng = np.random.default_rng(seed)
    for utt in read_table(data / "wav.scp"):
        path = data.parent / "wav" / f"{utt}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, rng.uniform(-0.5, 0.5, 400), 16000)
        table[utt] = str(path)
    write_table(data / "wav.scp", table)


@pytest.fixture(scope="module")
def egs(tmp_path_factory):
    """Two recipes: `home`, whose models are judged there and on two sets of `far`."""
    egs = tmp_path_factory.mktemp("egs")
    home, far = egs / "home", egs / "far"
    sets = [make_set(home, "train", seed=3), make_set(home, "eval")]
    sets += [make_set(far, "eval_a"), make_set(far, "eval_b", bonafide=20)]
    for number, data in enumerate(sets):
        sounds(data, number)
    # one speaker and two sounds of eval_b are those of train
    train, other = sets[0], sets[3]
    speakers = read_table(other / "utt2spk")
    name = next(iter(read_table(train / "utt2spk").values()))
    first = speakers[next(iter(speakers))]
    table = {utt: name if spk == first else spk for utt, spk in speakers.items()}
    write_table(other / "utt2spk", table)
    (other / "spk2utt").unlink(missing_ok=True)
    waves = [list(read_table(data / "wav.scp").values()) for data in (train, other)]
    for one, two in zip(waves[0][:2], waves[1][:2], strict=True):
        shutil.copyfile(one, two)
    for seed in (1, 2):
        exp = experiment(home, f"small_seed{seed}")
        make_scores(sets[1], exp / "eval/scores", seed=seed)
        for data in sets[2:]:
            copy = far / "exp" / f"home_small_seed{seed}"
            copy.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(exp / "best.pt", copy / "best.pt")
            make_scores(data, copy / data.name / "scores", seed=seed)
    other = experiment(far, "published", train=None)
    make_scores(sets[2], other / "eval_a/scores", gap=1.0)
    (egs / "known.yaml").write_text(KNOWN)
    return egs


def models(egs):
    exps = [egs / "home/exp/small_seed1", egs / "home/exp/small_seed2", egs / "far/exp/published"]
    return " ".join(map(str, exps))


@pytest.fixture(scope="module")
def made(egs):
    """(what the worker prints, its JSON, the folder) of two systems on three sets."""
    options = ["--models", models(egs), "--find", egs, "--known", egs / "known.yaml"]
    status, out, error = worker(PROGRAM, *options, "--bootstrap", 40, egs / "out", cwd=egs)
    assert status == 0, error
    return out, json.loads((egs / "out/matrix.json").read_text()), egs / "out"


def test_a_cell_is_the_pooled_eer_with_an_interval_by_speakers(egs, made):
    _, found, _ = made
    assert found["rows"] == ["home/small", "far/published"]
    assert found["columns"] == ["far/eval_a", "far/eval_b", "home/eval"]
    cell = found["cells"]["home/small"]["far/eval_a"]
    rates = []
    for seed in (1, 2):
        path = egs / f"far/exp/home_small_seed{seed}/eval_a/scores"
        rates.append(eer(*join(egs / "far/data/eval_a", path).split()))
    assert [own["eer"] for own in cell["seeds"]] == rates
    assert cell["eer"] == pytest.approx(sum(rates) / 2)
    assert cell["sd"] == pytest.approx(abs(rates[0] - rates[1]) / 2**0.5)
    assert cell["interval"][0] < cell["eer"] < cell["interval"][1]
    assert cell["resampled"] == "speakers"
    assert cell["counts"] == {"bonafide": 60, "spoof": 100, "trials": 160}
    assert not cell["few"] and found["cells"]["home/small"]["far/eval_b"]["few"]


def test_what_is_shared_stands_before_any_number_and_marks_its_cell(made):
    out, found, _ = made
    lines = out.splitlines()
    assert lines[0].split() == ["training", "set", "test", "set", "speakers", "ids", "sounds"]
    table = {line.split()[1]: line.split()[2:] for line in lines[1:4]}
    assert table == {
        "far/eval_a": ["0", "0", "0"],
        "far/eval_b": ["1", "0", "2"],
        "home/eval": ["0", "0", "0"],
    }
    assert lines[4] == "far/published: its training set is not at hand; nothing is compared"
    cells = found["cells"]["home/small"]
    assert cells["far/eval_b"]["marks"] == ["speakers", "sounds"]
    assert not cells["far/eval_b"]["fair"]
    assert cells["far/eval_a"]["fair"] and cells["home/eval"]["fair"]
    assert "(sa) |" in next(line for line in lines if line.startswith("| home/small"))


def test_what_is_known_marks_a_cell_with_its_source(made):
    out, found, _ = made
    cell = found["cells"]["far/published"]["far/eval_a"]
    assert cell["marks"] == ["known", "unchecked"] and not cell["fair"]
    assert cell["known"] == ["learnt on all of far (its README)"]
    assert "far/eval_a: learnt on all of far (its README)" in out
    assert "seeds" not in found["cells"]["far/published"]["home/eval"]


def test_what_a_published_model_was_trained_on_is_known(tmp_path):
    data = make_set(tmp_path / "far", "eval")
    exp = experiment(tmp_path / "far", "published", train=None)
    make_scores(data, exp / "eval/scores")
    (data / "PROVENANCE").write_text("corpus: Far\nset: eval\n")
    (exp / "trained_on").write_text("Far: eval; made of Near\n")
    options = ["--models", exp, "--find", tmp_path, "--no-sounds", "--bootstrap", 0]
    status, out, error = worker(PROGRAM, *options, tmp_path / "out", cwd=tmp_path)
    assert status == 0, error
    cells = json.loads((tmp_path / "out/matrix.json").read_text())["cells"]
    cell = cells["far/published"]["far/eval"]
    assert cell["marks"] == ["known", "unchecked"] and not cell["fair"]
    said = "trained on speech of Far, set 'eval' (made of Near) (trained_on)"
    assert cell["known"] == [said]
    assert f"far/eval: {said}" in out


def test_the_picture_has_room_for_every_cell(made):
    png = (made[2] / "matrix.png").read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert png.startswith(b"\x89PNG") and width >= 3 * 180 and height >= 2 * 90
    table = (made[2] / "matrix.md").read_text().splitlines()
    assert table[0].endswith("| far/eval_a | far/eval_b | home/eval |")
    assert "-: no scores" in "\n".join(table)


def test_what_has_no_scores_is_listed_for_who_scores_it(egs, made):
    options = ["--models", models(egs), "--find", egs, "--missing"]
    status, out, _ = worker(PROGRAM, *options, egs / "none", cwd=egs)
    exp = egs / "far/exp/published"
    expected = [[str(exp), str(egs / place), "far_published_seed1"]
                for place in ("far/data/eval_b", "home/data/eval")]  # fmt: skip
    assert (status, [line.split("\t") for line in out.splitlines()]) == (0, expected)
    assert not (egs / "none").exists()


def test_scores_of_another_model_under_the_same_name_are_not_taken(egs):
    home, far = egs / "home/exp/small_seed1", egs / "far/exp/home_small_seed1/best.pt"
    kept = far.read_bytes()
    far.write_bytes(b"trained again")
    assert matrix.scores_of(home, egs / "far/data/eval_a", {}) is None
    far.write_bytes(kept)
    expected = egs / "far/exp/home_small_seed1/eval_a/scores"
    assert matrix.scores_of(home, egs / "far/data/eval_a", {}) == expected


def test_digests_of_sounds_are_made_again_where_the_list_of_sounds_changes(egs, tmp_path):
    shutil.copytree(egs / "home", tmp_path / "home")
    home = tmp_path / "home"
    options = ["--models", home / "exp/small_seed1", "--sets", home / "data/eval"]
    run = [PROGRAM, *options, "--bootstrap", 0, tmp_path / "out"]
    assert worker(*run, cwd=tmp_path)[0] == 0
    table = read_table(home / "data/eval/wav.scp")
    learnt = read_table(home / "data/train/wav.scp")
    table[next(iter(table))] = next(iter(learnt.values()))
    write_table(home / "data/eval/wav.scp", table)
    status, _, error = worker(*run, cwd=tmp_path)
    assert status == 0, error
    cell = json.loads((tmp_path / "out/matrix.json").read_text())["cells"]["home/small"]
    assert cell["home/eval"]["marks"] == ["sounds"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1", "found no list"),
        ("- models: x", "entry 1: wanted models, sets, source, why, each once"),
        (KNOWN.replace("its README", "3"), "entry 1: source: wanted text"),
        ("[", "cannot be read as YAML"),
    ],
)
def test_a_list_of_known_pairs_that_says_something_else_is_refused(tmp_path, text, words):
    (tmp_path / "known.yaml").write_text(text)
    with pytest.raises(UserError, match=words):
        read_known(tmp_path / "known.yaml")


def test_a_known_pair_is_found_by_patterns(tmp_path):
    (tmp_path / "known.yaml").write_text(KNOWN)
    entries = read_known(tmp_path / "known.yaml")
    assert known_of(entries, ["x/published_2"], "far/eval") == ["learnt on all of far (its README)"]
    assert known_of(entries, ["x/published_2"], "near/eval") == []
    assert known_of(entries, ["x/other"], "far/eval") == []


def test_what_is_asked_for_twice_or_is_not_there_is_refused(egs, tmp_path):
    data, exp = egs / "home/data/eval", egs / "home/exp/small_seed1"
    line = refused(PROGRAM, "--models", f"{exp} {exp}", "--sets", data, "out", cwd=tmp_path)
    assert "found one of them twice" in line
    with pytest.raises(UserError, match="no such experiment"):
        matrix.require_models_and_sets([exp / "no"], [data])
    with pytest.raises(UserError, match="found no models"):
        matrix.require_models_and_sets([], [data])


def test_a_name_that_two_corpora_have_is_said_to_be_no_proof(made):
    out, found, _ = made
    (name,) = found["cells"]["home/small"]["far/eval_b"]["shared"]["speakers"]["examples"]
    said = f"home/train and far/eval_b are of two corpora: speakers of one name, as {name}, may be"
    assert out.count("are of two corpora") == 1 and said in out


@pytest.mark.parametrize("nj", [2, 5])
def test_digests_are_the_same_by_any_number_of_processes(egs, nj, monkeypatch):
    monkeypatch.setattr(overlap, "AT_ONCE", 7)
    tables = {"wav.scp": read_table(egs / "far/data/eval_a/wav.scp")}
    found, wanted = overlap.digests_of(tables, nj=nj), overlap.digests_of(tables)
    assert list(found.items()) == list(wanted.items())


def test_processes_are_counted_from_one(tmp_path):
    assert "--nj: found 0, wanted 1 or more" in refused(PROGRAM, "--nj", 0, "out", cwd=tmp_path)
