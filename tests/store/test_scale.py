"""How the work grows with the runs, by counting steps of our own code, never by the clock."""

import shutil
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from generated import generate

import bench
from bench.report import figures, tables
from bench.report.frames import frame
from bench.report.grouping import group
from bench.report.results import load_records
from bench.store import grid_status as status
from bench.store.grid_status import remember
from bench.store.store import Store
from bench.store.transfer import merge, pack

PACKAGE = str(Path(bench.__file__).parent)
GROWN = {
    "seeds": lambda n: {"methods": 2, "noise": [0, 0.3], "seeds": n},
    "methods": lambda n: {"methods": n, "noise": [0, 0.3], "seeds": 2},
    "settings": lambda n: {"methods": 2, "noise": [0.3], "seeds": 2, "settings": n},
}


def steps(work):
    """Do some work; return what it returns, and how many instructions of our own code it took."""
    taken = 0

    def count(frame, event, argument):
        nonlocal taken
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        taken += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        done = work()
    finally:
        sys.settrace(before)
    return done, taken


def loaded(results):
    return load_records(Store(results))[0]


def tabulated(results):
    return [make(members).markdown() for members in group(loaded(results)) for make in tables.ALL_TABLES]


def drawn(results):
    return [
        picture.figure
        for members in group(loaded(results))
        for pictures in figures.FROM_RECORDS
        for picture in pictures(members)
    ]


def prepare_merge(results):
    return partial(merge, Store(results.with_name("merged")), results)


def prepare_merge_again(results):
    prepare_merge(results)()
    return prepare_merge(results)


def prepare_pack(results):
    pack(Store(results), results / "runs.tar.gz", predictions=False)
    shutil.rmtree(results / "runs")
    return Store(results).scan


def prepare_status(results):
    """Half of what was asked for is finished."""
    store = Store(results)
    specs = [record.spec for record in loaded(results)]
    remember(store, specs)
    for spec in specs[::2]:
        shutil.rmtree(store.path(spec))
    return partial(status.of, store)


# By name, what prepares the work on a results folder and returns it.
WORK = {
    "scan": lambda results: Store(results).scan,
    "scan of a pack": prepare_pack,
    "pack": lambda results: partial(pack, Store(results), results / "runs.tar.gz", predictions=False),
    "tables": lambda results: partial(tabulated, results),
    "frame": lambda results: lambda: frame(loaded(results), results),
    "merge": prepare_merge,
    "merge of what is here": prepare_merge_again,
    "status": prepare_status,
}


def growth(folder, axis, sizes, prepare):
    """How many more steps each further run takes, from each size to the next."""
    counts = []
    for n in sizes:
        results = folder / str(n) / "results"
        runs = len(generate(results, **GROWN[axis](n)))
        counts.append((runs, steps(prepare(results))[1]))
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(counts)]


@pytest.fixture(scope="module", autouse=True)
def _what_is_done_once_is_done(tmp_path_factory):
    """Hash the plugins, which the first to load runs does for all, before anything is counted."""
    results = tmp_path_factory.mktemp("first")
    generate(results, methods=1, noise=[0], seeds=1)
    loaded(results)


@pytest.mark.parametrize("axis", GROWN)
@pytest.mark.parametrize("name", WORK)
def test_each_further_run_takes_as_many_steps_as_those_before(tmp_path, name, axis):
    few, many = growth(tmp_path, axis, (2, 6, 12), WORK[name])
    assert 0 < many < 1.015 * few  # crossings are looked for between all pairs of methods, a few steps each


@pytest.mark.parametrize(
    ("axis", "sizes"),
    [("seeds", (1, 3, 9)), pytest.param("methods", (1, 3, 8), id="methods that share a panel"),
     pytest.param("methods", (9, 11, 14), id="methods with a panel each")],
)  # fmt: skip
def test_each_further_run_takes_as_many_steps_to_draw(tmp_path, axis, sizes):
    few, many = growth(tmp_path, axis, sizes, lambda results: partial(drawn, results))
    assert 0 < many < 1.1 * few
