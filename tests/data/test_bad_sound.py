"""A bad sound is named, with its utterance, wherever sounds are read; a pipe is never run."""

import numpy as np
import pytest
import soundfile
from made_up import refused, worker
from sounds import bad_sounds, make_corpus, make_data

from antispoof.data.audio import read_wave
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError

VALIDATE, EXTRACT = "utils/validate_data_dir.py", "steps/extract_ssl.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bad sounds")


@pytest.fixture(scope="module")
def bad(folder):
    return bad_sounds(folder)


@pytest.fixture
def data(tmp_path):
    make_corpus(tmp_path / "corpus", {"train": 14})
    return make_data(tmp_path / "data", tmp_path / "corpus") / "train"


def change(path, **values):
    """Set entries of a table."""
    write_table(path, {**read_table(path), **values})


def test_each_is_named_with_its_utterance(folder, bad):
    for kind, (path, words) in bad.items():
        with pytest.raises(UserError) as caught:
            read_wave(path, "train_007")
        message = str(caught.value)
        assert message.startswith(f"{path}: train_007: "), kind
        assert words in message, kind
        assert "\n" not in message, kind
    assert not (folder / "ran").exists()


def test_validation_names_all_of_them(bad, data):
    kinds = {kind: value for kind, value in bad.items() if "pipe" not in kind}
    utts = dict(zip(read_table(data / "wav.scp"), kinds.values(), strict=False))
    change(data / "wav.scp", **{utt: path for utt, (path, _) in utts.items()})
    status, out, error = worker(VALIDATE, data, cwd=data)
    assert (status, out) == (1, "")
    lines = error.splitlines()
    for line, (utt, (path, words)) in zip(lines, utts.items(), strict=True):
        assert f"{path}: {utt}: " in line
        assert words in line


@pytest.mark.parametrize("kind", ["pipe", "pipe with offset"])
def test_validation_refuses_a_pipe_before_any_sound(folder, bad, data, kind):
    change(data / "wav.scp", train_003=bad[kind][0])
    line = refused(VALIDATE, data, cwd=data)
    assert f"{data}/wav.scp: 'train_003' is a shell pipe" in line
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("seconds", ["9.0", "nan", "a while", "-1"])
def test_validation_compares_the_length(data, seconds):
    change(data / "utt2dur", train_003=seconds)
    assert "train_003: " in (line := refused(VALIDATE, data, cwd=data))
    assert "utt2dur" in line


def test_extraction_stops_at_it_and_goes_on_when_it_is_mended(bad, data, tmp_path):
    config = tmp_path / "fbank.yaml"
    config.write_text("name: fbank\n")
    good = read_table(data / "wav.scp")["train_009"]
    for number, kind in enumerate(["truncated", "pipe"]):
        change(data / "wav.scp", train_009=bad[kind][0])
        status, _, error = worker(EXTRACT, config, data, tmp_path / "dump", cwd=tmp_path)
        assert (status, len(error.splitlines())) == (1, 1), error
        assert f"{bad[kind][0]}: train_009: " in error
        assert not list((tmp_path / "dump").rglob("feats.scp")), number
    change(data / "wav.scp", train_009=good)
    for dump in ("dump", "undisturbed"):
        assert worker(EXTRACT, config, data, dump, cwd=tmp_path)[0] == 0
    tables = [(tmp_path / dump / "utt2sum").read_bytes() for dump in ("dump", "undisturbed")]
    assert tables[0] == tables[1]


def test_what_a_config_allows_is_converted(data, tmp_path):
    time = np.arange(44100) / 44100
    left = 0.2 * np.sin(2 * np.pi * 1000 * time) + 0.2 * np.sin(2 * np.pi * 12000 * time)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([left, 0.5 * left], 1), 44100)
    change(data / "wav.scp", train_003=path)
    change(data / "utt2dur", train_003="1.0")
    wave = read_wave(str(path), "train_003", ["resample", "mixdown"])
    assert len(wave) == 16000
    tone = 0.15 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)  # 12 kHz would fold to 4 kHz
    assert np.abs(wave - tone)[200:-200].max() < 2e-3
    with pytest.raises(UserError, match="found 2 channels.*allow: .mixdown"):
        read_wave(str(path), "train_003", ["resample"])
    with pytest.raises(UserError, match="found 44100 Hz.*allow: .resample"):
        read_wave(str(path), "train_003", ["mixdown"])
    assert worker(VALIDATE, data, cwd=data)[0] == 1
    assert worker(VALIDATE, data, "--allow", "resample", "mixdown", cwd=data)[0] == 0
    config = tmp_path / "fbank.yaml"
    config.write_text("name: fbank\nfinal_norm: after\n")
    status, _, error = worker(EXTRACT, config, data, tmp_path / "dump", cwd=data)
    assert status == 1
    assert f"{path}: train_003: found 2 channels" in error
    config.write_text("name: fbank\nallow: [resample, mixdown]\n")
    assert worker(EXTRACT, config, data, tmp_path / "dump2", cwd=data)[0] == 0
    assert int(read_table(tmp_path / "dump2" / "utt2num_frames")["train_003"]) in range(95, 102)
