import numpy as np
import pytest
from harness import record, spec

from bench.report.grouping import group
from bench.report.tables.certain_images import certain_classes_table, class_distances_table


def of(records):
    (members,) = group(records)
    return members


def counted(counts, classes=("a", "b", "c"), **content):
    scores = {"own": {"top_k": {"k": 6, "certain_classes": counts}}}
    return record(spec(**content), metrics={"scores": scores}, classes=list(classes))


def test_the_histogram_is_that_of_the_metrics_of_a_single_run():
    table = certain_classes_table(of([counted([4.0, 2.0, 0.0])]))
    assert table.header == ["noise", "method", "a", "b", "c"]
    assert table.texts == [["30%", "dummy", "4", "2", "0"]]
    assert table.notes == ["Evenly spread it would be 2 of each class."]
    assert "the 6 most certain images" in table.title


def test_the_histogram_is_mean_and_deviation_over_seeds():
    found = certain_classes_table(
        of([counted(c, seeds=[s]) for s, c in enumerate([[4.0, 2.0, 0.0], [3.0, 1.5, 1.5]])])
    )
    assert found.texts == [["30%", "dummy", "3.5 ± 0.7", "1.8 ± 0.4", "0.8 ± 1.1"]]


def test_each_noise_and_method_has_its_own_histogram():
    runs = [counted([float(k), 0.0, 6.0 - k], methods=[m], noise=[r]) for k, (r, m) in enumerate(GRID)]
    assert certain_classes_table(of(runs)).texts == [
        ["0%", "baseline", "0", "0", "6"],
        ["0%", "dummy", "1", "0", "5"],
        ["30%", "baseline", "2", "0", "4"],
        ["30%", "dummy", "3", "0", "3"],
    ]


GRID = [(rate, method) for rate in (0, 0.3) for method in ("baseline", "dummy")]


@pytest.mark.parametrize(("classes", "rows"), [(20, 1), (21, 0)])
def test_the_histogram_of_more_than_20_classes_is_left_out(classes, rows):
    names = [f"class {k}" for k in range(classes)]
    assert len(certain_classes_table(of([counted([1.0] * classes, names)])).rows) == rows


# ---- distances -----------------------------------------------------------------------------------

KEYS = ("certain_own", "uncertain_own", "certain_nearest_other", "uncertain_nearest_other")


def placed(distances, **content):
    own, other = dict(zip(KEYS, distances, strict=True)), dict.fromkeys(KEYS, 9.0)
    return record(spec(**content), metrics={"class_distances": {"own": own, "msp": other}})


def test_distances_are_mean_and_deviation_over_seeds_of_the_own_score():
    values = np.array([[0.1, 0.5, 1.2, 0.7], [0.3, 0.6, 1.0, 0.8]])
    table = class_distances_table(of([placed(v, seeds=[seed]) for seed, v in enumerate(values.tolist())]))
    mean, std = values.mean(axis=0), values.std(axis=0, ddof=1)
    expected = [f"{m:.2f} ± {s:.2f}" for m, s in zip(mean, std, strict=True)]
    assert table.texts == [["30%", "dummy", *expected]]
    assert table.header[2:] == [
        "own: certain",
        "own: uncertain",
        "nearest other: certain",
        "nearest other: uncertain",
    ]


def test_methods_without_features_have_no_row():
    runs = [record(spec(), metrics={}), placed([0.1, 0.2, 0.3, 0.4], methods=["baseline"])]
    assert [row[1] for row in class_distances_table(of(runs)).texts] == ["baseline"]


def test_undefined_distances_are_blank():
    assert class_distances_table(of([placed([None] * 4)])).texts == [["30%", "dummy", "–", "–", "–", "–"]]
