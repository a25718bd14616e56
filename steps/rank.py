#!/usr/bin/env python3
"""Rank systems by the selection score: its parts, both tracks, and how firm the order is."""

import argparse
import json
from pathlib import Path

from antispoof.errors import UserError, one_line_errors

EXAMPLE = """
example:
  for exp in exp/*_seed1; do steps/describe_model.py --exp "$exp"; done   # one seed is enough
  steps/rank.py exp/*_seed*
  steps/rank.py --set baseline=mel_cnn --set out_of_domain_share=0.8 --markdown exp/*_seed*

The score is a weighted geometric mean of ratios to a baseline (1: as good as it; lower is better);
conf/rank.yaml of the root defines it, that of the recipe says which results are in domain.
Experiments of one system with several seeds are averaged. A fusion costs what its systems cost
together. Then follow what the size of each system buys, and whether the order on held-out data
agrees with the order out of domain over all experiments. On evaluation sets this reports; a system
that is chosen by it is to be judged on others.
"""


def main():
    options = parse()
    from antispoof.evaluation import rank
    from antispoof.files import atomic_open
    from antispoof.paths import find
    from antispoof.report import domain_scatter
    from antispoof.report.rank_tables import agreement_text, tables
    from antispoof.report.result_tables import to_markdown, to_text

    config = rank.load_ranking(find(options.config), options.set)
    result = rank(options.exp_dirs, config)
    if options.out:
        with atomic_open(options.out) as stream:
            json.dump(result, stream, indent=1, sort_keys=True, allow_nan=False)
            stream.write("\n")
    if options.picture:
        points = domain_scatter.by_system(result["runs"], **result["eer"])
        with atomic_open(options.picture) as stream:
            stream.write(domain_scatter.domains(points))
    for table in tables(result):
        print((to_markdown if options.markdown else to_text)(table))
    print(agreement_text(result))


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="conf/rank.yaml", help="weights (conf/rank.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--out", type=Path, metavar="OUT.json")
    parser.add_argument("--picture", type=Path, metavar="OUT.svg", help="of both domains")
    parser.add_argument("exp_dirs", nargs="+", type=Path, metavar="EXP_DIR")
    return parser.parse_args()


def rank(exp_dirs, config):
    """Everything that is told, as it goes into --out."""
    from antispoof.evaluation import rank
    from antispoof.paths import system_and_seed

    runs = {}
    for exp_dir in exp_dirs:
        runs.setdefault(system_and_seed(exp_dir)[0], []).append(exp_dir)
    values = {name: rank.parts_of(own, config) for name, own in sorted(runs.items())}
    baseline = config["baseline"] or system_and_seed(exp_dirs[0])[0]
    if baseline not in values:
        raise UserError(f"baseline: found '{baseline}', wanted one of {', '.join(values)}")
    scaled = rank.ratios(values, baseline, config["floors"])
    tracks = {}
    for track, groups in config["tracks"].items():
        weights = rank.weights_of(config, groups)
        firm = rank.firmness(scaled, config, groups)
        tracks[track] = {
            name: {
                "score": rank.score(scaled[name], weights),
                **{
                    group: group_score(scaled[name], config, group)
                    for group, weight in groups.items()
                    if weight > 0
                },
                **firm[name],
            }
            for name in values
        }
    eers = [
        [rank.read_results(exp, config[domain])["eer"] for exp in exp_dirs]
        for domain in rank.DOMAINS
    ]
    return {
        "baseline": baseline,
        "config": config,
        "parts": values,
        "ratios": scaled,
        "tracks": tracks,
        "runs": [exp.resolve().name for exp in exp_dirs],
        "eer": dict(zip(rank.DOMAINS, eers, strict=True)),
        "agreement": rank.agreement(*eers),
    }


def group_score(own, config, group):
    """The score by one group alone."""
    from antispoof.evaluation import rank

    return rank.score(own, rank.weights_of(config, {group: 1.0}))


if __name__ == "__main__":
    with one_line_errors("steps/rank.py"):
        main()
