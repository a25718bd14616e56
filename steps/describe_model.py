#!/usr/bin/env python3
"""Say what a model costs: parameters and MACs by module, bytes of its file and of its activations.

The input is one utterance of 64,600 samples, or of the config's crop.seconds where it says another
length; with cached features, as many frames as the upstream makes of it (T = 201), and without the
upstream's own cost; with `feats: ssl` the upstream's checkpoint is read, and has to be at hand.
With --exp, the cost of the whole detector, a network in front of cached features included, with the
time of a forward pass on one thread, into EXP_DIR/cost.json: of 64,600 samples, or of the config's
own length where the model takes no other. With --override too, what is found is of another model,
and nothing is written.

With --train, what a step of training costs too, before one is run: its time, and the memory of the
largest part of a batch (batch_size / accum_grad utterances at once), of this config and, with
`feats: ssl`, of its upstream learning as a whole and not at all. Long crops are seen so:
--override crop.seconds=30 --override finetune.checkpointing=true.
"""

import argparse
from pathlib import Path

from antispoof.errors import one_line_errors
from antispoof.options import add_override_option

EXAMPLE = """example:
  steps/describe_model.py --config conf/train_mel_cnn.yaml
  steps/describe_model.py --config conf/train_mhfa.yaml --resolved
  steps/describe_model.py --config conf/train_sls_lora.yaml --train
  steps/describe_model.py --exp exp/mel_cnn_seed1"""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--config", help="conf/train_<name>.yaml")
    which.add_argument("--exp", type=Path, metavar="EXP_DIR", help="a trained experiment")
    add_override_option(parser)
    parser.add_argument(
        "--resolved", action="store_true", help="of --config: print it as YAML with all it rests on"
    )
    parser.add_argument(
        "--train", action="store_true", help="of --config: say what a step of training costs"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=5, help="forward passes timed with --exp")
    parser.add_argument("--out", type=Path, metavar="FILE", help="of --exp (EXP_DIR/cost.json)")
    args = parser.parse_args(argv)
    if args.resolved and not args.config:
        parser.error("--resolved needs --config; EXP_DIR/config.yaml is resolved already")
    if args.train and not args.config:
        parser.error("--train needs --config; say what differs by --override")
    return args


def steps_table(rows):
    """Lines for people: what a step of training costs, one way below the other."""
    shape = " x ".join(map(str, rows[0]["input"]))
    yield f"a step of training, {rows[0]['utterances']} utterances of {shape} at once:"
    cells = [("", "trainable", "saved bytes", "bytes of memory", "time")]
    for row in rows:
        sizes = (f"{row[key]:,}" for key in ("trainable", "saved_bytes", "memory"))
        cells.append((row["name"], *sizes, f"{row['step']:,.2f}"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for cell in cells:
        yield "  ".join(f"{text:>{width}}" for text, width in zip(cell, widths, strict=True))
    yield "time: of two utterances, in products of 1024 x 1024 matrices"


def table(found):
    """Lines for people: modules one below the other, then what is of the whole."""
    rows = [("module", "parameters", "trainable", "MACs")]
    for part in [*found["modules"], {**found, "name": "total"}]:
        rows.append((part["name"], *(f"{part[k]:,}" for k in ("parameters", "trainable", "macs"))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield f"{found['model']}, input {' x '.join(map(str, found['input']))}"
    for name, *numbers in rows:
        cells = (f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join([f"{name:<{widths[0]}}", *cells])
    yield f"trainable: {found['trainable_share']:.1%} of the parameters"
    yield f"saved weights: {found['saved_bytes']:,} bytes"
    yield f"peak activations of one forward pass: {found['peak_activation_bytes']:,} bytes"
    if "latency" in found:
        times = f"{found['latency']:.2f} times"
        yield f"a forward pass on one thread: {times} a product of 1024 x 1024 matrices"
    if found["feats"] == "cached":
        yield f"the upstream, {found['upstream']}, is apart: its features are cached"
    if "steps" in found:
        yield from steps_table(found["steps"])


def resolved(path, overrides):
    """What an experiment of this config writes down, but for its seed."""
    import yaml  # late: --help answers at once

    from antispoof.training.experiment import complete, load_experiment

    config = complete(load_experiment(path, 0, overrides))
    del config["seed"]
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def main():
    args = parse()
    if args.resolved:
        return print(resolved(args.config, args.override), end="")
    from antispoof.data.json_files import json_text, write_json
    from antispoof.scoring.cost import describe, whole  # late
    from antispoof.training.experiment import load_experiment, read_experiment
    from antispoof.training.step_cost import describe_steps

    if args.exp:
        import torch

        torch.set_num_threads(1)
        config = whole(read_experiment(args.exp, args.override))
        found = describe(config, rounds=max(1, args.rounds))
        if not args.override:  # of another model than the one that was trained
            write_json(args.out or args.exp / "cost.json", found)
    else:
        config = load_experiment(args.config, 0, args.override)
        found = describe(config)
        if args.train:
            found["steps"] = describe_steps(config)
    text = json_text(found) if args.json else "\n".join(table(found)) + "\n"
    print(text, end="")


if __name__ == "__main__":
    with one_line_errors("steps/describe_model.py"):
        main()
