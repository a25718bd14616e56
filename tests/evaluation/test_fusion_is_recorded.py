"""What is a fusion is recorded in its folder: no name makes one, and none hides one."""

import json
import shutil

import pytest
from made_up import refused, worker
from page_experiments import result

from antispoof.errors import UserError
from antispoof.evaluation import results
from antispoof.evaluation.layout import is_fusion
from antispoof.report.collect import read_runs


def write(place, name, found):
    path = place / "exp" / name / "eval" / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(found))
    return place / "exp" / name


def test_a_system_called_early_fusion_net_is_no_fusion(tmp_path):
    for name in ("early_fusion_net_seed1", "zeta_seed1", "a_joint_seed1"):
        write(tmp_path, name, result("alpha", 2, "all"))
    (tmp_path / "exp/a_joint_seed1/fusion.json").write_text('{"systems": ["zeta_seed1"]}')
    runs = read_runs(sorted((tmp_path / "exp").iterdir()), "eval")
    order = ["early_fusion_net", "zeta", "a_joint"]
    assert [run.system for run in runs] == order
    assert [run.fusion for run in runs] == [False, False, True]
    assert [is_fusion(run.path) for run in runs] == [False, False, True]
    status, out, _ = worker("utils/show_results.py", cwd=tmp_path)
    assert status == 0
    lines = [line.split()[0] for line in out.splitlines() if line.split()[:1]]
    assert [word for word in lines if word in order] == order


def test_a_fusion_that_names_itself_is_refused_in_a_line(tmp_path):
    exp = write(tmp_path, "joint_seed1", result("alpha", 2, "all"))
    (exp / "fusion.json").write_text('{"systems": ["joint_seed1"]}')
    with pytest.raises(UserError, match="fusion.json: found itself among its 'systems'"):
        results.read_cost(exp)


BROKEN = [
    ("{", "is not JSON"),
    ("[]", r"found \[\], wanted names with values"),
    ({"pooled": 3}, "pooled: found 3, wanted names with values"),
    ({"pooled": {"eer": "low"}}, 'pooled.eer: found "low", wanted a finite number'),
    ({"counts": {"bonafide": 1}}, "lacks 'counts.spoof'"),
    ({"costs": {"p_spoof": None, "c_miss": 1, "c_fa": 1}}, "costs.p_spoof: found null"),
    ({"set": 3}, "set: found 3, wanted a text"),
    ({"trials": 3}, "trials: found 3, wanted a text"),
    ({"by": {"attack": {"A01": {}}}}, "lacks 'by.attack.A01.n_bonafide'"),
    ({"by": {"attack": []}}, r"by.attack: found \[\], wanted names with values"),
    ({"bootstrap": {"level": 0.9}}, "lacks 'bootstrap.replicates'"),
    ({"intervals": {"eer": {"iid": [1]}}}, r"intervals.eer.iid: found \[1\], wanted a list of 2"),
    ({"intervals": {}}, "lacks 'intervals.eer'"),
    ('{"pooled": {"eer": NaN}}', "is not JSON .*found NaN"),
]


@pytest.mark.parametrize(("change", "words"), BROKEN)
def test_a_result_made_by_hand_is_refused_in_a_line(tmp_path, change, words):
    found = change if isinstance(change, str) else {**result("alpha", 2, "all"), **change}
    exp = write(tmp_path, "x_seed1", result("alpha", 2, "all"))
    text = found if isinstance(found, str) else json.dumps(found)
    (exp / "eval/result.json").write_text(text)
    with pytest.raises(UserError, match=f"eval/result.json: .*{words}.*remove it and run") as got:
        read_runs([exp], "eval")
    assert "\n" not in str(got.value)


def test_programs_refuse_a_broken_result_in_a_line(tmp_path):
    exp = write(tmp_path, "x_seed1", {**result("alpha", 2, "all"), "pooled": [1]})
    assert "pooled: found [1]" in refused("utils/show_results.py", cwd=tmp_path)
    assert "pooled: found [1]" in refused("steps/report.py", exp, cwd=tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/rank.yaml").write_text("in_domain: [eval]\nout_of_domain: [eval]\n")
    (exp / "cost.json").write_text('{"macs": "many", "parameters": 1, "latency": 1}')
    assert 'cost.json: macs: found "many"' in refused("steps/rank.py", exp, cwd=tmp_path)
    (exp / "cost.json").write_text('{"macs": 1, "parameters": 1, "latency": 1}')
    assert "pooled: found [1]" in refused("steps/rank.py", exp, cwd=tmp_path)
    shutil.rmtree(exp / "eval")
    assert "evaluate it (stage 6)" in refused("steps/rank.py", exp, cwd=tmp_path)


def test_a_broken_comparison_and_a_broken_order_are_refused_in_a_line(tmp_path):
    exp = write(tmp_path, "x_seed1", result("alpha", 2, "all"))
    for text, words in (("3", "found 3, wanted names"), ('{"counts": 1}', "counts: found 1")):
        (tmp_path / "c.json").write_text(text)
        command = ("steps/report.py", "--out", "r.html", "--compare", "c.json", exp)
        assert f"c.json: {words}" in refused(*command, cwd=tmp_path)
    for text in ('{"tracks": {"a": {}}}', '{"tracks": []}', "3"):
        (tmp_path / "r.json").write_text(text)
        command = ("steps/report.py", "--out", "r.html", "--rank", "r.json", exp)
        assert "wanted what steps/rank.py --out writes" in refused(*command, cwd=tmp_path)
