from dataclasses import replace

from harness import record, spec

from bench.report.grouping import group
from bench.report.tables.costs import costs_table


def measured(seed, seconds, **cost):
    metrics = {"accuracy": 0.9, "scores": {"own": {"aurc": 0.0123}}}
    whole = {"started": "2026-01-01", "seconds": seconds, "parameters": 1_250_000} | cost
    return record(spec(seeds=[seed]), metrics=metrics, cost=whole)


def rows(*runs):
    (members,) = group(list(runs))
    return costs_table(members).texts


def test_cost_stands_beside_what_it_buys():
    assert rows(measured(0, 12.34, peak_memory_bytes=3 * 2**20)) == [
        ["30%", "dummy", "90.00", "12.30", "12.3", "1.25", "3"]
    ]


def test_it_is_a_mean_over_seeds_and_what_was_not_measured_is_left_out():
    ((*_, seconds, parameters, memory),) = rows(measured(0, 10.0), measured(1, 14.0))
    assert (seconds, parameters, memory) == ("12.0 ± 2.8", "1.25 ± 0.00", "–")


def test_its_note_says_whether_methods_were_tuned():
    made = measured(0, 10.0)
    (ordinary,), (tuned,) = group([made]), group([replace(made, searches=("5ea2c4ed",))])
    assert "No method was tuned" in costs_table(ordinary).notes[0]
    assert (
        costs_table(tuned)
        .notes[0]
        .endswith("Each method runs with what its search chose; what the search cost is not in here.")
    )
