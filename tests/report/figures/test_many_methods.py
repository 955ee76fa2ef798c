"""Pictures of more methods than one panel holds, and those in which scores have no common scale."""

import numpy as np
import pandas as pd
import pytest
from harness import record, spec

from bench.report.figures import facets, noise_curves, rejection, training_uncertainty
from bench.report.figures.facets import title
from bench.report.figures.sheet import Sheet
from bench.report.grouping import group

COLUMN = Sheet(3.3, titles=False)


def made(scale, noise, seed, accuracy=0.9):
    """A run of one of many rows of the dummy method."""
    rng = np.random.default_rng([round(scale), seed])
    rejected = np.arange(100) / 100
    curves = {"rejected": rejected} | {
        s: np.minimum(1, accuracy + 0.1 * rng.random() * rejected) for s in ("own", "msp")
    }
    uncertainty = {f"train_uncertainty_{part}": scale * (1 + rng.random(3)) for part in ("clean", "flipped")}
    log = {"epoch": [1, 2, 3], "test_accuracy": rng.random(3)} | uncertainty
    scores = {"own": {"aurc": 0.01 * scale}, "msp": {"aurc": 0.01}}
    return record(
        spec(set={"dummy": {"scale": scale}}, noise=[noise], seeds=[seed]),
        metrics={"accuracy": accuracy, "scores": scores},
        curves=pd.DataFrame(curves),
        epochs=pd.DataFrame(log),
    )


def members(count):
    runs = [
        made(float(k), noise, seed, 0.9 - 0.01 * k - 0.1 * float(noise) + 0.01 * seed)
        for k in range(2, 2 + count)
        for noise in ("0.1", "0.3")
        for seed in (0, 1, 2)
    ]
    (found,) = group(runs)
    return found


@pytest.fixture(scope="module")
def few():
    return members(3)


@pytest.fixture(scope="module")
def many():
    return members(10)


def coloured(axes):
    """The lines of a panel, those of other methods in the background aside."""
    return [line for line in axes.lines if line.get_color() != facets.OTHERS["color"]]


def test_up_to_eight_methods_share_a_panel_and_more_have_one_each(few, many):
    assert len(rejection.draw(few, few.noises[0]).axes) == 1
    drawn = rejection.draw(many, many.noises[0])
    assert [axes.get_title() for axes in drawn.axes] == many.labels
    for axes in drawn.axes:
        assert len(coloured(axes)) == 3  # own, msp and the ideal
        assert len(axes.lines) - 3 == len(many.labels)
    assert len({axes.get_ylim() for axes in drawn.axes}) == 1


def test_a_panel_of_rejection_has_its_own_methods_curve_and_area(many):
    drawn = rejection.draw(many, many.noises[0])
    for axes, label in zip(drawn.axes, many.labels, strict=True):
        cell = many.cell(label, many.noises[0])
        own = coloured(axes)[0]
        np.testing.assert_allclose(own.get_ydata(), 100 * np.mean([r.curves["own"][:91] for r in cell], axis=0))
        area = np.mean([r.metrics.scores["own"].entries()["aurc"] for r in cell])
        assert axes.texts[0].get_text() == f"own {1000 * area:.2f}\nmsp 10.00"


@pytest.mark.parametrize("metric", ["accuracy", "scores.own.aurc"])
def test_lines_against_noise_are_means_and_every_seed_has_a_dot(few, metric):
    (picture,) = noise_curves.pictures(few, metric)
    (axes,) = picture.figure.axes
    factor = {"accuracy": 100, "scores.own.aurc": 1000}[metric]
    lines = [line for line in axes.lines if line.get_marker() != "."]
    dots = [line for line in axes.lines if line.get_marker() == "."]
    for line, label in zip(lines, few.labels, strict=True):
        assert line.get_xdata().tolist() == [10, 30]
        for y, noise in zip(line.get_ydata(), few.noises, strict=True):
            values = [r.metrics.accuracy if metric == "accuracy" else r.metrics.scores["own"].entries()["aurc"]
                      for r in few.cell(label, noise)]  # fmt: skip
            assert y == pytest.approx(factor * np.mean(values))
    assert sum(len(each.get_xdata()) for each in dots) == len(few.records)
    assert {round(float(x)) for each in dots for x in each.get_xdata()} == {10, 30}
    assert len(axes.collections) == 3


def test_many_methods_against_noise_have_a_panel_each(many):
    (picture,) = noise_curves.pictures(many)
    assert [axes.get_title() for axes in picture.figure.axes] == many.labels


def test_one_rate_of_noise_makes_no_picture_against_noise():
    (alone,) = group([made(2.0, "0.1", 0)])
    assert list(noise_curves.pictures(alone)) == []


def test_each_methods_uncertainty_has_an_axis_of_its_own(few):
    first, _ = training_uncertainty.pictures(few)
    drawn = first.figure.axes
    assert [axes.get_title() for axes in drawn] == few.labels
    for axes, label in zip(drawn, few.labels, strict=True):
        logs = [r.epochs for r in few.cell(label, few.noises[0])]
        for line, part in zip(axes.lines, ("clean", "flipped"), strict=True):
            expected = np.mean([log[f"train_uncertainty_{part}"] for log in logs], axis=0)
            np.testing.assert_allclose(line.get_ydata(), expected)
    assert len({axes.get_ylim() for axes in drawn}) == 3


@pytest.mark.parametrize(("count", "sizes"), [(8, [8]), (9, [5, 4]), (20, [7, 7, 6]), (40, [8] * 5)])
def test_groups_are_as_even_as_they_can_be(count, sizes):
    labels = [f"m{k}" for k in range(count)]
    groups = facets.in_groups(labels)
    assert [len(each) for each in groups] == sizes
    assert [label for each in groups for label in each] == labels


@pytest.mark.parametrize("make", [rejection.pictures, noise_curves.pictures, training_uncertainty.pictures])
def test_pictures_of_papers_are_as_wide_as_asked_for_and_have_no_title(few, make):
    figure = next(iter(make(few))).draw(sheet=COLUMN)
    assert figure.get_figwidth() == 3.3
    assert figure.get_suptitle() == ""
    assert next(iter(make(few))).figure.get_suptitle() != ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("dul(relabel=on)", "dul(relabel=on)"),
        ("mine (imported)", "mine (imported)"),
        ("loss-attention(relabel=off)", "loss-attention\n(relabel=off)"),
        ("rul(relabel=off) [protocol 2]", "rul(relabel=off)\n[protocol 2]"),
        ("x" * 50, "x" * 18 + "\n…"),
        ("a$b_$c", r"a\$b_\$c"),
    ],
)
def test_a_long_name_stands_in_two_lines_that_end_before_a_bracket(name, shown):
    assert title(name, 18) == shown


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 7, 10])
def test_the_label_is_under_the_last_row_of_panels(count):
    with Sheet(None).drawing(9.0, 4.0) as figure:
        panels = facets.panels(figure, [f"m{k}" for k in range(count)], Sheet(None), sharex=True)
        facets.label(panels, "x", "y", Sheet(None))
    (labelled,) = [axes for axes in panels if axes.get_xlabel()]
    assert labelled.get_position().y0 == pytest.approx(panels[-1].get_position().y0)
