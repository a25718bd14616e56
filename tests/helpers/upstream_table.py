"""The table of docs/upstreams.md, from antispoof/ssl/families.yaml.

As a program: upstream_table.py writes it into the page, below the line that it begins with.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/upstreams.md"
HEAD = "| family | names | with a `checkpoint` | loads | batches | conventions | fine-tuning "
HEAD += "| a frame per | `options` | licence of the weights | remarks |"


def loads(family):
    if family.refused:
        return "no"
    if family.needs and family.local:
        return f"with {family.needs.replace('==', ' ')}"
    return "not tried" if family.needs else "yes"


def why(family):
    """What stands in the way, and the remark."""
    package = f"it needs the package {family.needs}, which is not installed"
    package = "" if family.local or not family.needs else package
    return "; ".join(part for part in (family.refused, package, family.remark) if part)


def code(names):
    return ", ".join(f"`{name}`" for name in names)


def row(family):
    good, here = family.transformer, loads(family) not in ("no", "not tried")
    cells = [
        family.title,
        code(family.names.split(", ")),
        code(family.local),
        loads(family),
        ("exact" if good else "one by one") if here else "",
        ("verified" if good else "s3prl's") if here else "",
        ("yes" if good else "no") if here else "",
        f"{family.hop / 16:g} ms" if family.hop else "",
        code(family.options),
        family.licence,
        why(family),
    ]
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def table():
    """The lines of the table."""
    from antispoof.ssl.families import FAMILIES

    return [HEAD, "|" + "---|" * (HEAD.count("|") - 1), *map(row, FAMILIES)]


def main():
    text = PAGE.read_text("utf-8").partition(HEAD)[0]
    PAGE.write_text(text + "\n".join(table()) + "\n", "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
