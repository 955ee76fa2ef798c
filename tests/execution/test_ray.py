"""A grid on a real Ray cluster of nodes that share no results folder; one of them is killed."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
from commandline import until
from harness import DUMMY, PLUGINS, grid, plugin, run

import bench as package
from bench.errors import UsageError
from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.observer import CheckpointSent, Observer
from bench.files import locks
from bench.plugins.registry import Registry
from bench.store.file_sources import WEIGHTS
from bench.store.store import Store
from bench.store.unfinished import folder_of

# Ray looks at it when imported: 127.0.0.1 is then not replaced by the machine's other address.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
TINY = (PLUGINS / "datasets" / "tiny.py").read_text()
LOSS = "        logits, uncertainty = self(batch.images)\n"

# A step of their own, a hook after it, and two views with a hook before each epoch.
REACHING = {"methods": ["sam", "swag", "dividemix"], "epochs": 3}

pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.filterwarnings("ignore:::ray")]


@pytest.fixture(scope="module")
def cluster():
    """A head that runs nothing, and two nodes of one CPU each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args=node(num_cpus=0, include_dashboard=False))
    for _ in range(2):
        cluster.add_node(**node())
    yield cluster
    cluster.shutdown()


def node(**arguments):
    return {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 2**27} | arguments


class Watcher(Observer):
    def __init__(self):
        self.told = []

    def run_started(self, spec):
        self.told.append((spec.title, "started"))

    def epoch(self, spec, progress, log=None):
        self.told.append((spec.title, progress.epoch))

    def run_ended(self, spec):
        self.told.append((spec.title, "ended"))


def make(cluster, results, *folders, observer=None, jobs=None, **fields):
    from bench.execution.ray import RayExecutor

    context = Context(Registry([PLUGINS, *folders]), Store(results), Path("data"), **fields)
    return RayExecutor(context, observer or Observer(), cluster.address, jobs)


def method(folder, name, in_loss):
    assert LOSS in DUMMY
    lines = "".join(f"        {line}\n" for line in in_loss.splitlines())
    return plugin(
        folder, name, "import os, signal, time\nfrom pathlib import Path\n" + DUMMY.replace(LOSS, lines + LOSS)
    )


def outcomes(results):
    records, problems = Store(results).scan()
    assert not problems
    return {record.spec.identity: record.outcome for record in records}


def test_a_grid_on_a_cluster_has_the_same_bits_and_loads_its_data_once(cluster, tmp_path):
    """The data set's file says where it is loaded: in this process alone."""
    said = tmp_path / "loaded"
    load = "def load(self, root: Path, download: bool) -> DataSet:\n"
    tell = f"        import os\n        with open({str(said)!r}, 'a') as file:\n"
    tell += "            print(os.getpid(), file=file)\n"
    folder = plugin(tmp_path / "plugins", "telling", TINY.replace(load, load + tell), "datasets")
    cells = grid(folder, datasets=["telling"], epochs=4, seeds=[0, 1, 2])
    said.touch()
    watcher = Watcher()
    reports = make(cluster, tmp_path / "there", folder, observer=watcher).run(cells)
    assert [(report.title, report.status) for report in reports] == [(cell.title, "done") for cell in cells]
    assert set(said.read_text().split()) == {str(os.getpid())}
    run(tmp_path / "here", folder, datasets=["telling"], epochs=4, seeds=[0, 1, 2])
    assert outcomes(tmp_path / "there") == outcomes(tmp_path / "here")
    for cell in cells:
        assert [what for title, what in watcher.told if title == cell.title] == ["started", 1, 2, 3, 4, "ended"]
    assert not list((tmp_path / "there" / "runs").rglob(".p*"))
    again = make(cluster, tmp_path / "there", folder).run(cells)
    assert {report.status for report in again} == {"finished"}


def test_methods_that_reach_into_training_have_the_same_bits_and_weights_there(cluster, tmp_path):
    cells = grid(**REACHING)
    reports = make(cluster, tmp_path / "there", keep_weights=True).run(cells)
    assert [report.status for report in reports] == ["done"] * 3, reports
    context = Context(Registry([PLUGINS]), Store(tmp_path / "here"), Path("data"), keep_weights=True)
    LocalExecutor(context, Observer()).run(cells)
    assert outcomes(tmp_path / "there") == outcomes(tmp_path / "here")
    for cell in cells:
        there, here = (Store(tmp_path / name).path(cell) / WEIGHTS for name in ("there", "here"))
        assert there.read_bytes() == here.read_bytes()


def test_a_search_on_a_cluster_chooses_and_logs_what_it_does_here(cluster, tmp_path):
    pytest.importorskip("tensorboard")
    asked = {
        "methods": ["dummy"],
        "datasets": "tiny",
        "noise": 0.3,
        "epochs": 2,
        "set": {"dummy": {"scale": [1.0, 4.0]}},
        "budget": 2,
        "held_out": 0.2,
        "device": "cpu",
        "precision": "float32",
        "plugins": PLUGINS,
        "track": "tensorboard",
        "progress": False,
    }
    here = package.tune(**asked, results=tmp_path / "here")
    there = package.tune(**asked, executor="ray", address=cluster.address, jobs=None, results=tmp_path / "there")
    pd.testing.assert_frame_equal(here, there)
    logged = [
        {path.parent.relative_to(tmp_path / where) for path in (tmp_path / where).rglob("events.*")}
        for where in ("here", "there")
    ]
    assert logged[0] == logged[1]
    assert len(logged[0]) == 2 + 1  # configurations on the held-out part, and the winner's test


def test_the_runs_of_a_node_that_is_killed_go_on_elsewhere_from_their_checkpoints(cluster, tmp_path):
    """The run waits in its third epoch until its node is dead; it tells which one that is."""
    mark, go = tmp_path / "node", tmp_path / "go"
    wait = (
        f"if progress.epoch == 3 and not Path({str(go)!r}).exists():\n"
        f"    import ray\n    Path({str(mark)!r}).write_text(ray.get_runtime_context().get_node_id())\n"
        f"    while True:\n        time.sleep(0.1)"
    )
    folder = method(tmp_path / "plugins", "waiting", wait)

    class Killing(Watcher):
        def epoch(self, spec, progress, log=None):
            super().epoch(spec, progress, log)
            if spec.method.name == "waiting" and progress.epoch == 2 and not go.exists():
                doomed = until(lambda: mark.exists() and mark.read_text(), "the node")
                go.touch()
                (victim,) = [each for each in cluster.worker_nodes if each.node_id == doomed]
                cluster.remove_node(victim, allow_graceful=False)
                cluster.add_node(**node())

    cells, watcher = grid(folder, methods=["waiting", "dummy"]), Killing()
    reports = make(cluster, tmp_path / "there", folder, observer=watcher, checkpoint_seconds=0.0).run(cells)
    assert [report.status for report in reports] == ["done", "done"], reports
    assert reports[0].detail.endswith(", resumed after epoch 2")
    mine = [what for title, what in watcher.told if title == cells[0].title]
    assert mine == ["started", 1, 2, "ended", "started", 3, 4, "ended"]
    run(tmp_path / "here", folder, methods=["waiting", "dummy"])
    assert outcomes(tmp_path / "there") == outcomes(tmp_path / "here")


def test_a_process_that_always_dies_costs_its_own_cell_only(cluster, tmp_path):
    folder = method(tmp_path / "plugins", "dying", "os.kill(os.getpid(), signal.SIGKILL)")
    executor = make(cluster, tmp_path / "results", folder)
    assert executor.tries == 4
    executor.tries = 2  # each starts an interpreter
    reports = executor.run(grid(folder, methods=["dying", "dummy"]))
    assert [report.status for report in reports] == ["failed", "done"]
    assert reports[0].detail == "its process died by WorkerCrashedError (2 tries got no further)"


def test_a_cell_that_fails_says_why_with_its_traceback_in_this_store(cluster, tmp_path):
    folder = method(tmp_path / "plugins", "broken", "raise RuntimeError('no\\nluck')")
    (cell,) = grid(folder, methods=["broken"])
    (report,) = make(cluster, tmp_path / "results", folder).run([cell])
    path = Store(tmp_path / "results").failure(cell)
    assert report.status == "failed"
    said = rf"RuntimeError: no luck \(broken\.py:\d+\) \(traceback in {re.escape(str(path))}\)"
    assert re.fullmatch(said, report.detail)
    assert "Traceback" in path.read_text()


def test_a_data_set_that_is_not_here_fails_its_cells(cluster, tmp_path):
    (report,) = make(cluster, tmp_path).run(grid(datasets=["mnist"]))
    assert report.status == "failed"
    assert "its files are not under data" in report.detail


def test_a_run_that_another_program_works_on_is_waited_for(cluster, tmp_path):
    mine, other = cells = grid(seeds=[0, 1])
    store = Store(tmp_path)
    lock = locks.take(folder_of(store.path(mine)) / "lock")

    class Releasing(Observer):
        def cell_finished(self, report):
            if report.title == other.title:
                assert not store.has(mine)
                lock.release()

    reports = make(cluster, tmp_path, observer=Releasing()).run(cells)
    assert [report.status for report in reports] == ["done", "done"]


def test_a_checkpoint_that_cannot_be_written_here_fails_its_cell_and_the_others_run(cluster, tmp_path):
    cells = grid(seeds=[0, 1])
    executor = make(cluster, tmp_path, checkpoint_seconds=0.0)
    heard, watcher = executor._heard, Watcher()
    executor.observer = watcher

    def full(task, message):
        if isinstance(message, CheckpointSent) and message.spec == cells[0]:
            raise OSError(28, "No space left on device")
        heard(task, message)

    executor._heard = full
    reports = executor.run(cells)
    assert [report.status for report in reports] == ["failed", "done"]
    assert "No space left on device" in reports[0].detail
    assert [told[1] for told in watcher.told if told[0] == cells[0].title].count("ended") == 1
    assert not list(tmp_path.rglob(".p*"))


def test_an_interrupt_cancels_the_tasks_and_keeps_their_checkpoints(cluster, tmp_path):
    pid = tmp_path / "pid"
    wait = (
        f"if progress.epoch == 3:\n    Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        "    while True:\n        time.sleep(0.1)"
    )
    folder = method(tmp_path / "plugins", "endless", wait)

    class Impatient(Observer):
        def epoch(self, spec, progress, log=None):
            if progress.epoch == 2:
                until(lambda: pid.exists() and pid.read_text(), "the third epoch")
                raise KeyboardInterrupt

    (cell,) = grid(folder, methods=["endless"])
    with pytest.raises(KeyboardInterrupt):
        make(cluster, tmp_path / "results", folder, observer=Impatient(), checkpoint_seconds=0.0).run([cell])
    until(lambda: not Path(f"/proc/{pid.read_text()}").exists(), "the end of the task")
    progress = folder_of(Store(tmp_path / "results").path(cell))
    assert (progress / "checkpoint.pt").is_file()
    assert not locks.is_held(progress / "lock")


def test_a_cluster_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    from bench.execution.ray import RayExecutor

    context = Context(Registry([PLUGINS]), Store(tmp_path), Path("data"))
    for address in ("nonsense", "127.0.0.1:9"):
        with pytest.raises(UsageError, match=f"^--address {address}: "):
            RayExecutor(context, Observer(), address)
