"""Data frames of stored runs: different runs never look alike, and frames can be merged."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from harness import grid, record, run, spec, without
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import bench
from bench.errors import BenchError, UsageError
from bench.recipe import Recipe, Relabel
from bench.report.frames import frame
from bench.report.results import load_records
from bench.spec import Choice, Noise, RunSpec
from bench.store.store import Store
from bench.store.transfer import pack

NOT_SETTINGS = {"identity", "path", "setting", "label"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    both = {
        "methods": ["dummy", "baseline"],
        "seeds": [0, 1],
        "set": {"dummy": {"scale": 2}, "recipe": {"epochs": 2}},
    }
    assert {each.status for each in run(folder, **both)} == {"done"}
    return folder


base = spec()
value = some.one_of(
    some.booleans(), some.integers(0, 3), some.text("ab", max_size=2), some.lists(some.integers(0, 2), max_size=2)
)
nested = some.dictionaries(some.sampled_from(["a", "b", "inner", "inner.a"]), value, max_size=3)
specs = some.builds(
    RunSpec,
    dataset=some.builds(
        Choice,
        name=some.sampled_from("xy"),
        hyperparameters=nested,
        version=some.sampled_from("12"),
        content=some.sampled_from([None, "c", "d"]),
    ),
    method=some.builds(
        Choice, name=some.sampled_from("xy"), hyperparameters=nested, version=some.sampled_from("12")
    ),
    noise=some.builds(
        Noise,
        kind=some.sampled_from(["pair", "symmetric"]),
        rate=some.sampled_from([0.0, 0.3]),
        seed=some.integers(0, 1),
        confusions=some.sampled_from([None, ((0, 1),), ((1, 0),)]),
    ),
    relabel=some.none() | some.builds(Relabel, fraction=some.sampled_from([0.3, 0.5])),
    recipe=some.builds(
        Recipe,
        epochs=some.integers(1, 2),
        schedule=some.sampled_from(
            ["linear", {"start": 0.2, "rise": 0.2, "end": 0.1}, {"factor": 0.9, "first_epoch": 1, "every": 1}]
        ),
    ),
    recipe_name=some.none(),
    seed=some.integers(0, 1),
    held_out=some.sampled_from([0.0, 0.1]),
    evaluate=some.sampled_from(["test", "held-out"]),
    device=some.sampled_from(["cpu", "cuda", "mps"]),
    precision=some.sampled_from(["float32", "bfloat16"]),
    protocol=some.integers(1, 2),
    label=some.just("one label"),
    oracle=some.just(False),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(specs, specs)
def test_two_different_runs_differ_in_a_column_of_settings(one, other):
    row, second = rows(one, other)
    differ = {name for name in row.index if tell(row[name]) != tell(second[name])} - NOT_SETTINGS
    assert bool(differ) == (one.identity != other.identity)


def rows(*cells):
    made = frame([record(cell, path=cell.folder) for cell in cells], base.folder.parents[-1])
    return [row for _, row in made.astype(object).iterrows()]


def tell(cell):
    """Return a cell's value as text; NaN and None both mean that there is none."""
    return None if cell is None or (isinstance(cell, float) and np.isnan(cell)) else json.dumps(cell)


def leaves(content, before=()):
    for key, value in content.items():
        yield from leaves(value, (*before, key)) if isinstance(value, dict) else [((*before, key), value)]


def test_every_field_that_counts_has_a_column_of_its_value():
    (cell,) = grid(methods=["dummy"], held_out=0.1, set={"dummy": {"scale": 2.5}})
    (row,) = rows(cell)
    values = [tell(value) for value in row]
    names = {
        "dataset.name": "dataset",
        "method.name": "method",
        "noise.kind": "noise_kind",
        "noise.rate": "noise_rate",
        "noise.seed": "noise_seed",
        "dataset.version": "dataset_version",
        "method.version": "method_version",
    }
    for path, value in leaves(cell.counting):
        name = ".".join(path).replace(".hyperparameters.", ".")
        assert tell(row[names.get(name, name)]) == tell(value), name
    assert tell(2.5) in values


def test_results_hold_hyperparameters_setting_and_noise_as_columns(results):
    runs = bench.load_results(results)
    assert runs["method.scale"].dropna().tolist() == [2.0, 2.0]
    assert set(runs["noise"]) == {"30%"}
    assert set(runs["setting"]) == {"tiny"}
    assert set(runs["recipe.epochs"]) == {2}
    assert runs.groupby(["method.scale", "recipe.schedule"], dropna=False).size().sum() == 4


def test_curves_and_epochs_are_long_frames_with_the_columns_that_tell_the_run(results):
    curves, epochs, runs = bench.load_curves(results), bench.load_epochs(results), bench.load_results(results)
    keys = ["identity", "setting", "dataset", "method", "label", "noise", "seed"]
    assert list(curves)[:7] == list(epochs)[:7] == keys
    assert list(curves)[7:] == ["score", "rejected", "accuracy"]
    assert len(curves) == 4 * 5 * 100
    assert epochs.groupby("identity")["epoch"].agg(list).tolist() == [[1, 2]] * 4
    whole = curves[(curves["rejected"] == 0) & (curves["score"] == "own")]
    joined = runs.merge(whole, on=keys, suffixes=("", "_curve"), validate="one_to_one")
    assert len(joined) == 4
    np.testing.assert_allclose(joined["accuracy"], joined["accuracy_curve"], atol=1e-6)


def test_the_frame_of_a_comparison_merges_with_results(results):
    compared = bench.compare(results=results, against="baseline")
    runs = bench.load_results(results)
    means = runs.groupby(["setting", "dataset", "noise", "label"], as_index=False)["accuracy"].mean()
    joined = compared.merge(
        means, left_on=["setting", "dataset", "noise", "method"], right_on=["setting", "dataset", "noise", "label"]
    )
    joined = joined.merge(
        means,
        left_on=["setting", "dataset", "noise", "against"],
        right_on=["setting", "dataset", "noise", "label"],
        suffixes=("", "_against"),
    )
    assert len(joined) == len(compared) == 1
    np.testing.assert_allclose(joined["difference"], joined["accuracy"] - joined["accuracy_against"])


def test_settings_have_one_name_in_results_and_in_a_comparison_of_some_methods(results, tmp_path):
    shutil.copytree(results, tmp_path / "more")
    run(tmp_path / "more", methods=["dummy"], seeds=[0], set={"recipe": {"epochs": 1}})
    runs = bench.load_results(tmp_path / "more")
    of_both = set(runs.loc[runs["recipe.epochs"] == 2, "setting"])
    compared = bench.compare(results=tmp_path / "more", methods="baseline,dummy(scale=2.0)")
    assert set(compared["setting"]) == of_both
    assert len(set(runs["setting"])) == 2


def test_predictions_are_those_of_the_run(results):
    runs = bench.load_results(results)
    for _, row in runs.iterrows():
        found = bench.load_predictions(results, row["identity"][:8])
        logits = found.filter(like="logit_").to_numpy()
        assert (logits.argmax(axis=1) == found["label"]).mean() == pytest.approx(row["accuracy"])
        train = bench.load_predictions(results, row["identity"], "train")
        assert (train["true"] != train["given"]).sum() == row["flips"]
        assert train["index"].is_unique


def test_predictions_of_packs_are_read_where_they_are_at_hand(results, tmp_path):
    identity = bench.load_results(results)["identity"][0]
    pack(Store(results), tmp_path / "runs.tar.gz", predictions=True)
    pd.testing.assert_frame_equal(
        bench.load_predictions(tmp_path, identity), bench.load_predictions(results, identity)
    )
    pd.testing.assert_frame_equal(bench.load_curves(tmp_path), bench.load_curves(results))
    with pytest.raises(
        BenchError, match=r"has no train.parquet here: a pack never has those of the training set$"
    ):
        bench.load_predictions(tmp_path, identity, "train")
    pack(Store(results), tmp_path / "runs.tar.gz", predictions=False)
    with pytest.raises(BenchError, match=r"has no test.parquet here: .* with --predictions$"):
        bench.load_predictions(tmp_path, identity)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("identity", "part", "said"),
    [
        ("0" * 64, "test", "has no run of the identity 0000"),
        ("rul", "test", "identity: must be 8 to 64 digits 0-9a-f, as load_results has it, got 'rul'"),
        ("0" * 64, "tset", "part: must be test or train, got 'tset'"),
    ],
)
def test_a_run_that_is_not_there_is_one_line(results, identity, part, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        bench.load_predictions(results, identity, part)


@pytest.mark.parametrize("load", [bench.load_results, bench.load_curves, bench.load_epochs])
def test_a_folder_that_is_not_there_is_one_line_and_an_empty_one_no_rows(load, tmp_path):
    with pytest.raises(BenchError, match="^there is no results folder"):
        load(tmp_path / "gone")
    assert len(load(tmp_path)) == 0


def test_the_frame_of_runs_with_different_metrics_has_blanks_in_place_of_what_a_run_lacks(results):
    """As pandas makes it of one row for each run; a later run's columns stand beside their like."""
    records = load_records(Store(results))[0]
    first, second = (without(r, **{f"extra {r.spec.seed}": 0.5}) for r in records[:2])
    third = without(records[2], "nll", "confusion", brier=None, samples=7)
    rows = [dict(frame([each], results).items()) for each in (first, second, third, first)]
    expected = pd.DataFrame([{name: column[0] for name, column in row.items()} for row in rows])
    made = frame([first, second, third, first], results)
    pd.testing.assert_frame_equal(made, expected, check_like=True)
    assert abs(made.columns.get_loc("extra 0") - made.columns.get_loc("extra 1")) == 1
    assert expected["extra 0"].isna().tolist() == [False, True, True, False]
    assert expected["confusion"][0] == first.metrics.confusion


def test_no_run_makes_an_empty_frame(results):
    assert frame([], results).empty
