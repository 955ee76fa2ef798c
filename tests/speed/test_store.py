"""What a store of many runs takes: seconds, and memory beyond that of the imported modules (`peak_mib`).

10,000 runs take minutes: they are measured where the environment variable SPEED_RUNS asks for them.
"""

import os
import time
from functools import partial
from pathlib import Path

import pytest
from generated import generate, peak_in_child
from harness import report

from bench.commands.cli import status
from bench.store.grid_status import remember
from bench.store.store import Store
from bench.store.transfer import merge

MOST = int(os.environ.get("SPEED_RUNS", "1000"))
# Runs and settings, with 20 methods at five noise rates in each setting.
STORES = [each for each in [(100, 1), (1_000, 1), (10_000, 1), (10_000, 10)] if each[0] <= MOST]


@pytest.fixture(scope="module", params=STORES, ids=lambda each: "{}-runs-{}-settings".format(*each))
def store(request, tmp_path_factory) -> Store:
    runs, settings = request.param
    results = tmp_path_factory.mktemp("results")
    specs = generate(results, 20, [0, 0.1, 0.2, 0.3, 0.4], runs // settings // 100, settings)
    remember(Store(results), specs)
    time.sleep(2.5)  # until the index takes the files for settled
    return Store(results)


@pytest.fixture(scope="session")
def modules() -> float:
    """Peak memory of a process that does nothing."""
    return peak_in_child(int)


@pytest.fixture
def measure(benchmark, modules):
    """Measure some work once, each time in a new process."""

    def once(prepare, work, *arguments):
        prepare()
        peak = benchmark.pedantic(peak_in_child, args=(work, *arguments), rounds=1)
        benchmark.extra_info["peak_mib"] = round(peak - modules)

    return once


@pytest.fixture(params=["cold", "warm"])
def prepare(request, store):
    """Leave the store without an index, or with one."""
    return (
        partial(store.index.unlink, missing_ok=True)
        if request.param == "cold"
        else partial(peak_in_child, store.scan)
    )


def test_scan(measure, prepare, store):
    measure(prepare, store.scan)


def test_status(measure, prepare, store):
    measure(prepare, status, store)


def test_report(measure, prepare, store):
    measure(prepare, report, store.root.parent)


def test_merge(measure, prepare, store, tmp_path: Path):
    measure(prepare, merge, Store(tmp_path), store.root.parent)
