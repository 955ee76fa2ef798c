import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from harness import checksummed, run, spec

from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.store.file_sources import RUN_FILES
from bench.store.prediction_files import from_parquet, read_predictions, to_parquet
from bench.store.record import StoreError
from bench.store.store import Store
from bench.store.unfinished import folder_of


@pytest.fixture
def store(tmp_path):
    assert [report.status for report in run(tmp_path)] == ["done"]
    return Store(tmp_path)


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_finished_run_leaves_all_its_files(store):
    names = {path.name for path in store.path(spec()).iterdir()}
    expected = {"spec.json", "manifest.json", "epochs.csv", "curves.csv", "record.json"}
    assert names == expected | {"test.parquet", "train.parquet", "sources.json", "SHA256SUMS"}


def test_a_stored_run_reads_back_as_it_was(store):
    record = store.read(spec())
    assert record.spec == spec()
    assert record.manifest.flips == 18
    assert 0 <= record.metrics.accuracy <= 1
    assert list(record.epochs["epoch"]) == [1, 2, 3, 4]


def test_the_record_tells_environment_and_cost(store):
    record = json.loads((store.path(spec()) / "record.json").read_text())
    assert {"python", "packages", "processor", "threads", "commit"} <= set(record["environment"])
    assert record["cost"]["parameters"] == 16 * 3 + 3
    assert record["cost"]["seconds"] > 0
    assert record["identity"] == spec().identity


def test_train_predictions_hold_the_three_label_vectors(store):
    frame = pd.read_parquet(store.path(spec()) / "train.parquet")
    assert list(frame["true"]) == [k % 3 for k in range(60)]
    assert (frame["true"] != frame["given"]).sum() == 18
    assert {"current", "uncertainty", "logit_0", "logit_2"} <= set(frame)


def test_predictions_survive_the_way_through_parquet():
    rng = np.random.default_rng(0)
    logits, features = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    written = LabelledPredictions(Predictions(logits, rng.normal(size=5), features), {"label": np.arange(5)})
    read = from_parquet(to_parquet(written))
    for before, after in zip(written.predictions, read.predictions, strict=True):
        np.testing.assert_array_equal(before, after)
    assert read.predictions.logits.dtype == np.float32
    assert list(read.columns) == ["label"]
    np.testing.assert_array_equal(read.labels, np.arange(5))


def test_predictions_that_pandas_wrote_are_read(tmp_path):
    frame = pd.DataFrame({"label": [0, 1], "uncertainty": [0.5, 0.25], "logit_0": [1.0, 2.0], "logit_1": [2, 1.0]})
    frame.to_parquet(tmp_path / "x.parquet")
    read = from_parquet((tmp_path / "x.parquet").read_bytes())
    assert list(read.table()) == list(frame)
    np.testing.assert_array_equal(read.predicted, [1, 0])


def test_log_probabilities_are_stored_under_their_name(tmp_path):
    logits = np.log(np.full((5, 3), 1 / 3, dtype=np.float32))
    predictions = Predictions(logits, np.arange(5.0), None, normalised=True)
    written = LabelledPredictions(predictions, {"label": np.arange(5)})
    assert list(written.table()) == ["label", "uncertainty", *(f"log_probability_{k}" for k in range(3))]
    read = from_parquet(to_parquet(written))
    assert read.predictions.normalised
    np.testing.assert_array_equal(read.predictions.logits, logits)
    assert list(read.columns) == ["label"]


def test_a_run_is_there_only_when_finished(store):
    assert store.has(spec())
    assert not store.has(spec(seeds=[1]))


def test_scan_finds_the_runs_and_no_problem(store):
    records, problems = store.scan()
    assert [record.spec for record in records] == [spec()]
    assert problems == []


def test_a_file_that_a_killed_program_was_writing_counts_for_nothing(store):
    (store.path(spec()) / ".test.parquet.0123456789abcdef.partial").write_bytes(b"torn")
    assert store.files(spec()).names() == [name for name in RUN_FILES if name != "weights.safetensors"]
    assert (len(store.scan()[0]), store.scan()[1]) == (1, [])


def test_a_foreign_folder_is_named_and_left_alone(store):
    foreign = store.root / "notes"
    foreign.mkdir()
    (foreign / "todo.md").write_text("x")
    records, problems = store.scan()
    assert len(records) == 1
    assert problems == [
        f"{foreign} is not a finished run: SHA256SUMS is missing; it is left alone and not in the tables"
    ]
    assert (foreign / "todo.md").read_text() == "x"


@pytest.mark.parametrize("name", ["spec.json", "record.json", "manifest.json", "epochs.csv", "curves.csv"])
@pytest.mark.parametrize("content", ["", "{ torn", None])
def test_a_torn_or_missing_file_is_named_never_skipped_in_silence(store, name, content):
    path = store.path(spec()) / name
    path.unlink()
    if content is not None:
        path.write_text(content)
    records, problems = store.scan()
    assert records == []
    assert len(problems) == 1
    assert str(store.path(spec())) in problems[0]
    assert "\n" not in problems[0]


def test_an_edited_specification_is_refused_even_with_new_checksums(store):
    folder = store.path(spec())
    edit(folder / "spec.json", seed=99)
    checksummed(folder)
    with pytest.raises(StoreError, match="does not hash to the identity"):
        store.read(spec())


def test_a_folder_that_holds_only_a_traceback_is_no_problem(store):
    store.save_failure(spec(noise=[0.1]), "it failed", "Traceback …")
    assert store.scan()[1] == []


@pytest.mark.parametrize("changes", [{"cost": {}}, {"cost": None}, {"metrics": []}, {"cost": {"started": 5}}])
def test_a_record_of_another_shape_is_named(store, changes):
    edit(store.path(spec()) / "record.json", **changes)
    checksummed(store.path(spec()))
    records, problems = store.scan()
    assert records == []
    assert "cannot be read as a run" in problems[0]


def test_what_a_killed_run_left_is_named(store):
    (store.path(spec()).parent / ".partial-seed1-00000000").mkdir()
    _, problems = store.scan()
    assert len(problems) == 1
    assert "left over from a run that was cut off" in problems[0]


@pytest.mark.parametrize("name", ["spec.json", "record.json", "manifest.json", "epochs.csv", "curves.csv"])
def test_an_edited_file_is_told_by_its_checksum(store, name):
    path = store.path(spec()) / name
    path.write_text(path.read_text() + "\n")
    records, (problem,) = store.scan()
    assert records == []
    assert f"{name} is not as it was written" in problem


def test_edited_predictions_are_not_read(store):
    path = store.path(spec()) / "test.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="test.parquet is not as it was written"):
        read_predictions(store.files(spec()), "test")


def test_checksums_are_those_that_sha256sum_checks(store):
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=store.path(spec()),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.count(": OK") == 8


def test_a_run_under_way_is_no_problem(store):
    folder_of(store.path(spec(seeds=[1]))).mkdir()
    assert store.scan()[1] == []


def test_the_outcome_is_the_same_for_the_same_run_and_another_for_another(store, tmp_path):
    run(tmp_path / "again")
    run(tmp_path / "other", seeds=[1])
    again, other = Store(tmp_path / "again"), Store(tmp_path / "other")
    outcome = store.read(spec()).outcome
    assert again.read(spec()).outcome == outcome
    assert other.read(spec(seeds=[1])).outcome != outcome
