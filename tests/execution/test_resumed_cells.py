"""A cell of a grid that was interrupted goes on from its checkpoint, and leaves nothing behind."""

import dataclasses
import time
from pathlib import Path

import pytest
from harness import DUMMY, PLUGINS, grid, plugin, spec

from bench.execution.cell import not_to_run, run_cell
from bench.execution.context import Context, DataSets
from bench.execution.observer import Observer
from bench.plugins.registry import Registry
from bench.store.store import Store
from bench.store.unfinished import folder_of


def context(results, *folders, **fields):
    registry = Registry([PLUGINS, *folders])
    return Context(registry, Store(results), Path("data"), **{"checkpoint_seconds": 0.0} | fields)


def run_one(cell, context):
    return run_cell(cell, context, DataSets(context), Observer())


def interrupting(folder, epoch, error="KeyboardInterrupt"):
    """A method that is interrupted in an epoch, once."""
    old = "        logits, uncertainty = self(batch.images)\n"
    new = old + (
        f"        from pathlib import Path\n        mark = Path({str(folder / 'mark')!r})\n"
        f"        if progress.epoch == {epoch} and not mark.exists():\n"
        f"            mark.touch()\n            raise {error}\n"
    )
    assert old in DUMMY
    return plugin(folder, "fickle", DUMMY.replace(old, new))


def only(folder, **content):
    (cell,) = grid(folder, methods=["fickle"], **content)
    return cell


def test_an_interrupted_cell_keeps_its_checkpoint_and_goes_on_from_it(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=3)
    cell, here = only(folder), context(tmp_path / "results", folder)
    with pytest.raises(KeyboardInterrupt):
        run_one(cell, here)
    assert not here.store.has(cell)
    kept = folder_of(here.store.path(cell))
    assert {path.name for path in kept.iterdir()} == {"checkpoint.pt", "epochs", "lock"}
    report = run_one(cell, here)
    assert (report.status, report.detail.endswith(", resumed after epoch 2")) == ("done", True)
    assert not kept.exists()
    there = context(tmp_path / "undisturbed", folder)
    assert run_one(cell, there).status == "done"
    first, second = (each.store.read(cell) for each in (here, there))
    assert first.outcome == second.outcome


def test_a_forced_run_that_is_interrupted_goes_on_from_its_checkpoint_too(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=3)
    (folder / "mark").touch()
    cell, once = only(folder), context(tmp_path, folder)
    assert run_one(cell, once).status == "done"
    (folder / "mark").unlink()
    forced = dataclasses.replace(once, force=True)
    with pytest.raises(KeyboardInterrupt):
        run_one(cell, forced)
    report = run_one(cell, forced)
    assert (report.status, report.detail.endswith(", resumed after epoch 2")) == ("done", True)
    assert not folder_of(once.store.path(cell)).exists()


def test_what_a_kill_after_the_last_step_leaves_is_tidied_up(tmp_path):
    """A program killed after it stored the run and before it removed the checkpoint."""
    cell, here = spec(), context(tmp_path)
    assert run_one(cell, here).status == "done"
    progress = folder_of(here.store.path(cell))
    progress.mkdir()
    (progress / "lock").touch()
    (progress / "checkpoint.pt").write_bytes(b"of a run that is finished")
    assert run_one(cell, here).status == "finished"
    assert not progress.exists()


def test_a_cell_whose_checkpoint_cannot_be_used_fails_with_one_line_and_runs_once_it_is_deleted(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=3)
    cell, here = only(folder), context(tmp_path / "results", folder)
    with pytest.raises(KeyboardInterrupt):
        run_one(cell, here)
    checkpoint = folder_of(here.store.path(cell)) / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    for _ in range(2):
        report = run_one(cell, here)
        assert report.status == "failed"
        assert report.detail.startswith(f"{checkpoint} cannot be used: ")
        assert "\n" not in report.detail
    checkpoint.unlink()
    report = run_one(cell, here)
    assert (report.status, "resumed" in report.detail) == ("done", False)


def test_a_cell_that_is_out_of_time_is_stopped_and_one_not_begun_says_so(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=2, error="Exception")
    (folder / "mark").touch()
    here = context(tmp_path / "results", folder)
    past = dataclasses.replace(here, deadline=time.time() - 1)
    said = not_to_run(only(folder), past)
    assert (said.status, said.detail) == ("stopped", "not begun")
    assert not here.store.root.exists()
    report = run_one(only(folder), past)  # which another machine may begin too late
    assert (report.status, report.detail) == ("stopped", "not begun")
    assert not [path for path in here.store.root.rglob("*") if path.is_file()]


def test_a_cell_that_fails_without_a_checkpoint_leaves_no_progress(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=1, error="RuntimeError('no luck')")
    cell, here = only(folder), context(tmp_path / "results", folder)
    assert run_one(cell, here).status == "failed"
    assert not folder_of(here.store.path(cell)).exists()
    assert run_one(cell, here).status == "done"
