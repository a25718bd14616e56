"""A detector as the benchmark speech-spoof-bench calls models; nothing of it is needed here.

It makes `Model()`, calls `load` once, `score_batch` for each batch and `unload` at the end. Sounds
are mono float32 at `expected_sample_rate`. A batch that raises is scored again one by one, and a
sound that raises is skipped; of more than 5 % it refuses. Higher = more bona fide, as everywhere.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import SAMPLE_RATE
from ..errors import UserError
from .detect import Detector

PLACE = "ANTISPOOF_MODEL"  # the variable that names an experiment


class SpoofBenchModel:
    """Scores are LLRs. `exp_dir` is set by a subclass, or by the variable ANTISPOOF_MODEL.

        ANTISPOOF_MODEL=exp/fusion_seed1 speech-spoof-bench run \\
            --model-module antispoof.detector.bench:SpoofBenchModel --datasets FOLDER

    `name` is the experiment's where a subclass does not say another.
    """

    name: str = ""
    exp_dir: str | Path = ""
    expected_sample_rate = SAMPLE_RATE
    batch_size = 16

    def __init__(self) -> None:
        self.exp_dir = self.exp_dir or os.environ.get(PLACE, "")
        self.name = self.name or Path(self.exp_dir).name
        self.detector: Detector | None = None

    def load(self) -> None:
        """Open the experiment. Raises UserError."""
        if not self.exp_dir:
            raise UserError(f"{PLACE}: is not set, wanted the folder of an experiment")
        detector = Detector.load(self.exp_dir)
        if not detector.system.calibrated:
            raise UserError(f"{self.exp_dir}: gives no LLR, wanted it calibrated (stage 5)")
        self.detector = detector

    def score_batch(self, audios: Sequence[np.ndarray], srs: Sequence[int]) -> list[float]:
        """The LLR of each sound (S,) at its rate in Hz. Raises UserError."""
        if self.detector is None:
            raise UserError("speech-spoof-bench: found score_batch before load, wanted load first")
        items: list[Any] = list(zip(audios, map(int, srs), strict=True))
        found = self.detector(items, windows=False)
        for each in found:
            if math.isnan(each.llr):
                raise UserError(f"{each.name}: has no LLR: {'; '.join(each.warnings)}")
        return [each.llr for each in found]

    def score(self, audio: np.ndarray, sr: int) -> float:
        """The LLR of one sound."""
        return self.score_batch([audio], [sr])[0]

    def unload(self) -> None:
        """Let go of the model."""
        self.detector = None
