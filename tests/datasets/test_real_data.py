"""Real MNIST, CIFAR-10 and FER2013 through their loaders; skipped if the files are missing."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from harness import bench

from bench.evaluation.human_disagreement import entropy_of_counts
from bench.execution.runner import prepare
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.spec import Choice
from bench.validation import validated

ROOT = Path(os.environ.get("BENCH_DATA") or "data")
FILES = {
    "mnist": ROOT / "MNIST" / "raw",
    "cifar10": ROOT / "cifar-10-batches-py",
    "fer2013": ROOT / "fer2013" / "train",
    "cifar10n": ROOT / "cifar-10n",
    "cifar10h": ROOT / "cifar-10h",
}
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


def needs(name: str):
    return pytest.mark.skipif(not FILES[name].is_dir(), reason=f"{name} is not at hand: set BENCH_DATA")


NAMES = [pytest.param(name, marks=needs(name)) for name in SHAPES]


@cache
def real(name: str, **options: str):
    return load(Choice(name=name, hyperparameters=options, version=""), Registry(), ROOT, False)


@pytest.mark.parametrize("name", NAMES)
def test_sizes_classes_and_types(name):
    data = real(name)
    assert tuple(data.train.images.shape[1:]) == SHAPES[name]
    assert (len(data.train.labels), len(data.test.labels)) == ({"mnist": 60_000, "cifar10": 50_000}[name], 10_000)
    assert data.train.images.dtype == torch.uint8
    assert len(data.class_names) == 10
    assert data.test.labels.bincount().min() > 800


@pytest.mark.parametrize("name", NAMES)
def test_normalisation_is_that_of_the_training_images(name):
    data = real(name)
    (view,) = data.evaluate(data.train.images[:10_000])
    assert view.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0] * view.shape[1], abs=0.02)
    assert view.std(dim=(0, 2, 3)).tolist() == pytest.approx([1] * view.shape[1], abs=0.02)


@needs("mnist")
def test_mnist_starts_with_a_five():
    data = real("mnist")
    assert data.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test.labels[:3].tolist() == [7, 2, 1]


@needs("cifar10")
def test_cifar10_starts_with_a_frog_that_is_the_right_way_up():
    data = real("cifar10")
    assert [data.class_names[k] for k in data.train.labels[:3].tolist()] == ["frog", "truck", "truck"]
    assert data.train.images[0, :, 0, 0].tolist() == [59, 62, 63]
    assert data.train.images[0, :, 0, 1].tolist() == [43, 46, 45]


@pytest.mark.parametrize("name", NAMES)
def test_a_slice_of_the_real_thing_learns_through_the_command_line(name, tmp_path):
    settings = ["recipe.train_limit=2000", "recipe.backbone=cnn-16-32-64", "recipe.learning_rate=0.05"]
    done = bench(
        *("run", "--datasets", name, "--methods", "baseline,rul", "--noise", "0.2", "--epochs", "2"),
        *(part for setting in settings for part in ("--set", setting)),
        *("--data-root", str(ROOT), "--results", str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    runs = pd.read_csv(tmp_path / "report" / "runs.csv")
    assert (runs["flips"] == 400).all()
    assert runs["accuracy"].min() > {"mnist": 0.6, "cifar10": 0.2}[name]


@cache
def prepared(noise: str, dataset: str = "cifar10"):
    """The training set of a real data set with some noise, as a run has it."""
    content = {"methods": ["baseline"], "datasets": [dataset], "noise": [noise], "device": "cpu"}
    (cell,) = cells(validated(Request, content, "option"), Registry(), Path("data"))
    return prepare(cell, real(dataset))


@needs("cifar10")
@needs("cifar10n")
@pytest.mark.parametrize(
    ("label_set", "published"),
    [("aggre", 9.03), ("random1", 17.23), ("random2", 18.12), ("random3", 17.64), ("worse", 40.21)],
)
def test_cifar10ns_labels_are_as_wrong_as_published(label_set, published):
    told = prepared(f"human:{label_set}").manifest
    assert told.samples == 50_000
    assert 100 * told.realised_rate == pytest.approx(published, abs=0.03)  # aggre: 9.01 in the file


@needs("cifar10")
@needs("cifar10n")
def test_people_take_cats_for_dogs():
    counts = np.array(prepared("human:worse").manifest.transitions)
    np.fill_diagonal(counts, 0)
    names = real("cifar10").class_names
    assert (names[counts[names.index("cat")].argmax()], names[counts[names.index("truck")].argmax()]) == (
        "dog",
        "automobile",
    )


@needs("cifar10")
@needs("cifar10h")
def test_cifar10hs_people_agree_with_the_label_nearly_always():
    data = real("cifar10")
    counts = data.test.extra["human-counts"]
    assert counts.shape == (10_000, 10)
    assert (counts.sum(axis=1).min(), counts.sum(axis=1).max()) == (47, 63)
    assert (counts.argmax(axis=1) == data.test.labels.numpy()).mean() == pytest.approx(0.9921, abs=1e-4)
    assert entropy_of_counts(counts).mean() == pytest.approx(0.154, abs=1e-3)


ALIKE = {
    "mnist": {(2, 7), (3, 8), (5, 6), (6, 5), (7, 1)},
    "cifar10": {
        ("truck", "automobile"),
        ("bird", "airplane"),
        ("deer", "horse"),
        ("cat", "dog"),
        ("dog", "cat"),
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_asymmetric_noise_exchanges_the_classes_that_the_field_does(name):
    names = [int(text[0]) if name == "mnist" else text for text in real(name).class_names]
    counts = np.array(prepared("asymmetric:0.4", name).manifest.transitions)
    moved = {(names[row], names[column]) for row, column in np.argwhere(counts) if row != column}
    assert moved == ALIKE[name]
    share = 1 - counts.diagonal() / counts.sum(axis=1)
    assert share[[names.index(origin) for origin, _ in moved]] == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_instance_dependent_noise_has_about_the_rate_in_every_class(name):
    counts = np.array(prepared("instance-dependent:0.3", name).manifest.transitions)
    assert 1 - counts.diagonal() / counts.sum(axis=1) == pytest.approx(0.3, abs=0.035)
    others = np.sort(counts - np.diag(counts.diagonal()), axis=1)
    assert (others[:, -1] > 2 * others[:, 1:].mean(axis=1)).all()  # no class moves evenly: pixels say where to


@needs("fer2013")
def test_fer2013_has_its_sizes_and_seven_uneven_classes():
    data = real("fer2013")
    assert data.train.images.shape == (28_709, 1, 48, 48)
    assert data.test.images.shape == (3_589, 1, 48, 48)
    counts = dict(zip(data.class_names, data.train.labels.bincount().tolist(), strict=True))
    assert counts == {
        "angry": 3995,
        "disgust": 436,
        "fear": 4097,
        "happy": 7215,
        "sad": 4830,
        "surprise": 3171,
        "neutral": 4965,
    }
    assert data.test.labels.bincount().tolist() == [491, 55, 528, 879, 594, 416, 626]


@needs("fer2013")
def test_fer2013s_normalisation_is_that_of_its_training_images():
    data = real("fer2013")
    pixels = data.train.images.double() / 255
    assert (pixels.mean().item(), pixels.std().item()) == pytest.approx((0.514, 0.307), abs=5e-4)
    view = data.evaluate(data.train.images[::20])[0]
    assert view.shape[1:] == (1, 44, 44)
    assert view.mean().item() == pytest.approx(0, abs=0.05)
    assert view.std().item() == pytest.approx(1, abs=0.05)
