"""Imported runs: the same metrics as the run they were exported from, beside it in every table."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from harness import PLUGINS, plugin, report, run
from harness import samples as samples_of
from harness import spec as tiny_spec

from bench.commands.stored_frames import compare, load_results
from bench.errors import BenchError
from bench.execution.context import Context
from bench.execution.imports import ImportRequest, import_arrays
from bench.plugins.registry import Registry
from bench.report.grouping import group
from bench.report.older_versions import told_apart
from bench.report.results import load_records
from bench.report.table import IMPORTED_NOTE
from bench.spec import ImportedSpec, RunSpec
from bench.store import grid_status, transfer
from bench.store.array_files import read_arrays
from bench.store.store import Store
from bench.validation import validated

DIGITS = {"methods": ["baseline"], "datasets": ["digits"], "noise": [0.3], "epochs": 1}
ASKED = {"name": "mine", "dataset": "digits", "noise": "0.3"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A results folder with a run of digits."""
    results = tmp_path_factory.mktemp("trained")
    (done,) = run(results, **DIGITS)
    assert done.status == "done", done.detail
    return results


@pytest.fixture
def results(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "results")


def stored(results):
    (record,) = Store(results).scan()[0]
    return record


def exported(results):
    folder = stored(results).path
    return read_arrays(folder / "test.parquet") | read_arrays(folder / "train.parquet", training=True)


def bring(results, arrays, folders=(), **asked):
    context = Context(Registry([PLUGINS, *folders]), Store(results), Path("data"))
    return import_arrays(arrays, validated(ImportRequest, ASKED | asked, "option"), context)


def imports(results):
    records = Store(results).scan()[0]
    return {record.spec.label: record for record in records if isinstance(record.spec, ImportedSpec)}


def only_test(arrays):
    return {name: values for name, values in arrays.items() if not name.startswith("train_")}


def without(arrays, *names):
    return {name: values for name, values in arrays.items() if name not in names}


def test_exported_predictions_have_the_same_metrics_to_the_last_digit(results):
    ours = stored(results)
    (made,) = bring(results, exported(results))
    theirs = imports(results)["mine (imported)"]
    assert made.is_new
    assert theirs.metrics == ours.metrics
    assert theirs.metrics.entries() == ours.metrics.entries()
    assert theirs.curves_csv == ours.curves_csv
    assert theirs.manifest == ours.manifest
    assert theirs.classes == ours.classes
    assert (theirs.spec.recipe, theirs.cost.seconds, len(theirs.epochs["epoch"])) == (None, None, 0)


def test_the_same_through_npz(results, tmp_path):
    np.savez(tmp_path / "x.npz", **exported(results))
    ours = stored(results)
    bring(results, read_arrays(tmp_path / "x.npz"))
    assert imports(results)["mine (imported)"].metrics == ours.metrics


def test_the_same_arrays_are_one_run_and_others_of_that_name_are_refused(results):
    arrays = exported(results)
    assert [each.is_new for each in bring(results, arrays) + bring(results, arrays)] == [True, False]
    other = arrays | {"uncertainty": arrays["uncertainty"][::-1].copy()}
    with pytest.raises(BenchError, match="other predictions were imported by this name; pass another --name"):
        bring(results, other)
    assert len(imports(results)) == 1
    bring(results, other, name="mine2")
    bring(results, other, seed="1")
    assert len(imports(results)) == 2  # labels; seeds share one
    assert len(Store(results).scan()[0]) == 4


def test_named_uncertainties_stand_side_by_side_with_the_same_logits(results):
    arrays = exported(results)
    named = without(arrays, "uncertainty", "train_uncertainty")
    for name in ("a", "b"):
        named |= {f"uncertainty_{name}": arrays["uncertainty"] * (1 if name == "a" else -1)}
        named |= {f"train_uncertainty_{name}": arrays["train_uncertainty"]}
    bring(results, named)
    found = imports(results)
    a, b = (found.pop(f"mine · {name} (imported)").metrics for name in ("a", "b"))
    assert found == {}
    assert (a.accuracy, a.scores["msp"]) == (b.accuracy, b.scores["msp"])
    assert a.scores["own"].get("auroc") == pytest.approx(1 - b.scores["own"].get("auroc"))


def test_labels_of_the_data_set_do_where_the_file_has_none(results):
    arrays = without(exported(results), "labels")
    bring(results, arrays)
    assert imports(results)["mine (imported)"].metrics == stored_by_us(results).metrics


def stored_by_us(results):
    (record,) = (each for each in Store(results).scan()[0] if isinstance(each.spec, RunSpec))
    return record


def test_without_training_part_flips_are_undefined_and_the_manifest_invents_nothing(results):
    bring(results, only_test(exported(results)))
    record = imports(results)["mine (imported)"]
    assert record.manifest.entries() == {"kind": "symmetric", "rate": 0.3, "seed": 0}
    assert record.metrics.noise_detection["own"]["auroc"] is None
    assert record.metrics.undefined["noise_detection"] == "the predictions of the training images are not known"
    assert not (record.path / "train.parquet").exists()
    table = (report(results).folder / "tables" / "noise-detection-digits.md").read_text()
    assert "–, or of fewer runs: the predictions of the training images are not known." in table


def test_without_uncertainty_a_remark_says_what_the_own_score_is(results):
    bring(results, without(exported(results), "uncertainty", "train_uncertainty"))
    record = imports(results)["mine (imported)"]
    assert record.remarks == ["no uncertainty was given: the own score is 1 − max softmax"]
    assert record.metrics.scores["own"] == record.metrics.scores["msp"]


def test_a_remark_says_where_labels_are_not_as_noisy_as_said(results):
    bring(results, exported(results), noise="0.1")
    assert imports(results)["mine (imported)"].remarks == [
        "30% of the training labels are wrong, --noise says 10%"
    ]


def test_imports_stand_in_every_table_and_test_of_their_images(results):
    bring(results, exported(results))
    run(results, **DIGITS | {"epochs": 2, "noise": [0.3]})
    written = report(results)
    assert len(written.groups) == 2  # two recipes of ours
    for members in written.groups:
        assert members.labels == ["baseline", "mine (imported)"]
        assert "epoch" in members.title
        for table in written.tables[members.name]:
            has_import = any("mine (imported)" in map(str, row.cells) for row in table.rows)
            assert (IMPORTED_NOTE in table.all_notes) == has_import
            assert has_import or table.name.startswith("epochs-")
    frame = compare(results=results, against="baseline")
    assert list(frame["method"]) == ["mine (imported)"] * 2
    assert 0.0 in set(frame["difference"])  # the run that it was exported from
    assert set(frame["interval"]) == {"samples"}


def test_load_results_has_a_column_that_tells_them(results):
    bring(results, exported(results))
    frame = load_results(results).set_index("label")
    assert frame["imported"].to_dict() == {"baseline": False, "mine (imported)": True}
    assert pd.isna(frame.loc["mine (imported)", "recipe.epochs"])
    assert pd.isna(frame.loc["mine (imported)", "seconds"])


def test_status_tells_how_many_there_are_and_no_time_comes_of_them(results):
    bring(results, exported(results))
    store = Store(results)
    grid_status.remember(store, [tiny_spec()])
    assert grid_status.imported(store) == 1
    assert [each.seconds for each in grid_status.of(store)] == [None]


def test_packs_and_merges_take_them_along(results, tmp_path):
    bring(results, exported(results))
    transfer.pack(Store(results), tmp_path / "runs.tar.gz", predictions=True)
    there = Store(tmp_path / "there")
    assert transfer.merge(there, tmp_path / "runs.tar.gz").added == 2
    assert transfer.merge(there, results).same == 2
    assert imports(tmp_path / "there")["mine (imported)"].metrics == stored_by_us(results).metrics
    assert grid_status.imported(there) == 1


def test_imports_of_one_cell_that_a_merge_brought_together_are_told_apart(results, tmp_path):
    arrays = exported(results)
    bring(results, arrays)
    bring(tmp_path / "there", arrays | {"uncertainty": -arrays["uncertainty"]})
    transfer.merge(Store(results), tmp_path / "there")
    (found,) = group(told_apart(Store(results).scan()[0]))
    ours, *theirs = found.labels
    assert ours == "baseline"
    assert len({*theirs}) == 2
    assert all(label.startswith("mine (imported) [arrays ") for label in theirs)


@pytest.mark.parametrize(("file", "said"), [("spec.json", "spec.json"), ("test.parquet", None)])
def test_damaged_files_are_named(results, file, said):
    arrays = exported(results)
    (made,) = bring(results, arrays)
    path = Store(results).path(made.outcome.spec) / file
    path.write_bytes(b"torn")
    records, problems = load_records(Store(results))
    assert (len(records), len(problems)) == ((1, 1) if said else (2, 0))
    if said:
        with pytest.raises(BenchError, match="delete it to import again"):
            bring(results, arrays)


def test_a_log_of_epochs_is_refused_in_an_import(results):
    from harness import checksummed

    (made,) = bring(results, exported(results))
    folder = Store(results).path(made.outcome.spec)
    (folder / "epochs.csv").write_text("epoch,loss\n1,0.5\n")
    checksummed(folder)
    _, (problem,) = Store(results).scan()
    assert "epochs.csv of an imported run must hold no epoch" in problem


def test_metrics_of_older_code_are_computed_anew(results):
    from finished_runs import edit

    arrays = only_test(exported(results))
    (made,) = bring(results, arrays)
    edit(Store(results), made.outcome.spec, metrics_version=0)
    records, problems = load_records(Store(results))
    assert problems == []
    assert {record.metrics_version for record in records} == {stored_by_us(results).metrics_version}


def test_images_are_drawn_of_them(results):
    bring(results, exported(results))
    written = report(results, figures=["images"], top=3)
    assert written.problems == []
    names = {path.name for path in (written.folder / "figures").iterdir()}
    assert {f"{kind}-mine-imported-digits-symmetric-0.3.png" for kind in ("certain", "uncertain")} <= names


def test_alone_they_make_a_report_of_their_own(trained, tmp_path):
    bring(tmp_path / "alone", exported(trained))
    written = report(tmp_path / "alone")
    assert [members.title for members in written.groups] == ["digits, trained elsewhere, test set, seed 0"]
    assert not list((written.folder / "figures").glob("training-*"))
    assert samples_of().images(stored(tmp_path / "alone"), stored_labels(trained)).shape[0] == 600


def stored_labels(results):
    return exported(results)["labels"]


def test_a_data_set_that_is_not_here_takes_the_labels_of_the_file(trained, tmp_path):
    arrays, results = exported(trained), tmp_path / "results"
    bring(results, arrays, dataset="imagenet")
    bring(results, arrays | {"logits": -arrays["logits"]}, dataset="imagenet", name="other")
    bring(results, arrays | {"labels": (arrays["labels"] + 1) % 10}, dataset="imagenet", name="moved")
    wide = np.hstack([arrays["logits"], arrays["logits"][:, :1] - 1])
    bring(results, only_test(arrays) | {"logits": wide}, dataset="imagenet", name="wide")
    found = sorted(of.labels for of in group(told_apart(Store(results).scan()[0])))
    assert found == [["mine (imported)", "other (imported)"], ["moved (imported)"], ["wide (imported)"]]
    record = imports(results)["mine (imported)"]
    assert record.classes == list("0123456789")
    assert record.remarks[0].startswith("labels and classes are unchecked: no data set 'imagenet'.")
    report(results)


def test_labels_do_where_the_files_of_a_data_set_are_missing(trained, tmp_path):
    arrays, asked = exported(trained), {"dataset": "mnist", "noise": "0"}
    with pytest.raises(BenchError, match="mnist: its files are not under .*an array labels in the file would do"):
        bring(tmp_path / "results", without(arrays, "labels"), **asked)
    bring(tmp_path / "results", arrays, **asked)
    assert "mnist: its files are not under" in stored(tmp_path / "results").remarks[0]


def moved(arrays):
    labels = arrays["labels"].copy()
    labels[[3, 7]] = (labels[[3, 7]] + 1) % 10
    return {"labels": labels}


def moved_train(arrays):
    true = arrays["train_true"].copy()
    true[5] = (true[5] + 1) % 10
    return {"train_true": true}


def wide(arrays):
    extra = np.zeros((len(arrays["logits"]), 1), np.float32)
    return {"logits": np.hstack([arrays["logits"], extra])}


BAD = {
    "a method": ({"name": "baseline"}, None, "--name baseline: is a method here"),
    "no name": ({"name": "a/b"}, None, "--name: a name must be"),
    "unknown noise": ({"noise": "pear:0.3"}, None, "no noise kind 'pear'. Did you mean 'pair'?"),
    "rate": ({"noise": "1.5"}, None, "--noise 1.5: a rate is a number from 0 to 1"),
    "seed": ({"seed": "-1"}, None, "--seed"),
    "option": ({"set": {"digits": {"x": 1}}}, None, "x"),
    "other option": ({"set": {"mnist": {"x": 1}}}, None, "--set mnist.…: must be of the data set, digits"),
    "size": (
        {},
        lambda of: {"logits": of["logits"][:500]},
        "logits: digits has 600 test images, got shape (500",
    ),
    "classes": ({}, wide, "logits: digits has 10 classes, got shape (600, 11)"),
    "classes without labels": (
        {},
        lambda of: wide(of) | {"labels": None},
        "logits: digits has 10 classes, got shape (600, 11)",
    ),
    "labels": ({}, moved, "labels: 2 of 600 are not the test labels of digits, the first at index 3: got"),
    "training labels": ({}, moved_train, "train_true: 1 of 1197 are not the labels of digits at train_index"),
    "place": (
        {},
        lambda of: {"train_index": of["train_index"] + 1},
        "train_index: digits has 1197 training ima",
    ),
    "score": ({}, lambda of: {"uncertainty": of["uncertainty"] * np.nan}, "uncertainty must be finite"),
    "unknown array": ({}, lambda of: {"logit": of["logits"]}, "no array 'logit'. Did you mean 'logits'?"),
    "odd labels": (
        {"dataset": "imagenet"},
        lambda of: {"labels": of["labels"] / 2},
        "labels must be inte",
    ),
    "unknown without labels": ({"dataset": "imagenet"}, lambda of: {"labels": None}, "no data set 'imagenet'"),
}


@pytest.mark.parametrize(("asked", "change", "said"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_one_line_and_nothing_is_stored(trained, tmp_path, asked, change, said):
    arrays = exported(trained)
    arrays |= change(arrays) if change else {}
    arrays = {name: values for name, values in arrays.items() if values is not None}
    with pytest.raises(BenchError) as error:
        bring(tmp_path / "results", arrays, **asked)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "results").exists()


def test_a_name_that_a_plugin_folder_takes_is_refused(trained, tmp_path):
    folder = plugin(tmp_path / "own", "mine", (PLUGINS / "methods" / "dummy.py").read_text())
    with pytest.raises(BenchError, match="--name mine: is a method here"):
        bring(tmp_path / "results", exported(trained), [folder])


def test_an_identity_holds_arrays_data_noise_seed_and_name(trained, tmp_path):
    arrays = exported(trained)
    other = arrays | {"uncertainty": arrays["uncertainty"] + 1}
    asked = [{}, {"name": "b"}, {"noise": "0.2"}, {"seed": "1"}, {"noise_seed": "1"}]
    specs = [bring(tmp_path / str(k), arrays, **each)[0].outcome.spec for k, each in enumerate(asked)]
    specs.append(bring(tmp_path / "other", other)[0].outcome.spec)
    assert len({each.identity for each in specs}) == len(specs)
    content = json.loads((Store(tmp_path / "0").path(specs[0]) / "spec.json").read_text())
    assert content["recipe"] is None
    assert ImportedSpec.model_validate(content) == specs[0]
