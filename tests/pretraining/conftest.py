"""Sounds to pre-train on, and an experiment that nothing stopped."""

import pytest
import soundfile
import yaml
from tiny_pretraining import TINY, tiny, tune

from antispoof.data.tables import write_table
from antispoof.pretraining.pretrain import pretrain


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """data/: twelve bona fide tunes, and spoofs whose sounds are nowhere; tiny.yaml."""
    folder = tmp_path_factory.mktemp("pretraining")
    wavs, labels = {}, {}
    for number in range(24):
        utt = f"utt{number:02d}"
        wavs[utt], labels[utt] = folder / f"{utt}.flac", "spoof"
        if number % 2:
            labels[utt] = "bonafide"
            soundfile.write(wavs[utt], tune(number), 16000)
    write_table(folder / "data/wav.scp", wavs)
    write_table(folder / "data/utt2label", labels)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    return folder


@pytest.fixture(scope="module")
def undisturbed(place):
    """An experiment of three epochs that nothing stopped."""
    pretrain(tiny(place), place / "data", place / "undisturbed", [].append)
    return place / "undisturbed"
