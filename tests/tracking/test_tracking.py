"""What trackers are told, whatever happens to runs, to trackers and to the program."""

import sys
import types
import warnings

import numpy as np
import pytest
import torch
from harness import PLUGINS, spec

import bench
from bench.errors import UsageError
from bench.plugins.method import Progress
from bench.store.store import Store
from bench.tracking import names
from bench.tracking.names import TRACKERS, Track, TrackerKind
from bench.tracking.tracker_interface import Tracker
from bench.tracking.tracking import Tracking
from bench.validation import validated

SETTINGS = {"methods": "dummy", "datasets": "tiny", "noise": 0.3, "epochs": 3, "plugins": PLUGINS}


@pytest.fixture
def notebook(monkeypatch):
    """A tracker that writes down what it is told, and draws random numbers meanwhile."""
    told, failing = [], []

    class Notebook(Tracker):
        def begin(self, run):
            self._note("begin", run.told)

        def epoch(self, run, epoch, values):
            self._note("epoch", epoch)

        def end(self, run, metrics, pictures):
            self._note("end", metrics["accuracy"], [path.is_file() for path in pictures])

        def close(self):
            self._note("close")

        def _note(self, *said):
            torch.rand(3), np.random.rand(3)  # noqa: NPY002
            if said[0] in failing:
                raise OSError(28, "No space left on device")
            told.append(said)

    module = types.ModuleType("bench.tracking.notebook")
    module.Notebook, module.Tracker = Notebook, Tracker
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(TRACKERS, "notebook", TrackerKind("", "notebook", (), ""))
    return types.SimpleNamespace(told=told, failing=failing)


def outcome(results):
    (record,) = Store(results).scan()[0]
    return record.outcome


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_run_is_told_from_begin_to_end_and_comes_out_the_same(tmp_path, notebook, jobs):
    found = bench.run(**SETTINGS, results=tmp_path / "tracked", track="notebook", jobs=jobs)
    bench.run(**SETTINGS, results=tmp_path / "alone")
    ended = ("end", found["accuracy"][0], [True] * 4)
    assert notebook.told == [("begin", 0), ("epoch", 1), ("epoch", 2), ("epoch", 3), ended, ("close",)]
    assert outcome(tmp_path / "tracked") == outcome(tmp_path / "alone")


def test_so_are_the_runs_of_a_search_and_the_test_of_its_winner(tmp_path, notebook):
    bench.tune(**SETTINGS, results=tmp_path, track="notebook", set={"dummy": {"scale": [1.0, 2.0]}}, budget=2)
    begun = [said[0] for said in notebook.told if said[0] in ("begin", "end", "close")]
    assert begun == ["begin", "end", "begin", "end", "close", "begin", "end", "close"]


@pytest.mark.parametrize("act", ["begin", "epoch", "end", "close"])
def test_a_tracker_that_fails_is_told_of_once_and_ends_no_run(tmp_path, notebook, act):
    notebook.failing.append(act)
    with pytest.warns(UserWarning, match="--track notebook: .*No space left on device.* go on without it") as said:
        found = bench.run(**SETTINGS, seeds=[0, 1], results=tmp_path, track=["notebook"])
    assert (len(said), len(found)) == (1, 2)
    assert act not in [each[0] for each in notebook.told]


def test_an_epoch_is_told_once_whichever_process_resumes_the_run(tmp_path, notebook):
    cell, store = spec(), Store(tmp_path)
    first = Tracking("notebook", store, warnings.warn)
    first.run_started(cell)
    for epoch in (1, 2):
        first.epoch(cell, Progress(epoch, 4), {"epoch": epoch, "loss": 1.0})
    second = Tracking("notebook", store, warnings.warn)  # the first was killed; the checkpoint is of epoch 1
    second.run_started(cell)
    for epoch in (2, 3):
        second.epoch(cell, Progress(epoch, 4), {"epoch": epoch, "loss": 1.0})
    second.run_started(cell)  # its process died and is tried again
    second.epoch(cell, Progress(3, 4), {"epoch": 3, "loss": 1.0})
    assert notebook.told == [("begin", 0), ("epoch", 1), ("epoch", 2), ("begin", 2), ("epoch", 3)]


def test_epochs_without_a_log_are_told_with_the_metrics(tmp_path, notebook):
    """As those of Slurm's jobs, of which only the number is known while they run."""
    bench.run(**SETTINGS, results=tmp_path)
    (record,) = Store(tmp_path).scan()[0]
    late = Tracking("notebook", Store(tmp_path), warnings.warn)
    late.run_started(record.spec)
    late.epoch(record.spec, Progress(1, 3), None)
    assert notebook.told == [("begin", 0)]
    late.run_stored(record.spec)
    assert [each[:2] for each in notebook.told[1:4]] == [("epoch", 1), ("epoch", 2), ("epoch", 3)]
    assert notebook.told[4][0] == "end"
    late.run_started(record.spec)  # by --force
    assert notebook.told[5] == ("begin", 0)


def test_a_tracker_that_fails_in_these_is_told_of_once_and_not_told_of_the_end(tmp_path, notebook):
    bench.run(**SETTINGS, results=tmp_path)
    (record,) = Store(tmp_path).scan()[0]
    said = []
    late = Tracking("notebook", Store(tmp_path), said.append)
    late.run_started(record.spec)
    notebook.failing.append("epoch")
    late.run_stored(record.spec)
    assert len(said) == 1
    assert notebook.told == [("begin", 0)]


@pytest.mark.parametrize(
    ("track", "said"),
    [
        ("tensorbord", "no tracker 'tensorbord'. Did you mean 'tensorboard'?"),
        ("wandb,wandb", "names a tracker twice"),
        ("", "must not be empty"),
        (["mlflow", ""], "must not be empty"),
    ],
)
def test_a_name_that_is_none_is_refused(track, said):
    with pytest.raises(UsageError, match=said):
        validated(Track, {"track": track}, "option")


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_library_that_is_missing_is_named_before_anything_runs(tmp_path, monkeypatch, name):
    monkeypatch.setattr(names.importlib.util, "find_spec", lambda package: None)
    missing = (
        rf"--track {name}: .*{name}.* cannot be imported; pip install 'uncertainty-bench\[{name}\]' brings it"
    )
    with pytest.raises(UsageError, match=missing):
        bench.run(**SETTINGS, results=tmp_path / "results", track=name)
    assert not (tmp_path / "results").exists()
