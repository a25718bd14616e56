"""What scores show of speakers, attacks, trials and seeds, and how large a test has to be."""

import re

import numpy as np
import pytest
from made_up import worker
from scipy.stats import t as student

from antispoof.evaluation.effects import Spread, effects_of, spread_of
from antispoof.metrics.crossed import Moved


def units(speakers, attacks, sizes):
    spoken = np.arange(sizes[0]) % speakers, np.arange(sizes[1]) // attacks % speakers
    return spoken, (np.full(sizes[0], -1), np.arange(sizes[1]) % attacks)


@pytest.mark.parametrize("wanted", [(0.5, 0.3, 0.8), (0.0, 0.6, 0.0)])
def test_effects_are_those_that_were_put_in(wanted):
    speakers, attacks = units(400, 300, (8000, 240_000))
    rng = np.random.default_rng(1)
    own = [rng.normal(0, sd, 400) for sd in wanted[:2]]
    made = rng.normal(0, wanted[2], 300)
    bonafide = 3 + 2 * (own[0][speakers[0]] + rng.normal(size=8000))
    spoof = own[1][speakers[1]] + made[attacks[1]] + rng.normal(size=240_000)
    found = effects_of((bonafide, spoof), speakers, attacks)
    assert (found.bonafide_speaker, found.spoof_speaker, found.attack) == pytest.approx(
        wanted, abs=0.08
    )


def test_spoof_trials_without_an_attack_are_left_out():
    speakers, attacks = units(20, 10, (400, 2000))
    rng = np.random.default_rng(4)
    scores = [rng.normal(size=400), rng.normal(0, 1, 10)[attacks[1]] + rng.normal(size=2000)]
    found = effects_of(tuple(scores), speakers, attacks)
    more = [scores[0], np.append(scores[1], [0.5] * 5)]
    spoken = speakers[0], np.append(speakers[1], range(5))
    made = attacks[0], np.append(attacks[1], [-1] * 5)
    assert effects_of(tuple(more), spoken, made).attack == pytest.approx(found.attack, rel=0.01)


def test_scores_without_noise_have_no_effects():
    speakers, attacks = units(20, 10, (400, 2000))
    with pytest.raises(ValueError, match="found no noise within speakers and attacks"):
        effects_of((1.0 * speakers[0], 1.0 * attacks[1]), speakers, attacks)


def test_a_spread_is_that_of_the_units_and_foretells_a_larger_test():
    speakers, attacks = units(60, 40, (1200, 9600))
    rng = np.random.default_rng(2)
    bonafide = rng.normal(0, 0.2, 60)[speakers[0]] + rng.normal(0, 0.5, 1200)
    spoof = rng.normal(0, 0.3, 40)[attacks[1]] + rng.normal(0, 0.4, 9600)
    parts = [(part - part.mean()) / len(part) for part in (bonafide, spoof)]
    found = spread_of(Moved(0.0, *parts), speakers, attacks, [0.01, 0.03, 0.02])
    assert np.sqrt(found.speaker) == pytest.approx(0.2, rel=0.25)
    assert np.sqrt(found.attack) == pytest.approx(0.3, rel=0.25)
    assert found.seed == pytest.approx(0.01**2)
    assert found.trials_each == 10800 / 60
    noise = 0.5**2 / 1200 + 0.4**2 / 9600
    assert found.trial / 10800 == pytest.approx(noise, rel=0.3)


def test_the_least_difference_takes_the_fewest_units():
    spread = Spread(0.04, 0.09, 0.0, 0.01, 20.0)
    error = np.sqrt(0.04 / 50 + 0.09 / 10 + 0.01 / 2)
    own, luck = 0.04 / 50 + 0.09 / 10, 0.01 / 2  # two seeds of each system: 2 degrees of freedom
    freedom = (own + luck) ** 2 / (own**2 / 9 + luck**2 / 2)
    factor = student.ppf(0.975, freedom) + student.ppf(0.8, freedom)
    assert spread.smallest(50, 10, 2) == pytest.approx(factor * error)
    assert spread.smallest(50, 10, 5) < spread.smallest(50, 10, 2)
    assert spread.smallest(50, 10, 2, power=0.9) > spread.smallest(50, 10, 2)


@pytest.fixture
def place(tmp_path):
    """Two systems with two seeds on a set of 20 speakers and 8 attacks."""
    rng = np.random.default_rng(3)
    data = tmp_path / "data/eval"
    data.mkdir(parents=True)
    names = [f"u{n:04}" for n in range(800)]
    bonafide = np.arange(800) < 400
    tables = {
        "label": ["bonafide" if b else "spoof" for b in bonafide],
        "spk": [f"s{n % 20}" for n in range(800)],
        "attack": ["-" if b else f"a{n % 8}" for n, b in enumerate(bonafide)],
    }
    for name, values in tables.items():
        lines = (f"{utt} {value}\n" for utt, value in zip(names, values, strict=True))
        (data / f"utt2{name}").write_text("".join(lines))
    for system, gap in (("one", 2.0), ("two", 3.0)):
        for seed in (1, 2):
            folder = tmp_path / f"exp/{system}_seed{seed}/eval"
            folder.mkdir(parents=True)
            scores = gap * bonafide + rng.normal(size=800)
            lines = (f"{utt} {value}\n" for utt, value in zip(names, scores, strict=True))
            (folder / "scores").write_text("".join(lines))
    return tmp_path


def plan(place, *options):
    return worker("steps/plan_trials.py", "exp/one", "exp/two", "data/eval", *options, cwd=place)


def test_the_worker_prints_what_a_test_of_each_size_finds(place):
    status, out, _ = plan(place, "--seeds", "1 2", "--points", "3")
    assert status == 0
    assert "here: 20 speakers and 8 attacks" in out
    rows = re.findall(r"^ +(\d+)((?: +[\d.]+){5})$", out, re.MULTILINE)
    assert [int(speakers) for speakers, _ in rows] == [10, 20, 50, 100, 200, 500]
    table = np.array([list(map(float, values.split())) for _, values in rows])
    assert (np.diff(table, axis=0) <= 0).all() and (np.diff(table, axis=1) <= 0).all()
    assert re.search(r"^3 points with 30 seeds: (more than )?\d+ speakers", out, re.MULTILINE)


@pytest.mark.parametrize(
    "options, wanted",
    [
        (["--points", "0"], "--points: found 0.0, wanted a number above 0"),
        (["--points", "inf"], "--points: found inf, wanted a number above 0"),
        (["--power", "1"], "--power: found 1.0, wanted from 0.5 to below 1"),
        (["--metric", "auc"], "--metric: found 'auc', wanted eer, min_dcf, act_dcf or cllr"),
        (["--seeds", "1 1"], "--seeds: found '1 1', wanted each seed once"),
    ],
)
def test_what_it_cannot_plan_is_one_line(place, options, wanted):
    status, _, said = plan(place, "--seeds", "1 2", *options)
    assert status == 1 and said.count("\n") == 1 and wanted in said


def test_a_cost_is_planned_by_a_hundredth_and_all_is_every_trial(place):
    status, out, _ = plan(place, "--metric", "min_dcf", "--seeds", "1 2", "--trials", "all")
    assert status == 0 and "0.01 with 3 seeds: " in out
    assert out == plan(place, "--metric", "min_dcf", "--seeds", "1 2", "--points", "0.01")[1]


def test_nothing_is_planned_by_a_system_and_itself(place):
    own = ("exp/one", "exp/one", "data/eval", "--seeds", "1 2")
    status, _, said = worker("steps/plan_trials.py", *own, cwd=place)
    assert status == 1 and "found equal orders of scores, wanted two systems" in said


def test_one_seed_says_that_of_seeds_nothing_is_known(place):
    out = plan(place, "--seeds", "1")[1]
    assert re.search(r"^standard deviation of one seed +not known: one seed$", out, re.MULTILINE)
    assert "of one training each: seeds add to it; here: 20 speakers" in out
    assert "1 point with 1 seed: " in out
    assert "with 3 seeds: " not in out


def test_four_speakers_plan_nothing(place):
    table = place / "data/eval/utt2spk"
    table.write_text(re.sub(r"s\d+$", "s1", table.read_text(), flags=re.MULTILINE))
    status, _, said = plan(place, "--seeds", "1 2")
    assert status == 1
    assert "data/eval: found one speaker, wanted 5 or more of a class to plan by" in said
