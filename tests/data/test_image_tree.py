"""Which files of a tree of class folders are data: none hidden, none twice; the rest is told."""

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from harness import bench, grid, unreadable
from PIL import Image
from torchvision.datasets import ImageFolder

from bench.data.content_hash import content_hash
from bench.data.image_tree import image_tree, told, tree_notes
from bench.errors import DataError, Note
from bench.grid.cell_state import BrokenCell
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.spec import Choice


@pytest.fixture
def tree(tmp_path):
    """Two images of each of two classes in each part; a folder within a class folder."""
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("cat/0.png", "cat/more/1.JPG", "dog/0.png", "dog/10.png"):
            path = tmp_path / "pets" / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return tmp_path / "pets"


def pets(tree: Path):
    options = {"path": str(tree), "size": 8, "channels": 3, "flip": True}
    return load(Choice(name="folder", hyperparameters=options, version=""), Registry(), Path("data"), False)


def parts(tree: Path):
    return [image_tree("folder", tree / part) for part in ("train", "test")]


def names(tree: Path, part: str = "train") -> list[str]:
    found = image_tree("folder", tree / part)
    return [str(Path(path).relative_to(tree / part)) for path, _ in found.samples(found.classes)]


def notes(tree: Path) -> list[str]:
    return [note.removeprefix(f"folder: {tree}: ") for note in tree_notes("folder", *parts(tree))]


def hashed(tree: Path) -> str:
    return grid(datasets=["folder"], set={"folder": {"path": str(tree)}})[0].dataset.content


def refusal(tree: Path) -> str:
    with pytest.raises(DataError) as raised:
        pets(tree)
    assert str(raised.value).startswith("folder: ")
    assert str(raised.value).isprintable()
    return str(raised.value).removeprefix("folder: ")


# ---- what was read rightly stays so --------------------------------------------------------------


def plain(train):
    pass


def odd_names(train):
    for name in ("a b/x.png", "a/y.png", "a-c/z.PNG", "a/Ä.webp", "0/1.png", "Z.png/1.png"):
        path = train / "cat" / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)


def links_to_elsewhere(train):
    elsewhere = train.parents[1] / "elsewhere"
    shutil.copytree(train / "dog", elsewhere)
    (train / "wolf").symlink_to(elsewhere)
    Image.new("RGB", (8, 8)).save(train.parents[1] / "blob", "PNG")
    (train / "cat" / "9.png").symlink_to(train.parents[1] / "blob")


@pytest.mark.parametrize("change", [plain, odd_names, links_to_elsewhere])
def test_samples_labels_and_hash_are_those_of_torchvisions_image_folder(tree, change):
    change(tree / "train")
    theirs = {part: ImageFolder(tree / part) for part in ("train", "test")}
    ours = image_tree("folder", tree / "train")
    assert ours.classes == theirs["train"].classes
    assert ours.samples(ours.classes) == theirs["train"].samples
    paths = [path for part in theirs.values() for path, _ in part.samples]
    with pytest.warns(Note) if change is links_to_elsewhere else pytest.MonkeyPatch.context():
        assert hashed(tree) == content_hash(tree, paths)
    assert pets(tree).train.labels.tolist() == theirs["train"].targets


# ---- what is passed over -------------------------------------------------------------------------


def copy(place: str):
    def add(train):
        (train / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(train / "cat" / "0.png", train / place)

    return add


def pipe(train):
    os.mkfifo(train / "cat" / "5.png")


def hard_link(train):
    (train / "cat" / "5.png").hardlink_to(train / "cat" / "0.png")


def soft_link(train):
    (train / "cat" / "00.png").symlink_to("0.png")


def chain(train):
    (train / "cat" / "6.png").symlink_to("5.png")
    (train / "cat" / "5.png").symlink_to("more/1.JPG")


def loop(train):
    (train / "cat" / "again").symlink_to(".")


def loop_above(train):
    (train / "cat" / "more" / "up").symlink_to("../..", target_is_directory=True)
    (train / "dog").rename(train.parent / "dog")  # else all dogs would be cats too
    (train / "dog").symlink_to("../dog")


def two_loops(train):
    (train / "cat" / "a").symlink_to("more")
    (train / "cat" / "more" / "b").symlink_to("..")


HIDDEN = "1 hidden or the system's own"
SECOND = "1 second names of one file"
PASSED_OVER = {
    "a notebook's copy in a class": (copy("cat/.ipynb_checkpoints/0-checkpoint.png"), HIDDEN),
    "a notebook's copy as a class": (copy(".ipynb_checkpoints/0-checkpoint.png"), HIDDEN),
    "macOS's shadow file": (copy("cat/._0.png"), HIDDEN),
    "NFS's removed file": (copy("cat/.nfs000012.png"), HIDDEN),
    "Finder's note": (copy("cat/.DS_Store"), HIDDEN),
    "a note beside the classes": (copy(".DS_Store"), HIDDEN),
    "a trash folder": (copy(".Trash-1000/0.png"), HIDDEN),
    "macOS's archive folder": (copy("__MACOSX/cat/0.png"), HIDDEN),
    "Synology's thumbnails": (copy("cat/@eaDir/0.png/THUMB.jpg"), HIDDEN),
    "a GIF": (copy("cat/5.gif"), "1 .gif files"),
    "a JFIF": (copy("cat/5.JFIF"), "1 .jfif files"),
    "Windows' thumbnails": (copy("cat/Thumbs.db"), "1 .db files"),
    "no suffix": (copy("cat/README"), "1 other files"),
    "an odd suffix": (copy("cat/5.p\nng"), "1 other files"),
    "a backup": (copy("cat/0.png~"), "1 other files"),
    "an image beside the classes": (copy("0.png"), "1 outside the class folders"),
    "a pipe": (pipe, "1 no regular file"),
    "a second name": (hard_link, SECOND),
    "a link": (soft_link, SECOND),
    "a chain of links": (chain, "2 second names of one file"),
    "a loop": (loop, "1 links to folders read already"),
    "two loops": (two_loops, "2 links to folders read already"),
}


@pytest.mark.parametrize("kind", PASSED_OVER)
def test_what_is_no_data_is_passed_over_and_told_by_kind(tree, kind):
    before, content = names(tree), hashed(tree)
    add, said = PASSED_OVER[kind]
    add(tree / "train")
    assert names(tree) == before
    assert notes(tree) == [f"not read: {said}"]
    with pytest.warns(Note, match=r"^folder: .*pets: not read: "):
        assert hashed(tree) == content
    data = pets(tree)
    assert data.class_names == ("cat", "dog")
    assert data.train.images.shape == (4, 3, 8, 8)


def test_kinds_are_counted_over_both_parts_and_the_rarest_summed_up(tree):
    for part in ("train", "test"):
        copy("dog/.hidden.png")(tree / part)
    assert notes(tree) == ["not read: 2 hidden or the system's own"]
    assert told(Counter({f".{k} files": 20 - k for k in range(10)})).endswith("13 .7 files, 23 more")


def test_the_command_line_tells_it_once_in_one_line(tree, tmp_path):
    copy("cat/.ipynb_checkpoints/0.png")(tree / "train")
    copy("cat/5.gif")(tree / "test")
    done = bench(
        *("run", "--datasets", "folder", "--set", f"folder.path={tree}", "--set", "folder.size=8"),
        *(
            "--methods",
            "baseline,mc-dropout",
            "--noise",
            "0,0.3",
            "--dry-run",
            "--results",
            str(tmp_path / "results"),
        ),
        *("--set", "recipe.epochs=1", "--device", "cpu", "--set", "recipe.backbone=cnn-16-32-64"),
    )
    assert done.stderr == f"note: folder: {tree}: not read: 1 hidden or the system's own, 1 .gif files\n"


def test_a_file_in_both_parts_is_told(tree):
    shutil.rmtree(tree / "test")
    (tree / "test").symlink_to("train")
    assert notes(tree) == ["4 test images are also training images, by links"]
    assert len(pets(tree).test.labels) == 4


# ---- classes -------------------------------------------------------------------------------------


def test_a_class_without_test_images_is_told_and_learnt(tree):
    for change in (shutil.rmtree, Path.mkdir):  # absent, then empty
        change(tree / "test" / "dog")
        assert notes(tree) == ["no test image of the classes dog"]
        data = pets(tree)
        assert data.class_names == ("cat", "dog")
        assert data.train.labels.tolist() == [0, 0, 1, 1]
        assert data.test.labels.tolist() == [0, 0]


def test_a_class_without_any_image_is_told_and_left_out(tree):
    before = hashed(tree)
    (tree / "train" / "bird").mkdir()
    (tree / "test" / "ape" / "more").mkdir(parents=True)
    assert notes(tree) == ["class folders without images, which are left out: ape, bird"]
    assert pets(tree).class_names == ("cat", "dog")
    with pytest.warns(Note):
        assert hashed(tree) == before


@pytest.mark.parametrize("empty", [True, False])
def test_a_class_with_test_images_only_is_refused(tree, empty):
    shutil.rmtree(tree / "train" / "cat")
    if empty:
        (tree / "train" / "cat").mkdir()
    assert refusal(tree) == f"{tree}: test/ has images of classes of which train/ has none: cat"


# ---- what is refused by name ---------------------------------------------------------------------


def gone(train):
    (train / "dog" / "5.png").symlink_to("gone.png")
    return "dog/5.png cannot be read: No such file or directory"


def circle(train):
    (train / "dog" / "5.png").symlink_to("5.png")
    return "dog/5.png cannot be read: Too many levels of symbolic links"


def two_classes(train):
    (train / "dog" / "5.png").symlink_to("../cat/0.png")
    return (
        f"cat/0.png and {train}/dog/5.png are one file, in two classes; remove one, or copy it if both are meant"
    )


def class_by_two_names(train):
    (train / "hound").symlink_to("dog")
    return (
        f"dog/0.png and {train}/hound/0.png are one file, in two classes; remove one, or copy it if both are meant"
    )


@pytest.mark.parametrize("spoil", [gone, circle, two_classes, class_by_two_names])
def test_links_that_lead_nowhere_or_to_another_class_are_named(tree, spoil):
    said = spoil(tree / "train")
    assert refusal(tree) == f"{tree / 'train'}/{said}"


@pytest.mark.parametrize("place", ["train", "train/dog", "train/cat/more"])
def test_a_folder_that_may_not_be_read_is_named(tree, place):
    with unreadable(tree / place):
        assert refusal(tree).endswith("cannot be read: Permission denied")


def test_a_loop_that_leads_to_another_class_is_named(tree):
    loop_above(tree / "train")
    assert "are one file, in two classes" in refusal(tree)


def nothing(tree):
    shutil.rmtree(tree / "train")
    return "there is no such folder"


def a_file(tree):
    nothing(tree)
    (tree / "train").write_text("")
    return "there is no such folder"


def a_pipe(tree):
    nothing(tree)
    os.mkfifo(tree / "train")
    return "there is no such folder"


def no_images(tree):
    for path in (tree / "train").rglob("*.*"):
        path.rename(path.with_suffix(".gif"))
    return "looked for CLASS/*.bmp, CLASS/*.jpeg, CLASS/*.jpg"


def no_classes(tree):
    nothing(tree)
    (tree / "train").mkdir()
    return "looked for CLASS/*.bmp"


@pytest.mark.parametrize("spoil", [nothing, a_file, a_pipe, no_images, no_classes])
def test_a_part_without_images_says_what_was_looked_for(tree, spoil):
    said = spoil(tree)
    assert refusal(tree).startswith(f"{tree / 'train'} is no tree of class folders with images: {said}")
    cell = grid(datasets=["folder"], set={"folder": {"path": str(tree)}})[0]
    assert isinstance(cell, BrokenCell)
    assert str(tree) in cell.reason


def test_without_images_it_says_what_there_is(tree):
    no_images(tree)
    assert refusal(tree).endswith(".webp; there are 4 .gif files")


# ---- the same in the other data set of folders ---------------------------------------------------


def test_hidden_copies_are_no_faces_of_fer2013(tmp_path):
    for part, usages in (("train", ["Training"]), ("test", ["PublicTest", "PrivateTest"])):
        for name in ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"):
            for usage in usages:
                path = tmp_path / "fer2013" / part / name / f"{usage}_1.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (48, 48)).save(path)
    for place in ("fear/.ipynb_checkpoints/Training_1.jpg", ".ipynb_checkpoints/Training_1.jpg"):
        copied = tmp_path / "fer2013" / "train" / place
        copied.parent.mkdir()
        shutil.copy(path, copied)
    source = Registry().find("datasets", "fer2013").load()()
    assert source.notes(tmp_path) == [f"fer2013: {tmp_path / 'fer2013'}: not read: 2 hidden or the system's own"]
    assert len(source.load(tmp_path, False).train.labels) == 7
