"""Each tracker's files, read back by its own library, hold what the store holds."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from harness import PLUGINS

import bench
from bench.report.summaries import flat
from bench.store.store import Store

SETTINGS = {"methods": "dummy", "datasets": "tiny", "noise": 0.3, "epochs": 3, "plugins": PLUGINS}
PICTURES = {"confusion-tiny-symmetric-0.3", "rejection-tiny-symmetric-0.3", "training-tiny-symmetric-0.3"}


@pytest.fixture(scope="module", autouse=True)
def _no_server():
    """Nothing of this machine's user says where trackers send runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def untracked(tmp_path_factory):
    return _run(tmp_path_factory.mktemp("untracked"))


def _run(results, **options):
    bench.run(**SETTINGS, results=results, **options)
    (record,) = Store(results).scan()[0]
    return record


def tracked(folder, name, **options):
    return _run(folder, track=name, **options)


def numbers(record):
    """The values of each epoch, and the metrics that are defined."""
    epochs = {name: list(values) for name, values in record.epochs.items() if name != "epoch"}
    metrics = {k: v for k, v in flat(record.metrics.entries()).items() if isinstance(v, int | float)}
    return epochs, metrics


def scalars(found, name):
    return [(event.step, event.value) for event in found.Scalars(name)]


def assert_epochs(steps, values):
    defined = [(epoch, value) for epoch, value in enumerate(values, start=1) if not math.isnan(value)]
    assert [step for step, _ in steps] == [epoch for epoch, _ in defined]
    np.testing.assert_allclose(
        [value for _, value in steps], [value for _, value in defined], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("jobs", [0, 1])
def test_tensorboard_reads_epochs_metrics_and_pictures(tmp_path, untracked, jobs):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    record = tracked(tmp_path, "tensorboard", jobs=jobs)
    assert record.outcome == untracked.outcome
    found = EventAccumulator(str(tmp_path / "tracking" / "tensorboard" / record.spec.folder)).Reload()
    epochs, metrics = numbers(record)
    for name, values in epochs.items():
        assert_epochs(scalars(found, f"epoch/{name}"), values)
    for name, value in metrics.items():
        ((step, shown),) = scalars(found, f"result/{name.replace('.', '/')}")
        assert (step, shown) == (3, pytest.approx(value, rel=1e-6))
    assert set(found.Tags()["images"]) >= PICTURES
    settings = found.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "recipe.epochs: 3" in settings


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflow_reads_epochs_metrics_pictures_and_settings(tmp_path, untracked):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from mlflow.tracking import MlflowClient

    record = tracked(tmp_path, "mlflow")
    assert record.outcome == untracked.outcome
    client = MlflowClient(f"sqlite:///{tmp_path / 'tracking' / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("uncertainty-bench")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", record.spec.title)
    epochs, metrics = numbers(record)
    for name, values in epochs.items():
        history = client.get_metric_history(run.info.run_id, f"epoch/{name}")
        assert_epochs([(each.step, each.value) for each in history], values)
    assert {name: run.data.metrics[name] for name in metrics} == pytest.approx(metrics)
    assert run.data.params["recipe.epochs"] == "3"
    assert run.data.tags["bench.identity"] == record.spec.identity
    shown = {Path(each.path).stem for each in client.list_artifacts(run.info.run_id, "pictures")}
    assert shown >= PICTURES


def offline_records(path):
    """The records of an offline run: a LevelDB log behind a header of 7 bytes, in protobuf."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, parts = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        room = 32768 - place % 32768
        if room < 7:
            place += room
            continue
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        parts += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # a whole record, or the last part of one
            yield Record.FromString(parts)
            parts = b""


def test_wandb_writes_epochs_metrics_pictures_and_settings_offline(tmp_path, untracked):
    pytest.importorskip("wandb")
    record = tracked(tmp_path, "wandb")
    assert record.outcome == untracked.outcome
    (path,) = tmp_path.glob("tracking/wandb/wandb/offline-run-*/run-*.wandb")
    records = list(offline_records(path))
    (run,) = [each.run for each in records if each.WhichOneof("record_type") == "run"]
    assert (run.run_id, run.display_name) == (record.spec.identity[:16], record.spec.title)
    assert {item.key: item.value_json for item in run.config.update}["recipe.epochs"] == "3"
    epochs, metrics = numbers(record)
    history = [each.history for each in records if each.WhichOneof("record_type") == "history"]
    logged = {(_key(item), row.step.num): item.value_json for row in history for item in row.item}
    for name, values in epochs.items():
        steps = [(step, float(value)) for (key, step), value in logged.items() if key == f"epoch/{name}"]
        assert_epochs(steps, values)
    summary = {
        _key(item): item.value_json
        for each in records
        if each.WhichOneof("record_type") == "summary"
        for item in each.summary.update
    }
    assert {name: float(summary[name]) for name in metrics} == pytest.approx(metrics)
    shown = {path.name.rpartition("_")[0].rpartition("_")[0] for path in tmp_path.glob("**/pictures/*.png")}
    assert shown >= PICTURES


def _key(item):
    return item.key or ".".join(item.nested_key)
