"""Options that several workers share, so that they stay the same in each."""

from pathlib import Path
from typing import Any


def add_override_option(parser: Any) -> None:
    """--override KEY=VALUE of the config, as often as there are keys to change."""
    parser.add_argument(
        "--override", action="append", default=[], metavar="KEY=VALUE", help="a key of the config"
    )


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
