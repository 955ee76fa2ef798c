import json
import statistics
from functools import reduce
from operator import getitem

import pytest
from harness import record, run, spec

from bench.report.summaries import Summary, entry, summarise
from bench.store.store import Store


def test_mean_and_sample_deviation():
    assert summarise([2.0, 4.0, 9.0]) == pytest.approx((5.0, 13**0.5, 3, 0))


def test_the_deviation_is_that_of_a_sample_and_not_of_a_population():
    values = [0.91, 0.93, 0.92, 0.97, 0.90]
    summary = summarise(values)
    assert summary.std == pytest.approx(statistics.stdev(values))
    assert summary.mean == pytest.approx(statistics.fmean(values))


def test_one_value_has_no_deviation():
    assert summarise([0.5]) == Summary(mean=0.5, std=None, n=1)


def test_equal_values_have_a_deviation_of_zero():
    assert summarise([0.5, 0.5]) == Summary(mean=0.5, std=0.0, n=2)


@pytest.mark.parametrize(
    ("values", "summary"),
    [([None, 1.0, None, 1.0], Summary(1.0, 0.0, 2, 2)), ([None, 0.0], Summary(0.0, None, 1, 1))],
    ids=["none is left out", "zero is a value"],
)
def test_only_undefined_values_are_left_out(values, summary):
    assert summarise(values) == summary


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_nothing_defined_has_no_summary(values):
    assert summarise(values) is None


def test_any_iterable_will_do():
    assert summarise(value for value in (1.0, 3.0)).n == 2


def test_an_entry_is_found_by_its_names(tmp_path):
    run(tmp_path)
    found = Store(tmp_path).read(spec())
    stored = json.loads((found.path / "record.json").read_text())["metrics"]
    paths = [("accuracy",), ("nll",), ("scores", "msp", "aurc"), ("scores", "own", "top_k", "k")]
    for path in [
        *paths,
        ("noise_detection", "label_aware", "auroc"),
        ("scores", "own", "top_k", "certain_classes"),
    ]:
        assert entry(found, *path) == reduce(getitem, path, stored)
    for path in [("none",), ("scores", "none"), ("accuracy", "of"), ("model_dump",)]:
        assert entry(found, *path) is None


def test_an_undefined_entry_is_none():
    assert entry(record(spec(), metrics={"nll": None}), "nll") is None
