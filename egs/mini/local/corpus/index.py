"""What is built: one record for every finished utterance, and the check that it is still whole."""

import json
from pathlib import Path

from antispoof.data.json_files import write_json
from antispoof.files import atomic_open, sha256_file

JOURNAL, INDEX, MISSING = "journal.jsonl", "index.jsonl", "missing.json"


def wav_path(folder, record):
    """Where the sound of a record lies."""
    return Path(folder) / "wav" / record["split"] / f"{record['utt']}.flac"


def read_records(path):
    """{utt: record} of a file with one JSON object per line; a last line cut short is ignored."""
    records = {}
    if Path(path).exists():
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue  # the run was killed while it wrote this line
            records[record["utt"]] = record
    return records


def whole(folder, records):
    """Those of `records` whose sound is there with the bytes that were written."""
    return {
        utt: record
        for utt, record in records.items()
        if (path := wav_path(folder, record)).is_file()
        and path.stat().st_size == record["bytes"]
        and sha256_file(path) == record["sha256"]
    }


def finished(folder):
    """(records, {missing attack: reason}) of a corpus that is complete and whole, else None."""
    folder = Path(folder)
    if not (folder / INDEX).exists():
        return None
    records = read_records(folder / INDEX)
    if len(whole(folder, records)) < len(records):
        return None
    missing = json.loads((folder / MISSING).read_text(encoding="utf-8"))
    return records, missing


def finish(folder, records, missing):
    """Write the index, last: its presence is what says that the corpus is complete."""
    folder = Path(folder)
    write_json(folder / MISSING, missing)
    with atomic_open(folder / INDEX) as stream:
        for utt in sorted(records):
            stream.write(json.dumps(records[utt], ensure_ascii=False, sort_keys=True) + "\n")
    (folder / JOURNAL).unlink(missing_ok=True)
