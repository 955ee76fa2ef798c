"""Data given by path count by what they hold, wherever they lie."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from harness import grid, unreadable
from PIL import Image

from bench.data.content_hash import content_hash
from bench.errors import DataError
from bench.grid.cell_state import BrokenCell
from bench.spec import RunSpec


@pytest.fixture
def tree(tmp_path):
    """A tree of class folders of four images in each part."""
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            folder = tmp_path / "pets" / part / name
            folder.mkdir(parents=True)
            for k in range(2):
                pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{k}.png")
    return tmp_path / "pets"


def cell(tree: Path) -> RunSpec:
    (found,) = grid(datasets=["folder"], set={"folder": {"path": str(tree)}})
    return found


def hashed(folder: Path) -> str:
    return content_hash(folder, [str(path) for path in folder.rglob("*.png")])


def test_a_hash_is_of_names_and_bytes_in_any_order(tree):
    paths = [str(path) for path in tree.rglob("*.png")]
    assert content_hash(tree, paths) == content_hash(tree, paths[::-1])
    renamed = tree / "train" / "cat" / "0.png"
    before = hashed(tree)
    renamed.rename(renamed.with_name("5.png"))
    assert hashed(tree) != before


def test_files_that_did_not_change_are_read_once(tree, monkeypatch):
    before = hashed(tree)
    monkeypatch.setattr("bench.data.content_hash.hashlib.file_digest", None)
    assert hashed(tree) == before


@pytest.mark.parametrize("content", [b"", b"0123456789a", b"0123456789AB", b"0123456789ab\n", b"\xff" * 12])
def test_a_torn_hash_is_computed_again(tree, content, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    before = hashed(tree)
    (kept,) = (tmp_path / "cache" / "content").iterdir()
    kept.write_bytes(content)
    assert hashed(tree) == before
    assert kept.read_text() == before


def test_a_hash_that_cannot_be_kept_is_computed_each_time(tree, monkeypatch, tmp_path):
    before = hashed(tree)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert hashed(tree) == before


def test_a_pipe_in_the_cache_is_not_waited_for(tree, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    before = hashed(tree)
    (kept,) = (tmp_path / "cache" / "content").iterdir()
    kept.unlink()
    os.mkfifo(kept)
    assert hashed(tree) == before
    assert kept.read_text() == before


@pytest.mark.parametrize("target", ["gone", "link.png"])
def test_a_file_that_cannot_be_read_is_named(tree, target):
    (tree / "link.png").symlink_to(target)
    with pytest.raises(DataError, match=r"link\.png cannot be read: "):
        content_hash(tree, [str(tree / "link.png")])


def test_a_file_that_may_not_be_read_is_named(tree):
    path = tree / "train" / "cat" / "0.png"
    with unreadable(path), pytest.raises(DataError, match=r"cannot be read: Permission denied"):
        content_hash(tree, [str(path)])


def test_a_moved_or_touched_tree_is_the_same_data(tree, tmp_path):
    first = cell(tree)
    moved = tmp_path / "elsewhere"
    shutil.copytree(tree, moved)
    for path in moved.rglob("*.png"):
        os.utime(path, (1, 1))
    second = cell(moved)
    assert second.identity == first.identity
    assert (first.dataset.location, second.dataset.location) == ({"path": str(tree)}, {"path": str(moved)})
    assert "path" not in first.dataset.hyperparameters


@pytest.mark.parametrize("part", ["train", "test"])
def test_another_pixel_is_other_data(tree, part):
    before = cell(tree).identity
    path = tree / part / "dog" / "1.png"
    with Image.open(path) as image:
        pixels = np.array(image)
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    assert cell(tree).identity != before


def test_other_options_are_another_run(tree):
    (small,) = grid(datasets=["folder"], set={"folder": {"path": str(tree), "size": 16}})
    assert small.identity != cell(tree).identity


def test_a_tree_that_is_not_there_breaks_its_cells_in_one_line(tmp_path):
    broken = cell(tmp_path / "nowhere")
    assert isinstance(broken, BrokenCell)
    assert "nowhere" in broken.reason
    assert "\n" not in broken.reason
