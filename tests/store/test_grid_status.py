"""How far a grid is, and how long it will take."""

import json
import re
import shutil
import statistics

import pytest
from commandline import Shell
from harness import PLUGINS, checksummed, grid, run, spec

from bench.errors import BenchError
from bench.files import locks
from bench.store import grid_status as status
from bench.store.grid_status import remember
from bench.store.store import Store
from bench.store.unfinished import folder_of

SEEDS = list(range(5))


def cells(**content):
    return grid(**{"seeds": SEEDS} | content)


def took(store, cell, seconds):
    """Let a finished run have taken so many seconds."""
    path = store.path(cell) / "record.json"
    content = json.loads(path.read_text())
    content["cost"]["seconds"] = seconds
    path.write_text(json.dumps(content))
    checksummed(path.parent)


def states(store):
    return {(each.spec.label, each.spec.seed): each.state for each in status.of(store)}


@pytest.fixture
def store(tmp_path):
    """Three finished runs of the dummy, of four epochs each, that took 4, 8 and 40 seconds."""
    run(tmp_path, seeds=[0, 1, 2])
    store = Store(tmp_path)
    for cell, seconds in zip(cells()[:3], (4.0, 8.0, 40.0), strict=True):
        took(store, cell, seconds)
    return store


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path / ".commands")
    yield shell
    shell.clean()


def test_every_run_that_was_asked_for_has_a_state(store):
    remember(store, cells(seeds=range(7)))
    under_way, cut_off, without_word = (folder_of(store.path(spec(seeds=[seed]))) for seed in (3, 4, 5))
    for folder, done in ((under_way, "2 1"), (cut_off, "4 3")):
        folder.mkdir()
        (folder / "epochs").write_text(done)
    without_word.mkdir()
    with locks.take(under_way / "lock"):
        found = {each.spec.seed: each for each in status.of(store)}
        assert locks.take(under_way / "lock") is None
    assert [found[seed].state for seed in range(7)] == [
        *["done"] * 3,
        "running",
        "interrupted",
        "interrupted",
        "left",
    ]
    assert [found[seed].detail for seed in (3, 4, 5)] == [
        "epoch 2 of 4 done",
        "at the checkpoint of epoch 3 of 4",
        "at the checkpoint of epoch 0 of 4",
    ]
    pace = statistics.median([4 / 4, 8 / 4, 40 / 4])
    assert [found[seed].seconds for seed in (3, 4, 5, 6)] == [2 * pace, 1 * pace, 4 * pace, 4 * pace]
    assert [found[seed].seconds for seed in (0, 1, 2)] == [None] * 3


def test_looking_holds_up_nobody(store):
    remember(store, cells())
    folder_of(store.path(spec(seeds=[4]))).mkdir()
    status.of(store)
    with locks.take(folder_of(store.path(spec(seeds=[4]))) / "lock") as lock:
        assert lock is not None


def test_looking_writes_nothing(store):
    """A results folder may be somebody else's, and a run may end with its lock at any moment."""
    remember(store, cells())
    folder_of(store.path(spec(seeds=[4]))).mkdir()
    before = sorted(store.root.rglob("*"))
    status.of(store)
    assert sorted(store.root.rglob("*")) == before


def test_a_failed_run_says_why_until_it_succeeds(store):
    failing = spec(seeds=[3])
    remember(store, cells())
    store.save_failure(failing, "the reason, in one line", "Traceback …\n  and more")
    (found,) = [each for each in status.of(store) if each.spec == failing]
    assert (found.state, found.detail) == ("failed", "the reason, in one line")
    assert found.seconds == 4 * statistics.median([1, 2, 10])
    run(store.root.parent, seeds=[3])
    assert states(store)["dummy", 3] == "done"


def test_a_run_that_failed_after_a_checkpoint_has_failed(store):
    remember(store, cells())
    failing = spec(seeds=[3])
    folder_of(store.path(failing)).mkdir()
    (folder_of(store.path(failing)) / "epochs").write_text("3 3")
    (folder_of(store.path(failing)) / "checkpoint.pt").write_bytes(b"of epoch 3")
    store.save_failure(failing, "no space left")
    (found,) = [each for each in status.of(store) if each.spec == failing]
    assert (found.state, found.detail) == ("failed", "no space left")
    with locks.take(folder_of(store.path(failing)) / "lock"):
        assert states(store)["dummy", 3] == "running"


def test_a_note_that_a_power_cut_tore_counts_no_epoch(store):
    remember(store, cells())
    folder_of(store.path(spec(seeds=[3]))).mkdir()
    (folder_of(store.path(spec(seeds=[3]))) / "epochs").write_bytes(b"\x00\x00")
    (found,) = [each for each in status.of(store) if each.spec.seed == 3]
    assert (found.state, found.detail) == ("interrupted", "at the checkpoint of epoch 0 of 4")


def test_the_pace_is_that_of_the_method_else_of_the_data_set_else_unknown(store):
    run(store.root.parent, methods=["baseline"], seeds=[0])
    took(store, spec(methods=["baseline"]), 100.0)
    longer = {"epochs": 6, "relabel_from": 2}
    asked = [
        *cells(seeds=[0, 1, 2, 9]),
        *cells(methods=["baseline"], seeds=[0, 9]),
        *cells(methods=["scn"], seeds=[9]),
        *cells(seeds=[9], **longer),
        *cells(datasets=["digits"], seeds=[9]),
    ]
    remember(store, asked)
    seconds = {
        (each.spec.dataset.name, each.spec.label, each.spec.recipe.epochs): each.seconds
        for each in status.of(store)
        if each.state == "left"
    }
    of_any = statistics.median([1, 2, 10, 25])
    assert seconds == {
        ("tiny", "dummy", 4): 4 * 2,
        ("tiny", "baseline", 4): 4 * 25,
        ("tiny", "scn", 4): 4 * of_any,
        ("tiny", "dummy", 6): 6 * of_any,
        ("digits", "dummy", 20): None,
    }


def test_two_grids_add_up_and_the_same_one_counts_once(store):
    remember(store, cells(seeds=[0, 1]))
    remember(store, cells(seeds=[1, 2, 3]))
    remember(store, cells(seeds=[1, 2, 3]))
    assert states(store) == {
        ("dummy", 0): "done",
        ("dummy", 1): "done",
        ("dummy", 2): "done",
        ("dummy", 3): "left",
    }


def test_a_finished_run_that_is_damaged_takes_nothing_from_the_others(store):
    remember(store, cells())
    (store.path(spec(seeds=[2])) / "record.json").write_text("{ torn")
    assert {each.seconds for each in status.of(store) if each.state == "left"} == {4 * statistics.median([1, 2])}


def test_nothing_was_asked_for(tmp_path):
    assert status.of(Store(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


DAMAGED = ["", "{ torn", "[]", "3", '{"a": {}}', '{"a": 3}', "\x00\x00"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_list_of_what_was_asked_for_is_one_line_that_names_it(store, content):
    remember(store, cells())
    store.asked.write_text(content)
    if content == "[]":
        store.asked.write_text("[1]")
    with pytest.raises(BenchError, match=re.escape(f"{store.asked} is damaged")) as error:
        status.of(store)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_list_never_stops_a_run(store, content):
    """It is no more than a note: after a power cut the same command goes on."""
    store.asked.write_text(content)
    remember(store, cells())
    assert states(store)["dummy", 4] == "left"


# ---- the command ---------------------------------------------------------------------------------


def test_the_command_tells_counts_time_and_what_is_under_way(store, shell):
    remember(store, cells())
    folder_of(store.path(spec(seeds=[3]))).mkdir()
    (folder_of(store.path(spec(seeds=[3]))) / "epochs").write_text("2 1")
    done = shell.run("status", "--results", store.root.parent)
    assert (done.wait(), done.err) == (0, "")
    lines = [" ".join(line.split()) for line in done.out.splitlines() if line.strip()]
    assert lines[-2:] == [
        "5 runs were asked for: 3 done, 1 interrupted, 1 left",
        "time left, from finished runs: 14 s one after the other",
    ]
    assert "tiny · dummy · noise 30% · seed 3 interrupted at the checkpoint of epoch 1 of 4" in " ".join(lines)


def test_the_command_fails_when_a_run_has_and_tells_what_it_cannot_time(store, shell):
    remember(store, [*cells(), *cells(datasets=["digits"], seeds=[8])])
    store.save_failure(spec(seeds=[3]), "the reason", "Traceback …")
    done = shell.run("status", "--results", store.root.parent)
    assert done.wait() == 1
    said = " ".join(done.out.split())
    assert "6 runs were asked for: 3 done, 1 failed, 2 left" in said
    assert "16 s one after the other, without 1 runs of which nothing like it is finished" in said
    assert "failed the reason" in said


def test_the_command_is_one_line_where_nothing_was_asked_for_or_the_list_is_damaged(store, shell):
    shutil.rmtree(store.root.parent / "nowhere", ignore_errors=True)
    nothing = shell.run("status", "--results", store.root.parent / "nowhere")
    assert nothing.wait() == 2
    assert nothing.err.endswith("nowhere: no run was asked for there; `bench run` begins one\n")
    store.asked.write_text("{ torn")
    damaged = shell.run("status", "--results", store.root.parent)
    assert damaged.wait() == 2
    assert damaged.err.startswith(f"error: {store.asked} is damaged")
    assert (damaged.err.count("\n"), damaged.out) == (1, "")


def test_a_run_writes_down_what_it_was_asked_for(tmp_path, shell):
    places = ("--plugins", PLUGINS, "--results", tmp_path, "--device", "cpu", "--datasets", "tiny")
    done = shell.run("run", "--methods", "dummy", "--noise", "0,0.3", "--max-minutes", "0", *places)
    assert done.wait() == 75, done.err
    assert [each.state for each in status.of(Store(tmp_path))] == ["left", "left"]
    assert done.out.count("stopped: not begun") == 2
    assert "out of time: 2 of 2 runs are left; the same command goes on from there" in done.err
