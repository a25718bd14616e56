"""Made-up trials of speaker verification, for tests of the workers that judge and fuse them."""

import numpy as np
from made_up import make_scores, make_set

from antispoof.data.tables import read_table


def make_trials(data, path, seed=0, sign=1):
    """Every bona fide utterance as a target and a nontarget trial, every spoof as a spoof trial.

    sign -1: the scores are the wrong way up.
    """
    rng = np.random.default_rng(seed)
    lines, means = [], {"target": 3, "nontarget": -3, "spoof": 1.5}
    for number, (utt, attack) in enumerate(read_table(data / "utt2attack").items()):
        for kind in ("target", "nontarget") if attack == "-" else ("spoof",):
            speaker = f"S{(number + (kind == 'nontarget')) % 8}"
            lines.append(f"{speaker} {utt} {kind} {sign * float(rng.normal(means[kind], 1.5))!r}\n")
    path.write_text("".join(lines))
    return path


def make_place(root):
    """data/{dev,eval}, {dev,eval}_asv and exp/one/{dev,eval}/scores below `root`."""
    for name, seed in (("dev", 1), ("eval", 2)):
        data = make_set(root, name)
        path = root / "exp/one" / name / "scores"
        path.parent.mkdir(parents=True)
        make_scores(data, path)
        make_trials(data, root / f"{name}_asv", seed)
    return root
