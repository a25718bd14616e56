"""Made-up sounds of which a part is spoofed: noise, with a tone where it is."""

from pathlib import Path

import numpy as np
import soundfile
from sounds import RATE, sound

from antispoof.data.data_dir import write_tables
from antispoof.data.segments import write_segments

SETS = {"train": 32, "dev": 16, "eval": 24}


def make_partial(root, sets=None, tone=0.3):
    """Write root/data/<set> with segments: every second utterance has a tone of 0.3 to 0.5 s."""
    for name, count in (sets or SETS).items():
        data, tables, segments = Path(root) / "data" / name, {}, {}
        (Path(root) / "wav").mkdir(exist_ok=True)
        for number in range(count):
            utt, spoof = f"{name}_{number:03d}", number % 2
            rng = np.random.default_rng([number, len(name)])
            seconds = 1.2 + 0.1 * (number % 4)
            start = round(float(rng.uniform(0.1, seconds - 0.6)), 3)
            end = round(start + float(rng.uniform(0.3, 0.5)), 3)
            wave = sound(utt, seconds, 0.0)
            if spoof:
                first, last = round(start * RATE), round(end * RATE)
                wave[first:last] = sound(utt, seconds, tone)[first:last]
            path = Path(root).resolve() / "wav" / f"{utt}.flac"
            soundfile.write(path, wave, RATE)
            length = len(wave) / RATE
            parts = [(0.0, start, "bonafide"), (start, end, "spoof"), (end, length, "bonafide")]
            segments[utt] = parts if spoof else [(0.0, length, "bonafide")]
            values = {
                "wav.scp": str(path),
                "utt2label": "spoof" if spoof else "bonafide",
                "utt2spk": f"{name}_{number % 5}",
                "utt2attack": "A01" if spoof else "-",
                "utt2dur": f"{length:.4f}",
            }
            for table, value in values.items():
                tables.setdefault(table, {})[utt] = value
        data.mkdir(parents=True)
        write_tables(data, tables)
        write_segments(data, segments)
    return Path(root)
