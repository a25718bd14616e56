"""egs/mini: one batch in a worker: attempts, records, and the sounds that they speak of."""

import numpy as np
import pytest
import soundfile
from plain_mini import RATE, phrase, recording, seed_of, some, write_phrase

from corpus import index, work
from corpus.request import Failure
from corpus.synthesis import SYSTEMS


@pytest.fixture
def worker(monkeypatch, tmp_path):
    """A process of the builder whose channel gives one codec and half of the height."""
    sent = []

    def transmit(wave, utt, shapes):
        sent.append((utt, shapes))
        if len(wave) < 9:
            raise ValueError(f"{utt}: too short")
        return 0.5 * wave, "opus"

    monkeypatch.setattr(work, "die_with_parent", lambda: sent.append("die"))
    monkeypatch.setattr("corpus.channel.transmit", transmit)
    monkeypatch.setattr(work, "_worker", {})
    work.start(tmp_path, {"train": "of train", "dev": "of dev"})
    return sent


def test_what_is_stored_is_what_its_record_says(worker, tmp_path):
    utterance = some("espeak", 7, "A01", "m2", "dev", ("One text.",))
    record = work.store(utterance, utterance.request(0), phrase(1.0))
    assert worker == ["die", ("M_D_00007", "of dev")]
    path = tmp_path / "wav/dev/M_D_00007.flac"
    wave, rate = soundfile.read(path)
    assert rate == RATE and soundfile.info(path).subtype == "PCM_16"
    assert wave == pytest.approx(0.5 * phrase(1.0), abs=1 / 32768)
    assert record == {
        **{"utt": "M_D_00007", "split": "dev", "attack": "A01", "speaker": "espeak_m2"},
        **{"lang": "be", "codec": "opus", "seconds": 1.269, "text": "One text."},
        **{"bytes": path.stat().st_size, "sha256": index.sha256_file(path)},
    }
    assert work.store(utterance, utterance.request(0), np.ones(3)) == Failure(
        "M_D_00007: too short"
    )


def test_speakers_and_sources_have_names():
    one = recording("p/a.ogg")
    assert work.speaker_name(some("", materials=(one,)).cell) == "tux_be"
    assert work.speaker_name(some("world", materials=(one,)).cell) == "tux_be"
    assert work.speaker_name(some("conversion", materials=(one,)).cell) == "converted_tux_be"
    assert work.speaker_name(some("flite", voice="slt").cell) == "flite_slt"
    utterance = some(materials=("One, two!", "Ｔhree"))
    assert work.source_name(utterance, 0) == f"text/be/{seed_of('one two'):08x}"
    assert work.source_name(utterance, 1) == f"text/be/{seed_of('three'):08x}"
    assert work.source_name(some("world", materials=(one, recording("p/b"))), 1) == "p/b"


def speaks(good, asked):
    """A synthesiser that can read the texts `good`, in reverse."""

    def speak(requests):
        asked.append([request.text for request in requests])
        for request in reversed(requests):
            wave = phrase(1.0) if request.text in good else Failure(f"no {request.text}")
            yield request, wave if request.text != "short" else np.ones(3)

    return speak


def test_what_fails_is_tried_with_the_next_materials_up_to_four(worker, monkeypatch):
    asked = []
    monkeypatch.setattr(work, "speak", speaks({"a", "b", "c", "e"}, asked))
    batch = [
        some(number=1, materials=("x1", "short", "b")),
        some(number=2, materials=("a", "never")),
        some(number=3, materials=("y1", "y2", "y3", "y4", "c")),
        some(number=4, materials=("z1",)),
        some(number=5, materials=("w1", "w2", "w3", "e")),
    ]
    found = work.make(batch)
    turns = [["a", "w1", "x1", "y1", "z1"], ["short", "w2", "y2"], ["b", "w3", "y3"], ["e", "y4"]]
    assert [sorted(texts) for texts in asked] == turns
    outcomes = {outcome.utterance.utt[-1]: outcome for outcome in found}
    assert {n: bool(outcome.record) for n, outcome in outcomes.items()} == {
        **{"1": True, "2": True, "3": False, "4": False, "5": True}
    }

    def named(text):
        return f"text/be/{seed_of(text):08x}"

    assert outcomes["1"].record["source"] == named("b") and outcomes["2"].failures == ()
    assert outcomes["1"].record["text"] == "b"
    reasons = ((named("x1"), "no x1"), (named("short"), "M_T_00001: too short"))
    assert outcomes["1"].failures == reasons
    assert outcomes["3"].failures == tuple((named(f"y{n}"), f"no y{n}") for n in (1, 2, 3, 4))
    assert outcomes["4"].failures == ((named("z1"), "no z1"),)


@pytest.mark.parametrize(("count", "calls"), [(3, 1), (2, 2)])
def test_three_that_all_fail_are_not_tried_again(worker, monkeypatch, count, calls):
    asked = []
    monkeypatch.setattr(work, "speak", speaks(set(), asked))
    found = work.make([some(number=n) for n in range(count)])
    assert (
        len([texts for texts in asked if texts]) == calls
        and [o.record for o in found] == [None] * count
    )


def test_people_are_played_and_systems_asked(tmp_path, monkeypatch):
    path = write_phrase(tmp_path / "a.wav")
    request = some("", materials=(recording("a", path),)).request(0)
    ((same, wave),) = work.speak([request])
    assert same is request and np.abs(wave).max() == pytest.approx(0.7, abs=1e-4)
    assert list(work.speak([])) == []
    monkeypatch.setitem(SYSTEMS, "flite", list)
    asked = [some("flite").request(0)]
    assert work.speak(asked) == asked
