"""Intervals, training curves and the two domains: each point of the figures against its file."""

import statistics

import numpy as np
import pages
import pytest
from page_experiments import CONDITIONS, CURVES, HEADER, ODD, RUNS, folder, ranked, values

shown = pages.shown


def intervals(condition):
    """[(name, system, EER, low, high)] in per cent: by speakers where there are any."""
    rows = []
    for system, seed in RUNS:
        found = values(system, seed, condition)
        if found and (system, condition) != ("a_fusion", "unknown"):
            eer = 100 * found["eer"]
            ends = (0.83, 1.21) if system == "gamma" else (0.71, 1.33)
            rows.append((folder(system, seed), system, eer, *(share * eer for share in ends)))
    return rows


@pytest.mark.parametrize("place", range(3))
def test_each_run_is_a_dot_within_its_interval_under_its_name(shown, place):
    (axes,) = shown.figures("intervals")[place].axes
    rows = intervals(CONDITIONS[place])
    assert axes.get_title() == CONDITIONS[place]
    assert axes.get_xlabel() == "EER, %"
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [row[0] for row in rows]
    assert list(axes.get_yticks()) == list(range(len(rows)))
    bottom, top = axes.get_ylim()
    assert top < 0 < len(rows) - 1 < bottom  # the first run stands at the top
    assert axes.get_xlim()[0] == 0
    bars, dots = axes.lines[::2], axes.lines[1::2]
    for y, (row, bar, dot) in enumerate(zip(rows, bars, dots, strict=True)):
        assert [list(v) for v in bar.get_data()] == [pytest.approx(row[3:]), [y, y]]
        assert [list(v) for v in dot.get_data()] == [pytest.approx([row[2]]), [y]]
        assert dot.get_marker() == "o"
    colours = {row[1]: set() for row in rows}
    for row, *pair in zip(rows, bars, dots, strict=True):
        colours[row[1]] |= {line.get_color() for line in pair}
    assert all(len(own) == 1 for own in colours.values())
    assert len(set.union(*colours.values())) == len(colours)


def test_a_system_has_one_colour_in_all_pictures_of_intervals(shown):
    seen = {}
    for figure in shown.figures("intervals"):
        (axes,) = figure.axes
        names = [label.get_text() for label in axes.get_yticklabels()]
        for name, dot in zip(names, axes.lines[1::2], strict=True):
            seen.setdefault(name, set()).add(dot.get_color())
    assert all(len(own) == 1 for own in seen.values())
    assert len(seen) == len(RUNS)


def test_intervals_are_said_in_words(shown):
    for condition, image in zip(CONDITIONS, shown.page["intervals"].images, strict=True):
        text = "; ".join(f"{row[0]} {row[2]:.2f} %" for row in intervals(condition))
        assert image["alt"] == f"EER on {condition} with 90 % intervals: {text}"


def plain_curve(name):
    """{column: [number or None]} of a made-up curve."""
    rows = [line.split(",") for line in CURVES[name].splitlines()]
    columns = zip(HEADER.strip().split(","), zip(*rows, strict=True), strict=True)
    return {key: [float(text) if text else None for text in own] for key, own in columns}


def test_losses_stand_above_and_error_rates_below_by_epoch(shown):
    (figure,) = shown.figures("training")
    above, below = figure.axes
    assert above.get_title() == "alpha, 2 runs"
    assert above.get_ylabel() == "loss"
    assert (below.get_xlabel(), below.get_ylabel()) == ("epoch", "EER, %")
    curves = [plain_curve(name) for name in CURVES]
    wanted = [(c["epoch"], c[key]) for c in curves for key in ("train_loss", "dev_loss")]
    assert [tuple(map(list, line.get_data())) for line in above.lines] == wanted
    columns = ("dev_eer", "watch_eval_eer", "watch_other_eer")
    assert len(below.lines) == 6
    for line, (curve, key) in zip(
        below.lines, [(c, key) for c in curves for key in columns], strict=True
    ):
        points = [(x, y) for x, y in zip(curve["epoch"], curve[key], strict=True) if y is not None]
        np.testing.assert_allclose(line.get_xydata(), [(x, 100 * y) for x, y in points])
    assert below.get_ylim()[0] == 0
    assert above.get_shared_x_axes().joined(above, below)
    ticks = below.xaxis.get_major_locator().tick_values(0.9, 2.1)
    assert all(tick == int(tick) for tick in ticks)  # there is no epoch 1.5


def test_the_legends_of_training_name_each_line_once(shown):
    (figure,) = shown.figures("training")
    above, below = figure.axes
    names = [[t.get_text() for t in axes.get_legend().get_texts()] for axes in (above, below)]
    assert names == [["train loss", "dev loss"], ["dev", "eval", "other"]]
    for axes, count in ((above, 2), (below, 3)):
        colours = [line.get_color() for line in axes.lines]
        assert len(set(colours)) == count
        assert colours[:count] == colours[count:]  # both runs alike
        handles = axes.get_legend().legend_handles
        assert [handle.get_color() for handle in handles] == colours[:count]


def test_training_is_said_in_words_with_its_last_epoch(shown):
    (image,) = shown.page["training"].images
    assert image["alt"] == "Training and development loss and dev EER of alpha over 4 epochs"


def test_one_run_without_watched_sets_needs_no_legend_of_error_rates():
    from antispoof.report import plots

    with pages.figures() as drawn:
        plots.training(
            [{"epoch": [1, 2], "train_loss": [0.5, 0.25], "dev_eer": [0.25, 0.125]}], "x"
        )
        plots.training([{"epoch": [1, 2], "train_loss": [0.5, 0.25]}], "y")
    for figure, _ in drawn:
        assert figure.axes[1].get_ylabel() == "dev EER, %"
        assert figure.axes[1].get_legend() is None
    assert list(drawn[0][0].axes[1].lines[0].get_ydata()) == [25, 12.5]
    assert list(drawn[1][0].axes[1].lines) == []


def test_the_picture_of_a_running_training_holds_every_epoch_and_set(tmp_path):
    from antispoof.training.curve import draw_curve

    rows = [
        {"epoch": 1, "lr": 0.5, "train_loss": 0.91, "dev_loss": 0.83, "dev_eer": 0.31},
        {"epoch": 2, "lr": 0.5, "train_loss": 0.52, "dev_loss": 0.47, "dev_eer": 0.17},
        {"epoch": 4, "lr": 0.5, "train_loss": 0.29, "dev_loss": 0.41, "dev_eer": 0.13},
    ]
    rows[0]["watch_eval_eer"], rows[2]["watch_eval_eer"] = 0.41, 0.33
    with pages.figures() as drawn:
        draw_curve(tmp_path / "curve.png", rows, "a title")
    ((figure, options),) = drawn
    assert options["format"] == "png"
    above, below = figure.axes
    assert above.get_title() == "a title"
    assert (above.get_ylabel(), below.get_ylabel()) == ("loss", "EER, %")
    assert below.get_xlabel() == "epoch"
    assert below.get_ylim()[0] == 0
    assert pages.lines(above) == {
        "train": ([1, 2, 4], [0.91, 0.52, 0.29]),
        "dev": ([1, 2, 4], [0.83, 0.47, 0.41]),
    }
    lines = pages.lines(below)
    assert list(lines) == ["dev", "eval"]
    assert lines["dev"] == ([1, 2, 4], pytest.approx([31, 17, 13]))
    assert lines["eval"] == ([1, 4], pytest.approx([41, 33]))


def test_systems_in_both_domains_stand_at_each_seed_and_at_their_mean(shown):
    (figure,) = shown.figures("order")
    (axes,) = figure.axes
    assert axes.get_xlabel() == "EER in domain, %"
    assert axes.get_ylabel() == "EER out of domain, %"
    found = ranked()
    points = {}
    for run, x, y in zip(found["runs"], *found["eer"].values(), strict=True):
        points.setdefault(run.partition("_seed")[0], []).append((100 * x, 100 * y))
    order = [ODD, "gamma", "alpha"]  # best in domain first: 1.2, 2.5, 4.1 and 5.7 %
    assert [text.get_text() for text in figure.legends[0].get_texts()] == order
    seeds, means = axes.collections[::2], axes.collections[1::2]
    for name, small, large in zip(order, seeds, means, strict=True):
        np.testing.assert_allclose(small.get_offsets(), points[name])
        mean = [statistics.mean(own) for own in zip(*points[name], strict=True)]
        np.testing.assert_allclose(large.get_offsets(), [mean])
        assert large.get_label() == name
        assert small.get_sizes()[0] < large.get_sizes()[0]
        assert (small.get_facecolor()[0][:3] == large.get_facecolor()[0][:3]).all()
    assert len({tuple(own.get_facecolor()[0]) for own in means}) == 3
    assert axes.get_xlim()[0] == axes.get_ylim()[0] == 0
    assert [list(v) for v in axes.lines[0].get_data()] == [[0, pytest.approx(21)]] * 2


def test_systems_are_ordered_by_their_mean_in_domain_not_by_the_sum_of_their_seeds():
    from antispoof.report.domain_scatter import by_system

    runs = ["a_seed1", "a_seed2", "a_seed3", "b_seed1"]
    points = by_system(runs, [0.02, 0.03, 0.04, 0.05], [0.1, 0.2, 0.3, 0.05])
    assert list(points) == ["a", "b"]
    assert [list(own) for own in points["a"]] == [[0.02, 0.1], [0.03, 0.2], [0.04, 0.3]]


def test_twelve_systems_differ_in_colour_or_marker():
    from antispoof.report import domain_scatter

    with pages.figures() as drawn:
        domain_scatter.domains({f"system {n}": [[0.01 * n, 0.02]] for n in range(12)})
    means = drawn[0][0].axes[0].collections[1::2]
    looks = {
        (*own.get_facecolor()[0], own.get_paths()[0].vertices.round(3).tobytes()) for own in means
    }
    assert len(looks) == 12


def test_losses_and_sets_of_a_running_training_differ_in_colour(tmp_path):
    from antispoof.training.curve import draw_curve

    row = {"epoch": 1, "train_loss": 1, "dev_loss": 1, "dev_eer": 0.5, "watch_a_eer": 0.25}
    with pages.figures() as drawn:
        draw_curve(tmp_path / "curve.png", [row, {**row, "epoch": 2}], "x")
    for axes in drawn[0][0].axes:
        assert len({line.get_color() for line in axes.lines}) == 2
        assert [text.get_text() for text in axes.get_legend().get_texts()] == list(
            pages.lines(axes)
        )
