"""CIFAR-10N's file, read without running what it says; a stand-in of a few labels."""

import os
import pickle
import zipfile

import numpy as np
import pytest

from bench.errors import DataError
from bench.plugins.registry import Registry

TRUE = np.arange(30) % 10
KEYS = ["aggre_label", "worse_label", "random_label1", "random_label2", "random_label3"]
ARRAYS = {"clean_label": TRUE} | {key: (TRUE + shift) % 10 for shift, key in enumerate(KEYS)}


@pytest.fixture(scope="module")
def cifar10():
    return Registry().find("datasets", "cifar10").load()


def write(path, content):
    """Write a torch archive whose pickle has module names of numpy 1, as the published file has."""
    pickled = pickle.dumps(content, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
    return path


def test_the_five_label_sets_are_read_by_their_names(tmp_path, cifar10):
    found = cifar10._label_sets(write(tmp_path / "CIFAR-10_human.pt", ARRAYS), TRUE)
    assert list(found) == ["aggre", "worse", "random1", "random2", "random3"]
    for labels, key in zip(found.values(), KEYS, strict=True):
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, ARRAYS[key])


def test_a_file_that_is_not_here_is_named_with_where_it_comes_from(tmp_path, cifar10):
    absent = cifar10._label_sets(tmp_path / "CIFAR-10_human.pt", TRUE)
    assert isinstance(absent, DataError)
    assert str(absent).startswith(f"cifar10: human noise needs {tmp_path}/CIFAR-10_human.pt, which is not there; ")
    assert str(absent).endswith("https://github.com/UCSC-REAL/cifar-10-100n")


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_file_that_says_to_run_something_is_refused_and_runs_nothing(tmp_path, cifar10):
    target = tmp_path / "made"
    path = write(tmp_path / "CIFAR-10_human.pt", ARRAYS | {"worse_label": Harmful(target)})
    refused = cifar10._label_sets(path, TRUE)
    assert isinstance(refused, DataError)
    assert not target.exists()
    pickle.loads(pickle.dumps(Harmful(target)))  # it would have
    assert target.is_dir()


@pytest.mark.parametrize(
    "content",
    [
        ARRAYS | {"clean_label": TRUE[::-1].copy()},
        ARRAYS | {"clean_label": TRUE[:20]},
        {key: ARRAYS[key] for key in KEYS},
        {"clean_label": TRUE},
        [1, 2],
    ],
)
def test_a_file_of_something_else_is_refused_in_one_line(tmp_path, cifar10, content):
    refused = cifar10._label_sets(write(tmp_path / "CIFAR-10_human.pt", content), TRUE)
    assert isinstance(refused, DataError)
    assert "is damaged or not CIFAR-10N's (" in str(refused)
    assert "\n" not in str(refused)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path, cifar10, content):
    path = tmp_path / "CIFAR-10_human.pt"
    path.write_bytes(content)
    refused = cifar10._label_sets(path, TRUE)
    assert isinstance(refused, DataError)
    assert "\n" not in str(refused)
