"""`bench table` and `bench figure`: what they write, errors of one line, a LaTeX document."""

import csv
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from harness import PLUGINS, run, unwritable
from PIL import Image
from typer.testing import CliRunner

import bench as package
from bench.commands.cli import app
from bench.errors import BenchError
from bench.report.results import load_records
from bench.store.store import Store

pytestmark = [
    pytest.mark.xdist_group("paper"),  # for what they share is made once
    pytest.mark.usefixtures("unchecked_types"),  # typer hands a class of its own to callbacks of options
]
ROOT = Path(package.__file__).parents[1]
PLACES = ("--plugins", str(PLUGINS))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(folder, methods=["dummy", "baseline"], noise=[0, 0.3], seeds=[0, 1], epochs=2)
    return folder


def bench(*arguments):
    """Run a command in this process; return what it printed."""
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments):
    error = CliRunner().invoke(app, list(map(str, arguments))).exception
    assert isinstance(error, BenchError), (arguments, error)
    assert "\n" not in str(error)
    return str(error)


def test_a_table_holds_the_numbers_of_the_records(results, tmp_path):
    bench("table", "accuracy", "--results", results, "--noise", "0.3", "-o", tmp_path / "t.csv")
    frame = pd.read_csv(tmp_path / "t.csv").set_index("method")
    for label in ("dummy", "baseline"):
        runs = [r for r in load_records(Store(results))[0] if (r.spec.label, r.spec.noise.rate) == (label, 0.3)]
        assert frame["30%_mean"][label] == pytest.approx(np.mean([r.metrics.accuracy for r in runs]))
    assert set(frame.columns) == {"method_oracle", "30%_mean", "30%_std", "30%_n"}


def test_the_table_of_accuracy_takes_any_metric(results, tmp_path):
    flags = ("--metric", "scores.own.aurc", "--results", results, "-o", tmp_path / "t.csv")
    bench("table", "accuracy", *flags)
    frame = pd.read_csv(tmp_path / "t.csv").set_index("method")
    runs = [r for r in load_records(Store(results))[0] if (r.spec.label, r.spec.noise.rate) == ("dummy", 0)]
    expected = np.mean([r.metrics.scores["own"].entries()["aurc"] for r in runs])
    assert frame["0%_mean"]["dummy"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ending", "sign"), [("tex", r"\toprule"), ("md", "| method"), ("html", "<table>"), ("csv", ",")]
)
def test_a_table_is_written_in_the_format_of_its_ending(results, tmp_path, ending, sign):
    path = tmp_path / f"t.{ending}"
    said = bench("table", "scores", "--scores", "own,msp", "--metric", "auroc", "--results", results, "-o", path)
    assert said.startswith(f"{path}: How well each score ranks errors last")
    assert sign in path.read_text()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_without_a_file_the_table_is_shown(results):
    said = bench("table", "own-score", "--methods", "dummy", "--results", results)
    assert "Own score against max-softmax: tiny" in said
    assert "baseline" not in said


def test_tables_of_pairs_take_a_method_to_compare_with(results, tmp_path):
    bench("table", "comparison", "--against", "baseline", "--results", results, "-o", tmp_path / "t.csv")
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert {(row["method"], row["against"]) for row in rows} == {("dummy", "baseline")}


@pytest.mark.parametrize(
    "kind", ["rejection", "confusion", "training", "training-uncertainty", "reliability", "histograms"]
)
def test_a_figure_of_one_noise_is_as_wide_as_a_column(results, tmp_path, kind):
    path = tmp_path / "f.png"
    said = bench("figure", kind, "--noise", "0.3", "--results", results, "-o", path, *PLACES)
    assert said.startswith(f"{path}: ")
    with Image.open(path) as image:
        assert image.width == pytest.approx(3.3 * 600, abs=2)
    assert [each.name for each in tmp_path.iterdir()] == ["f.png"]


@pytest.mark.parametrize("kind", ["images", "features"])
def test_a_figure_of_one_method_takes_its_score_and_number(results, tmp_path, kind):
    flags = ("--methods", "baseline", "--noise", "0.3", "--score", "msp", "--top", "3", *PLACES)
    for more in ((), ("--certain",))[: 2 if kind == "images" else 1]:
        said = bench("figure", kind, *flags, *more, "--results", results, "-o", tmp_path / "f.svg")
        if kind == "images":
            assert f"the 3 most {'' if more else 'un'}certain by msp score" in said


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_the_same_figure_is_the_same_file_with_fonts_inside(results, tmp_path, ending):
    paths = [tmp_path / f"{name}.{ending}" for name in ("one", "two")]
    for path in paths:
        bench("figure", "accuracy", "--width", "page", "--results", results, "-o", path, *PLACES)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    content = paths[0].read_bytes()
    if ending == "pdf":
        assert b"/FontFile2" in content  # TrueType, embedded
        assert b"/Type3" not in content
    if ending == "svg":
        assert b"<text" not in content  # letters are shapes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["figure", "rejectoin", "-o", "x.pdf"], "no kind of figure 'rejectoin'. Did you mean 'rejection'"),
        (["figure", "rejection", "-o", "x.jpg"], "-o x.jpg: the name must end in .pdf, .svg or .png"),
        (["figure", "rejection", "-o", "nowhere/x.pdf"], "-o nowhere/x.pdf: there is no folder nowhere"),
        (
            ["figure", "rejection", "--width", "wide", "-o", "x.pdf"],
            "--width wide: must be column, page, or",
        ),
        (["figure", "rejection", "-o", "x.pdf"], "figure rejection shows one noise, choose by --noise: 0, 0.3"),
        (
            ["figure", "images", "--noise", "0", "-o", "x.pdf"],
            "figure images shows one method, choose by",
        ),
        (["figure", "ablation", "--noise", "0", "-o", "x.pdf"], "figure ablation: it needs runs of a method with"),
        (["figure", "accuracy", "--noise", "0", "-o", "x.pdf"], "figure accuracy: it needs runs at two rates"),
        (["figure", "accuracy", "--methods", "rul", "-o", "x.pdf"], "no method 'rul'. Available: baseline, dummy"),
        (["figure", "confusion", "--metric", "nll", "-o", "x.pdf"], "--metric nll: figure confusion takes none"),
        (
            ["figure", "images", "--noise", "0", "--methods", "dummy", "--top", "1001", "-o", "x.pdf"],
            "--top: input",
        ),
        (
            ["figure", "training", "--noise", "0", "--metric", "los"],
            "no column of the log 'los'",
        ),
        (["figure", "critical-difference", "-o", "x.pdf"], "figure critical-difference: it needs runs of three"),
        (["table", "acuracy"], "no table 'acuracy'. Did you mean 'accuracy'"),
        (["table", "accuracy", "-o", "x.doc"], "-o x.doc: the name must end in .tex, .md, .csv or .html"),
        (["table", "accuracy", "--metric", "nlll"], "no metric 'nlll'. Did you mean 'nll'"),
        (
            ["table", "robustness", "--noise", "0"],
            "table robustness: the chosen runs have nothing to show",
        ),
        (["table", "quality", "--against", "dummy"], "--against dummy: is for the tables comparison and ranks"),
        (["table", "quality", "--metric", "x"], "no metric of this table 'x'"),
        (["table", "ranks"], "table ranks: takes three methods"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_writes_nothing(results, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert refused(*arguments, "--results", results).startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_leaves_nothing(results, tmp_path):
    place = tmp_path / "closed"
    place.mkdir()
    with unwritable(place):
        done = CliRunner().invoke(
            app, ["table", "accuracy", "--results", str(results), "-o", str(place / "t.tex")]
        )
        assert isinstance(done.exception, OSError)
    assert list(place.iterdir()) == []


def test_a_latex_document_with_a_table_and_a_figure_compiles(results, tmp_path):
    program = next((found for name in ("pdflatex", "tectonic") if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no LaTeX here: neither pdflatex nor tectonic")
    for name, flags in {
        "accuracy": (),
        "scores": ("--noise", "0.3"),
        "own-score": (),
        "comparison": ("--against", "baseline"),
    }.items():
        bench("table", name, *flags, "--results", results, "-o", tmp_path / f"{name}.tex")
    bench("figure", "rejection", "--noise", "0.3", "--results", results, "-o", tmp_path / "rejection.pdf", *PLACES)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass[twocolumn]{article}\n\\usepackage{booktabs,graphicx}\n\\begin{document}\nText.\n"
        "\\input{accuracy}\\input{scores}\\input{own-score}\\input{comparison}\n"
        "\\begin{figure}\\includegraphics{rejection}\\end{figure}\n\\end{document}\n"
    )
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in program else []
    done = subprocess.run(
        [program, *flags, "paper.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000


def test_the_examples_of_the_page_on_papers_work(tmp_path, monkeypatch):
    page = ROOT / "docs" / "papers.md"
    if not page.is_file():
        pytest.skip("not in a clone")
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "results", methods=["rul", "scn", "baseline"], noise=[0, 0.3], seeds=[0], epochs=2)
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert len(lines) > 8
    for python, flag, module, *arguments in lines:
        assert (python, flag, module) == ("python", "-m", "bench")
        bench(*arguments, *(PLACES if arguments[0] == "figure" else ()))
    written = {path.name for path in tmp_path.iterdir()} - {"results"}
    assert written == {line[line.index("-o") + 1] for line in lines if "-o" in line}
