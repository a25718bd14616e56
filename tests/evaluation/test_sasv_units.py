"""Intervals of a-DCF and t-EER: who claims, who speaks, and draws that say nothing."""

import numpy as np
import pytest

from antispoof.data.tables import write_table
from antispoof.evaluation import sasv
from antispoof.evaluation.sasv import judge_sasv, lines
from antispoof.evaluation.sasv_trials import SasvTrials
from antispoof.evaluation.scores import join


def make(folder, claims=9, talkers=8, effect=0.0):
    """A set and its trials: each of 3 utterances of a talker meets every claim, with 60 spoofs."""
    rng = np.random.default_rng(4)
    lines, scores, labels, spoken = [], {}, {}, {}

    def add(utt, speaker, label, mean):
        scores[utt], labels[utt], spoken[utt] = rng.normal(mean), label, speaker
        return utt

    for talker in range(talkers):
        heard = effect * rng.normal()
        for number in range(3):
            utt = add(f"b{talker}_{number}", f"T{talker}", "bonafide", 1.5)
            for claim in range(claims):
                kind = "target" if claim == talker else "nontarget"
                score = rng.normal(3 if kind == "target" else heard)
                lines.append(f"T{claim} {utt} {kind} {score}\n")
    for number in range(60):
        claim = f"T{number % claims}"
        utt = add(f"s{number:02d}", claim, "spoof", -1)
        lines.append(f"{claim} {utt} spoof {rng.normal(1)}\n")
    (folder / "asv").write_text("".join(lines))
    for name, table in (("scores", scores), ("utt2label", labels), ("utt2spk", spoken)):
        write_table(folder / name, table)
    return SasvTrials.read(folder / "asv"), join(folder, folder / "scores")


def ends(found, name="a_dcf_asv", kind="crossed"):
    return found["intervals"][name][kind]


def test_who_speaks_in_the_test_is_drawn_too(tmp_path):
    """Half of the talkers sound like anybody: with other talkers a-DCF is another."""
    found = judge_sasv(*make(tmp_path, effect=3.0), replicates=20)
    assert (
        found["crossed"]["units"]
        == "9 claimed speakers (8 in one class) and 9 test speakers (8 in one class)"
    )
    low, high = ends(found)
    alone = ends(found, kind="speaker")
    assert high - low > 1.5 * (alone[1] - alone[0])


def test_where_nobody_says_who_speaks_each_utterance_is_a_unit(tmp_path):
    asv, trials = make(tmp_path)
    (tmp_path / "utt2spk").unlink()
    found = judge_sasv(asv, trials, replicates=20)
    assert found["crossed"]["over"] == "claimed speakers and test utterances"
    assert found["crossed"]["units"] == (
        "9 claimed speakers (8 in one class) and 84 test utterances (24 in one class)"
    )


def test_too_few_claimed_speakers_are_no_interval_and_it_is_said(tmp_path):
    found = judge_sasv(*make(tmp_path, claims=4, talkers=3), replicates=20)
    assert "speaker" not in found["intervals"]["t_eer"]
    assert "found 4 speakers, wanted 5 or more" in found["refused"]["t_eer"]
    assert "t-EER none (found 4 speakers, wanted 5 or more to draw from)" in [*lines(found)][1]


@pytest.mark.parametrize(("every", "kept"), [(50, True), (4, False)])
def test_draws_without_a_t_eer_are_counted_and_many_are_refused(tmp_path, monkeypatch, every, kept):
    calls, whole = iter(range(10_000)), sasv.t_eer

    def sometimes(*parts):
        if next(calls) % every == 1:
            raise ValueError
        return whole(*parts)

    monkeypatch.setattr(sasv, "t_eer", sometimes)
    found = judge_sasv(*make(tmp_path), replicates=100)
    if kept:
        assert found["bootstrap"]["left_out"] == {"a_dcf_asv": 0, "t_eer": 2}
        assert ends(found, "t_eer", "speaker") and found["refused"] == {}
    else:
        assert found["intervals"]["t_eer"] == {}
        assert "found no value in 25 of 100 draws" in found["refused"]["t_eer"]


def test_lines_name_what_the_intervals_are_over(tmp_path):
    found = judge_sasv(*make(tmp_path), replicates=20)
    first, second = lines(found)
    low, high = ends(found)
    assert first.startswith("a-DCF asv ") and "t-EER" in first
    assert f"a-DCF asv [{low:.4f}, {high:.4f}]" in second
    low, high = ends(found, "t_eer", "speaker")
    assert f"t-EER [{100 * low:.2f}%, {100 * high:.2f}%]" in second
    assert second.endswith(
        "of a-DCF over claimed speakers and test speakers, of t-EER over claimed speakers"
    )
    assert len([*lines(judge_sasv(*make(tmp_path), replicates=0))]) == 1
