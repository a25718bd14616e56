"""Experiments of random weights, and packs of them that somebody has changed."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import soundfile
import torch
from ssl_models import hugging_face, jolt

from antispoof.evaluation.fusion import Calibration, Fusion
from antispoof.scoring.build import build_system
from antispoof.ssl import convert, save
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

UPSTREAM = "name: wavlm_local\ncheckpoint: model.pt\nlayers: all\ndtype: one_byte\n"
MHFA = "model: mhfa\nmodel_conf: {heads: 4, compression: 16, embedding: 16, layers: 2, dim: 32}\n"
STATES = f"upstream: small\nlayers: [1, 3]\n{MHFA}crop: {{test: full, seconds: 0.5, pad: none}}\n"
CONFIGS = {
    "wave_seed1": "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 8, 16, 32]}\n"
    "crop: {test: centre, seconds: 0.5, pad: tile}\n",
    "cached_seed1": f"feats: cached\n{STATES}",
    "tuned_seed1": f"feats: ssl\n{STATES}finetune: {{layers: [1]}}\n",
}


def make_systems(folder, names=tuple(CONFIGS)):
    """Experiments `exp/<name>` below `folder`, and of several their fusion, exp/fusion_seed1."""
    if len(names) > 1:
        (folder / "model").mkdir(parents=True)
        hugging_face("wavlm_large", folder / "model")
        save(convert(folder / "model")[0], folder / "model.pt")
    (folder / "conf/upstream").mkdir(parents=True)
    (folder / "conf/upstream/small.yaml").write_text(UPSTREAM)
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.0, 2, 1, 3])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in names:
            (folder / f"{name}.yaml").write_text(CONFIGS[name])
            config = claim(f"exp/{name}", load_experiment(f"{name}.yaml", 1))
            torch.manual_seed(0)
            state = {"model": jolt(build_system(config)).state_dict(), "epoch": 1}
            save_checkpoint(f"exp/{name}/best.pt", state)
            Calibration.fit(scores, labels, (name,)).save(f"exp/{name}/calibration.json")
        if len(names) > 1:
            both = np.stack([scores, scores[::-1], scores**2], 1)[:, : len(names)]
            Fusion.fit(both, labels, names).save("exp/fusion_seed1/fusion.json")
    return folder / "exp"


def make_sounds(folder, count=3):
    """Paths of sounds of a second."""
    rng, paths = np.random.default_rng(0), []
    for number in range(count):
        paths.append(folder / f"{number}.wav")
        wave = rng.standard_normal(16000) * np.linspace(0.01, 0.2, 16000)
        soundfile.write(paths[-1], wave, 16000, subtype="FLOAT")
    return paths


def parts_of(pack):
    """{name: bytes} of the parts of a pack, its manifest too."""
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def listed(parts, **changes):
    """`parts` with a manifest that lists them as they are; `changes` of its keys."""
    manifest = json.loads(parts["manifest.json"])
    manifest["parts"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in parts.items()
        if name != "manifest.json"
    }
    return {**parts, "manifest.json": json.dumps({**manifest, **changes}).encode()}


def zipped(path, parts, compression=zipfile.ZIP_STORED):
    """A zip of {name, or ZipInfo: bytes}, or of a list of such pairs."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in parts.items() if isinstance(parts, dict) else parts:
            archive.writestr(name, data)
    return path


def arrays_that_state(count, *names):
    """The bytes of a .npz whose arrays have four numbers each, and heads that state others."""
    data, parts = io.BytesIO(), io.BytesIO()
    np.save(data, np.arange(4.0))
    old, new = b"(4,), }", b"(%d,), }" % count
    changed = data.getvalue().replace(old + b" " * (len(new) - len(old)), new)
    with zipfile.ZipFile(parts, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", changed)
    return parts.getvalue()
