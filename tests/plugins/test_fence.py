"""What a plugin changes of its process is put back, told with its file, and alters no other run."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from harness import DUMMY, PLUGINS, bench, plugin, run, spec

import bench as package
from bench.plugins import fence
from bench.plugins.fence import SETTINGS, changes_by, fenced
from bench.plugins.loading import load as load_data
from bench.plugins.registry import Registry
from bench.spec import Choice
from bench.store.store import Store

# The checks of annotations draw from the global generator of Python, which is looked at here.
pytestmark = pytest.mark.usefixtures("unchecked_types")

HERE = Path("here.py")
LOSS = "        logits, uncertainty = self(batch.images)\n"
TINY = (PLUGINS / "datasets" / "tiny.py").read_text()

# What a plugin may do, and the words that tell it.
DEEDS = {
    "import os; os.chdir('/')": "the working directory",
    "import os, tempfile; os.chdir(tempfile.gettempdir())": "the working directory",
    "import torch; torch.set_default_dtype(torch.float64)": "torch's default dtype from torch.float32",
    "import torch; torch.set_default_device('meta')": "torch's default device from cpu to meta",
    "import torch; torch.set_num_threads(3)": "torch's number of threads from 1 to 3",
    "import torch; torch.manual_seed(5)": "the seed of torch's random numbers",
    "import torch; torch.set_grad_enabled(False)": "torch's gradient mode from True to False",
    "import torch; torch.use_deterministic_algorithms(True)": "torch's deterministic mode",
    "import torch; torch.backends.cudnn.benchmark = True": "torch's settings of cuDNN",
    "import torch; torch.set_float32_matmul_precision('medium')": "precision of float32 products from highest",
    "import torch; torch.set_flush_denormal(True)": "flushing of denormal numbers",
    "import numpy; numpy.seterr(all='raise')": "NumPy's handling of floating-point errors",
    "import os; os.environ['CUDA_VISIBLE_DEVICES'] = '7'": "the environment variable CUDA_VISIBLE_DEVICES",
    "import os; os.environ['BENCH_DATA'] = '/elsewhere'": "the environment variable BENCH_DATA",
    "import os; os.environ.pop('HOME', None)": "the environment variable HOME",
    "import os; os.umask(0)": "the permissions of new files",
    "import sys; sys.setrecursionlimit(2500)": "the recursion limit",
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)": "what Ctrl-C does",
    "import sys, io; sys.stdout = io.StringIO()": "the standard output",
}


@pytest.fixture(autouse=True)
def _home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/of-a-test")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def state():
    """All that is guarded, and the random numbers to come."""
    of_numpy = np.random.get_state()[1].tobytes()  # noqa: NPY002
    drawn = random.getstate(), of_numpy, torch.get_rng_state().numpy().tobytes()
    variables = {name: value for name, value in os.environ.items() if not name.startswith(fence.OF_LIBRARIES)}
    return [setting.read() for setting in SETTINGS], variables, drawn


@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_is_put_back_and_told_once(deed):
    before, path = state(), Path(f"/plugins/{deed}.py")
    for _ in range(2):
        with fenced(path):
            exec(deed, {})
    assert state() == before
    (line,) = changes_by(path)
    assert DEEDS[deed] in line
    assert re.fullmatch(rf"{re.escape(str(path))} changed .* from .* to .*, which was put back", line)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_is_put_back_when_it_ends_in_an_error(deed):
    before = state()
    with pytest.raises(KeyboardInterrupt), fenced(HERE):  # noqa: PT012
        exec(deed, {})
        raise KeyboardInterrupt
    assert state() == before


def test_to_draw_random_numbers_is_put_back_without_a_word():
    before, path = state(), Path("/plugins/drawing.py")
    with fenced(path):
        random.random(), np.random.rand(3), torch.rand(3)  # noqa: NPY002
        with torch.random.fork_rng():
            torch.manual_seed(9)
    assert state() == before
    assert changes_by(path) == []


def test_what_libraries_set_for_themselves_stays_without_a_word(monkeypatch):
    monkeypatch.delenv("KMP_INIT_AT_FORK", raising=False)
    path = Path("/plugins/importing.py")
    with fenced(path):
        os.environ["KMP_INIT_AT_FORK"] = "FALSE"
    assert os.environ.pop("KMP_INIT_AT_FORK") == "FALSE"
    assert changes_by(path) == []


def test_a_directory_that_is_gone_is_no_error(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    with fenced(Path("/plugins/removing.py")):
        gone.rmdir()
    monkeypatch.chdir(tmp_path)


# ---- at each time that code of a plugin runs -----------------------------------------------------


def at_import(folder, deed):
    return plugin(folder, "guilty", DUMMY.replace('"""\n\n', f'"""\n\n{deed}\n', 1))


def in_loss(folder, deed):
    assert LOSS in DUMMY
    return plugin(folder, "guilty", DUMMY.replace(LOSS, f"        {deed}\n{LOSS}"))


def in_constructor(folder, deed):
    old = "        self.scale = scale\n"
    assert old in DUMMY
    return plugin(folder, "guilty", DUMMY.replace(old, f"{old}        {deed}\n"))


MOMENTS = {"import": at_import, "constructor": in_constructor, "loss": in_loss}
# Those that leave a training possible, if not the same.
HARMLESS = [deed for deed in DEEDS if "meta" not in deed and "grad" not in deed and "float64" not in deed]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The outcome of the dummy when no other plugin runs."""
    folder = tmp_path_factory.mktemp("alone")
    run(folder, seeds=[0])
    return Store(folder).read(spec()).outcome


@pytest.mark.parametrize(
    ("moment", "deed"),
    [*product(("import", "loss"), HARMLESS), *(("constructor", deed) for deed in HARMLESS[::5])],
)
def test_a_run_beside_has_the_outcome_that_it_has_alone_and_the_plugin_is_named(tmp_path, alone, deed, moment):
    folder, before = MOMENTS[moment](tmp_path / "plugins", deed), state()
    guilty, dummy = run(tmp_path / "results", folder, methods=["guilty", "dummy"])
    assert state() == before
    assert (guilty.status, dummy.status) == ("done", "done"), (guilty, dummy)
    assert Store(tmp_path / "results").read(spec()).outcome == alone
    assert any(DEEDS[deed] in line and str(folder) in line for line in guilty.notes), guilty.notes
    assert dummy.notes == ()


@pytest.mark.parametrize("deed", [deed for deed in DEEDS if deed not in HARMLESS])
def test_what_ends_a_plugins_own_training_ends_no_other(tmp_path, alone, deed):
    folder, before = in_loss(tmp_path / "plugins", deed), state()
    _, dummy = run(tmp_path / "results", folder, methods=["guilty", "dummy"])
    assert state() == before
    assert dummy.status == "done"
    assert Store(tmp_path / "results").read(spec()).outcome == alone


@pytest.mark.parametrize("deed", HARMLESS[:4])
def test_a_data_set_is_named_too(tmp_path, deed):
    load = "def load(self, root: Path, download: bool) -> DataSet:\n"
    assert load in TINY
    folder = plugin(tmp_path / "plugins", "guilty", TINY.replace(load, f"{load}        {deed}\n"), "datasets")
    before = state()
    (report,) = run(tmp_path / "results", folder, datasets=["guilty"], epochs=2)
    assert state() == before
    assert report.status == "done", report
    assert any(DEEDS[deed] in line and str(folder) in line for line in report.notes), report.notes


def test_a_data_set_that_draws_of_the_global_generators_is_the_same_each_time(tmp_path):
    drawn = "torch.randint(256, (60, 1, 4, 4), dtype=torch.uint8)"
    load = "def load(self, root: Path, download: bool) -> DataSet:\n"
    tell = f"        drawn = {drawn}\n        with (root / 'sum').open('a') as file:\n"
    tell += "            print(drawn.sum().item(), file=file)\n"
    source = TINY.replace(load, load + "        import torch\n" + tell)
    folder = plugin(tmp_path / "plugins", "drawing", source, "datasets")
    choice = Choice(name="drawing", hyperparameters={}, version="1")
    for seed in (1, 2):
        torch.manual_seed(seed)
        load_data(choice, Registry([PLUGINS, folder]), tmp_path, False)
        assert torch.initial_seed() == seed
    first, second = (tmp_path / "sum").read_text().split()
    assert first == second


# ---- what the user has set -----------------------------------------------------------------------


def test_settings_of_the_calling_program_change_no_outcome_and_stay(tmp_path, alone):
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    try:
        (report,) = run(tmp_path)
        assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (torch.float64, False)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
    assert (report.status, report.notes) == ("done", ())
    assert Store(tmp_path).read(spec()).outcome == alone


@pytest.mark.parametrize("jobs", ["0", "2"])
def test_a_plugin_that_goes_elsewhere_takes_no_results_along(tmp_path, monkeypatch, jobs):
    """Results are named by a relative path, as most are; each run may be a process of its own."""
    for name, make in (("one", at_import), ("two", in_loss)):
        folder = make(tmp_path / name, f"import os; os.makedirs({name!r}, exist_ok=True); os.chdir({name!r})")
        (folder / "methods" / "guilty.py").rename(folder / "methods" / f"{name}.py")
    monkeypatch.chdir(tmp_path)
    chosen = ["--datasets", "tiny", "--methods", "one,two,dummy", "--noise", "0.3", "--device", "cpu"]
    plugins = [word for each in (PLUGINS, "one", "two") for word in ("--plugins", str(each))]
    done = bench("run", *chosen, *plugins, "--results", "results", "--jobs", jobs, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert len(Store(tmp_path / "results").scan()[0]) == 3
    assert (tmp_path / "results" / "report" / "README.md").is_file()
    assert [path for path in tmp_path.rglob("results") if path.parent != tmp_path] == []
    noted = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert all("changed the working directory" in line for line in noted), noted
    assert {line.split(".py")[0].rpartition("/")[2] for line in noted} == {"one", "two"}


def test_python_warns_with_the_plugins_file(tmp_path, monkeypatch):
    folder = in_constructor(tmp_path / "plugins", "import torch; torch.set_num_threads(2)")
    monkeypatch.chdir(tmp_path)
    chosen = {"methods": ["guilty"], "datasets": ["tiny"], "noise": [0], "device": "cpu", "epochs": 1}
    with pytest.warns(UserWarning, match=r"guilty\.py changed torch's number of threads from 1 to 2"):
        frame = package.run(plugins=[PLUGINS, folder], results="results", **chosen)
    assert len(frame) == 1


def test_the_projects_own_plugins_change_nothing(tmp_path):
    """In a process in which nothing was imported before."""
    program = (
        "from bench.plugins.fence import _changes\nfrom bench.plugins.registry import Registry\n"
        "registry = Registry()\n"
        "for kind in ('methods', 'datasets'):\n    for each in registry.all(kind).values():\n        each.load()\n"
        "print(_changes)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n"


def test_a_fence_off_the_main_thread_works_too():
    """Off the main thread handlers of signals cannot be set; they are not touched there."""
    failed = []

    def go():
        try:
            with fenced(Path("/plugins/thread.py")):
                os.environ["FROM_A_THREAD"] = "1"
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    assert failed == []
    assert "FROM_A_THREAD" not in os.environ
    assert fence._on_interrupt() is signal.getsignal(signal.SIGINT)
