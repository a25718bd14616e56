"""How a training runs: what it watches, keeps and logs, and on which processes."""

from dataclasses import dataclass

from ..torch_utils.distributed import SINGLE, Team


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
