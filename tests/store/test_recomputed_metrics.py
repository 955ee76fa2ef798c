"""Metrics of earlier code: computed anew from the predictions, kept beside the runs, or told."""

import dataclasses
import json

import pytest
from harness import checksummed, run, spec, without

from bench.evaluation.metrics import VALUES_SINCE, VERSION
from bench.report import tables
from bench.report.grouping import group
from bench.report.results import load_records
from bench.store.recomputed import filled_in
from bench.store.store import Store


@pytest.fixture(scope="module")
def present(tmp_path_factory):
    """A record of present code."""
    folder = tmp_path_factory.mktemp("present")
    run(folder)
    return Store(folder).read(spec())


def spoil(folder):
    path = folder / "record.json"
    record = json.loads(path.read_text())
    right = record["metrics"]["accuracy"]
    record["metrics"]["accuracy"], record["metrics_version"] = 0.123, VALUES_SINCE - 1
    path.write_text(json.dumps(record))
    checksummed(folder)
    return right


def test_stale_metrics_are_recomputed_from_the_predictions(tmp_path):
    run(tmp_path)
    right = spoil(Store(tmp_path).path(spec()))
    ((record,), problems) = load_records(Store(tmp_path))
    assert record.metrics.accuracy == right
    assert problems == []
    assert load_records(Store(tmp_path))[0][0].metrics.accuracy == right


def test_stale_metrics_whose_predictions_are_torn_are_told(tmp_path):
    run(tmp_path)
    folder = Store(tmp_path).path(spec())
    spoil(folder)
    (folder / "test.parquet").write_bytes(b"torn")
    ((record,), problems) = load_records(Store(tmp_path))
    assert record.metrics.accuracy == 0.123
    (problem,) = problems
    assert problem.startswith(f"{folder} keeps metrics of an earlier version of the code: ")
    assert "test.parquet" in problem


def test_recomputed_metrics_are_kept_beside_the_runs_and_nothing_is_written_into_them(tmp_path, monkeypatch):
    run(tmp_path)
    store = Store(tmp_path)
    right = spoil(store.path(spec()))
    before = {path: path.read_bytes() for path in store.path(spec()).iterdir()}
    first = load_records(store)
    assert {path: path.read_bytes() for path in store.path(spec()).iterdir()} == before
    assert [path.name for path in store.recomputed.iterdir()] == [f"{spec().identity}.json"]
    monkeypatch.setattr("bench.report.results.read_predictions", None)  # they are read no more
    assert load_records(store) == first
    assert first[0][0].metrics.accuracy == right
    assert first[0][0].metrics_version == VERSION


@pytest.mark.parametrize("content", ["", "{ torn", "outcome", "metrics_version", "curves"])
def test_a_cache_of_metrics_that_is_torn_or_of_something_else_does_not_count(tmp_path, content):
    run(tmp_path)
    store = Store(tmp_path)
    right = spoil(store.path(spec()))
    load_records(store)
    (kept,) = store.recomputed.iterdir()
    other = json.loads(kept.read_text())
    other["metrics"]["accuracy"] = 0.5
    if content in other:
        other[content] = {
            "outcome": "another",
            "metrics_version": VERSION + 1,
            "curves": "rejected,own\n0,high\n",
        }[content]
        content = json.dumps(other)
    kept.write_text(content)
    assert load_records(store)[0][0].metrics.accuracy == right


def test_metrics_of_newer_code_are_left_as_they_are(tmp_path):
    run(tmp_path)
    folder = Store(tmp_path).path(spec())
    spoil(folder)
    path = folder / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics_version": VERSION + 1}))
    checksummed(folder)
    assert load_records(Store(tmp_path))[0][0].metrics.accuracy == 0.123
    assert not Store(tmp_path).recomputed.exists()


def test_stale_metrics_without_predictions_are_told(tmp_path):
    run(tmp_path)
    folder = Store(tmp_path).path(spec())
    spoil(folder)
    (folder / "test.parquet").unlink()
    ((record,), problems) = load_records(Store(tmp_path))
    assert record.metrics.accuracy == 0.123
    assert problems == ["1 runs keep metrics of an earlier version of the code: their predictions are not here"]


def test_runs_of_older_code_without_predictions_get_what_their_confusion_matrix_tells(tmp_path):
    """As the published packs: no line is told, and what needs predictions is left blank."""
    run(tmp_path)
    store = Store(tmp_path)
    now, folder = store.read(spec()), store.path(spec())
    record = json.loads((folder / "record.json").read_text())
    added = ("balanced_accuracy", "macro_f1", "class_accuracy", "class_auroc")
    record["metrics"] = {name: value for name, value in record["metrics"].items() if name not in added}
    (folder / "record.json").write_text(json.dumps(record | {"metrics_version": 1}))
    checksummed(folder)
    (folder / "test.parquet").unlink()
    ((filled,), problems) = load_records(store)
    assert problems == []
    known = added[:3]
    assert {name: filled.metrics.get(name) for name in known} == {name: now.metrics.get(name) for name in known}
    assert filled.metrics.class_auroc is None
    assert now.metrics.class_auroc is not None
    table = tables.classes_table(group([filled])[0])
    assert [row[2] for row in table.texts] == ["accuracy"]


@pytest.mark.parametrize("confusion", [None, [], [[]], [[5, 1], [1]], [[60, 0, 0], [0, 1, 0], [0, 0, 0]]])
def test_a_confusion_matrix_that_does_not_fit_fills_in_nothing(present, confusion):
    record = without(present, "macro_f1")
    odd = record.metrics.model_copy(update={"confusion": confusion})
    assert filled_in(dataclasses.replace(record, metrics=odd)).metrics.get("macro_f1") is None
