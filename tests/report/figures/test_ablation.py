from functools import partial

import numpy as np
import pytest
from harness import record, spec

from bench.report.figures.ablation import axes_of, by_first_number, draw_relabelling, pictures
from bench.report.grouping import group


def measured(accuracy, kept=0.95, **content):
    metrics = {"accuracy": accuracy, "scores": {"own": {"accuracy_at_10_rejection": kept}}}
    return record(spec(**{"methods": ["rul"]} | content), metrics=metrics)


def of(records):
    (found,) = group(records)
    return found


def ablated(name, values, **content):
    """One run for each value and each of two seeds, of accuracies that all differ."""
    return [
        measured(
            0.8 + 0.01 * k + 0.003 * seed, 0.9 + 0.02 * k - 0.005 * seed, set={"rul": {name: value}}, seeds=[seed]
        )
        for k, value in enumerate(values)
        for seed in (0, 1)
    ]


def bars(container):
    """Where the points of error bars lie, and how far the bars go to either side."""
    line, _, (lines,) = container.lines
    x, y = line.get_xdata(), line.get_ydata()
    lengths = [(upper - lower) / 2 for (_, lower), (_, upper) in lines.get_segments()]
    for place, ((_, lower), (_, upper)) in enumerate(lines.get_segments()):
        assert (upper + lower) / 2 == pytest.approx(y[place])
    return np.asarray(x, dtype=float), np.asarray(y, dtype=float), np.array(lengths)


def mean_and_std(cells, measure):
    values = [[100 * measure(r.metrics) for r in cell] for cell in cells]
    return [np.mean(v) for v in values], [np.std(v, ddof=1) for v in values]


def accuracy(metrics):
    return metrics.accuracy


def kept(metrics):
    return metrics.scores["own"].get("accuracy_at_10_rejection")


# ---- along a hyper-parameter ---------------------------------------------------------------------


def test_an_axis_holds_the_values_in_natural_order_each_with_its_runs():
    members = of(ablated("mix", ["C(3,2)", 5, 2, 3]))
    (axis,) = axes_of(members, members.noises[0])
    assert (axis.method, axis.name) == ("rul", "mix")
    assert list(axis.cells) == ["2", "C(3,2)", "3", "5"]
    for value, cell in axis.cells.items():
        assert [str(r.spec.method.hyperparameters["mix"]) for r in cell] == [value] * 2
        assert [r.spec.seed for r in cell] == [0, 1]


def test_numbers_are_in_order_of_size():
    members = of(ablated("dimension", [128, 16, 8]))
    (axis,) = axes_of(members, members.noises[0])
    assert list(axis.cells) == ["8", "16", "128"]
    assert sorted(["1e-05", "0.5", "0.25", "10", "none", "logits"], key=by_first_number) == [
        *("1e-05", "0.25", "0.5", "10"),
        *("logits", "none"),
    ]


def test_negative_and_very_large_numbers_are_in_order_of_size():
    assert sorted(["1", "-2", "-1", "1e+20", "30"], key=by_first_number) == ["-2", "-1", "1", "30", "1e+20"]


def test_what_runs_share_is_no_axis():
    members = of([measured(0.9, seeds=[seed], set={"rul": {"mix": 3}}) for seed in (0, 1)])
    assert axes_of(members, members.noises[0]) == []
    assert list(pictures(members)) == []


def test_two_methods_that_differ_are_no_axis():
    members = of([measured(0.9), measured(0.8, methods=["scn"])])
    assert axes_of(members, members.noises[0]) == []


def test_values_that_were_run_at_different_noise_are_no_axis():
    members = of([measured(0.9, noise=[rate], set={"rul": {"mix": mix}}) for rate, mix in ((0, 2), (0.3, 3))])
    assert [axes_of(members, noise) for noise in members.noises] == [[], []]


def test_runs_with_and_without_relabelling_are_on_axes_of_their_own():
    grid = [(mix, way) for mix in (2, 3) for way in ("on", "off")]
    members = of([measured(0.9, set={"rul": {"mix": mix}}, relabel=[way]) for mix, way in grid])
    axes = axes_of(members, members.noises[0])
    ways = [{r.spec.relabel is not None for cell in axis.cells.values() for r in cell} for axis in axes]
    assert sorted(ways, key=str) == [{False}, {True}]
    assert [list(axis.cells) for axis in axes] == [["2", "3"], ["2", "3"]]


def two_axes():
    return of([measured(0.9, set={"rul": {"mix": mix, "dimension": d}}) for mix in (2, 3) for d in (8, 16)])


def test_along_an_axis_all_other_hyper_parameters_are_the_same():
    members = two_axes()
    axes = axes_of(members, members.noises[0])
    assert sorted((axis.name, *axis.cells) for axis in axes) == [
        *[("dimension", "8", "16")] * 2,
        *[("mix", "2", "3")] * 2,
    ]
    for axis in axes:
        runs = [r.spec.method.hyperparameters for cell in axis.cells.values() for r in cell]
        assert len({repr({k: v for k, v in each.items() if k != axis.name}) for each in runs}) == 1


def test_every_picture_has_a_name_of_its_own():
    names = [picture.name for picture in pictures(two_axes())]
    assert len(set(names)) == len(names) == 4


def test_bars_are_mean_and_deviation_over_seeds_of_both_measures():
    members = of(ablated("mix", [3, 2, "C(3,2)"]))
    (picture,) = pictures(members)
    (axis,) = axes_of(members, members.noises[0])
    (axes,) = picture.figure.axes
    assert [c.get_label() for c in axes.containers] == ["accuracy", "accuracy at 10 % rejection"]
    for container, measure in zip(axes.containers, (accuracy, kept), strict=True):
        x, y, lengths = bars(container)
        mean, std = mean_and_std(axis.cells.values(), measure)
        np.testing.assert_array_equal(x, [0, 1, 2])
        np.testing.assert_allclose(y, mean)
        np.testing.assert_allclose(lengths, std)
        assert std[0] > 0
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "C(3,2)", "3"]
    assert axes.get_xlabel() == "rul: mix"


def test_a_single_seed_has_bars_of_no_length():
    members = of([measured(0.9, set={"rul": {"mix": mix}}) for mix in (2, 3)])
    (picture,) = pictures(members)
    for container in picture.figure.axes[0].containers:
        np.testing.assert_array_equal(bars(container)[2], 0)


def test_numbers_are_joined_by_a_line_and_names_are_not():
    named = [
        measured(0.9, methods=["mix-output"], set={"mix-output": {"space": s}})
        for s in ("logits", "probabilities")
    ]
    for records, style in ((ablated("mix", [2, 3, "C(3,2)"]), "-"), (named, "None")):
        (picture,) = pictures(of(records))
        assert {c.lines[0].get_linestyle() for c in picture.figure.axes[0].containers} == {style}


def test_each_noise_has_its_picture():
    records = [
        measured(0.9, noise=[noise], set={"rul": {"mix": mix}}) for noise in ("0", "pair:0.3") for mix in (2, 3)
    ]
    found = list(pictures(of(records)))
    assert [picture.name for picture in found] == [
        *("ablation-rul-mix-tiny-symmetric-0", "ablation-rul-mix-tiny-pair-0.3"),
    ]
    assert "pair 30%" in found[1].caption
    assert "pair 30%" in found[1].figure.get_suptitle()


# ---- with and without relabelling ----------------------------------------------------------------

METHODS = ["rul", "baseline", "scn"]


@pytest.fixture(scope="module")
def both_ways():
    """Accuracies that all differ; scn ran one way only, at the second noise only rul both ways."""
    rng = np.random.default_rng(0)
    one = partial(measured, kept=0.9)
    return of(
        [
            one(0.8 + 0.1 * rng.random(), methods=[method], noise=[rate], relabel=[way], seeds=[seed])
            for rate in (0, 0.3)
            for method in METHODS
            for way in ("on", "off")
            for seed in (0, 1)
            if not (way == "off" and (method == "scn" or (rate and method == "baseline")))
        ]
    )


def test_relabelling_has_a_panel_for_each_noise_and_a_place_for_each_method_run_both_ways(both_ways):
    panels = draw_relabelling(both_ways).axes
    assert [axes.get_title() for axes in panels] == ["label noise 0%", "label noise 30%"]
    named = [[tick.get_text() for tick in axes.get_xticklabels()] for axes in panels]
    assert named == [["baseline", "rul"], ["rul"]]


def test_relabelling_bars_are_mean_and_deviation_off_left_and_on_right(both_ways):
    panels = draw_relabelling(both_ways).axes
    for axes, noise, names in zip(panels, both_ways.noises, (["baseline", "rul"], ["rul"]), strict=True):
        for container, relabels, shift in zip(axes.containers, (False, True), (-0.1, 0.1), strict=True):
            cells = [
                [
                    r
                    for r in both_ways.records
                    if (r.spec.method.name, r.spec.noise.rate) == (name, noise.rate)
                    and (r.spec.relabel is not None) == relabels
                ]
                for name in names
            ]
            x, y, lengths = bars(container)
            mean, std = mean_and_std(cells, accuracy)
            np.testing.assert_allclose(x, np.arange(len(names)) + shift)
            np.testing.assert_allclose(y, mean)
            np.testing.assert_allclose(lengths, std)


def test_the_legend_of_relabelling_names_each_way_once(both_ways):
    figure = draw_relabelling(both_ways)
    assert [text.get_text() for text in figure.legends[0].texts] == ["relabelling off", "relabelling on"]


def test_relabelling_is_drawn_only_where_a_method_was_run_both_ways(both_ways):
    assert "relabelling-tiny" in [picture.name for picture in pictures(both_ways)]
    one_way = of([r for r in both_ways.records if r.spec.relabel])
    assert list(pictures(one_way)) == []
