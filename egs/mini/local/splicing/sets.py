"""Which recording gets which phrase, drawn by ids alone, and the data directory of it."""

import soundfile

from antispoof import SAMPLE_RATE
from antispoof.data.audio import read_wave
from antispoof.data.data_dir import read_data_dir, write_tables
from antispoof.data.seeds import generator
from antispoof.data.segments import write_segments
from antispoof.files import atomic_path
from corpus import channel

from .join import join, transmit

KINDS = ("none", "bonafide", "spoof", "spoof")  # drawn: half of the recordings get a spoof
SHAPES = 60  # recordings whose backgrounds shape the noise


def make_set(source, out, sounds, seed, advance):
    """Write the partial set `out` of the data directory `source`; returns how many utterances.

    Each recording of a person stays whole, or gets a phrase of the same person, or one of a spoof:
    of the same person where the attack has that voice, or else of the same language. Half of the
    phrases are cross-faded. sounds: folder of the sounds; advance(): called for each.
    """
    tables = read_data_dir(source)
    hosts = [utt for utt, label in tables["utt2label"].items() if label == "bonafide"]
    waves = Waves(tables["wav.scp"])
    shapes = channel.noise_shapes([waves(utt) for utt in hosts[:SHAPES]])
    rows, segments = {}, {}
    for host in hosts:
        rng = generator("partial", seed, host)
        kind = KINDS[rng.integers(len(KINDS))]
        donor = choose(kind, host, tables, rng)
        kind, fade = kind if donor else "none", bool(rng.integers(2))
        wave, spans = waves(host), None
        if donor:
            wave, start, end = join(wave, waves(donor), fade, rng)
            spans = start / SAMPLE_RATE, end / SAMPLE_RATE
        wave, codec = transmit(wave, shapes, rng)
        path = sounds / f"{host}.flac"
        with atomic_path(path) as temporary:
            soundfile.write(temporary, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        segments[host] = spans_of(kind, spans, len(wave) / SAMPLE_RATE)
        rows[host] = row(tables, host, donor, kind, fade)
        rows[host] |= {"wav.scp": str(path), "utt2codec": codec}
        rows[host]["utt2dur"] = f"{len(wave) / SAMPLE_RATE:.4f}"
        advance()
    names = next(iter(rows.values()))
    write_tables(out, {name: {utt: own[name] for utt, own in rows.items()} for name in names})
    write_segments(out, segments)
    return len(rows)


class Waves:
    """The sound of an utterance, in float64."""

    def __init__(self, wavs):
        self.wavs = wavs

    def __call__(self, utt):
        return read_wave(self.wavs[utt], utt).astype(float)


def choose(kind, host, tables, rng):
    """The utterance whose phrase `host` gets, or None."""
    speakers, attacks = tables["utt2spk"], tables["utt2attack"]
    if kind == "none":
        return None
    if kind == "bonafide":
        found = [u for u, s in speakers.items() if s == speakers[host] and attacks[u] == "-"]
    else:
        names = sorted(set(attacks.values()) - {"-"})
        attack = names[rng.integers(len(names))]
        own = [utt for utt, name in attacks.items() if name == attack]
        langs = tables["utt2lang"]
        found = [utt for utt in own if speakers[utt] == speakers[host]]
        found = found or [utt for utt in own if langs[utt] == langs[host]] or own
    found = [utt for utt in found if utt != host]
    return found[rng.integers(len(found))] if found else None


def spans_of(kind, spans, seconds):
    """Segments: the phrase apart from the rest where it is spoofed."""
    if kind != "spoof":
        return [(0.0, seconds, "bonafide")]
    start, end = spans
    parts = [(0.0, start, "bonafide"), (start, end, "spoof"), (end, seconds, "bonafide")]
    return [part for part in parts if part[1] > part[0]]


def row(tables, host, donor, kind, fade):
    """What the tables say of an utterance."""
    spoof = kind == "spoof"
    return {
        "utt2label": "spoof" if spoof else "bonafide",
        "utt2attack": tables["utt2attack"][donor] if spoof else "-",
        "utt2spk": tables["utt2spk"][host],
        "utt2lang": tables["utt2lang"][host],
        "utt2splice": f"{kind}_{'fade' if fade else 'cut'}" if donor else "none",
        "utt2donor": donor or "none",
    }
