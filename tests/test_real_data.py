"""Real MNIST, CIFAR-10 and FER2013, through the loaders that users get; skipped where the files are absent."""

import os
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
from harness import bench

from bench.data import load
from bench.registry import Registry
from bench.spec import Choice

ROOT = Path(os.environ.get("BENCH_DATA") or "data")
FILES = {
    "mnist": ROOT / "MNIST" / "raw",
    "cifar10": ROOT / "cifar-10-batches-py",
    "fer2013": ROOT / "fer2013" / "train",
}
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


def needs(name: str):
    return pytest.mark.skipif(not FILES[name].is_dir(), reason=f"{name} is not at hand: set BENCH_DATA")


NAMES = [pytest.param(name, marks=needs(name)) for name in SHAPES]


@cache
def real(name: str, **options: str):
    return load(Choice(name=name, hyperparameters=options, source=""), Registry(), ROOT, False)


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
