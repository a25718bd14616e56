#!/usr/bin/env python3
"""Rank systems by the selection score: its parts, both tracks, and how firm the order is."""

import argparse
from pathlib import Path

from antispoof.errors import one_line_errors
from antispoof.options import add_override_option

EXAMPLE = """
example:
  for exp in exp/*_seed1; do steps/describe_model.py --exp "$exp"; done   # one seed is enough
  steps/rank.py exp/*_seed*
  steps/rank.py --data data exp/*_seed*                  # also which places the trials leave open
  steps/rank.py --override baseline=mel_cnn --override draws=500 --markdown exp/*_seed*

The score is a weighted geometric mean of ratios to a baseline (1: as good as it; lower is better);
conf/rank.yaml of the root defines it, that of the recipe says which results are in domain.
Experiments of one system with several seeds are averaged. A fusion costs what its systems cost
together. Then follow what the size of each system buys, and whether the order on held-out data
agrees with the order out of domain over all experiments. On evaluation sets this reports; a system
that is chosen by it is to be judged on others.
"""


def main():
    options = parse()
    from antispoof.data.json_files import write_json
    from antispoof.evaluation import rank
    from antispoof.evaluation.all_pairs import all_pairs_of_results
    from antispoof.files import atomic_open
    from antispoof.paths import find
    from antispoof.report import domain_scatter
    from antispoof.report.rank_tables import agreement_text, tables
    from antispoof.report.result_tables import to_markdown, to_text

    config = rank.load_ranking(find(options.config), options.override)
    result = rank.rank(options.exp_dirs, config)
    if options.data:
        result["pairs"] = [
            all_pairs_of_results(options.exp_dirs, folder, options.data)
            for domain in rank.DOMAINS
            for folder in config[domain]
        ]
    if options.out:
        write_json(options.out, result)
    if options.picture:
        points = domain_scatter.by_system(result["runs"], **result["eer"])
        with atomic_open(options.picture) as stream:
            stream.write(domain_scatter.domains(points))
    for table in tables(result):
        print((to_markdown if options.markdown else to_text)(table))
    for own in result.get("pairs", []):
        print(" ".join(own["sentences"]))
    print(agreement_text(result))


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="conf/rank.yaml", help="weights (conf/rank.yaml)")
    add_override_option(parser)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="data directories: compare all pairs by EER too"
    )
    parser.add_argument("--out", type=Path, metavar="OUT.json")
    parser.add_argument("--picture", type=Path, metavar="OUT.svg", help="of both domains")
    parser.add_argument("exp_dirs", nargs="+", type=Path, metavar="EXP_DIR")
    return parser.parse_args()


if __name__ == "__main__":
    with one_line_errors("steps/rank.py"):
        main()
