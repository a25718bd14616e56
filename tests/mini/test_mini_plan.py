"""egs/mini: the plan keeps the splits' people, texts and recordings apart, and never changes."""

import dataclasses
import itertools
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/local"))

from mini_packages import make_recordings, write_table, write_texts

from corpus import design, environment, plan
from corpus.recordings import Recording, normalise

LOCAL = Path(__file__).resolve().parents[2] / "egs/mini/local"
LANGUAGES = {key.split("/")[1] for humans in design.HUMANS.values() for key in humans}


@pytest.fixture(scope="module", autouse=True)
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    write_texts(folder, LANGUAGES)
    table = folder / "table"
    write_table(table, dict.fromkeys(("tuxpaint-stamps-default", "fillets-ng-data"), folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(environment.VARIABLE, str(table))
        yield
    environment.packages.cache_clear()


@pytest.fixture(scope="module")
def recordings():
    return make_recordings()


@pytest.fixture(scope="module")
def full(recordings):
    return plan.make_plan(recordings, "full")


def material_key(utterance, material):
    if isinstance(material, Recording):
        return material.name
    return utterance.cell.lang, normalise(material)


def of(utterances, split, attacks):
    return [u for u in utterances if u.cell.split == split and u.cell.attack in attacks]


def test_the_counts_are_those_asked_for(full):
    count = Counter((u.cell.split, u.cell.attack) for u in full)
    train = sum(n for (split, _), n in count.items() if split == "train")
    assert train >= 3000
    assert count["train", "-"] >= 1700
    assert all(count["train", attack] >= 300 for attack in design.KNOWN)
    assert 450 <= sum(n for (split, _), n in count.items() if split == "dev") <= 550
    assert count["eval", "-"] >= 500
    assert all(count["eval", a] >= 55 for a in design.KNOWN + design.UNKNOWN)
    assert not any(count[split, a] for split in ("train", "dev") for a in design.UNKNOWN)


def test_small_is_small_and_has_every_attack(recordings):
    small = plan.make_plan(recordings, "small")
    assert 350 <= len(small) <= 450
    assert {u.cell.attack for u in small} == {"-", *design.ATTACKS}
    for split in ("train", "dev"):
        assert {u.cell.attack for u in small if u.cell.split == split} == {"-", *design.KNOWN}


def test_no_speaker_recording_or_text_is_in_two_splits(full):
    seen = {}
    for utterance in full:
        assert len(utterance.materials) >= 1
        keys = {material_key(utterance, m) for m in utterance.materials}
        keys |= {utterance.cell.speaker or utterance.utt}
        for material in utterance.materials:
            if isinstance(material, Recording) and material.text:
                keys.add((material.lang, normalise(material.text)))
        for key in keys:
            assert seen.setdefault(key, utterance.cell.split) == utterance.cell.split, key


def test_one_bona_fide_from_one_recording(full):
    used = [u.materials[0].name for u in full if u.cell.attack == "-"]
    assert len(used) == len(set(used))


def test_known_attacks_have_other_voices_in_every_split(full):
    voices = {}
    for utterance in full:
        if utterance.cell.attack in ("A01", "A02"):
            voice = (utterance.cell.system, utterance.cell.voice)
            assert voices.setdefault(voice, utterance.cell.split) == utterance.cell.split


def test_unit_selection_never_reads_what_its_man_recorded(full, recordings):
    nsh = {normalise(r.text) for r in recordings if r.speaker == "nsh" and r.text}
    texts = {normalise(m) for u in full if u.cell.attack == "A06" for m in u.materials}
    assert nsh
    assert texts
    assert not nsh & texts


def test_ids_tell_nothing_of_the_class(full):
    labels = [u.cell.attack == "-" for u in full if u.cell.split == "train"]
    changes = sum(a != b for a, b in itertools.pairwise(labels))
    share = sum(labels) / len(labels)
    assert changes == pytest.approx(2 * share * (1 - share) * len(labels), rel=0.1)
    halves = [sum(labels[::2]) / len(labels[::2]), sum(labels[1::2]) / len(labels[1::2])]
    assert halves[0] == pytest.approx(halves[1], abs=0.05)


@pytest.mark.parametrize("split", design.SPLITS)
def test_languages_are_as_frequent_in_both_classes(full, split):
    shares = []
    for attacks in (("-",), design.KNOWN):
        chosen = of(full, split, attacks)
        count = Counter(u.cell.lang for u in chosen)
        shares.append({lang: n / len(chosen) for lang, n in count.items()})
    for lang, share in shares[0].items():
        assert shares[1][lang] == pytest.approx(share, abs=0.03), lang


def test_nobody_is_heard_in_more_than_a_third_of_a_split(full):
    for split in design.SPLITS:
        count = Counter(u.cell.speaker for u in of(full, split, ("-",)))
        assert max(count.values()) <= 0.34 * sum(count.values())


def test_the_order_of_recordings_does_not_matter(full, recordings):
    shuffled = list(recordings)
    random.Random(5).shuffle(shuffled)
    assert plan.make_plan(shuffled, "full") == full


def test_a_recording_more_moves_no_ids(full, recordings):
    more = dataclasses.replace(recordings[0], name="package/zz", text="")
    ids = [(u.utt, u.cell.attack, u.cell.lang) for u in plan.make_plan([*recordings, more], "full")]
    assert ids == [(u.utt, u.cell.attack, u.cell.lang) for u in full]


SCRIPT = """
import hashlib, sys
from corpus import plan
from mini_packages import make_recordings
text = repr([u.request(0) for u in plan.make_plan(make_recordings(), "small")])
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_plan_does_not_depend_on_the_hash_seed():
    paths = [str(LOCAL), str(Path(__file__).parents[1] / "helpers"), os.environ["PYTHONPATH"]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    printed = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**env, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_requests_are_complete(full):
    for utterance in full:
        request = utterance.request(0)
        assert bool(request.text) != bool(request.path)
        assert request.utt == utterance.utt
        assert 0 <= request.seed < 2**32
        assert design.LONGEST[0] <= request.max_seconds <= design.LONGEST[1]


def test_shares_add_up():
    for total in (0, 1, 7, 60):
        shares = plan.share_out(total, {"a": 5, "b": 3, "c": 0.5})
        assert sum(shares.values()) == total
        assert shares["a"] >= shares["b"] >= shares["c"]
    assert plan.share_out(4, {"b": 1, "a": 1, "c": 1}) == {"a": 2, "b": 1, "c": 1}
