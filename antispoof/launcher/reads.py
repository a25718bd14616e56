"""What a command rests on, by the words that it names.

A word that is a file is rested on; a folder, by the files of it that the worker reads, or else by
its stamp. A worker's last word is what it makes, and no part of this.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..paths import ROOT, exists

TRIALS = "utt2* trials/* trial_counts*"  # what is judged, for which speakers and against what
TABLES = f"wav.scp spk2utt* {TRIALS}"  # of a set, for a worker that is not listed below
DUMP = "{set}/utt2sum {set}/.done"  # which stand for the archives
SHOWN = "*.json */result.json"  # what an experiment says of itself, and its results
# Of each worker: the files of a folder below data/, dump/ or exp/ that it names; also of one behind
# an option alone, and of calls with an option. `.` is the word itself, /x a file of the root. {set}
# is each data directory that is named, {apply} each word behind --apply. A * may match nothing.
READS: dict[str, dict[str, str]] = {
    "validate_data_dir.py": {"data": "wav.scp utt2* spk2utt* trials/* segments*"},
    "extract_ssl.py": {"data": "wav.scp utt2dur"},
    "train.py": {
        "data": "wav.scp utt2dur utt2label segments*",
        "data --watch": "wav.scp utt2dur utt2label trials/*",
        "data --attacks": ".",
        "dump": DUMP,
        "exp": ".",
    },
    "score.py": {"data": "wav.scp utt2dur", "dump": DUMP, "exp": "."},
    "novelty.py": {"data": "wav.scp utt2dur", "dump": DUMP, "exp": "best.pt"},
    "diagnose.py": {"data": "wav.scp utt2dur utt2label", "dump": DUMP, "exp": "best.pt"},
    "calibrate.py": {"data": "utt2label", "exp": "{apply}/scores"},
    "fuse.py": {"data": "utt2label", "exp": "{apply}/scores"},
    "fuse.py --unseen": {
        "data": "utt2label utt2attack",
        "exp": "config.yaml {apply}/scores",
        "exp --unseen": "config.yaml {set}/scores",
    },
    "evaluate.py": {
        "data": f"{TRIALS} asv_scores* PROVENANCE*",
        "exp": ".",
        "exp --exp": "selection*.json trained_on*",
    },
    "localise.py": {"data": "wav.scp utt2* spk2utt* segments PROVENANCE*", "exp": "*.scp"},
    "compare.py": {"data": TRIALS, "exp": "{set}/scores"},
    "compare.py --metric": {"data": TRIALS, "exp": "{set}/scores {set}/llr/scores"},
    "describe_model.py": {"exp": "config.yaml"},
    "rank.py": {"exp": SHOWN, "conf": ". /conf/rank.yaml"},
    "report.py": {
        "data": f"{TRIALS} ../../CLAIMS.json*",
        "exp": f"{SHOWN} {{set}}/scores {{set}}/llr*/scores .done config.yaml* env.txt* curve.csv* "
        "{set}/tracing.json*",
        "exp --compare": ".",
        "exp --rank": ".",
    },
}
KINDS = ("conf", "data", "dump", "exp")  # folders whose files are rested on before they are there
NAME = re.compile(r"\{(\w+)\}")


def program_of(words: Sequence[str]) -> str:
    """The word of a command that is the worker: the first that ends in .py, or else the first."""
    return next((word for word in words if word.endswith(".py")), words[0])


def rests_on(words: Sequence[str], parents: Callable[[str], Iterable[str]]) -> list[str]:
    """The names of files that the result of a command rests on, sorted; some with a `*`.

    parents: gives the files that a config (conf/*.yaml, exp/*/config.yaml) rests on, itself too.
    """
    program = program_of(words)
    table = _table(program, words)
    values = _values(words)
    found: set[str] = set()
    for before, word in itertools.pairwise(words[:-1]):
        if word.startswith("--") and "=" in word:
            before, _, word = word.partition("=")
        if word == program or word.startswith("-"):
            continue
        kind = word.partition("/")[0] if "/" in word else ""
        patterns = table.get(f"{kind} {before}", table.get(kind))
        if patterns is None and re.fullmatch("data/[^/]+", word):
            patterns = TABLES  # no stamp stands for one set
        for place in _filled(word, values):
            found.update(_files(place, kind, patterns, values))
    configs = [name for name in found if name.endswith(".yaml") and "*" not in name]
    for name in configs:
        found.update(parents(name))
    return sorted(found)


def _table(program, words):
    """What is said of a worker, with the options that it is called with."""
    name = Path(program).name
    own = [READS[f"{name} {word}"] for word in words if f"{name} {word}" in READS]
    return own[0] if own else READS.get(name, {})


def _files(place, kind, patterns, values) -> Iterator[str]:
    """The files that one word stands for."""
    if patterns is not None:
        for pattern in patterns.split():
            for name in _filled(pattern, values):
                folder = ROOT if name[0] == "/" else place
                yield place if name == "." else f"{folder}/{name.lstrip('/')}"
    elif Path(place).is_dir():
        stamp = f"{place.rstrip('/')}/.done"
        if Path(stamp).is_file():
            yield stamp
    elif Path(place).is_file() or kind in KINDS or (kind and exists(place)):
        yield place


def _values(words):
    """{name: values} of the names in braces: behind an option, or of what is named."""
    values = {"attack": ["*"]}
    for before, word in itertools.pairwise(words[:-1]):
        if before in ("--apply", "--seeds"):
            values[before[2:].removesuffix("s" if before == "--seeds" else "")] = word.split()
        if re.fullmatch("data/[^/]+", word):
            values.setdefault("set", []).append(Path(word).name)
        if re.fullmatch(r"exp/[^/{}]+_seed\d+", word):
            values.setdefault("system", []).append(Path(word).name.rpartition("_seed")[0])
    return values


def _filled(text: str, values) -> list[str]:
    """`text` once for each of the values of the names in it; an unknown name stays as it is."""
    names = [name for name in dict.fromkeys(NAME.findall(text)) if name in values]
    lines = []
    for chosen in itertools.product(*(values[name] for name in names)):
        line = text
        for name, value in zip(names, chosen, strict=True):
            line = line.replace(f"{{{name}}}", value)
        lines.append(line)
    return lines
