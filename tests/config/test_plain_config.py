"""Configs: every default, every key over it, every bound from both sides."""

import copy

import pytest
import yaml

from antispoof.config import EXPERIMENT, EXPERIMENT_KEYS, load_config, merge, one_of, some_of
from antispoof.config.keys import Choice, Layers
from antispoof.errors import UserError
from antispoof.training.experiment import load_experiment

GOOD = {"feats": "ssl", "upstream": "x", "model": "mhfa"}
DEFAULTS = {"a": 1, "b": {"c": 0.5, "d": {"e": "text"}}, "f": [], "g": True, "h": {}}


def load(folder, *overrides, **departures):
    path = folder / "train_x.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **departures}))
    return load_experiment(path, 1, overrides)


def plain_merge(defaults, given):
    """`given` over `defaults`, block by block."""
    merged = {}
    for key, default in defaults.items():
        if key not in given:
            merged[key] = default
        elif isinstance(default, dict) and default:
            merged[key] = plain_merge(default, given[key])
        else:
            merged[key] = given[key]
    return merged


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"a": 7},
        {"b": {"c": 2}},
        {"b": {"d": {"e": "other"}}},
        {"f": [1, 2], "g": False, "h": {"any": 1}},
        {"b": {"c": 3.5, "d": {"e": ""}}, "a": 0},
    ],
)
def test_a_merge_is_the_plain_one_and_keeps_kinds(given):
    before = copy.deepcopy((DEFAULTS, given))
    found = merge(DEFAULTS, given, "x")
    assert found == plain_merge(DEFAULTS, given)
    assert list(found) == list(DEFAULTS)
    assert (type(found["a"]), type(found["b"]["c"]), type(found["g"])) == (int, float, bool)
    assert (DEFAULTS, given) == before


REFUSED = [
    ({"z": 1}, "unknown key 'z', did you mean '"),
    ({"b": {"cc": 1}}, "unknown key 'b.cc', did you mean 'b.c'?"),
    ({"b": {"d": {"f": 1}}}, "unknown key 'b.d.f', did you mean 'b.d.e'?"),
    ({"b": 3}, "'b' is 3, wanted keys ['c', 'd']"),
    ({"b": {"d": []}}, "'b.d' is [], wanted keys ['e']"),
    ({"a": 1.5}, "'a' is 1.5, wanted int"),
    ({"a": True}, "'a' is True, wanted int"),
    ({"a": "1"}, "'a' is '1', wanted int"),
    ({"b": {"c": True}}, "'b.c' is True, wanted float"),
    ({"b": {"c": "x"}}, "'b.c' is 'x', wanted float"),
    ({"b": {"d": {"e": 1}}}, "'b.d.e' is 1, wanted str"),
    ({"f": {}}, "'f' is {}, wanted list"),
    ({"g": 0}, "'g' is 0, wanted bool"),
    ({"h": []}, "'h' is [], wanted dict"),
    ({"a": None}, "'a' is None, wanted int"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_a_merge_refuses(given, words):
    with pytest.raises(UserError) as caught:
        merge(DEFAULTS, given, "place")
    assert str(caught.value).startswith(f"place: {words}")


def test_choices_that_stand_for_a_kind():
    upstream = {
        "layers": Layers("last", ("last", "all")),
        "waveform_norm": Choice("as_trained", ("as_trained", True, False)),
        "tune": Layers("none", ("none", "all")),
    }
    good = {"layers": ["last", "all", [1, 2]], "waveform_norm": ["as_trained", True, False]}
    for key, values in {**good, "tune": ["none", "all", "1..3", [1]]}.items():
        for value in values:
            wanted = [1, 2, 3] if value == "1..3" else value
            assert merge(upstream, {key: value}, "x")[key] == wanted
    bad = {"layers": ["first", 3], "waveform_norm": ["yes", 1], "tune": [3, 0.5]}
    for key, values in bad.items():
        for value in values:
            with pytest.raises(UserError, match=f"'{key}' is '?{value}'?, wanted (a list|one) of"):
                merge(upstream, {key: value}, "x")


def test_overrides_come_last_and_reach_any_depth(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: 2\nb: {c: 3}\n")
    overrides = ["b.c=4", "b.d.e=x=y", "h.new.deep=[1]", "a=5", "a=6"]
    found = load_config(path, DEFAULTS, overrides)
    assert found == {**DEFAULTS, "a": 6, "b": {"c": 4.0, "d": {"e": "x=y"}},
                     "h": {"new": {"deep": [1]}}}  # fmt: skip
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(UserError, match="is not YAML"):
        load_config(path, DEFAULTS)


def test_one_of_names_the_nearest_and_lists_no_more_than_twenty():
    names = [f"name{number:02d}" for number in range(21)]
    for count, words in ((20, f"wanted one of {', '.join(names[:20])}"), (21, "wanted a known")):
        with pytest.raises(UserError) as caught:
            one_of("p", "k", "nam07", names[:count])
        assert str(caught.value).startswith(f"p: 'k' is 'nam07', {words}")
        assert str(caught.value).endswith("did you mean 'name07'?")
    with pytest.raises(UserError, match="'k' is 'c', wanted one of a, b"):
        some_of("p", "k", ["a", "c"], ("a", "b"))
    some_of("p", "k", [], ("a", "b"))


# key: values that are good, values that are bad
BOUNDS = {
    "epochs": ([1], [0, -1]),
    "batch_size": ([1], [0]),
    "accum_grad": ([1, 32], [0, 33]),
    "crop.seconds": ([0.001], [0, -1.0]),
    "crop.train": (["first", "centre", "random", "full"], ["windows"]),
    "crop.test": (["first", "centre", "random", "full", "windows"], ["last"]),
    "crop.pad": (["zero", "tile", "none"], ["wrap"]),
    "feats": (["ssl", "cached"], ["mel"]),
    "allow": ([[], ["resample", "mixdown"]], [["dither"], ["resample", "cut"]]),
    "layers": ([[0], [3, 1]], [[], [-1], [True], [1.0]]),
    "class_weights": (
        [[0.1, 2]],
        [[1.0], [1.0, 0.0], [1, 2, 3], [1, -1], [".inf", 1], "[.inf, 1]", [1, True]],
    ),
    "schedule_conf.every": ([1], [0]),
    "schedule_conf.warmup": ([0, 10], [-0.1, 10.1]),
    "schedule_conf.gamma": ([0.01, 3], [0, -1, ".inf"]),
    "schedule_conf.least": ([0, 1], [-0.1, 1.1]),
    "select.average": ([1], [0]),
    "select.patience": ([0, 3], [-1]),
    "select.ema": ([0, 0.999], [1, -0.1]),
    "select.metric": (
        ["dev_eer", "dev_min_dcf", "dev_cllr", "dev_loss", "train_loss"],
        ["watch_dev_eer", "eval_eer", "test_eer", "dev", "train_eer"],
    ),
    "select.keep": (["best", "last", "average_best", "average_last"], ["worst"]),
    "optimizer": (["adam", "adamw", "sgd"], ["lamb"]),
    "schedule": (["constant", "cosine", "step"], ["linear"]),
    "autocast": (["none", "bf16", "fp16"], ["fp8"]),
    "loss": (
        [
            "cross_entropy",
            "bce",
            "focal",
            "am_softmax",
            "oc_softmax",
            "aam_softmax",
            "p2sgrad",
            "samo",
        ],
        ["hinge"],
    ),
    "sharpness.rho": ([0, 0.05], [-0.1, ".inf"]),
    "finetune.layers": (
        ["none", "all", "2..2", [0, 5]],
        ["some", "3..2", [], [1, 1], [-1], "1..x"],
    ),
    "finetune.lr": ([1e-9], [0, -1, ".inf"]),
    "finetune.feature_grad_mult": ([0, 3], [-0.1, ".inf"]),
    "finetune.layer_drop": ([0, 0.99], [1, -0.1]),
    "optimizer_conf.momentum": ([0], [0.9]),
}


@pytest.mark.parametrize("key", BOUNDS)
def test_every_bound_from_both_sides(tmp_path, key):
    good, bad = BOUNDS[key]
    for value in good:
        load(tmp_path, f"{key}={value}")
    for value in bad:
        with pytest.raises(UserError):
            load(tmp_path, f"{key}={value}")


def test_augmentation_wants_sounds_and_fine_tuning_an_upstream_inside(tmp_path):
    load(tmp_path, augment=["mu_law"])
    load(tmp_path, augment=["mu_law"], feats="wave")
    with pytest.raises(UserError, match="'augment' needs 'feats: wave' or 'feats: ssl'"):
        load(tmp_path, augment=["mu_law"], feats="cached")
    for feats in ("cached", "wave"):
        with pytest.raises(UserError, match="'finetune' needs 'feats: ssl'"):
            load(tmp_path, finetune={"layers": "all"}, feats=feats)
        with pytest.raises(UserError, match="needs 'upstream'"):
            load(tmp_path, upstream="", feats="ssl")
    load(tmp_path, upstream="", feats="wave")
    load(tmp_path, "optimizer=sgd", "optimizer_conf.momentum=0.9")


def test_the_config_itself_is_checked_and_not_its_phases_alone(tmp_path):
    with pytest.raises(UserError, match="'epochs' is 0, wanted at least 1"):
        load(tmp_path, "epochs=0", phases=[{"epochs": 1}])
    with pytest.raises(UserError, match="'batch_size' is 0, wanted at least 1"):
        load(tmp_path, "batch_size=0")
    with pytest.raises(UserError, match="'accum_grad' must not exceed 'batch_size'"):
        load(tmp_path, "batch_size=2", "accum_grad=3", phases=[{"batch_size": 8}])
    found = load(tmp_path, "finetune.layers=2..4", feats="ssl", upstream="fbank")
    assert found["finetune"]["layers"] == [2, 3, 4]


def test_ranges_of_layers_are_lists_in_order():
    block = EXPERIMENT["finetune"]
    cases = [("12..15", [12, 13, 14, 15]), ("0..0", [0]), ([5, 2, 11], [2, 5, 11])]
    for said, layers in [*cases, ("none", "none"), ("all", "all")]:
        found = merge(EXPERIMENT_KEYS["finetune"], {**block, "layers": said}, "x")
        assert found == {**block, "layers": layers}


def test_a_chain_is_checked_when_the_config_is_read(tmp_path):
    with pytest.raises(UserError, match="'augment\\[1\\]' is 'echo', wanted one of rawboost"):
        load(tmp_path, augment=["mu_law", "echo"])
