"""Metrics that are computed anew are the first ones to the last digit."""

import dataclasses

import numpy as np
import pytest
import torch
from harness import run
from scipy.stats import spearmanr

from bench.evaluation.evaluate import evaluate
from bench.evaluation.human_disagreement import Judged, spearman
from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.evaluation.ranking import weighted_sum
from bench.report import results as reading
from bench.report.results import load_records
from bench.store.prediction_files import from_parquet, to_parquet
from bench.store.recomputed import Recomputed
from bench.store.record_models import Metrics
from bench.store.store import Store

threadpoolctl = pytest.importorskip("threadpoolctl")
# Samples, classes and width of features; BLAS shares more than 10,000 numbers among its threads.
SIZES = [(300, 3, 5), (4001, 10, 16), (20_001, 7, 64), (2000, 100, 8)]


def predicted(size, classes, width):
    draw = np.random.default_rng(0)
    labels = draw.integers(0, classes, size)
    logits = (draw.normal(size=(size, classes)) + 3 * np.eye(classes)[labels]).astype(np.float32)
    features = draw.normal(size=(size, width)).astype(np.float32)
    test = Predictions(logits, draw.random(size).round(3), features)  # with ties
    train = Predictions(logits[::-1].copy(), draw.random(size), None)
    given = np.where(draw.random(size) < 0.3, draw.integers(0, classes, size), labels[::-1])
    people = {"label": labels, "human_entropy": draw.random(size)}
    vectors = {"index": np.arange(size), "true": labels[::-1].copy(), "given": given, "current": given}
    return LabelledPredictions(test, people), LabelledPredictions(train, vectors)


def bits(found):
    return repr(found.metrics), found.curves.to_numpy().tobytes()


@pytest.mark.parametrize("sizes", SIZES)
def test_threads_and_the_way_through_a_file_change_no_digit(sizes):
    test, train = predicted(*sizes)
    first = bits(evaluate(test, train))
    for threads in (1, 2, 7):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with threadpoolctl.threadpool_limits(threads):
                again = (from_parquet(to_parquet(each)) for each in (test, train))
                assert bits(evaluate(*again)) == first
        finally:
            torch.set_num_threads(before)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_layout_of_arrays_in_memory_changes_no_digit(sizes):
    test, train = predicted(*sizes)
    outputs = test.predictions
    other = outputs._replace(
        logits=np.asfortranarray(outputs.logits), features=np.asfortranarray(outputs.features)
    )
    assert bits(evaluate(test._replace(predictions=other), train)) == bits(evaluate(test, train))


def test_a_report_with_newer_metrics_finds_the_first_ones(tmp_path, monkeypatch):
    """The record as if older code had made it: what is computed anew, and kept, is what was."""
    run(tmp_path, methods=["dummy", "baseline"], seeds=[0, 1])
    store = Store(tmp_path)
    first = {record.spec.identity: record for record in store.scan()[0]}
    scan = store.scan

    def older():
        records, problems = scan()
        return [dataclasses.replace(each, metrics_version=0) for each in records], problems

    monkeypatch.setattr(store, "scan", older)
    computed = load_records(store)[0]
    monkeypatch.setattr(reading, "read_predictions", None)
    for found in (computed, load_records(store)[0]):
        assert len(found) == 4
        for record in found:
            before = first[record.spec.identity]
            assert record.metrics.entries() == before.metrics.entries()
            assert repr(record.metrics.entries()) == repr(before.metrics.entries())
            assert record.curves_csv == before.curves_csv
    assert len(list(store.recomputed.iterdir())) == 4


def test_numbers_survive_the_files_to_the_last_digit():
    draw = np.random.default_rng(0)
    numbers = [*draw.random(2000), *np.exp(100 * draw.normal(size=2000)).clip(1e-99, 1e99), 0.1 + 0.2, 1 / 3]
    base = {"samples": 1, "misclassified": 0, "accuracy": 1.0, "scores": {"own": {}, "msp": {}}}
    metrics = Metrics.model_validate(base | {f"m{k}": float(value) for k, value in enumerate(numbers)})
    kept = Recomputed(outcome="0" * 64, metrics_version=1, metrics=metrics, curves="")
    again = Recomputed.model_validate_json(kept.model_dump_json(exclude_unset=True))
    assert [again.metrics.get(f"m{k}") for k in range(len(numbers))] == numbers


@pytest.mark.parametrize("size", [2, 3, 50, 5000])
@pytest.mark.parametrize("ties", [1, 6])
def test_the_rank_correlation_is_that_of_scipy(size, ties):
    draw = np.random.default_rng(size)
    mine, theirs = draw.random(size).round(ties), draw.random(size).round(ties)
    expected = spearmanr(mine, theirs).statistic if np.ptp(mine) and np.ptp(theirs) else np.nan
    assert spearman(Judged(mine, theirs)) == pytest.approx(expected, nan_ok=True)
    assert spearman(Judged(np.arange(9.0), np.arange(9.0) ** 3)) == 1
    assert spearman(Judged(np.arange(9.0), -np.arange(9.0))) == -1


def test_a_weighted_sum_is_the_product():
    assert weighted_sum(np.array([1, 0.5, 0]), np.array([True, True, False])) == 1.5
    assert weighted_sum(np.array([2.0, 3.0]), np.array([4.0, 5.0])) == 23
