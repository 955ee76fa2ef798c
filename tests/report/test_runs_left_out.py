"""What a report does with runs of plugins in flux that other code made: named, never by date."""

import pytest
from finished_runs import edit
from harness import DUMMY, PLUGINS, plugin, run, spec

from bench.plugins.registry import Registry
from bench.report.results import load_records
from bench.store.store import Store

OTHER = DUMMY.replace("class ", "CHANGED = 1\n\n\nclass ", 1)
DATES = ["2999-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00", "2026-11-25"]


@pytest.fixture
def store(tmp_path):
    """One's own run of seed 0, and runs of seeds 0 and 1 by other code."""
    run(tmp_path / "results", epochs=1)
    run(tmp_path / "results", plugin(tmp_path / "other", "dummy", OTHER), epochs=1, seeds=[0, 1])
    return Store(tmp_path / "results")


def shown(store, *folders):
    records, problems = load_records(store, Registry([PLUGINS, *folders]))
    return sorted((r.spec.label, r.spec.seed) for r in records), problems


@pytest.mark.parametrize("date", DATES)
def test_runs_of_the_code_here_are_shown_and_the_others_named(store, tmp_path, date):
    for record in store.scan()[0]:
        if record.spec.method.version != spec().method.version:
            edit(store, record.spec, cost={"started": date, "seconds": 1.0})
    found, (problem,) = shown(store)
    assert found == [("dummy", 0)]
    left = [r for r in store.scan()[0] if r.spec.method.version != spec().method.version]
    assert problem.startswith("2 runs are left out, as the code of their plugins is not the code here: ")
    assert all(str(r.files) in problem for r in left)
    for advice in ("`bench run`", "--plugins", "delete"):
        assert advice in problem
    assert "\n" not in problem
    assert shown(store, tmp_path / "other")[0] == [("dummy", 0), ("dummy", 1)]


def test_where_no_code_is_here_all_runs_are_shown_in_rows_of_their_own(store):
    records, problems = load_records(store, Registry([]))
    assert len(records) == 3
    assert len({record.spec.label for record in records}) == 2
    (problem,) = [line for line in problems if "by the code" in line]
    assert all(str(record.files) in problem for record in records)


def test_many_runs_are_counted_and_the_first_named(tmp_path):
    results = tmp_path / "results"
    run(results, epochs=1)
    run(results, plugin(tmp_path / "other", "dummy", OTHER), epochs=1, seeds=list(range(7)))
    _, (problem,) = shown(Store(results))
    assert problem.startswith("7 runs are left out")
    assert " and 2 more; " in problem
