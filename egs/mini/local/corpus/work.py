"""One batch of utterances: synthesised, sent through the channel, written. Runs in a process."""

import dataclasses

from antispoof import SAMPLE_RATE
from antispoof.files import atomic_path, sha256_file

from .index import wav_path
from .locks import die_with_parent
from .recordings import Recording, normalise
from .request import Failure, stable_seed

ATTEMPTS = 4  # materials tried for one utterance
TOO_MANY = 3  # requests: where all of that many fail, the system is broken, not the material

_worker = {}  # of this process: folder of the corpus, {split: noise shapes}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one utterance: its record, or the reasons why there is none."""

    utterance: object
    record: dict | None
    failures: tuple  # of (material's name, reason), one for each failed attempt


def start(folder, shapes):
    """Prepare this process; `shapes` are the noise shapes of every split."""
    die_with_parent()
    _worker.update(folder=folder, shapes=shapes)


def make(batch):
    """Outcomes of a batch of Utterances of one system; what fails is tried with the next material.

    A batch that fails as a whole is not tried again.
    """
    outcomes, waiting, failures = [], list(batch), {utterance.utt: () for utterance in batch}
    for attempt in range(ATTEMPTS):
        waiting = [u for u in waiting if attempt < len(u.materials)]
        by_utt = {utterance.utt: utterance for utterance in waiting}
        requests = [utterance.request(attempt) for utterance in waiting]
        waiting = []
        for request, wave in speak(requests):
            utterance = by_utt[request.utt]
            record = wave if isinstance(wave, Failure) else store(utterance, request, wave)
            if isinstance(record, Failure):
                name = source_name(utterance, attempt)
                failures[request.utt] += ((name, record.reason),)
                waiting.append(utterance)
            else:
                record["source"] = source_name(utterance, attempt)
                outcomes.append(Outcome(utterance, record, failures[request.utt]))
        if not waiting or (not outcomes and len(batch) >= TOO_MANY):
            break
    done = {outcome.utterance.utt for outcome in outcomes}
    return outcomes + [Outcome(u, None, failures[u.utt]) for u in batch if u.utt not in done]


def speak(requests):
    """Pairs (request, wave or Failure) for requests of one system; '' plays the recording."""
    from .synthesis import SYSTEMS, batch

    if not requests:
        return ()
    system = requests[0].system
    if not system:
        return ((request, batch.outcome(batch.source, request)) for request in requests)
    return SYSTEMS[system](requests)


def store(utterance, request, wave):
    """Send `wave` (S,) through the channel and write it; returns its record, or a Failure."""
    import soundfile

    from .channel import transmit

    cell = utterance.cell
    try:
        wave, codec = transmit(wave, request.utt, _worker["shapes"][cell.split])
    except ValueError as error:
        return Failure(str(error))
    record = {
        "utt": request.utt,
        "split": cell.split,
        "attack": cell.attack,
        "speaker": speaker_name(cell),
        "lang": cell.lang,
        "codec": codec,
        "seconds": round(len(wave) / SAMPLE_RATE, 3),
        "text": request.text,
    }
    path = wav_path(_worker["folder"], record)
    with atomic_path(path) as temporary:
        soundfile.write(temporary, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        record["bytes"], record["sha256"] = temporary.stat().st_size, sha256_file(temporary)
    return record


def speaker_name(cell):
    """Who is heard: the person, also in copy synthesis; else the voice, or who was disguised."""
    if cell.speaker:
        return f"converted_{cell.speaker}" if cell.system == "conversion" else cell.speaker
    return f"{cell.system}_{cell.voice}"


def source_name(utterance, attempt):
    """What an utterance is made from: a recording's name, or `text/` and a text's own number."""
    material = utterance.materials[attempt]
    if isinstance(material, Recording):
        return material.name
    return f"text/{utterance.cell.lang}/{stable_seed(normalise(material)):08x}"
