"""The same code on a GPU; skipped where there is none."""

import numpy as np
import pytest
import torch
from harness import run, spec

from bench.images import MappedImages, part, reading
from bench.store import Store

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
    record = Store(tmp_path).read(Store(tmp_path).path(spec(**settings)))
    assert record.metrics["accuracy"] > 0.9
    assert record.cost["peak_memory_bytes"] > 0


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
    monkeypatch.setattr("bench.images.GPU_SHARE", 0)
    streamed = mapped.to("cuda")
    assert isinstance(streamed, MappedImages)
    places = np.random.default_rng(1).permutation(2500)[:1000]
    order = torch.randperm(1000, device="cuda").split(64)
    with reading(part(streamed, places), order) as batches:
        for index, images in batches:
            assert images.device.type == "cuda"
            np.testing.assert_array_equal(images.cpu(), array[places[index.cpu()]])
