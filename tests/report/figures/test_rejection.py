import dataclasses

import numpy as np
import pandas as pd
import pytest
from harness import evaluation_of, record, spec

from bench.evaluation.predictions import Predictions
from bench.report.figures.rejection import draw, ideal, pictures
from bench.report.grouping import group
from bench.store.csv_columns import to_csv
from bench.store.record_models import Metrics

N = 200  # every per cent of it is a whole number of images


def measured(accuracy, knows, seed=0, **content):
    """A run of an accuracy whose own uncertainty knows part of the errors."""
    rng = np.random.default_rng([seed, round(100 * accuracy)])
    labels = rng.integers(3, size=N)
    errors = np.zeros(N, dtype=bool)
    errors[rng.permutation(N)[: round((1 - accuracy) * N)]] = True
    logits = (rng.random((N, 3)) + 2 * np.eye(3)[(labels + errors) % 3]).astype(np.float32)
    test = Predictions(logits, np.where(rng.random(N) < knows, errors, rng.random(N)), None)
    metrics, curves = evaluation_of(test, labels, test, labels, labels)
    assert metrics["accuracy"] == pytest.approx(accuracy)
    return record(spec(seeds=[seed], **content), metrics=metrics, curves=curves)


@pytest.fixture(scope="module")
def members():
    runs = [
        *(measured(accuracy, 0.6, seed, methods=["rul"]) for seed, accuracy in enumerate((0.8, 0.9))),
        *(measured(accuracy, 1.0, seed, methods=["baseline"]) for seed, accuracy in enumerate((0.7, 0.75))),
        measured(0.6, 0.0, methods=["dul"]),
    ]
    (found,) = group(runs)
    assert found.labels == ["baseline", "dul", "rul"]
    return found


def lines(figure, style):
    return [line for line in figure.axes[0].lines if line.get_linestyle() == style]


@pytest.fixture(scope="module")
def figure(members):
    return draw(members, members.noises[0])


@pytest.mark.parametrize(("score", "style"), [("own", "-"), ("msp", "--")])
def test_lines_are_the_means_of_the_stored_curves_up_to_90_percent(members, figure, score, style):
    for line, label in zip(lines(figure, style), members.labels, strict=True):
        curves = [r.curves[score][:91] for r in members.cell(label, members.noises[0])]
        np.testing.assert_allclose(line.get_xdata(), np.arange(91))
        np.testing.assert_allclose(line.get_ydata(), 100 * np.mean(curves, axis=0))


def test_bands_are_drawn_where_there_are_more_seeds_than_one(figure):
    assert len(figure.axes[0].collections) == 4


def test_the_ideal_keeps_all_that_is_right_until_nothing_else_is_left():
    n, right = 1000, 730
    for rejected in range(0, n, 10):
        errors_left = max(0, n - right - rejected)
        kept = n - rejected
        assert ideal(right / n, np.array([rejected / n]))[0] == pytest.approx((kept - errors_left) / kept)


def test_the_ideal_is_that_of_the_most_accurate_method(members, figure):
    (line,) = lines(figure, ":")
    x, y = line.get_xdata(), line.get_ydata()
    assert (x[0], x[-1]) == (0, 90)
    np.testing.assert_allclose(y, 100 * np.minimum(1, 0.85 / (1 - x / 100)))
    assert figure.legends[0].texts[-1].get_text() == "ideal order, for the accuracy of rul"


def test_no_drawn_curve_is_above_the_ideal(figure):
    (bound,) = lines(figure, ":")
    drawn = [*lines(figure, "-"), *lines(figure, "--")]
    assert len(drawn) == 6
    for line in drawn:
        height = np.interp(line.get_xdata(), bound.get_xdata(), bound.get_ydata())
        assert (line.get_ydata() <= height + 0.05).all()  # 0.05: the ideal is drawn through 500 points


def test_a_score_that_knows_every_error_reaches_the_ideal():
    (members,) = group([measured(0.8, 1.0)])
    figure = draw(members, members.noises[0])
    (own,), (bound,) = lines(figure, "-"), lines(figure, ":")
    np.testing.assert_allclose(own.get_ydata(), 100 * ideal(0.8, own.get_xdata() / 100))
    assert own.get_ydata()[20:].tolist() == [100] * 71
    assert bound.get_ydata()[0] == own.get_ydata()[0]


def test_the_numbers_of_the_legend_are_those_of_the_metrics(members, figure):
    texts = [text.get_text() for text in figure.legends[0].texts]
    assert len(texts) == 4
    for text, label in zip(texts, members.labels, strict=False):
        cell = members.cell(label, members.noises[0])
        expected = [label]
        for score in ("own", "msp"):
            scored = [r.metrics.scores[score].entries() for r in cell]
            kept = np.mean([100 * of_one["accuracy_at_10_rejection"] for of_one in scored])
            expected += [f"{kept:.2f},", f"{np.mean([1000 * of_one['aurc'] for of_one in scored]):.2f}"]
        assert text.split() == expected


def test_a_number_that_older_code_did_not_write_is_blank_in_the_legend():
    older = measured(0.8, 0.5)
    entries = older.metrics.entries()
    del entries["scores"]["msp"]["aurc"]
    older = dataclasses.replace(older, metrics=Metrics.model_validate(entries))
    (members,) = group([older])
    assert draw(members, members.noises[0]).legends[0].texts[0].get_text().split()[-1] == "–"


def test_a_run_without_errors_is_drawn_at_100_percent():
    perfect = measured(1.0, 0.5)
    whole = perfect.curves | {score: np.ones(100, dtype=int) for score in ("own", "msp")}  # as read_csv returns it
    (members,) = group([dataclasses.replace(perfect, curves_csv=to_csv(pd.DataFrame(whole)))])
    figure = draw(members, members.noises[0])
    for style in ("-", "--", ":"):
        (line,) = lines(figure, style)
        assert set(line.get_ydata()) == {100}


def test_methods_keep_their_colour_at_every_noise():
    runs = [measured(0.8, 0.5, methods=["rul"], noise=[rate]) for rate in (0, 0.3)]
    (members,) = group([*runs, measured(0.7, 0.5, methods=["baseline"], noise=[0])])
    first, second = (picture.figure for picture in pictures(members))
    assert lines(first, "-")[1].get_color() == lines(second, "-")[0].get_color()
    assert lines(first, "-")[0].get_color() != lines(first, "-")[1].get_color()


def test_every_noise_has_its_picture():
    (members,) = group([measured(0.8, 0.5, noise=[noise]) for noise in ("pair:0.2", "0")])
    assert [(picture.name, picture.caption) for picture in pictures(members)] == [
        ("rejection-tiny-symmetric-0", "Accuracy against rejection, tiny, noise 0%"),
        ("rejection-tiny-pair-0.2", "Accuracy against rejection, tiny, noise pair 20%"),
    ]


def with_scores(run, *names):
    """A run to which scores were added, each a copy of max-softmax."""
    entries = run.metrics.entries()
    entries["scores"] |= dict.fromkeys(names, entries["scores"]["msp"])
    curves = run.curves | dict.fromkeys(names, run.curves["msp"])
    added = {"metrics": Metrics.model_validate(entries), "curves_csv": to_csv(pd.DataFrame(curves))}
    return dataclasses.replace(run, **added)


def test_a_score_that_was_added_is_drawn_and_has_its_numbers():
    (members,) = group([with_scores(measured(0.8, 0.5), "knn")])
    figure = draw(members, members.noises[0])
    ((added,), (msp,)) = lines(figure, "-."), lines(figure, "--")
    np.testing.assert_array_equal(added.get_ydata(), msp.get_ydata())
    assert "knn (dash-dotted)" in figure.legends[0].get_title().get_text()
    numbers = figure.legends[0].texts[0].get_text().split()
    assert numbers[-2:] == numbers[-4:-2]


def test_more_scores_than_styles_of_lines_have_a_panel_for_each_method():
    runs = [measured(accuracy, 0.5, methods=[name]) for name, accuracy in (("rul", 0.8), ("dul", 0.7))]
    (members,) = group([with_scores(run, "knn", "gap") for run in runs])
    figure = draw(members, members.noises[0])
    assert [axes.get_title() for axes in figure.axes] == ["dul", "rul"]
    assert {"own score", "max-softmax", "knn", "gap"} <= {text.get_text() for text in figure.legends[0].texts}
    assert len({line.get_color() for line in figure.axes[0].lines[-5:]}) == 5
