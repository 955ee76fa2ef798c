"""A disk that is full, or takes no file that large: one line that says so and names the place.

Real commands may write files up to a size, so that each fails in the first that is larger. Where a
small disk can be mounted, the same is shown on one that is full.
"""

import errno
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from commandline import Shell
from finished_runs import copy
from harness import PLUGINS, bench, run, spec

from bench.files import atomic
from bench.files.atomic import new_folder, replace_file, write_text
from bench.report import comparison
from bench.report.figures.save import save_each
from bench.report.figures.style import Picture, drawing
from bench.report.selection import Selection
from bench.store.store import Store
from bench.store.unfinished import UnderWay
from bench.training import checkpoint

KIB = 1 << 10
TINY = ["run", "--plugins", PLUGINS, "--datasets", "tiny", "--noise", "0.3", "--device", "cpu", "--epochs", "3"]
SCN = [*TINY, "--methods", "scn", "--set", "scn.dimension=256"]
NEVER = ("Traceback", "enforce fail", "is no file that", "no file named", "inline_container")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    results = tmp_path_factory.mktemp("finished")
    run(results, methods=["dummy", "baseline"], noise=[0, 0.3], seeds=[0, 1])
    return results


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path / ".commands")
    yield shell
    shell.clean()


# What is run, how large files may be, and the place that is named.
COMMANDS = {
    "a pack": (["pack", "FOLDER/runs.tar.gz", "--results", "COPY"], KIB, "FOLDER/runs.tar.gz"),
    "a pack in place": (["pack", "COPY/runs.tar.gz", "--results", "COPY"], KIB, "COPY/runs.tar.gz"),
    "a pack with predictions": (
        ["pack", "FOLDER/all.tar.gz", "--predictions", "--results", "COPY"], 8 * KIB, "FOLDER/all.tar.gz"
    ),
    "a table": (["report", "--results", "COPY", "--plugins", PLUGINS], 600, "COPY/.partial-report/"),
    "a figure": (["report", "--results", "COPY", "--plugins", PLUGINS], 6 * KIB, "COPY/.partial-report/figures/"),
    "the list of runs": ([*TINY, "--methods", "dummy", "--results", "FOLDER/new"], 300, "new/runs/.asked.json"),
    "a merge": (["merge", "COPY", "--results", "FOLDER/new"], 2 * KIB, "FOLDER/new/runs/tiny/"),
    "a checkpoint": (
        [*SCN, "--checkpoint-minutes", "0", "--jobs", "0", "--results", "FOLDER/new"], 16 * KIB, "checkpoint.pt"
    ),
    "a checkpoint of a process": (
        [*SCN, "--checkpoint-minutes", "0", "--jobs", "1", "--results", "FOLDER/new"], 16 * KIB, "checkpoint.pt"
    ),
    "predictions": ([*SCN, "--jobs", "0", "--results", "FOLDER/new"], 16 * KIB, "FOLDER/new/runs/tiny/scn/"),
    "a plugin": (["new", "method", "my_idea", "--plugins", "FOLDER/plugins"], 300, "plugins/methods/my_idea.py"),
}  # fmt: skip


@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_that_finds_no_room_says_so_in_one_line_with_the_place(tmp_path, finished, shell, what):
    arguments, size, place = COMMANDS[what]
    here = copy(finished, tmp_path / "copy", "seed")
    names = {"COPY": str(here), "FOLDER": str(tmp_path)}

    def named(text):
        return re.sub("COPY|FOLDER", lambda found: names[found[0]], str(text))

    (tmp_path / "plugins" / "methods").mkdir(parents=True)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    command = shell.run(*map(named, arguments), file_size=size)
    assert command.wait() == 1, (command.out, command.err)
    assert not any(words in command.out + command.err for words in NEVER), command.err
    told = [line for line in command.err.splitlines() if os.strerror(errno.EFBIG) in line]
    assert told, command.err
    assert named(place) in told[0]
    assert command.err.count("\n") == (1 if arguments[0] != "merge" else 8)
    assert not [path for path in tmp_path.rglob("*.partial*") if ".commands" not in str(path)]
    assert {path: path.read_bytes() for path in before} == before  # nothing is lost


def test_the_same_commands_end_well_once_there_is_room(tmp_path, finished, shell):
    here = copy(finished, tmp_path / "copy", "seed")
    assert shell.run("report", "--results", here, "--plugins", PLUGINS).wait() == 0
    page = (here / "report" / "README.md").read_bytes()
    (here / "report" / "of-my-own.txt").write_text("a note")
    assert shell.run("report", "--results", here, "--plugins", PLUGINS, file_size=600).wait() == 1
    assert (here / "report" / "README.md").read_bytes() == page  # the report before is whole
    assert shell.run("report", "--results", here, "--plugins", PLUGINS).wait() == 0
    assert (here / "report" / "README.md").read_bytes() == page
    assert (here / "report" / "of-my-own.txt").read_text() == "a note"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["--version"], ["list", "--help"], ["run", "-h"]])
def test_an_output_that_is_full_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"error: {os.strerror(errno.ENOSPC)}: the output\n"


# ---- each way to write, on a disk that is full ---------------------------------------------------


@contextmanager
def small_disk(folder, kib=64):
    """A disk of so many KiB, mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", folder]
    mounted = subprocess.run(command, capture_output=True)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def write_file(folder):
    with replace_file(folder / "file") as file:
        file.write(bytes(200 * KIB))


def write_in_parts(folder):
    with replace_file(folder / "file") as file:
        for _ in range(200):
            file.write(bytes(KIB))


def write_folder(folder):
    with new_folder(folder / "file") as new:
        (new / "large").write_bytes(bytes(200 * KIB))


def write_checkpoint(folder):
    checkpoint.write(folder / "file", {"weights": torch.zeros(50_000)})


def write_small_checkpoint(folder):
    """All but its last bytes fit."""
    (folder / "other").write_bytes(bytes(56 * KIB))
    checkpoint.write(folder / "file", {"weights": [torch.zeros(100) for _ in range(30)]})


def write_figure(folder):
    def draw():
        with drawing(9, 9) as figure:
            generator = torch.Generator().manual_seed(0)
            figure.subplots().imshow(torch.rand(900, 900, generator=generator).numpy(), interpolation="nearest")
        return figure

    save_each([Picture("file", "", draw)], folder)


def write_progress(folder):
    with UnderWay.take(folder / "file") as under_way:
        fill(folder)
        under_way.epoch_done(1)


def write_comparison(folder):
    compared = comparison.load(folder.parent / "finished", Selection(), "accuracy")
    (folder / "files").mkdir()
    fill(folder)
    compared.write(folder / "files")


def fill(folder):
    """Leave room for nothing but empty files."""
    with suppress(OSError), (folder / "other").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4 * KIB))


WAYS = {
    "a file": write_file,
    "a file in parts": write_in_parts,
    "a text": lambda folder: write_text(folder / "file", "x" * 200 * KIB),
    "a folder": write_folder,
    "a checkpoint": write_checkpoint,
    "a small checkpoint": write_small_checkpoint,
    "a figure": write_figure,
    "a comparison": write_comparison,
    "progress": write_progress,
}


@pytest.mark.usefixtures("unchecked_types")  # some of the ways take what is no more than needed
@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_is_told_with_the_place_however_it_is_written_to(tmp_path, finished, way):
    (tmp_path / "finished").symlink_to(finished)
    with small_disk(tmp_path / "disk") as folder:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as error:
            WAYS[way](folder)
        assert error.value.errno == errno.ENOSPC
        assert str(error.value.filename).startswith(str(folder))
        assert "file" in str(error.value.filename)
        assert not list(folder.rglob("*.partial"))


def test_a_run_on_a_full_disk_names_the_checkpoint_and_is_done_when_there_is_room(tmp_path):
    with small_disk(tmp_path / "disk", 256) as folder:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(200 * KIB))
        arguments = [*TINY, "--checkpoint-minutes", "0", "--results", str(folder / "new")]
        large = ["--set", "recipe.backbone=cnn-16-32-64", "--methods", "baseline"]
        full = bench(*map(str, [*arguments, *large]))
        assert full.returncode == 1
        assert not any(words in full.stdout + full.stderr for words in NEVER)
        (line,) = full.stderr.splitlines()
        assert os.strerror(errno.ENOSPC) in line
        assert "checkpoint.pt" in line
        ballast.unlink()
        assert [report.status for report in run(folder / "new")] == ["done"]
        assert Store(folder / "new").has(spec())


@pytest.mark.parametrize(
    "error", [errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)]
)
def test_every_error_of_a_disk_is_named_and_no_other(tmp_path, error):
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))), replace_file(tmp_path / "file"):
        raise OSError(error, os.strerror(error))
    with pytest.raises(ConnectionResetError) as other, replace_file(tmp_path / "file"):
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    assert other.value.filename is None
    with pytest.raises(OSError, match="another") as kept, replace_file(tmp_path / "file"):
        raise OSError(error, os.strerror(error), "another")
    assert kept.value.filename == "another"


def test_a_merge_that_finds_no_room_for_a_folder_keeps_the_runs_before_it(tmp_path, finished, monkeypatch):
    """The folder itself cannot be made: what was copied before it is moved to its place."""
    records, store = Store(finished).scan()[0], Store(tmp_path)
    make, made = atomic.empty_beside, []

    def full(place):
        made.append(place)
        if len(made) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(place))
        return make(place)

    monkeypatch.setattr("bench.store.store.empty_beside", full)
    (error,) = store.add_all(records)
    assert error.filename == str(made[2])
    assert len(store.scan()[0]) == len(records) - 1
