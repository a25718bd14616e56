"""Stage 1 of a recipe: from a corpus on disk to data directories, with everything counted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import counting
from .columns import Columns, collect
from .corpus import Corpus, Set
from .durations import measure
from .places import Missing
from .sounds import make_ready
from .write import write_set


def prepare(corpus: Corpus, options: Any, say: Callable[[str], Any]) -> None:
    """Write options.out/<set>/ of each set of `corpus`, which is in the folder options.corpus.

    options: as `antispoof.options.add_corpus_options` gives them. say: is given lines on what
    was found of what was expected. Nothing is written where anything is missing or counts differ;
    with options.allow_partial, what is there is written, and data/<set>/missing names the rest.
    Raises UserError, in one line for all sets.
    """
    root = Path(options.corpus)
    if options.cache:
        os.environ["ANTISPOOF_CACHE"] = str(Path(options.cache).absolute())
    found: dict[str, Columns] = {}
    problems: list[str] = []
    for name, one in _chosen(corpus, getattr(options, "sets", None)).items():
        try:
            found[name] = collect(one, root, corpus.hints)
            if one.asv:
                one.asv.check(root)
        except Missing as error:
            problems.append(f"{name}: {error}")
            continue
        if one.allow or one.segments:
            make_ready(found[name], one, options.nj, name)
        else:
            _measure(found[name], options, name)
        if one.frames:
            one.frames.segments(root, found[name])  # refused before anything is written
        problems += counting.problems(name, one, found[name], root)
    if problems and (not options.allow_partial or not any(c.keys for c in found.values())):
        raise UserError("; ".join(dict.fromkeys(problems)) + _advice(found))
    for problem in dict.fromkeys(problems):
        say(f"partial: {problem}")
    for name, columns in found.items():
        if columns.keys:
            _write(corpus, name, columns, options, root, say)


def _chosen(corpus: Corpus, names: str | None) -> dict[str, Set]:
    """The sets that are prepared. Raises UserError for a name that the corpus does not have."""
    chosen = names.split(",") if names else corpus.usual or list(corpus.sets)
    for name in chosen:
        if name not in corpus.sets:
            raise UserError(f"--sets: found '{name}', wanted some of {','.join(corpus.sets)}")
    return {name: corpus.sets[name] for name in chosen}


def _advice(found):
    return "; --allow-partial writes what is there" if any(c.keys for c in found.values()) else ""


def _measure(columns: Columns, options: Any, name: str) -> None:
    """Fill in the seconds that no list says; a sound that has none counts as missing."""
    asked = [index for index, seconds in enumerate(columns.seconds) if not seconds]
    measured = measure([columns.paths[index] for index in asked], options.nj, name) if asked else []
    bad = set()
    for index, (seconds, why) in zip(asked, measured, strict=True):
        columns.seconds[index] = f"{seconds:.4f}"
        if why:
            columns.missing[columns.keys[index]] = f"{columns.paths[index]} ({why})"
            bad.add(index)
    if bad:
        columns.keep([index for index in range(len(columns.keys)) if index not in bad])


def _write(corpus, name, columns, options, root, say):
    one: Set = corpus.sets[name]
    say(f"{name}: {counting.summary(one, columns)}")
    for line in counting.remarks(columns):
        say(f"{name}: {line}")
    for line in write_set(Path(options.out) / name, corpus, name, columns, root):
        say(f"{name}: {line}")
