import dataclasses
import io
from itertools import product

import numpy as np
import pandas as pd
import pytest
from harness import PLUGINS, plugin, report, run, spec, without
from matplotlib.image import imread
from pandas.api.types import is_numeric_dtype

from bench.evaluation.metrics import OF_FLIPS, OF_SCORES
from bench.report import tables
from bench.report.grouping import Group, group
from bench.report.results import load_records
from bench.report.summaries import entry
from bench.report.tables import accuracy as table1
from bench.report.tables.accuracy import what
from bench.store.store import Store

RANKING = [metric for metric in OF_SCORES if not metric.parts]


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
    (found,) = [line for line in table.texts if line[: len(row)] == row]
    return found[len(row) :]


def accuracies(members, label, rate):
    found = [r for r in members.records if (r.spec.label, r.spec.noise.rate) == (label, rate)]
    return 100 * np.array([r.metrics.accuracy for r in found])


def test_accuracy_cells_are_mean_and_deviation_over_seeds(members):
    table = tables.accuracy_table(members)
    assert table.header == ["method", "0%", "30%"]
    values = accuracies(members, "dummy", 0.3)
    expected = f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"
    assert cells(table, ["dummy"])[1] == expected


def test_published_cells_stand_under_ours_with_the_difference(members, monkeypatch):
    paper = {"tiny": {"source": "A paper", "noise": [0, 0.3], "dummy": [80.0, 99.9]}}
    monkeypatch.setattr(table1, "published", lambda: paper)
    table = tables.accuracy_table(members)
    ours = accuracies(members, "dummy", 0.3).mean()
    row = table.texts[[line[0] for line in table.texts].index("dummy") + 1]
    assert row[2] == f"99.90 ({ours - 99.9:+.2f})".replace("-", "−")
    assert "Paper: A paper." in table.notes
    assert sum("paper" in line[0] for line in table.texts) == 1


def test_a_look_at_part_of_the_data_is_not_compared_with_the_paper(members, monkeypatch):
    monkeypatch.setattr(table1, "published", lambda: {"tiny": {"source": "", "noise": [0], "dummy": [80.0]}})
    part = {"recipe": members.records[0].spec.recipe.model_copy(update={"train_limit": 20})}
    records = [dataclasses.replace(r, spec=r.spec.model_copy(update=part)) for r in members.records]
    assert not any(
        "paper" in row[0] for row in tables.accuracy_table(dataclasses.replace(members, records=records)).texts
    )


def test_published_numbers_are_those_of_table_1():
    table = table1.published()
    assert table["mnist"]["rul"] == [99.45, 99.44, 99.42, 99.36]
    assert table["cifar10"]["scn"] == [95.37, 89.79, 87.82, 86.36]
    for name in ("mnist", "cifar10"):
        assert table[name]["noise"] == [0, 0.1, 0.2, 0.3]


def test_top_k_counts_come_from_own_score_and_msp_of_the_same_checkpoint(members):
    table = tables.top_k_table(members)
    found = [r.metrics for r in members.cell("baseline", members.noises[1])]
    own = np.mean([m.scores["own"].top_k.uncertain_misclassified for m in found])
    errors = np.mean([m.misclassified for m in found])
    row = cells(table, ["30%", "baseline"])
    assert float(row[0].split()[0]) == pytest.approx(errors, abs=0.05)
    assert float(row[1].split()[0]) == pytest.approx(own, abs=0.05)
    assert row[1] == row[2]


def test_every_score_has_its_row_of_ranking_metrics(members):
    table = tables.scores_table(members)
    names = {row[2] for row in table.texts if row[:2] == ["30%", "dummy"]}
    assert names == {"own", "msp", "entropy", "margin", "energy"}


def test_csv_tables_hold_the_numbers_of_the_records(members):
    rows = pd.read_csv(io.StringIO(tables.scores_table(members).csv())).to_dict("records")
    found = {(row["noise"], row["method"], row["score"]): row for row in rows}
    for noise, label, cell in members.cells():
        for score, metric in product(["own", "margin"], RANKING):
            values = pd.Series([entry(r, "scores", score, metric.name) for r in cell], dtype=float).dropna()
            row = found[noise.label, label, score]
            read = [row[f"{metric.name}_{part}"] for part in ("mean", "std", "n")]
            expected = [values.mean(), values.std(), len(values) or np.nan]
            np.testing.assert_allclose(read, expected, rtol=1e-14)


def test_csv_tables_of_a_report_have_numbers_in_all_columns_but_labels(results):
    """No cell of a column of numbers is text: ±, † and – are made when a table is shown."""
    report(results)
    found = list((results / "report" / "tables").glob("*.csv"))
    assert len(found) > 8
    for path in found:
        frame = pd.read_csv(path)
        texts = {name for name in frame if not is_numeric_dtype(frame[name])}
        known = {"noise", "method", "of", "against", "score", "crosses_at", "auroc_better", "aurc_better"}
        assert texts <= known
        assert not any(sign in path.read_text() for sign in "±−†–")


def test_a_method_of_log_probabilities_has_no_energy_and_the_tables_say_why(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text().replace("relabels = True", "normalised_logits = True")
    linear = "self.linear(images.flatten(1))"
    source = source.replace(f"self.scale * {linear}", f"F.log_softmax({linear}, dim=1)")
    folder = plugin(tmp_path / "plugins", "sure", source)
    reports = run(tmp_path / "results", folder, methods=["sure", "dummy"])
    assert [each.status for each in reports] == ["done", "done"], reports
    (members,) = report(tmp_path / "results").groups
    for table, metrics in (
        (tables.scores_table(members), RANKING),
        (tables.noise_detection_table(members), OF_FLIPS),
    ):
        assert cells(table, ["30%", "sure", "energy"]) == ["–"] * len(metrics)
        assert "–" not in cells(table, ["30%", "sure", "margin"]) + cells(table, ["30%", "dummy", "energy"])
        assert sum("log-probabilities" in note for note in table.notes) == 1


def test_noise_detection_leaves_out_runs_without_noise(members):
    assert {row[0] for row in tables.noise_detection_table(members).texts} == {"30%"}


def test_human_uncertainty_has_rows_only_where_humans_were_asked(members):
    assert tables.human_uncertainty_table(members).texts == []
    asked = {"human_uncertainty": dict.fromkeys(["own", "msp", "entropy", "margin", "energy"], 0.25)}
    records = [without(r, **asked) for r in members.records]
    table = tables.human_uncertainty_table(dataclasses.replace(members, records=records))
    assert len(table.texts) == 4
    assert table.texts[0][2:] == ["0.250 ± 0.000"] * 5


TABLES = [
    "own-score",
    "accuracy",
    "robustness",
    "top-k",
    "certain-classes",
    "class-distances",
    "classes",
    "scores",
    "noise-detection",
    "epochs",
    "costs",
    "quality",
]
FIGURES = ["rejection", "confusion", "training"]


def test_the_report_writes_every_table_in_three_formats_and_the_pictures(results):
    written = report(results)
    files = {path.name for path in (written.folder / "tables").iterdir()}
    assert files == {f"{name}-tiny.{ending}" for name in TABLES for ending in ("md", "tex", "csv")}
    page = (written.folder / "README.md").read_text()
    names = {f"{name}-tiny-symmetric-{rate}.png" for name in FIGURES for rate in ("0", "0.3")}
    names |= {"accuracy-tiny-symmetric.png", "training-uncertainty-tiny-symmetric-0.3.png"}
    assert {path.name for path in (written.folder / "figures").iterdir()} == names
    for name in names:
        assert page.count(f"(figures/{name})") == 1
        assert imread(written.folder / "figures" / name).std() > 0
    assert len(pd.read_csv(written.folder / "runs.csv")) == 8
    assert written.problems == []


def test_a_report_made_twice_is_the_same_byte_for_byte(results):
    folder = report(results, figures=["images", "features"]).folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(list((folder / "figures").iterdir())) == 8 + 8 + 2
    report(results, figures=["images", "features"])
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_report_leaves_no_table_or_picture_of_an_earlier_one(results):
    written = report(results, figures=["images"])
    stale = written.folder / "tables" / "accuracy-gone.md"
    stale.write_text("old")
    report(results)
    assert not stale.exists()
    assert not list((written.folder / "figures").glob("*certain-*"))


def test_a_report_needs_no_predictions(tmp_path):
    run(tmp_path)
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()
    assert report(tmp_path).problems == []


def test_pictures_of_samples_that_cannot_be_drawn_are_told_and_the_rest_is_written(tmp_path):
    run(tmp_path, methods=["dummy", "baseline"], epochs=1)
    run(tmp_path, held_out=0.25, evaluate="held-out", methods=["baseline"], epochs=1)
    whole = Store(tmp_path).path(spec(methods=["baseline"], epochs=1))
    (whole / "test.parquet").unlink()
    written = report(tmp_path, figures=["images", "features"])
    said = sorted(problem.split(": ", 1) for problem in written.problems)
    titles = {members.title: members.records[0].spec.evaluate for members in written.groups}
    assert [(start.split(" of ")[0], titles[start.split(" of ")[1]]) for start, _ in said] == [
        ("figures features", "test"),
        ("figures images", "held-out"),
        ("figures images", "test"),
    ]
    assert [f"{whole} has no predictions here" in reason for _, reason in said] == [True, False, True]
    assert "held-out part" in said[1][1]
    stems = [path.stem for path in (written.folder / "figures").iterdir()]
    assert sum(stem.startswith("features-baseline-tiny-") for stem in stems) == 1
    assert sum(stem.startswith("rejection-tiny-") for stem in stems) == 2
    assert len(pd.read_csv(written.folder / "runs.csv")) == 3


def test_pictures_of_a_data_set_whose_plugin_is_not_here_are_told_and_the_rest_is_written(tmp_path):
    source = (PLUGINS / "datasets" / "tiny.py").read_text()
    folder = plugin(tmp_path / "plugins", "elsewhere", source, "datasets")
    run(tmp_path, folder, datasets=["elsewhere"], epochs=1)
    written = report(tmp_path, figures=["images"])
    assert "no data set 'elsewhere'" in written.problems[0]
    assert (written.folder / "README.md").is_file()


def test_features_of_one_dimension_are_drawn_or_told_and_the_rest_is_written(tmp_path):
    run(tmp_path, methods=["baseline"], set={"baseline": {"dimension": 1}}, epochs=1)
    written = report(tmp_path, figures=["features"])
    assert (written.folder / "README.md").is_file()


def test_a_metric_that_older_code_did_not_write_is_left_blank(members):
    older = [without(r, "brier", nll=None) for r in members.records]
    table = tables.quality_table(dataclasses.replace(members, records=older))
    nll = table.header.index("NLL")
    assert {tuple(row[nll : nll + 2]) for row in table.texts} == {("–", "–")}


def test_titles_of_two_metrics_are_not_the_same(members):
    names = ["scores.own.auroc", "scores.msp.auroc", "noise_detection.own.auroc", "noise_detection.msp.auroc"]
    assert [what(members, name) for name in names] == [
        "AUROC (%) of the own score",
        "AUROC (%) of msp",
        "AUROC (%) of flipped labels by the own score",
        "AUROC (%) of flipped labels by msp",
    ]
    assert what(members, "human_uncertainty.own") == "Rank correlation of the own score with human label entropy"
    assert what(members, "scores.own.top_k.certain_right") == "scores.own.top_k.certain_right"
