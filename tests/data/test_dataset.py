import gzip
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.images import MappedImages
from bench.data.splits import random_part
from bench.errors import DataError
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.spec import Choice
from bench.training.batches import Batches
from bench.validation import validated


def choice(name: str, **options: object) -> Choice:
    return Choice(name=name, hyperparameters=options, version="")


def open_folder(root: Path, **options: object):
    options = {"path": str(root), "size": 8, "channels": 3, "flip": True} | options
    return load(choice("folder", **options), Registry(), Path("data"), False)


@pytest.fixture
def tree(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for k, name in enumerate(("cat", "dog")):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for n in range(count):
                Image.new("RGB", (10 + n, 12), (100 * k, 50, 10 * n)).save(folder / f"{n}.png")
    return tmp_path


def test_digits_are_embedded_uint8_and_split_once_for_all():
    data = load(choice("digits"), Registry(), Path("nowhere"), False)
    assert (data.train.images.shape, data.test.images.shape) == ((1197, 1, 8, 8), (600, 1, 8, 8))
    assert data.train.images.dtype == torch.uint8
    assert (data.train.images.min(), data.train.images.max()) == (0, 255)
    assert data.image_shape == (1, 8, 8)
    again = load(choice("digits"), Registry(), Path("nowhere"), False)
    assert torch.equal(again.test.images, data.test.images)


def test_digits_are_the_images_of_scikit_learn():
    from sklearn.datasets import load_digits

    data = load(choice("digits"), Registry(), Path("nowhere"), False)
    ours = torch.cat([data.train.images, data.test.images]).flatten(1).numpy() * (16 / 255)
    labels = torch.cat([data.train.labels, data.test.labels]).numpy()
    theirs, digits = load_digits(return_X_y=True)

    def ordered(pixels, names):
        return sorted(zip(np.rint(pixels).astype(int).tolist(), names.tolist(), strict=True))

    assert ordered(ours, labels) == ordered(theirs, digits)


def test_normalisation_is_that_of_the_training_images():
    data = load(choice("digits"), Registry(), Path("nowhere"), False)
    (view,) = data.evaluate(data.train.images)
    assert view.mean().item() == pytest.approx(0, abs=0.01)
    assert view.std().item() == pytest.approx(1, abs=0.01)


def test_a_folder_tree_is_decoded_resized_and_named_by_its_folders(tree):
    data = open_folder(tree)
    assert data.class_names == ("cat", "dog")
    assert data.train.images.shape == (6, 3, 8, 8)
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.train.images[4:5][0, :, 3, 3].tolist() == [100, 50, 10]
    assert open_folder(tree, channels=1).train.images.shape == (6, 1, 8, 8)


def test_a_folder_tree_is_decoded_once_and_mapped_after_that(tree, monkeypatch):
    open_folder(tree)
    with monkeypatch.context() as patch:
        patch.setattr("PIL.Image.open", lambda path: pytest.fail(f"{path} is decoded again"))
        data = open_folder(tree)
    for split, part in ((data.train, "train"), (data.test, "test")):
        assert isinstance(split.images, MappedImages)
        files = sorted((tree / part).glob("*/*.png"))
        resized = [np.asarray(Image.open(file).resize((8, 8), Image.Resampling.BILINEAR)) for file in files]
        np.testing.assert_array_equal(split.images.numpy(), np.stack(resized).transpose(0, 3, 1, 2))


def test_a_changed_folder_tree_is_decoded_anew(tree):
    before = open_folder(tree)
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tree / "train" / "dog" / "0.png")
    data = open_folder(tree)
    assert data.train.images[3:4].unique().tolist() == [1, 2, 3]
    assert before.train.images[3:4].unique().tolist() == [0, 50, 100]
    assert torch.equal(data.test.images[:], before.test.images[:])


def test_a_folder_tree_is_standardised_by_its_own_pixels(tree):
    data = open_folder(tree)
    pixels = data.train.images.numpy().astype(np.float64) / 255
    mean, std = (
        values.reshape(1, 3, 1, 1) for values in (pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3), ddof=1))
    )
    (view,) = data.evaluate(data.train.images[:])
    np.testing.assert_allclose(view, (pixels - mean) / np.maximum(std, 1e-3), atol=2e-4)
    assert std.min() < 1e-3  # the channel that is the same in all images


def test_a_folder_tree_needs_its_path():
    request = validated(Request, {"datasets": ["folder"], "methods": ["baseline"]}, "option")
    with pytest.raises(Exception, match="folder needs path: pass --set folder.path=VALUE"):
        cells(request, Registry(), Path("data"))


def test_a_damaged_image_is_named(tree):
    (tree / "train" / "dog" / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"folder: .*dog/1\.png is damaged or no image"):
        open_folder(tree)


def test_a_missing_part_is_named(tree):
    with pytest.raises(DataError, match="folder: .*absent/train is no tree of class folders"):
        open_folder(tree / "absent")


def test_parts_with_different_classes_are_refused(tree):
    (tree / "test" / "dog").rename(tree / "test" / "wolf")
    with pytest.raises(DataError, match=r"test/ has images of classes of which train/ has none: wolf"):
        open_folder(tree)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_absent_files_name_both_ways_to_point_at_them(tmp_path, name):
    with pytest.raises(
        DataError, match=f"{name}: its files are not under .*--data-root DIR.*BENCH_DATA.*--download"
    ):
        load(choice(name), Registry(), tmp_path, False)


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("mnist", ["MNIST/raw/train-images-idx3-ubyte"], "MNIST/raw/t10k-labels-idx1-ubyte"),
        ("mnist", ["MNIST/raw/t10k-labels-idx1-ubyte.gz"], "MNIST/raw/t10k-labels-idx1-ubyte"),
        ("fashion-mnist", [], "FashionMNIST/raw/train-labels-idx1-ubyte"),
        ("cifar10", ["cifar-10-batches-py/test_batch"], "cifar-10-batches-py/data_batch_5"),
        ("cifar10", ["cifar-10-python.tar.gz"], "cifar-10-batches-py/batches.meta"),
    ],
)
def test_absent_files_are_named_and_those_that_are_there_are_not(tmp_path, name, there, absent):
    for each in there:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_bytes(b"")
    with pytest.raises(DataError) as raised:
        load(choice(name), Registry(), tmp_path, False)
    looked = str(raised.value).partition("(looked for ")[2].partition(")")[0].split(", ")
    assert absent in looked
    assert not set(there) & set(looked)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x93NUMPY\x01\x00v\x00"])
def test_damaged_counts_of_people_are_named(tmp_path, content):
    path = tmp_path / "cifar-10h" / "cifar10h-counts.npy"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"cifar10: {path} is damaged or not CIFAR-10H's"):
        Registry().find("datasets", "cifar10").load()._human_counts(tmp_path)


def idx(path: Path, magic: int, array: np.ndarray) -> None:
    header = struct.pack(f">i{array.ndim}i", magic, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_idx_files_of_the_right_size_are_read(tmp_path, name, folder):
    raw = tmp_path / folder / "raw"
    raw.mkdir(parents=True)
    for stem, size in (("train", 60_000), ("t10k", 10_000)):
        idx(raw / f"{stem}-images-idx3-ubyte", 2051, np.full((size, 28, 28), 7))
        idx(raw / f"{stem}-labels-idx1-ubyte", 2049, np.arange(size) % 10)
    data = load(choice(name), Registry(), tmp_path, False)
    assert (data.train.images.shape, data.test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert (data.train.images == 7).all()
    assert data.test.labels[:12].tolist() == [*range(10), 0, 1]
    assert len(set(data.class_names)) == 10


@pytest.fixture
def short_mnist(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in ("train", "t10k"):
        idx(raw / f"{stem}-images-idx3-ubyte", 2051, np.zeros((5, 28, 28)))
        idx(raw / f"{stem}-labels-idx1-ubyte", 2049, np.zeros(5))
    return tmp_path


def test_a_download_that_fails_is_not_called_damage(tmp_path, monkeypatch):
    def unreachable(*arguments, **keywords):
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", unreachable)
    with pytest.raises(
        DataError, match=r"mnist: it cannot be fetched \(.*no route to host.*\); put its files under"
    ):
        load(choice("mnist"), Registry(), tmp_path, True)


def test_an_idx_file_that_is_too_short_is_damaged(short_mnist):
    with pytest.raises(
        DataError, match="mnist: a file in .*raw is damaged .*5 images and 5 labels instead of 60000"
    ):
        load(choice("mnist"), Registry(), short_mnist, False)


def test_an_idx_file_of_garbage_is_damaged(short_mnist):
    (short_mnist / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(gzip.compress(b"garbage"))
    with pytest.raises(DataError, match="mnist: a file in .*raw is damaged"):
        load(choice("mnist"), Registry(), short_mnist, False)


def test_a_damaged_cifar_batch_is_told(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta"):
        (folder / name).write_bytes(b"garbage")
    with pytest.raises(DataError, match="cifar10: a file in .*cifar-10-batches-py is damaged"):
        load(choice("cifar10"), Registry(), tmp_path, False)


def test_random_parts_are_disjoint_complete_seeded_and_apart_by_stream():
    kept, rest = random_part(100, 30, seed=1, stream=2)
    assert sorted([*kept, *rest]) == list(range(100))
    assert len(kept) == 30
    np.testing.assert_array_equal(kept, random_part(100, 30, seed=1, stream=2)[0])
    assert (kept != random_part(100, 30, seed=1, stream=3)[0]).any()
    assert (kept != random_part(100, 30, seed=2, stream=2)[0]).any()


def test_batches_for_finish_are_unaugmented_and_in_order():
    data = load(choice("digits"), Registry(), Path("nowhere"), False)
    batches = list(Batches(data, data.train.images, data.train.labels, batch_size=500))
    assert [len(batch.labels) for batch in batches] == [500, 500, 197]
    (view,) = data.evaluate(data.train.images)
    assert torch.equal(torch.cat([batch.images for batch in batches]), view)
    assert torch.equal(torch.cat([batch.index for batch in batches]), torch.arange(1197))
