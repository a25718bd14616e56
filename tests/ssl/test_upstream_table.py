"""docs/upstreams.md says what antispoof/ssl/families.yaml says, and the tests try."""

import re

from made_up import ROOT
from upstream_table import HEAD, PAGE, table

from antispoof.config import UPSTREAM_KEYS
from antispoof.ssl.families import FAMILIES, OPTIONS, OWN_FAMILIES
from antispoof.ssl.fetch import OWN
from antispoof.ssl.upstream import load_upstream_config


def test_the_page_holds_the_table_of_the_families():
    """Where it does not: python tests/helpers/upstream_table.py writes it."""
    assert PAGE.read_text("utf-8").partition(HEAD)[1:] == (
        HEAD,
        "\n".join(table())[len(HEAD) :] + "\n",
    )


def test_the_verdicts_stand_in_the_columns_of_their_names():
    columns = [cell.strip() for cell in HEAD.strip("|").split("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table()[2:]]
    lines = [dict(zip(columns, row, strict=True)) for row in rows]
    families = [*FAMILIES, *OWN_FAMILIES]
    assert [line["family"] for line in lines[: len(families)]] == [f.title for f in families]
    for line, family in zip(lines, families, strict=False):
        assert (line["fine-tuning"] == "yes") == (line["batches"] == "exact") == family.transformer
        assert (line["loads"] == "yes") != bool(family.needs or family.refused)
        tried = bool(family.needs and family.local)
        assert (line["loads"] == f"with {family.needs.replace('==', ' ')}") == tried
        assert line["remarks"] or line["loads"] == "yes"
        assert "not installed" in line["remarks"] or line["loads"] != "not tried"
        assert line["licence of the weights"]


def test_our_own_upstreams_and_each_config_have_a_line():
    assert [family.names for family in OWN_FAMILIES] == list(OWN)
    page = PAGE.read_text("utf-8")
    configs = sorted((ROOT / "conf/upstream").glob("*.yaml"))
    assert {"distillmos", "fbank", "hubert_mini", "mel"} <= {path.stem for path in configs}
    for path in configs:
        lines = [line for line in page.splitlines() if line.startswith(f"| `{path.stem}`: ")]
        assert len(lines) == 1, path
        name = load_upstream_config(path)["name"]
        assert f"| `{name}` |" in lines[0] and "| yes |" in lines[0], path


def test_each_licence_says_where_it_was_read():
    for family in (*FAMILIES, *OWN_FAMILIES):
        nothing = family.licence in ("not stated", "no weights", "its own")
        assert nothing or family.licence_from, family.package
        assert nothing or f"({family.licence_from})" in PAGE.read_text("utf-8")


def test_the_families_are_apart_and_their_options_known():
    names = [name for family in FAMILIES for name in family.local]
    assert len(set(names)) == len(names)
    assert {option for family in FAMILIES for option in family.options} | {"refresh"} == set(
        OPTIONS
    )
    assert "options" in UPSTREAM_KEYS


def test_the_page_is_reached_from_where_front_ends_are_described():
    for name in ("mkdocs.yml", "docs/index.md", "docs/features.md", "CONTRIBUTING.md"):
        assert re.search(r"upstreams\.md", (ROOT / name).read_text("utf-8")), name
