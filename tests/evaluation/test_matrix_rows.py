"""Rows of the matrix, and what each of its cells comes to."""

import pytest
from made_up import experiment, make_scores, make_set

from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.evaluation import matrix
from antispoof.evaluation.evaluate import evaluate
from antispoof.evaluation.scores import join
from antispoof.metrics.titles import shown


def test_a_cell_is_of_the_published_list_with_the_interval_that_tables_show(tmp_path):
    data, exp = make_set(tmp_path, "eval"), tmp_path / "exp/x_seed1"
    known = (data / "trials/known").read_text().splitlines()
    labels = [read_table(data / "utt2label")[utt] for utt in known]
    counts = labels.count("bonafide"), labels.count("spoof")
    (data / "trial_counts").write_text("known {} {} published\n".format(*counts))
    make_scores(data, tmp_path / "scores", seed=5)
    named = {(exp, data): tmp_path / "scores"}
    cell = matrix.cell(matrix.Row("x/x", None, [exp]), data, named, 30, seed=2)
    assert cell["list"] == "known"
    assert (cell["counts"]["bonafide"], cell["counts"]["spoof"]) == counts
    own = evaluate(join(data, tmp_path / "scores", "known"), replicates=30, seed=2)
    kinds = own["intervals"]["eer"]
    assert cell["interval"] == shown(kinds) != kinds["iid"]


def test_seeds_that_learnt_on_other_data_are_rows_of_their_own(tmp_path):
    trained = {tmp_path / f"r/exp/x_seed{n}": tmp_path / f"r/data/{n % 2}" for n in (1, 2, 3)}
    rows = matrix.rows_of(trained)
    assert [(row.name, [exp.name for exp in row.exps]) for row in rows] == [
        ("r/x", ["x_seed1", "x_seed3"]),
        ("r/x (0)", ["x_seed2"]),
    ]


def test_models_that_are_found_were_trained_there_on_every_attack(tmp_path):
    for name in ("x_seed1", "x_without_A01_seed1", "taken_seed1"):
        experiment(tmp_path / "r", name, train=None if name == "taken_seed1" else "train")
    assert [exp.name for exp in matrix.find_models(tmp_path)] == ["x_seed1"]


def test_the_training_set_is_the_one_of_the_command_that_training_wrote(tmp_path):
    exp = experiment(tmp_path / "r", "x_seed1", train="train_mp3")
    assert matrix.learnt_on(exp) == tmp_path / "r/data/train_mp3"
    (exp / "run.sh").write_text("exec python 'open\n")
    with pytest.raises(UserError, match="is no command"):
        matrix.learnt_on(exp)
