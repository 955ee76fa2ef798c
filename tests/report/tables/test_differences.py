from dataclasses import replace

import numpy as np
import pytest
from harness import record, spec

from bench.report.figures.critical_difference import draw
from bench.report.grouping import Group, group
from bench.report.statistics.paired import Contrast, contrasts, ranks
from bench.report.statistics.ranks import friedman
from bench.report.tables.differences import comparison_table, ranks_table
from bench.report.values import MethodLabel


def members(seeds, methods=("dummy", "baseline"), metric="accuracy", noise=(0.3,)):
    """Runs of methods each of which is worse than the one before, at every seed."""
    runs = [
        record(
            spec(methods=[method], seeds=[seed], noise=[rate]), metrics={metric: 0.8 - 0.1 * place + 0.01 * seed}
        )
        for place, method in enumerate(methods)
        for seed in range(seeds)
        for rate in noise
    ]
    (found,) = group(runs)
    return found


def made(of, metric="accuracy", against=None, **how):
    return comparison_table(of, metric, contrasts(of, metric, against), **how)


def notes(table, word):
    return [note for note in table.notes if word in note]


def test_three_seeds_are_too_few_and_nothing_is_bold():
    table = made(members(3))
    assert table.texts == [["30%", "baseline", "dummy", "3", "−10.00", "−10.00 to −10.00", "0.250", "0.250"]]
    assert table.bold == frozenset()
    assert notes(table, "too few seeds") == [
        "Nothing is bold at 30%, too few seeds: with n = 3 p is 0.25 at least; 1 test takes n = 6."
    ]


def test_six_seeds_are_enough_for_one_test_and_too_few_for_three():
    assert made(members(6)).bold == {(0, 4)}
    table = made(members(6, ["dummy", "baseline", "rul"]))
    assert table.bold == frozenset()
    assert "3 tests take n = 7." in notes(table, "too few seeds")[0]
    assert made(members(7, ["dummy", "baseline", "rul"])).bold == {(0, 4), (1, 4), (2, 4)}


def test_noises_with_as_few_seeds_share_a_line():
    table = made(members(2, noise=(0.1, 0.3)))
    assert [note.partition(", too")[0] for note in notes(table, "too few seeds")] == [
        "Nothing is bold at 10%, 30%",
        "Nothing is bold in pooled rows",
    ]


@pytest.mark.parametrize(("metric", "side"), [("accuracy", "above"), ("nll", "below")])
def test_the_note_says_which_side_is_better(metric, side):
    assert notes(made(members(2, metric=metric), metric), f"{side} 0 the method is better")


def test_a_brief_table_leaves_out_what_its_title_says():
    of = members(2)
    assert "against" in made(of, against="dummy").header
    brief = made(of, against="dummy", brief=True)
    assert "against" not in brief.header
    assert brief.title.startswith("accuracy, method − dummy: ")


def named(places: int) -> Group:
    """A run of each method that `contrast` names."""
    names = [f"{letter}{place}" for letter in "mo" for place in range(places)]
    return Group("tiny", "", [record(spec().model_copy(update={"label": name})) for name in names])


def contrast(place: int, p: float) -> Contrast:
    return Contrast("tiny", "30%", f"m{place}", f"o{place}", "accuracy", 8, 0, -0.000001, None, None, "", p, p)


@pytest.mark.parametrize(("supported", "shown"), [(0, 0), (3, 3), (40, 30)])
def test_a_brief_table_of_many_differences_shows_some_that_are_supported(supported, shown):
    of = named(50)
    found = [contrast(place, 0.0001 if place < supported else 0.2) for place in range(50)]
    brief = comparison_table(of, "accuracy", found, brief=True)
    assert [row[1] for row in brief.texts] == [f"m{place}" for place in range(shown)]
    assert brief.notes[0].startswith(f"Of 50 differences a test supports {supported}; {shown} are shown")
    whole = comparison_table(of, "accuracy", found)
    assert len(whole.rows) == 50
    assert len(whole.bold) == supported


def test_small_numbers_are_told_from_zero():
    (row,) = comparison_table(named(1), "accuracy", [contrast(0, 0.0001)]).texts
    assert row[4:] == ["+0.00", "–", "< .001", "< .001"]


def test_runs_without_a_partner_are_told():
    of = members(3)
    del of.records[0]
    assert notes(made(of), "want of a partner, counted once a pair: 1 of")


def test_a_method_that_is_told_the_noise_rate_is_marked_in_title_and_rows():
    of = members(2, ["dummy", "baseline", "rul"])
    told = [replace(r, spec=r.spec.model_copy(update={"oracle": r.spec.label == "dummy"})) for r in of.records]
    of = replace(of, records=told)
    brief = made(of, against="dummy", brief=True)
    assert brief.title.startswith("accuracy, method − dummy†: ")
    assert brief.all_notes[-1].startswith("† is told the true rate")
    whole = made(of, against="rul")
    assert whole.texts[1][1:3] == ["dummy†", "rul"]
    assert whole.csv().splitlines()[2].startswith("30%,dummy,True,rul,False,2,")


def test_ranks_and_their_diagram_mark_a_method_that_is_told_the_noise_rate():
    of = members(2, ["dummy", "baseline", "rul"])
    told = [replace(r, spec=r.spec.model_copy(update={"oracle": r.spec.label == "dummy"})) for r in of.records]
    found, dropped = ranks([replace(of, records=told)], "accuracy")
    assert {str(label) for label in found.labels} == {"dummy†", "baseline", "rul"}
    assert ranks_table(found, "accuracy", dropped).all_notes[-1].startswith("† is told the true rate")
    assert any("dummy†" in text.get_text() for text in draw(found, "accuracy").axes[0].texts)


def test_a_note_says_that_so_few_blocks_can_tell_no_methods_apart():
    labels = [MethodLabel(name) for name in "abc"]
    few = ranks_table(friedman(labels, np.array([[1.0, 2, 3]])), "accuracy", 1)
    assert few.notes[0].startswith("Ranks over 1 block (")
    assert "by more than 3.31 (Nemenyi); none can, as 2 is the most there is." in few.notes[1]
    assert few.notes[2] == "Left out, as not every method has a value there: 1 of setting × noise × seed."
    many = ranks_table(friedman(labels, np.array(9 * [[1.0, 2, 3]])), "accuracy", 0)
    assert many.notes[1].endswith("by more than 1.10 (Nemenyi).")
