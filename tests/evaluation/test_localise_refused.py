"""Frames that are not those of the sounds, or say nothing, are not judged."""

import numpy as np
import pytest
from made_up import refused, worker
from partial_sounds import make_partial

from antispoof.data.data_dir import read_durations
from antispoof.data.frame_scores import covers, write_frames

CALL = ("steps/localise.py", "data/eval", "frames", "o.json", "--bootstrap", 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A partial set, and the seconds of each of its sounds."""
    place = make_partial(tmp_path_factory.mktemp("frames"))
    return place, read_durations(place / "data/eval")


def write(made, seconds, share=1.0, same=False):
    """Random frames for `share` of each sound."""
    place, durations = made
    rng = np.random.default_rng(1)
    rows = {utt: rng.normal(size=round(share * s / seconds)) for utt, s in durations.items()}
    path = place / f"frames/{1000 * seconds:g}ms.scp"
    write_frames(path, {utt: 0 * row if same else row for utt, row in rows.items()})
    return place, next(iter(durations))


def test_frames_of_whole_sounds_are_judged(made):
    status, out, error = worker(*CALL, cwd=write(made, 0.02)[0])
    assert status == 0, error
    assert "\n      20 " in out


@pytest.mark.parametrize("share", [0.4, 3.0])
def test_frames_of_other_sounds_are_refused(made, share):
    place, utt = write(made, 0.02, share)
    line = refused(*CALL, cwd=place)
    assert f"20ms.scp: {utt}: found " in line and "score the set again" in line


def test_one_score_for_all_frames_is_refused(made):
    place, _ = write(made, 0.02, same=True)
    assert "frames of 20 ms: found one score, was the model trained?" in refused(*CALL, cwd=place)


def test_frames_without_length_and_seeds_below_0_are_one_line(made):
    place, _ = write(made, 0.02)
    assert "--seed: found -1, wanted 0 or more" in refused(*CALL, "--seed", -1, cwd=place)
    (place / "frames/20ms.scp").rename(place / "frames/0ms.scp")
    assert "found no <n>ms.scp" in refused(*CALL, cwd=place)


def test_frames_cover_a_sound_within_two_of_them():
    assert covers(48, 0.02, 1.0) and covers(52, 0.02, 1.0)
    assert not covers(44, 0.02, 1.0) and not covers(56, 0.02, 1.0)
    assert covers(3, 0.64, 1.0) and not covers(5, 0.64, 1.0)
