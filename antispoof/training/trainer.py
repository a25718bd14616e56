"""Training: one function to be read in a sitting.

The order of epoch e, and every crop in it, comes from (seed, e). `last.pt` is written after each
epoch with all that the next one needs, so a run that was killed ends in the same bytes on a CPU as
one that was not; only the times in its TensorBoard file differ.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..augment.draws import gather as gather_draws
from ..config.renamed import phase_file
from ..data.data_dir import trial_lists, trial_mask
from ..data.tables import read_table
from ..detector.inputs import open_inputs
from ..detector.score import read_labels, score
from ..errors import UserError
from ..torch_utils.checkpoint import fit_weights, read_weights, save_checkpoint
from ..torch_utils.distributed import SINGLE, Team
from .averaging import average_states
from .curve import append_event, draw_curve, write_curve, write_events
from .last import read_last
from .learner import Learner
from .phases import phases_of
from .selection import Rows, Selection, dev_metrics, eer_or_chance, read_choices, write_choices
from .words import count_parameters, describe


@dataclass(frozen=True)
class Run:
    """How a training runs, where that changes nothing of the model that it chooses."""

    watch: tuple[str, ...] = ()  # data directories scored while training, which choose nothing
    watch_every: int = 1  # epochs
    keep_epochs: bool = False  # whether the model of each epoch stays
    workers: int = 0  # processes that load data
    log_draws: bool = False  # whether what augmentation drew is written, for each utterance
    team: Team = SINGLE


PLAIN = Run()


def train(
    config: dict[str, Any],
    train_dir: str,
    dev_dir: str,
    dump: str,
    exp_dir: str | Path,
    device: torch.device,
    log: Callable[[str], object],
    run: Run = PLAIN,
) -> list[int]:
    """Train the experiment `config` (resolved) into `exp_dir`; returns the epochs chosen.

    Each phase picks a model by its `select`, and the next one starts from it: phase<n>.pt, and of
    the last phase best.pt. Writes last.pt, curve.csv and selection.json too. `log` takes lines.
    Raises UserError for sets that cannot train and for a loss that is not finite.
    """
    exp_dir, phases, is_main = Path(exp_dir), phases_of(config), run.team.is_main
    log = log if is_main else (lambda line: None)
    judge = Judge(config, dev_dir, dump, device, run)
    labels = read_labels(train_dir)
    rows: list[dict] = []
    choices: list[dict] = []
    state: dict = {"phase": 0}
    if (exp_dir / "last.pt").exists():
        state, rows = read_last(exp_dir / "last.pt", device, phases)
        choices = read_choices(exp_dir)[: state["phase"] - 1]
        log(f"continuing after epoch {len(rows)}")
    events: Any = write_events(exp_dir, rows) if is_main else None
    start = config["init_from"].replace("{seed}", str(config["seed"]))
    start = start and f"{start}/best.pt"

    for number, phase in enumerate(phases, 1):
        last = number == len(phases)
        target = exp_dir / "best.pt" if last else phase_file(exp_dir, number)
        if number < state["phase"]:  # done before this run
            start = target
            continue
        inputs = open_inputs(phase, train_dir, dump, train=True)
        inputs.notes = exp_dir / "draws" if run.log_draws else None
        learner = Learner(phase, inputs, labels, device, exp_dir.name, run.team, run.workers)
        learner.folder = exp_dir
        if number == state["phase"]:
            learner.load_state_dict(state["learner"], exp_dir / "last.pt")
        elif start:
            learner.start_from(start)
            log(f"starting from {start}")
        selection, own = Selection(phase["select"]), [r for r in rows if r["phase"] == number]
        require_kept(exp_dir, target, selection, own)
        log(f"{count_parameters(learner.model)}, {device}")
        log(f"phase {number} of {len(phases)}: {phase['epochs']} epochs; keeps {selection}")

        for epoch in range(len(rows) + 1, len(rows) - len(own) + phase["epochs"] + 1):
            if run.team.broadcast(selection.stops(own)):
                break
            row: dict[str, Any] = {"epoch": epoch, "phase": number}
            row["train_loss"] = learner.run_epoch(epoch)
            row["lr"] = learner.schedule.get_last_lr()[0]
            with learner.judged() as model:
                row |= judge.on_dev(learner, selection.metric)
                row |= judge.on_watched(learner) if epoch % run.watch_every == 0 else {}
                rows.append(row)
                own.append(row)
                if is_main:
                    keep(exp_dir, target, selection, own, model, run.keep_epochs)
            log(describe(row) + f"  waited for data {100 * learner.waited:.1f} %")
            if is_main:
                write_curve(exp_dir / "curve.csv", rows, len(phases) > 1)
                append_event(events, row)
                if run.log_draws and phase["augment"]:
                    gather_draws(exp_dir / "draws", epoch)
                if run.watch:
                    draw_curve(exp_dir / "curve.png", rows, exp_dir.name)
                state = {"learner": learner.state_dict(), "phase": number}
                state["rows"] = json.dumps(rows)  # the same bytes, read back or not
                save_checkpoint(exp_dir / "last.pt", state)
                if not run.keep_epochs:
                    forget(exp_dir, selection, own)

        if selection.count > 1:
            average(exp_dir, target, selection.kept(own), learner)
        choices.append(choice(phase, selection, own, judge, learner))
        log(f"chosen: {describe(choices[-1])}, on {dev_dir}")
        start = target
        if is_main:
            write_choices(exp_dir, choices)
    return choices[-1]["epochs"]


class Judge:
    """What a model comes to on dev, which selects, and on the sets watched, which do not."""

    def __init__(
        self, config: dict[str, Any], dev_dir: str, dump: str, device: torch.device, run: Run
    ) -> None:
        self.dev_dir, self.device, self.run = dev_dir, device, run
        self.dev, self.labels = open_inputs(config, dev_dir, dump), read_labels(dev_dir)
        self.watched: list[tuple] = []
        for folder in run.watch:
            labels = read_labels(folder).numpy()
            inputs, lists = open_inputs(config, folder, dump), watched_lists(folder, labels)
            taken = {name for _, _, known in self.watched for name in known} & lists.keys()
            if taken:
                raise UserError(f"{folder}: another watched set has the column '{min(taken)}' too")
            self.watched.append((inputs, labels, lists))

    def on_dev(self, learner: Learner, metric: str) -> dict[str, float]:
        """{column: value} of the model of `learner`. Raises UserError for scores that are NaN."""
        scores = self._scores(learner, self.dev)
        if not np.isfinite(scores).all():
            raise UserError(
                f"{learner.name}: scores of {self.dev_dir} are not finite; last.pt is the state "
                "before this epoch; lower optimizer_conf.lr"
            )
        dev_loss = learner.loss.of_scores(scores, self.labels)
        return {"dev_loss": dev_loss, **dev_metrics(scores, self.labels.numpy(), [metric])}

    def on_watched(self, learner: Learner) -> dict[str, float]:
        """{column: EER} of the sets watched, and of each of their lists of trials."""
        row: dict[str, float] = {}
        for inputs, labels, lists in self.watched:
            scores = self._scores(learner, inputs)
            row |= {name: eer_or_chance(scores[own], labels[own]) for name, own in lists.items()}
        return row

    def _scores(self, learner, inputs):
        rows = -(-learner.config["batch_size"] // learner.config["accum_grad"])
        with learner.memory_said():
            return score(learner.model, inputs, rows, self.device, self.run.team, self.run.workers)


def watched_lists(data_dir: str | Path, labels: np.ndarray) -> dict[str, np.ndarray]:
    """{column of the curve: which utterances (N,) bool} of a set that is watched, and its lists."""
    name, utts = Path(data_dir).name, list(read_table(f"{data_dir}/wav.scp"))
    lists = {f"watch_{name}_eer": np.ones(len(utts), bool)}
    for trials in trial_lists(data_dir):
        own = trial_mask(data_dir, trials, utts)
        if np.ptp(labels[own]) == 0:
            raise UserError(f"{data_dir}/trials/{trials}: found one class alone, wanted both")
        lists[f"watch_{name}_{trials}_eer"] = own
    return lists


def require_kept(exp_dir: Path, target: Path, selection: Selection, rows: Rows) -> None:
    """Refuse to go on where the model that the rule chose from `rows` is gone."""
    if rows and selection.count == 1 and not target.exists():
        raise UserError(
            f"{target}: is gone, and {exp_dir}/last.pt, which holds the last epoch, cannot give it "
            "back; remove last.pt too, to train again"
        )


def keep(
    exp_dir: Path,
    target: Path,
    selection: Selection,
    rows: Rows,
    model: torch.nn.Module,
    keep_epochs: bool,
) -> None:
    """Write the model of the last row's epoch where the rule, or the user, asks for it."""
    epoch, kept = rows[-1]["epoch"], selection.kept(rows)
    state = {"model": model.state_dict(), "epoch": epoch}
    if kept == [epoch]:
        save_checkpoint(target, state)
    if keep_epochs or (selection.count > 1 and epoch in kept):
        save_checkpoint(exp_dir / f"epochs/{epoch}.pt", state)


def forget(exp_dir: Path, selection: Selection, rows: Rows) -> None:
    """Remove what `keep` wrote and the rule no longer needs."""
    for epoch in {row["epoch"] for row in rows} - set(selection.kept(rows)):
        (exp_dir / f"epochs/{epoch}.pt").unlink(missing_ok=True)


def average(exp_dir: Path, target: Path, epochs: Sequence[int], learner: Learner) -> None:
    """Write the mean of the models of `epochs`, and take it as the learner's."""
    if learner.team.is_main:
        paths = [exp_dir / f"epochs/{epoch}.pt" for epoch in epochs]
        states = [read_weights(path) for path in paths]
        for path, weights in zip(paths, states, strict=True):
            fit_weights(learner.model, weights, path, f"the model of {learner.name}")
        state = {"model": average_states(states), "epoch": epochs[-1], "epochs": epochs}
        save_checkpoint(target, state)
    learner.team.barrier()  # it is written
    learner.start_from(target)


def choice(
    phase: dict[str, Any], selection: Selection, rows: Rows, judge: Judge, learner: Learner
) -> dict[str, Any]:
    """What the rule chose in a phase, as selection.json tells it."""
    epochs = selection.kept(rows)
    found = {**phase["select"], "phase": rows[-1]["phase"], "epochs": epochs}
    if selection.count > 1:
        with learner.judged():
            return {**found, **judge.on_dev(learner, selection.metric)}
    row = next(row for row in rows if row["epoch"] == epochs[0])
    names = ("dev_loss", "dev_eer", selection.metric)
    return {**found, **{name: row[name] for name in names}}
