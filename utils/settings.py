#!/usr/bin/env python3
"""Print what systems read, by their configs, the defaults and overrides, as run.sh reads it.

A line is NAME<TAB>KEY<TAB>VALUE. NAME is a system, with the keys `feats`, where its features come
from: dump/<upstream>, conf/upstream/<upstream>.yaml where the upstream runs along, or nothing;
`start`, the checkpoint that training starts from, or nothing; `without`, the attacks that leave its
training, with blanks. Or NAME is upstream/<name>, with `copies`, how many it makes of a training
set; or *, with `allow`, what all systems allow to be done to sounds as they are read, with blanks.
"""

import argparse
import re
from pathlib import Path

from antispoof.errors import UserError, one_line_errors
from antispoof.options import add_override_option

EXAMPLE = """example:
  utils/settings.py --override upstream=fbank mel_cnn fbank_mhfa"""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_override_option(parser)
    parser.add_argument(
        "systems",
        nargs="+",
        help="of conf/train_<system>.yaml, here or in the root; or folders of trained experiments",
    )
    return parser.parse_args()


def main():
    from antispoof.config import UPSTREAM_KEYS, load_config  # late: --help answers at once
    from antispoof.paths import system_and_seed
    from antispoof.training.experiment import read_experiment, read_inputs

    args = parse()
    table, allowed = {}, []
    for system in args.systems:
        if "/" in system:  # a trained one
            config, path = read_experiment(system, args.override), f"{system}/config.yaml"
            config = {**config, "init_from": "", "without_attacks": []}  # of its training alone
            system, _ = system_and_seed(system)
        else:
            path = f"conf/train_{system}.yaml"
            config = read_inputs(path, args.override)
        table[system] = of_system(path, config)
        if place := table[system]["feats"]:
            upstream = Path(place).name.removesuffix(".yaml" if "/upstream/" in place else "")
            front_end = load_config(f"conf/upstream/{upstream}.yaml", UPSTREAM_KEYS)
            table[f"upstream/{upstream}"] = {"copies": str(front_end["copies"]["count"])}
        allowed.append((front_end if place.startswith("dump/") else config)["allow"])
    everywhere = set(allowed[0]).intersection(*allowed)
    table["*"] = {"allow": " ".join(sorted(everywhere))}
    for name, values in table.items():
        for key, value in values.items():
            print(name, key, value, sep="\t")


def of_system(path, config):
    """What a system reads: {key: text}."""
    upstream = "" if config["feats"] == "wave" else config["upstream"]
    if upstream and not re.fullmatch(r"\w[\w.-]*", upstream):
        raise UserError(f"{path}: 'upstream' is {upstream!r}, wanted a name in conf/upstream/")
    start = config["init_from"]  # {seed} is filled in by whoever reads it, as in training
    places = {"wave": "", "cached": f"dump/{upstream}", "ssl": f"conf/upstream/{upstream}.yaml"}
    return {
        "feats": places[config["feats"]],
        "start": one_line(path, f"{start}/best.pt") if start else "",
        "without": " ".join(config["without_attacks"]),
    }


def one_line(path, file):
    """`file`, which the config `path` names. Raises UserError where it is not in one line."""
    if re.search(r"[\t\n\r]", file):
        raise UserError(f"{path}: found {file!r}, wanted a file's name in one line, without tabs")
    return file


if __name__ == "__main__":
    with one_line_errors("utils/settings.py"):
        main()
