"""Arrays in an .npz file: what is read, what is refused, and what counts as the same run."""

import os

import numpy as np
import pytest
import torch
from harness import grid
from made_data import opened, pixels, refusal

from bench.errors import Note, UsageError
from bench.grid.cell_state import BrokenCell

TRAIN, TEST = np.arange(40) % 4, np.arange(20) % 4


def content(**changes):
    made = {
        "x_train": pixels(0, 40, 8, 6, 3),
        "y_train": TRAIN,
        "x_test": pixels(1, 20, 8, 6, 3),
        "y_test": TEST,
    } | changes
    return {key: value for key, value in made.items() if value is not None}


def write(path, **changes):
    np.savez(path, **content(**changes))
    return path


def arrays(path, **options):
    return opened("arrays", path.parent, path=path.name, **options)


def refused(path, **options):
    told = refusal("arrays", path.parent, path=path.name, **options)
    assert str(path) in told
    return told


@pytest.mark.parametrize(
    ("form", "back"),
    [
        (lambda x: x, lambda x: x.transpose(0, 3, 1, 2)),
        (lambda x: x.transpose(0, 3, 1, 2), lambda x: x.transpose(0, 3, 1, 2)),
        (lambda x: x[..., 0], lambda x: x[:, None, :, :, 0]),
        (lambda x: x[..., :1], lambda x: x[:, None, :, :, 0]),
        (lambda x: x / 255, lambda x: x.transpose(0, 3, 1, 2)),
        (lambda x: (x / 255).astype(np.float32), lambda x: x.transpose(0, 3, 1, 2)),
    ],
)
def test_every_form_of_images_is_read_pixel_by_pixel(tmp_path, form, back):
    images = [pixels(seed, size, 8, 6, 3) for seed, size in ((0, 40), (1, 20))]
    data = arrays(write(tmp_path / "mine.npz", x_train=form(images[0]), x_test=form(images[1])))
    for split, original, labels in zip((data.train, data.test), images, (TRAIN, TEST), strict=True):
        assert split.images.dtype == torch.uint8
        np.testing.assert_array_equal(split.images.numpy(), back(original))
        assert split.labels.tolist() == labels.tolist()
    assert data.class_names == ("0", "1", "2", "3")


def medmnist(path):
    """Write a file as MedMNIST's are: grey images, labels (N, 1) of one byte."""
    parts = {"train": 40, "val": 12, "test": 20}
    made = {f"{part}_images": pixels(seed, size, 8, 6) for seed, (part, size) in enumerate(parts.items())}
    made |= {f"{part}_labels": (np.arange(size) % 4).astype(np.uint8)[:, None] for part, size in parts.items()}
    np.savez_compressed(path, **made)
    return made


@pytest.mark.parametrize("part", ["test", "val"])
def test_medmnists_keys_are_read_and_either_part_is_reported(tmp_path, part):
    made = medmnist(tmp_path / "pathmnist.npz")
    data = arrays(tmp_path / "pathmnist.npz", test=part, class_names=["a", "b", "c", "d"])
    np.testing.assert_array_equal(data.train.images[:, 0].numpy(), made["train_images"])
    np.testing.assert_array_equal(data.test.images[:, 0].numpy(), made[f"{part}_images"])
    np.testing.assert_array_equal(data.test.labels.numpy(), made[f"{part}_labels"].ravel())
    assert data.class_names == ("a", "b", "c", "d")


def test_the_scale_is_that_of_the_training_images_or_the_one_given(tmp_path):
    path = write(tmp_path / "mine.npz")
    data = arrays(path)
    (view,) = data.evaluate(data.train.images)
    assert view.double().mean(dim=(0, 2, 3)).tolist() == pytest.approx([0] * 3, abs=1e-6)
    assert view.double().std(dim=(0, 2, 3)).tolist() == pytest.approx([1] * 3, abs=1e-5)
    (view,) = arrays(path, mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25]).evaluate(data.train.images)
    torch.testing.assert_close(view, (data.train.images.float() / 255 - 0.5) / 0.25)
    assert "2 means and 3 deviations, must be one of each for 3 channels" in refused(path, mean=[0.5, 0.5])


def test_images_of_one_level_have_a_scale(tmp_path):
    data = arrays(write(tmp_path / "mine.npz", x_train=np.full((40, 8, 6, 3), 7, dtype=np.uint8)))
    assert data.evaluate(data.train.images)[0].isfinite().all()


FAULTS = [
    ({"x_train": None}, "has no x_train or train_images, it has y_train, x_test, y_test"),
    ({"y_test": None}, "has no y_test or test_labels, it has x_train, y_train, x_test"),
    (
        {"x_train": pixels(0, 40, 8, 6, 3) / 1.0},
        "x_train: floating-point images must be from 0 to 1, got 0.0 to 255",
    ),
    ({"x_test": np.full((20, 8, 6), np.nan)}, "x_test: floating-point images must be from 0 to 1, got nan to nan"),
    ({"x_test": np.full((20, 8, 6), -0.1)}, "x_test: floating-point images must be from 0 to 1, got -0.1"),
    (
        {"x_train": np.zeros((40, 8, 6), dtype=np.int64)},
        "x_train is int64, must be uint8 (0–255) or floating-point",
    ),
    ({"x_train": np.zeros((40, 8, 6), dtype=bool)}, "x_train is bool, must be uint8"),
    ({"x_train": np.zeros((40, 8), dtype=np.uint8)}, "x_train must have shape (N, H, W), (N, H, W, C)"),
    ({"x_train": np.zeros((40, 8, 6, 4), dtype=np.uint8)}, "with 1 or 3 channels, got (40, 8, 6, 4)"),
    ({"x_train": np.zeros((0, 8, 6, 3), dtype=np.uint8)}, "got (0, 8, 6, 3)"),
    ({"x_train": np.zeros((40, 3, 8, 3), dtype=np.uint8)}, "may be its second or its last axis"),
    ({"x_test": pixels(1, 20, 8, 8, 3)}, "images of two shapes, 6×8 with 3 channels and 8×8 with 3 channels"),
    ({"y_train": TRAIN[:39]}, "train has 40 images and 39 labels"),
    ({"y_train": TRAIN * 1.0}, "y_train must be whole numbers (N,) or (N, 1), got float64 (40,)"),
    (
        {"y_train": np.zeros((40, 14), dtype=np.int64)},
        "y_train must be whole numbers (N,) or (N, 1), got int64 (40, 14)",
    ),
    ({"y_train": np.int64(3)}, "y_train must be whole numbers"),
    ({"y_train": TRAIN[:0]}, "y_train is empty"),
    ({"y_train": TRAIN - 1}, "y_train: label -1 of image 0 must be 0 to 999"),
    ({"y_test": TEST + 10_000}, "y_test: label 10000 of image 0 must be 0 to 999"),
    ({"y_test": np.full(20, 4)}, "test images of classes without training images: 4"),
    ({"y_train": np.array([{}] * 40)}, "a file is damaged, or holds more than plain data"),
]


@pytest.mark.parametrize(("changes", "said"), FAULTS)
def test_an_array_that_does_not_fit_is_one_line(tmp_path, changes, said):
    assert said in refused(write(tmp_path / "mine.npz", **changes))


def test_labels_beyond_the_names_are_one_line(tmp_path):
    told = refused(write(tmp_path / "mine.npz"), class_names=["a", "b", "c"])
    assert "y_train: label 3 of image 3 must be 0 to 2" in told


@pytest.mark.parametrize("cut", [0, 10, 1000, -30])
def test_a_damaged_file_is_named(tmp_path, cut):
    path = write(tmp_path / "mine.npz")
    path.write_bytes(path.read_bytes()[:cut])
    assert f"{path} is damaged or no .npz file (" in refused(path)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = write(tmp_path / "mine.npz")
    whole = bytearray(path.read_bytes())
    whole[1000] ^= 1
    path.write_bytes(whole)
    assert f"{path} is damaged or no .npz file (" in refused(path)


def test_what_is_no_file_is_named_with_the_way_to_name_one(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    for name in ("absent.npz", "pipe.npz", "."):
        told = refusal("arrays", tmp_path, path=name)
        assert f"there is no file {tmp_path / name}; pass --set arrays.path=FILE.npz" in told


def cell(path, **options):
    (found,) = grid(datasets=["arrays"], set={"arrays": {"path": str(path)} | options})
    return found


def test_the_content_counts_and_the_name_does_not(tmp_path):
    first = cell(write(tmp_path / "mine.npz"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine.npz").rename(tmp_path / "elsewhere" / "yours.npz")
    assert cell(tmp_path / "elsewhere" / "yours.npz").identity == first.identity
    status = (tmp_path / "elsewhere" / "yours.npz").stat()
    other = write(tmp_path / "other.npz", x_test=pixels(2, 20, 8, 6, 3))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert other.stat().st_size == status.st_size
    assert cell(other).identity != first.identity
    assert cell(other, flip=False).identity != cell(other).identity


def test_a_file_that_is_not_there_breaks_its_cells_in_one_line(tmp_path):
    found = cell(tmp_path / "absent.npz")
    assert isinstance(found, BrokenCell)
    assert "there is no file" in found.reason


def test_classes_without_images_are_told_and_left_out(tmp_path):
    path = write(tmp_path / "mine.npz", y_train=np.arange(40) % 3 * 2, y_test=np.zeros(20, dtype=np.int64))
    with pytest.warns(Note) as caught:
        cell(path, class_names=["a", "b", "c", "d", "e", "f"])
    assert [str(note.message) for note in caught] == [
        f"arrays: {path}: classes without images, which are left out: b, d, f",
        f"arrays: {path}: no test image of the classes c, e",
    ]
    data = arrays(path, class_names=["a", "b", "c", "d", "e", "f"])
    assert data.class_names == ("a", "c", "e")
    assert data.train.labels.tolist()[:4] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    "options", [{"class_names": [1]}, {"mean": [2.0]}, {"std": [0.0]}, {"test": "train"}, {"flip": 1}]
)
def test_an_unfit_option_is_refused(tmp_path, options):
    with pytest.raises(UsageError, match=r"--set arrays\."):
        cell(write(tmp_path / "mine.npz"), **options)
