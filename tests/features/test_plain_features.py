"""The loop of extraction with an upstream and a writer that note what they get: windows, batches,
copies, what was there already, and every way to stop."""

import time
import types
import zlib

import numpy as np
import pytest
import soundfile

from antispoof.config import UPSTREAM
from antispoof.errors import UserError
from antispoof.features import extraction
from antispoof.features.extraction import WriterThread, extract

LENGTH = 640


class Upstream:
    """Gives each utterance its number of samples and its first sample; notes what it is given."""

    def __init__(self, bad=None, **departures):
        self.config, self.calls, self.bad = {**UPSTREAM, **departures}, [], bad or {}

    def __call__(self, waves, utts):
        self.calls.append((list(utts), [np.array(wave) for wave in waves]))
        return [
            {0: np.float32([[len(wave), wave[0]]]), 3: np.float32([[self.bad.get(utt, 1.0)]])}
            for wave, utt in zip(waves, utts, strict=True)
        ]


class Writer:
    def __init__(self, finished=(), fails=None):
        self.finished, self.fails = dict.fromkeys(finished, ""), fails
        self.written, self.tried, self.ended = {}, [], 0

    def write(self, utt, features):
        self.tried.append(utt)
        if utt == self.fails:
            raise OSError(28, "No space left on device")
        self.written[utt] = features

    def finish(self):
        self.ended += 1


class Counter:
    def __init__(self):
        self.calls = []

    def advance(self, count, note=""):
        self.calls.append((count, note))


def ramp(number, length):
    """A sound of which each sample tells its place."""
    return (np.arange(1, length + 1, dtype=np.float32) + 4096 * number) / 65536


@pytest.fixture(scope="module")
def wavs(tmp_path_factory):
    """{utterance: path} of ramps of 300, 640, 1000, ... samples."""
    folder, table = tmp_path_factory.mktemp("sounds"), {}
    for number, length in enumerate((300, LENGTH, 1000, 2001, 3333)):
        utt = "abcde"[number]
        table[utt] = str(folder / f"{utt}.wav")
        soundfile.write(table[utt], ramp(number, length), 16000, subtype="FLOAT")
    return table


def windows(wavs, policy, pad, copy=0):
    """{utterance: the sound that the upstream gets}."""
    window = {"policy": policy, "samples": LENGTH, "pad": pad}
    upstream = Upstream(window=window, copies={"count": 9, "augment": [{"trim": {"p": 0}}]})
    extract(upstream, [[utt] for utt in wavs], wavs, Writer(), Counter(), copy=copy)
    return {utts[0]: waves[0] for utts, waves in upstream.calls}


def drawn_start(name, room):
    return int(np.random.default_rng(zlib.crc32(name.encode())).integers(0, room + 1))


@pytest.mark.parametrize("copy", [0, 1, 2])
@pytest.mark.parametrize("pad", ["tile", "zero", "none"])
@pytest.mark.parametrize("policy", ["full", "first", "centre", "random"])
def test_each_window_is_cut_where_its_policy_says_and_padded_as_it_says(wavs, policy, pad, copy):
    found = windows(wavs, policy, pad, copy)
    for number, (utt, got) in enumerate(found.items()):
        whole = [float(x) for x in soundfile.read(wavs[utt], dtype="float32")[0]]
        room = len(whole) - LENGTH
        if policy == "full":
            wanted = whole
        elif room < 0:
            padded = {"tile": whole * 3, "zero": [*whole, *[0.0] * LENGTH], "none": whole}
            wanted = padded[pad][:LENGTH]
        else:
            name = f"{utt} {copy}" if copy else utt
            start = {"first": 0, "centre": room // 2, "random": drawn_start(name, room)}[policy]
            wanted = [float(x) for x in ramp(number, len(whole))[start : start + LENGTH]]
        assert got.tolist() == wanted
        assert got.dtype == np.float32


def test_the_random_window_of_a_copy_is_another_one_than_the_originals(wavs):
    starts = [windows(wavs, "random", "none", copy)["e"][0] for copy in range(4)]
    assert len(set(starts)) == 4


def test_a_copy_is_augmented_and_the_original_is_not(wavs):
    link = [{"mu_law": {"bits": 4}}]
    levels = []
    for copy in (0, 1):
        upstream = Upstream(copies={"count": 1, "augment": link})
        extract(upstream, [["a"]], wavs, Writer(), Counter(), copy=copy)
        levels.append(len(set(upstream.calls[0][1][0].tolist())))
    assert levels[0] == 300  # each sample another number
    assert levels[1] <= 2**4


def test_what_is_allowed_is_done_to_a_sound_and_nothing_else(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.stack([ramp(0, 800), ramp(1, 800)], 1), 16000, subtype="FLOAT")
    with pytest.raises(UserError, match="x: found 2 channels"):
        extract(Upstream(), [["x"]], {"x": str(path)}, Writer(), Counter())
    upstream = Upstream(allow=["mixdown"])
    extract(upstream, [["x"]], {"x": str(path)}, Writer(), Counter())
    np.testing.assert_allclose(upstream.calls[0][1][0], (ramp(0, 800) + ramp(1, 800)) / 2)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_of_which_a_part_is_there_is_computed_whole_and_written_in_part(wavs, workers):
    upstream, writer, counter = Upstream(), Writer(finished="bcd"), Counter()
    extract(upstream, [["a", "b"], ["c", "d"], ["e"]], wavs, writer, counter, workers)
    assert [utts for utts, _ in upstream.calls] == [["a", "b"], ["e"]]
    assert list(writer.written) == ["a", "e"]
    for utt, length, first in (("a", 300, 1 / 65536), ("e", 3333, (1 + 4 * 4096) / 65536)):
        np.testing.assert_array_equal(writer.written[utt][0], np.float32([[length, first]]))
    assert [count for count, _ in counter.calls] == [2, 2, 1]  # what was there, then each batch
    assert writer.ended == 1


def test_the_rate_is_seconds_of_sound_in_a_second_of_time(wavs, monkeypatch):
    ticks = iter([100.0, 100.01, 100.11])
    monkeypatch.setattr(extraction, "time", types.SimpleNamespace(monotonic=lambda: next(ticks)))
    counter = Counter()
    extract(Upstream(), [["d", "c"], ["e"]], wavs, Writer(), counter)
    sound = (3001 / 16000, 3001 / 16000 + 3333 / 16000)
    notes = [f"{s / t:.0f} x real time" for s, t in zip(sound, (0.01, 0.11), strict=True)]
    assert [note for _, note in counter.calls] == ["", *notes]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_named_and_not_written(wavs, value):
    writer = Writer()
    with pytest.raises(UserError, match=r"b\.wav: b: its features are not finite"):
        extract(Upstream({"b": value}), [["a", "b"], ["c"]], wavs, writer, Counter())
    assert list(writer.written) == ["a"]
    assert writer.ended == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_sound_ends_it_in_one_line_behind_what_was_written(wavs, tmp_path, workers):
    writer = Writer()
    table = {**wavs, "c": str(tmp_path / "nowhere.wav")}
    with pytest.raises(UserError, match=r"nowhere.wav: c: no such file"):
        extract(Upstream(), [["a", "b"], ["c"], ["d"]], table, writer, Counter(), workers)
    assert list(writer.written) == ["a", "b"]
    assert writer.ended == 0


@pytest.mark.parametrize("fails", ["a", "e"])
def test_an_error_of_the_writer_is_raised_and_nothing_is_written_after_it(wavs, fails):
    writer = Writer(fails=fails)
    with pytest.raises(OSError, match="No space"):
        extract(Upstream(), [list("abc"), list("de")], wavs, writer, Counter())
    assert writer.tried == list("abcde")[: 1 + "abcde".index(fails)]
    assert writer.ended == 0


def test_the_thread_hands_on_everything_and_does_not_hang_behind_an_error():
    writer = Writer()
    with WriterThread(writer, ahead=1) as thread:
        for number in range(50):
            thread.write(str(number), number)
    assert list(writer.written.items()) == [(str(n), n) for n in range(50)]
    writer = Writer(fails="0")
    with pytest.raises(OSError, match="No space"), WriterThread(writer, ahead=1) as thread:
        thread.write("0", None)
        for number in range(1, 50):
            time.sleep(0.01)
            thread.write(str(number), None)
        pytest.fail("it went on to the end")
    assert writer.tried == ["0"]


def test_the_thread_is_waited_for_however_slow_its_writer():
    writer = Writer()
    quick = writer.write

    def slow(utt, features):
        time.sleep(0.05)
        quick(utt, features)

    writer.write = slow
    with WriterThread(writer) as thread:
        for number in range(3):
            thread.write(str(number), None)
    assert list(writer.written) == ["0", "1", "2"]


def test_an_error_of_the_loop_is_not_replaced_by_one_of_the_writer():
    with pytest.raises(KeyError, match="first"), WriterThread(Writer(fails="0")) as thread:
        thread.write("0", None)
        raise KeyError("first")
