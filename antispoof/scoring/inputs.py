"""What a model reads: cached features or waveforms, cropped and padded.

Every draw comes from (seed, epoch, utterance), never from the order of loading, so that a run that
was killed continues with the same numbers.
"""

import abc
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import SAMPLE_RATE
from ..augment.chain import Chain, loggable
from ..augment.draws import note
from ..config import UPSTREAM_KEYS, load_config
from ..data.ark import MATRIX, read_entry, read_rows
from ..data.audio import read_wave, require_length
from ..data.crop import crop, extend, time_axis, window_starts
from ..data.data_dir import read_durations
from ..data.seeds import generator
from ..data.tables import read_table, require_same_keys
from ..errors import UserError
from ..features.archive import copy_folder, copy_folders, layer_name
from ..features.plan import kept_seconds
from ..features.whole import require_whole
from ..ssl.conventions import frame_count
from ..ssl.upstream import FEW, require_read


class Inputs(torch.utils.data.Dataset, abc.ABC):
    """Utterances of one set as (x, length, index), before batching; a subclass reads them.

    With the crop `windows`, an utterance is a list of them, one for each window.

    Args: config: of the experiment; data_dir; dump: folder of cached features; train: whether the
    crop is the training one; seed. `epoch` is to be set before each pass over the training set;
    `notes` is a folder where what augmentation draws is noted, or None. With `tells_start`, an
    utterance is (x, length, index, start), where in it, after augmentation, its crop begins.
    """

    tells_start = False
    start = 0  # of the crop that was read last

    def __init__(
        self, config: dict[str, Any], data_dir: str, dump: str, train: bool = False
    ) -> None:
        self._follow(config, "train" if train else "test")
        self.wav_scp = f"{data_dir}/wav.scp"
        self.wavs = read_table(self.wav_scp)
        self.utts = list(self.wavs)
        self.length = self._open(data_dir, dump, train)

    def _follow(self, config, use):
        """Take from `config` how utterances are cropped in `use`, train or test."""
        self.config, self.seed, self.epoch = config, config["seed"], 0
        self.notes: Path | None = None
        self.crop = config["crop"]
        self.policy = self.crop[use]

    def keep(self, indices: Iterable[int]) -> None:
        """Keep to these of the utterances; the others are not read."""
        self.utts = [self.utts[index] for index in indices]

    def __len__(self):
        return len(self.utts)

    def __getitem__(self, index):
        x, length = self._read(self.utts[index])
        x = torch.from_numpy(x)
        if self.tells_start:
            return x, length, index, self.start
        if self.policy != "windows":
            return x, length, index
        starts = window_starts(length, self.length)
        span = min(length, self.length)
        return [(x.narrow(time_axis(x), start, span), span, index) for start in starts]

    @abc.abstractmethod
    def drawn(self, index: int) -> dict[str, Any]:
        """What decides how an utterance is read in this epoch, as a record for JSON."""

    @abc.abstractmethod
    def _open(self, data_dir, dump, train):
        """Find what is to be read; returns the length of a crop, in samples or frames."""

    @abc.abstractmethod
    def _read(self, utt):
        """(array, valid length) of an utterance, cropped and padded."""


class Waveforms(Inputs):
    """x (S,): sounds, augmented in training."""

    def _open(self, data_dir, dump, train):
        self.augment = Chain(self.config["augment"] if train else [])
        timed = Path(data_dir, "utt2dur").is_file()  # a set to be scored may lack it
        self.seconds = read_durations(data_dir) if timed else {}
        return round(self.crop["seconds"] * SAMPLE_RATE)

    def drawn(self, index: int) -> dict[str, Any]:
        utt = self.utts[index]
        x, drawn = self._augmented(utt)
        rng = generator(self.seed, self.epoch, utt)
        start, stop = crop(len(x), self.length, self.policy, rng)
        return {"utt": utt, "start": start, "stop": stop, "augment": loggable(drawn)}

    def _augmented(self, utt):
        """(sound, what was drawn for it)."""
        x = read_wave(self.wavs[utt], utt, self.config["allow"])
        if utt in self.seconds:
            require_length(x, self.seconds[utt], self.wavs[utt], utt)
        return self.augment(x, utt, self.seed, self.epoch)

    def _read(self, utt):
        x, drawn = self._augmented(utt)
        if self.notes and self.augment.links:
            note(self.notes, self.epoch, utt, drawn)
        rng = generator(self.seed, self.epoch, utt)
        self.start, stop = crop(len(x), self.length, self.policy, rng)
        return extend(x[self.start : stop], 0, self.length, self.policy, self.crop["pad"])


class UpstreamWaveforms(Waveforms):
    """x (S,) for an upstream inside the model: each of one frame or more."""

    def _read(self, utt):
        x, length = super()._read(utt)
        if not frame_count(length):
            raise UserError(
                f"{self.wavs[utt]}: {utt}: {length} samples are too short for a frame of 400; "
                "take it out, or pad it (crop.pad)"
            )
        return x, length


class CachedFeatures(Inputs):
    """x (L, T, D): the layers of stage 2, each cropped alike.

    In training, of the original or one of its augmented copies.
    """

    def _open(self, data_dir, dump, train):
        folder = f"{dump}/{self.config['upstream']}/{data_dir.rstrip('/').split('/')[-1]}"
        if "upstream_conf" in self.config:
            require_read(folder, self.config["upstream_conf"], copies=train)
        self.folder, copies = folder, range(1 + (count_copies(folder) if train else 0))
        self.feats = [self._tables(copy_folder(folder, copy)) for copy in copies]
        return max(1, round(self.crop["seconds"] * frame_rate(data_dir, folder)))

    def _tables(self, folder):
        """Where the features of each layer are."""
        tables = []
        for layer in self.config["layers"]:
            path = f"{folder}/{layer_name(layer)}/feats.scp"
            tables.append(read_table(path))
            require_same_keys(self.wavs, tables[-1], self.wav_scp, path)
        require_whole(folder, self.config["layers"])
        return tables

    def drawn(self, index: int) -> dict[str, Any]:
        utt, spans = self.utts[index], []
        copy = self._copy(utt)

        def span(found):
            spans.append(self._span(utt, found))
            return spans[0]

        read_rows(self.feats[copy][0][utt], utt, span)
        return {"utt": utt, "start": spans[0][0], "stop": spans[0][1], "copy": copy}

    def _copy(self, utt):
        """Which copy of `utt` is read; 0 is the original."""
        if len(self.feats) == 1:
            return 0
        return int(generator("copy", self.seed, self.epoch, utt).integers(len(self.feats)))

    def _span(self, utt, found):
        span = crop(found, self.length, self.policy, generator(self.seed, self.epoch, utt))
        self.start = span[0]
        return span

    def _read(self, utt):
        span = functools.cache(functools.partial(self._span, utt))
        places = [layer[utt] for layer in self.feats[self._copy(utt)]]
        found = [self._load(place, utt, span) for place in places]
        if span.cache_info().currsize > 1 or len({matrix.shape for matrix in found}) > 1:
            raise _unequal(places, utt)
        return extend(np.stack(found), 1, self.length, self.policy, self.crop["pad"])

    def _load(self, place, utt, span):
        matrix = read_rows(place, utt, span)
        if not np.isfinite(matrix).all():
            raise UserError(f"{place}: {utt}: holds numbers that are not finite; run stage 2 again")
        return matrix


def _unequal(places, utt):
    """The error that names the first layer of another shape than the one before it."""
    shapes = [read_entry(place, utt, MATRIX).shape for place in places]
    pairs = zip(places[1:], shapes[1:], strict=True)
    place, shape = next(pair for pair in pairs if pair[1] != shapes[0])
    return UserError(
        f"{place}: {utt}: found {shape} numbers, wanted {shapes[0]} as in {places[0]}; "
        "run stage 2 again"
    )


KINDS = {"cached": CachedFeatures, "wave": Waveforms, "ssl": UpstreamWaveforms}  # by `feats`


def open_inputs(config: dict[str, Any], data_dir: str, dump: str, train: bool = False) -> Inputs:
    """The `Inputs` of a set that an experiment's `feats` asks for."""
    return KINDS[config["feats"]](config, data_dir, dump, train)


def count_copies(folder: str | Path) -> int:
    """How many copies of each utterance a folder of cached features has to train on.

    Raises UserError where they are not those that its config asks for.
    """
    found, path = len(copy_folders(folder)), Path(folder) / "config.yaml"
    wanted = load_config(path, UPSTREAM_KEYS)["copies"]["count"] if path.exists() else found
    if found != wanted:
        raise UserError(
            f"{path}: needs {wanted} copies for training, found {found} in {folder}; run "
            "steps/extract_ssl.py --copies (stage 2)"
        )
    return found


def frame_rate(data_dir: str | Path, folder: str | Path) -> float:
    """Frames per second of cached features, to the next ten: edges cost each utterance a few.

    Of few (windows of a second, say) an edge costs none or one, and the rate is as it is found.
    """
    frames = sum(map(int, read_table(f"{folder}/utt2num_frames").values()))
    durations, made = read_durations(data_dir), Path(folder) / "config.yaml"
    if made.exists():  # a window keeps a part of each sound
        durations = kept_seconds(durations, load_config(made, UPSTREAM_KEYS)["window"])
    seconds = sum(durations.values())
    return next_ten(frames / seconds)


def next_ten(rate: float) -> float:
    """A rate of frames per second as a crop counts it."""
    return rate if rate < FEW else 10 * round(rate / 10)
