"""What a comparison says: who is better, by how much, in which unit, and beyond what."""

import pytest

from antispoof.evaluation.compare import lines, sentence

NAMES = ("cnn", "fusion")
ABOVE, BELOW, HOLDS = [0.01, 0.03], [-0.03, -0.01], [-0.02, 0.03]


def own(first, second, trials, mixed=None):
    """What is found of a metric; trials, mixed: {kind: interval}."""
    found = {
        "first": first,
        "second": second,
        "difference": sum(first) / len(first) - sum(second) / len(second),
        "trials": {kind: {"interval": interval, "p": 0.25} for kind, interval in trials.items()},
    }
    if mixed:
        found["mixed"] = {kind: {"interval": at, "p": 0.0625} for kind, at in mixed.items()}
    return found


@pytest.mark.parametrize(
    ("metric", "values", "by"),
    [
        ("eer", "EER: {} is better than {} (12.50 against 25.00", "by 12.50 points)"),
        ("min_dcf", "minDCF: {} is better than {} (0.1250 against 0.2500", "by 0.1250)"),
        ("act_dcf", "actDCF: {} is better than {} (0.1250 against 0.2500", "by 0.1250)"),
        ("cllr", "Cllr: {} is better than {} (0.1250 against 0.2500", "by 0.1250 bits)"),
    ],
)
@pytest.mark.parametrize("better", [0, 1])
def test_the_lower_value_is_better_and_stands_first(metric, values, by, better):
    first, second = ([0.125], [0.25]) if better == 0 else ([0.25], [0.125])
    interval = BELOW if better == 0 else ABOVE
    text = sentence(NAMES, metric, own(first, second, {"iid": interval}))
    wanted = values.format(NAMES[better], NAMES[1 - better])
    assert text == f"{wanted}, {by}, beyond what other trials would bring at 95 %."


def test_the_sentence_speaks_of_means_over_seeds():
    found = own([0.1, 0.2], [0.4, 0.1], {"iid": BELOW}, {"iid": BELOW})
    text = sentence(NAMES, "eer", found)
    assert "cnn is better than fusion (15.00 against 25.00, by 10.00 points)" in text


@pytest.mark.parametrize(
    ("trials", "mixed", "beyond", "rest"),
    [
        ({"iid": ABOVE}, None, "other trials", "."),
        ({"speaker": BELOW}, None, "other speakers", "."),
        ({"iid": ABOVE, "attack": HOLDS}, None, "other trials", "other attacks"),
        ({"iid": HOLDS, "speaker": ABOVE}, None, "other speakers", "other trials"),
        ({"iid": ABOVE, "speaker": ABOVE}, None, "other trials or speakers", "."),
        (
            {"iid": ABOVE, "speaker": ABOVE, "attack": ABOVE},
            None,
            "other trials, speakers or attacks",
            ".",
        ),
        ({"iid": ABOVE}, {"iid": ABOVE}, "other trials with other seeds", "."),
        ({"iid": ABOVE}, {"iid": HOLDS}, "other trials", "other trials with other seeds"),
        (
            {"iid": ABOVE, "speaker": ABOVE},
            {"iid": ABOVE, "speaker": ABOVE},
            "other trials or speakers with other seeds",
            ".",
        ),
        (
            {"iid": ABOVE, "speaker": ABOVE, "attack": HOLDS},
            {"iid": ABOVE, "speaker": HOLDS, "attack": ABOVE},
            "other trials with other seeds or speakers",
            "other speakers with other seeds or attacks",
        ),
        ({"iid": [0.0, 0.2], "codec": ABOVE}, None, "other codec", "other trials"),
        ({"iid": [-0.2, 0.0], "codec": ABOVE}, None, "other codec", "other trials"),
    ],
)
def test_each_kind_of_draw_is_called_beyond_or_within(trials, mixed, beyond, rest):
    text = sentence(NAMES, "cllr", own([0.5], [0.25], trials, mixed))
    start = "Cllr: fusion is better than cnn (0.2500 against 0.5000, by 0.2500 bits), beyond what "
    end = "." if rest == "." else f"; {rest} might still turn it round."
    assert text == f"{start}{beyond} would bring at 95 %{end}"


@pytest.mark.parametrize(
    ("trials", "mixed", "within"),
    [
        ({"iid": HOLDS}, None, "other trials"),
        ({"iid": HOLDS, "speaker": [0.0, 1]}, None, "other trials or speakers"),
        ({"attack": HOLDS}, {"attack": ABOVE}, "other attacks"),  # seeds do not make it firmer
    ],
)
def test_a_difference_within_the_noise_is_no_difference(trials, mixed, within):
    text = sentence(NAMES, "eer", own([0.5], [0.25], trials, mixed))
    assert text == (
        "EER: these trials do not tell fusion (25.00 against 50.00) from cnn: the difference of "
        f"25.00 points is within what {within} would bring."
    )


def test_equal_values_are_called_equal_whatever_the_interval():
    text = sentence(NAMES, "act_dcf", own([0.5], [0.5], {"iid": HOLDS}))
    assert text == "actDCF: cnn and fusion are equal here."


@pytest.mark.parametrize(
    ("level", "text"), [(0.9, "90"), (0.5, "50"), (0.99, "99"), (0.975, "97.5"), (0.999, "99.9")]
)
def test_the_sentence_names_its_level(level, text):
    found = own([0.5], [0.25], {"iid": ABOVE})
    assert sentence(NAMES, "eer", found, level=level).endswith(f"would bring at {text} %.")


UNITS = {"iid": "9 trials", "speaker": "4 speakers"}


def test_lines_of_one_seed():
    found = {"eer": own([0.5], [0.25], {"iid": [-0.015625, 0.0625], "speaker": ABOVE})}
    got = list(lines(NAMES, [""], found, UNITS))
    assert got[:-1] == [
        "EER %",
        f"  {'cnn':<28} 50.00",
        f"  {'fusion':<28} 25.00",
        f"  {'difference':<28} +25.00 points",
        f"    {'over trials':<26} [-1.56, +6.25]  p 0.25  9 trials",
        f"    {'over speakers':<26} [+1.00, +3.00]  p 0.25  4 speakers",
    ]
    assert got[-1] == f"  {sentence(NAMES, 'eer', found['eer'])}"


def test_units_without_a_word_of_their_own_go_by_their_name():
    found = {"eer": own([0.5], [0.25], {"codec": ABOVE})}
    *_, line, words = lines(NAMES, [""], found, {"codec": "7 codecs"})
    assert line == f"    {'over codec':<26} [+1.00, +3.00]  p 0.25  7 codecs"
    assert "beyond what other codec would bring" in words


def test_lines_of_three_seeds_give_mean_deviation_and_every_value():
    # 1/8, 3/8, 5/8: mean 3/8, deviation with n - 1: sqrt((1/16 + 0 + 1/16) / 2) = 1/4
    found = {
        "cllr": own([0.125, 0.375, 0.625], [0.5, 0.5, 0.25], {"iid": HOLDS}, {"iid": BELOW}),
        "eer": own([0.25, 0.125, 0.0], [0.0, 0.0, 0.0], {"speaker": ABOVE}),
    }
    got = list(lines(NAMES, ["1", "2", "3"], found, UNITS))
    pairs = "(-0.3750, -0.1250, +0.3750)"  # mean -1/24, deviation 0.381881...
    assert got[:7] == [
        "Cllr",
        f"  {'cnn':<28} 0.3750 ± 0.2500  (0.1250, 0.3750, 0.6250)",
        f"  {'fusion':<28} 0.4167 ± 0.1443  (0.5000, 0.5000, 0.2500)",
        f"  {'difference':<28} -0.0417 ± 0.3819  {pairs} bits",
        f"    {'over trials':<26} [-0.0200, +0.0300]  p 0.25  9 trials",
        f"    {'over trials and seeds':<26} [-0.0300, -0.0100]  p 0.0625  9 trials",
        f"  {sentence(NAMES, 'cllr', found['cllr'])}",
    ]
    assert got[7:11] == [
        "EER %",
        f"  {'cnn':<28} 12.50 ± 12.50  (25.00, 12.50, 0.00)",
        f"  {'fusion':<28} 0.00 ± 0.00  (0.00, 0.00, 0.00)",
        f"  {'difference':<28} +12.50 ± 12.50  (+25.00, +12.50, +0.00) points",
    ]
