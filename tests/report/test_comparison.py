import numpy as np
import pandas as pd
import pytest
from generated import generate
from harness import bench as command
from harness import of_older_protocol, record, run, spec

import bench
from bench.errors import UsageError
from bench.report import chosen_runs
from bench.report.comparison import load
from bench.report.older_versions import told_apart
from bench.report.selection import Selection
from bench.store.prediction_files import read_predictions
from bench.store.store import Store
from bench.version import PROTOCOL


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(folder, methods=["dummy", "baseline"], seeds=[0, 1], epochs=1)
    return folder


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    generate(folder, methods=3, noise=[0.1, 0.3], seeds=8)
    for path in folder.rglob("*.parquet"):  # copies of one run
        path.unlink()
    return folder


def test_accuracy_is_resampled_over_seeds_and_stored_predictions(real):
    frame = bench.compare(results=real, against="baseline")
    (row,) = frame.to_dict("records")
    assert row["interval"] == "seeds and samples"
    assert row["low"] <= row["difference"] <= row["high"]
    means = {}
    for made in Store(real).scan()[0]:
        found = read_predictions(made.files, "test")
        right = found.predictions.logits.argmax(axis=1) == found.labels
        means.setdefault(made.spec.label, []).append(right.mean())
    assert row["difference"] == pytest.approx(np.mean(means["dummy"]) - np.mean(means["baseline"]))


def test_a_ranking_metric_is_resampled_over_seeds(real):
    (row,) = bench.compare(results=real, metric="scores.own.aurc").to_dict("records")
    assert row["interval"] == "seeds"


def test_eight_seeds_support_what_three_methods_differ_in(eight):
    """The generated accuracies rise from method to method, at every seed."""
    found = load(eight, Selection(), "accuracy", "method-0")
    frame = found.frame()
    assert frame[frame.noise != "pooled"].p.unique().tolist() == [2 / 2**8]
    assert (frame.p_holm <= 0.05).all()
    assert [label.text for label in found.ranks.labels] == ["method-2", "method-1", "method-0"]
    assert found.ranks.means.tolist() == [1, 2, 3]
    assert found.tables()[0].bold == {(i, 4) for i in range(len(frame))}


def test_what_is_written(eight, tmp_path):
    page = load(eight, Selection(), "accuracy").write(tmp_path)
    names = {path.name for path in page.parent.iterdir()}
    assert {"README.md", "ranks.png", "ranks.md", "ranks.tex", "ranks.csv"} < names
    assert len([name for name in names if name.startswith("comparison-")]) == 3
    assert "(ranks.png)" in page.read_text()
    (csv,) = page.parent.glob("comparison-*.csv")
    assert pd.read_csv(csv)["n"].unique().tolist() == [8, 16]


def test_methods_are_chosen_by_name(eight):
    frame = bench.compare(results=eight, methods=["method-1", "method-2"])
    assert set(frame["method"]) | set(frame["against"]) == {"method-1", "method-2"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"methods": ["method-7"]}, "no method 'method-7'"),
        ({"against": "method-7"}, "no method 'method-7'"),
        ({"datasets": ["mnits"]}, "no data set 'mnits'"),
        ({"metric": "acuracy"}, "no metric 'acuracy'. Did you mean 'accuracy'"),
        ({"metric": "confusion"}, "no metric 'confusion'"),
        (
            {"metric": "aurc"},
            "metric 'aurc' is of a score: name that, too, as in scores.own.aurc or scores.msp.aurc",
        ),
        ({"methods": ["method-1"]}, "no two methods have runs"),
    ],
)
def test_a_bad_request_is_one_clear_line(eight, asked, said):
    with pytest.raises(UsageError, match=said):
        bench.compare(results=eight, **asked)


@pytest.fixture
def aged(monkeypatch, tmp_path):
    """A folder of two methods, one of which the protocol before made, too."""
    made = [record(spec(methods=[m], seeds=[s])) for m in ("dummy", "baseline") for s in (0, 1)]
    older = [of_older_protocol(each, accuracy=0.4) for each in made[:2]]
    monkeypatch.setattr(chosen_runs, "load_records", lambda *_: (told_apart([*made, *older]), []))
    (tmp_path / "runs").mkdir()
    return tmp_path


def test_rows_of_an_older_protocol_are_left_out_and_the_page_says_so(aged):
    found = load(aged, Selection(), "accuracy")
    (table,) = found.tables()
    assert [row[1:3] for row in table.texts] == [["baseline", "dummy"]]
    assert "named in brackets, are not compared" in table.notes[-1]


def test_an_older_row_takes_part_as_the_one_compared_with_only(aged):
    older = f"dummy [protocol {PROTOCOL - 1}]"
    (table,) = load(aged, Selection(methods=["dummy"]), "accuracy", older).tables()
    assert [row[1:3] for row in table.texts] == [["dummy", older]]
    assert not any("are not compared" in note for note in table.notes)
    with pytest.raises(UsageError, match="takes part as --against only"):
        load(aged, Selection(methods=[older]), "accuracy", "dummy")


def test_a_folder_without_runs_is_told(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        bench.compare(results=tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageError, match="no run has ended there"):
        bench.compare(results=tmp_path)


def test_the_command_shows_the_tables_in_80_columns(eight):
    done = command("compare", "--results", str(eight), "--against", "method-0")
    assert done.returncode == 0, done.stderr
    assert "accuracy, method − method-0" in done.stdout
    assert "Mean ranks by accuracy" in done.stdout
    lines = [line for line in done.stdout.splitlines() if not line.startswith("All comparisons: ")]
    assert max(map(len, lines)) <= 80


def test_a_bad_request_on_the_command_line_has_status_2(eight):
    done = command("compare", "--results", str(eight), "--metric", "acuracy")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no metric 'acuracy'. Did you mean 'accuracy'?")
    assert done.stderr.count("\n") == 1
