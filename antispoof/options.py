"""Options that several workers share, so that they stay the same in each."""

from pathlib import Path
from typing import Any

from .errors import UserError

LIST_HELP = (
    "a list of DATA_DIR/trials; all: every trial; default: the list that trial_counts calls "
    "published, or every trial"
)


def add_override_option(parser: Any) -> None:
    """--override KEY=VALUE of the config, as often as there are keys to change."""
    parser.add_argument(
        "--override", action="append", default=[], metavar="KEY=VALUE", help="a key of the config"
    )


def add_feats_option(parser: Any) -> None:
    """--feats: where the features come from that a config reads; --dump: what is above them."""
    parser.add_argument("--dump", default="dump", help="where cached features lie")
    parser.add_argument(
        "--feats",
        metavar="PLACE",
        help="dump/<upstream>, or conf/upstream/<upstream>.yaml where it runs along",
    )


def require_draws(options: Any) -> None:
    """Raise UserError for a --bootstrap, where there is one, --seed or --level out of range."""
    for name in ("bootstrap", "seed"):
        if (value := getattr(options, name) or 0) < 0:
            raise UserError(f"--{name}: found {value}, wanted 0 or more")
    if not 0 < options.level < 1:
        raise UserError(f"--level: found {options.level}, wanted a number between 0 and 1")


def dump_of(options: Any, config: dict[str, Any]) -> str:
    """The folder of cached features, by --feats or --dump. Raises UserError.

    --feats names the upstream of `config`: a folder where its features are cached, else its config.
    """
    if not options.feats:
        return options.dump
    place = Path(options.feats)
    found = "ssl" if place.suffix == ".yaml" else "cached"
    name = place.stem if found == "ssl" else place.name
    if (found, name) != (config["feats"], config["upstream"]):
        raise UserError(
            f"--feats {place}: the experiment has feats: {config['feats']} and upstream: "
            f"{config['upstream']}, wanted dump/<upstream> of cached ones, conf/upstream/"
            "<upstream>.yaml of ssl"
        )
    return str(place.parent)


def add_learning_options(parser: Any) -> None:
    """What is learnt on a development set and applied to others: --data, --dev-set, --apply, ..."""
    prior = 0.95 / (0.95 + 0.05 * 10)
    parser.add_argument("--data", type=Path, required=True, help="data directory of the dev set")
    parser.add_argument("--dev-set", help="its name in the experiment (default: that of --data)")
    parser.add_argument("--apply", default="dev eval", help="sets to apply it to, with blanks")
    parser.add_argument(
        "--prior", type=float, default=prior, help=f"effective prior of bona fide ({prior:.6f})"
    )
    parser.add_argument(
        "--unseen",
        metavar="FOLDER",
        help="learn from experiments that were trained without an attack, e.g. "
        "'exp/{system}_without_{attack}_seed1'",
    )


def add_corpus_options(parser: Any) -> Any:
    """What run.sh hands to a recipe's local/prepare_data.py; returns the parser."""
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="where it is")
    parser.add_argument("--out", type=Path, default=Path("data"), help="of the data directories")
    parser.add_argument("--sets", metavar="SET,SET", help="data directories to prepare")
    parser.add_argument("--nj", type=int, default=1, help="processes that read headers of sounds")
    parser.add_argument("--cache", type=Path, help="of sounds that are decoded once")
    parser.add_argument(
        "--allow-partial", action="store_true", help="write what is there, and name what is missing"
    )
    return parser
