import numpy as np
import pandas as pd
import pytest
from harness import record, run, spec
from sklearn.metrics import confusion_matrix

from bench.report.figures.confusion import draw, pictures, row_percent
from bench.report.grouping import group
from bench.report.results import load_records
from bench.store.store import Store

COUNTS = [[[8, 2, 0], [1, 9, 0], [0, 0, 0]], [[1, 4, 5], [3, 7, 0], [0, 0, 0]]]


def counted(counts, classes=("a", "b", "c"), **content):
    return record(spec(**content), metrics={"confusion": counts}, classes=list(classes))


@pytest.fixture(scope="module")
def members():
    (found,) = group([counted(counts, seeds=[seed]) for seed, counts in enumerate(COUNTS)])
    return found


def drawn(members, noise=0):
    (found,) = [picture for k, picture in enumerate(pictures(members)) if k == noise]
    return found.figure


def cells(axes):
    """The numbers in the cells, by (true class, predicted class)."""
    return {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}


def test_counts_are_added_over_seeds_before_they_are_divided(members):
    percent = row_percent(members.records)
    np.testing.assert_allclose(percent[:2], [[45, 30, 25], [20, 80, 0]])
    np.testing.assert_allclose(percent[:2].sum(axis=1), 100)


def test_a_class_without_images_is_undefined_not_zero(members):
    assert np.isnan(row_percent(members.records)[2]).all()


def test_the_numbers_in_the_cells_are_the_percentages(members):
    (axes,) = drawn(members).axes
    assert cells(axes) == {(0, 0): "45", (0, 1): "30", (0, 2): "25", (1, 0): "20", (1, 1): "80"}
    np.testing.assert_allclose(
        np.ma.filled(axes.images[0].get_array(), np.nan), row_percent(members.records), equal_nan=True
    )
    assert axes.images[0].get_clim() == (0, 100)


def test_small_percentages_have_a_decimal_and_dark_cells_white_numbers():
    (members,) = group([counted([[991, 9, 0], [0, 900, 100], [1, 2999, 0]])])
    (axes,) = drawn(members).axes
    assert cells(axes) == {(0, 0): "99", (0, 1): "0.9", (1, 1): "90", (1, 2): "10", (2, 1): "100"}
    assert {text.get_text(): text.get_color() for text in axes.texts} == {
        "99": "white", "0.9": "black", "90": "white", "10": "black", "100": "white"
    }  # fmt: skip


def test_rows_are_true_and_columns_predicted_classes_by_name(members):
    figure = drawn(members)
    (axes,) = figure.axes
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == ["a", "b", "c"]
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("predicted class", "true class")
    top, bottom = axes.get_ylim()
    assert top > bottom  # the first class on top


def test_long_class_names_are_cut_and_turned():
    (members,) = group([counted(COUNTS[0], classes=("a", "rather a long name", "c"))])
    (axes,) = drawn(members).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "rather a lo…", "c"]
    assert {tick.get_rotation() for tick in axes.get_xticklabels()} == {90}


def test_every_method_has_a_panel_and_every_noise_a_picture():
    records = [
        counted(COUNTS[k % 2], methods=[method], noise=[rate])
        for rate in (0, 0.3)
        for k, method in enumerate(("dummy", "baseline", "scn", "dul", "rul"))
    ]
    (members,) = group(records)
    found = list(pictures(members))
    assert [picture.name for picture in found] == ["confusion-tiny-symmetric-0", "confusion-tiny-symmetric-0.3"]
    assert "label noise 30%" in found[1].figure.get_suptitle()
    panels = found[1].figure.axes
    assert [axes.get_title() for axes in panels] == members.labels
    for axes in panels:
        (own,) = members.cell(axes.get_title(), members.noises[1])
        np.testing.assert_array_equal(
            np.ma.filled(axes.images[0].get_array(), np.nan), row_percent([own]), strict=True
        )


@pytest.mark.parametrize(("classes", "expected"), [(20, 1), (21, 0)])
def test_a_matrix_of_more_than_20_classes_is_not_drawn(classes, expected):
    names = [f"class {k}" for k in range(classes)]
    (members,) = group([counted(np.eye(classes, dtype=int).tolist(), classes=names)])
    assert len(list(pictures(members))) == expected


def test_runs_without_the_counts_are_left_out():
    without = [record(spec(methods=["scn"])), record(spec(methods=["dul"]), metrics={"confusion": None})]
    (members,) = group([*without, counted(COUNTS[0])])
    assert [axes.get_title() for axes in drawn(members).axes] == ["dummy"]
    (none,) = group(without)
    assert list(pictures(none)) == []


def test_the_matrix_of_a_real_run_is_that_of_its_predictions(tmp_path):
    run(tmp_path, noise=[0.3])
    (members,) = group(load_records(Store(tmp_path))[0])
    frame = pd.read_parquet(members.records[0].path / "test.parquet")
    predicted = frame.filter(like="logit_").to_numpy().argmax(axis=1)
    figure = draw(members, members.noises[0], {"dummy": members.records})
    expected = 100 * confusion_matrix(frame["label"], predicted, normalize="true")
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), expected)
