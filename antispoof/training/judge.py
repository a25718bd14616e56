"""What a model comes to while it is trained: on dev, and on the sets that are watched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..config.sources import sources_of
from ..data.data_dir import read_durations, trial_lists, trial_mask
from ..data.segments import read_segments
from ..data.tables import read_table
from ..errors import UserError
from ..scoring.frames import frame_scores
from ..scoring.inputs import open_inputs
from ..scoring.score import read_labels, score
from ..torch_utils.distributed import SINGLE
from .frames import by_frames, segment_eer
from .learner import Learner
from .phases import phases_of
from .run import Run
from .selection import dev_metrics, eer_or_chance
from .sources import keep_for


class Judge:
    """What a model comes to on dev, which selects, and on the sets watched, which do not."""

    def __init__(
        self, config: dict[str, Any], dev_dir: str, dump: str, device: torch.device, run: Run
    ) -> None:
        self.dev_dir, self.device, self.run = dev_dir, device, run
        self.dev, self.kept = open_inputs(config, dev_dir, dump), keep_for(config, dev_dir)
        self.labels = self.kept.restrict(self.dev)
        self.spans = self._spans() if any(map(by_frames, phases_of(config))) else []
        self.watched: list[tuple] = []
        if run.watch and sources_of(config):
            raise UserError("--watch: a set is watched by its EER; wanted none with 'trace'")
        for folder in run.watch:
            labels = read_labels(folder).numpy()
            inputs, lists = open_inputs(config, folder, dump), watched_lists(folder, labels)
            taken = {name for _, _, known in self.watched for name in known} & lists.keys()
            if taken:
                raise UserError(f"{folder}: another watched set has the column '{min(taken)}' too")
            self.watched.append((inputs, labels, lists))

    def on_dev(self, learner: Learner, metric: str) -> dict[str, float]:
        """{column: value} of the model of `learner`. Raises UserError for scores that are NaN."""
        frames = None
        if metric == "dev_segment_eer":
            frames = frame_scores(learner.model, learner.config, "config", self.dev)
        scores = self._scores(learner, self.dev, frames)
        if not np.isfinite(scores).all():
            raise self._lost(learner)
        of_frames = self._of_frames(learner, frames) if frames else {}
        dev_loss = learner.loss.of_scores(scores, self.labels)
        known = dev_metrics(scores, self.labels.numpy(), [metric])
        return {"dev_loss": dev_loss, **known, **of_frames}

    def _lost(self, learner):
        return UserError(
            f"{learner.name}: scores of {self.dev_dir} are not finite; last.pt is the state before "
            "this epoch; lower optimizer_conf.lr"
        )

    def _of_frames(self, learner, frames):
        """{column: value} of the frames of dev."""
        every = [frames.found[index] for index in range(len(self.dev))]
        if not all(np.isfinite(values).all() for own in every for values in own):
            raise self._lost(learner)
        columns = zip(frames.resolutions, zip(*every, strict=True), strict=True)
        return {"dev_segment_eer": segment_eer(dict(columns), self.spans)}

    def _spans(self):
        """The segments of dev, which has to have both classes among them."""
        labels = read_table(f"{self.dev_dir}/utt2label")
        found = read_segments(self.dev_dir, read_durations(self.dev_dir), labels)
        own = [found[utt] for utt in self.dev.utts]
        if len({label for spans in own for _, _, label in spans}) < 2:
            raise UserError(f"{self.dev_dir}/segments: found one class alone, wanted both")
        return own

    def on_watched(self, learner: Learner, log: Callable[[str], object]) -> dict[str, float]:
        """{column: EER} of the sets watched, and of each of their lists of trials.

        Without the columns of a set of which a score is not finite: it chooses nothing, and so ends
        no training; a line says so.
        """
        row: dict[str, float] = {}
        for inputs, labels, lists in self.watched:
            scores = self._scores(learner, inputs)
            lost = np.isnan(scores) | np.isinf(scores)
            if lost.any():
                log(f"{next(iter(lists))}: {lost.sum()} scores are not finite; left empty")
                continue
            row |= {name: eer_or_chance(scores[own], labels[own]) for name, own in lists.items()}
        return row

    def _scores(self, learner, inputs, frames=None):
        rows = -(-learner.config["batch_size"] // learner.config["accum_grad"])
        place = (learner.model, inputs, rows, self.device, self.run.team, self.run.workers)
        count = len(sources_of(learner.config))  # of these, the logits are judged
        how = {"reduce": lambda logits: logits, "columns": (count,)} if count else {}
        if frames:  # each process needs those of all utterances
            place = (*place[:4], SINGLE, self.run.workers)
            how = {"frames": frames, "quiet": not self.run.team.is_main}
        with learner.memory_said():
            return score(*place, **how)


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
