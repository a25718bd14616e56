"""The loop of extraction: decode ahead, compute in batches, write from a thread."""

import queue
import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..augment.chain import Chain
from ..data.audio import read_wave, require_length
from ..data.crop import fit
from ..data.seeds import window_generator
from ..errors import UserError
from ..progress import Progress
from ..ssl.upstream import FrozenUpstream
from .archive import ShareWriter


class _Batches(torch.utils.data.Dataset):
    """Decodes one batch of utterances, or of their copies `copy`: a list of (S,) float32 waves."""

    def __init__(self, batches, wavs, config, copy, seconds):
        self.batches, self.wavs, self.config, self.copy = batches, wavs, config, copy
        self.seconds = seconds
        self.augment = Chain(config["copies"]["augment"] if copy else [], key="copies.augment")

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        try:
            return [self._wave(utt) for utt in self.batches[index]]
        except UserError as error:  # a worker process would wrap it into its traceback
            return error

    def _wave(self, utt):
        wave = read_wave(self.wavs[utt], utt, self.config["allow"])
        if utt in self.seconds:
            require_length(wave, self.seconds[utt], self.wavs[utt], utt)
        wave, _ = self.augment(wave, utt, "copy", self.copy)
        window = self.config["window"]
        rng = window_generator(utt, self.copy)
        return fit(wave, window["samples"], window["policy"], window["pad"], rng)[0]


def extract(
    upstream: FrozenUpstream,
    batches: Sequence[Sequence[str]],
    wavs: Mapping[str, str],
    writer: ShareWriter,
    progress: Progress,
    workers: int = 0,
    copy: int = 0,
    durations: Mapping[str, float] | None = None,
) -> None:
    """Write the features of every utterance of `batches` that `writer` has not yet.

    copy: 1, 2, ... for that copy of each, augmented as the config's `copies` says. A batch of which
    a part is there already is computed whole, so that what is missing comes out the same.
    durations: {utterance: seconds} that its sound is to last, for those that are known. Raises
    UserError for a bad sound or features that are not finite.
    """
    todo = [batch for batch in batches if any(utt not in writer.finished for utt in batch)]
    progress.advance(sum(map(len, batches)) - sum(map(len, todo)))
    loader = torch.utils.data.DataLoader(
        _Batches(todo, wavs, upstream.config, copy, durations or {}),
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
    )
    started, seconds = time.monotonic(), 0.0
    with WriterThread(writer) as thread:
        for batch, waves in zip(todo, loader, strict=True):
            if isinstance(waves, UserError):
                raise waves
            for utt, features in zip(batch, upstream(waves, batch), strict=True):
                if not all(np.isfinite(matrix).all() for matrix in features.values()):
                    raise UserError(f"{wavs[utt]}: {utt}: its features are not finite; silent?")
                if utt not in writer.finished:
                    thread.write(utt, features)
            seconds += sum(map(len, waves)) / SAMPLE_RATE
            progress.advance(
                len(batch), f"{seconds / (time.monotonic() - started):.0f} x real time"
            )
    writer.finish()


def _as_it_is(waves):
    return waves


class WriterThread:
    """Hands features to `writer` from a thread of its own, so that the device need not wait."""

    def __init__(self, writer: ShareWriter, ahead: int = 32) -> None:
        self.writer = writer
        self.queue: queue.Queue = queue.Queue(ahead)
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while (item := self.queue.get()) is not None:
            try:
                if self.error is None:
                    self.writer.write(*item)
            except Exception as error:
                self.error = error

    def write(self, utt: str, features: dict[int, np.ndarray]) -> None:
        if self.error is not None:
            raise self.error
        self.queue.put((utt, features))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.queue.put(None)
        self.thread.join()
        if kind is None and self.error is not None:
            raise self.error
