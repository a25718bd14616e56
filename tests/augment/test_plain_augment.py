"""The chain: its key, its chances and what it notes, against generators written down once more."""

import json
import os

import numpy as np
import pytest
import torch
from plain_data import drawer

from antispoof.augment.chain import SHOWN, Chain, loggable
from antispoof.augment.draws import gather, note
from antispoof.data.seeds import generator
from antispoof.errors import UserError

WAVE = np.random.default_rng(0).uniform(-0.5, 0.5, 1000).astype(np.float32)
SHARE = (0.2, 0.5)  # of a time mask


@pytest.mark.parametrize("key", [(1, 2, "u1"), ("1 2", "u1"), ("ü", 3.5, 0), (), ("augment", 7)])
def test_a_generator_is_the_hash_of_its_words(key):
    assert generator(*key).random(5).tolist() == drawer(*key).random(5).tolist()


def test_no_word_of_a_key_is_left_out():
    keys = [("a", 1, 2, "u"), ("b", 1, 2, "u"), ("a", 3, 2, "u"), ("a", 1, 3, "u"),
            ("a", 1, 2, "v"), ("a", 2, 1, "u"), ("a", 12, "u"), ("u", 1, 2, "a")]  # fmt: skip
    assert len({generator(*key).random() for key in keys}) == len(keys)


def plain_masks(rng, chances, share=SHARE):
    """What a chain of time masks draws: for each a chance, then its length and place."""
    drawn = []
    for p in chances:
        if rng.random() < p:
            count = int(1000 * (share[0] + (share[1] - share[0]) * rng.random()))
            drawn.append({"start": int(rng.integers(1000 - count + 1)), "count": count})
    return drawn


def masked(drawn):
    wave = WAVE.copy()
    for mask in drawn:
        for n in range(mask["start"], mask["start"] + mask["count"]):
            wave[n] = 0
    return wave


@pytest.mark.parametrize("chances", [(1.0,), (0.0,), (1.0, 1.0), (1, 0.5, 0, 0.5), (0.3, 1.0)])
@pytest.mark.parametrize("key", [(1, 0), (1, 1), (2, 1), ("copy", 1)])
def test_each_link_draws_its_chance_and_then_its_settings(chances, key):
    """Also where p is 1 or 0: what stands behind it draws the same whatever p says."""
    chain = Chain([{"time_mask": {"p": p}} for p in chances])
    for utt in ("u1", "u2", "another"):
        wanted = plain_masks(drawer("augment", *key, utt), chances)
        wave, drawn = chain(WAVE, utt, *key)
        assert drawn == [("time_mask", record) for record in wanted]
        np.testing.assert_array_equal(wave, masked(wanted))
        assert wave.dtype == np.float32


def test_where_nothing_is_said_p_is_one():
    for entry in ("time_mask", {"time_mask": None}, {"time_mask": {}}):
        _, drawn = Chain([entry])(WAVE, "u1", 4)
        assert [record for _, record in drawn] == plain_masks(drawer("augment", 4, "u1"), [1.0])


def test_a_group_draws_one_chance_before_those_of_its_links():
    inner = [{"time_mask": {"p": 0.6}}, {"group": {"of": [{"time_mask": {"p": 0.7}}], "p": 0.8}}]
    chain = Chain([{"group": {"of": inner, "p": 0.5}}, {"time_mask": {"p": 0.9}}])
    counts = []
    for number in range(40):
        rng, wanted = drawer("augment", 1, f"u{number}"), []
        if rng.random() < 0.5:
            wanted += plain_masks(rng, [0.6])
            wanted += plain_masks(rng, [0.7]) if rng.random() < 0.8 else []
        wanted += plain_masks(rng, [0.9])
        wave, drawn = chain(WAVE, f"u{number}", 1)
        assert [record for _, record in drawn] == wanted
        np.testing.assert_array_equal(wave, masked(wanted))
        counts.append(len(wanted))
    assert set(counts) == {0, 1, 2, 3}


def test_the_order_of_utterances_is_of_no_account():
    chain = Chain([{"time_mask": {"p": 0.5}}, {"noise": {}}, {"rawboost": {"algo": 2, "p": 0.5}}])
    utts = [f"u{n}" for n in range(6)]
    one = {utt: chain(WAVE, utt, 1)[0].tobytes() for utt in utts}
    other = {utt: chain(WAVE, utt, 1)[0].tobytes() for utt in reversed(utts)}
    assert one == other
    assert len(set(one.values())) == 6


def test_links_are_applied_in_the_order_of_the_list():
    trim, mask = {"trim": {"level": -20}}, {"time_mask": {"share": [0.5, 0.5]}}
    wave = np.concatenate([np.zeros(1600, np.float32), WAVE, WAVE, WAVE, WAVE])
    first, _ = Chain([trim, mask])(wave, "u1")
    second, _ = Chain([mask, trim])(wave, "u1")
    assert (len(first), (first == 0).sum()) == (4000, 2000)
    assert (second == 0).sum() != 2000


def test_what_a_link_gives_goes_into_the_next_and_the_input_stays():
    wave = WAVE.copy()
    out, drawn = Chain([{"speed": {"factors": [2.0]}}, "time_mask"])(wave, "u1")
    assert len(out) == 500
    assert drawn[1][1]["count"] <= 250
    np.testing.assert_array_equal(wave, WAVE)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_no_sound_is_left_is_an_error_with_the_utterance(bad):
    wave = WAVE.copy()
    wave[3] = bad
    with pytest.raises(UserError, match=r"u7: augmentation time_mask leaves no sound: \[\{.name"):
        Chain([{"time_mask": {"share": [0, 0]}}])(wave, "u7")
    with pytest.raises(UserError, match="u7: augmentation time_mask leaves no sound"):
        Chain(["time_mask"])(WAVE[:0], "u7")


@pytest.mark.parametrize(("entry", "words"), [
    ({"mu_law": {"p": True}}, "'augment.1..mu_law.p' is True, wanted 0 to 1"),
    ({"mu_law": {"p": -0.01}}, "p' is -0.01"),
    ({"mu_law": {"p": 1.01}}, "p' is 1.01"),
    ({"mu_law": {"p": None}}, "p' is None"),
    ({"mu_law": {"bits": 8.0}}, "'augment.1..mu_law.bits' is 8.0, of another type"),
    ({"mu_law": {"bits": True}}, "bits' is True, of another type"),
    ({"trim": {"level": "-40"}}, "level' is '-40', of another type"),
    ({"trim": {"level": float("nan")}}, "level' is nan, of another type"),
    ({"time_mask": {"share": 0.5}}, "share' is 0.5, of another type"),
    ({"noise": {"folder": 3}}, "folder' is 3, of another type"),
    ({"group": {"of": [{"group": {"of": ["trin"]}}]}}, "augment.1..group.of.0..group.of.0.' is"),
    ({}, "'augment.1.' is {}, wanted one `name"),
    (["trim"], "wanted one `name"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(entry, words):
    with pytest.raises(UserError, match=words) as caught:
        Chain(["trim", entry], "conf/y.yaml")
    assert str(caught.value).startswith("conf/y.yaml: ")
    with pytest.raises(UserError, match=r"conf/y.yaml: 'copies\[0\]"):
        Chain([entry], "conf/y.yaml", "copies")


@pytest.mark.parametrize("entry", [
    {"mu_law": {"p": 0}}, {"mu_law": {"p": 1}}, {"trim": {"level": -30}}, {"trim": {"level": -0.5}},
    {"time_mask": {"share": (0, 1)}}, {"group": None}, {"group": {"of": []}},
])  # fmt: skip
def test_what_stands_at_the_edge_is_taken(entry):
    assert len(Chain([entry]).links) == 1


def test_long_draws_are_counted_and_short_ones_shown():
    short, long = np.arange(SHOWN, dtype=float), torch.zeros(3, 11)
    drawn = [("x", {"a": 1.5, "n": {"s": short.reshape(4, -1), "l": long}}), ("y", {})]
    found = json.loads(json.dumps(loggable(drawn)))
    assert found == [
        {"name": "x", "a": 1.5, "n": {"s": short.tolist(), "l": "33 numbers of the seed"}},
        {"name": "y"},
    ]


def test_notes_of_an_epoch_become_one_sorted_file(tmp_path):
    folder = tmp_path / "draws"
    for utt, epoch in (("b", 1), ("a", 1), ("c", 11), ("b", 1), ("d", 2)):
        note(folder, epoch, utt, [("mu_law", {"n": np.arange(2)})])
    (folder / ".epoch1.elsewhere.7").write_text('{"utt": "0", "drawn": []}\n{"utt": "1", "dra')
    assert f".epoch11.{os.uname().nodename}.{os.getpid()}" in os.listdir(folder)
    gather(folder, 1)
    row = '{"utt": "%s", "drawn": [{"name": "mu_law", "n": [0, 1]}]}\n'
    assert (folder / "epoch1.jsonl").read_text() == (
        '{"utt": "0", "drawn": []}\n' + row % "a" + row % "b"
    )
    assert sorted(name.split(".")[1] for name in os.listdir(folder) if name[0] == ".") == [
        "epoch11", "epoch2",
    ]  # fmt: skip
    gather(folder, 11)
    assert (folder / "epoch11.jsonl").read_text() == row % "c"


def test_a_note_behind_one_that_a_kill_cut_short_is_a_line_of_its_own(tmp_path):
    """In a container a process that goes on may have the number of the one that was killed."""
    note(tmp_path, 1, "a", [("x", {"n": 1})])
    (part,) = tmp_path.glob(".epoch1.*")
    whole = part.read_text().rstrip("\n")
    part.write_text(whole[: whole.index("}") + 1])  # ends like a whole one
    note(tmp_path, 1, "b", [])
    note(tmp_path, 1, "a", [("x", {"n": 1})])
    gather(tmp_path, 1)
    found = [json.loads(line) for line in (tmp_path / "epoch1.jsonl").read_text().splitlines()]
    assert [line["utt"] for line in found] == ["a", "b"]
