"""The real command line in processes of its own, some begun from nothing, and its files."""

import json
import signal

import pandas as pd
import pytest
import torch
from commandline import Command, until
from harness import PLUGINS, bench, from_nothing, plugin

import bench as package

TINY = ("run", "--plugins", str(PLUGINS), "--datasets", "tiny", "--methods", "dummy", "--device", "cpu")

ONE_WORKER = pytest.mark.xdist_group("command line")  # for what they share is made once


def without_paths(output):
    """The lines of an output that name no path, which may be long."""
    return [line for line in output.splitlines() if not line.startswith(("[", "All tables", "To look at"))]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    done = bench(
        *("run", "--methods", "rul,scn,dul", "--noise", "0,0.3", "--epochs", "2", "--relabel-from", "2"),
        *("--seeds", "0,1", "--results", str(results), "--jobs", "auto"),
    )
    assert done.returncode == 0, done.stderr
    return results, done


@ONE_WORKER
def test_the_main_job_shows_the_tables(digits):
    _, done = digits
    assert done.stdout.startswith("12 of 12 runs to do; `bench status` tells how far they are\nstarting ")
    assert "Own score against max-softmax: digits, 2 epochs" in done.stdout
    assert "Test accuracy (%) of the last epoch by label noise: digits, 2 epochs" in done.stdout
    assert "Errors among the 60 most uncertain" in done.stdout
    assert "[12/12] digits · " in done.stdout
    assert "/12] digits · dul · noise 30% · seed 1" in done.stdout
    assert max(map(len, without_paths(done.stdout))) <= 80


@ONE_WORKER
def test_the_main_job_writes_one_folder_a_run(digits):
    results, _ = digits
    records = sorted((results / "runs" / "digits").glob("*/symmetric-*/seed*/record.json"))
    assert len(records) == 12
    record = json.loads(records[0].read_text())
    assert 0.1 < record["metrics"]["accuracy"] <= 1
    assert set(record["metrics"]["scores"]) == {"own", "msp", "entropy", "margin", "energy"}
    manifest = json.loads(
        (results / "runs/digits/rul/symmetric-0.3")
        .glob("seed0-*")
        .__next__()
        .joinpath("manifest.json")
        .read_text()
    )
    assert (manifest["flips"], manifest["samples"]) == (359, 1197)


@ONE_WORKER
def test_the_main_job_writes_report_tables_and_curves(digits):
    results, done = digits
    report = results / "report"
    assert f"All tables and curves: {report / 'README.md'}" in done.stdout
    assert f"To look at and to pick from: {report / 'index.html'}" in done.stdout
    runs = pd.read_csv(report / "runs.csv")
    table = pd.read_csv(report / "tables" / "accuracy-digits.csv")
    accuracy = runs[(runs.method == "rul") & (runs.noise_rate == 0.3)]["accuracy"]
    row = table.set_index("method").loc["rul"]
    assert row["30%_mean"] == pytest.approx(accuracy.mean(), rel=1e-12)
    assert (row["30%_std"], row["30%_n"]) == (pytest.approx(accuracy.std()), 2)
    assert (report / "figures" / "rejection-digits-symmetric-0.3.png").stat().st_size > 10_000


@ONE_WORKER
def test_a_second_run_finds_everything_finished_and_shows_the_same_tables(digits):
    results, done = digits
    again = bench(
        *("run", "--methods", "rul,scn,dul", "--noise", "0,0.3", "--epochs", "2", "--relabel-from", "2"),
        *("--seeds", "0,1", "--results", str(results)),
    )
    assert again.returncode == 0
    assert again.stdout.count("finished before") == 12
    assert "to do" not in again.stdout
    tables = done.stdout[done.stdout.index("Test accuracy") :]
    assert tables in again.stdout


@ONE_WORKER
def test_report_rebuilds_what_was_deleted(digits):
    results, _ = digits
    page = results / "report" / "README.md"
    before = page.read_text()
    page.unlink()
    rebuilt = bench("report", "--results", str(results))
    assert rebuilt.returncode == 0
    assert page.read_text() == before
    assert "Test accuracy (%)" in rebuilt.stdout


@ONE_WORKER
def test_the_python_interface_gives_a_row_for_each_run(digits):
    results, _ = digits
    frame = package.load_results(results)
    assert len(frame) == 12
    assert {"method", "noise_rate", "seed", "accuracy", "scores.own.auroc", "scores.msp.top_k.k"} <= set(frame)
    again = package.run(methods=["dul"], noise=[0, 0.3], seeds=[0], epochs=2, relabel_from=2, results=results)
    assert set(again["identity"]) < set(frame["identity"])
    assert len(again) == 2


def test_the_python_interface_computes_as_the_command_line_does(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        package.run(methods=["dummy"], datasets=["tiny"], noise=[0], plugins=[PLUGINS], results=tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    (record,) = tmp_path.rglob("record.json")
    assert json.loads(record.read_text())["environment"]["threads"] == 1


def test_the_python_interface_warns_of_failed_cells(tmp_path):
    folder = plugin(tmp_path / "plugins", "bad", "import nothing_like_it")
    with pytest.warns(UserWarning, match="1 of 2 cells failed: tiny · bad"):
        frame = package.run(
            methods=["bad", "dummy"], datasets=["tiny"], noise=[0], plugins=[PLUGINS, folder], results=tmp_path
        )
    assert list(frame["method"]) == ["dummy"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--methods", "rull"], "error: no method 'rull'. Did you mean 'rul'? Available: afm, "),
        (["--methods", ""], "error: --methods: must not be empty, as an unset variable of a shell is"),
        (["--methods", "rul,rul"], "error: --methods: rul is given twice"),
        (["--datasets", "mnits"], "error: no data set 'mnits'. Did you mean 'mnist'?"),
        (["--noise", "1.2"], "error: --noise 1.2: a rate is a number from 0 to 1"),
        (["--noise", "par:0.2"], "error: no noise kind 'par'. Did you mean 'pair'?"),
        (["--noise", "human:worse"], "error: --noise human:worse: digits has no labels by people"),
        (["--preset", "quik"], "error: no preset 'quik'. Did you mean 'quick'?"),
        (["--set", "rul.mix=banana"], "error: --set rul.mix=banana: input should be 2, 3, 5 or 'C(3,2)'"),
        (["--set", "rul.mxi=3"], "error: no hyper-parameter of rul 'mxi'. Did you mean 'mix'?"),
        (["--set", "rulmix=3"], "error: --set rulmix=3: must look like NAME.KEY=VALUE"),
        (["--set", "mc-dropout.inner=rull"], "error: no method 'rull'. Did you mean 'rul'? Available: afm, "),
        (["--set", "mc-dropout.inner.rat=1"], "error: no hyper-parameter of mc-dropout.inner 'rat'."),
        (["--seeds", "4-0"], "error: --seeds: a range goes from the smaller to the larger number"),
        (["--seeds", "0-99999999999"], "error: --seeds: a range goes from the smaller to the larger number, over"),
        (["--seeds", "0-2,1"], "error: --seeds: 1 is given twice"),
        (["--seeds", "0-"], "error: --seeds: input should be a valid integer"),
        (["--seeds", "one"], "error: --seeds: input should be a valid integer"),
        (["--seeds", "-1"], "error: --seeds: input should be greater than or equal to 0"),
        (["--experiment", "tabel1"], "error: no experiment 'tabel1'."),
        (["--epochs", "many"], "error: --epochs: input should be a valid integer, got 'many'"),
        (["--epochs", "1.5"], "error: --epochs: input should be a valid integer, got 1.5"),
        (["--max-minutes", "soon"], "error: --max-minutes: input should be a valid number, got 'soon'"),
        (["--top", "few"], "error: --top: input should be a valid integer, got 'few'"),
        (["--slurm", "gpu"], "error: --slurm gpu: must look like KEY=VALUE"),
        (["--threads", "0"], "error: --threads: input should be greater than 0, got 0"),
        (
            ["--set", "recipe.train_limit=1"],
            "error: train_limit: input should be greater than or equal to 2, got 1",
        ),
        (["--plugins", "nowhere"], "error: --plugins: "),
    ],
)
def test_bad_input_gets_one_clear_line_and_status_2(arguments, said, tmp_path):
    failed = bench("run", *arguments, "--results", str(tmp_path))
    assert failed.returncode == 2
    assert failed.stderr.startswith(said)
    assert failed.stderr.count("\n") == 1
    assert failed.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_method_inside_a_method_is_set_from_the_command_line(tmp_path):
    done = bench(
        *(*TINY[:-3], "deep-ensemble,temperature-scaling", "--noise", "0.3", "--results", str(tmp_path)),
        *("--set", "deep-ensemble.inner=rul", "--set", "deep-ensemble.inner.mix=[2,3]"),
        *("--set", "deep-ensemble.members=2"),
    )
    assert done.returncode == 0, done.stderr
    assert "tiny · deep-ensemble(inner=rul, inner.mix=3, members=2) · noise 30% · seed 0" in done.stdout
    declined = "declined: tiny · temperature-scaling · noise 30% · seed 0: it needs a held-out part"
    assert done.stderr.startswith(declined)
    specs = [json.loads(path.read_text()) for path in tmp_path.glob("runs/tiny/deep-ensemble/*/*/spec.json")]
    assert sorted(each["method"]["hyperparameters"]["inner.mix"] for each in specs) == [2, 3]
    assert max(map(len, without_paths(done.stdout))) <= 80


def test_a_failed_cell_is_told_the_others_run_and_the_status_says_so(tmp_path):
    folder = plugin(tmp_path / "plugins", "bad", "import nothing_like_it")
    done = bench(*TINY[:-3], "bad,dummy", "--noise", "0,0.2", "--plugins", str(folder), "--results", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("failed:") == 1
    assert "tiny · bad · noise 0% · seed 0 (and 1 more)" in done.stderr
    assert "nothing_like_it" in done.stderr
    assert "dummy" in done.stdout
    assert len(list(tmp_path.rglob("record.json"))) == 2


def test_a_failed_single_run_is_told_once(tmp_path):
    folder = plugin(tmp_path / "plugins", "bad", "import nothing_like_it")
    done = bench(*TINY[:-3], "bad", "--noise", "0", "--plugins", str(folder), "--results", str(tmp_path))
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("nothing_like_it") == 1


def test_after_a_run_the_terminal_shows_its_methods_alone(tmp_path):
    places = (*TINY[:5], "--noise", "0", "--results", str(tmp_path), "--methods")
    assert bench(*places, "dummy").returncode == 0
    done = bench(*places, "baseline")
    tables = done.stdout[done.stdout.index("Test accuracy") :]
    assert "baseline" in tables
    assert "dummy" not in tables
    assert "dummy" in (tmp_path / "report" / "README.md").read_text()


def test_missing_data_is_told_and_the_other_data_set_runs(tmp_path):
    done = bench(
        *TINY[:4],
        "mnist,tiny",
        *TINY[5:],
        "--noise",
        "0",
        "--results",
        str(tmp_path),
        "--data-root",
        str(tmp_path),
    )
    assert done.returncode == 1
    looked = "looked for MNIST/raw/train-images-idx3-ubyte, "
    assert f"mnist: its files are not under {tmp_path} ({looked}" in done.stderr
    assert "; pass --data-root DIR (or set BENCH_DATA)" in done.stderr
    assert len(list(tmp_path.rglob("record.json"))) == 1


def test_the_data_root_may_come_from_the_environment(tmp_path):
    done = bench(
        "run", "--datasets", "mnist", "--methods", "scn", "--results", str(tmp_path), BENCH_DATA="/nowhere"
    )
    assert "mnist: its files are not under /nowhere (looked for " in done.stderr


def test_a_foreign_folder_in_the_store_is_named_and_left_alone(tmp_path):
    foreign = tmp_path / "runs" / "mine"
    foreign.mkdir(parents=True)
    (foreign / "notes.md").write_text("keep me")
    done = from_nothing(*TINY, "--noise", "0", "--jobs", "0", "--results", str(tmp_path))
    assert done.returncode == 0
    assert f"note: {foreign} is not a finished run" in done.stderr
    assert (foreign / "notes.md").read_text() == "keep me"


def test_report_of_a_folder_without_runs_says_so(tmp_path):
    failed = from_nothing("report", "--results", str(tmp_path))
    assert failed.returncode == 2
    assert failed.stderr.startswith(f"error: --results {tmp_path}: there is no folder")


def test_dry_run_shows_the_grid_and_its_cost_and_runs_nothing(tmp_path):
    done = bench(*TINY, "--noise", "0,0.2", "--dry-run", "--results", str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.count("to run") == 3
    assert "2 cells, 2 to run, about" in done.stdout
    assert not (tmp_path / "runs").exists()


def test_dry_run_says_what_cannot_run_and_fails(tmp_path):
    folder = plugin(tmp_path / "plugins", "bad", "import nothing_like_it")
    shown = bench(*TINY[:-3], "bad,dummy", "--noise", "0", "--dry-run", "--plugins", str(folder))
    assert shown.returncode == 1
    assert "2 cells, 1 to run, about" in shown.stdout
    assert "cannot run: " in shown.stdout
    assert "nothing_like_it" in " ".join(shown.stdout.split())


def test_square_brackets_are_shown_as_they_are(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text().replace("scale: float", "mood: str = '', scale: float")
    folder = plugin(tmp_path / "plugins", "moody", source)
    setting = ("--methods", "moody", "--plugins", str(folder), "--set", "moody.mood=[/x]", "--noise", "0")
    done = bench("run", "--plugins", str(PLUGINS), "--datasets", "tiny", *setting, "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "moody(mood=[/x])" in done.stdout


def test_a_results_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    failed = bench(*TINY, "--noise", "0", "--results", str(tmp_path / "file"))
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "file" in failed.stderr


def test_a_results_folder_may_be_in_the_home_folder(tmp_path):
    done = bench("status", "--results=~/runs", HOME=str(tmp_path))
    assert str(tmp_path / "runs") in done.stderr.replace("\n", "")


def test_interrupting_keeps_finished_runs_and_says_how_to_go_on(tmp_path):
    grid = [*TINY, "--noise", "0,0.1,0.2,0.3", "--set", "recipe.batch_size=2", "--epochs", "60", "--jobs", "1"]
    finished = "runs/tiny/dummy/*/seed*/record.json"
    command = Command(tmp_path / "said", [*grid, "--results", str(tmp_path)])
    until(lambda: not command.is_alive or list(tmp_path.glob(finished)), "a finished run")
    command.signal(signal.SIGINT)
    status, said = command.wait(), command.err
    command.end()
    kept = len(list(tmp_path.glob(finished)))
    assert status == 130
    assert 1 <= kept < 4
    assert said == f"interrupted: {kept} of 4 runs are finished and kept; the same command goes on from there\n"


def test_help_names_every_option_in_80_columns():
    shown = bench("run", "--help")
    assert shown.returncode == 0
    for option in ("--methods", "--noise", "--set", "--held-out", "--evaluate", "--dry-run", "--data-root"):
        assert option in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_version():
    assert from_nothing("--version").stdout == f"uncertainty-bench {package.__version__}\n"


def test_list_has_every_section_with_a_line_on_each():
    shown = bench("list").stdout
    sections = [
        "methods",
        "datasets",
        "backbones",
        "noise",
        "metrics",
        "predictions",
        "tables",
        "figures",
        "presets",
        "experiments",
        "trackers",
    ]
    for section in sections:
        assert f"\n{section}\n" in f"\n{shown}"
    for name in ("mix-output", "fashion-mnist", "NAME.imbalance", "symmetric-bernoulli", "e_aurc", "quick"):
        assert f"  {name} " in shown


def test_list_of_an_unknown_section_gets_a_guess():
    assert bench("list", "method").stderr.startswith(
        "error: no section, method or data set to list 'method'. Did you mean 'methods'?"
    )
