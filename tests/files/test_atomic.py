"""Files and folders that take their place as a whole, one by one or many together."""

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from bench.files import atomic
from bench.files.atomic import empty_beside, move_all, new_folder, replace_file


def written(place, text="new"):
    """A folder with two files beside its place."""
    return write(empty_beside(place), text), place


def write(folder, text="new"):
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(f"{text} {name}")
    return folder


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


NEW = {"a.txt": "new a.txt", "b.txt": "new b.txt"}


@pytest.fixture
def places(tmp_path):
    return [tmp_path / parent / name for parent in ("x", "y") for name in ("one", "two")]


@pytest.fixture
def log(monkeypatch):
    """What is synced, written out, removed and renamed, in order."""
    done = []
    rename, remove = Path.rename, shutil.rmtree
    monkeypatch.setattr(atomic, "sync", lambda path: done.append(("sync", path)))
    monkeypatch.setattr(os, "sync", lambda: done.append(("all", None)))
    monkeypatch.setattr(Path, "rename", lambda a, b: (done.append(("rename", a)), rename(a, b))[1])
    monkeypatch.setattr(shutil, "rmtree", lambda p, **k: (done.append(("remove", p)), remove(p, **k))[1])
    return done


def test_a_folder_takes_its_place_after_its_files_are_on_disk_and_the_place_is_synced_then(places, log):
    with new_folder(places[0]) as partial:
        write(partial)
        log.clear()
    place, moved = places[0], log.index(("rename", partial))
    assert set(log[:moved]) == {("sync", path) for path in (partial, partial / "a.txt", partial / "b.txt")}
    assert log[moved + 1] == ("sync", place.parent)


def test_many_folders_are_written_out_at_once_before_the_first_takes_its_place(places, log):
    moves = [written(place) for place in places]
    log.clear()
    assert move_all(moves) == []
    assert [what for what, _ in log] == ["all", *["rename"] * 4, "sync", "sync"]
    assert [path for what, path in log if what == "sync"] == [places[0].parent, places[2].parent]
    assert [content(place) for place in places] == [NEW] * 4


def test_no_folder_is_nothing_to_do():
    assert move_all([]) == []


def test_an_old_folder_steps_aside_just_before_the_new_one_takes_its_place_and_goes_then(places, log):
    aside = places[0].with_name(".replaced-one")
    for text in ("old", "new"):
        log.clear()
        with new_folder(places[0]) as partial:
            write(partial, text)
    moved = log.index(("rename", partial))
    assert log[moved - 1 : moved + 2] == [("rename", places[0]), ("rename", partial), ("remove", aside)]
    assert content(places[0]) == NEW
    assert [path.name for path in places[0].parent.iterdir()] == ["one"]


def test_one_that_cannot_be_moved_holds_up_none_of_the_others(places, monkeypatch):
    moves, rename = [written(place) for place in places], Path.rename

    def fails(source, target):
        if target == places[1]:
            raise OSError(5, "Input/output error")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", fails)
    (error,) = move_all(moves)
    assert "Input/output error" in str(error)
    assert [place.is_dir() for place in places] == [True, False, True, True]


def test_one_whose_files_cannot_be_written_out_does_not_take_its_place(places, monkeypatch):
    def fails(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output error"), new_folder(places[0]) as folder:
        write(folder)
    assert list(places[0].parent.iterdir()) == []


def test_a_program_that_ends_in_between_leaves_whole_folders_or_none(places, monkeypatch):
    moves, rename, left = [written(place) for place in places], Path.rename, [2]

    def ends(source, target):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", ends)
        with pytest.raises(KeyboardInterrupt):
            move_all(moves)
    assert [content(place) if place.is_dir() else None for place in places] == [NEW, NEW, None, None]


@pytest.mark.parametrize("ends_after", [0, 1, 2])
def test_a_program_killed_as_a_folder_takes_an_others_place_leaves_one_of_both(places, monkeypatch, ends_after):
    """What a kill leaves is looked at: the steps after it, which an exception would run, do not."""
    place, aside = places[0], places[0].with_name(".replaced-one")
    with new_folder(place) as folder:
        write(folder, "old")
    rename, left = Path.rename, [ends_after]

    def ends(source, target):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", ends)
        patch.setattr(atomic, "put_back", lambda *_: None)
        with suppress(KeyboardInterrupt):
            move_all([written(place)])
    atomic.put_back(place)
    text = "new" if ends_after == 2 else "old"
    assert content(place) == {name: f"{text} {name}" for name in ("a.txt", "b.txt")}
    assert not aside.exists()


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one_there(places, monkeypatch):
    place, rename = places[0], Path.rename
    with new_folder(place) as folder:
        write(folder, "old")

    def fails(source, target):
        if source.name == ".partial-one":
            raise OSError(5, "Input/output error")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OSError, match="Input/output error"), new_folder(place) as folder:
        write(folder)
    assert content(place)["a.txt"] == "old a.txt"
    assert [path.name for path in place.parent.iterdir()] == ["one"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_cannot_be_written_leaves_the_old_one_and_nothing_else(places, tmp_path, error):
    with new_folder(places[0]) as folder:
        write(folder, "old")
    with suppress(OSError, KeyboardInterrupt), new_folder(places[0]) as folder:
        write(folder)
        raise error
    assert content(places[0])["a.txt"] == "old a.txt"
    assert list(places[0].parent.iterdir()) == [places[0]]
    (tmp_path / "file").write_text("old")
    with suppress(OSError, KeyboardInterrupt), replace_file(tmp_path / "file") as file:
        file.write(b"new")
        raise error
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]


def test_of_two_that_write_a_file_at_once_each_writes_its_own_and_the_last_wins(tmp_path):
    path = tmp_path / "new" / "file"
    with replace_file(path) as first:
        first.write(b"first" * 9999)
        with replace_file(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first" * 9999
    assert list(path.parent.iterdir()) == [path]


def test_readers_beside_two_writers_never_see_half_a_file(tmp_path):
    path = tmp_path / "file"
    contents = [letter * 20_000 for letter in (b"a", b"b")]

    def write(content):
        for _ in range(50):
            with replace_file(path) as file:
                file.write(content[:1])
                file.flush()
                file.write(content[1:])

    write(contents[0])
    with ThreadPoolExecutor(2) as writers:
        under_way = [writers.submit(write, content) for content in contents]
        while not all(each.done() for each in under_way):
            assert path.read_bytes() in contents
        assert [each.result() for each in under_way] == [None, None]


def test_a_file_may_be_read_by_whom_the_umask_lets(tmp_path):
    (tmp_path / "plain").touch()
    with replace_file(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_a_killed_program_was_writing_has_a_hidden_name(tmp_path):
    with replace_file(tmp_path / "file"):
        (partial,) = tmp_path.iterdir()
        assert re.fullmatch(r"\.file\.[0-9a-f]{16}\.partial", partial.name)


def test_what_a_killed_program_was_writing_is_cleared_and_what_another_writes_is_not(tmp_path):
    left = tmp_path / ".file.0123456789abcdef.partial"
    others = [tmp_path / name for name in (".file.partial", "file.partial", ".new.0123456789abcdef.partial")]
    for path in (left, *others):
        path.touch()
    with replace_file(tmp_path / "file") as file:
        file.write(b"new")
        atomic.clear_partials(tmp_path, "file")
        assert not left.exists()
        assert all(path.exists() for path in others)
    assert (tmp_path / "file").read_bytes() == b"new"
    atomic.clear_partials(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".file.partial", "file", "file.partial"]


@pytest.mark.parametrize("name", ["file", "a[b]*?", "two words"])
def test_names_are_taken_as_they_are_in_clearing(tmp_path, name):
    (tmp_path / f".{name}.0123456789abcdef.partial").touch()
    (tmp_path / ".axb.0123456789abcdef.partial").touch()
    atomic.clear_partials(tmp_path, name)
    assert [path.name for path in tmp_path.iterdir()] == [".axb.0123456789abcdef.partial"]
