"""Runs as jobs of a queue, by submitit's stand-ins for Slurm: subprocesses, and this process."""

import os
import re
import signal
import stat
from pathlib import Path

import pandas as pd
import pytest
from harness import DUMMY, PLUGINS, grid, plugin, run

import bench
from bench.errors import UsageError
from bench.execution.context import Context
from bench.execution.observer import Observer
from bench.plugins.registry import Registry
from bench.store.store import Store

# Of the logs of submitit's stand-in that runs a job in this process.
UNCLOSED = pytest.mark.filterwarnings("ignore:unclosed file", "ignore::pytest.PytestUnraisableExceptionWarning")
LOSS = "        logits, uncertainty = self(batch.images)\n"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Look at jobs often, and do not wait long for the result of one that has ended without."""
    monkeypatch.setattr("bench.execution.queue_and_retries.PATIENCE", 0.1)
    monkeypatch.setattr(pytest.importorskip("submitit.core.core").Job, "_results_timeout_s", 1)


class Watcher(Observer):
    def __init__(self):
        self.told = []

    def run_started(self, spec):
        self.told.append("started")

    def epoch(self, spec, progress, log=None):
        self.told.append(progress.epoch)

    def run_ended(self, spec):
        self.told.append("ended")


def make(results, *folders, observer=None, jobs=None, cluster="local", **options):
    pytest.importorskip("submitit")
    from bench.execution.slurm import SlurmExecutor

    context = Context(Registry([PLUGINS, *folders]), Store(results), Path("data"), checkpoint_seconds=0.0)
    return SlurmExecutor(context, observer or Observer(), jobs, 1, options, cluster)


def method(folder, name, in_loss):
    assert LOSS in DUMMY
    lines = "".join(f"        {line}\n" for line in in_loss.splitlines())
    head = "import os, time\nfrom pathlib import Path\n"
    return plugin(folder, name, head + DUMMY.replace(LOSS, lines + LOSS))


def outcomes(results):
    records, problems = Store(results).scan()
    assert not problems
    return {record.spec.identity: record.outcome for record in records}


def test_jobs_have_the_same_bits_and_tell_how_far_they_are(tmp_path):
    folder = method(tmp_path / "plugins", "slow", "time.sleep(0.1)")
    cells, watcher = grid(folder, methods=["slow"]), Watcher()
    reports = make(tmp_path / "there", folder, observer=watcher, timeout_min=5).run(cells)
    assert [report.status for report in reports] == ["done"]
    run(tmp_path / "here", folder, methods=["slow"])
    assert outcomes(tmp_path / "there") == outcomes(tmp_path / "here")
    first, *epochs, last = watcher.told
    assert (first, last) == ("started", "ended")
    assert epochs
    assert epochs == sorted(set(epochs))


def test_a_job_that_dies_is_submitted_again_and_goes_on_from_its_checkpoint(tmp_path):
    mark = tmp_path / "mark"
    once = f"mark = Path({str(mark)!r})\nif progress.epoch == 3 and not mark.exists():\n"
    die = once + "    mark.touch()\n    os._exit(3)"
    folder = method(tmp_path / "plugins", "dying", die)
    (report,) = make(tmp_path / "there", folder).run(grid(folder, methods=["dying"]))
    assert report.status == "done", report
    assert report.detail.endswith(", resumed after epoch 2")
    run(tmp_path / "here", folder, methods=["dying"])
    assert outcomes(tmp_path / "there") == outcomes(tmp_path / "here")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_job_at_its_limit_or_preempted_is_submitted_again_and_goes_on_from_its_checkpoint(tmp_path):
    """Submitit's own signal, as Slurm would send it, in the third epoch."""
    pid = tmp_path / "pid"
    wait = (
        f"pid = Path({str(pid)!r})\nif progress.epoch == 3 and not pid.exists():\n"
        "    pid.write_text(str(os.getpid()))\n    time.sleep(60)"
    )
    folder = method(tmp_path / "plugins", "slow", wait)
    executor = make(tmp_path / "there", folder, timeout_min=60)
    look, signalled = executor.listen, []

    def listen(seconds):
        look(seconds)
        if pid.exists() and not signalled:
            signalled.append(os.kill(int(pid.read_text()), signal.SIGUSR2))

    executor.listen = listen
    (report,) = executor.run(grid(folder, methods=["slow"]))
    assert (report.status, executor.tried[0]) == ("done", 1), report
    assert report.detail.endswith(", resumed after epoch 2")
    run(tmp_path / "here", folder, methods=["slow"])
    assert outcomes(tmp_path / "there") == outcomes(tmp_path / "here")


@UNCLOSED
def test_a_cell_that_fails_says_why_and_is_not_tried_again(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setattr("bench.execution.slurm.dedicate", lambda threads: None)  # the job is this process
    folder = method(tmp_path / "plugins", "broken", "raise RuntimeError('no\\nluck')")
    cells, watcher = grid(folder, methods=["broken", "dummy"]), Watcher()
    reports = make(tmp_path / "results", folder, observer=watcher, cluster="debug").run(cells)
    assert [report.status for report in reports] == ["failed", "done"]
    assert re.match(r"RuntimeError: no luck \(broken\.py:\d+\) \(traceback in ", reports[0].detail)
    assert watcher.told == ["ended", "ended"]


def test_the_script_asks_slurm_for_what_was_asked_for(tmp_path, monkeypatch):
    """A stand-in for sbatch keeps the script."""
    submitit = pytest.importorskip("submitit")
    for name, body in (("srun", ""), ("sbatch", f'cp "$1" {tmp_path}/script\necho Submitted batch job 12\n')):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    executor = make(tmp_path / "results", cluster="slurm", timeout_min=90, slurm_partition="gpu", gpus_per_node=1)
    (cell,) = executor.cells = grid()
    executor.start(0, cell)
    assert executor.workers[0].job_id == "12"
    script = (tmp_path / "script").read_text()
    for line in ("--cpus-per-task=1", "--partition=gpu", "--time=90", "--gpus-per-node=1", "--job-name=bench"):
        assert f"#SBATCH {line}\n" in script
    assert submitit.__name__ in script


@UNCLOSED
def test_a_search_as_jobs_has_the_trials_and_winner_of_one_in_this_process(tmp_path, monkeypatch):
    submitit = pytest.importorskip("submitit")
    real = submitit.AutoExecutor
    monkeypatch.setattr(submitit, "AutoExecutor", lambda folder, cluster: real(folder, "debug"))
    monkeypatch.setattr("bench.execution.slurm.dedicate", lambda threads: None)  # the job is this process
    search = {"set": {"recipe": {"learning_rate": [0.001, 3.0]}}, "budget": 3, "plugins": [PLUGINS], "epochs": 1}
    there, here = (
        bench.tune(
            results=tmp_path / name, methods=["dummy"], datasets="tiny", noise=0.3, progress=False, **search, **on
        )
        for name, on in (("there", {"executor": "slurm", "jobs": None}), ("here", {"jobs": 0}))
    )
    pd.testing.assert_frame_equal(there, here)
    assert there["won"].sum() == 1
    assert outcomes(tmp_path / "there") == outcomes(tmp_path / "here")


@pytest.mark.parametrize("options", [{"partitoin": "gpu"}, {"timeout_min": "soon"}])
def test_an_option_that_submitit_does_not_know_is_one_line(tmp_path, options):
    with pytest.raises(UsageError, match=f"^--executor slurm: .*{next(iter(options))}") as error:
        make(tmp_path, **options)
    assert "\n" not in str(error.value)


def test_a_machine_without_slurm_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="^--executor slurm: "):
        make(tmp_path, cluster="slurm")
