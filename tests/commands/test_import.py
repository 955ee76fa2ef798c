"""`bench import` as a command, and the training in `examples/` from its script to a table."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from harness import bench as command
from harness import run
from typer.testing import CliRunner

import bench
from bench.commands.cli import app
from bench.errors import UsageError
from bench.evaluation.array_names import OUTSIDE_ARRAYS

SCRIPT = Path(bench.__file__).parents[1] / "examples" / "external_training.py"


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    """A file of predictions on digits by a net, as the script of the examples writes it."""
    if not SCRIPT.is_file():
        pytest.skip("not in a clone")
    folder = tmp_path_factory.mktemp("elsewhere")
    path = folder / "preds.npz"
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, SCRIPT, path], check=True, cwd=folder, timeout=300, env=one_thread)
    return path


def test_a_training_elsewhere_stands_in_a_table_beside_ours(predictions, tmp_path):
    results, noise = tmp_path / "results", 0.3
    asked = ("--name", "mine", "--dataset", "digits", "--noise", str(noise), "--results", str(results))
    first, again = (command("import", str(predictions), *asked) for _ in range(2))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("digits · mine · entropy (imported) · noise 30% · seed 0: accuracy ")
    assert again.stdout.count("is there already") == 2
    run(results, methods=["baseline"], datasets=["digits"], noise=[noise], epochs=1)
    done = command("report", "--results", str(results))
    accuracies = done.stdout.partition("Columns:")[0]
    for label in ("baseline", "mine · dropout (imported)", "mine · entropy (imported)"):
        assert f"\n{label} " in accuracies
    status = command("status", "--results", str(results))
    assert status.stdout == "2 runs were imported, trained elsewhere\n"
    assert status.returncode == 0
    with np.load(predictions) as arrays:
        found = bench.evaluate(arrays["logits"], arrays["labels"], arrays["uncertainty_entropy"])
    frame = bench.load_results(results).set_index("label")
    assert frame.loc["mine · entropy (imported)", "scores.own.auroc"] == found["scores.own.auroc"]
    assert found.accuracy > 0.8


@pytest.mark.usefixtures("unchecked_types")
def test_arrays_that_a_file_may_hold_are_listed():
    shown = CliRunner().invoke(app, ["list", "predictions"], env={"COLUMNS": "200"}).output
    assert all(name in shown for name in OUTSIDE_ARRAYS)


WRONG = {
    "no file": (["x.npz"], "x.npz: there is no such file"),
    "ending": (["x.csv"], "x.csv: must be an npz or a Parquet file"),
    "method": (["a.npz", "--name", "rul"], "--name rul: is a method here"),
    "name": (["a.npz", "--name", "a b"], "--name: a name must be"),
    "seed": (["a.npz", "--seed", "one"], "--seed"),
    "noise": (["a.npz", "--noise", "2"], "--noise 2: a rate is a number from 0 to 1"),
    "array": (["b.npz"], "no array 'logitz'. Did you mean 'logits'?"),
    "train": (["a.npz", "--train", "a.npz"], "no array 'train_labels'"),
    "empty": (["a.npz", "--noise", ""], "--noise: must not be empty"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
@pytest.mark.usefixtures("unchecked_types")  # those of typer differ between its versions
def test_what_does_not_fit_is_one_line(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", logits=np.ones((600, 10)), labels=np.zeros(600, int))
    np.savez("b.npz", logitz=np.ones((600, 10)))
    asked = {"--name": "mine", "--dataset": "digits", "--noise": "0"}
    words = [word for name, value in asked.items() if name not in arguments for word in (name, value)]
    result = CliRunner().invoke(app, ["import", *arguments, *words])
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
    assert not Path("results").exists()
