from harness import record, spec

from bench.report.columns import Numbers, Texts
from bench.report.grouping import group
from bench.report.tables.cell_table import cell_table, mean_cost, mean_of

RUNS = [
    record(spec(methods=[m], noise=[rate], seeds=[s]), metrics={"accuracy": 0.5 + 0.1 * s}, cost={"seconds": 7.0})
    for m in ("dummy", "baseline")
    for rate in (0.3, 0)
    for s in (0, 1)
]
(MEMBERS,) = group(RUNS)
COUNT = (Numbers("runs"), len)


def test_each_cell_has_a_row_and_each_column_its_own_value():
    twice = (Texts("runs"), lambda runs: f"{2 * len(runs)} halves")  # of the same heading
    made = cell_table(MEMBERS, "counts", "How many", [COUNT, twice], ["A note."])
    assert made.texts == [[noise, m, "2", "4 halves"] for noise in ("0%", "30%") for m in ("baseline", "dummy")]
    assert (made.name, made.title, made.notes) == ("counts-tiny", f"How many: {MEMBERS.title}", ["A note."])


def test_a_cell_has_a_row_for_each_thing_that_rows_are_about():
    seeds = (Texts("seed"), lambda run: run.spec.seed)
    made = cell_table(MEMBERS, "", "", [seeds], [], lambda runs: runs if runs[0].spec.noise.rate else [])
    assert made.texts == [["30%", m, str(seed)] for m in ("baseline", "dummy") for seed in (0, 1)]


def test_means_are_over_a_cells_runs():
    cell = MEMBERS.cell("dummy", MEMBERS.noises[0])
    assert mean_of("accuracy")(cell).mean == 0.55
    assert mean_of("nll")(cell) is None
    assert (mean_cost("seconds")(cell).mean, mean_cost("seconds")(cell).n) == (7.0, 2)
