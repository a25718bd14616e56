"""A part of a data directory: balanced, of some attacks, so many utterances, or cut to a length."""

import itertools
import random
from collections.abc import Collection, Mapping
from pathlib import Path

from ..errors import UserError
from ..files import atomic_open
from .data_dir import Tables, read_durations, read_trials, trial_lists, write_tables
from .preparation import segments
from .provenance import carry_provenance
from .segments import NAME as SEGMENTS
from .segments import Segments, read_segments, until, whole_label, write_segments


def balanced(tables: Tables, factor: str, seed: int) -> list[str]:
    """As many utterances of each value of `factor`, drawn by `seed`; and as many of each class.

    Each attack has as many as the rarest, and bona fide as many as all spoofs together, or, where
    there are fewer, all of them. Of another factor, each value has as many of each class as the
    rarest has. Raises UserError where there is no such factor.
    """
    table = tables.get(f"utt2{factor}")
    if table is None:
        known = ", ".join(sorted(name[4:] for name in tables if name.startswith("utt2")))
        raise UserError(f"--balance {factor}: no such table; wanted one of {known}")
    groups: dict[tuple[str, str], list[str]] = {}
    for utt, value in table.items():
        groups.setdefault((tables["utt2label"][utt], value), []).append(utt)
    rng = random.Random(seed)
    chosen: list[str] = []
    for label in ("spoof", "bonafide"):
        own = [groups[key] for key in sorted(groups) if key[0] == label]
        count = min(map(len, own), default=0)
        if factor == "attack" and label == "bonafide" and own:
            count = min(count, len(chosen)) or count
        for utts in own:
            chosen += rng.sample(sorted(utts), count)
    return sorted(chosen, key=str.encode)


def of_attacks(tables: Tables, attacks: Collection[str], seed: int) -> list[str]:
    """Bona fide utterances, and spoofs of `attacks` alone, drawn in turn from each.

    They are drawn until they have as many seconds as the attack that has the fewest of all: sets
    of one attack and of several are equally long. Raises UserError for an attack that is not there.
    """
    made, lengths, rng = tables.get("utt2attack", {}), tables["utt2dur"], random.Random(seed)
    groups: dict[str, list[str]] = {}
    for utt in sorted(made):
        if tables["utt2label"][utt] == "spoof":
            groups.setdefault(made[utt], []).append(utt)
    for attack in attacks:
        if attack not in groups:
            known = ", ".join(sorted(groups))
            raise UserError(f"--attacks: found '{attack}', wanted some of {known}")
    left = min(sum(float(lengths[utt]) for utt in utts) for utts in groups.values())
    chosen = [utt for utt, label in tables["utt2label"].items() if label == "bonafide"]
    queues = [rng.sample(groups[attack], len(groups[attack])) for attack in sorted(set(attacks))]
    for utts in itertools.zip_longest(*queues):
        for utt in filter(None, utts):
            if left > 0:
                chosen.append(utt)
                left -= float(lengths[utt])
    return sorted(chosen, key=str.encode)


def drawn(utts: Collection[str], count: int, seed: int) -> list[str]:
    """`count` of `utts`, drawn by `seed`. Raises UserError where there are fewer."""
    if count > len(utts):
        raise UserError(f"--count {count}: found {len(utts)} utterances; wanted at most as many")
    return sorted(random.Random(seed).sample(sorted(utts), count), key=str.encode)


def clipped(
    tables: Tables, seconds: float, allow: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """(wav.scp, utt2dur) with the first `seconds` of each sound, a file of the cache.

    A shorter sound is kept as it is. Raises UserError for a bad sound.
    """
    wavs, durations = {}, {}
    for utt, path in tables["wav.scp"].items():
        place, found = segments(path, utt, seconds, 0.0, allow)[0]
        wavs[utt], durations[utt] = str(place), f"{found:.4f}"
    return wavs, durations


def segments_of(in_dir: str | Path, tables: Tables) -> Segments | None:
    """The segments of the utterances of `tables`, up to their ends by utt2dur, or None."""
    if not Path(in_dir, SEGMENTS).exists():
        return None
    whole, ends = read_segments(in_dir, read_durations(in_dir)), tables["utt2dur"]
    return {utt: until(whole[utt], float(ends[utt])) for utt in ends}


def of_whole_sounds(tables: Tables, before: Mapping[str, str], turned: Collection[str]) -> str:
    """The tables that give `turned`, clips which are bona fide now, what no bona fide sound has.

    before: {utterance: class} of the whole sounds. With commas between, "" for none.
    """
    odd = []
    for name in sorted(tables.keys() - {"utt2label", "utt2attack", "utt2dur", "utt2spk"}):
        table = tables[name] if name.startswith("utt2") else {}
        of_bonafide = [value for utt, value in table.items() if before[utt] == "bonafide"]
        usual = set(of_bonafide)
        tells = 0 < 2 * len(usual) <= len(of_bonafide)  # else each has a value of its own, or none
        odd += [name] * any(table[utt] not in usual for utt in turned if tells)
    return ", ".join(odd)


def relabelled(tables: Tables, segments: Segments | None) -> Tables:
    """The tables with the classes that segments say: a clip without a spoofed part is bona fide.

    It has no attack then. Without segments, the tables as they are.
    """
    if segments is None:
        return tables
    labels = {utt: whole_label(segments[utt]) for utt in tables["utt2label"]}
    made = {"utt2label": labels}
    if "utt2attack" in tables:
        attacks = tables["utt2attack"].items()
        made["utt2attack"] = {utt: a if labels[utt] == "spoof" else "-" for utt, a in attacks}
    return {**tables, **made}


def keep_only(tables: Tables, utts: Collection[str]) -> Tables:
    """The tables with these utterances alone."""
    wanted = set(utts)
    return {
        name: {utt: value for utt, value in table.items() if utt in wanted}
        for name, table in tables.items()
    }


def write_part(in_dir: str | Path, out_dir: str | Path, tables: Tables) -> list[str]:
    """Write `tables` to `out_dir`, their segments and lists of trials; returns the lists' names.

    PROVENANCE goes along, since the speech is the same.

    A list of which nothing is left is not written. Counts of trials are those of the whole set, and
    are left out.
    """
    write_tables(out_dir, tables)
    carry_provenance(in_dir, out_dir)
    if (segments := segments_of(in_dir, tables)) is not None:
        write_segments(out_dir, segments)
    written = []
    for name in trial_lists(in_dir):
        utts = [utt for utt in read_trials(in_dir, name) if utt in tables["wav.scp"]]
        if utts:
            with atomic_open(Path(out_dir) / "trials" / name) as stream:
                stream.writelines(f"{utt}\n" for utt in utts)
            written.append(name)
    return written
