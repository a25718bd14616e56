"""Pre-training on sounds of any rate and channels, where its config allows that."""

import numpy as np
import pytest
import soundfile
import yaml
from tiny_pretraining import TINY

from antispoof.data.tables import write_table
from antispoof.errors import UserError
from antispoof.pretraining.pretrain import load_pretraining, pretrain

SMALLER = {**TINY, "clusters": 2, "held_out": 3, "epochs": 1, "batch_size": 2}


@pytest.fixture
def place(tmp_path):
    """data/: six bona fide sounds, one of them in stereo at 24 kHz; tiny.yaml."""
    wavs = {}
    for number in range(6):
        rate, channels = (24000, 2) if number == 3 else (16000, 1)
        wave = np.random.default_rng(number).uniform(-0.5, 0.5, (round(1.2 * rate), channels))
        wavs[f"utt{number}"] = tmp_path / f"{number}.flac"
        soundfile.write(wavs[f"utt{number}"], wave, rate)
    write_table(tmp_path / "data/wav.scp", wavs)
    write_table(tmp_path / "data/utt2label", dict.fromkeys(wavs, "bonafide"))
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(SMALLER))
    return tmp_path


def test_sounds_are_converted_where_the_config_allows_it(place):
    config = load_pretraining(place / "tiny.yaml", 1)
    assert "allow" not in config  # as in experiments that began without the key
    with pytest.raises(UserError, match=r"3\.flac: utt3: "):
        pretrain(config, place / "data", place / "exp", [].append)
    config = load_pretraining(place / "tiny.yaml", 1, ["allow=[resample, mixdown]"])
    pretrain(config, place / "data", place / "allowed", [].append)
    assert len((place / "allowed/curve.csv").read_text().splitlines()) == 2


def test_a_conversion_that_nobody_knows_is_refused(place):
    with pytest.raises(UserError, match="allow"):
        load_pretraining(place / "tiny.yaml", 1, ["allow=[louder]"])
