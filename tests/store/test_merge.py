"""Runs that are merged into a results folder: added, the same, refused, not half copied."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from finished_runs import GRID, content, copy, edit, tables_of
from harness import DUMMY, plugin, run, spec

from bench.files.atomic import empty_beside
from bench.store import transfer
from bench.store.prediction_files import read_predictions
from bench.store.store import Store
from bench.store.transfer import merge, pack
from bench.store.unfinished import UnderWay


def test_a_grid_in_two_parts_merges_into_the_whole_with_the_same_tables(tmp_path, finished, bench):
    first, second = copy(finished, tmp_path / "a", "seed0-"), copy(finished, tmp_path / "b", "seed1-")
    status, out, err = bench("merge", first, second, "--results", tmp_path / "all")
    assert (status, err) == (0, "")
    assert out == f"{first}: 4 runs added, 0 were here\n{second}: 4 runs added, 0 were here\n"
    page, tables, runs = tables_of(tmp_path / "all", bench)
    whole_page, whole_tables, whole_runs = tables_of(finished, bench)
    assert (page, tables) == (whole_page, whole_tables)
    pd.testing.assert_frame_equal(runs, whole_runs)
    assert len(runs) == 8


def test_merged_runs_are_not_run_again(tmp_path, finished):
    merge(Store(tmp_path), finished)
    assert {each.status for each in run(tmp_path, **GRID)} == {"finished"}


def test_the_same_runs_are_counted_and_left_as_they_are(tmp_path, finished):
    copy(finished, tmp_path, "seed0-")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    merged = merge(Store(tmp_path), finished)
    assert (merged.added, merged.same, merged.refused, merged.problems) == (4, 4, [], [])
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()}.items() <= before.items()
    again = merge(Store(tmp_path), finished)
    assert (again.added, again.same) == (0, 8)


def test_runs_that_differ_in_time_and_machine_alone_are_the_same(tmp_path, finished):
    copy(finished, tmp_path, "dummy")
    store = Store(tmp_path)
    record = store.read(spec())
    edit(
        store,
        spec(),
        cost=record.cost.entries() | {"started": "2020-01-01", "seconds": 1e6},
        environment=record.environment.entries() | {"processor": "another", "threads": 64},
    )
    merged = merge(store, finished)
    assert (merged.same, merged.refused) == (4, [])
    assert store.read(spec()).cost.seconds == 1e6


def unlucky(folder):
    """A method whose outcome hangs on a variable that is no part of its identity."""
    old = "        return Prediction(*self(images))\n"
    new = (
        "        import os\n        logits, uncertainty = self(images)\n"
        "        return Prediction(logits.roll(int(os.environ['LUCK']), dims=1), uncertainty)\n"
    )
    assert old in DUMMY
    return plugin(folder, "unlucky", DUMMY.replace(old, new))


def test_another_outcome_of_the_same_run_is_refused_with_both_accuracies(tmp_path, bench, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    folder = unlucky(tmp_path / "plugins")
    for results, luck in ((here, "0"), (there, "1")):
        monkeypatch.setenv("LUCK", luck)
        (report_,) = run(results, folder, methods=["unlucky"])
        assert report_.status == "done", report_.detail
    run(there)
    ours, theirs = (next(r for r in Store(each).scan()[0] if r.spec.label == "unlucky") for each in (here, there))
    assert ours.spec.identity == theirs.spec.identity
    assert ours.metrics.accuracy != theirs.metrics.accuracy
    before = (ours.path / "record.json").read_bytes()
    status, out, err = bench("merge", there, "--results", here)
    assert (status, out) == (1, f"{there}: 1 runs added, 0 were here\n")
    assert err.count("\n") == 1
    assert err.startswith(f"refused: tiny · unlucky · noise 30% · seed 0 has another outcome in {there}: ")
    assert f"accuracy {100 * theirs.metrics.accuracy:.2f} % there" in err
    assert f"{100 * ours.metrics.accuracy:.2f} % in {ours.path}" in err
    assert (ours.path / "record.json").read_bytes() == before


def test_a_damaged_run_there_is_named_and_the_others_are_merged(tmp_path, finished, bench):
    there = copy(finished, tmp_path / "there", "dummy")
    torn = Store(there).path(spec()) / "record.json"
    torn.write_text(torn.read_text()[:100])
    status, out, err = bench("merge", there, "--results", tmp_path / "here")
    assert (status, out) == (1, f"{there}: 3 runs added, 0 were here\n")
    assert err.startswith(f"note: {torn.parent} cannot be read as a run: ValueError: record.json is not as it was")
    assert not Store(tmp_path / "here").has(spec())


def test_a_damaged_run_here_is_named_and_not_overwritten(tmp_path, finished):
    store = Store(copy(finished, tmp_path, "dummy"))
    torn = store.path(spec()) / "record.json"
    torn.write_text("{ torn")
    merged = merge(store, finished)
    assert (merged.added, merged.same) == (4, 3)
    (problem,) = merged.problems
    assert str(torn.parent) in problem
    assert torn.read_text() == "{ torn"


def test_damaged_predictions_do_not_travel_unnoticed(tmp_path, finished):
    """They are no part of the record, yet copied: whoever reads them is told."""
    there = copy(finished, tmp_path / "there", "dummy")
    spoilt = Store(there).path(spec()) / "test.parquet"
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    merge(Store(tmp_path / "here"), there)
    with pytest.raises(ValueError, match="test.parquet is not as it was written"):
        read_predictions(Store(tmp_path / "here").files(spec()), "test")


def test_what_cannot_be_copied_leaves_nothing_half_written(tmp_path, finished, monkeypatch):
    there = copy(finished, tmp_path / "there", "dummy")

    def full(path, content):
        write(path, content[:10])
        raise OSError(28, "No space left on device", str(path))

    store, write = Store(tmp_path / "here"), Path.write_bytes
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        merged = merge(store, there)
    assert (merged.added, len(merged.problems)) == (0, 4)
    assert "No space left on device" in merged.problems[0]
    assert store.scan()[0] == []
    assert merge(store, there).added == 4
    assert store.scan()[1] == []


@pytest.mark.parametrize("together", [1, 3, 8, 100])
def test_runs_that_are_copied_together_are_those_that_are_copied_one_by_one(
    tmp_path, finished, monkeypatch, together
):
    monkeypatch.setattr(transfer, "TOGETHER", together)
    merged = merge(Store(tmp_path), finished)
    assert (merged.added, merged.same, merged.problems) == (8, 0, [])
    assert content(tmp_path / "runs") == content(finished / "runs")


def test_a_run_that_is_there_twice_is_added_once(tmp_path, finished):
    there = copy(finished, tmp_path / "there", "dummy")
    folder = Store(there).path(spec())
    shutil.copytree(folder, folder.with_name("another-name"))
    merged = merge(Store(tmp_path / "here"), there)
    assert (merged.added, merged.same, merged.problems, merged.refused) == (4, 1, [], [])
    assert content(tmp_path / "here" / "runs").keys() == content(finished / "runs").keys() - {
        path.relative_to(finished / "runs") for path in (finished / "runs" / "tiny" / "baseline").rglob("*")
    }


def test_of_runs_that_are_copied_together_one_that_cannot_be_is_told(tmp_path, finished, monkeypatch):
    store, write = Store(tmp_path), Path.write_bytes
    bad = empty_beside(store.path(spec())) / "curves.csv"

    def fails(path, content):
        if path == bad:
            raise OSError(5, "Input/output error", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fails)
    merged = merge(store, finished)
    assert merged.added == 7
    (problem,) = merged.problems
    assert str(bad) in problem
    assert not store.has(spec())
    assert not list(tmp_path.rglob(".partial-*"))
    assert len(store.scan()[0]) == 7
    assert store.scan()[1] == []


def test_a_merge_that_is_interrupted_leaves_whole_runs_and_goes_on(tmp_path, finished, monkeypatch):
    monkeypatch.setattr(transfer, "TOGETHER", 3)
    store, write, left = (
        Store(tmp_path),
        Path.write_bytes,
        [8 * 4 + 2],
    )  # in the fifth run, the second of its batch

    def interrupted(path, content):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            merge(store, finished)
    assert len(store.scan()[0]) == 3
    assert not list(tmp_path.rglob(".partial-*"))
    merged = merge(store, finished)
    assert (merged.added, merged.same) == (5, 3)
    assert content(tmp_path / "runs") == content(finished / "runs")


def test_a_run_that_is_being_run_here_is_left_to_who_runs_it(tmp_path, finished):
    here = Store(tmp_path / "here")
    records, _ = Store(finished).scan()
    with UnderWay.take(here.path(records[0].spec)):
        merged = merge(here, finished)
    said = f"{records[0].spec.title} is being run here; merge again when it is done"
    assert (merged.added, merged.problems) == (len(records) - 1, [said])
    again = merge(here, finished)
    assert (again.added, again.same, again.problems) == (1, len(records) - 1, [])


def test_a_run_that_is_finished_here_while_others_are_copied_is_not_replaced(tmp_path, finished, monkeypatch):
    here, take, mine = Store(tmp_path / "here"), UnderWay.take, []

    def after_another_program_has(place):
        if not mine:
            mine.append(place)
            shutil.copytree(Store(finished).path(spec_at(finished, place)), place)
            (place / "mark").touch()
        return take(place)

    monkeypatch.setattr(UnderWay, "take", after_another_program_has)
    merged = merge(here, finished)
    assert len(merged.problems) == 1
    assert merged.problems[0].endswith("was finished here in this moment; merge again to compare")
    assert (mine[0] / "mark").exists()
    assert not list(here.root.rglob(".p*"))


def spec_at(results, place):
    return next(record.spec for record in Store(results).scan()[0] if record.path.name == place.name)


def test_an_interrupted_run_whose_result_arrives_leaves_no_checkpoint(tmp_path, finished):
    here = Store(tmp_path / "here")
    spec = Store(finished).scan()[0][0].spec
    with UnderWay.take(here.path(spec)) as under_way:
        under_way.checkpoint.write_bytes(b"half")
    assert merge(here, finished).problems == []
    assert not list(here.root.rglob(".p*"))


def test_a_merge_brings_predictions_to_runs_that_came_without(tmp_path, finished, bench):
    pack(Store(finished), tmp_path / "runs.tar.gz", predictions=False)
    here = Store(tmp_path / "here")
    count = merge(here, tmp_path / "runs.tar.gz").added
    code, said, _ = bench("merge", finished, "--results", tmp_path / "here")
    assert code == 0
    assert said.endswith(f"0 runs added, {count} were here, {count} of them without the predictions added now\n")
    for record in here.scan()[0]:
        there = Store(finished).path(record.spec)
        assert content(record.path) == content(there)
    assert merge(here, finished).completed == 0


def test_predictions_that_are_not_those_of_the_run_here_are_refused(tmp_path, finished):
    there = copy(finished, tmp_path / "there", "dummy")
    pack(Store(there), tmp_path / "runs.tar.gz", predictions=False)
    here = Store(tmp_path / "here")
    merge(here, tmp_path / "runs.tar.gz")
    for path in there.rglob("train.parquet"):
        path.write_bytes(path.read_bytes() + b"!")
    merged = merge(here, there)
    assert len(merged.problems) == merged.same > 0
    assert all("is not the one that" in problem for problem in merged.problems)
    assert not list(here.root.rglob("train.parquet"))
    assert not list(here.root.rglob(".p*"))
