"""Seconds and memory of a store of many runs; `peak_mib` leaves imported modules out.

10,000 runs take minutes: they are measured where the environment variable SPEED_RUNS asks for them.
"""

import os
from pathlib import Path

import pytest
from generated import generate, peak_in_child
from harness import report

from bench.store import grid_status
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
    grid_status.remember(Store(results), specs)
    return Store(results)


@pytest.fixture(scope="session")
def modules() -> float:
    """Peak memory of a process that does nothing."""
    return peak_in_child(int)


@pytest.fixture
def measure(benchmark, modules):
    """Measure some work once, each time in a new process."""

    def once(work, *arguments):
        peak = benchmark.pedantic(peak_in_child, args=(work, *arguments), rounds=1)
        benchmark.extra_info["peak_mib"] = round(peak - modules)

    return once


def test_scan(measure, store):
    measure(store.scan)


def test_status(measure, store):
    measure(grid_status.of, store)


def test_report(measure, store):
    measure(report, store.root.parent)


def test_merge(measure, store, tmp_path: Path):
    measure(merge, Store(tmp_path), store.root.parent)
