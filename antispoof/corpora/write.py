"""Writing a data directory: tables, lists of trials, counts, and where all of it is from."""

from pathlib import Path

from ..data.data_dir import utts_of_speakers
from ..data.provenance import NAME as PROVENANCE
from ..data.tables import write_columns, write_table
from ..files import atomic_open, sha256_file
from .columns import Columns
from .corpus import Corpus
from .counting import members, summary

PATTERNS = (  # what may be left over
    *("utt2*", "trials/*", "trial_counts", "missing", "asv_scores", "segments"),
)


def write_set(out: Path, corpus: Corpus, name: str, columns: Columns, root: Path) -> list[str]:
    """Write the data directory `out`; returns lines that say what is in it besides the tables."""
    tables = {
        "wav.scp": columns.paths,
        "utt2label": columns.labels,
        "utt2spk": columns.speakers,
        "utt2attack": columns.attacks,
        "utt2dur": columns.seconds,
        **{f"utt2{factor}": values for factor, values in columns.factors.items()},
    }
    if columns.ids != columns.keys:
        tables["utt2id"] = columns.ids
    _clear(out, tables)
    write_columns(out, columns.keys, tables)
    speakers = utts_of_speakers(dict(zip(columns.keys, columns.speakers, strict=True)))
    write_table(out / "spk2utt", speakers)
    if columns.missing:
        write_table(out / "missing", columns.missing)
    _write_lists(out, corpus.sets[name], columns)
    asv = corpus.sets[name].asv
    lines = [f"ASV scores: {asv.write(root, out / 'asv_scores')}"] if asv else []
    frames = corpus.sets[name].frames
    lines += [frames.write(root, out, columns)] if frames else []
    with atomic_open(out / PROVENANCE) as stream:
        stream.write(_provenance(corpus, name, columns, root))
    return lines


def _clear(out, tables):
    """Remove what an earlier preparation left that this one does not write."""
    for pattern in PATTERNS:
        for path in out.glob(pattern):
            if path.name not in tables:
                path.unlink()


def _write_lists(out, one, columns):
    counts = {"all": "{} {}".format(*columns.counts())}
    for name, indices in members(one, columns).items():
        with atomic_open(out / "trials" / name) as stream:
            stream.writelines(f"{columns.keys[index]}\n" for index in indices)
        published = " published" if name == one.lists.published else ""
        counts[name] = "{} {}{}".format(*columns.counts(indices), published)
    write_table(out / "trial_counts", counts)


def _provenance(corpus, name, columns, root):
    """What the set was made of: the corpus, its lists with their SHA-256, what was found."""
    one = corpus.sets[name]
    lines = [
        f"corpus: {corpus.name}",
        f"set: {name}",
        f"version: {corpus.version}",
        f"licence: {corpus.licence}",
        f"from: {corpus.home}",
        f"found / expected: {summary(one, columns)}",
    ]
    if columns.missing:
        lines.append(f"partial: {len(columns.missing)} sounds are missing, see `missing`")
    lines += [f"partial: no folder {folder}" for folder in columns.lacking]
    lines += [f"left out: {count} rows '{word}'" for word, count in columns.left_out.items()]
    published = {}
    for reader in one.each_reader():
        for path in reader.files(root, corpus.hints):
            published[path] = getattr(reader, "sha256", "")
    published |= dict.fromkeys(one.asv.files(root) if one.asv else [], "")
    for path, wanted in published.items():
        digest = sha256_file(path)
        same = "as published" if digest.startswith(wanted) else f"not as published, {wanted}..."
        known = f" ({same})" if wanted else ""
        shown = path.relative_to(root) if path.is_relative_to(root) else path  # an option's
        lines.append(f"sha256: {digest}  {shown}{known}")
    return "".join(f"{line}\n" for line in lines)
