"""FLACs that libsndfile refuses: read by FFmpeg to the same bits where they are whole."""

import io
import logging

import numpy as np
import pytest
import soundfile
from made_up import worker
from sounds import make_corpus, make_data, sound

from antispoof.data import flac
from antispoof.data.audio import read_wave
from antispoof.data.flac import read_flac, read_header
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError

COUNT = 30001
TOTAL, MD5 = slice(18, 26), slice(26, 42)  # bytes of STREAMINFO


def crc8(data):
    """By polynomial x^8 + x^2 + x + 1, as a frame's header ends in."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 7) & 255 if crc & 128 else crc << 1
    return crc


def frames(data):
    """Where frames begin: the code of a header that ends in its CRC."""
    place = -1
    while (place := data.find(b"\xff\xf8", place + 1)) >= 0:
        if any(crc8(data[place : place + n]) == data[place + n] for n in range(5, 9)):
            yield place


def whole():
    stream = io.BytesIO()
    soundfile.write(stream, sound("flac", COUNT / 16000, 0.1)[:COUNT], 16000, format="FLAC")
    return bytearray(stream.getvalue())


def with_total(data, total):
    """Its header says that there are `total` samples; 0 stands for unknown."""
    packed = int.from_bytes(data[TOTAL], "big") >> 36 << 36 | total
    return data[:18] + packed.to_bytes(8, "big") + data[26:]


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def without_md5(data):
    return data[:26] + bytes(16) + data[42:]


WAYS = {  # of libsndfile's refusal: what is changed, and the words of the refusal
    "checksum of a middle frame": (lambda d: flipped(d, list(frames(d))[3] - 1), "decoder"),
    "checksum of the last frame": (lambda d: flipped(d, len(d) - 1), "decoder"),
    "more samples in the header": (lambda d: with_total(d, COUNT + 5000), "psf_fseek"),
    "no count in the header": (lambda d: with_total(d, 0), "gives no length"),
}


@pytest.fixture
def data():
    return whole()


@pytest.fixture(autouse=True)
def unnamed():
    flac.named.clear()


def write(path, data):
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_flac_that_libsndfile_refuses_has_its_bits(tmp_path, data, caplog, way):
    change, words = WAYS[way]
    good, path = write(tmp_path / "good.flac", data), write(tmp_path / "x.flac", change(data))
    with pytest.raises((soundfile.SoundFileError, ValueError)):
        soundfile.read(path)
    with caplog.at_level(logging.WARNING):
        found = read_wave(path, "u1")
        read_wave(path, "u2")
    wanted = read_wave(good, "u1")
    assert (found.dtype, len(found)) == (np.float32, COUNT)
    assert found.tobytes() == wanted.tobytes()
    (record,) = caplog.records  # once, not for each file
    assert record.getMessage().startswith(f"{path}: u1: libsndfile refuses it (")
    assert words in record.getMessage()
    assert "read by FFmpeg" in record.getMessage()


def test_the_checksum_of_any_frame_may_be_wrong(tmp_path, data):
    wanted = read_wave(write(tmp_path / "good.flac", data), "u1")
    for place in [*list(frames(data))[1:], len(data)]:
        for byte in (1, 2):
            path = write(tmp_path / "x.flac", flipped(data, place - byte))
            assert read_wave(path, "u1").tobytes() == wanted.tobytes()


def test_a_flac_that_libsndfile_reads_is_left_to_it(tmp_path, data, caplog):
    read_wave(write(tmp_path / "x.flac", data), "u1")
    assert not caplog.records
    assert not flac.named


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("count", [1, 4096, 4097])
def test_both_decoders_give_the_same_bits(tmp_path, subtype, channels, count):
    samples = np.random.default_rng(channels).uniform(-1, 1, (count, channels))
    samples[0] = -1
    path = tmp_path / "x.flac"
    soundfile.write(path, samples, 16000, subtype=subtype)
    wanted, rate = soundfile.read(path, dtype="float32")
    found, found_rate = read_flac(str(path), "u1", read_header(path), "for a test")
    assert (found.shape, found.dtype, found_rate) == (wanted.shape, wanted.dtype, rate)
    assert found.tobytes() == wanted.tobytes()


def cut(data, place):
    return data[: list(frames(data))[place]]


def in_body(data):
    return flipped(data, list(frames(data))[2] + 500)


BAD = {
    "cut within a frame": (lambda d: d[: len(d) // 2], "truncated"),
    "cut between frames": (lambda d: cut(d, 4), "found 16384 samples, its header says 30001; "),
    "cut, no count": (lambda d: with_total(cut(d, 4), 0), "MD5 in its header; truncated"),
    "cut, no MD5": (lambda d: without_md5(cut(d, 4)), "found 16384 samples, its header says 30001"),
    "cut within a frame, neither": (
        lambda d: without_md5(with_total(d[: len(d) // 2], 0)),
        "truncated",
    ),
    "more in the header, no MD5": (
        lambda d: without_md5(with_total(d, COUNT + 5000)),
        "found 30001 samples, its header says 35001; truncated?",
    ),
    "damaged": (in_body, "not those of the MD5 in its header; truncated or damaged"),
    "damaged, no count": (lambda d: with_total(in_body(d), 0), "not those of the MD5"),
    "damaged, neither": (lambda d: without_md5(with_total(in_body(d), 0)), "damaged or missing"),
    "no frame": (lambda d: cut(d, 0), "trunc"),
    "header alone": (lambda d: d[:42], "trunc"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_flac_that_is_cut_or_damaged_is_refused_by_both(tmp_path, data, kind):
    change, words = BAD[kind]
    path = write(tmp_path / "x.flac", change(data))
    with pytest.raises(UserError) as caught:
        read_wave(path, "u1")
    message = str(caught.value)
    assert message.startswith(f"{path}: u1: ")
    assert words in message
    assert len(message.splitlines()) == 1


def test_without_an_md5_the_count_says_that_it_is_whole(tmp_path, data):
    wanted = read_wave(write(tmp_path / "good.flac", data), "u1")
    for number, change in enumerate((WAYS["checksum of a middle frame"][0], lambda d: d)):
        path = tmp_path / f"{number}.flac"
        bare = without_md5(change(data)) if number == 0 else without_md5(with_total(data, 0))
        assert read_wave(write(path, bare), "u1").tobytes() == wanted.tobytes()


def test_validation_and_stages_read_them_alike(tmp_path, data):
    make_corpus(tmp_path / "corpus", {"train": 6})
    folder = make_data(tmp_path / "data", tmp_path / "corpus") / "train"
    utts, seconds = read_table(folder / "wav.scp"), read_table(folder / "utt2dur")
    for utt, (change, _) in zip(list(utts), WAYS.values(), strict=False):
        utts[utt] = write(tmp_path / f"{utt}.flac", change(data))
        seconds[utt] = f"{COUNT / 16000:.4f}"
    write_table(folder / "wav.scp", utts)
    write_table(folder / "utt2dur", seconds)
    status, out, error = worker("utils/validate_data_dir.py", folder, cwd=tmp_path)
    assert (status, out.rpartition(": ")[2]) == (0, "valid\n")
    assert ", 4 FLACs that libsndfile refuses and FFmpeg reads: " in out
    assert error.count("read by FFmpeg") == 1
    (tmp_path / "fbank.yaml").write_text("name: fbank\n")
    status, _, error = worker("steps/extract_ssl.py", "fbank.yaml", folder, "dump", cwd=tmp_path)
    assert status == 0, error
    counts = read_table(tmp_path / "dump/utt2num_frames")
    assert {counts[utt] for utt in list(utts)[: len(WAYS)]} == {"186"}
    write_table(folder / "utt2dur", {**seconds, "train_000": "9.0"})
    status, _, error = worker("utils/validate_data_dir.py", folder, cwd=tmp_path)
    assert "train_000: lasts 1.88 s, utt2dur says 9" in error
