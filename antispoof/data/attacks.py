"""Which attack each spoof of a set is of."""

from pathlib import Path

from ..errors import UserError
from .tables import read_table, require_same_keys


def read_attacks(data_dir: str | Path) -> dict[str, str | None]:
    """{utterance: its attack, or None of bona fide}, in the order of wav.scp.

    Raises UserError where there is no utt2attack, or an utterance or a spoof's attack is missing.
    """
    path = Path(data_dir) / "utt2attack"
    if not path.is_file():
        raise UserError(f"{path}: no such table; wanted the attack of each spoof, to leave one out")
    attacks, labels = read_table(path), read_table(Path(data_dir) / "utt2label")
    require_same_keys(labels, attacks, Path(data_dir) / "utt2label", path)
    for utt, label in labels.items():
        if label == "spoof" and attacks[utt] == "-":
            raise UserError(f"{path}: {utt}: found '-', wanted the attack, since it is spoof")
    spoof = {utt for utt, label in labels.items() if label == "spoof"}
    return {utt: attack if utt in spoof else None for utt, attack in attacks.items()}


def attacks_of(data_dir: str | Path) -> list[str]:
    """The attacks of a set, sorted. Raises UserError as `read_attacks` does."""
    return sorted({attack for attack in read_attacks(data_dir).values() if attack is not None})
