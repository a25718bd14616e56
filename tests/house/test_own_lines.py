"""A recipe's preparation says what its corpus has, in few lines of its own."""

import pytest
from own_lines import counts, own_lines

COUNTS = counts()
WORKER = """#!/usr/bin/env python3
\"\"\"Stage 1.\"\"\"

import argparse

from antispoof.corpora import Corpus, prepare

ONE = (
    # a comment
    1,

    2,
)


def part(name):
    \"\"\"A docstring.\"\"\"
    return name


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size")
    args = add_corpus_options(parser).parse_args()
    prepare(Corpus(), args, print)


if __name__ == "__main__":
    main()
"""


def test_what_all_workers_have_is_not_counted(tmp_path):
    (tmp_path / "prepare_data.py").write_text(WORKER)
    assert own_lines(tmp_path / "prepare_data.py") == 4 + 2 + 1


@pytest.mark.parametrize("recipe", COUNTS)
def test_a_worker_has_at_most_forty_lines_of_its_own(recipe):
    assert 4 < COUNTS[recipe] <= 40
