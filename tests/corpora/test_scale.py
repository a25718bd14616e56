"""A tenth of a corpus of 611,829 utterances, as tables alone: in a tenth of its time and memory."""

import json
import multiprocessing
import sys

from made_up import ROOT

sys.path.append(str(ROOT / "benchmarks"))
import corpora


def test_a_tenth_of_the_largest_corpus_takes_seconds(tmp_path):
    # from a small process: a program counts what the one that started it held as memory of its own
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(corpora.measure, ("asvspoof2021_df", tmp_path, 10, 2))
    total = sum(int(count) // 10 for *_, spoofs, bonafide in corpora.SOURCES.values()
                for count in (spoofs + bonafide,))  # fmt: skip
    total += sum(sum(pair) // 10 for pair in corpora.REST.values())
    assert f"data/eval: {total} utterances" in found["validate"][3]
    assert found["split"][3].split() == [str(total)] * 4
    result = json.loads((tmp_path / "exp/eval/result.json").read_text())
    assert result["trials"] == "eval"
    assert result["counts"]["trials"] == 51906 + 1486
    assert len(result["by"]["attack"]) == 110
    assert len(result["by"]["codec"]) == 9
    # of processors, as others may use this machine too; starting four programs is four of them
    assert sum(processor for _, processor, _, _ in found.values()) < 20
    assert max(size for _, _, size, _ in found.values()) < 500  # MiB
