"""Made-up sets of which a model said which source made each utterance, and their experiments."""

import numpy as np

from antispoof.config import write_config
from antispoof.data.tables import write_table
from antispoof.evaluation.tracing import Sources, Traced
from antispoof.files import sha256_file

CLASSES = ["A01", "A02", "A03"]


def traced(names, seed, name="set", spread=1.0):
    """Utterances of sources: known ones lie along an axis of their own, others between them."""
    rng = np.random.default_rng(seed)
    f = rng.normal(0, spread, (len(names), 6)) / 2
    for row, source in zip(f, names, strict=True):
        row[[CLASSES.index(source)] if source in CLASSES else [0, 1, 2]] += (
            3 if source in CLASSES else 0.6
        )
    utts = np.array([f"{name}_{n:03d}" for n in range(len(names))])
    return Traced(name, utts, f[:, :3] * 1.5, f)


def sources(names, seed, name="set", **how):
    truth = [CLASSES.index(n) if n in CLASSES else -1 for n in names]
    speakers = np.array([f"{n}_{k % 4}" for k, n in enumerate(names)])
    return Sources(traced(names, seed, name, **how), np.array(names), np.array(truth), speakers)


TRAIN, DEV = sources(CLASSES * 20, 1), sources(CLASSES * 12, 2)
EVAL = sources(([*CLASSES, "A07", "A09"]) * 16, 3, spread=1.8)


def make_place(root, names=("x_seed1",)):
    """data/{train,dev,eval} and experiments of `names` below `root`; some speech is bona fide."""
    conf = {"feats": "wave", "model": "mel_cnn", "seed": 1, "loss": "cross_entropy"}
    conf |= {"trace": {"labels": "attack", "classes": CLASSES}, "select": {"metric": "dev_loss"}}
    for exp in (root / "exp" / name for name in names):
        exp.mkdir(parents=True)
        write_config(exp / "config.yaml", conf)
        (exp / "best.pt").write_bytes(b"weights of " + exp.name.encode())
        for name, own in (("train", TRAIN), ("dev", DEV), ("eval", EVAL)):
            utts = traced([*own.names.tolist(), "-", "-"], 5, name).utts
            rows = own.traced.logits, own.traced.embeddings
            logits, embeddings = (np.vstack([part, part[:2]]) for part in rows)
            model = sha256_file(exp / "best.pt")
            Traced(exp / name / "traced.npz", utts, logits, embeddings, model).save()
    for name, own in (("train", TRAIN), ("dev", DEV), ("eval", EVAL)):
        tables = {
            "wav.scp": ["x.flac"] * (len(own.names) + 2),
            "utt2attack": [*own.names.tolist(), "-", "-"],
            "utt2spk": [*own.speakers.tolist(), "s", "s"],
        }
        utts = traced(tables["utt2attack"], 5, name).utts.tolist()
        for table, values in tables.items():
            write_table(root / "data" / name / table, dict(zip(utts, values, strict=True)))
    return root
