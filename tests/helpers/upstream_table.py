"""The table of docs/upstreams.md, from antispoof/ssl/families.yaml.

As a program: upstream_table.py writes it into the page, below the line that it begins with.
"""

import itertools
import re
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


def licence(family):
    source = f" ({family.licence_from})" if family.licence_from else ""
    return family.licence + source


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
        licence(family),
        why(family),
    ]
    return line_of(cells)


def line_of(cells):
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


def first_sentence(path):
    """What the comment at the head of a config says of it."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), path.read_text().splitlines())
    text = " ".join(line.lstrip("# ") for line in lines)
    return re.split(r"[.:;](?= |$)", text)[0]


def config_row(path):
    """A file of conf/upstream/, in the columns of its family."""
    from antispoof.ssl.families import OWN_FAMILIES, family_named
    from antispoof.ssl.upstream import load_upstream_config

    config = load_upstream_config(path)
    name, checkpoint = config["name"], config["checkpoint"]
    family = next((f for f in OWN_FAMILIES if f.names == name), None) or family_named(name)
    assert family is not None, path
    cells = [cell.strip() for cell in row(family).strip("|").split("|")]
    cells[0] = f"`{path.stem}`: {family.title}"
    cells[1] = code([name])
    cells[2] = code([checkpoint] if checkpoint else [])
    if checkpoint:
        cells[9] = "this repository's"
    cells[10] = first_sentence(path)
    return line_of(cells)


def table():
    """The lines of the table."""
    from antispoof.ssl.families import FAMILIES, OWN_FAMILIES

    below = "|" + "---|" * (HEAD.count("|") - 1)
    configs = map(config_row, sorted((ROOT / "conf/upstream").glob("*.yaml")))
    own = [*map(row, OWN_FAMILIES), *configs]
    return [HEAD, below, *map(row, FAMILIES), *own]


def main():
    text = PAGE.read_text("utf-8").partition(HEAD)[0]
    PAGE.write_text(text + "\n".join(table()) + "\n", "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
