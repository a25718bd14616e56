"""steps/compare.py and steps/calibrate.py: what they read, draw whole and pass on."""

import json

import numpy as np
import pytest
from made_up import refused
from plain_corpus import NB, NS, run_main, split, write_set, write_system
from plain_metrics import plain_weights
from plain_statistics import assert_same_comparison, groups_drawn, plain_comparison, trials_drawn
from scipy.optimize import minimize

from antispoof.data.tables import read_table

STANDARD = {"p_spoof": 0.05, "c_miss": 1.0, "c_fa": 10.0}
KINDS = ("iid", "speaker", "attack")
ALL = "eer,min_dcf,act_dcf,cllr"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """exp/{one,two}_seed{1,2,4}/eval with scores; all have ratios but seed 4 of two."""
    root = tmp_path_factory.mktemp("compare")
    rows, own = write_set(root), {}
    for system, gap in (("one", 0.8), ("two", 1.0)):
        for seed in (1, 2, 4):
            slope = None if (system, seed) == ("two", 4) else 0.5 + 0.2 * seed
            number = seed + 10 * len(system) * (system == "two")
            exp = f"exp/{system}_seed{seed}"
            options = {"slope": slope, "gap": gap + 0.1 * seed}
            own[system, seed] = write_system(root, exp, "eval", rows, number, **options)
    return root, rows, own


def plain(rows, first, second, kind, replicates, seed, utts=None):
    """The comparison by plain code. first, second: [({utt: score}, {utt: ratio})]."""
    sizes = tuple(map(len, split(rows, dict.fromkeys(rows), utts)))
    if kind == "iid":
        draws = trials_drawn(sizes, replicates, seed)
    elif kind == "speaker":
        groups = split(rows, {utt: row[1] for utt, row in rows.items()}, utts)
        draws = groups_drawn(groups, replicates, seed)
    else:  # bona fide trials one by one, spoof trials by attack
        attacks = split(rows, {utt: row[2] for utt, row in rows.items()}, utts)[1]
        draws = groups_drawn(([f"{n:03d}" for n in range(sizes[0])], attacks), replicates, seed)
    systems = [
        [tuple(split(rows, values, utts) for values in run) for run in runs]
        for runs in (first, second)
    ]
    return plain_comparison(*systems, draws, STANDARD, 0.95, seed)


def run_compare(place, monkeypatch, capsys, *arguments, out="c.json"):
    monkeypatch.chdir(place)
    run_main("steps/compare.py", monkeypatch, *arguments, "--out", out)
    return json.loads((place / out).read_text()), capsys.readouterr().out


def check(found, rows, first, second, *, replicates, seed, utts=None):
    metrics = found["metrics"]
    for kind in KINDS:
        wanted = plain(rows, first, second, kind, replicates, seed, utts)
        assert_same_comparison(metrics, wanted, kind)
        assert {kind for own in metrics.values() for kind in own["trials"]} == {*KINDS, "crossed"}


def test_two_experiments_are_compared_over_trials_speakers_and_attacks(place, monkeypatch, capsys):
    root, rows, own = place
    pair = "exp/one_seed2", "exp/two_seed2", "eval"
    options = ("--metric", ALL, "--bootstrap", 70, "--seed", 3)
    found, text = run_compare(root, monkeypatch, capsys, *pair, *options)
    check(found, rows, [own["one", 2]], [own["two", 2]], replicates=70, seed=3)
    assert (found["systems"], found["set"]) == (["one_seed2", "two_seed2"], "eval")
    assert found["seeds"] == [] and found["trials"] is None and found["llr_given"] is True
    assert found["counts"] == {"bonafide": NB, "spoof": NS}
    assert found["bootstrap"] == {"level": 0.95, "replicates": 70, "seed": 3}
    people = [len(set(part)) for part in split(rows, {u: row[1] for u, row in rows.items()})]
    speakers = len({row[1] for row in rows.values()})
    assert found["units"] == {
        "iid": f"{NB + NS} trials",
        "speaker": f"{people[0]} bona fide and {people[1]} spoof speakers",
        "attack": "3 attacks",
        "crossed": f"{speakers} speakers ({min(people)} in one class); for these 3 attacks alone",
    }
    head = f"one_seed2 - two_seed2 on eval (all: {NB} bona fide and {NS} spoof trials)"
    assert text.splitlines()[0] == head
    assert len(found["sentences"]) == 4 and all(line in text for line in found["sentences"])
    assert [line.split(":")[0] for line in found["sentences"]] == [
        "EER",
        "minDCF",
        "actDCF",
        "Cllr",
    ]


def test_seeds_are_compared_in_their_order_with_seeds_drawn(place, monkeypatch, capsys):
    root, rows, own = place
    options = ("eval", "--seeds", "2 1", "--metric", "cllr,eer", "--bootstrap", 50)
    found, text = run_compare(root, monkeypatch, capsys, "exp/two/", "exp/one", *options)
    first, second = ([own[name, seed] for seed in (2, 1)] for name in ("two", "one"))
    check(found, rows, first, second, replicates=50, seed=0)
    assert list(found["metrics"]["cllr"]["mixed"]) == sorted([*KINDS, "crossed"])
    assert (found["systems"], found["seeds"]) == (["two", "one"], ["2", "1"])
    assert found["llr_given"] is True and set(found["metrics"]) == {"cllr", "eer"}
    assert text.startswith("two - one on eval (all: 11 bona fide and 16 spoof trials, 2 seeds)")
    templates = ("exp/two_seed{seed}", "exp/one_seed{seed}")
    same, _ = run_compare(root, monkeypatch, capsys, *templates, *options, out="t.json")
    assert same == found


def test_raw_scores_are_judged_where_one_experiment_has_no_ratios(place, monkeypatch, capsys):
    root, rows, own = place
    options = ("eval", "--seeds", "1 4", "--metric", "cllr,act_dcf", "--bootstrap", 30)
    found, _ = run_compare(root, monkeypatch, capsys, "exp/one", "exp/two", *options)
    first, second = ([(own[s, n][0],) * 2 for n in (1, 4)] for s in ("one", "two"))
    check(found, rows, first, second, replicates=30, seed=0)
    assert found["llr_given"] is False


def test_a_list_of_trials_keeps_to_its_own(place, monkeypatch, capsys):
    root, rows, own = place
    utts = (root / "data/eval/trials/some").read_text().split()
    options = ("eval", "--trials", "some", "--metric", "eer,cllr", "--bootstrap", 40)
    pair = "exp/one_seed1", "exp/two_seed1"
    found, text = run_compare(root, monkeypatch, capsys, *pair, *options)
    check(found, rows, [own["one", 1]], [own["two", 1]], replicates=40, seed=0, utts=utts)
    nb = sum(rows[utt][0] for utt in utts)
    assert found["counts"] == {"bonafide": nb, "spoof": len(utts) - nb}
    assert found["trials"] == "some" and f"(some: {nb} bona fide" in text
    assert found["units"]["iid"] == f"{len(utts)} trials"


def test_without_options_1000_replicates_of_eer_and_min_dcf(place, monkeypatch, capsys):
    root, rows, own = place
    pair = "exp/one_seed1", "exp/two_seed1", "eval", "--trials", "all"
    found, text = run_compare(root, monkeypatch, capsys, *pair)
    check(found, rows, [own["one", 1]], [own["two", 1]], replicates=1000, seed=0)
    assert set(found["metrics"]) == {"eer", "min_dcf"} and found["llr_given"] is False
    assert found["bootstrap"] == {"level": 0.95, "replicates": 1000, "seed": 0}
    assert found["trials"] is None and "(all: " in text


def test_the_list_that_is_published_is_compared_where_none_is_named(place, monkeypatch, capsys):
    root, rows, own = place
    utts = (root / "data/eval/trials/some").read_text().split()
    good = sum(rows[utt][0] for utt in utts)
    (root / "data/eval/trial_counts").write_text(f"some {good} {len(utts) - good} published\n")
    pair = "exp/one_seed1", "exp/two_seed1", "eval", "--bootstrap", 20
    found, text = run_compare(root, monkeypatch, capsys, *pair)
    whole, _ = run_compare(root, monkeypatch, capsys, *pair, "--trials", "all")
    (root / "data/eval/trial_counts").unlink()
    check(found, rows, [own["one", 1]], [own["two", 1]], replicates=20, seed=0, utts=utts)
    assert found["trials"] == "some" and f"(some: {good} bona fide" in text
    assert whole["trials"] is None and whole["counts"] == {"bonafide": NB, "spoof": NS}


def test_two_systems_of_one_name_are_told_apart(tmp_path, monkeypatch, capsys):
    rows = write_set(tmp_path)
    for number, name in enumerate(("exp/a", "old/a")):
        write_system(tmp_path, name, "eval", rows, number)
    pair = "exp/a", "old/a", "eval", "--bootstrap", 9
    found, text = run_compare(tmp_path, monkeypatch, capsys, *pair)
    assert found["systems"] == ["exp/a", "old/a"] and text.startswith("exp/a - old/a on eval")


def test_a_set_without_speakers_and_attacks_is_compared_by_trials(tmp_path, monkeypatch, capsys):
    rows = write_set(tmp_path)
    for name in ("utt2spk", "utt2attack"):
        (tmp_path / "data/eval" / name).unlink()
    for number, name in enumerate(("a", "b")):
        write_system(tmp_path, name, "eval", rows, number)
    found, _ = run_compare(tmp_path, monkeypatch, capsys, "a", "b", "eval", "--bootstrap", 9)
    assert found["units"] == {"iid": f"{NB + NS} trials"}
    assert set(found["metrics"]["eer"]["trials"]) == {"iid"}


def plain_fit(scores, labels, prior):
    """Slope and offset of least prior-weighted cost of ratios, by a general minimiser."""
    scores, labels = np.array(scores), np.array(labels)

    def cost(x):
        z = x[0] * scores + x[1] + np.log(prior / (1 - prior))
        good, bad = np.logaddexp(0, -z[labels]).mean(), np.logaddexp(0, z[~labels]).mean()
        return prior * good + (1 - prior) * bad

    return minimize(cost, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 0}).x


@pytest.mark.parametrize("prior", [None, 0.2, 0.9])
def test_calibrate_learns_at_its_prior_on_dev_alone(tmp_path, monkeypatch, capsys, prior):
    dev, test = (write_set(tmp_path, name, seed=n, nb=40, ns=60) for n, name in enumerate("de"))
    learnt = write_system(tmp_path, "exp/m", "d", dev, 5, gap=0.6)[0]
    judged = write_system(tmp_path, "exp/m", "e", test, 6, gap=0.9)[0]
    monkeypatch.chdir(tmp_path)
    options = () if prior is None else ("--prior", prior)
    run_main(
        "steps/calibrate.py",
        monkeypatch,
        *("--data", "data/d", "--apply", "e d", "exp/m"),
        *options,
    )
    miss, fa = plain_weights()
    p = prior or miss / (miss + fa)
    slope, offset = plain_fit(list(learnt.values()), [row[0] for row in dev.values()], p)
    for name, scores in (("d", learnt), ("e", judged)):
        table = read_table(tmp_path / "exp/m" / name / "llr/scores")
        got = {utt: float(text) for utt, text in table.items()}
        wanted = {utt: slope * score + offset for utt, score in scores.items()}
        assert got == pytest.approx(wanted, abs=1e-5)
    known = json.loads((tmp_path / "exp/m/calibration.json").read_text())
    assert known["prior"] == pytest.approx(p) and known["dev_set"] == "d"
    assert (known["n_bonafide"], known["n_spoof"]) == (40, 60)
    said = capsys.readouterr().out
    assert "learnt on 40 bona fide and 60 spoof trials of d" in said
    assert f"llr = {known['weights'][0]:.6g} score + {known['offset']:.6g}" in said


def test_calibrate_reads_the_set_by_its_name_and_warns_of_a_flipped_sign(
    tmp_path, monkeypatch, capsys
):
    dev = write_set(tmp_path, "d", nb=40, ns=60)
    write_system(tmp_path, "exp/m", "renamed", dev, 5, gap=-0.6)
    monkeypatch.chdir(tmp_path)
    options = ("--data", "data/d", "--dev-set", "renamed", "--apply", "renamed", "exp/m")
    run_main("steps/calibrate.py", monkeypatch, *options)
    said = capsys.readouterr()
    assert said.out.endswith("spoof trials of renamed\n")
    assert "steps/calibrate.py: warning: m: on renamed bona fide scores lower" in said.err
    command = ("steps/calibrate.py", *options, "--prior", "1.5")
    assert "--prior: found 1.5" in refused(*command, cwd=tmp_path)
