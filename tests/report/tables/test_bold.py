import pytest
from harness import of_older_protocol, record, spec

from bench.report import tables
from bench.report.grouping import group
from bench.report.older_versions import told_apart
from bench.version import PROTOCOL

METHODS = ["dummy", "baseline"]


def table(seeds, first=0.02, methods=METHODS):
    """The accuracy table of methods of which the first is better at every seed."""
    runs = [
        record(spec(methods=[m], seeds=[s]), metrics={"accuracy": 0.8 + 0.01 * s + first * (m == methods[0])})
        for m in methods
        for s in range(seeds)
    ]
    (members,) = group(runs)
    return tables.accuracy_table(members)


def bold(made):
    return [made.texts[i][0] for i, _ in sorted(made.bold)]


def test_six_seeds_support_the_better_of_two():
    made = table(6)
    assert bold(made) == ["dummy"]
    assert any(note.startswith("Bold: the best of its column") for note in made.notes)
    assert not any("too few" in note for note in made.notes)


def test_three_seeds_support_nothing_and_the_table_says_so():
    made = table(3)
    assert made.bold == frozenset()
    (note,) = [note for note in made.notes if "old" in note]
    assert note == (
        "Nothing is bold, too few seeds: with 3 in common p is 0.25 at least; to find a method better than "
        "1 other at 5 % takes 6."
    )


def test_seven_seeds_are_too_few_against_five_others():
    six = [*METHODS, "rul", "dul", "scn", "mix-output"]
    assert bold(table(7, methods=six)) == []
    assert bold(table(8, methods=six)) == ["dummy"]


def test_equal_methods_are_not_bold():
    assert bold(table(8, first=0.0)) == []


def test_one_method_has_nothing_to_be_better_than():
    assert not any("old" in note for note in table(8, methods=["dummy"]).notes)


def test_rows_of_an_older_protocol_stand_there_and_do_not_compete():
    """The older row is the best, and its one seed would be too few for any test."""
    runs = [
        record(spec(methods=[m], seeds=[s]), metrics={"accuracy": 0.8 + 0.01 * s + 0.02 * (m == "dummy")})
        for m in METHODS
        for s in range(6)
    ]
    (members,) = group(told_apart([*runs, of_older_protocol(runs[0], accuracy=0.99)]))
    made = tables.accuracy_table(members)
    assert made.texts[2][0] == f"dummy [protocol {PROTOCOL - 1}]"
    assert bold(made) == ["dummy"]
    assert "named in brackets, are not compared" in made.notes[-1]


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_bold_in_every_format_that_has_it(form):
    made = table(6)
    ((i, j),) = made.bold
    cell, text = made.texts[i][j], getattr(made, form)()
    mean, deviation = cell.split(" ± ")
    marked = {"markdown": f"**{cell}**", "latex": rf"\textbf{{{mean}}} & \,$\pm$\,{deviation}"}
    assert text.count(marked[form]) == 1
