"""What a training writes and says: watched sets, files that are kept, lines of the log."""

import json

import events
import numpy as np
import pytest
import torch
from plain_metrics import plain_eer
from plain_training import SETS, Tiny, read_rows, score_by_hand, tiny_place

from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.scoring.score import read_labels
from antispoof.torch_utils.checkpoint import load_checkpoint
from antispoof.training import judge, trainer
from antispoof.training.curve import write_events
from antispoof.training.experiment import load_experiment
from antispoof.training.trainer import Run, train

CONFIG = """
feats: wave
model: tiny
crop: {train: random, test: centre, seconds: 0.005, pad: none}
epochs: 5
batch_size: 4
optimizer_conf: {lr: 0.3}
schedule: step
schedule_conf: {every: 1, gamma: 0.75}
class_weights: [0.4, 1.5]
select: {metric: dev_cllr}
"""
CPU = torch.device("cpu")
LISTS = {"odd": ["seen1", "seen3", "seen5"], "late": ["seen2", "seen3", "seen4"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for name, utts in LISTS.items():
        path = folder / "data/seen/trials" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{utt}\n" for utt in utts))
    with tiny_place(folder, CONFIG):
        yield folder


def fit(exp, *overrides, run=Run(), seed=1):  # noqa: B008
    exp.mkdir(exist_ok=True)
    config, lines = load_experiment("train_tiny.yaml", seed, overrides), []
    train(config, "data/train", "data/dev", "dump", exp, CPU, lines.append, run)
    return read_rows(exp / "curve.csv"), lines


@pytest.fixture(scope="module")
def watched(place):
    run = Run(watch=("data/seen", "data/other"), watch_every=2, keep_epochs=True)
    return place / "watched", *fit(place / "watched", run=run)


def test_watched_sets_and_their_lists_have_the_eer_of_their_own_utterances(place, watched):
    exp, rows, _ = watched
    columns = ["watch_seen_eer", "watch_seen_late_eer", "watch_seen_odd_eer", "watch_other_eer"]
    for row in rows:
        epoch, model = int(row["epoch"]), Tiny()
        assert [name for name in row if name.startswith("watch")] == columns * (epoch % 2 == 0)
        if epoch % 2 == 0:
            model.load_state_dict(load_checkpoint(exp / f"epochs/{epoch}.pt")["model"])
            for name, utts in (("seen", None), ("other", None), *LISTS.items()):
                scores, labels = score_by_hand(model, place, "other" if name == "other" else "seen")
                own = [int(utt[4:]) for utt in utts] if utts else range(len(scores))
                scores, labels = scores[list(own)], labels.numpy()[list(own)]
                column = f"watch_{'seen_' if utts else ''}{name}_eer"
                eer = plain_eer(scores[labels == 1], scores[labels == 0])[0]
                assert row[column] == pytest.approx(eer)


def test_a_list_of_trials_is_a_mask_of_the_set_in_its_order(place):
    labels = read_labels("data/seen")
    utts = list(read_table("data/seen/wav.scp"))
    found = judge.watched_lists("data/seen", labels)
    wanted = {"watch_seen_eer": [True] * len(utts)}
    for name in ("late", "odd"):
        wanted[f"watch_seen_{name}_eer"] = [utt in LISTS[name] for utt in utts]
    assert {name: own.tolist() for name, own in found.items()} == wanted
    assert not all(wanted["watch_seen_odd_eer"])


def test_every_epoch_is_an_event_and_by_default_watched(place, monkeypatch):
    seen, original = [], trainer.draw_curve
    note = lambda *given: seen.append((*given[::2], len(given[1]))) or original(*given)  # noqa: E731
    monkeypatch.setattr(trainer, "draw_curve", note)
    rows, _ = fit(place / "events", "epochs=3", run=Run(watch=("data/seen",)))
    assert all("watch_seen_eer" in row for row in rows)
    assert (
        seen == [(place / "events/curve.png", "events", count) for count in (1, 2, 3)]
        and seen[0][0].exists()
    )
    (path,) = (place / "events/tensorboard").iterdir()
    (place / "again").mkdir()
    whole = json.loads(load_checkpoint(place / "events/last.pt")["rows"])
    assert events.scalars(path) == events.scalars(write_events(place / "again", whole))
    assert list(events.scalars(path)) == [1, 2, 3]


def test_the_best_epoch_is_kept_with_its_numbers(place, watched):
    exp, rows, lines = watched
    best = min(rows, key=lambda row: row["dev_cllr"])
    found = json.loads((exp / "selection.json").read_text())[0]
    assert found["epochs"] == [best["epoch"]]
    for name in ("dev_loss", "dev_eer", "dev_cllr"):
        assert found[name] == pytest.approx(best[name], rel=1e-6)
    assert "train_loss" not in found
    kept = load_checkpoint(exp / "best.pt")
    assert kept["epoch"] == best["epoch"]
    same = load_checkpoint(exp / f"epochs/{int(best['epoch'])}.pt")["model"]
    assert all(torch.equal(same[name], value) for name, value in kept["model"].items())
    assert lines[0] == "31 parameters, cpu"  # 4 + 4 of the norm, 4 x 3 + 3, 3 x 2 + 2
    assert lines[1] == "phase 1 of 1: 5 epochs; keeps the best epoch, by dev_cllr"
    shown = f"  epochs [{int(best['epoch'])}]  dev_loss {found['dev_loss']:.5g}  dev_eer "
    assert lines[-1].startswith(f"chosen: metric dev_cllr  keep best{shown}")
    assert lines[-1].endswith(", on data/dev")


def test_metrics_of_dev_are_those_of_the_judged_model(place, watched):
    exp, rows, _ = watched
    for row in rows:
        model = Tiny()
        model.load_state_dict(load_checkpoint(exp / f"epochs/{int(row['epoch'])}.pt")["model"])
        scores, labels = score_by_hand(model, place, "dev")
        bits = [np.log2(1 + np.exp(-scores[labels == 1])), np.log2(1 + np.exp(scores[labels == 0]))]
        assert row["dev_cllr"] == pytest.approx(np.mean([part.mean() for part in bits]), rel=1e-5)


def test_only_epochs_that_may_still_be_averaged_stay(place, monkeypatch):
    seen, original = [], trainer.forget

    def forget(exp_dir, phase):
        original(exp_dir, phase)
        seen.append(sorted(int(path.stem) for path in (exp_dir / "epochs").glob("*.pt")))

    monkeypatch.setattr(trainer, "forget", forget)
    averaged = "select={keep: average_best, average: 2, metric: dev_loss}"
    rows, _ = fit(place / "averaged", averaged)
    for count, found in enumerate(seen, 1):
        ranked = sorted(rows[:count], key=lambda row: row["dev_loss"])
        assert found == sorted(int(row["epoch"]) for row in ranked[:2])
    assert len(seen) == 5
    fit(place / "plain_best")
    assert not (place / "plain_best/epochs").exists()


def test_a_longer_training_goes_on_where_the_shorter_one_ended(place):
    fit(place / "short", "epochs=3")
    _, lines = fit(place / "short")
    assert lines[0] == "continuing after epoch 3"
    rows, _ = fit(place / "whole")
    assert read_rows(place / "short/curve.csv") == rows
    _, lines = fit(place / "from", "init_from=whole", run=Run(workers=0))
    assert lines[0] == "starting from whole/best.pt"


def test_watched_sets_that_cannot_be_told_apart_or_judged(place, tmp_path):
    with pytest.raises(UserError, match="another watched set has the column 'watch_seen_eer' too"):
        fit(tmp_path / "exp", run=Run(watch=("data/seen", "data/seen")))
    one_class = place / "data/other/trials/spoofs"
    one_class.parent.mkdir()
    one_class.write_text("other2\nother3\n")
    try:
        with pytest.raises(UserError, match="data/other/trials/spoofs: found one class alone"):
            fit(tmp_path / "exp", run=Run(watch=("data/other",)))
    finally:
        one_class.unlink()
        one_class.parent.rmdir()


def test_labels_and_sounds_are_of_the_same_utterances(place, tmp_path):
    for table in ("wav.scp", "utt2label"):
        write_table(tmp_path / table, read_table(place / "data/dev" / table))
    assert read_labels(tmp_path).tolist() == [int(letter == "b") for letter in SETS["dev"]]
    write_table(tmp_path / "utt2label", {**read_table(tmp_path / "utt2label"), "more": "spoof"})
    with pytest.raises(UserError, match=r"wav.scp: 'more' is missing"):
        read_labels(tmp_path)


PHASES = "phases=[{epochs: 1, augment: [mu_law]}, {epochs: 2, select: {keep: last}}]"


def test_two_phases_end_with_the_last_ones_choice_and_their_own_augmentation(place, monkeypatch):
    exp, config = place / "phased", load_experiment("train_tiny.yaml", 1, [PHASES])
    exp.mkdir()
    arguments = ("data/train", "data/dev", "dump", exp, CPU, [].append)
    assert train(config, *arguments, Run(log_draws=True)) == [3]
    drawn = [path.name for path in sorted((exp / "draws").iterdir())]
    assert drawn == ["epoch1.jsonl"]
    assert len((exp / "draws/epoch1.jsonl").read_text().splitlines()) == len(SETS["train"])
    choices = json.loads((exp / "selection.json").read_text())
    assert [choice["epochs"] for choice in choices] == [[1], [3]]
    assert train(config, *arguments) == [3]  # nothing is left to do
    assert json.loads((exp / "selection.json").read_text()) == choices


def test_one_dev_score_that_is_no_number_stops_it(place, tmp_path, monkeypatch):
    scores = np.arange(7, dtype=np.float32)
    scores[3] = np.nan
    monkeypatch.setattr(judge, "score", lambda *_: scores)
    with pytest.raises(UserError, match="exp: scores of data/dev are not finite; last.pt is"):
        fit(tmp_path / "exp")


def test_an_epoch_that_the_rule_refuses_is_never_written(place, tmp_path, monkeypatch):
    written, original = [], trainer.save_checkpoint

    def save(path, state):
        written.append(path.name)
        original(path, state)

    monkeypatch.setattr(trainer, "save_checkpoint", save)
    rows, _ = fit(tmp_path / "exp", "select={keep: average_best, average: 1, metric: train_loss}")
    best = np.minimum.accumulate([row["train_loss"] for row in rows])
    new = [row["train_loss"] == least for row, least in zip(rows, best, strict=True)]
    assert [name for name in written if name != "last.pt"] == ["best.pt"] * sum(new)
    monkeypatch.setattr(judge, "dev_metrics", lambda *_: {"dev_eer": 0.1 * len(written)})
    written.clear()
    fit(tmp_path / "worse", "select={keep: average_best, average: 2, metric: dev_eer}")
    epochs = [name for name in written if name not in ("last.pt", "best.pt")]
    assert epochs == ["1.pt", "2.pt"]  # all later ones are worse than both


def test_workers_load_for_scores_and_for_training(place, tmp_path, monkeypatch):
    from antispoof.scoring import score as scoring
    from antispoof.training import learner

    asked = {"load": [], "batches": []}
    for module, name in ((learner, "load"), (scoring, "batches")):
        original = getattr(module, name)

        def wrapped(*args, original=original, name=name):
            asked[name].append((args[3 if name == "batches" else 2], args[2]))
            return original(*args[: 3 if name == "batches" else 2])

        monkeypatch.setattr(module, name, wrapped)
    run = Run(workers=3, watch=("data/other",))
    fit(tmp_path / "exp", "epochs=1", "batch_size=7", "accum_grad=2", run=run)
    assert asked["load"] == [(3, 3)]
    assert asked["batches"] == [(3, 4), (3, 4)]  # half of seven, rounded up, fit into memory
