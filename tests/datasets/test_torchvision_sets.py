"""CIFAR-100, SVHN, KMNIST and EMNIST, of generated files in the layouts that torchvision has."""

import hashlib
import os
import pickle
import sys
import warnings
from urllib.error import URLError

import made_data as made
import numpy as np
import pytest
from made_data import opened, refusal
from scipy.io import savemat
from torchvision.datasets import CIFAR100, EMNIST, SVHN

from bench.errors import DataError, Note
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.plugins.registry import Registry
from bench.validation import validated

EMNIST_SIZES = {"balanced": (47, 112_800, 18_800), "letters": (26, 124_800, 20_800), "mnist": (10, 60_000, 10_000)}


@pytest.fixture
def cifar100(tmp_path):
    """The data root, and what is in the two files."""
    return tmp_path, made.cifar100(tmp_path)


@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_cifar100_has_its_pixels_labels_and_names(cifar100, labels):
    root, parts = cifar100
    data = opened("cifar100", root, labels=labels)
    for split, part in ((data.train, parts["train"]), (data.test, parts["test"])):
        np.testing.assert_array_equal(split.images.numpy().reshape(-1, 3072), part["data"])
        assert split.labels.tolist() == part[f"{labels}_labels"]
    assert data.class_names == tuple({"fine": made.FINE, "coarse": made.COARSE}[labels])


def test_cifar100_is_read_as_torchvision_reads_it(cifar100, monkeypatch):
    root, _ = cifar100
    monkeypatch.setattr(CIFAR100, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *given: True)
    for part, train in (("train", True), ("test", False)):
        theirs, ours = CIFAR100(root, train=train), getattr(opened("cifar100", root), part)
        np.testing.assert_array_equal(ours.images.permute(0, 2, 3, 1).numpy(), theirs.data)
        assert ours.labels.tolist() == theirs.targets


def human(root, **changes):
    fine = np.array(made.cifar100(root)["train"]["fine_labels"])
    content = {"clean_label": fine, "noisy_label": (fine + 1) % 100, "noisy_coarse_label": (fine + 3) % 20}
    made.torch_archive(root / "cifar-100n" / "CIFAR-100_human.pt", content | changes)
    return content


@pytest.mark.parametrize(("labels", "key"), [("fine", "noisy_label"), ("coarse", "noisy_coarse_label")])
def test_cifar100ns_labels_are_those_of_the_classes_asked_for(tmp_path, labels, key):
    content = human(tmp_path)
    np.testing.assert_array_equal(opened("cifar100", tmp_path, labels=labels).label_set("noisy"), content[key])


def test_cifar100ns_file_is_needed_by_runs_on_human_labels_only(cifar100):
    data = opened("cifar100", cifar100[0])
    with pytest.raises(
        DataError, match="cifar100: human noise needs .*CIFAR-100_human.pt, which is not there; it"
    ):
        data.label_set("noisy")


@pytest.mark.parametrize("changes", [{"clean_label": np.zeros(200, dtype=np.int64)}, {"noisy_label": os.system}])
def test_cifar100ns_file_of_something_else_is_refused(tmp_path, changes):
    human(tmp_path, **changes)
    with pytest.raises(DataError, match="is damaged or not CIFAR-100N's"):
        opened("cifar100", tmp_path).label_set("noisy")


def test_absent_files_are_named_with_the_way_to_get_them(tmp_path):
    assert "looked for cifar-100-python/train, cifar-100-python/test, cifar-100-python/meta" in refusal(
        "cifar100", tmp_path
    )
    assert "looked for train_32x32.mat, test_32x32.mat" in refusal("svhn", tmp_path)
    assert "looked for KMNIST/raw/train-images-idx3-ubyte" in refusal("kmnist", tmp_path)
    said = refusal("emnist", tmp_path, split="letters")
    assert "looked for EMNIST/raw/emnist-letters-train-images-idx3-ubyte" in said
    assert "--download" in said


@pytest.mark.parametrize(("name", "cls"), [("cifar100", CIFAR100), ("svhn", SVHN), ("emnist", EMNIST)])
def test_a_failing_download_is_one_line(tmp_path, monkeypatch, name, cls):
    def fail(self):
        raise URLError("no network")

    monkeypatch.setattr(cls, "download", fail)
    assert "cannot be fetched" in refusal(name, tmp_path, download=True)


class Harmful:
    def __reduce__(self):
        return os.system, ("true",)


FAULTS = [
    ("train", {"fine_labels": [100] * 200}, "a fine label is 100, must be 0 to 99"),
    ("test", {"coarse_labels": [-1] * 100}, "a coarse label is -1, must be 0 to 19"),
    ("train", {"fine_labels": [1.5] * 200}, "its fine labels must be 200 whole numbers"),
    ("train", {"fine_labels": [1] * 199}, "its fine labels must be 200 whole numbers"),
    ("train", {"coarse_labels": None}, "its coarse labels must be 200 whole numbers"),
    ("train", {"data": np.zeros((200, 3071), dtype=np.uint8)}, "its data must be uint8 (N, 3072)"),
    ("train", {"data": np.zeros((200, 3072))}, "its data must be uint8 (N, 3072)"),
    ("train", {"data": Harmful()}, "which is not loaded as it could run code"),
    ("meta", {"fine_label_names": made.FINE[:9]}, "it must have 100 fine_label_names"),
]


@pytest.mark.parametrize(("name", "changes", "said"), FAULTS)
def test_a_fault_of_cifar100_is_one_line_that_names_the_file(cifar100, name, changes, said):
    root, parts = cifar100
    path = root / "cifar-100-python" / name
    path.write_bytes(pickle.dumps(parts.get(name, {}) | changes, protocol=2))
    told = refusal("cifar100", root)
    assert f"{path} is damaged (" in told
    assert said in told


@pytest.mark.parametrize("cut", [0, 1, 5000])
def test_a_truncated_file_of_cifar100_is_named(cifar100, cut):
    path = cifar100[0] / "cifar-100-python" / "test"
    path.write_bytes(path.read_bytes()[:cut])
    assert f"{path} is damaged (" in refusal("cifar100", cifar100[0])


def module(name):
    return sys.modules[Registry().find("datasets", name).load().__module__]


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_file_as_large_as_the_published_one_must_be_it(cifar100, monkeypatch, part):
    monkeypatch.setitem(module("cifar100").SIZES, part, {"train": 200, "test": 100}[part])
    told = refusal("cifar100", cifar100[0])
    assert f"{cifar100[0] / 'cifar-100-python' / part} is damaged (its MD5 sum is not the published one)" in told


def cell(name, root, *, notes=0, **options):
    content = {
        "methods": ["baseline"],
        "datasets": [name],
        "noise": [0.3],
        "device": "cpu",
        "precision": "float32",
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (found,) = cells(validated(Request, content | {"set": {name: options}}, "option"), Registry(), root)
    assert [warning.category for warning in caught] == [Note] * notes
    return found, [str(warning.message) for warning in caught]


def test_files_that_are_not_the_published_ones_are_told_and_are_other_runs(cifar100, tmp_path):
    published, _ = cell("cifar100", tmp_path / "nowhere")
    mine, notes = cell("cifar100", tmp_path, notes=3)
    assert published.dataset.content is None
    assert all("the published file has another MD5 sum" in note for note in notes)
    made.cifar100(tmp_path, train=201)
    other, _ = cell("cifar100", tmp_path, notes=3)
    assert len({each.identity for each in (published, mine, other)}) == 3


def test_the_published_files_count_by_their_name(cifar100, monkeypatch):
    root, _ = cifar100
    sums = module("cifar100").PUBLISHED.sums
    for path in sums:
        monkeypatch.setitem(sums, path, hashlib.md5((root / path).read_bytes()).hexdigest())
    assert cell("cifar100", root)[0] == cell("cifar100", root / "nowhere")[0]


def test_fine_and_coarse_labels_are_other_runs(cifar100):
    fine, coarse = (cell("cifar100", cifar100[0], notes=3, labels=labels)[0] for labels in ("fine", "coarse"))
    assert fine.identity != coarse.identity


def svhn(root, labels=None, **changes):
    for seed, part in enumerate(("train", "test")):
        images, given = made.pixels(seed, 32, 32, 3, 30), np.arange(30)[:, None] % 10 + 1
        content = {"X": images, "y": (given if labels is None else labels).astype(np.uint8)} | changes
        savemat(root / f"{part}_32x32.mat", content)
    return root


def test_svhn_is_read_as_torchvision_reads_it(tmp_path, monkeypatch):
    svhn(tmp_path)
    monkeypatch.setattr(SVHN, "_check_integrity", lambda self: True)
    data = opened("svhn", tmp_path)
    for part in ("train", "test"):
        theirs, ours = SVHN(tmp_path, part), getattr(data, part)
        np.testing.assert_array_equal(ours.images.numpy(), theirs.data)
        assert ours.labels.tolist() == theirs.labels.tolist()
    assert data.train.labels.tolist()[:11] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert data.class_names == tuple("0123456789")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": np.full((30, 1), 11)}, "a label is 11, must be 1 to 10"),
        ({"labels": np.full((30, 1), 0)}, "a label is 0, must be 1 to 10"),
        ({"labels": np.ones((29, 1))}, "y must be 30 whole numbers"),
        ({"X": np.zeros((32, 32, 1, 30), dtype=np.uint8)}, "X must be uint8 (32, 32, 3, N)"),
        ({"X": np.zeros((32, 32, 3, 30))}, "X must be uint8 (32, 32, 3, N)"),
    ],
)
def test_a_fault_of_svhn_is_one_line_that_names_the_file(tmp_path, changes, said):
    svhn(tmp_path, **changes)
    told = refusal("svhn", tmp_path)
    assert f"{tmp_path / 'train_32x32.mat'} is damaged (" in told
    assert said in told


@pytest.mark.parametrize("cut", [0, 100, 5000])
def test_a_truncated_file_of_svhn_is_named(tmp_path, cut):
    path = svhn(tmp_path) / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:cut])
    assert f"{path} is damaged (" in refusal("svhn", tmp_path)


def written_idx(folder, parts, first_label=0, classes=10):
    found = []
    for seed, (name, size) in enumerate(parts.items()):
        images, labels = np.zeros((size, 28, 28), dtype=np.uint8), np.arange(size) % classes + first_label
        images[:50] = made.pixels(seed, 50, 28, 28)
        made.idx(folder / f"{name}-images-idx3-ubyte", images)
        made.idx(folder / f"{name}-labels-idx1-ubyte", labels)
        found.append((images, labels))
    return found


def test_kmnist_has_its_pixels_labels_and_names(tmp_path):
    parts = written_idx(tmp_path / "KMNIST" / "raw", {"train": 60_000, "t10k": 10_000})
    data = opened("kmnist", tmp_path)
    for split, (images, labels) in zip((data.train, data.test), parts, strict=True):
        np.testing.assert_array_equal(split.images[:, 0].numpy(), images)
        np.testing.assert_array_equal(split.labels.numpy(), labels)
    assert data.class_names == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


@pytest.fixture
def small(monkeypatch):
    """EMNIST's selections with few images."""
    sizes = module("emnist").SIZES
    for split in sizes:
        monkeypatch.setitem(sizes, split, (260, 104))


def emnist(root, split="letters"):
    classes, sizes = EMNIST_SIZES[split][0], (260, 104)
    parts = {f"emnist-{split}-{part}": size for part, size in zip(("train", "test"), sizes, strict=True)}
    return written_idx(root / "EMNIST" / "raw", parts, 1 if split == "letters" else 0, classes)


def test_emnists_images_are_upright_its_letters_count_from_0_and_its_scale_is_its_own(tmp_path, small):
    parts = emnist(tmp_path)
    data = opened("emnist", tmp_path, split="letters")
    for split, (images, labels) in zip((data.train, data.test), parts, strict=True):
        np.testing.assert_array_equal(split.images[:, 0].numpy(), images.transpose(0, 2, 1))
        np.testing.assert_array_equal(split.labels.numpy(), labels - 1)
    assert data.class_names == tuple("abcdefghijklmnopqrstuvwxyz")
    (view,) = data.evaluate(data.train.images)
    assert (view.double().mean().item(), view.double().std().item()) == pytest.approx((0, 1), abs=1e-4)


def test_emnists_selections_are_torchvisions():
    source = Registry().find("datasets", "emnist").load()
    for split in EMNIST.splits:
        names = source(split=split)._files().class_names
        assert list(names) == [name for name in EMNIST.classes_split_dict[split] if name != "N/A"]
    for split, (classes, *sizes) in EMNIST_SIZES.items():
        files = source(split=split)._files()
        assert (len(files.class_names), *files.sizes) == (classes, *sizes)


def test_a_fault_of_emnist_is_one_line(tmp_path, small):
    emnist(tmp_path, "mnist")
    folder = tmp_path / "EMNIST" / "raw"
    made.idx(folder / "emnist-mnist-test-labels-idx1-ubyte", np.full(104, 10))
    assert f"{folder}: mnist has labels from 10 to 10, must be 10 classes" in refusal(
        "emnist", tmp_path, split="mnist"
    )
    path = folder / "emnist-mnist-train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:1000])
    assert f"a file in {folder} is damaged" in refusal("emnist", tmp_path, split="mnist")
