"""The tables of where a system says that sounds are spoofed."""

import json
import re

from antispoof.report.collect import Run
from antispoof.report.localisation import localisation


def cells(eers, interval):
    """Cells of a model of 20 and 40 ms; intervals stand where it is judged at its own frames."""
    for (own, at), eer in eers.items():
        own_frames = {"intervals": interval} if own == at else {}
        yield {"model": own, "at": at, "eer": eer, **own_frames}


def test_segment_eers_have_their_intervals_where_they_are_of_the_own_frames(tmp_path):
    places = (0.02, 0.02), (0.02, 0.04), (0.04, 0.02), (0.04, 0.04)
    runs = []
    for seed, step in ((1, 0.0), (2, 0.02)):
        interval = {"utterance": [0.1, 0.3], "speaker": [0.05, 0.35] if seed == 1 else None}
        found = {
            "set": "eval",
            "seconds": {"bonafide": 30.0, "spoof": 20.0},
            "range": [{"model": m, "eer": 0.25, "intervals": interval} for m in (0.02, 0.04)],
            "segment": list(
                cells({p: 0.2 + step + n / 100 for n, p in enumerate(places)}, interval)
            ),
        }
        path = tmp_path / f"x_seed{seed}"
        path.mkdir()
        (path / "localisation_eval.json").write_text(json.dumps(found))
        runs.append(Run(path, "x", seed))
    text = localisation(runs, "eval")
    words = " ".join(re.sub("<[^>]*>", " ", text[text.rindex("Segment EER") :]).split())
    assert "20 ms 21.00 ± 1.41 5.00–35.00 22.00 ± 1.41 40 ms" in words.replace("\xa0", " ")
    assert "40 ms 23.00 ± 1.41 24.00 ± 1.41 5.00–35.00" in words.replace("\xa0", " ")
