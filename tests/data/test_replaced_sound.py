"""A sound that was replaced under its path after stage 1 is named by whatever reads it next."""

import pytest
import soundfile
from made_up import refused, worker
from plain_data import config
from sounds import make_corpus, make_data, sound

from antispoof.data.audio import require_length
from antispoof.data.tables import read_table
from antispoof.errors import UserError
from antispoof.scoring.inputs import open_inputs

WORDS = "lasts 0.50 s, utt2dur says 1.2; was the sound replaced?"


@pytest.fixture
def data(tmp_path):
    """A set that was validated before one of its sounds was replaced by a shorter one."""
    make_corpus(tmp_path / "corpus", {"train": 6})
    folder = make_data(tmp_path / "data", tmp_path / "corpus") / "train"
    assert worker("utils/validate_data_dir.py", folder, cwd=tmp_path)[0] == 0
    soundfile.write(read_table(folder / "wav.scp")["train_002"], sound("other", 0.5, 0), 16000)
    return folder


def test_what_a_model_reads(data):
    path = read_table(data / "wav.scp")["train_002"]
    for train in (False, True):
        inputs = open_inputs(config(), str(data), "dump", train)
        assert len(inputs[1][0]) == 160
        with pytest.raises(UserError) as caught:
            inputs[2]
        assert str(caught.value).startswith(f"{path}: train_002: {WORDS}")
    (data / "utt2dur").unlink()  # of a set that is only scored
    assert len(open_inputs(config(), str(data), "dump")[2][0]) == 160


def test_what_features_are_computed_of(data, tmp_path):
    (tmp_path / "fbank.yaml").write_text("name: fbank\n")
    status, _, error = worker("steps/extract_ssl.py", "fbank.yaml", data, "dump", cwd=tmp_path)
    assert (status, len(error.splitlines())) == (1, 1)
    assert f"train_002: {WORDS}" in error


def test_what_is_augmented(data, tmp_path):
    (tmp_path / "soft.yaml").write_text("augment:\n  - trim: {p: 0}\n")
    options = ("--config", "soft.yaml", "--seed", 1)
    line = refused("steps/augment_data_dir.py", *options, data, "data/out", cwd=tmp_path)
    assert f"train_002: {WORDS}" in line


def test_validation(data, tmp_path):
    assert f"train_002: {WORDS}" in refused("utils/validate_data_dir.py", data, cwd=tmp_path)


@pytest.mark.parametrize(("count", "fine"), [(15841, True), (16159, True), (15839, False)])
def test_a_length_is_right_to_ten_milliseconds(count, fine):
    wave = [0.0] * count
    if fine:
        require_length(wave, 1.0, "x.wav", "u1")
        return
    with pytest.raises(UserError, match="x.wav: u1: lasts 0.99 s, utt2dur says 1; was"):
        require_length(wave, 1.0, "x.wav", "u1")
