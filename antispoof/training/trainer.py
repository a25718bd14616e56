"""Training: functions to be read in one sitting, in the order in which they happen.

The order of epoch e, and every crop in it, comes from (seed, e). `last.pt` is written after each
epoch with all that the next one needs, so a run that was killed ends in the same bytes on a CPU as
one that was not; only the times in its TensorBoard file differ.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..augment.draws import gather as gather_draws
from ..config.renamed import phase_file
from ..errors import UserError
from ..evaluation.contamination import inherit_training
from ..scoring.inputs import open_inputs
from ..torch_utils.checkpoint import fit_weights, read_weights, save_checkpoint
from .averaging import average_states
from .curve import append_event, draw_curve, write_curve, write_events
from .judge import Judge
from .last import read_together
from .learner import Learner
from .phases import phases_of
from .run import PLAIN, Run
from .selection import Selection, read_choices, write_choices
from .sources import keep_for
from .speakers import speakers_of
from .without import check_start
from .words import count_parameters, describe


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
    exp_dir, configs = Path(exp_dir), phases_of(config)
    judge = Judge(config, dev_dir, dump, device, run)
    known = keep_for(config, train_dir, known=True)
    record = Record(exp_dir, configs, device, log, run)
    for line in filter(None, (known.line, judge.kept.line)):
        record.log(line)
    start = config["init_from"].replace("{seed}", str(config["seed"]))
    check_start(config["without_attacks"], start)
    if start and run.team.is_main:
        inherit_training(exp_dir, [start])
    start = start and f"{start}/best.pt"
    for phase in record.phases:
        if phase.number >= record.state["phase"]:  # the others were done before this run
            inputs = open_inputs(phase.config, train_dir, dump, train=True)
            labels = known.restrict(inputs)
            inputs.notes = exp_dir / "draws" if run.log_draws else None
            learner = Learner(
                phase.config, inputs, labels, device, exp_dir.name, run.team, run.workers
            )
            if learner.attractors is not None:
                learner.speakers = speakers_of(train_dir, inputs.utts, labels, phase.config)
                learner.attractors.know(learner.speakers)
            begin(phase, learner, record, start)
            learn(phase, learner, judge, record)
            choose(phase, learner, judge, record)
        start = phase.target
    return record.choices[-1]["epochs"]


@dataclass(frozen=True)
class Phase:
    """A phase of a training, and its epochs so far."""

    number: int
    config: dict[str, Any]  # resolved, of this phase
    target: Path  # where the model that it chooses is written
    selection: Selection
    rows: list[dict[str, Any]]  # of the curve


class Record:
    """What a training has come to in all phases, and its files; only the main process writes."""

    def __init__(
        self,
        exp_dir: Path,
        configs: list[dict[str, Any]],
        device: torch.device,
        log: Callable[[str], object],
        run: Run,
    ) -> None:
        self.exp_dir, self.run = exp_dir, run
        self.log = log if run.team.is_main else (lambda line: None)
        self.choices: list[dict[str, Any]] = []
        # of last.pt, where a run goes on
        self.state, self.rows = read_together(exp_dir / "last.pt", device, configs, run.team)
        if self.rows:
            self.choices = read_choices(exp_dir)[: self.state["phase"] - 1]
            self.log(f"continuing after epoch {len(self.rows)}")
        self.phases = [self._phase(*pair, len(configs)) for pair in enumerate(configs, 1)]
        self.events: Any = write_events(exp_dir, self.rows) if run.team.is_main else None

    def _phase(self, number, config, count):
        target = self.exp_dir / "best.pt" if number == count else phase_file(self.exp_dir, number)
        own = [row for row in self.rows if row["phase"] == number]
        return Phase(number, config, target, Selection(config["select"]), own)

    def write_epoch(self, phase: Phase, learner: Learner) -> None:
        """Write what the last epoch came to, and the state that the next one starts from."""
        if not self.run.team.is_main:
            return
        exp_dir, row = self.exp_dir, self.rows[-1]
        write_curve(exp_dir / "curve.csv", self.rows, len(self.phases) > 1)
        append_event(self.events, row)
        if self.run.log_draws and phase.config["augment"]:
            gather_draws(exp_dir / "draws", row["epoch"])
        if self.run.watch:
            draw_curve(exp_dir / "curve.png", self.rows, exp_dir.name)
        state = {"learner": learner.state_dict(), "phase": phase.number}
        state["rows"] = json.dumps(self.rows)  # the same bytes, read back or not
        save_checkpoint(exp_dir / "last.pt", state)
        if not self.run.keep_epochs:
            forget(exp_dir, phase)

    def write_choice(self, found: dict[str, Any]) -> None:
        """Write what a phase chose."""
        self.choices.append(found)
        if self.run.team.is_main:
            write_choices(self.exp_dir, self.choices)


def begin(phase: Phase, learner: Learner, record: Record, start: str | Path) -> None:
    """Give the learner the weights that a phase starts from, or goes on from after last.pt."""
    learner.folder = record.exp_dir
    if phase.number == record.state["phase"]:
        learner.load_state_dict(record.state.pop("learner"), record.exp_dir / "last.pt")
    elif start:
        learner.start_from(start, other_set=phase.number == 1)
        record.log(f"starting from {start}")
    require_kept(record.exp_dir, phase)
    record.log(f"{count_parameters(learner.model)}, {learner.device}")
    epochs = f"{phase.config['epochs']} epochs; keeps {phase.selection}"
    record.log(f"phase {phase.number} of {len(record.phases)}: {epochs}")


def learn(phase: Phase, learner: Learner, judge: Judge, record: Record) -> None:
    """Go through the epochs that a phase has left: each is judged, kept if chosen, and written."""
    rows, own, run = record.rows, phase.rows, record.run
    for epoch in range(len(rows) + 1, len(rows) - len(own) + phase.config["epochs"] + 1):
        if run.team.broadcast(phase.selection.stops(own)):
            break
        row: dict[str, Any] = {"epoch": epoch, "phase": phase.number}
        row["train_loss"] = learner.run_epoch(epoch)
        row["lr"] = learner.schedule.get_last_lr()[0]
        with learner.judged() as model:
            row |= judge.on_dev(learner, phase.selection.metric)
            if epoch % run.watch_every == 0:
                row |= judge.on_watched(learner, record.log)
            rows.append(row)
            own.append(row)
            if run.team.is_main:
                keep(record.exp_dir, phase, model, run.keep_epochs)
        record.log(describe(row) + f"  waited for data {100 * learner.waited:.1f} %")
        record.write_epoch(phase, learner)


def choose(phase: Phase, learner: Learner, judge: Judge, record: Record) -> None:
    """Let the rule of a phase choose its model, and write what it chose."""
    if phase.selection.count > 1:
        average(record.exp_dir, phase, learner)
    found = choice(phase, learner, judge)
    record.log(f"chosen: {describe(found)}, on {judge.dev_dir}")
    record.write_choice(found)


def require_kept(exp_dir: Path, phase: Phase) -> None:
    """Refuse to go on where the model that the rule chose is gone."""
    if phase.rows and phase.selection.count == 1 and not phase.target.exists():
        raise UserError(
            f"{phase.target}: is gone, and {exp_dir}/last.pt, which holds the last epoch, cannot "
            "give it back; remove last.pt too, to train again"
        )


def keep(exp_dir: Path, phase: Phase, model: torch.nn.Module, keep_epochs: bool) -> None:
    """Write the model of the last row's epoch where the rule, or the user, asks for it."""
    epoch, kept = phase.rows[-1]["epoch"], phase.selection.kept(phase.rows)
    state = {"model": model.state_dict(), "epoch": epoch}
    if kept == [epoch]:
        save_checkpoint(phase.target, state)
    if keep_epochs or (phase.selection.count > 1 and epoch in kept):
        save_checkpoint(exp_dir / f"epochs/{epoch}.pt", state)


def forget(exp_dir: Path, phase: Phase) -> None:
    """Remove what `keep` wrote and the rule no longer needs."""
    for epoch in {row["epoch"] for row in phase.rows} - set(phase.selection.kept(phase.rows)):
        (exp_dir / f"epochs/{epoch}.pt").unlink(missing_ok=True)


def average(exp_dir: Path, phase: Phase, learner: Learner) -> None:
    """Write the mean of the models that the rule kept, and take it as the learner's."""
    epochs = phase.selection.kept(phase.rows)
    if learner.team.is_main:
        paths = [exp_dir / f"epochs/{epoch}.pt" for epoch in epochs]
        states = [read_weights(path) for path in paths]
        for path, weights in zip(paths, states, strict=True):
            fit_weights(learner.model, weights, path, f"the model of {learner.name}")
        state = {"model": average_states(states), "epoch": epochs[-1], "epochs": epochs}
        save_checkpoint(phase.target, state)
    learner.team.barrier()  # it is written
    learner.start_from(phase.target)


def choice(phase: Phase, learner: Learner, judge: Judge) -> dict[str, Any]:
    """What the rule chose in a phase, as selection.json tells it."""
    epochs, metric = phase.selection.kept(phase.rows), phase.selection.metric
    found = {**phase.config["select"], "phase": phase.number, "epochs": epochs}
    if phase.selection.count > 1:
        with learner.judged():
            return {**found, **judge.on_dev(learner, metric)}
    row = next(row for row in phase.rows if row["epoch"] == epochs[0])
    shown = [name for name in ("dev_loss", "dev_eer", metric) if name in row]  # sources have no EER
    return {**found, **{name: row[name] for name in shown}}
