#!/usr/bin/env python3
"""Put what LoRA or DoRA learnt into the weights of the upstream: a plain experiment comes out.

It scores as the one that was trained does, to 1e-5, as fast as an upstream without a method, and
is exported and packed like any other. Its config says `finetune.method: full`, its best.pt holds
the matrices that were changed, whole.
"""

import argparse

from antispoof.errors import one_line_errors

EXAMPLE = """example:
  steps/merge_tuning.py exp/xlsr_lora_seed1 exp/xlsr_lora_merged_seed1"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exp_dir", metavar="EXP_DIR", help="a trained experiment")
    parser.add_argument("out_dir", metavar="OUT_DIR", help="the plain one, which is not there yet")
    args = parser.parse_args()
    from antispoof.scoring.merge import merge_experiment  # late: --help answers at once

    count = merge_experiment(args.exp_dir, args.out_dir)
    print(f"{args.out_dir}: {count} parameters of the upstream were changed")


if __name__ == "__main__":
    with one_line_errors("steps/merge_tuning.py"):
        main()
