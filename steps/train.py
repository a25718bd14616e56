#!/usr/bin/env python3
"""Train one experiment: learn on the training set, pick the checkpoint on dev.

Continues from EXP_DIR/last.pt where there is one. EXP_DIR/run.sh then holds this command, to be run
from anywhere. --processes 4 starts torchrun with this command; 2x4, on each of two nodes of a job.
"""

import argparse
import sys
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import add_feats_option, add_override_option, dump_of

EXAMPLE = """example:
  steps/train.py --config conf/train_mel_cnn.yaml --seed 1 --train data/train --dev data/dev \\
    exp/mel_cnn_seed1
  steps/train.py --processes 4 ..."""


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # run.sh reads --processes too
    )
    parser.add_argument("--config", required=True, help="conf/train_<name>.yaml")
    add_override_option(parser)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--train", required=True, help="data directory to learn on")
    parser.add_argument("--dev", required=True, help="data directory that picks the checkpoint")
    parser.add_argument(
        "--watch",
        action="extend",
        type=str.split,
        default=[],
        metavar='"DIR ..."',
        help="data directories to score while training; they choose nothing",
    )
    parser.add_argument("--watch-every", type=int, default=1, metavar="N", help="epochs")
    parser.add_argument("--keep-epochs", action="store_true", help="keep each epoch's checkpoint")
    parser.add_argument(
        "--processes", default="1", metavar="N", help="that learn together, each on a GPU"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that load data")
    parser.add_argument("--log-draws", action="store_true", help="write what augmentation drew")
    parser.add_argument("--stage-to", metavar="DIR", help="copy archives to this local disk first")
    add_feats_option(parser)
    parser.add_argument("--start", metavar="FILE", help="what the config's init_from names")
    parser.add_argument(
        "--attacks",
        action="append",
        default=[],
        metavar="FILE",
        help="utt2attack of --train and --dev, which without_attacks of the config reads",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("exp_dir")
    return parser.parse_args(argv)


def main():
    args = parse()
    from antispoof.features.staging import staged_for  # late: --help answers at once
    from antispoof.torch_utils.torchrun import start_team
    from antispoof.training.experiment import complete, load_experiment
    from antispoof.training.sources import with_sources

    if args.watch_every < 1 or args.workers < 0:
        raise UserError("--watch-every: wanted 1 or more; --workers: 0 or more")
    start_team(args.processes, sys.argv)
    config = complete(load_experiment(args.config, args.seed, args.override))
    config = with_sources(config, args.train)
    dump = dump_of(args, config)
    require_named(args, config)
    check_apart(args)
    with staged_for(args.stage_to, config, dump, [args.dev, *args.watch], args.train) as dump:
        learn(args, config, dump)
    from antispoof.torch_utils.distributed import end_process

    end_process()


def learn(args, config, dump):
    """Train with features from `dump`, in the team that torchrun started."""
    from antispoof.torch_utils.device import choose_device
    from antispoof.torch_utils.distributed import join_team, leave_team
    from antispoof.training.experiment import claim
    from antispoof.training.rerun import write_rerun
    from antispoof.training.run import Run
    from antispoof.training.trainer import train

    team, device = join_team(choose_device(args.device))
    if team.is_main:
        claim(args.exp_dir, config)
        write_rerun(args.exp_dir, sys.argv[1:], team.size)
    team.barrier()  # it is claimed
    run = Run(
        watch=tuple(args.watch),
        watch_every=args.watch_every,
        keep_epochs=args.keep_epochs,
        workers=args.workers,
        log_draws=args.log_draws,
        team=team,
    )
    train(config, args.train, args.dev, dump, args.exp_dir, device, print, run)
    leave_team(team)


def require_named(args, config):
    """Refuse a --start and --attacks that are not what the config has training read."""
    tables = [f"{folder}/utt2attack" for folder in (args.train, args.dev)]
    if args.attacks and (args.attacks != tables or not config["without_attacks"]):
        raise UserError(
            f"--attacks: wanted {' and '.join(tables)}, and without_attacks in the config"
        )
    start = config["init_from"].replace("{seed}", str(args.seed))
    wanted = f"{start}/best.pt" if start else "none"
    if args.start and args.start != wanted:
        raise UserError(f"--start {args.start}: wanted {wanted}, as init_from of the config says")


def check_apart(args):
    """Refuse to learn from a set that is to be reported on, and sets that share an utterance."""
    from antispoof.data.data_dir import refuse_reported
    from antispoof.data.tables import read_table

    refuse_reported("--train", args.train)
    refuse_reported("--dev", args.dev)
    names = [Path(folder).name for folder in args.watch]
    if len(set(names)) < len(names):
        raise UserError(f"--watch: two sets have one name; found {' '.join(names)}")
    learnt = read_table(f"{args.train}/wav.scp").keys()
    seen = read_table(f"{args.dev}/wav.scp").keys()
    if shared := learnt & seen:
        raise UserError(f"{args.dev}: '{min(shared)}' is in {args.train} too; dev must be apart")
    for folder in args.watch:
        if shared := read_table(f"{folder}/wav.scp").keys() & (learnt | seen):
            raise UserError(
                f"{folder}: '{min(shared)}' is in {args.train} or {args.dev} too; a set that is "
                "watched must be apart"
            )


if __name__ == "__main__":
    with one_line_errors("steps/train.py"):
        main()
