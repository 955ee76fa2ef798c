"""The claim of a run, which every executor makes in the same way."""

from pathlib import Path

import pytest
from harness import PLUGINS, run, spec

from bench.execution.cell import claim
from bench.execution.context import Context
from bench.execution.observer import CellReport
from bench.grid.cell_state import CellState
from bench.plugins.registry import Registry
from bench.store.store import Store
from bench.store.unfinished import UnderWay, folder_of, is_taken


@pytest.fixture
def context(tmp_path):
    return Context(Registry([PLUGINS]), Store(tmp_path), Path("data"))


def test_a_run_that_nobody_works_on_is_locked(context):
    place = context.store.path(spec())
    claimed = claim(spec(), context)
    assert isinstance(claimed, UnderWay)
    assert is_taken(place)
    assert claim(spec(), context) == CellReport(spec().title, CellState.CLAIMED)
    claimed.release(done=False)
    assert not is_taken(place)


def test_a_run_that_was_finished_meanwhile_is_let_go(context):
    run(context.store.results)
    place = context.store.path(spec())
    assert claim(spec(), context) == CellReport(spec().title, CellState.FINISHED)
    assert not folder_of(place).exists()
    forced = claim(spec(), Context(context.registry, context.store, context.data_root, force=True))
    assert isinstance(forced, UnderWay)
    forced.release(done=False)
