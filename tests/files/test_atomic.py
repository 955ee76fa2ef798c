"""Folders that take their place as a whole, one by one or many together."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

import pytest

from bench.files import atomic_folders as folders
from bench.files.atomic_folders import fresh, put_all, replacing


def written(place, text="new"):
    """A folder with two files beside its place."""
    return write(fresh(place), text), place


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
    """What is synced, written out and renamed, in order."""
    done = []
    rename, write_out = Path.rename, folders._write_out
    monkeypatch.setattr(folders, "sync", lambda path: done.append(("sync", path)))
    monkeypatch.setattr(Path, "rename", lambda a, b: (done.append(("rename", a)), rename(a, b))[1])
    monkeypatch.setattr(folders, "_write_out", lambda path: (done.append(("all", path)), write_out(path))[1])
    return done


def without_syncfs(monkeypatch):
    """Another system than Linux."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())


def test_a_folder_takes_its_place_after_its_files_are_on_disk_and_the_place_is_synced_then(places, log):
    with replacing(places[0]) as partial:
        write(partial)
    place = places[0]
    before, (after,) = log[: log.index(("rename", partial))], log[log.index(("rename", partial)) + 1 :]
    assert set(before) == {("sync", path) for path in (partial, partial / "a.txt", partial / "b.txt")}
    assert after == ("sync", place.parent)


def test_many_folders_are_written_out_at_once_before_the_first_takes_its_place(places, log):
    moves = [written(place) for place in places]
    assert put_all(moves) == []
    assert [what for what, _ in log] == ["all", *["rename"] * 4, "sync", "sync"]
    assert [path for what, path in log if what == "sync"] == [places[0].parent, places[2].parent]
    assert [content(place) for place in places] == [NEW] * 4


@pytest.mark.parametrize("reason", ["no such call", "an error"])
def test_where_the_system_cannot_write_all_out_every_file_is_synced(places, log, monkeypatch, reason):
    if reason == "no such call":
        without_syncfs(monkeypatch)
    else:
        library = type("Library", (), {"syncfs": staticmethod(lambda descriptor: -1)})
        monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    moves = [written(place) for place in places]
    assert put_all(moves) == []
    for partial, _ in moves:
        before = log[: log.index(("rename", partial))]
        assert {("sync", path) for path in (partial, partial / "a.txt", partial / "b.txt")} <= set(before)


def test_no_folder_is_nothing_to_do():
    assert put_all([]) == []


def test_an_old_folder_is_replaced_and_gone(places):
    for text in ("old", "new"):
        assert put_all([written(place, text) for place in places]) == []
    assert [content(place) for place in places] == [NEW] * 4
    assert sorted(path.name for path in places[0].parent.iterdir()) == ["one", "two"]


def test_one_that_cannot_be_written_holds_up_none_of_the_others(places, monkeypatch):
    without_syncfs(monkeypatch)
    moves = [written(place) for place in places]
    sync, bad = os.fsync, (moves[1][0] / "b.txt").stat().st_ino

    def fails(descriptor):
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(5, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fails)
    (error,) = put_all(moves)
    assert "Input/output error" in str(error)
    assert [place.is_dir() for place in places] == [True, False, True, True]


def test_a_program_that_ends_in_between_leaves_whole_folders_or_none(places, monkeypatch):
    for place in places[:3]:
        with replacing(place) as folder:
            write(folder, "old")
    moves, rename, left = [written(place) for place in places], Path.rename, [5]

    def ends(source, target):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", ends)
        with pytest.raises(KeyboardInterrupt):
            put_all(moves)
    old = {name: text.replace("new", "old") for name, text in NEW.items()}
    found = [folders.find(place) for place in places]
    assert [content(folder) if folder else None for folder in found] == [NEW, NEW, old, None]
    assert [folders.place_of(folder) for folder in found if folder] == places[:3]
    assert found[2] != places[2]
    for place in places:
        folders.recover(place)
    assert [content(place) if place.is_dir() else None for place in places] == [NEW, NEW, old, None]


def test_a_reader_finds_the_old_or_the_new_at_every_moment_of_a_replacement(places, monkeypatch):
    place, rename, seen = places[0], Path.rename, []
    with replacing(place) as folder:
        write(folder, "old")

    def looked(source, target):
        for done in (False, True):
            if done:
                rename(source, target)
            seen.append(content(folders.find(place))["a.txt"])

    monkeypatch.setattr(Path, "rename", looked)
    with replacing(place) as folder:
        write(folder)
    assert seen == ["old a.txt", "old a.txt", "old a.txt", "new a.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_folder_that_cannot_be_written_leaves_the_old_one_and_nothing_else(places, error):
    with replacing(places[0]) as folder:
        write(folder, "old")
    with suppress(OSError, KeyboardInterrupt), replacing(places[0]) as folder:
        write(folder)
        raise error
    assert content(places[0])["a.txt"] == "old a.txt"
    assert list(places[0].parent.iterdir()) == [places[0]]
