"""What members of a fusion read alike is computed once, and their LLRs keep every byte."""

import contextlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from ssl_models import hugging_face, jolt
from tiny_detector import voice

from antispoof.data.sounds import Sound
from antispoof.detector import long_sounds
from antispoof.detector.long_sounds import LongSound, open_sound, score_long
from antispoof.errors import UserError
from antispoof.evaluation.fusion import Fusion
from antispoof.explain.insides import systems_of
from antispoof.features.lfcc import LFCCFrontEnd
from antispoof.features.mel import MelFrontEnd
from antispoof.scoring.build import build_system
from antispoof.ssl import convert, save
from antispoof.ssl.distillmos import ALIKE
from antispoof.ssl.finetuned import FrontEnd
from antispoof.systems import shared
from antispoof.systems.system import AS_IT_IS, System, open_detector
from antispoof.torch_utils.checkpoint import save_checkpoint
from antispoof.training.experiment import claim, load_experiment

CPU = torch.device("cpu")
CROP = "batch_size: 2\ncrop: {test: full, seconds: 1.0, pad: tile}\n"
MHFA = "model: mhfa\nmodel_conf: {layers: 2, dim: 32, heads: 4}\n"
SSL = f"upstream: small\nlayers: [1, 3]\n{MHFA}"
CONFIGS = {
    "cached": f"feats: cached\n{SSL}",
    "below": f"feats: cached\nupstream: small\nlayers: [0, 2]\n{MHFA}",
    "copied": f"feats: cached\nupstream: copied\nlayers: [1, 3]\n{MHFA}",
    "normed": f"feats: cached\nupstream: normed\nlayers: [1, 3]\n{MHFA}",
    "mel": "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 8, 16, 32]}\n",
    "lfcc": "feats: wave\nmodel: lfcc_lcnn\n",
    "frozen": f"feats: ssl\n{SSL}",
    "tuned": f"feats: ssl\n{SSL}finetune: {{layers: [2]}}\n",
}
SAME = ("cached", "mel", "lfcc", "frozen")  # three seeds each
OTHER = "feats: wave\nmodel: mel_cnn\nmodel_conf: {widths: [4, 8, 16, 32]}\n"  # of other windows


def make_system(name, text, seed, crop=CROP):
    """exp/<name>_seed<seed>, of random weights."""
    Path(f"{name}.yaml").write_text(text + crop)
    exp = Path("exp", f"{name}_seed{seed}")
    config = claim(exp, load_experiment(f"{name}.yaml", seed))
    model = build_system(config)
    torch.manual_seed(seed)
    back_end = model.back_end if config["feats"] == "ssl" else model
    jolt(back_end)
    if name == "tuned":
        jolt(model.front_end.parts.layers[2])
    save_checkpoint(exp / "best.pt", {"model": model.state_dict(), "epoch": 1})


def make_fusion(name, *systems):
    weights = tuple(0.3 + 0.1 * number for number in range(len(systems)))
    values = {**vars(AS_IT_IS), "systems": systems, "weights": weights, "offset": 0.5}
    Path("exp", name).mkdir()
    Fusion(**values).save(f"exp/{name}/fusion.json")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of experiments and fusions of them."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "model").mkdir()
    hugging_face("wavlm_large", folder / "model")
    save(convert(folder / "model")[0], folder / "model.pt")
    (folder / "conf/upstream").mkdir(parents=True)
    text = f"name: wavlm_local\ncheckpoint: {folder}/model.pt\nlayers: all\n"
    more = {
        "small": "",
        "copied": "copies: {count: 1, augment: [{rawboost: {algo: 4}}]}\n",
        "normed": "waveform_norm: false\n",
    }
    for name, line in more.items():
        (folder / f"conf/upstream/{name}.yaml").write_text(text + line)
    with contextlib.chdir(folder):
        for name, config in CONFIGS.items():
            for seed in (1, 2, 3) if name in SAME else (1,):
                make_system(name, config, seed)
        for name in SAME:
            make_fusion(f"three_{name}", *(f"{name}_seed{seed}" for seed in (1, 2, 3)))
        make_fusion("layers", "cached_seed1", "below_seed1")
        make_fusion("copies", "cached_seed1", "copied_seed1")
        make_fusion("norms", "cached_seed1", "normed_seed1")
        make_fusion("tunes", "frozen_seed1", "tuned_seed1")
        make_fusion("nested", "cached_seed2", "three_cached", "layers")
        make_system("other", OTHER, 1, "crop: {test: full, seconds: 0.7, pad: tile}\n")
        make_fusion("other_windows", "mel_seed1", "other_seed1", "cached_seed1", "mel_seed2")
        make_fusion("mixed", "mel_seed1", "nested", "lfcc_seed1", "three_mel", "frozen_seed1")
        yield folder


@pytest.fixture(scope="module")
def sounds():
    waves = [voice(seconds, seed=n) for n, seconds in enumerate((1.0, 2.3, 1.0, 2.3, 0.9))]
    return [Sound(f"s{n}", wave, f"s{n}.wav") for n, wave in enumerate(waves)]


def alone(exp, sounds):
    """LLRs by systems each of which is opened and scored by itself."""
    mapping = Fusion.load(exp / "fusion.json")
    scores = []
    for name in mapping.systems:
        own = exp.parent / name
        nested = (own / "fusion.json").exists()
        scores.append(alone(own, sounds) if nested else System(own, CPU).scores(sounds))
    return mapping(np.stack(scores, 1))


FUSIONS = (
    *(f"three_{name}" for name in SAME),
    *("layers", "copies", "norms", "tunes", "nested", "mixed"),
)


@pytest.mark.parametrize("name", FUSIONS)
def test_llrs_of_a_fusion_are_those_of_its_systems_alone_to_the_byte(place, sounds, name):
    detector = open_detector(place / "exp" / name, CPU)
    expected = alone(place / "exp" / name, sounds)
    assert len(set(expected)) == len(sounds)
    for _ in range(2):
        assert detector.scores(sounds).tobytes() == expected.tobytes()
    few = sounds[1:3]
    assert detector.scores(few).tobytes() == alone(place / "exp" / name, few).tobytes()


@pytest.fixture
def long_sound(tmp_path, monkeypatch):
    """Seven seconds as a sound that is long, read in 13 windows of a second, a few at once."""
    monkeypatch.setattr(long_sounds, "LONG", 2.0)
    monkeypatch.setattr(long_sounds, "PIECES", 5)
    soundfile.write(tmp_path / "x.wav", voice(7.0), 16000)
    found = open_sound(tmp_path / "x.wav")
    assert isinstance(found, LongSound)
    return found


def long_alone(exp, sound):
    """The LLR of a long sound by systems each of which is opened and scored by itself."""
    mapping = Fusion.load(exp / "fusion.json")
    scores = []
    for name in mapping.systems:
        own = exp.parent / name
        nested = (own / "fusion.json").exists()
        scores.append(long_alone(own, sound) if nested else score_long(System(own, CPU), sound)[0])
    return float(mapping(np.array([scores]))[0])


@pytest.mark.parametrize("name", [*FUSIONS, "other_windows"])
def test_llrs_of_a_long_sound_are_those_of_its_systems_alone_to_the_byte(place, long_sound, name):
    found, words = score_long(open_detector(place / "exp" / name, CPU), long_sound)
    assert found == long_alone(place / "exp" / name, long_sound)
    assert words == (long_sounds.MEANS,)


@contextlib.contextmanager
def counting(detector):
    """{a front end: how many sounds it computes} while this is open."""
    found, hooks = Counter(), []

    def count(module, args):
        found[module] += len(args[0])

    systems = {id(own): own for _, own in systems_of(detector)}.values()
    modules = {own.upstream.model for own in systems if own.upstream}
    for own in systems:
        inside = own.model.modules()
        modules |= {m.mel for m in inside if isinstance(m, MelFrontEnd)}
        modules |= {m.lfcc for m in own.model.modules() if isinstance(m, LFCCFrontEnd)}
        modules |= {m.upstream for m in own.model.modules() if isinstance(m, FrontEnd)}
    for module in modules:
        hooks.append(module.register_forward_pre_hook(count))
    yield found
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize(
    ("name", "front_ends"),
    [
        *((f"three_{name}", 1) for name in SAME),
        *(("layers", 1), ("copies", 1), ("nested", 1), ("mixed", 4), ("norms", 2), ("tunes", 2)),
    ],
)
def test_each_front_end_of_a_fusion_computes_each_sound_once(place, sounds, name, front_ends):
    detector = open_detector(place / "exp" / name, CPU)
    for _ in range(2):
        with counting(detector) as found:
            detector.scores(sounds)
        assert list(found.values()) == front_ends * [len(sounds)]


@pytest.mark.parametrize(
    ("name", "front_ends"),
    [("three_cached", 1), ("nested", 1), ("mixed", 4), ("norms", 2)],
)
def test_each_front_end_of_a_fusion_computes_each_window_of_a_long_sound_once(
    place, long_sound, name, front_ends
):
    detector = open_detector(place / "exp" / name, CPU)
    with counting(detector) as found:
        score_long(detector, long_sound)
    assert list(found.values()) == front_ends * [13]


def test_a_system_that_stands_twice_in_a_fusion_is_scored_once(place, sounds):
    detector = open_detector(place / "exp/nested", CPU)
    own, calls = [system for _, system in systems_of(detector)], Counter()
    for model in {system.model for system in own}:
        model.register_forward_pre_hook(lambda model, args: calls.update({model: len(args[0])}))
    detector.scores(sounds)
    assert len(own) == 6 and list(calls.values()) == 4 * [len(sounds)]


def test_sounds_that_are_alike_share_larger_batches(place):
    system, sizes = System(place / "exp/cached_seed1", CPU), []
    system.upstream.model.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    sounds = [Sound(f"s{n}", voice(1.0, seed=n), f"s{n}.wav") for n in range(12)]
    expected = system.scores(sounds)
    assert sizes == [8, 4]
    with ALIKE.open():
        assert system.scores(sounds) == pytest.approx(expected, abs=1e-5)
    assert sizes == [8, 4, 12]


def test_nothing_of_a_batch_is_kept_behind_it(place, sounds):
    detector = open_detector(place / "exp/mixed", CPU)
    detector.scores(sounds)
    assert shared.BATCH.now is None
    with pytest.raises(UserError, match="not finite|is the sound sound"):
        detector.scores([sounds[0]._replace(wave=np.full(16000, np.nan, np.float32))])
    assert shared.BATCH.now is None
