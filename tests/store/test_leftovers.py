"""What kills leave in a store is removed by the next command that writes there, and no more."""

import os
import shutil

import pytest
from commandline import Shell
from finished_runs import copy
from harness import PLUGINS, run, spec

from bench.files import locks
from bench.files.atomic import clear_partials, replace_file
from bench.store.store import Store
from bench.store.unfinished import UnderWay, checkpoint_in, clear, epochs_done, folder_of, is_taken

HEX = "0123456789abcdef"
TINY = ["run", "--plugins", PLUGINS, "--datasets", "tiny", "--noise", "0.3", "--device", "cpu", "--jobs", "0"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    results = tmp_path_factory.mktemp("finished")
    run(results, seeds=[0, 1])
    return results


@pytest.fixture
def store(finished, tmp_path):
    return Store(shutil.copytree(finished, tmp_path / "results"))


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path / ".commands")
    yield shell
    shell.clean()


def hidden(store):
    """What is in a store besides its runs, their lists and the report's lock."""
    names = (".partial", ".replaced", ".progress")
    return sorted(
        str(path.relative_to(store.results))
        for path in store.results.rglob(".*")
        if any(n in path.name for n in names)
    )


def in_progress(place, checkpoint=None):
    folder = folder_of(place)
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    (folder / "epochs").write_text("3 2")
    if checkpoint is not None:
        checkpoint_in(folder).write_bytes(checkpoint)
    return folder


def of_a_run_never_finished(store):
    in_progress(store.root / "tiny" / "gone" / "clean" / "seed0-00000000")


def of_a_finished_run(store):
    in_progress(store.path(spec()))


def older_checkpoint_of_a_finished_run(store):
    folder = in_progress(store.path(spec()), b"of epoch 2")
    os.utime(checkpoint_in(folder), (1, 1))


def torn_checkpoint(store):
    folder = in_progress(store.root / "tiny" / "dummy" / "clean" / "seed5-00000000")
    (folder / f".checkpoint.pt.{HEX}.partial").write_bytes(b"half")


def half_written_run(store):
    place = store.path(spec(seeds=[5]))
    (place.parent / f".partial-{place.name}").mkdir()


def half_written_run_with_its_progress(store):
    half_written_run(store)
    in_progress(store.path(spec(seeds=[5])))


def run_that_was_replaced(store):
    place = store.path(spec())
    shutil.copytree(place, place.with_name(f".replaced-{place.name}"))


def run_that_was_about_to_be_replaced(store):
    place = store.path(spec())
    place.rename(place.with_name(f".replaced-{place.name}"))


def list_of_runs_half_written(store):
    (store.root / f".asked.json.{HEX}.partial").touch()


def pack_half_written(store):
    (store.results / f".runs.tar.gz.{HEX}.partial").write_bytes(b"half")


def metrics_half_written(store):
    store.recomputed.mkdir()
    (store.recomputed / f".{HEX}.json.{HEX}.partial").write_bytes(b"half")


LEFT = [
    of_a_run_never_finished,
    of_a_finished_run,
    older_checkpoint_of_a_finished_run,
    torn_checkpoint,
    half_written_run,
    half_written_run_with_its_progress,
    run_that_was_replaced,
    run_that_was_about_to_be_replaced,
    list_of_runs_half_written,
    pack_half_written,
    metrics_half_written,
]


@pytest.mark.parametrize("leave", LEFT)
def test_what_a_kill_leaves_is_gone_after_the_next_clearing_and_all_runs_are_there(store, leave):
    before = {record.spec.identity: record.outcome for record in store.scan()[0]}
    leave(store)
    assert hidden(store)
    clear(store.root)
    assert hidden(store) == []
    found, problems = store.scan()
    assert {record.spec.identity: record.outcome for record in found} == before
    assert problems == []


@pytest.mark.parametrize("command", ["run", "merge"])
def test_the_commands_that_write_runs_clear_them_all(store, shell, tmp_path, command):
    for leave in (*LEFT[:2], torn_checkpoint, half_written_run, run_that_was_about_to_be_replaced):
        leave(store)
    other = copy(store.results, tmp_path / "other", "seed1")
    arguments = [*TINY, "--methods", "dummy"] if command == "run" else ["merge", other]
    done = shell.run(*arguments, "--results", store.results)
    assert (done.wait(), done.err) == (0, "")
    assert hidden(store) == []
    assert store.has(spec())


@pytest.mark.parametrize(
    "command", [["status"], ["report", "--plugins", PLUGINS], ["compare"], ["pack", "TARGET"]]
)
def test_the_commands_that_read_leave_what_they_find(store, shell, tmp_path, command):
    of_a_finished_run(store)
    half_written_run(store)
    before = hidden(store)
    asked = [tmp_path / "runs.tar.gz" if word == "TARGET" else word for word in command]
    shell.run(*asked, "--results", store.results).wait()
    assert hidden(store) == before


def test_a_checkpoint_of_a_run_that_is_to_go_on_stays(store):
    places = [store.root / "tiny" / "dummy" / "clean" / "seed5-00000000", store.path(spec())]
    for place in places:  # the second is run again by force, so its checkpoint is the newer
        in_progress(place, b"of epoch 2")
    clear(store.root)
    assert [checkpoint_in(folder_of(place)).read_bytes() for place in places] == [b"of epoch 2"] * 2


def test_what_another_program_works_on_stays(store):
    place = store.path(spec(seeds=[5]))
    with UnderWay.take(place) as under_way:
        partial = place.with_name(f".partial-{place.name}")
        partial.mkdir()
        half = under_way.folder / f".checkpoint.pt.{HEX}.partial"
        half.touch()
        clear(store.root)
        assert partial.is_dir()
        assert half.is_file()
        assert locks.is_held(under_way.folder / "lock")


def test_a_file_that_is_being_written_stays(store):
    with replace_file(store.results / "runs.tar.gz") as file:
        file.write(b"new")
        clear(store.root)
        clear_partials(store.results)
    assert (store.results / "runs.tar.gz").read_bytes() == b"new"


def test_a_pack_clears_what_an_earlier_one_left_at_its_target(store, shell, tmp_path):
    for name in ("runs.tar.gz", "others.tar.gz"):
        (tmp_path / f".{name}.{HEX}.partial").touch()
    assert shell.run("pack", tmp_path / "runs.tar.gz", "--results", store.results).wait() == 0
    assert [path.name for path in tmp_path.glob("*.partial")] == [f".others.tar.gz.{HEX}.partial"]


@pytest.mark.parametrize("there", [[], ["runs"], ["runs/tiny", "runs/tiny/file"], ["runs/.progress-x"]])
def test_a_store_of_another_shape_is_no_error(tmp_path, there):
    for name in there:
        path = tmp_path / name
        path.write_text("") if name.endswith("file") else path.mkdir(parents=True, exist_ok=True)
    clear(tmp_path / "runs")
    assert all((tmp_path / name).exists() for name in there)


@pytest.mark.parametrize("text", [b"9" * 5000 + b" 1", b"-1 2", b"\xc2\xb2 1"])
def test_numbers_that_are_none_count_as_nothing(tmp_path, text):
    place = tmp_path / "seed0"
    folder_of(place).mkdir()
    (folder_of(place) / "epochs").write_bytes(text)
    assert epochs_done(place) == (0, 0)


def test_a_pipe_where_a_file_should_be_is_not_waited_for(tmp_path):
    place = tmp_path / "seed0"
    folder_of(place).mkdir()
    for name in ("epochs", "lock"):
        os.mkfifo(folder_of(place) / name)
    assert epochs_done(place) == (0, 0)
    assert not is_taken(place)
