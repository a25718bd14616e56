"""steps/evaluate.py --asv and steps/fuse_asv.py: trials that name who is claimed."""

import json
import re

import numpy as np
import pytest
from asv_trials import make_place, make_trials
from made_up import refused, worker
from plain_metrics import plain_t_eer

from antispoof import metrics
from antispoof.data.data_dir import read_trials
from antispoof.data.tables import read_table, write_table
from antispoof.errors import UserError
from antispoof.evaluation.sasv import judge_sasv
from antispoof.evaluation.sasv_fusion import SasvFusion, spoof_share
from antispoof.evaluation.sasv_trials import SasvTrials
from antispoof.evaluation.scores import join

EVALUATE, FUSE = "steps/evaluate.py", "steps/fuse_asv.py"


@pytest.fixture
def place(tmp_path):
    return make_place(tmp_path)


def evaluate(place, *options):
    command = ("data/eval", "exp/one/eval/scores", "exp/one/eval/result.json", *options)
    status, out, error = worker(EVALUATE, *command, cwd=place)
    assert status == 0, error
    return json.loads((place / "exp/one/eval/result.json").read_text())["sasv"], out


def plain_parts(place, trials, ids=None):
    """(ASV, countermeasure) scores of each kind, by a walk over the lines of a file."""
    cm = read_table(place / "exp/one/eval/scores")
    found = {kind: ([], []) for kind in ("target", "nontarget", "spoof")}
    for line in (place / trials).read_text().splitlines():
        _, utt, kind, score = line.split()
        if ids is None or utt in ids:
            found[kind][0].append(float(score))
            found[kind][1].append(float(cm[utt]))
    return [found[kind][0] for kind in found], [found[kind][1] for kind in found]


def test_t_eer_and_a_dcf_of_a_file_are_those_of_its_lines(place):
    found, out = evaluate(place, "--asv", "eval_asv", "--bootstrap", 50)
    asv, cm = plain_parts(place, "eval_asv")
    assert found["counts"] == {"target": 60, "nontarget": 60, "spoof": 100}
    assert found["t_eer"] == pytest.approx(plain_t_eer(*cm, *asv), abs=1e-12)
    assert found["a_dcf"] == {"asv": metrics.a_dcf(*asv)}
    assert f"a-DCF asv {found['a_dcf']['asv']:.4f}, t-EER {100 * found['t_eer']:.2f} %" in out
    assert found["crossed"] == {
        "over": "claimed speakers and test speakers",
        "units": "8 claimed speakers and 30 test speakers (6 in one class); "
        "for these 4 attacks alone",
    }
    for name, kinds in (("a_dcf_asv", {"crossed", "speaker"}), ("t_eer", {"speaker"})):
        assert set(found["intervals"][name]) == kinds
        value = found["t_eer"] if name == "t_eer" else found["a_dcf"]["asv"]
        for low, high in found["intervals"][name].values():
            assert low < value < high


def test_t_eer_by_hand(tmp_path):
    # all spoofs pass the ASV; at its threshold .5 a nontarget of four does. The countermeasure then
    # is where it rejects 1/4 of bona fide and accepts 1/4 of spoofs: tandem misses 1/4, false
    # alarms (3/4 x 1/4 + 1/4 x 1) / 2 = .219, and no other pair of thresholds is as even
    rows = {"target": [1, 2, 3, 4], "nontarget": [0.5, -1, -1, -1], "spoof": [1, 2, 3, 4]}
    cm = {"target": [1, 3, 3, 3], "nontarget": [1, 3, 3, 3], "spoof": [2, 0, 0, 0]}
    lines, scores, labels = [], {}, {}
    for kind, values in rows.items():
        for number, value in enumerate(values):
            utt = f"{kind}{number}"
            lines.append(f"S{number} {utt} {kind} {value}\n")
            scores[utt], labels[utt] = cm[kind][number], "spoof" if kind == "spoof" else "bonafide"
    (tmp_path / "asv").write_text("".join(lines))
    write_table(tmp_path / "scores", scores)
    write_table(tmp_path / "utt2label", labels)
    trials = join(tmp_path, tmp_path / "scores")
    found = judge_sasv(SasvTrials.read(tmp_path / "asv"), trials, replicates=0)
    assert found["t_eer"] == 0.25
    assert "intervals" not in found


def test_each_list_of_trials_has_its_own_part_of_the_file(place):
    evaluate(place, "--asv", "eval_asv", "--bootstrap", 0, "--every-list")
    for name in ("known", "unknown"):
        found = json.loads((place / f"exp/one/eval_{name}/result.json").read_text())["sasv"]
        asv, cm = plain_parts(place, "eval_asv", set(read_trials(place / "data/eval", name)))
        assert found["counts"]["spoof"] == 50
        assert found["t_eer"] == pytest.approx(plain_t_eer(*cm, *asv), abs=1e-12)


@pytest.mark.parametrize("rule", ["llr", "linear"])
def test_a_fusion_learnt_on_dev_beats_the_asv_alone_and_its_scores_are_judged(place, rule):
    words = ("--data", "data/dev", "--asv", "dev_asv", "--apply", "data/eval", "--apply-asv")
    call = (*words, "eval_asv", "--rule", rule, "--out", "joint", "exp/one")
    status, out, error = worker(FUSE, *call, cwd=place)
    assert (status, error) == (0, "")
    learnt = SasvFusion.load(place / "joint/sasv.json")
    assert f"a-DCF there {learnt.dev_a_dcf:.4f}" in out
    asv, cm = plain_parts(place, "eval_asv")
    found, _ = evaluate(place, "--asv", "eval_asv", "--sasv", "joint/trials", "--bootstrap", 20)
    if rule == "llr":
        r = spoof_share()

        def joined(a, c):
            a, c = learnt.asv[0] * a + learnt.asv[1], learnt.cm[0] * c + learnt.cm[1]
            return -np.log((1 - r) * np.exp(-a) + r * np.exp(-c))
    else:

        def joined(a, c):
            return learnt.asv[0] * a + learnt.cm[0] * c + learnt.asv[1]

    parts = [
        [joined(a, c) for a, c in zip(*pair, strict=True)] for pair in zip(asv, cm, strict=True)
    ]
    assert found["a_dcf"]["joint"] == pytest.approx(metrics.a_dcf(*parts), abs=1e-9)
    assert found["a_dcf"]["joint"] < 0.7 * found["a_dcf"]["asv"]
    assert set(found["intervals"]["a_dcf_joint"]) == {"crossed", "speaker"}


def test_the_share_of_spoofs_is_what_they_cost_of_all_false_alarms():
    assert spoof_share() == pytest.approx(0.5 / 0.595)


def test_no_score_of_the_set_that_is_judged_changes_what_is_learnt(place):
    words = ("--data", "data/dev", "--asv", "dev_asv", "--apply", "data/eval", "--apply-asv")
    for name, seed in (("one", 2), ("other", 9)):
        make_trials(place / "data/eval", place / "eval_asv", seed)
        call = (*words, "eval_asv", "--out", name, "exp/one")
        assert worker(FUSE, *call, cwd=place)[0] == 0
    first, second = ((place / name / "sasv.json").read_bytes() for name in ("one", "other"))
    assert first == second
    assert (place / "one/trials").read_bytes() != (place / "other/trials").read_bytes()


def test_fusion_is_not_learnt_on_a_set_to_report_on_nor_on_one_that_is_judged(place):
    words = ("--apply", "data/eval", "--apply-asv", "eval_asv", "--out", "x", "exp/one")
    line = refused(FUSE, "--data", "data/eval", "--asv", "eval_asv", *words, cwd=place)
    assert "a set to report on selects nothing" in line
    line = refused(FUSE, "--data", "data/dev", "--asv", "eval_asv", *words, cwd=place)
    assert "(160 in all); a set to be judged must share no utterance" in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [*rows, "S1 x spoof"], "asv:221: found 'S1 x spoof', wanted `speaker utt"),
        (lambda rows: [*rows, "S1 x spoof inf"], "with a finite score"),
        (lambda rows: [*rows, "S1 x spoof 1_0"], "with a finite score"),
        (lambda rows: [*rows, "S1 x fake 1"], "the kind 'fake'"),
        (lambda rows: [*rows, rows[0]], "a second time (line 1)"),
        (lambda rows: [row for row in rows if " target " not in row], "no target trial"),
        (lambda rows: [*rows, "S1 x spoof 1"], "asv: x: is not in"),
        (lambda rows: [row.replace(" nontarget ", " spoof ") for row in rows],
         "no nontarget trial"),
        (lambda rows: [row.replace("A01_000 spoof", "A01_000 target") for row in rows],
         "found a target trial, wanted one that is spoof as data/eval/utt2label says"),
        (lambda rows: [], "asv:1: found ''"),
    ],
)  # fmt: skip
def test_bad_trials(place, change, words):
    path = place / "eval_asv"
    path.write_text("".join(f"{row}\n" for row in change(path.read_text().splitlines())))
    line = refused(EVALUATE, "--asv", "eval_asv", "data/eval", "exp/one/eval/scores", "o.json",
                   cwd=place)  # fmt: skip
    assert words in line


def test_trials_that_were_cut_off_within_a_number(place):
    path = place / "eval_asv"
    path.write_text(path.read_text()[:-3])
    call = ("--asv", "eval_asv", "data/eval", "exp/one/eval/scores", "o.json")
    assert "asv: does not end in a line feed; was it cut" in refused(EVALUATE, *call, cwd=place)


def test_an_a_dcf_of_0_has_no_interval(place):
    path = place / "eval_asv"
    rows = [line.split() for line in path.read_text().splitlines()]
    path.write_text("".join(f"{s} {u} {k} {int(k == 'target')}\n" for s, u, k, _ in rows))
    found, out = evaluate(place, "--asv", "eval_asv", "--bootstrap", 50)
    assert found["a_dcf"] == {"asv": 0}
    assert found["intervals"]["a_dcf_asv"] == {}
    assert "a-DCF asv none (no error was seen, which has no interval)" in out


def test_an_asv_whose_sign_is_flipped_is_asked_about(place):
    path = place / "eval_asv"
    asked = r"the EER of targets against nontargets is [5-9]\d\.\d\d %; above 50 % the sign may be"
    assert not re.search(asked, evaluate(place, "--asv", "eval_asv", "--bootstrap", 0)[1])
    rows = [line.split() for line in path.read_text().splitlines()]
    path.write_text("".join(f"{s} {u} {k} {-float(x)}\n" for s, u, k, x in rows))
    assert re.search(asked, evaluate(place, "--asv", "eval_asv", "--bootstrap", 0)[1])


def test_utterances_without_a_trial_are_counted(place):
    path = place / "eval_asv"
    rows = path.read_text().splitlines(keepends=True)
    every = {line.split()[1] for line in rows}
    rows = [line for line in rows if line.split()[1] != rows[-1].split()[1]]
    path.write_text("".join(rows))
    found, out = evaluate(place, "--asv", "eval_asv", "--bootstrap", 0)
    tried = len({line.split()[1] for line in rows})
    assert found["utterances"] == {"tried": tried, "all": len(every)}
    assert f" %, of trials of {tried} of the {len(every)} utterances" in out


def test_a_byte_order_mark_is_no_part_of_a_speaker_s_name(place):
    path = place / "eval_asv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    call = ("--asv", "eval_asv", "data/eval", "exp/one/eval/scores", "o.json")
    assert "eval_asv: begins with a byte order mark" in refused(EVALUATE, *call, cwd=place)


def test_joint_scores_of_other_trials(place):
    rows = (place / "eval_asv").read_text().splitlines()
    (place / "joint").write_text("\n".join(rows[::-1]) + "\n")
    call = ("--asv", "eval_asv", "--sasv", "joint", "data/eval", "exp/one/eval/scores", "o.json")
    assert "joint: found 220 trials, wanted those of eval_asv, 220, in the same order" in refused(
        EVALUATE, *call, cwd=place
    )
    assert "--sasv: needs --asv" in refused(EVALUATE, *call[2:], cwd=place)


def test_a_file_of_another_kind_is_no_fusion(place):
    (place / "sasv.json").write_text('{"rule": "llr"}')
    with pytest.raises(UserError, match="run steps/fuse_asv.py again"):
        SasvFusion.load(place / "sasv.json")
