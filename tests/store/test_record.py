"""Records: typed, finite, and open to new metrics."""

import json

import pytest
from harness import checksummed, metrics, run, spec

from bench.store.record_models import Metrics, RunRecord
from bench.store.store import Store


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    run(results)
    return Store(results)


def content(store):
    return json.loads((store.path(spec()) / "record.json").read_text())


def test_the_files_layout_is_kept_to_the_byte(finished):
    text = (finished.path(spec()) / "record.json").read_text()
    assert RunRecord.model_validate_json(text).entries() == json.loads(text)
    again = json.dumps(RunRecord.model_validate_json(text).entries())
    assert again == json.dumps(json.loads(text))  # in the same order, too


def test_a_new_metric_needs_no_change_of_the_record(finished):
    entries = content(finished)["metrics"]
    entries["new"], entries["scores"]["own"]["newer"] = 0.25, 3
    found = Metrics.model_validate(entries)
    assert (found.get("new"), found.scores["own"].get("newer")) == (0.25, 3)
    assert found.entries() == entries


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metrics", "accuracy"), float("nan")),
        (("metrics", "nll"), float("inf")),
        (("metrics", "brier"), "high"),
        (("metrics", "scores", "own", "aurc"), float("nan")),
        (("metrics", "scores", "own", "top_k"), 5),
        (("metrics", "scores"), {}),
        (("metrics", "confusion"), [[0.5]]),
        (("cost", "seconds"), None),
        (("environment", "packages"), []),
        (("metrics_version",), "older code"),
        (("classes",), 3),
        (("note",), "of another program"),
    ],
)
def test_one_run_with_a_record_of_another_shape_is_named_and_the_others_go_on(tmp_path, path, value):
    run(tmp_path, seeds=[0, 1])
    store = Store(tmp_path)
    whole = owner = content(store)
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    (store.path(spec()) / "record.json").write_text(json.dumps(whole))
    checksummed(store.path(spec()))
    records, (problem,) = store.scan()
    assert [each.spec.seed for each in records] == [1]
    assert problem.startswith(f"{store.path(spec())} cannot be read as a run: {'.'.join(path)}")
    assert "\n" not in problem


def test_records_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        metrics().accuracy = 1.0
