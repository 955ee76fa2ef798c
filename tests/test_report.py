import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from harness import run, spec
from matplotlib.image import imread

from bench import figures, tables
from bench.groups import Group, group
from bench.report import load_records, write_report
from bench.store import Store


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(folder, methods=["dummy", "baseline"], noise=[0, 0.3], seeds=[0, 1], epochs=2)
    return folder


@pytest.fixture(scope="module")
def members(results) -> Group:
    (found,) = group(load_records(Store(results))[0])
    return found


def cells(table, row):
    (found,) = [line for line in table.rows if line[: len(row)] == row]
    return found[len(row) :]


def accuracies(members, label, rate):
    found = [r for r in members.records if (r.spec.label, r.spec.noise.rate) == (label, rate)]
    return 100 * np.array([r.metrics["accuracy"] for r in found])


def test_accuracy_cells_are_mean_and_deviation_over_seeds(members):
    table = tables.accuracy(members)
    assert table.header == ["method", "0%", "30%"]
    values = accuracies(members, "dummy", 0.3)
    expected = f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"
    assert cells(table, ["dummy"])[1] == expected


def test_published_cells_stand_under_ours_with_the_difference(members, monkeypatch):
    paper = {"tiny": {"source": "A paper", "noise": [0, 0.3], "dummy": [80.0, 99.9]}}
    monkeypatch.setattr(tables, "published", lambda: paper)
    table = tables.accuracy(members)
    ours = accuracies(members, "dummy", 0.3).mean()
    row = table.rows[[line[0] for line in table.rows].index("dummy") + 1]
    assert row[2] == f"99.90 ({ours - 99.9:+.2f})".replace("-", "−")
    assert "Paper: A paper." in table.notes
    assert sum("paper" in line[0] for line in table.rows) == 1


def test_a_look_at_part_of_the_data_is_not_compared_with_the_paper(members, monkeypatch):
    monkeypatch.setattr(tables, "published", lambda: {"tiny": {"source": "", "noise": [0], "dummy": [80.0]}})
    part = {"recipe": members.records[0].spec.recipe.model_copy(update={"train_limit": 20})}
    records = [dataclasses.replace(r, spec=r.spec.model_copy(update=part)) for r in members.records]
    assert not any(
        "paper" in row[0] for row in tables.accuracy(dataclasses.replace(members, records=records)).rows
    )


def test_published_numbers_are_those_of_table_1():
    table = tables.published()
    assert table["mnist"]["rul"] == [99.45, 99.44, 99.42, 99.36]
    assert table["cifar10"]["scn"] == [95.37, 89.79, 87.82, 86.36]
    for name in ("mnist", "cifar10"):
        assert table[name]["noise"] == [0, 0.1, 0.2, 0.3]


def test_top_k_counts_come_from_own_score_and_msp_of_the_same_checkpoint(members):
    table = tables.top_k(members)
    found = [r.metrics for r in members.cell("baseline", members.noises[1])]
    own = np.mean([m["scores"]["own"]["top_k"]["uncertain_misclassified"] for m in found])
    errors = np.mean([m["misclassified"] for m in found])
    row = cells(table, ["30%", "baseline"])
    assert float(row[0].split()[0]) == pytest.approx(errors, abs=0.05)
    assert float(row[1].split()[0]) == pytest.approx(own, abs=0.05)
    assert row[1] == row[2]


def test_every_score_has_its_row_of_ranking_metrics(members):
    table = tables.scores(members)
    names = {row[2] for row in table.rows if row[:2] == ["30%", "dummy"]}
    assert names == {"own", "msp", "entropy", "margin", "energy"}


def test_noise_detection_leaves_out_runs_without_noise(members):
    assert {row[0] for row in tables.noise_detection(members).rows} == {"30%"}


def test_human_uncertainty_has_rows_only_where_humans_were_asked(members):
    assert tables.human_uncertainty(members).rows == []
    asked = {"human_uncertainty": dict.fromkeys(["own", "msp", "entropy", "margin", "energy"], 0.25)}
    records = [dataclasses.replace(r, metrics=r.metrics | asked) for r in members.records]
    table = tables.human_uncertainty(dataclasses.replace(members, records=records))
    assert len(table.rows) == 4
    assert table.rows[0][2:] == ["0.250 ± 0.000"] * 5


def test_the_rejection_figure_draws_the_stored_curves(members):
    noise = members.noises[1]
    (axes,) = figures.rejection(members, noise).axes
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert (len(solid), len(dashed)) == (2, 2)
    for line, label in zip(solid, members.labels, strict=True):
        curves = [record.curves["own"].to_numpy()[:91] for record in members.cell(label, noise)]
        np.testing.assert_allclose(line.get_ydata(), 100 * np.mean(curves, axis=0))
    assert len(axes.collections) == 4
    assert "(%)" in axes.get_xlabel()


def test_methods_keep_their_colour_in_every_figure(members):
    drawn = [figures.rejection(members, noise).axes[0].lines for noise in members.noises]
    colours = [[line.get_color() for line in lines] for lines in drawn]
    assert colours[0] == colours[1]


def test_the_report_writes_every_table_in_three_formats_and_the_pictures(results):
    report = write_report(results)
    stems = {path.stem for path in (report.folder / "tables").iterdir()}
    assert stems == {f"{name}-tiny" for name in ("accuracy", "top-k", "scores", "noise-detection", "quality")}
    assert len(list((report.folder / "tables").iterdir())) == 15
    page = (report.folder / "README.md").read_text()
    for noise in ("symmetric-0", "symmetric-0.3"):
        name = f"figures/rejection-tiny-{noise}.png"
        assert f"({name})" in page
        assert imread(report.folder / name).std() > 0
    assert len(pd.read_csv(report.folder / "runs.csv")) == 8


def test_a_report_made_twice_is_the_same_byte_for_byte(results):
    folder = write_report(results).folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_report(results)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_report_leaves_no_table_of_an_earlier_one(results):
    report = write_report(results)
    stale = report.folder / "tables" / "accuracy-gone.md"
    stale.write_text("old")
    write_report(results)
    assert not stale.exists()


def test_a_report_needs_no_predictions(tmp_path):
    run(tmp_path)
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()
    assert write_report(tmp_path).problems == []


def spoil(folder):
    path = folder / "record.json"
    record = json.loads(path.read_text())
    right = record["metrics"]["accuracy"]
    record["metrics"]["accuracy"], record["metrics_source"] = 0.123, "older code"
    path.write_text(json.dumps(record))
    return right


def test_stale_metrics_are_recomputed_from_the_predictions(tmp_path):
    run(tmp_path)
    right = spoil(Store(tmp_path).path(spec()))
    ((record,), problems) = load_records(Store(tmp_path))
    assert record.metrics["accuracy"] == right
    assert problems == []
    assert load_records(Store(tmp_path))[0][0].metrics["accuracy"] == right


def test_stale_metrics_whose_predictions_are_torn_are_told(tmp_path):
    run(tmp_path)
    folder = Store(tmp_path).path(spec())
    spoil(folder)
    (folder / "test.parquet").write_bytes(b"torn")
    ((record,), problems) = load_records(Store(tmp_path))
    assert record.metrics["accuracy"] == 0.123
    assert f"{folder} keeps metrics of an earlier version of the code: ArrowInvalid" in problems[0]


def test_a_metric_that_older_code_did_not_write_is_left_blank(members):
    older = [dataclasses.replace(r, metrics=r.metrics | {"nll": None}) for r in members.records]
    for record in older:
        del record.metrics["brier"]
    table = tables.quality(dataclasses.replace(members, records=older))
    assert {tuple(row[3:5]) for row in table.rows} == {("–", "–")}


def test_stale_metrics_without_predictions_are_told(tmp_path):
    run(tmp_path)
    folder = Store(tmp_path).path(spec())
    spoil(folder)
    (folder / "test.parquet").unlink()
    ((record,), problems) = load_records(Store(tmp_path))
    assert record.metrics["accuracy"] == 0.123
    assert problems == ["1 runs keep metrics from an earlier version of the code: their predictions are not here"]
