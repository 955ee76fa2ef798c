"""The same code on a GPU; skipped where there is none."""

import pytest
import torch
from harness import run, spec

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
