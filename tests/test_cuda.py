"""The same code on a GPU; skipped where there is none."""

from functools import partial

import numpy as np
import pytest
import torch
from harness import run, spec

from bench.data.augment import Transforms
from bench.data.images import MappedImages, part, reading
from bench.nets.backbones import make_backbone
from bench.plugins.method import Task
from bench.plugins.registry import Registry
from bench.recipe import Recipe, Relabel
from bench.store.store import Store
from bench.training.loop import Trainer, TrainingSet
from bench.training.relabelling import TrainingLabels
from bench.training.tracker import Tracker

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
SIX = ["baseline", "scn", "dul", "rul", "mix-output", "loss-attention"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", SIX)
def test_every_method_learns_digits_on_the_gpu(tmp_path, method, precision):
    settings = {
        "methods": [method],
        "datasets": ["digits"],
        "noise": [0.1],
        "device": "cuda",
        "precision": precision,
    }
    (report,) = run(tmp_path, **settings)
    assert report.status == "done", report.detail
    record = Store(tmp_path).read(spec(**settings))
    assert record.metrics.accuracy > 0.9
    assert record.cost.peak_memory_bytes > 0


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize(
    ("name", "hyperparameters"),
    [*((name, {}) for name in SIX), ("rul", {"pairing": "different-label"})],
)
def test_no_step_of_an_epoch_waits_for_the_gpu(name, hyperparameters, monkeypatch):
    """Only the epoch's log does, at its end; the first batch sets the whitening filters."""
    recipe = Recipe(epochs=2, batch_size=64, backbone="airbench94", cutout=8, schedule="linear", relabel_from=1)
    shape = (3, 32, 32)
    images = torch.randint(0, 256, (256, *shape), dtype=torch.uint8, device="cuda")
    labels = torch.randint(0, 10, (256,), device="cuda")
    transforms = Transforms([0.5] * 3, [0.25] * 3, padding=4, flip=True)
    make = partial(make_backbone, recipe.backbone, shape, torch.bfloat16)
    method = (
        Registry().find("methods", name).load()(Task(10, shape, 256, 2, None), make, **hyperparameters).to("cuda")
    )
    data = TrainingSet(images, TrainingLabels.start(labels, labels), transforms.augment)
    trainer = Trainer(method, data, recipe, Relabel(), 0, 10)
    trainer.epoch(1)
    read = Tracker.read

    def at_the_end(tracker):
        torch.cuda.set_sync_debug_mode("default")
        return read(tracker)

    monkeypatch.setattr(Tracker, "read", at_the_end)
    try:
        torch.cuda.set_sync_debug_mode("error")
        trainer.epoch(2)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.fixture
def file(tmp_path):
    """Images in a file, and the same as an array."""
    array = np.random.default_rng(0).integers(0, 256, (2500, 3, 5, 4), dtype=np.uint8)
    np.save(tmp_path / "images.npy", array)
    return MappedImages.open(tmp_path / "images.npy"), array


def test_images_of_a_file_move_to_the_gpu_where_there_is_room(file):
    mapped, array = file
    moved = mapped.to("cuda")
    assert isinstance(moved, torch.Tensor)
    assert moved.device.type == "cuda"
    np.testing.assert_array_equal(moved.cpu(), array)


def test_images_of_a_file_are_streamed_to_the_gpu_where_there_is_none(file, monkeypatch):
    mapped, array = file
    monkeypatch.setattr("bench.data.images.GPU_SHARE", 0)
    streamed = mapped.to("cuda")
    assert isinstance(streamed, MappedImages)
    places = np.random.default_rng(1).permutation(2500)[:1000]
    order = torch.randperm(1000, device="cuda").split(64)
    with reading(part(streamed, places), order) as batches:
        for index, images in batches:
            assert images.device.type == "cuda"
            np.testing.assert_array_equal(images.cpu(), array[places[index.cpu()]])
