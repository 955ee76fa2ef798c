"""Kept weights, predictions with them, and post-hoc scores over the runs that have them."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from harness import PLUGINS, bench, grid, run

import bench as package
from bench.commands import predictions_anew
from bench.errors import BenchError, DataError, UsageError
from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.observer import Observer
from bench.execution.trained import load_trained
from bench.files import checksums
from bench.plugins.registry import Registry
from bench.report.selection import Selection
from bench.store import transfer
from bench.store.file_sources import WEIGHTS
from bench.store.prediction_files import read_predictions
from bench.store.store import Store

CELL = {"methods": ["dummy", "mc-dropout"], "epochs": 1}


def context_of(results, **fields):
    return Context(Registry([PLUGINS]), Store(results), Path("data"), **fields)


def kept(results, force=False, **content):
    context = context_of(results, keep_weights=True, force=force)
    LocalExecutor(context, Observer()).run(grid(**CELL | content))
    return context


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    results = tmp_path_factory.mktemp("kept")
    kept(results)
    return results


@pytest.fixture
def results(stored, tmp_path):
    return shutil.copytree(stored, tmp_path / "results")


def records(results):
    return {record.spec.method.name: record for record in Store(results).scan()[0]}


@pytest.mark.parametrize("method", CELL["methods"])
def test_predictions_made_anew_are_those_that_are_stored(stored, method):
    record = records(stored)[method]
    trained = load_trained(record, context_of(stored))
    made, was = trained.on(trained.data.test), read_predictions(record.files, "test")
    for name in ("logits", "uncertainty"):
        np.testing.assert_array_equal(getattr(made.predictions, name), getattr(was.predictions, name))
    np.testing.assert_array_equal(made.labels, was.labels)


def test_weights_are_in_the_checksums_and_change_neither_identity_nor_outcome(stored, tmp_path):
    run(tmp_path, **CELL)
    for name, plain in records(tmp_path).items():
        record = records(stored)[name]
        assert (record.spec.identity, record.outcome) == (plain.spec.identity, plain.outcome)
        assert WEIGHTS in checksums.read(record.files.read(checksums.NAME))
        assert WEIGHTS not in plain.files.names()
    assert "2 of 2 runs" in lacking(tmp_path)
    assert lacking(stored) == ""


def lacking(results):
    from bench.execution.weightless import without_weights

    return without_weights(grid(**CELL), context_of(results, keep_weights=True))


def test_packs_take_weights_along_when_asked_and_a_merge_completes_a_run(stored, tmp_path):
    sizes = {}
    for weights in (False, True):
        pack = tmp_path / f"{weights}.tar.gz"
        transfer.pack(Store(stored), pack, predictions=False, weights=weights)
        sizes[weights] = pack
    target = Store(tmp_path / "merged")
    assert transfer.merge(target, sizes[False]).added == 2
    assert all(WEIGHTS not in record.files.names() for record in target.scan()[0])
    assert transfer.merge(target, sizes[True]).completed == 2
    for name, record in records(tmp_path / "merged").items():
        assert record.files.read(WEIGHTS) == records(stored)[name].files.read(WEIGHTS)


def test_a_merge_leaves_a_run_that_was_stored_without_weights_as_it_is(stored, tmp_path):
    run(tmp_path, **CELL)
    merged = transfer.merge(Store(tmp_path), stored)
    assert (merged.same, merged.completed, merged.problems) == (2, 0, [])


def reseal(folder, **contents):
    digests = checksums.read((folder / checksums.NAME).read_bytes())
    for name, content in contents.items():
        path = folder / name.replace("weights", WEIGHTS)
        path.write_bytes(content)
        digests |= checksums.of({path.name: content})
    (folder / checksums.NAME).write_bytes(checksums.written(digests))


def test_damaged_and_foreign_weights_are_refused(results):
    found = records(results)
    dummy, other = found["dummy"], found["mc-dropout"]
    content = dummy.files.read(WEIGHTS)
    (dummy.path / WEIGHTS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match="checksum differs"):
        load_trained(dummy, context_of(results))
    reseal(dummy.path, weights=b"\x80\x04 a pickle")
    with pytest.raises(DataError, match="no safetensors file"):
        load_trained(dummy, context_of(results))
    reseal(dummy.path, weights=other.files.read(WEIGHTS))
    with pytest.raises(DataError, match=r"do not fit the method: it lacks linear\.bias, linear\.weight"):
        load_trained(dummy, context_of(results))
    (dummy.path / WEIGHTS).unlink()
    with pytest.raises(DataError, match=r"has no weights.safetensors: .*--keep-weights"):
        load_trained(dummy, context_of(results))


def arrays(path, shape, classes):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (30, *shape), dtype=np.uint8), np.arange(30) % classes
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return str(path)


def test_another_test_set_is_normalised_as_the_runs_own(results, tmp_path):
    plugins, data = [PLUGINS], load_trained(records(results)["dummy"], context_of(results)).data
    channels, height, width = data.test.images.shape[1:]
    shape = (height, width) if channels == 1 else (height, width, channels)
    path = arrays(tmp_path / "other.npz", shape, len(data.class_names))
    asked = {"results": results, "methods": "dummy", "dataset": "arrays", "plugins": plugins}
    found = package.predict(**asked, set={"arrays": {"path": path}})
    images = np.load(path)["x_test"].reshape(30, height, width, channels).transpose(0, 3, 1, 2)
    import torch

    state = load_trained(records(results)["dummy"], context_of(results)).tensors
    (view,) = data.evaluate(torch.from_numpy(np.ascontiguousarray(images)))
    expected = view.flatten(1).numpy() @ state["linear.weight"].numpy().T + state["linear.bias"].numpy()
    np.testing.assert_allclose(found["logits"], expected, rtol=1e-5, atol=1e-6)
    for bad, said in (
        (arrays(tmp_path / "large.npz", (height + 3, width), len(data.class_names)), "its images are"),
        (arrays(tmp_path / "many.npz", shape, len(data.class_names) + 2), "classes"),
    ):
        with pytest.raises(BenchError, match=said):
            package.predict(**asked, set={"arrays": {"path": bad}})
    with pytest.raises(UsageError, match="2 runs were chosen"):
        package.predict(results=results, plugins=plugins)


def test_a_run_that_stands_in_two_settings_is_predicted_with_once(stored, monkeypatch):
    groups, problems = predictions_anew.load_groups(stored, Selection())
    monkeypatch.setattr(predictions_anew, "load_groups", lambda *given: (2 * groups, problems))
    found = predictions_anew.chosen(context_of(stored), Selection(), [], None)
    assert sorted(record.spec.method.name for record in found) == sorted(CELL["methods"])


def test_the_command_writes_what_import_reads(results, tmp_path):
    places = ("--plugins", str(PLUGINS))
    for name in ("preds.npz", "preds.parquet"):
        path = str(tmp_path / name)
        done = bench("predict", "--methods", "dummy", "--results", str(results), *places, "-o", path)
        assert done.returncode == 0, done.stderr
        given = ("--name", name.replace(".", "-"), "--dataset", "tiny", "--noise", "0.3", *places)
        done = bench("import", path, *given, "--results", str(tmp_path / "new"))
        assert done.returncode == 0, done.stderr
    known = records(results)["dummy"].metrics
    assert {record.metrics.accuracy for record in Store(tmp_path / "new").scan()[0]} == {known.accuracy}


def test_scores_of_a_new_test_set_are_those_of_its_features_and_logits(results, tmp_path):
    from scipy.spatial.distance import cdist
    from scipy.special import softmax

    from bench.execution.trained import training_part

    trained = load_trained(records(results)["mc-dropout"], context_of(results))
    train = training_part(trained).predictions.features.astype(float)
    asked = {"results": results, "methods": "mc-dropout", "plugins": [PLUGINS]}
    found = package.predict(**asked, scores="knn,entropy", set={"knn": {"k": 3, "unit": False}})
    nearest = np.sort(cdist(found["features"].astype(float), train), axis=1)
    np.testing.assert_allclose(found["uncertainty_knn"], nearest[:, 2], rtol=1e-9)
    form = "log_probabilities" if "log_probabilities" in found else "logits"
    probable = softmax(found[form].astype(float), axis=1)
    np.testing.assert_allclose(found["uncertainty_entropy"], -(probable * np.log(probable)).sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--scores", "knm"], "no score 'knm'. Did you mean 'knn'"),
        (["--scores", "knn"], "score knn of .*: the method has no features"),
        (["--scores", "knn,"], "a place in the list is empty"),
        (["--set", "knn.k=3"], "or of a score that --scores names"),
    ],
)
def test_a_score_that_cannot_be_added_is_named_in_one_line(results, tmp_path, typed, said):
    path = tmp_path / "preds.npz"
    places = ("--results", str(results), "--plugins", str(PLUGINS), "-o", str(path))
    done = bench("predict", "--methods", "dummy", *places, *typed)
    assert (done.returncode == 0, path.exists()) == (False, False)
    assert re.search(said, done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_added_scores_are_imported_as_rows_of_their_own(results, tmp_path):
    path, places = str(tmp_path / "preds.npz"), ("--plugins", str(PLUGINS))
    chosen = ("predict", "--methods", "mc-dropout", "--results", str(results))
    done = bench(*chosen, *places, "--scores", "margin,feature-norm", "-o", path)
    assert done.returncode == 0, done.stderr
    given = ("--name", "mine", "--dataset", "tiny", "--noise", "0.3", *places)
    done = bench("import", path, *given, "--results", str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    labels = {*package.load_results(tmp_path / "new")["label"]}
    assert labels == {f"mine{name} (imported)" for name in ("", " · margin", " · feature-norm")}


def test_a_run_that_is_named_is_chosen_by_nothing_else(results):
    run_folder = records(results)["dummy"].path
    found = package.predict(run=run_folder, results=results, plugins=[PLUGINS])
    assert len(found["labels"]) == len(found["logits"])
    for more in ({"methods": "nosuch"}, {"seed": 99}, {"noise": 0.7}):
        with pytest.raises(UsageError, match="leave out what else chooses runs"):
            package.predict(run=run_folder, results=results, plugins=[PLUGINS], **more)
