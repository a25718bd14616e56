"""The plan: every utterance, its attack, voice, language and material, drawn by hashes alone."""

import dataclasses
import hashlib
import math

from . import design
from .recordings import Recording
from .request import Request, stable_seed
from .texts import by_split

LEAST_SHARE = 0.15  # of a language's fair share, that free attacks keep where tied ones fill it


@dataclasses.dataclass(frozen=True)
class Cell:
    """Utterances that differ in nothing but their material."""

    split: str
    attack: str  # '-' for bona fide
    system: str  # '' for bona fide
    voice: str
    lang: str
    sex: str
    speaker: str  # of the recordings; '' where texts are read
    count: int
    materials: tuple = ()  # Recordings or texts, `count` to use and more in reserve


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One planned utterance: its material, and in `reserve` what takes its place if that fails."""

    utt: str
    cell: Cell
    materials: tuple

    def request(self, attempt):
        """The Request for the `attempt`-th material."""
        cell, material = self.cell, self.materials[attempt]
        recording = material if isinstance(material, Recording) else None
        name = recording.name if recording else material
        shortest, longest = design.LONGEST
        share = stable_seed("seconds", self.utt) / 2**32
        return Request(
            utt=self.utt,
            system=cell.system,
            voice=cell.voice,
            lang=cell.lang,
            sex=cell.sex,
            text="" if recording else material,
            path=str(recording.path) if recording else "",
            seed=stable_seed(self.utt, name),
            max_seconds=round(shortest + (longest - shortest) * share, 3),
        )


def make_plan(recordings, size):
    """All Utterances of a corpus of `size`, sorted by id."""
    people = {
        split: {tuple(key.split("/")) for key in humans} for split, humans in design.HUMANS.items()
    }
    texts = by_split(recordings, people)
    cells = []
    for split in design.SPLITS:
        for cell in split_cells(split, design.SIZES[size][split]):
            cells.append(with_materials(cell, recordings, texts[split]))
    return number(cells)


def share_out(total, weights):
    """Share `total` (int) out in proportion to `weights` {key: >= 0}, by largest remainders."""
    whole = sum(weights.values())
    exact = {key: total * weight / whole for key, weight in weights.items()}
    shares = {key: math.floor(value) for key, value in exact.items()}
    by_rest = sorted(exact, key=lambda key: (shares[key] - exact[key], str(key)))
    for key in by_rest[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


def split_cells(split, scale):
    """The Cells of a split, without materials; counts are scaled, and 1 at least."""

    def scaled(count):
        return max(1, round(count * scale))

    humans = {tuple(k.split("/")): scaled(n) for k, n in design.HUMANS[split].items()}
    cells = [
        Cell(split, "-", "", "", lang, "", speaker, count)
        for (speaker, lang), count in humans.items()
    ]
    for group in (design.KNOWN, design.UNKNOWN):
        tied = [cell for cell in design.TIED[split] if cell.attack in group]
        cells += [
            Cell(split, t.attack, t.system, t.voice, t.lang, t.sex, "", scaled(t.count))
            for t in tied
        ]
        free = {a: scaled(n) for a, n in design.FREE[split].items() if a in group}
        taken = {(t.lang, t.attack, t.voice): scaled(t.count) for t in tied}
        languages = free_languages(humans, taken, free)
        for attack, count in free.items():
            for lang, number_of in share_out(count, languages).items():
                cells += free_cells(split, attack, lang, number_of, humans)
    return [cell for cell in cells if cell.count]


def free_languages(humans, taken, free):
    """Weights {language: } of free attacks that bring all attacks nearest to the humans' shares."""
    people = {}
    for (_, lang), count in humans.items():
        people[lang] = people.get(lang, 0) + count
    total = sum(taken.values()) + sum(free.values())
    weights = {}
    for lang, count in people.items():
        fair = total * count / sum(people.values())
        filled = sum(n for key, n in taken.items() if key[0] == lang)
        weights[lang] = max(fair - filled, LEAST_SHARE * fair)
    return weights


def free_cells(split, attack, lang, count, humans):
    """Cells of one free attack and language: by voice for readers, by speaker for copiers."""
    if attack in design.READERS:
        voices = share_out(count, dict.fromkeys(turned(split, lang), 1))
        system = design.READERS[attack]
        return [Cell(split, attack, system, v, lang, "?", "", n) for v, n in voices.items()]
    speakers = {speaker: n for (speaker, spoken), n in humans.items() if spoken == lang}
    return [
        Cell(split, attack, design.COPIERS[attack], "", lang, "", speaker, n)
        for speaker, n in share_out(count, speakers).items()
    ]


def turned(split, lang):
    """The split's formant voices, in an order that differs by language."""
    return sorted(design.FORMANT_VOICES[split], key=lambda v: stable_seed("voice", lang, v))


def with_materials(cell, recordings, texts):
    """`cell` with its material in an order drawn by hash."""
    if cell.speaker:
        shortest, longest = design.SECONDS
        found = [
            recording
            for recording in recordings
            if (recording.speaker, recording.lang) == (cell.speaker, cell.lang)
            and shortest <= recording.seconds <= longest
        ]
        sex = found[0].sex if found else "?"
        found.sort(key=lambda r: stable_seed(cell.attack, r.name))
        return dataclasses.replace(cell, sex=sex, materials=tuple(found))
    key = (cell.attack, cell.system, cell.voice)
    chosen = sorted(texts.get(cell.lang, ()), key=lambda text: (stable_seed(*key, text), text))
    return dataclasses.replace(cell, materials=tuple(chosen))


def number(cells):
    """Give every utterance an id that tells nothing, and its share of its cell's materials."""
    utterances = []
    for split in design.SPLITS:
        slots = [(cell, n) for cell in cells if cell.split == split for n in range(cell.count)]
        slots.sort(key=lambda slot: slot_hash(*slot))
        for rank, (cell, n) in enumerate(slots):
            materials = cell.materials[n :: cell.count]
            utterances.append(Utterance(f"M_{split[0].upper()}_{rank:05d}", cell, materials))
    return sorted(utterances, key=lambda utterance: utterance.utt)


def slot_hash(cell, n):
    """The place of a cell's `n`-th utterance among all of its split."""
    key = (cell.split, cell.attack, cell.system, cell.voice, cell.lang, cell.speaker, n)
    return hashlib.sha256("/".join(map(str, key)).encode()).digest()
